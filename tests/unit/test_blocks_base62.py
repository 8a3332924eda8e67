"""Base 62: a bijection between numbers and canonical codes, in the order of the numbers."""

import re

import base62 as pybase62
import pytest
from hypothesis import given
from hypothesis import strategies as st

from designbook.blocks.base62 import ALPHABET, decode, encode, encode_fixed, width_for

numbers = st.one_of(st.integers(0, 62**4), st.integers(0, 2**80))


@given(numbers)
def test_a_number_comes_back_from_its_code(number):
    assert decode(encode(number)) == number


@given(st.text(ALPHABET, min_size=1, max_size=20))
def test_a_code_without_leading_zeros_comes_back_from_its_number(code):
    assert encode(decode(code)) == (code.lstrip("0") or "0")


@given(numbers)
def test_codes_are_those_of_pybase62(number):
    assert encode(number) == pybase62.encode(number)


@given(st.integers(0, 62**7 - 1), st.integers(0, 62**7 - 1))
def test_codes_of_one_width_sort_as_their_numbers_do(a, b):
    assert (encode_fixed(a, 7) < encode_fixed(b, 7)) == (a < b)


@pytest.mark.parametrize("number", [0, 61, 62, 62**2 - 1, 62**2, 62**3 - 1, 62**3, 62**7 - 1, 62**7])
def test_codes_grow_by_a_character_at_each_power_of_62(number):
    assert len(encode(number)) == next(width for width in range(1, 20) if number < 62**width)


def test_a_fixed_code_refuses_a_number_that_needs_more_characters():
    assert encode_fixed(62**3 - 1, 3) == "zzz"
    with pytest.raises(ValueError, match="238328 needs 4 characters and does not fit into 3"):
        encode_fixed(62**3, 3)


@given(st.text(min_size=1).filter(lambda text: not set(text) <= set(ALPHABET)))
def test_a_foreign_character_is_named_with_its_place(text):
    place = next(place for place, character in enumerate(text) if character not in ALPHABET)
    with pytest.raises(ValueError, match=re.escape(f"{text[place]!r}, character {place + 1} of {text!r}")):
        decode(text)


def test_an_empty_code_and_a_negative_number_are_refused():
    with pytest.raises(ValueError, match="empty"):
        decode("")
    with pytest.raises(ValueError, match="-1"):
        encode(-1)


@given(st.integers(1, 2**70))
def test_the_width_is_the_smallest_that_holds_so_many_codes(count):
    width = width_for(count)
    assert 62 ** (width - 1) < count <= 62**width or count == width == 1
