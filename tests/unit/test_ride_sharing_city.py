"""The simulated day: nobody is lost, no driver is in two places, and it agrees with theory where there is one."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from designbook.blocks.sphere import distances
from designbook.simulation.queueing import erlang_b
from designbook.simulation.workloads import DAY, poisson_arrivals
from designbook.systems.ride_sharing.city import (
    CENTRE,
    HOUR,
    City,
    Outcome,
    Requests,
    Traffic,
    dispatch_day,
    places,
    to_degrees,
    to_metres,
)
from designbook.systems.ride_sharing.dispatch import Match, batched, nearest_first

PARIS = City(places())
POLICIES = pytest.mark.parametrize("match", [nearest_first, batched])


def rush(trips: float, seed: int) -> Requests:
    return PARIS.day(trips, np.random.default_rng(seed)).between(17 * HOUR, 18 * HOUR)


def run(match: Match, seed: int = 1, trips: float = 8_000, cars: int = 250, window: float = 10) -> Outcome:
    where = PARIS.cars(cars, np.random.default_rng(seed + 1))
    return dispatch_day(rush(trips, seed), where, match, window=window, radius=4_000)


@POLICIES
@pytest.mark.parametrize("seed", range(3))
def test_every_request_is_served_once_or_given_up(match: Match, seed: int) -> None:
    outcome = run(match, seed)
    assert (outcome.served == np.isfinite(outcome.matched)).all()
    assert (outcome.served == np.isfinite(outcome.pickup)).all()
    gave_up = ~outcome.served
    assert 0 < gave_up.sum() < len(outcome.requests)
    assert outcome.gave_up == pytest.approx(gave_up.mean())
    assert len(outcome.waits) == len(outcome.busy_seconds) == outcome.served.sum()


@POLICIES
@pytest.mark.parametrize("seed", range(3))
def test_nobody_is_served_before_they_ask_after_they_gave_up_or_from_beyond_the_radius(match: Match, seed: int) -> None:
    outcome = run(match, seed)
    requests, served = outcome.requests, outcome.served
    assert (outcome.matched[served] >= requests.times[served]).all()
    assert (outcome.matched[served] < (requests.times + requests.patience)[served]).all()
    assert (outcome.pickup[served] <= Traffic().seconds(np.array(4_000.0)) + 1e-6).all()
    assert np.allclose(outcome.matched[served] % 10, 0)


@POLICIES
@pytest.mark.parametrize("seed", range(3))
def test_a_driver_has_one_trip_at_a_time_and_drives_from_where_the_last_one_ended(match: Match, seed: int) -> None:
    outcome = run(match, seed)
    requests = outcome.requests
    for driver in np.unique(outcome.driver[outcome.served]):
        trips = np.flatnonzero(outcome.driver == driver)
        trips = trips[np.argsort(outcome.matched[trips])]
        ends = (outcome.matched + outcome.pickup + requests.rides)[trips]
        assert (outcome.matched[trips][1:] >= ends[:-1]).all()
        stands = np.vstack([outcome.cars[driver], requests.destinations[trips][:-1]])
        way = np.hypot(*(requests.origins[trips] - stands).T)
        assert np.allclose(outcome.pickup[trips], Traffic().seconds(way))


def naive(requests: Requests, cars: np.ndarray, match: Match, window: float, radius: float) -> list[tuple[float, int]]:
    """The same day with every waiting rider and every free driver looked at anew at each step."""
    found = [(math.nan, -1)] * len(requests)
    where, free_at = cars.tolist(), [-math.inf] * len(cars)
    waiting: list[int] = []
    arrived = 0
    for step in range(1, int((DAY + 7_200) / window)):
        now = step * window
        while arrived < len(requests) and requests.times[arrived] <= now:
            waiting.append(arrived)
            arrived += 1
        waiting = [r for r in waiting if requests.times[r] + requests.patience[r] > now]
        idle = [d for d, free in enumerate(free_at) if free <= now]
        seconds = np.full((len(waiting), len(idle)), np.inf)
        for row, rider in enumerate(waiting):
            for column, driver in enumerate(idle):
                metres = math.dist(requests.origins[rider], where[driver])
                if metres <= radius:
                    seconds[row, column] = Traffic().seconds(metres)
        rows, columns = match(seconds)
        for row, column in zip(rows, columns, strict=True):
            rider, driver = waiting[row], idle[column]
            found[rider] = (now, driver)
            free_at[driver] = now + seconds[row, column] + requests.rides[rider]
            where[driver] = requests.destinations[rider].tolist()
        waiting = [rider for row, rider in enumerate(waiting) if row not in set(rows.tolist())]
    return found


@POLICIES
@settings(max_examples=5)
@given(seed=st.integers(0, 10_000), cars=st.integers(0, 40), window=st.sampled_from([15.0, 40.0]))
def test_looking_only_at_who_is_new_gives_what_looking_at_everybody_gives(
    match: Match, seed: int, cars: int, window: float
) -> None:
    requests = PARIS.day(3_000, np.random.default_rng(seed)).between(17 * HOUR, 17.6 * HOUR)
    where = PARIS.cars(cars, np.random.default_rng(seed))
    outcome = dispatch_day(requests, where, match, window=window, radius=2_500)
    ours = list(zip(outcome.matched.tolist(), outcome.driver.tolist(), strict=True))
    assert [each for each in ours if each[1] >= 0] == [
        each for each in naive(requests, where, match, window, 2_500) if each[1] >= 0
    ]


@POLICIES
def test_busy_drivers_are_the_rate_of_trips_times_their_mean_length(match: Match) -> None:
    """Little's law, with the drivers counted at moments of their own."""
    outcome = run(match, trips=20_000, cars=600)
    end = float((outcome.matched + outcome.pickup + outcome.requests.rides)[outcome.served].max())
    moments = np.random.default_rng(5).uniform(17 * HOUR, end, 40_000)
    counted = outcome.busy_at(moments)
    rate = outcome.served.sum() / (end - 17 * HOUR)
    error = 4 * counted.std() / math.sqrt(len(moments))
    assert counted.mean() == pytest.approx(rate * outcome.busy_seconds.mean(), abs=error)
    for moment in moments[:20]:
        assert len(outcome.idle_at(moment)) + outcome.busy_at(np.array([moment]))[0] == 600


@pytest.mark.parametrize("seed", range(3))
def test_riders_who_do_not_wait_are_lost_as_often_as_erlang_says(seed: int) -> None:
    """All in one place, exponential rides, no patience beyond the next dispatch: M/M/c/c."""
    rng, cars, rides, rate = np.random.default_rng(seed), 20, 300.0, 0.06
    times = poisson_arrivals(rate, 200_000, rng)
    spot, patience = np.zeros((len(times), 2)), np.full(len(times), 0.2)
    requests = Requests(times, spot, spot, rng.exponential(rides, len(times)), patience)
    outcome = dispatch_day(requests, np.zeros((cars, 2)), nearest_first, window=0.1, radius=1)
    expected = erlang_b(rate * rides, cars)
    # Losses come in bursts: the deviation is a few times that of as many independent ones.
    assert outcome.gave_up == pytest.approx(expected, abs=4 * 4 * math.sqrt(expected / len(times)))


@pytest.mark.parametrize("seed", range(3))
def test_the_nearest_of_evenly_spread_drivers_is_half_over_the_root_of_their_density_away(seed: int) -> None:
    rng, side, drivers, riders = np.random.default_rng(seed), 40_000.0, 4_000, 400
    cars = rng.uniform(-side / 2, side / 2, (drivers, 2))
    origins = rng.uniform(-side / 4, side / 4, (riders, 2))
    # So far apart in time that every driver is back, and each rides to where a driver was free before.
    times = np.arange(riders) * 10_000.0 + 0.5
    apart = []
    for time, origin in zip(times, origins, strict=True):
        one = Requests(np.array([time]), origin[None], origin[None], np.ones(1), np.full(1, 100.0))
        outcome = dispatch_day(one, cars, nearest_first, window=1, radius=1e6)
        apart.append(float(outcome.pickup[0]) * Traffic().speed / Traffic().detour)
    density = drivers / side**2
    deviation = math.sqrt((4 / math.pi - 1) / 4 / density)
    assert np.mean(apart) == pytest.approx(0.5 / math.sqrt(density), abs=4 * deviation / math.sqrt(riders))


def test_requests_follow_the_day_and_leave_the_district_in_the_evening() -> None:
    day = PARIS.day(60_000, np.random.default_rng(3))
    assert len(day) == pytest.approx(60_000, abs=4 * math.sqrt(60_000))
    assert (np.diff(day.times) >= 0).all()
    an_hour = [len(day.between(hour * HOUR, (hour + 1) * HOUR)) for hour in range(24)]
    assert max(an_hour) == pytest.approx(60_000 / 24 * 2, rel=0.05)
    district = PARIS.centres[[place.name for place in PARIS.places].index("La Defense")]

    def near(requests: Requests) -> float:
        return float((np.hypot(*(requests.origins - district).T) < 2_000).mean())

    noon, evening = near(day.between(11 * HOUR, 13 * HOUR)), near(day.between(17 * HOUR, 19 * HOUR))
    inside = 1 - math.exp(-((2_000 / 700) ** 2) / 2)  # of a normal scatter in two dimensions
    assert evening == pytest.approx(0.15 * inside + 0.85 * noon, abs=0.015)


def test_origins_follow_the_population() -> None:
    """Without scatter, each place's share of the requests is its share of the people."""
    city = City(places(), spread=0, rush=0)
    day = city.day(50_000, np.random.default_rng(2))
    for share, centre in zip(city.weights, city.centres, strict=True):
        began = (day.origins == centre).all(axis=1).mean()
        assert began == pytest.approx(share, abs=4.5 * math.sqrt(share / len(day)))


def test_metres_are_those_of_the_sphere_within_the_city() -> None:
    latitudes, longitudes = (np.array([getattr(p, name) for p in places()]) for name in ("latitude", "longitude"))
    points = to_metres(latitudes, longitudes)
    back = to_degrees(points)
    assert np.allclose(back[0], latitudes)
    assert np.allclose(back[1], longitudes)
    sphere = np.array(
        [distances(lat, lon, latitudes, longitudes) for lat, lon in zip(latitudes, longitudes, strict=True)]
    )
    flat = np.hypot(*(points[:, None] - points[None]).transpose(2, 0, 1))
    apart = sphere > 0
    assert np.abs(flat[apart] / sphere[apart] - 1).max() < 0.003
    assert np.allclose(to_metres(np.array(CENTRE[0]), np.array(CENTRE[1])), 0)


def test_the_same_seed_gives_the_same_day() -> None:
    first, second = run(batched), run(batched)
    assert np.array_equal(first.matched, second.matched, equal_nan=True)
    assert not np.array_equal(first.matched[:50], run(batched, seed=9).matched[:50], equal_nan=True)


def test_an_empty_day_and_an_empty_fleet_serve_nobody() -> None:
    requests = rush(2_000, 1)
    assert dispatch_day(requests, np.empty((0, 2)), batched, window=10, radius=1_000).gave_up == 1
    empty = requests.between(0, 0)
    assert dispatch_day(empty, np.zeros((3, 2)), batched, window=10, radius=1_000).gave_up == 0


@pytest.mark.parametrize(
    ("bad", "words"), [({"window": 0}, "window"), ({"window": math.inf}, "window"), ({"radius": 0}, "radius")]
)
def test_a_dispatch_that_cannot_be_is_refused(bad: dict[str, float], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        dispatch_day(rush(2_000, 1), np.zeros((1, 2)), batched, **{"window": 10, "radius": 1_000, **bad})


@pytest.mark.parametrize("bad", [{"speed": 0}, {"speed": math.nan}, {"detour": 0.9}])
def test_traffic_that_cannot_be_is_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(bad))):
        Traffic(**bad)
