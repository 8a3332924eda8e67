"""What is in reach when time runs short: nothing is created, nothing lost that need not be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from designbook.method.clock import failure_kept, in_order, in_reach

MINUTES = st.floats(-10, 60)
PLANNED = st.floats(1, 30)
POINTS = st.floats(1, 50)


def test_points_by_hand() -> None:
    assert in_reach(3, 6, 20) == 10
    assert in_reach(9, 6, 20) == 20
    assert in_reach(-1, 6, 20) == 0
    assert in_order(12, 12, 6, 20, 20) == 20
    assert failure_kept(12, 12, 6, 20, 20) == pytest.approx(20 + 10)


@given(MINUTES, PLANNED, PLANNED, POINTS, POINTS)
def test_no_order_gives_more_than_all_and_enough_time_gives_all(
    left: float, dive: float, failure: float, dive_points: float, failure_points: float
) -> None:
    for way in (in_order, failure_kept):
        points = way(left, dive, failure, dive_points, failure_points)
        assert 0 <= points <= dive_points + failure_points
        if left >= dive + failure:
            assert points == dive_points + failure_points
        assert points <= way(left + 1, dive, failure, dive_points, failure_points) + 1e-9


@given(MINUTES, PLANNED, PLANNED, POINTS, POINTS)
def test_the_phase_whose_minutes_are_worth_more_is_the_one_to_keep(
    left: float, dive: float, failure: float, dive_points: float, failure_points: float
) -> None:
    kept = failure_kept(left, dive, failure, dive_points, failure_points)
    ordered = in_order(left, dive, failure, dive_points, failure_points)
    if failure_points / failure >= dive_points / dive:
        assert kept >= ordered - 1e-9
    else:
        assert kept <= ordered + 1e-9
