"""Units keep apart what must not be mixed, and numbers are shown the way people say them."""

import json
import math
import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from designbook.quantities import (
    UnitError,
    base_unit,
    display,
    from_base,
    human,
    noun,
    registry,
    same_dimension,
    same_measure,
    to_base,
)

UNITS = ["byte", "bit/second", "request/second", "link/month", "USD/month", "percent", "", "times", "second", "year"]
sizes = st.floats(1e-18, 1e18) | st.sampled_from([0.9995, 0.99949, 999.4, 999.5, 999.999, 59.99, 60.0, 1000.0, 1e6])


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (3800, "request/second", "3.8 k req/s"),
        (4166.67, "request/second", "4.17 k req/s"),
        (45e12, "byte", "45 TB"),
        (42e9, "terabyte", "42 GB"),
        (500, "byte", "500 B"),
        (500, "byte/link", "500 B/link"),
        (7, "character", "7 characters"),
        (1, "character", "1 character"),
        (6, "server", "6 servers"),
        (2.5, "copy", "2.5 copies"),
        (to_base(1900, "USD/month"), "USD/month", "$ 1,900 / month"),
        (to_base(12.5, "USD"), "USD", "$ 12.50"),
        (0.4, "USD", "$ 0.40"),
        (99.999, "USD", "$ 100"),
        (1234567, "USD", "$ 1.23 M"),
        (to_base(0.023, "USD/gigabyte/month"), "USD/gigabyte/month", "$ 0.023 / GB / month"),
        (to_base(0.005, "USD/kilorequest"), "USD/kilorequest", "$ 0.005 / k requests"),
        (to_base(100e6, "link/month"), "link/month", "100 M links/month"),
        (2000, "request/second/server", "2 k req/s per server"),
        (250e-6, "second", "250 µs"),
        (0.0059, "millisecond", "5.9 ms"),
        (300, "second", "300 s"),
        (to_base(5, "year"), "year", "5 years"),
        (to_base(1, "year"), "year", "1 year"),
        (to_base(90, "day"), "day", "90 days"),
        (to_base(6, "month"), "month", "6 months"),
        (to_base(400, "day"), "hour", "1.1 years"),
        (12.5e6, "bit/second", "100 Mbit/s"),
        (to_base(9.59, "bit/key"), "bit/key", "9.59 bits/key"),
        (3, "times", "3 ×"),
        (0.9, "", "0.9"),
        (0.9995, "percent", "99.95 %"),
        (0.999995, "", "0.999995"),
        (62**7, "key", "3.52 tn keys"),
        (62**11, "", "5.2 × 10¹⁹"),
        (1e-6, "", "1 × 10⁻⁶"),
        (0, "request/second", "0 req/s"),
        (-3800, "request/second", "−3.8 k req/s"),
        (-5, "USD", "−$ 5"),
        (999.7, "request", "1 k requests"),
        (999_999, "request/second", "1 M req/s"),
        (999.9999e9, "byte", "1 TB"),
        (999.9e15, "byte", "1 EB"),
        (1e21, "byte", "1 × 10²¹ B"),
        (math.nan, "byte", "not a number"),
        (math.inf, "byte", "∞"),
        (-math.inf, "USD", "−$ ∞"),
        (5e-324, "", "0"),
    ],
)
def test_a_value_is_shown_as_people_say_it(value, unit, text):
    assert human(value, unit) == text


SCALES = {"": 1, "k": 1e3, "M": 1e6, "bn": 1e9, "tn": 1e12} | {f"{p}B": 1000.0**i for i, p in enumerate(" kMGTPE")}
SCALES |= {"B": 1, "ns": 1e-9, "µs": 1e-6, "ms": 1e-3, "s": 1, "min": 60, "h": 3600, "day": 86400, "days": 86400}
SCALES |= {"year": 31557600, "years": 31557600}
RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")


def read(text):
    """The number that a reader takes from the text."""
    match = re.fullmatch(r"([\d.,]+)(?: × 10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+))?(?: (\S+))?(?: (\S+))?", text)
    number = float(match[1].replace(",", "")) * 10.0 ** int((match[2] or "0").translate(RAISED))
    scale = SCALES[match[3] or ""]
    return number * scale * (SCALES[match[4]] if match[4] and match[4] != match[3] else 1)


@given(sizes, st.sampled_from(["", "byte", "second"]))
def test_what_is_shown_is_the_value_to_three_digits(value, unit):
    assert read(human(value, unit)) == pytest.approx(value, rel=0.0051)


@given(sizes, st.sampled_from(["", "byte", "request/second"]))
def test_no_text_has_more_than_three_digits_before_its_prefix(value, unit):
    assert not re.search(r"(?<![.\d])\d{4}|\d,\d", human(value, unit))


@given(sizes, sizes, st.sampled_from(["", "byte", "second"]))
def test_a_larger_value_is_never_shown_as_a_smaller_one(one, other, unit):
    low, high = sorted((one, other))
    assert read(human(low, unit)) <= read(human(high, unit)) * (1 + 1e-12)


@given(st.floats(-1e300, 1e300), st.sampled_from(UNITS))
def test_any_number_has_a_text_and_the_sign_stands_in_front(value, unit):
    text = human(value, unit)
    assert text == ("−" if value < 0 else "") + human(abs(value), unit)
    assert "nan" not in text
    assert "inf" not in text


@given(st.floats(1e-12, 1e12), st.sampled_from([*UNITS, "USD/gigabyte/month", "request/second/server", "millisecond"]))
def test_units_convert_there_and_back(value, unit):
    assert from_base(to_base(value, unit), unit) == pytest.approx(value, rel=1e-14)


def test_base_units_are_bytes_seconds_and_one_of_each():
    assert to_base(3, "terabyte") == 3e12
    assert to_base(100, "megabit/second") == 12.5e6
    assert to_base(1, "GiB") == 2**30
    assert to_base(1, "year") == 12 * to_base(1, "month") == 365.25 * 86400
    assert to_base(250, "microsecond") == 250 / 1e6
    assert from_base(to_base(100e6, "link/month"), "link/month") == pytest.approx(100e6, rel=1e-15)
    assert (to_base(5, ""), to_base(5, "percent"), to_base(5, "times")) == (5, 0.05, 5)
    assert base_unit("terabyte/month") == "byte / second"
    assert base_unit("") == ""


def test_what_is_counted_differs_in_dimension():
    nouns = [
        "request",
        "link",
        "user",
        "message",
        "server",
        "click",
        "key",
        "code",
        "event",
        "character",
        "node",
        "copy",
    ]
    units = [*nouns, "byte", "second", "USD", ""]
    assert [(a, b) for a in units for b in units if a < b and same_dimension(a, b)] == []
    assert same_dimension("bit", "terabyte")
    assert same_dimension("link/month", "link/second")
    with pytest.raises(Exception, match="Cannot convert"):
        registry.Quantity(1, "byte").to("link")


def test_two_rates_measure_the_same_whatever_they_count():
    assert same_measure("click/day", "request/second")
    assert same_measure("byte/link", "byte")
    assert not same_measure("click/day", "click")
    assert not same_measure("USD", "byte")


@pytest.mark.parametrize("unit", ["furlong", "byte/", "request//second", "link**0.5", "3 bytes", "(", "__import__"])
def test_an_unknown_unit_is_an_error_that_names_it(unit):
    with pytest.raises(UnitError, match=re.escape(repr(unit))):
        to_base(1, unit)


def test_a_noun_can_be_added_and_is_a_dimension_of_its_own():
    assert noun("trip") == "trip" == noun("trip")
    assert human(to_base(2, "kilotrip"), "trip") == "2 k trips"
    assert not same_dimension("trip", "link")
    assert noun("journey", "journeys")
    assert human(3, "journey") == "3 journeys"


@pytest.mark.parametrize("name", ["byte", "year", "two words", "", "kilolink"])
def test_a_noun_that_means_another_unit_is_refused(name):
    with pytest.raises(UnitError, match=repr(name)):
        noun(name)


@pytest.mark.parametrize("unit", UNITS)
def test_the_rules_of_display_survive_json(unit):
    rules = display(unit).as_json()
    assert json.loads(json.dumps(rules)) == {**rules, "steps": [list(step) for step in rules["steps"]]}
    assert [step[0] for step in rules["steps"]] == sorted({step[0] for step in rules["steps"]})


def test_pint_is_imported_only_when_a_unit_is_needed():
    code = "import sys, designbook.quantities, designbook.data; assert 'pint' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
