"""A trip takes legal steps only, by whom it may, at the price that the rules say; and a price adds up to the cent."""

from dataclasses import replace
from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from designbook.systems.ride_sharing import trips
from designbook.systems.ride_sharing.errors import IllegalTransition, Refused
from designbook.systems.ride_sharing.fares import Quote, Tariff, check_seal, seal
from designbook.systems.ride_sharing.trips import LEGAL, Cancellation, Place, State, Trip

TERMS = Cancellation(free=120, fee=500, no_show=300)
NOW = 1_000.0

REQUESTED = Trip("t", "ann", "paris", Place(48.8, 2.3), Place(48.9, 2.4), 1250, NOW, since=NOW)
OFFERED = trips.offer(REQUESTED, "dan", NOW + 15, NOW)
ACCEPTED = trips.accept(OFFERED, "dan", NOW + 15)
ARRIVED = trips.arrive(ACCEPTED, "dan", NOW + 100)
STARTED = trips.start(ARRIVED, "dan", NOW + 200)
COMPLETED = trips.complete(STARTED, "dan", NOW + 900)
CANCELLED = trips.cancel(ACCEPTED, "ann", NOW + 30, TERMS)
UNSERVED = trips.give_up(REQUESTED, NOW + 300)
TRIPS = (REQUESTED, OFFERED, ACCEPTED, ARRIVED, STARTED, COMPLETED, CANCELLED, UNSERVED)

STEPS = {
    "offer": lambda trip, now=NOW + 10: trips.offer(trip, "eve", now + 15, now),
    "withdraw": lambda trip, now=NOW + 16: trips.withdraw(trip, now),
    "give_up": lambda trip, now=NOW + 10: trips.give_up(trip, now),
    "accept": lambda trip, now=NOW + 10: trips.accept(trip, "dan", now),
    "decline": lambda trip, now=NOW + 10: trips.decline(trip, "dan", now),
    "arrive": lambda trip, now=NOW + 10: trips.arrive(trip, "dan", now),
    "start": lambda trip, now=NOW + 10: trips.start(trip, "dan", now),
    "complete": lambda trip, now=NOW + 10: trips.complete(trip, "dan", now),
    "give_back": lambda trip, now=NOW + 10: trips.give_back(trip, "dan", now, TERMS),
    "cancel": lambda trip, now=NOW + 10: trips.cancel(trip, "ann", now, TERMS),
}

WANTED = {  # what each step makes of each state: - is refused, = is no change
    #            requested  offered    accepted   arrived    started    completed  cancelled  unserved
    "offer": "   offered    -          -          -          -          -          -          -",
    "withdraw": "-          requested  -          -          -          -          -          -",
    "give_up": " unserved   -          -          -          -          -          -          -",
    "accept": "  -          accepted   =          =          =          =          -          -",
    "decline": " -          requested  -          -          -          -          -          -",
    "arrive": "  -          -          arrived    =          =          =          -          -",
    "start": "   -          -          -          started    =          =          -          -",
    "complete": "-          -          -          -          completed  =          -          -",
    "give_back": "-         -          requested  requested  -          -          =          -",
    "cancel": "  cancelled  cancelled  cancelled  cancelled  -          -          =          -",
}


@pytest.mark.parametrize(("step", "trip"), list(product(STEPS, TRIPS)), ids=lambda each: getattr(each, "state", each))
def test_each_step_leads_from_each_state_where_the_table_says_or_is_refused(step, trip):
    wanted = WANTED[step].split()[TRIPS.index(trip)]
    if wanted == "-":
        with pytest.raises(IllegalTransition) as refused:
            STEPS[step](trip)
        assert refused.value.before == trip.state
        assert refused.value.legal == tuple(sorted(LEGAL[trip.state]))
        for name in (str(trip.state), *refused.value.legal):
            assert name in str(refused.value)
    elif wanted == "=":
        assert STEPS[step](trip) is trip
    else:
        after = STEPS[step](trip)
        assert after.state == wanted
        assert after.state in LEGAL[trip.state]
        assert after.version == trip.version + 1
        assert after.asks_the_same(trip)


def test_steps_that_are_legal_cover_the_whole_table_and_no_more():
    taken = set()
    for trip in TRIPS:
        for step in STEPS.values():
            try:
                taken.add((trip.state, step(trip).state))
            except IllegalTransition:
                continue
    steps = {(before, after) for before, after in taken if before != after}
    assert steps == {(before, after) for before in State for after in LEGAL[before]}


def test_the_table_and_the_sets_of_states_agree():
    assert set(LEGAL) == set(State)
    assert {state for state in State if LEGAL[state]} == set(trips.LIVE)
    assert set(trips.DRIVEN) < set(trips.LIVE)
    for trip in TRIPS:
        assert trip.live == bool(LEGAL[trip.state])
        assert trip.driven == (trip.state in trips.DRIVEN)
    assert ACCEPTED.driver == ARRIVED.driver == STARTED.driver == COMPLETED.driver == "dan"


@pytest.mark.parametrize(
    ("step", "field"),
    [
        (lambda: trips.accept(OFFERED, "eve", NOW), "driver"),
        (lambda: trips.decline(OFFERED, "eve", NOW), "driver"),
        (lambda: trips.arrive(ACCEPTED, "eve", NOW), "driver"),
        (lambda: trips.start(ARRIVED, "eve", NOW), "driver"),
        (lambda: trips.complete(STARTED, "eve", NOW), "driver"),
        (lambda: trips.give_back(ACCEPTED, "eve", NOW, TERMS), "driver"),
        (lambda: trips.cancel(ACCEPTED, "bob", NOW, TERMS), "rider"),
        (lambda: trips.cancel(CANCELLED, "bob", NOW, TERMS), "rider"),
        (lambda: trips.accept(OFFERED, "dan", NOW + 15.001), "now"),
        (lambda: trips.withdraw(OFFERED, NOW + 15), "now"),
    ],
)
def test_who_has_no_part_in_it_or_comes_too_late_or_too_early_is_refused_by_field(step, field):
    with pytest.raises(Refused) as refused:
        step()
    assert refused.value.field == field


@pytest.mark.parametrize("name", ["arrive", "start", "complete", "accept"])
def test_another_drivers_repeat_is_no_repeat(name):
    with pytest.raises((IllegalTransition, Refused)):
        getattr(trips, name)(COMPLETED, "eve", NOW)


@pytest.mark.parametrize(
    ("trip", "after", "fee"),
    [
        (REQUESTED, 9_999, 0),
        (OFFERED, 9_999, 0),
        (ACCEPTED, 120, 0),
        (ACCEPTED, 120.5, 500),
        (ARRIVED, 0, 500),
    ],
    ids=lambda each: getattr(each, "state", each),
)
def test_cancelling_costs_the_rider_nothing_until_a_driver_has_been_on_the_way_for_a_while(trip, after, fee):
    now = trip.since + after
    assert trips.cancellation_fee(trip, now, TERMS) == fee
    ended = trips.cancel(trip, "ann", now, TERMS)
    assert ended.charged == fee
    assert trips.cancel(ended, "ann", now + 999, TERMS) is ended, "and costs no more when it is said again"


def test_a_driver_who_waited_long_enough_may_leave_and_the_rider_pays():
    waited = ARRIVED.since + TERMS.no_show
    back = trips.give_back(ARRIVED, "dan", waited - 0.1, TERMS)
    assert (back.state, back.driver, back.passed, back.charged) == (State.REQUESTED, "", ("dan",), 0)
    left = trips.give_back(ARRIVED, "dan", waited, TERMS)
    assert (left.state, left.charged) == (State.CANCELLED, 500)
    assert trips.give_back(left, "dan", waited + 5, TERMS) is left
    on_the_way = trips.give_back(ACCEPTED, "dan", ACCEPTED.since + 999, TERMS)
    assert on_the_way.state is State.REQUESTED, "who has not arrived has not waited"


@pytest.mark.parametrize(
    "back",
    [
        trips.decline(OFFERED, "dan", NOW + 1),
        trips.withdraw(OFFERED, NOW + 16),
        trips.give_back(ACCEPTED, "dan", NOW + 20, TERMS),
    ],
    ids=["declined", "withdrawn", "given back"],
)
def test_who_passed_is_not_asked_again_and_what_they_say_later_changes_nothing(back):
    assert back.passed == ("dan",)
    with pytest.raises(Refused, match="has passed"):
        trips.offer(back, "dan", NOW + 60, NOW + 20)
    for late in (trips.accept, trips.arrive):
        with pytest.raises(IllegalTransition):
            late(back, "dan", NOW + 20)
    again = trips.offer(back, "eve", NOW + 60, NOW + 20)
    for late in (trips.decline, lambda trip, who, now: trips.give_back(trip, who, now, TERMS)):
        assert late(again, "dan", NOW + 25) is again
    with pytest.raises(Refused):
        trips.accept(again, "dan", NOW + 25)


def test_the_rider_pays_the_quoted_price_when_the_ride_is_over_and_not_before():
    assert [trip.charged for trip in (REQUESTED, OFFERED, ACCEPTED, ARRIVED, STARTED)] == [0] * 5
    assert COMPLETED.charged == REQUESTED.cents == 1250


# -- fares

TARIFF = Tariff(base=250, per_km=150, per_minute=35, least=600)


def test_a_fare_worked_out_by_hand():
    assert TARIFF.cents(10_000, 1_200) == 250 + 1_500 + 700
    assert TARIFF.cents(10_000, 1_200, 150) == 3_675
    assert TARIFF.cents(0, 0) == 600


@given(st.integers(0, 10**6), st.integers(0, 10**5), st.integers(100, 1_000))
def test_a_fare_is_the_exact_sum_rounded_once_half_a_cent_up(metres, seconds, percent):
    exact = (250 + Fraction(150 * metres, 1_000) + Fraction(35 * seconds, 60)) * Fraction(percent, 100)
    assert TARIFF.cents(metres, seconds, percent) == max(600, (exact + Fraction(1, 2)).__floor__())


@given(st.integers(0, 10**6), st.integers(0, 10**5), st.integers(100, 999))
def test_farther_longer_or_a_higher_surge_never_costs_less(metres, seconds, percent):
    fare = TARIFF.cents(metres, seconds, percent)
    for more in ((metres + 1, seconds, percent), (metres, seconds + 1, percent), (metres, seconds, percent + 1)):
        assert TARIFF.cents(*more) >= fare


@pytest.mark.parametrize(("given", "field"), [((-1, 0), "metres"), ((0, -1), "seconds"), ((0, 0, 99), "surge")])
def test_what_no_ride_can_be_has_no_fare(given, field):
    with pytest.raises(Refused) as refused:
        TARIFF.cents(*given)
    assert refused.value.field == field


KEY = b"sixteen secret b"
QUOTE = seal(Quote("ann", "paris", Place(48.8, 2.3), Place(48.9, 2.4), 9_000, 1_200, 100, 2_300, NOW), KEY)


@pytest.mark.parametrize(
    "change",
    [
        {"rider": "bob"},
        {"city": "lyon"},
        {"pickup": Place(48.8, 2.4)},
        {"dropoff": Place(48.8, 2.3)},
        {"metres": 1},
        {"seconds": 1},
        {"surge_percent": 101},
        {"cents": 1},
        {"cents": 2_300.0},
        {"until": NOW + 1},
        {"seal": ""},
        {"seal": "é\ud800"},
    ],
    ids=str,
)
def test_a_quote_that_was_changed_anywhere_is_refused(change):
    check_seal(QUOTE, KEY)
    with pytest.raises(Refused, match="quote: "):
        check_seal(replace(QUOTE, **change), KEY)


def test_a_quote_of_another_key_is_refused():
    with pytest.raises(Refused):
        check_seal(QUOTE, b"another secret..")
