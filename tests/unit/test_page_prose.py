"""Numbers in prose: what a phrase promises, and that a drifted value fails."""

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from designbook.page import says, says_in
from designbook.page.prose import numbers
from designbook.quantities import to_base

MONTH = to_base(1, "month")


@pytest.mark.parametrize(
    ("phrase", "value"),
    [
        ("about 4 thousand redirects a second", 3_805.2),
        ("38/s", 38.03),
        ("3.8 k req/s", 3_805.2),
        ("45 TB", 45e12),
        ("500 bytes", 500),
        ("90 % of the clicks", 0.9),
        ("99.95 per cent", 0.9995),
        ("100 million links a month", 100e6 / MONTH),
        ("30,088 addresses", 30_088),
        ("$1,900 a month", 1_900 / MONTH),
        ("2.5 ms", 0.0025),
        ("kept for 5 years", to_base(5, "year")),
        ("7-character codes", 7),
        ("three servers", 3),
        ("a third of them", 1 / 3),
        ("5.1 × the mean", 5.1),
        ("ends in 2.", 2),
        ("−4 %", -0.04),
    ],
)
def test_a_phrase_holds_for_its_value_and_not_for_one_a_fifth_away(phrase: str, value: float) -> None:
    says(phrase, value)
    for wrong in (value * 1.6, value / 1.6, -value, math.nan):
        with pytest.raises(AssertionError, match="allows"):
            says(phrase, wrong)


@given(st.floats(0.001, 999.4), st.sampled_from(["", " k", " million", " TB", " ms", " %"]))
def test_a_number_written_to_three_digits_holds_for_what_it_was_rounded_from(value: float, unit: str) -> None:
    written = f"{float(f'{value:.3g}'):f}".rstrip("0").rstrip(".")
    factor = numbers(f"1{unit}")[0].value
    says(f"about {written}{unit} of it", value * factor)


@pytest.mark.parametrize(
    ("phrase", "low", "high"),
    [("4 thousand", 3_500, 4_500), ("100 million", 95e6, 105e6), ("40,000", 39_500, 40_500), ("3.80", 3.795, 3.805)],
)
def test_a_phrase_promises_the_digits_that_it_gives(phrase: str, low: float, high: float) -> None:
    for inside in (low, high):
        says(phrase, inside)
    for outside in (low * 0.999, high * 1.001):
        with pytest.raises(AssertionError):
            says(phrase, outside)


def test_the_error_names_the_phrase_the_value_and_what_was_expected() -> None:
    with pytest.raises(AssertionError, match=r"about 4 thousand redirects.*5805.*3500 to 4500"):
        says("about 4 thousand redirects a second", 5_805)


def test_each_number_has_its_value_and_words_count_only_if_digits_do_not_suffice() -> None:
    says("two of 7 nodes", 7)
    says("two of 7 nodes", 2, 7)
    with pytest.raises(AssertionError, match="3 values"):
        says("two of 7 nodes", 2, 7, 1)
    with pytest.raises(AssertionError, match="1 values"):
        says("many nodes", 7)


def cells(*sources: str) -> str:
    kinds = [("code" if text.startswith("says") else "markdown", text) for text in sources]
    return json.dumps(
        {"cells": [{"cell_type": kind, "source": text.splitlines(keepends=True)} for kind, text in kinds]}
    )


def test_a_phrase_must_stand_in_the_paragraph_before_or_after(tmp_path: Path) -> None:
    notebook = tmp_path / "a.ipynb"
    notebook.write_text(cells("**3 TB**\nin five years, for \\$70.", 'says("3 TB in five years, for $70", x)', "Next."))
    assert says_in(notebook) == []
    notebook.write_text(cells("It takes 3 TB.", "Between.", 'says("3 TB", x)', 'says(f"{x} TB", x)', "Next."))
    assert [problem.split(": ", 1)[1] for problem in says_in(notebook)] == [
        "'3 TB' is not in the paragraphs beside it",
        "the phrase of says() must be a plain string",
    ]
