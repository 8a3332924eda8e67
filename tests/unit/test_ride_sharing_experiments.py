"""What the chapter shows of double bookings, a lost index and late pings: theory beside simulation, at small sizes."""

from math import exp, sqrt
from random import Random

import pytest

from benchmarks.ride_sharing_experiments import ride_sharing_double_booking, ride_sharing_pings
from designbook.engines import postgres, sqlite
from designbook.systems.ride_sharing import double_booking, trips
from designbook.systems.ride_sharing.double_booking import (
    UnconstrainedTrips,
    accept_at_once,
    by_constraint,
    check_then_write,
    unconstrained,
)
from designbook.systems.ride_sharing.errors import Busy
from designbook.systems.ride_sharing.late_pings import expected_late, jumps
from designbook.systems.ride_sharing.lost_index import expected_share, rebuilt
from designbook.systems.ride_sharing.stores import open_store
from tests.engines_here import want


@pytest.mark.parametrize("engine", [None, sqlite, postgres], ids=["memory", "sqlite", "postgres"])
def test_with_the_constraint_no_driver_is_on_two_trips_and_with_a_check_before_the_write_many_are(engine):
    if engine is not None:
        want(engine.__name__)
    for opened, accept in ((open_store, by_constraint), (unconstrained, check_then_write)):
        running = engine and engine()
        store = opened(running.start() if running else "memory://")
        booked = accept_at_once(store, accept, drivers=6, rivals=8)
        store.close()
        if running:
            running.stop()
        if accept is by_constraint:
            assert (booked.won, booked.doubled, booked.most) == (6, 0, 1)
        elif running:
            assert booked.doubled > 2
            assert booked.won > 10


def test_a_check_before_the_write_is_too_early_when_the_other_checks_in_between():
    class Slow(UnconstrainedTrips):
        """Between the check and the write of the first, the second does both."""

        def current(self, role, person):
            found = super().current(role, person)
            if not self.checked:
                self.checked = True
                check_then_write(self, self.others)
            return found

    store = Slow()
    store.checked = True
    offers = [double_booking._offer(0, rival) for rival in range(2)]
    for offer in offers:
        store.add(offer)
    first, store.others = (trips.accept(offer, "d0", 1.0) for offer in offers)
    store.checked = False
    check_then_write(store, first)
    assert [trip.driven for trip in store.claim("paris", 1)] == [True, True]
    with pytest.raises(Busy):
        check_then_write(store, first)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("lost", [0.0, 0.05, 0.5])
def test_a_lost_index_fills_as_the_formula_says(seed, lost):
    drivers = 1_000
    for point in rebuilt(Random(seed), [0.5, 1, 2, 3.9, 4, 6, 8, 16], drivers, 4.0, lost):
        error = sqrt(point.expected * (1 - point.expected) / drivers)
        assert abs(point.measured - point.expected) <= 4.5 * error + 1e-9, point


def test_without_loss_an_index_is_full_after_one_interval_and_half_full_after_half():
    assert expected_share(0, 4) == 0
    assert expected_share(2, 4) == pytest.approx(0.5)
    assert expected_share(4, 4) == expected_share(99, 4) == 1
    assert expected_share(4, 4, 0.05) == pytest.approx(0.95)
    assert expected_share(8, 4, 0.05) == pytest.approx(1 - 0.05**2)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("delay", [1.0, 2.0, 6.0])
def test_pings_are_overtaken_as_often_as_the_formula_says_and_never_taken_by_us(seed, delay):
    pings = 10_000
    found = jumps(Random(seed), pings, 4.0, delay)
    assert found.back_checked == 0
    # Whether a ping is overtaken hangs on those around it, so the pings are not independent: allow for it.
    error = sqrt(found.expected * (1 - found.expected) / pings)
    assert abs(found.share - found.expected) < 6 * error


@pytest.mark.parametrize("delay", [0.3, 0.5, 0.7])
def test_with_short_delays_only_the_next_ping_overtakes_with_half_of_e_to_the_minus_interval_by_delay(delay):
    assert expected_late(4.0, delay) == pytest.approx(exp(-4 / delay) / 2, rel=0.01)


def test_the_experiments_have_what_is_shown():
    lines = []
    booked = ride_sharing_double_booking(lines.append, 3, 3, 1, ("memory",))
    assert [each["way"] for each in booked["stores"]] == ["constraint", "check, then write"]
    assert booked["stores"][0]["rounds"][0]["doubled"] == 0
    found = ride_sharing_pings(lines.append, 100, 4.0, (0.0,), 500, (2.0,))
    assert found["rebuilt"][0]["points"][4]["measured"] == 1.0
    assert found["late"][0]["back_checked"] == 0
    assert len(lines) == 4
