import math
from fractions import Fraction
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from designbook.simulation.birthday import collision_probability, expected_collisions, items_for


def test_23_people_share_a_birthday_more_often_than_not():
    assert collision_probability(22, 365) < 0.5 < collision_probability(23, 365)


@given(items=st.integers(0, 400), slots=st.integers(1, 10**9))
def test_expected_collisions_equal_the_exact_rational_formula(items, slots):
    exact = items - slots * (1 - (1 - Fraction(1, slots)) ** items)
    assert expected_collisions(items, slots) == pytest.approx(float(exact), rel=1e-6, abs=1e-12)


@pytest.mark.parametrize("slots", [62**5, 62**7, 62**11])
def test_the_series_and_the_closed_form_meet_where_one_takes_over(slots):
    edge = int(slots * 1e-4)
    assert expected_collisions(edge - 1, slots) == pytest.approx(expected_collisions(edge + 1, slots), rel=1e-4)


def test_drawn_codes_collide_as_often_as_expected():
    items, slots, runs = 2_000, 100_000, 200
    rng = Random(5)
    lost = [items - len({rng.randrange(slots) for _ in range(items)}) for _ in range(runs)]
    expected = expected_collisions(items, slots)
    # the number of collisions is nearly Poisson, so the mean of the runs has the error sqrt(expected / runs)
    assert abs(sum(lost) / runs - expected) < 4 * math.sqrt(expected / runs)


@given(probability=st.floats(0.01, 0.99), slots=st.integers(10**6, 10**9))
def test_items_for_a_probability_give_that_probability(probability, slots):
    assert collision_probability(round(items_for(probability, slots)), slots) == pytest.approx(probability, abs=0.01)


def test_beyond_a_million_items_the_closed_form_goes_on_where_the_product_ends():
    for slots in (62**7, 62**8, 10**10):
        below, above = collision_probability(999_999, slots), collision_probability(1_000_001, slots)
        assert above == pytest.approx(below, rel=1e-4)


@pytest.mark.parametrize(("items", "slots"), [(-1, 10), (1, 0)])
def test_impossible_questions_are_refused_by_name(items, slots):
    with pytest.raises(ValueError, match=f"not {items} items in {slots} slots"):
        expected_collisions(items, slots)
