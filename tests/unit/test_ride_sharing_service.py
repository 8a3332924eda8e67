"""The ride service: a ride from quote to fare, what is refused by its field, retries, and a naive twin beside it."""

from copy import deepcopy
from dataclasses import replace
from math import inf, nan
from random import Random
from threading import Barrier, Thread

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from designbook.blocks.geo_grid import GeoGrid
from designbook.blocks.sphere import distance
from designbook.systems.ride_sharing.errors import (
    Busy,
    Fenced,
    IllegalTransition,
    Refused,
    RequestReused,
    StoreDown,
    Unknown,
)
from designbook.systems.ride_sharing.geo.memory import MemoryLocations
from designbook.systems.ride_sharing.matching import plan
from designbook.systems.ride_sharing.rules import Rules
from designbook.systems.ride_sharing.service import RideSharing
from designbook.systems.ride_sharing.stores import MemoryTrips
from designbook.systems.ride_sharing.trips import Place, State, Trip

NOW = 1_800_000_000.0
KEY = b"sixteen secret b"
HERE, THERE = (48.85, 2.35), (48.87, 2.30)


class Clock:
    now = NOW

    def __call__(self):
        return self.now


class City:
    """A service, its clock and its tokens; a phone's sequence grows with the clock."""

    def __init__(self, store=None, **options):
        self.clock = Clock()
        self.store = MemoryTrips() if store is None else store
        self.locations = MemoryLocations(GeoGrid(500))
        self.rides = RideSharing("paris", self.store, self.locations, key=KEY, clock=self.clock, **options)
        self.token = 0

    def enroll(self, *people):
        for person in people:
            self.rides.enroll("driver" if person.startswith("d") else "rider", person)

    def ping(self, driver, place=HERE):
        return self.rides.ping(driver, *place, self.clock.now, int(self.clock.now * 1_000))

    def request(self, request="t1", rider="ann", pickup=HERE, dropoff=THERE):
        return self.rides.request(request, rider, self.rides.quote(rider, pickup, dropoff))

    def dispatch(self):
        self.token += 1
        return self.rides.dispatch(self.token)

    def trip(self, trip="t1"):
        return self.store.get(trip)


@pytest.fixture
def city():
    made = City()
    made.enroll("ann", "bob", "cyd", "dan", "deb", "dov")
    return made


def on_the_way(city, driver="dan"):
    """A trip that a driver has accepted."""
    city.ping(driver)
    city.request()
    city.dispatch()
    return city.rides.accept(driver, "t1")


# -- a ride


def test_a_ride_from_quote_to_fare(city):
    city.ping("dan")
    quote = city.rides.quote("ann", HERE, THERE)
    straight = distance(*HERE, *THERE)
    assert quote.metres == round(straight * 1.3)
    assert quote.cents == city.rides.rules.tariff.cents(quote.metres, quote.seconds)
    trip = city.rides.request("t1", "ann", quote)
    assert (trip.state, trip.cents, trip.pickup) == (State.REQUESTED, quote.cents, Place(*HERE))
    assert [(after.state, after.driver) for after in city.dispatch()] == [(State.OFFERED, "dan")]
    assert city.rides.current("driver", "dan").id == "t1"
    for step, state in (("accept", "accepted"), ("arrive", "arrived"), ("start", "started"), ("complete", "completed")):
        city.clock.now += 10
        done = getattr(city.rides, step)("dan", "t1")
        assert (done.state, done.since, done.driver) == (state, city.clock.now, "dan")
    assert done.charged == quote.cents
    assert city.rides.current("rider", "ann") is city.rides.current("driver", "dan") is None


def test_the_nearest_free_driver_is_asked_and_the_next_when_one_declines_or_says_nothing(city):
    for driver, lat in (("dan", 48.851), ("deb", 48.852), ("dov", 48.853)):
        city.ping(driver, (lat, 2.35))
    city.request()
    city.dispatch()
    assert city.trip().driver == "dan"
    city.rides.decline("dan", "t1")
    city.dispatch()
    assert city.trip().driver == "deb"
    city.clock.now += 15
    assert city.dispatch() == [], "the offer is still open"
    city.clock.now += 0.5
    for driver in ("dan", "deb", "dov"):
        city.ping(driver, (48.851, 2.35))
    assert [after.state for after in city.dispatch()] == [State.REQUESTED]
    assert [(after.state, after.driver) for after in city.dispatch()] == [(State.OFFERED, "dov")]
    assert city.trip().passed == ("dan", "deb")


def test_each_waiting_rider_gets_another_driver_the_first_to_ask_the_nearest(city):
    for driver, lat in (("dan", 48.851), ("deb", 48.852)):
        city.ping(driver, (lat, 2.35))
    for request, rider in (("t1", "ann"), ("t2", "bob"), ("t3", "cyd")):
        city.clock.now += 1
        city.request(request, rider)
    city.dispatch()
    assert [city.trip(f"t{number}").driver for number in (1, 2, 3)] == ["dan", "deb", ""]
    assert city.dispatch() == []


def test_a_rider_is_told_no_when_nobody_was_left_to_ask_for_as_long_as_they_would_wait(city):
    city.request()
    city.clock.now += 120
    assert city.dispatch() == []
    city.clock.now += 0.1
    assert [after.state for after in city.dispatch()] == [State.UNSERVED]
    assert city.request("t2").state is State.REQUESTED


def test_a_trip_given_back_is_offered_to_another(city):
    on_the_way(city)
    assert city.rides.give_back("dan", "t1").state is State.REQUESTED
    city.ping("deb")
    city.dispatch()
    assert city.rides.accept("deb", "t1").driver == "deb"
    assert city.rides.current("driver", "dan") is None


def test_a_silent_driver_is_not_offered_anything(city):
    city.ping("dan")
    city.request()
    city.clock.now += 30.1
    assert city.dispatch() == []
    city.ping("dan")
    assert [after.driver for after in city.dispatch()] == ["dan"]


def test_the_map_shows_drivers_who_were_free_at_the_last_round(city):
    for driver in ("dan", "deb"):
        city.ping(driver)
    assert [near.id for near in city.rides.nearby(*HERE)] == ["dan", "deb"]
    city.request()
    city.dispatch()
    city.rides.accept("dan", "t1")
    city.dispatch()
    assert [near.id for near in city.rides.nearby(*HERE)] == ["deb"]
    assert city.rides.nearby(*HERE, count=1)[0].id == "deb"
    city.rides.leave("deb")
    assert city.rides.nearby(*HERE) == []


# -- prices


def test_a_quote_holds_its_price_while_surge_moves_and_then_runs_out():
    surge = [1.5]
    city = City(surge=lambda place: surge[0])
    city.enroll("ann", "bob")
    calm, dear = City(), city.rides.quote("ann", HERE, THERE)
    calm.enroll("ann")
    plain = calm.rides.quote("ann", HERE, THERE)
    assert dear.surge_percent == 150
    assert dear.cents == city.rides.rules.tariff.cents(plain.metres, plain.seconds, 150)
    surge[0] = 3.0
    city.clock.now += 300
    assert city.rides.request("t1", "ann", dear).cents == dear.cents
    city.clock.now += 0.001
    assert city.rides.request("t1", "ann", dear).id == "t1", "the same request again is answered, however late"
    with pytest.raises(Refused, match="quote: was good until"):
        city.rides.request("t2", "ann", dear)
    with pytest.raises(RequestReused):
        city.rides.request("t1", "ann", replace_and_seal(city, dear, cents=dear.cents - 1))


def replace_and_seal(city, quote, **changes):
    from designbook.systems.ride_sharing.fares import seal

    return seal(replace(quote, **changes), KEY)


@pytest.mark.parametrize("wrong", [0.99, nan, inf, None, "2"])
def test_a_surge_that_is_none_is_a_mistake_of_ours_and_makes_no_quote(wrong):
    city = City(surge=lambda place: wrong)
    city.enroll("ann")
    with pytest.raises(ValueError, match="surge must be a number from 1"):
        city.rides.quote("ann", HERE, THERE)


def test_what_a_cancellation_costs_is_said_by_the_trip(city):
    on_the_way(city)
    city.clock.now += 121
    assert city.rides.cancel("ann", "t1").charged == 500
    assert city.rides.cancel("ann", "t1").charged == 500


# -- what is refused


def traces(city):
    """All that a call could have changed."""
    store, places = city.store, city.locations
    return deepcopy((store._trips, store._people, store._tokens, store._of_rider, dict(store._of_city), places._pings))


QUOTED = {"rider": "ann", "pickup": HERE, "dropoff": THERE}


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda rides, q: rides.quote(**QUOTED | {"rider": "a b"}), "rider"),
        (lambda rides, q: rides.quote(**QUOTED | {"pickup": (91, 0)}), "pickup.lat"),
        (lambda rides, q: rides.quote(**QUOTED | {"pickup": (nan, 0)}), "pickup.lat"),
        (lambda rides, q: rides.quote(**QUOTED | {"pickup": ("48", 2)}), "pickup.lat"),
        (lambda rides, q: rides.quote(**QUOTED | {"pickup": (48, 181)}), "pickup.lon"),
        (lambda rides, q: rides.quote(**QUOTED | {"dropoff": (48, -inf)}), "dropoff.lon"),
        (lambda rides, q: rides.quote(**QUOTED | {"dropoff": (48,)}), "dropoff"),
        (lambda rides, q: rides.quote(**QUOTED | {"dropoff": None}), "dropoff"),
        (lambda rides, q: rides.quote(**QUOTED | {"dropoff": (52.5, 13.4)}), "dropoff"),
        (lambda rides, q: rides.request("", "ann", q), "request"),
        (lambda rides, q: rides.request("t 1", "ann", q), "request"),
        (lambda rides, q: rides.request("t1", "bob", q), "quote"),
        (lambda rides, q: rides.request("t1", "ann", replace(q, cents=1)), "quote"),
        (lambda rides, q: rides.request("t1", "ann", replace(q, city="lyon")), "quote"),
        (lambda rides, q: rides.ping("dan", 91, 0, NOW, 1), "lat"),
        (lambda rides, q: rides.ping("dan", 0, nan, NOW, 1), "lon"),
        (lambda rides, q: rides.ping("dan", 0, 0, NOW + 5.1, 1), "time"),
        (lambda rides, q: rides.ping("dan", 0, 0, NOW, -1), "sequence"),
        (lambda rides, q: rides.nearby(nan, 0), "lat"),
        (lambda rides, q: rides.nearby(0, 0, 0), "count"),
        (lambda rides, q: rides.nearby(0, 0, 51), "count"),
        (lambda rides, q: rides.nearby(0, 0, 1.5), "count"),
        (lambda rides, q: rides.enroll("rider", "é"), "rider"),
        (lambda rides, q: rides.enroll("owner", "ann"), "role"),
        (lambda rides, q: rides.accept("dan", "t 1"), "trip"),
        (lambda rides, q: rides.cancel("bob", "waits"), "rider"),
        (lambda rides, q: rides.accept("deb", "asked"), "driver"),
        (lambda rides, q: rides.complete("deb", "under-way"), "driver"),
    ],
)
def test_what_cannot_be_is_refused_by_its_field_and_changes_nothing(city, call, field):
    prepare(city)
    quote = city.rides.quote("ann", HERE, THERE)
    before = traces(city)
    with pytest.raises(Refused) as refused:
        call(city.rides, quote)
    assert refused.value.field == field
    assert str(refused.value).startswith(f"{field}: ")
    assert traces(city) == before


def prepare(city):
    """A trip that waits, one that is offered to dan, and one that dov drives."""
    city.enroll("bill", "kim")
    city.ping("dov")
    city.request("under-way", "cyd")
    city.dispatch()
    for step in ("accept", "arrive", "start"):
        getattr(city.rides, step)("dov", "under-way")
    city.ping("dan")
    city.request("asked", "bill")
    city.dispatch()
    city.request("waits", "kim")


@pytest.mark.parametrize(
    ("call", "field", "name"),
    [
        (lambda rides: rides.quote("nobody", HERE, THERE), "rider", "nobody"),
        (lambda rides: rides.ping("nobody", *HERE, NOW, 1), "driver", "nobody"),
        (lambda rides: rides.ping("ann", *HERE, NOW, 1), "driver", "ann"),
        (lambda rides: rides.leave("nobody"), "driver", "nobody"),
        (lambda rides: rides.cancel("dan", "waits"), "rider", "dan"),
        (lambda rides: rides.cancel("ann", "t9"), "trip", "t9"),
        (lambda rides: rides.accept("ann", "waits"), "driver", "ann"),
        (lambda rides: rides.accept("dan", "t9"), "trip", "t9"),
        (lambda rides: rides.current("driver", "ann"), "driver", "ann"),
    ],
)
def test_who_or_what_is_not_known_is_named_and_nothing_changes(city, call, field, name):
    prepare(city)
    before = traces(city)
    with pytest.raises(Unknown) as unknown:
        call(city.rides)
    assert (unknown.value.field, unknown.value.name) == (field, name)
    assert traces(city) == before


def test_a_step_that_is_not_legal_names_where_the_trip_is_and_where_it_could_go(city):
    prepare(city)
    before = traces(city)
    with pytest.raises(IllegalTransition, match=r"from started to cancelled; from started it goes only to completed"):
        city.rides.cancel("cyd", "under-way")
    with pytest.raises(IllegalTransition, match=r"from requested to accepted; .* cancelled, offered, unserved"):
        city.rides.accept("dan", "waits")
    with pytest.raises(IllegalTransition, match=r"from offered to started"):
        city.rides.start("dan", "asked")
    assert traces(city) == before
    city.rides.complete("dov", "under-way")
    with pytest.raises(IllegalTransition, match="it has ended"):
        city.rides.give_back("dov", "under-way")


def test_an_offer_is_refused_after_it_ran_out(city):
    prepare(city)
    city.clock.now += 15.1
    with pytest.raises(Refused, match="now: is after the offer"):
        city.rides.accept("dan", "asked")
    assert city.trip("asked").state is State.OFFERED


def test_a_driver_on_a_trip_and_a_rider_with_one_cannot_have_another(city):
    on_the_way(city)
    with pytest.raises(Busy, match="rider: ann"):
        city.request("t2", "ann")
    city.request("t2", "bob")
    city.store.change(replace(city.trip("t2"), state=State.OFFERED, driver="dan", offered_until=NOW + 9, version=1))
    before = traces(city)
    with pytest.raises(Busy, match="driver: dan"):
        city.rides.accept("dan", "t2")
    assert traces(city) == before


def test_a_dispatcher_with_an_old_token_changes_nothing(city):
    city.ping("dan")
    city.request()
    city.store.claim("paris", 9)
    before = traces(city)
    with pytest.raises(Fenced):
        city.rides.dispatch(8)
    assert traces(city) == before


def test_a_key_must_be_long_enough_to_be_secret():
    with pytest.raises(ValueError, match="key must be 16 to 64 bytes, got 3"):
        RideSharing("paris", MemoryTrips(), MemoryLocations(GeoGrid(500)), key=b"abc")


# -- the plan of a round


def waiting(number, **changes):
    trip = Trip(f"t{number}", f"r{number}", "paris", Place(*HERE), Place(*THERE), 900, NOW + number, since=NOW + number)
    return replace(trip, **changes)


def test_a_round_changes_each_trip_once_so_that_no_change_builds_on_one_that_may_fail():
    offered = {"state": State.OFFERED, "driver": "dan", "offered_until": NOW, "version": 1}
    city = City()
    city.enroll("dan", "deb")
    for driver in ("dan", "deb"):
        city.ping(driver)
    live = [waiting(1, **offered), waiting(2), waiting(3, state=State.ACCEPTED, driver="dov")]
    changes = list(plan(live, city.rides.stream.near, NOW + 1, Rules()))
    assert [(after.id, after.state, after.driver) for after in changes] == [
        ("t1", "requested", ""),
        ("t2", "offered", "deb"),
    ]
    assert [after.version for after in changes] == [2, 1]


# -- others who are at it too


def test_a_change_that_somebody_overtook_is_decided_anew(city):
    """Rider and driver press their buttons at once: the ride is cancelled either way, and the driver hears of it."""
    for number in range(30):
        trip = f"t{number}"
        city.clock.now += 1
        city.ping("dan")
        city.request(trip)
        city.dispatch()
        barrier, heard = Barrier(2), []

        def press(call, *arguments, barrier=barrier, heard=heard):
            barrier.wait(10)
            try:
                heard.append(call(*arguments).state)
            except IllegalTransition as error:
                heard.append(error.before)

        threads = [
            Thread(target=press, args=(city.rides.accept, "dan", trip)),
            Thread(target=press, args=(city.rides.cancel, "ann", trip)),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert city.trip(trip).state is State.CANCELLED
        assert sorted(heard) in (["accepted", "cancelled"], ["cancelled", "cancelled"])


class Overtaken:
    """A store in which somebody else is always faster, three times."""

    def __init__(self, store):
        self.store, self.left = store, 3

    def __getattr__(self, name):
        return getattr(self.store, name)

    def change(self, after, token=None):
        if self.left:
            self.left -= 1
            before = self.store.get(after.id)
            self.store.change(replace(before, offered_until=before.offered_until + 1, version=before.version + 1))
        self.store.change(after, token)


def test_who_is_overtaken_tries_again_on_what_the_other_left():
    city = City(Overtaken(MemoryTrips()))
    city.enroll("ann", "dan")
    city.store.left = 0
    city.ping("dan")
    city.request()
    city.dispatch()
    city.store.left = 3
    accepted = city.rides.accept("dan", "t1")
    assert (accepted.state, accepted.version) == (State.ACCEPTED, 5)
    assert accepted.offered_until == NOW + 18


class Flaky:
    """A store that is down now and then: before it does what is asked, or after."""

    def __init__(self, store, rng):
        self.store, self.rng = store, rng

    def __getattr__(self, name):
        method = getattr(self.store, name)

        def call(*arguments):
            luck = self.rng.random()
            if luck < 0.2:
                raise StoreDown("gone")
            result = method(*arguments)
            if luck > 0.8:
                raise StoreDown("gone")
            return result

        return call if callable(method) else method


WAYS = (
    ["accept", "arrive", "start", "complete"],
    ["decline", "off"],
    ["accept", "off"],
    ["accept", "give_back", "off"],
)


def persistently(call):
    while True:
        try:
            return call()
        except StoreDown:
            continue


@pytest.mark.parametrize("seed", range(10))
def test_whoever_retries_until_they_are_answered_gets_what_a_store_without_failures_gives(seed):
    rng, ends = Random(seed), []
    for store in (MemoryTrips(), Flaky(MemoryTrips(), rng)):
        city = City(store)
        for role, person in (("rider", "ann"), ("rider", "bob"), ("driver", "dan"), ("driver", "deb")):
            persistently(lambda role=role, person=person, city=city: city.rides.enroll(role, person))
        script = Random(seed)
        for number in range(6):
            city.clock.now += 20
            for driver in ("dan", "deb"):
                persistently(lambda driver=driver, city=city: city.ping(driver))
            rider, trip = script.choice(("ann", "bob")), f"t{number}"
            quote = persistently(lambda rider=rider, city=city: city.rides.quote(rider, HERE, THERE))
            persistently(lambda trip=trip, rider=rider, quote=quote, city=city: city.rides.request(trip, rider, quote))
            persistently(city.dispatch)
            driver = persistently(lambda trip=trip, city=city: city.store.get(trip)).driver
            steps = script.choice(
                [
                    ["accept", "arrive", "start", "complete"],
                    ["decline", "off"],
                    ["accept", "off"],
                    ["accept", "give_back", "off"],
                ]
            )
            for step in steps:
                city.clock.now += 1
                if step == "off":
                    persistently(lambda rider=rider, trip=trip, city=city: city.rides.cancel(rider, trip))
                else:
                    persistently(lambda s=step, d=driver, t=trip, city=city: getattr(city.rides, s)(d, t))
        kept = store._trips if isinstance(store, MemoryTrips) else store.store._trips
        ends.append({trip.id: trip for trip in kept.values()})
    assert ends[0] == ends[1]
    assert len(ends[0]) == 6


# -- a naive twin


class Twin:
    """The whole service as plain dictionaries and a scan of everything, written from what it promises."""

    def __init__(self):
        self.trips, self.pings, self.highest = {}, {}, -inf

    def live(self):
        ended = ("completed", "cancelled", "unserved")
        found = [trip for trip in self.trips.values() if trip["state"] not in ended]
        return sorted(found, key=lambda trip: (trip["at"], trip["id"]))

    def ping(self, driver, lat, now, age, sequence):
        if age > 30 or (driver in self.pings and self.pings[driver][0] >= sequence):
            return False
        self.pings[driver] = (sequence, now - age, lat)
        return True

    def near(self, now):
        """All are at the longitude of the pickup, so the order by distance is the order by latitude."""
        found = [(abs(lat - HERE[0]), driver) for driver, (_, at, lat) in self.pings.items() if at >= now - 30]
        return [driver for _, driver in sorted(found)]

    def request(self, name, rider, cents, now):
        if name in self.trips:
            return (
                self.trips[name]
                if (self.trips[name]["rider"], self.trips[name]["cents"]) == (rider, cents)
                else RequestReused
            )
        if any(trip["rider"] == rider for trip in self.live()):
            return Busy
        self.trips[name] = {
            "id": name, "rider": rider, "cents": cents, "at": now, "state": "requested", "since": now,
            "driver": "", "until": 0, "passed": [], "charged": 0,
        }  # fmt: skip
        return self.trips[name]

    def go(self, trip, state, now, **others):
        trip.update(state=state, since=now, **others)
        return trip

    def step(self, step, name, person, now):
        if name not in self.trips:
            return Unknown
        trip = self.trips[name]
        state, mine = trip["state"], trip["driver"] == person
        road = ["accepted", "arrived", "started", "completed"]
        if step == "cancel":
            if trip["rider"] != person:
                return Refused
            if state == "cancelled":
                return trip
            if state in ("started", "completed", "unserved"):
                return IllegalTransition
            late = state == "arrived" or (state == "accepted" and now > trip["since"] + 120)
            return self.go(trip, "cancelled", now, charged=500 if late else 0)
        if step == "decline":
            if person in trip["passed"]:
                return trip
            if state != "offered":
                return IllegalTransition
            return self.pass_on(trip, now) if mine else Refused
        if step == "give_back":
            if person in trip["passed"] or (state == "cancelled" and mine):
                return trip
            if state not in ("accepted", "arrived"):
                return IllegalTransition
            if not mine:
                return Refused
            if state == "arrived" and now >= trip["since"] + 300:
                return self.go(trip, "cancelled", now, charged=500)
            return self.pass_on(trip, now)
        target = {"accept": "accepted", "arrive": "arrived", "start": "started", "complete": "completed"}[step]
        if mine and state in road and road.index(state) >= road.index(target):
            return trip
        if (
            state
            != {"accepted": "offered", "arrived": "accepted", "started": "arrived", "completed": "started"}[target]
        ):
            return IllegalTransition
        if not mine or (step == "accept" and now > trip["until"]):
            return Refused
        on = [other for other in self.trips.values() if other["driver"] == person and other["state"] in road[:3]]
        if step == "accept" and on:
            return Busy
        return self.go(trip, target, now, charged=trip["cents"] if step == "complete" else 0)

    def pass_on(self, trip, now):
        return self.go(trip, "requested", now, passed=[*trip["passed"], trip["driver"]], driver="", until=0)

    def dispatch(self, now, token):
        if token < self.highest:
            return Fenced
        self.highest = token
        taken = {trip["driver"] for trip in self.live()}
        for trip in self.live():
            if trip["state"] == "offered" and now > trip["until"]:
                self.pass_on(trip, now)
            elif trip["state"] == "requested":
                free = [driver for driver in self.near(now) if driver not in taken and driver not in trip["passed"]]
                if free:
                    taken.add(free[0])
                    self.go(trip, "offered", now, driver=free[0], until=now + 15)
                elif now > trip["since"] + 120:
                    self.go(trip, "unserved", now)
        return None


class BesideTheTwin(RuleBasedStateMachine):
    """Whatever riders, drivers and dispatchers do, in any order: both say the same, and both are left the same."""

    riders, drivers = st.sampled_from(["ann", "bob", "cyd"]), st.sampled_from(["dan", "deb", "dov"])
    requests = st.sampled_from([f"t{number}" for number in range(6)])
    lats = st.sampled_from([48.851, 48.853, 48.856])
    steps = st.sampled_from(["accept", "decline", "arrive", "start", "complete", "give_back"])

    def __init__(self):
        super().__init__()
        self.city, self.twin = City(), Twin()
        self.city.enroll("ann", "bob", "cyd", "dan", "deb", "dov")
        self.quotes = {
            (rider, far): self.city.rides.quote(rider, HERE, (48.87 + far, 2.30))
            for rider in ("ann", "bob", "cyd")
            for far in (0, 0.01)
        }

    def both(self, ours, theirs):
        try:
            said = ours()
        except (Refused, Unknown, IllegalTransition, Busy, RequestReused) as error:
            said = type(error)
        assert (as_twin(said) if isinstance(said, Trip) else said) == theirs

    @rule(seconds=st.sampled_from([0.5, 2, 16, 40, 125, 301]))
    def wait(self, seconds):
        self.city.clock.now += seconds
        for key, quote in self.quotes.items():
            self.quotes[key] = replace_and_seal(self.city, quote, until=self.city.clock.now + 300)

    @rule(
        driver=drivers,
        lat=st.sampled_from([48.851, 48.853, 48.856]),
        age=st.sampled_from([0, 0, 10, 31]),
        late=st.booleans(),
    )
    def ping(self, driver, lat, age, late):
        now = self.city.clock.now
        sequence = int((now - NOW) * 10) - (5 if late else 0) + 100
        self.both(
            lambda: self.city.rides.ping(driver, lat, HERE[1], now - age, sequence),
            self.twin.ping(driver, lat, now, age, sequence),
        )

    @rule(request=requests, rider=riders, far=st.sampled_from([0, 0, 0.01]))
    def request(self, request, rider, far):
        quote = self.quotes[rider, far]
        theirs = self.twin.request(request, rider, quote.cents, self.city.clock.now)
        self.both(lambda: self.city.rides.request(request, rider, quote), theirs)

    @rule()
    def dispatch(self):
        self.city.token += 1
        token = self.city.token
        self.twin.dispatch(self.city.clock.now, token)
        self.city.rides.dispatch(token)

    @rule(back=st.integers(1, 3))
    def dispatch_with_an_old_token(self, back):
        theirs = self.twin.dispatch(self.city.clock.now, self.city.token - back)
        if theirs is Fenced:
            with pytest.raises(Fenced):
                self.city.rides.dispatch(self.city.token - back)
        else:
            self.city.rides.dispatch(self.city.token - back)

    @rule(
        step=st.sampled_from(["accept", "decline", "arrive", "start", "complete", "give_back"]),
        trip=requests,
        driver=drivers,
    )
    def drive(self, step, trip, driver):
        theirs = self.twin.step(step, trip, driver, self.city.clock.now)
        self.both(lambda: getattr(self.city.rides, step)(driver, trip), theirs)

    @precondition(lambda self: any(trip["driver"] for trip in self.twin.live()))
    @rule(pick=st.integers(0, 5), refuses=st.sampled_from(["", "", "", "decline", "give_back"]))
    def go_on(self, pick, refuses):
        """What a driver does next, so that rides get far."""
        driven = [trip for trip in self.twin.live() if trip["driver"]]
        trip = driven[pick % len(driven)]
        next_step = {"offered": "accept", "accepted": "arrive", "arrived": "start", "started": "complete"}[
            trip["state"]
        ]
        self.drive(refuses or next_step, trip["id"], trip["driver"])

    @rule(trip=requests, rider=riders)
    def cancel(self, trip, rider):
        theirs = self.twin.step("cancel", trip, rider, self.city.clock.now)
        self.both(lambda: self.city.rides.cancel(rider, trip), theirs)

    @invariant()
    def all_is_equal(self):
        kept = {name: as_twin(trip) for name, trip in self.city.store._trips.items()}
        assert kept == self.twin.trips
        live = self.twin.live()
        for rider in ("ann", "bob", "cyd"):
            mine = [trip for trip in live if trip["rider"] == rider]
            assert len(mine) <= 1
            current = self.city.rides.current("rider", rider)
            assert ([] if current is None else [as_twin(current)]) == mine
        for driver in ("dan", "deb", "dov"):
            assert sum(t["driver"] == driver and t["state"] in ("accepted", "arrived", "started") for t in live) <= 1
        assert [near.id for near in self.city.rides.stream.near(Place(*HERE))] == self.twin.near(self.city.clock.now)


def as_twin(trip):
    return {
        "id": trip.id, "rider": trip.rider, "cents": trip.cents, "at": trip.requested, "state": str(trip.state),
        "since": trip.since, "driver": trip.driver, "until": trip.offered_until, "passed": list(trip.passed),
        "charged": trip.charged,
    }  # fmt: skip


TestBesideTheTwin = BesideTheTwin.TestCase
TestBesideTheTwin.settings = settings(max_examples=60, stateful_step_count=40)
