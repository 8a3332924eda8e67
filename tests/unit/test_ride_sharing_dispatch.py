"""Matching: the batch is the best there is, held against every permutation, and never worse than nearest first."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import linear_sum_assignment

from designbook.blocks.geo_index import Near
from designbook.systems.ride_sharing.batching import in_a_batch
from designbook.systems.ride_sharing.dispatch import batched, nearest_first, shortlisted
from designbook.systems.ride_sharing.matching import in_turn
from designbook.systems.ride_sharing.trips import Place, Trip

shapes = st.tuples(st.integers(0, 6), st.integers(0, 9))
allowed = shapes.flatmap(lambda shape: arrays(np.float64, shape, elements=st.floats(0, 1_000)))
some_forbidden = shapes.flatmap(
    lambda shape: arrays(np.float64, shape, elements=st.one_of(st.floats(0, 1_000), st.just(np.inf)))
)


def total(seconds: np.ndarray, pairs: tuple[np.ndarray, np.ndarray]) -> float:
    return float(seconds[pairs].sum())


def best(seconds: np.ndarray) -> tuple[int, float]:
    """The most pairs, and the least total with as many: by trying all. A rider may stay without a driver."""
    riders, drivers = seconds.shape
    padded = np.hstack([seconds, np.full((riders, riders), np.inf)])
    found = []
    for choice in permutations(range(drivers + riders), riders):
        times = padded[range(riders), choice]
        kept = times[np.isfinite(times)]
        found.append((-len(kept), float(kept.sum())))
    most, least = min(found, default=(0, 0.0))
    return -most, least


@given(some_forbidden)
@pytest.mark.parametrize("match", [nearest_first, batched])
def test_nobody_is_paired_twice_and_no_pair_is_forbidden(match, seconds: np.ndarray) -> None:
    before = seconds.copy()
    riders, drivers = match(seconds)
    assert len(riders) == len(drivers) == len(set(drivers.tolist()))
    assert (np.diff(riders) > 0).all()
    assert np.isfinite(seconds[riders, drivers]).all()
    assert np.array_equal(seconds, before)


@given(some_forbidden)
@pytest.mark.parametrize("match", [nearest_first, batched])
def test_no_rider_and_driver_are_left_apart_who_could_be_a_pair(match, seconds: np.ndarray) -> None:
    riders, drivers = match(seconds)
    left = np.delete(np.delete(seconds, riders, axis=0), drivers, axis=1)
    assert not np.isfinite(left).any()


@given(allowed)
def test_the_batch_never_takes_longer_in_total_than_nearest_first(seconds: np.ndarray) -> None:
    greedy, best_of_all = nearest_first(seconds), batched(seconds)
    assert len(greedy[0]) == len(best_of_all[0]) == min(seconds.shape)
    assert total(seconds, best_of_all) <= total(seconds, greedy) + 1e-6


@given(some_forbidden)
def test_the_batch_serves_no_fewer_than_nearest_first_and_with_as_many_takes_no_longer(seconds: np.ndarray) -> None:
    greedy, best_of_all = nearest_first(seconds), batched(seconds)
    assert len(best_of_all[0]) >= len(greedy[0])
    if len(best_of_all[0]) == len(greedy[0]):
        assert total(seconds, best_of_all) <= total(seconds, greedy) + 1e-6


@given(
    st.tuples(st.integers(1, 3), st.integers(1, 5)).flatmap(
        lambda shape: arrays(np.float64, shape, elements=st.one_of(st.floats(0, 1_000), st.just(np.inf)))
    )
)
def test_the_batch_is_the_best_of_all_assignments(seconds: np.ndarray) -> None:
    pairs = batched(seconds)
    most, least = best(seconds)
    assert len(pairs[0]) == most
    assert total(seconds, pairs) == pytest.approx(least, abs=1e-6)


def test_nearest_first_loses_where_the_first_rider_takes_the_only_driver_near_the_second() -> None:
    seconds = np.array([[110.0, 100.0], [300.0, 90.0]])
    assert total(seconds, nearest_first(seconds)) == 400
    assert total(seconds, batched(seconds)) == 200


def test_the_batch_serves_a_rider_whom_nearest_first_leaves_standing() -> None:
    seconds = np.array([[100.0, 120.0], [90.0, np.inf]])
    assert len(nearest_first(seconds)[0]) == 1
    assert [part.tolist() for part in batched(seconds)] == [[0, 1], [1, 0]]


def test_a_shortlist_of_as_many_drivers_as_riders_loses_no_best_assignment() -> None:
    rng = np.random.default_rng(4)
    for _ in range(50):
        riders, drivers = rng.uniform(0, 1e4, (12, 2)), rng.uniform(0, 1e4, (400, 2))
        seconds = np.hypot(*(riders[:, None] - drivers[None]).transpose(2, 0, 1))
        short = shortlisted(seconds)
        assert (np.isfinite(short).sum(axis=1) == 12).all()
        assert (np.sort(seconds, axis=1)[:, :12] == np.sort(short, axis=1)[:, :12]).all()
        rows, columns = linear_sum_assignment(seconds)
        assert total(seconds, batched(seconds)) == pytest.approx(float(seconds[rows, columns].sum()))


HERE = Place(48.85, 2.35)


def asked_for(pair, metres: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The pairs of a round in which the trips, one a row, have the drivers at a finite distance, one a column."""
    waiting = [Trip(f"t{row}", f"r{row}", "paris", HERE, HERE, 900, 0.0) for row in range(len(metres))]

    def free(trip: Trip) -> list[Near]:
        row = metres[int(trip.id[1:])]
        return sorted(Near(float(row[driver]), f"d{driver}") for driver in np.flatnonzero(np.isfinite(row)))

    found = sorted((int(trip[1:]), int(driver[1:])) for trip, driver in pair(waiting, free).items())
    rows, columns = np.array(found, dtype=np.int64).reshape(-1, 2).T
    return rows, columns


@given(some_forbidden)
@pytest.mark.parametrize(("pair", "match"), [(in_turn, nearest_first), (in_a_batch, batched)])
def test_a_round_of_the_service_pairs_as_the_simulated_city_does(pair, match, metres: np.ndarray) -> None:
    ours, twin = asked_for(pair, metres), match(metres)
    assert len(ours[0]) == len(twin[0])
    assert len(set(ours[1].tolist())) == len(ours[1])
    assert total(metres, ours) == pytest.approx(total(metres, twin), abs=1e-6)


@pytest.mark.parametrize("match", [nearest_first, batched])
def test_a_time_that_cannot_be_is_refused(match) -> None:
    with pytest.raises(ValueError, match="-1"):
        match(np.array([[1.0, -1.0]]))
    with pytest.raises(ValueError, match="nan"):
        match(np.array([[np.nan, 1.0]]))
    with pytest.raises(ValueError, match="shape"):
        match(np.array([1.0]))
