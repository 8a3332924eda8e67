"""Bloom filter: no false negative, false positives as the theory says, and batches that equal the loop bit by bit."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from designbook.blocks.bloom import BloomFilter
from designbook.blocks.hashing import blake64, splitmix64

keys = st.lists(st.one_of(st.text(max_size=8), st.binary(max_size=8), st.integers(-(2**70), 2**70)), max_size=60)
shapes = st.tuples(st.integers(1, 3000), st.integers(1, 9))


@given(shapes, keys)
def test_what_was_added_is_found(shape, keys):
    bloom = BloomFilter(*shape)
    for key in keys:
        bloom.add(key)
    assert all(key in bloom for key in keys)


@given(shapes, keys, keys)
def test_a_batch_sets_and_finds_the_same_bits_as_the_loop(shape, keys, others):
    loop, batch = BloomFilter(*shape), BloomFilter(*shape)
    for key in keys:
        loop.add(key)
    batch.add_many(keys)
    assert loop._bytes == batch._bytes
    assert batch.contains_many(others).tolist() == [key in loop for key in others]


@given(
    st.sampled_from([np.uint64, np.int64, np.int32, np.uint8]), st.lists(st.integers(-(2**63), 2**64 - 1), max_size=50)
)
def test_an_array_of_integers_is_what_its_elements_are(dtype, numbers):
    array = np.array([number % 2**64 for number in numbers], np.uint64).astype(dtype)
    loop, batch = BloomFilter(999, 4), BloomFilter(999, 4)
    for number in array.tolist():
        loop.add(number)
    batch.add_many(array)
    assert loop._bytes == batch._bytes
    assert batch.contains_many(array).all()


def test_a_batch_larger_than_a_block_is_added_whole():
    bloom = BloomFilter.for_items(100_000, 0.01)
    numbers = np.arange(100_000)
    bloom.add_many(numbers)
    assert bloom.contains_many(numbers).all()
    assert all(number in bloom for number in range(0, 100_000, 997))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", ["integers in a row", "random integers", "texts"])
@pytest.mark.parametrize(("items", "rate"), [(1_000, 0.1), (20_000, 0.01), (20_000, 0.001)])
def test_false_positives_come_as_often_as_the_theory_says(items, rate, kind, seed):
    bloom = BloomFilter.for_items(items, rate)
    asked = 60_000 if kind == "texts" else 1_000_000
    if kind == "integers in a row":
        keys = np.arange(items + asked) + seed * 10**9
    elif kind == "random integers":
        keys = np.random.default_rng(seed).integers(0, 2**63, items + asked)
    else:
        keys = [f"{seed}:{number}" for number in range(items + asked)]
    bloom.add_many(keys[:items])
    found = bloom.contains_many(keys[items:]).mean()
    theory = bloom.false_positive_rate(items)
    # The sample's own error, and that of the fill, which differs from filter to filter: k times its relative
    # deviation, about 1/sqrt(m) at one half. Four standard errors, and 2 % for two hashes in place of k.
    deviation = (theory * (1 - theory) / asked + (theory * bloom.hashes) ** 2 / bloom.bits) ** 0.5
    assert abs(found - theory) < 4 * deviation + 0.02 * theory
    assert theory == pytest.approx(rate, rel=0.05)


def test_a_filter_sized_for_its_items_is_half_full():
    bloom = BloomFilter.for_items(50_000, 0.01)
    bloom.add_many(np.arange(50_000))
    assert bloom.fill() == pytest.approx(0.5, abs=0.02)
    assert (bloom.bits, bloom.hashes) == (479_253, 7)


@given(shapes, keys, keys)
def test_a_merged_filter_is_the_filter_of_both(shape, ours, theirs):
    one, other, both = (BloomFilter(*shape) for _ in range(3))
    one.add_many(ours)
    other.add_many(theirs)
    both.add_many(ours + theirs)
    one.merge(other)
    assert one._bytes == both._bytes


def test_filters_of_different_make_do_not_merge():
    with pytest.raises(ValueError, match="made alike"):
        BloomFilter(10, 2).merge(BloomFilter(11, 2))


@pytest.mark.parametrize("shape", [(0, 1), (2**32 + 1, 1), (10, 0)])
def test_a_filter_without_bits_or_hashes_is_refused(shape):
    with pytest.raises(ValueError, match="not"):
        BloomFilter(*shape)


@pytest.mark.parametrize(("items", "rate"), [(0, 0.1), (10, 0.0), (10, 1.0)])
def test_a_filter_for_nothing_or_for_an_impossible_rate_is_refused(items, rate):
    with pytest.raises(ValueError, match="between 0 and 1"):
        BloomFilter.for_items(items, rate)


def test_a_float_is_no_key():
    for call in (lambda: BloomFilter(10, 1).add(1.5), lambda: BloomFilter(10, 1).add_many(np.array([1.5]))):
        with pytest.raises(TypeError):
            call()


def test_the_filter_runs_without_numpy():
    code = (
        "import sys; sys.modules['numpy'] = None\n"
        "from designbook.blocks.bloom import BloomFilter\n"
        "bloom = BloomFilter.for_items(100, 0.01); bloom.add('a'); bloom.add(7)\n"
        "assert 'a' in bloom and 7 in bloom and 'b' not in bloom and 0 < bloom.fill() < 1"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# -- the hashes beneath


def test_hashes_are_those_of_their_published_vectors():
    # SplitMix64 from the seed 1234567 (Rosetta Code's test values); BLAKE2b("abc") of RFC 7693, appendix A.
    state, golden = 1234567, 0x9E3779B97F4A7C15
    assert [splitmix64(state + golden * n) for n in range(3)] == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
    ]
    assert blake64("abc") == blake64(b"abc") == 0xBA80A53F981C4D0D


@given(st.lists(st.integers(0, 2**64 - 1), min_size=1))
def test_splitmix_of_an_array_is_that_of_its_elements(numbers):
    assert splitmix64(np.array(numbers, np.uint64)).tolist() == list(map(splitmix64, numbers))


def test_the_hash_of_a_text_is_the_same_in_another_process():
    code = "from designbook.blocks.hashing import blake64; print(blake64('user:1'))"
    there = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert int(there.stdout) == blake64("user:1")
