"""One contract, every store of trips: memory, SQLite, PostgreSQL."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from random import Random

import psycopg
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from designbook.blocks.geo_index import BruteForce
from designbook.engines import postgres, sqlite
from designbook.systems.ride_sharing import trips
from designbook.systems.ride_sharing.batching import in_a_batch
from designbook.systems.ride_sharing.errors import Busy, Changed, Fenced, RequestReused, StoreDown, Unknown
from designbook.systems.ride_sharing.geo.memory import MemoryLocations
from designbook.systems.ride_sharing.matching import in_turn
from designbook.systems.ride_sharing.service import RideSharing
from designbook.systems.ride_sharing.stores import MemoryTrips, open_store
from designbook.systems.ride_sharing.trips import Cancellation, Place, State, Trip
from tests.engines_here import Child, address, until_down, want
from tests.together import at_once

ENGINES = {"sqlite": sqlite, "postgres": postgres}
NOW = 1_800_000_000.5
TERMS = Cancellation()


@pytest.fixture(scope="module", params=["memory", *ENGINES])
def url(request):
    """The address of each kind of store; one engine for all tests of this file."""
    yield from address(request.param, ENGINES)


def wipe(url):
    if url.startswith("postgres"):
        with psycopg.connect(url) as database:
            database.execute("drop table if exists trip, city, person")
    elif url.startswith("sqlite"):
        opened = open_store(url)
        with opened._file.transaction() as database:
            for table in ("trip", "city", "person"):
                database.execute(f"delete from {table}")
        opened.close()


@pytest.fixture
def store(url):
    wipe(url)
    opened = open_store(url)
    yield opened
    opened.close()


def shared_only(url):
    if url == "memory://":
        pytest.skip("memory is each process's own")


def requested(trip="t1", rider="ann", at=0.0, city="paris"):
    return Trip(trip, rider, city, Place(48.85, 2.35), Place(48.9, -0.1), 1250, NOW + at, since=NOW + at)


def offered(trip="t1", rider="ann", driver="dan", **how):
    return trips.offer(requested(trip, rider, **how), driver, NOW + 60, NOW)


def accepted(trip):
    return trips.accept(trip, trip.driver, NOW + 1)


def steps_to(state):
    """The versions of a trip on its way to a state."""
    way = [requested()]
    if state is State.CANCELLED:
        return [*way, trips.cancel(way[-1], "ann", NOW + 1, TERMS)]
    if state is State.UNSERVED:
        return [*way, trips.give_up(way[-1], NOW + 1)]
    for step in (lambda t: trips.offer(t, "dan", NOW + 60, NOW), accepted, *(drive(n) for n in ("arrive", "start"))):
        if way[-1].state is not state:
            way.append(step(way[-1]))
    return way if way[-1].state is state else [*way, trips.complete(way[-1], "dan", NOW + 9)]


def drive(name):
    return lambda trip: getattr(trips, name)(trip, "dan", NOW + 5)


# -- each call by itself


def test_a_trip_comes_back_exactly_as_it_was_kept(store):
    odd = Trip(
        "!id~",
        "o'neill\\",
        "città",
        Place(-90.0, 0.0),
        Place(0.1 + 0.2, -179.99999999999997),
        2**40,
        NOW,
        State.OFFERED,
        NOW + 1e-6,
        'dan"%s',
        NOW + 15.25,
        ("eve", "fay"),
        0,
        7,
    )
    assert store.add(odd) == odd
    assert store.get("!id~") == odd
    assert type(store.get("!id~").state) is State
    with pytest.raises(Unknown, match="no trip 't9'"):
        store.get("t9")


@pytest.mark.parametrize("state", State)
def test_every_state_is_kept_and_counts_as_live_until_it_has_ended(store, state):
    first, *others = steps_to(state)
    store.add(first)
    for after in others:
        store.change(after)
    trip = store.get("t1")
    assert trip == [first, *others][-1]
    assert trip.state is state
    ended = state in (State.COMPLETED, State.CANCELLED, State.UNSERVED)
    assert store.claim("paris", 1) == ([] if ended else [trip])
    assert store.current("rider", "ann") == (None if ended else trip)
    assert store.current("driver", "dan") == (None if ended or state is State.REQUESTED else trip)
    if ended:
        assert store.add(requested("t2")).id == "t2", "the rider is free for the next"
    else:
        with pytest.raises(Busy, match="rider: ann is on another trip"):
            store.add(requested("t2"))


def test_the_same_request_again_gives_the_trip_as_it_is_by_now(store):
    store.add(requested())
    for after in steps_to(State.COMPLETED)[1:]:
        store.change(after)
        assert store.add(requested(at=30.0)) == after, "also while the rider is on it, and after"


@pytest.mark.parametrize(
    "other",
    [
        {"rider": "bob"},
        {"city": "lyon"},
        {"pickup": Place(48.85, 2.36)},
        {"dropoff": Place(48.9, 0.1)},
        {"cents": 1251},
    ],
    ids=lambda other: next(iter(other)),
)
def test_another_request_under_an_id_in_use_is_refused_and_changes_nothing(store, other):
    store.add(requested())
    with pytest.raises(RequestReused, match="t1"):
        store.add(replace(requested(), **other))
    assert store.get("t1") == requested()
    assert store.current("rider", "bob") is None


def test_a_refused_request_leaves_its_id_free(store):
    store.add(requested())
    with pytest.raises(Busy):
        store.add(requested("t2"))
    with pytest.raises(Unknown):
        store.get("t2")
    assert store.add(requested("t2", "bob")).rider == "bob"


def test_only_the_next_version_is_stored_and_storing_it_again_does_no_harm(store):
    first, second, third, *_ = steps_to(State.ARRIVED)
    store.add(first)
    with pytest.raises(Changed):
        store.change(third)
    store.change(second)
    store.change(second)
    with pytest.raises(Changed):
        store.change(replace(second, driver="eve"))
    store.change(third)
    with pytest.raises(Changed):
        store.change(second)
    with pytest.raises(Changed):
        store.change(replace(third, id="t9"))
    assert store.get("t1") == third


def test_a_driver_on_a_trip_cannot_take_a_second_until_the_first_has_ended(store):
    for number in "12":
        store.add(offered(f"t{number}", f"r{number}"))
    first = accepted(offered("t1", "r1"))
    store.change(first)
    for step in (None, "arrive", "start"):
        if step:
            first = drive(step)(first)
            store.change(first)
        with pytest.raises(Busy, match="driver: dan is on another trip"):
            store.change(accepted(offered("t2", "r2")))
        assert store.get("t2") == offered("t2", "r2")
        assert store.current("driver", "dan") == first
    store.change(trips.complete(first, "dan", NOW + 9))
    assert store.current("driver", "dan") == offered("t2", "r2")
    store.change(accepted(offered("t2", "r2")))


def test_a_driver_who_gave_a_trip_back_can_take_another(store):
    for number in "12":
        store.add(offered(f"t{number}", f"r{number}"))
    first = accepted(offered("t1", "r1"))
    store.change(first)
    given_back = trips.give_back(first, "dan", NOW + 5, TERMS)
    store.change(given_back)
    store.change(accepted(offered("t2", "r2")))
    assert store.get("t1") == given_back
    assert store.current("driver", "dan").id == "t2"


def test_of_several_offers_the_first_is_shown_and_a_trip_that_is_driven_before_any(store):
    for number, at in (("1", 3), ("2", 1), ("3", 2)):
        trip = requested(f"t{number}", f"r{number}", at)
        store.add(trips.offer(trip, "dan", NOW + 60, NOW + at))
    assert store.current("driver", "dan").id == "t2"
    store.change(accepted(store.get("t1")))
    assert store.current("driver", "dan").id == "t1"
    assert store.current("driver", "eve") is None


def test_people_are_known_once_enrolled_and_a_rider_is_no_driver(store):
    assert not store.enrolled("rider", "ann")
    assert store.enroll("rider", "ann")
    assert not store.enroll("rider", "ann")
    assert store.enrolled("rider", "ann")
    assert not store.enrolled("driver", "ann")


def test_a_claim_lists_the_citys_live_trips_the_oldest_request_first(store):
    for trip, at in (("b", 5), ("c", 1), ("a", 5), ("d", 0)):
        store.add(requested(trip, trip, at))
    store.add(requested("x", "x", city="lyon"))
    assert [trip.id for trip in store.claim("paris", 1)] == ["d", "c", "a", "b"]
    assert [trip.id for trip in store.claim("lyon", 1)] == ["x"]
    assert store.claim("nowhere", 1) == []


def test_a_lower_token_than_the_highest_seen_in_the_city_is_refused_and_changes_nothing(store):
    store.add(requested())
    store.claim("paris", 7)
    with pytest.raises(Fenced, match="6 is out of date in paris"):
        store.claim("paris", 6)
    with pytest.raises(Fenced):
        store.change(offered(), 6)
    assert store.get("t1") == requested()
    assert store.claim("paris", 7) == [requested()]
    assert store.claim("lyon", 1) == [], "each city has its own"
    store.change(offered(), 8)
    with pytest.raises(Fenced):
        store.claim("paris", 7)
    store.change(accepted(offered()))  # the driver has no token


def test_a_refused_change_does_not_raise_the_token(store):
    store.add(requested())
    store.claim("paris", 1)
    with pytest.raises(Changed):
        store.change(accepted(offered()), 5)
    assert store.claim("paris", 1) == [requested()]


@pytest.mark.parametrize(("pair", "asked"), [(in_turn, ["dan", "gus"]), (in_a_batch, ["eve", "dan"])])
def test_a_round_offers_in_turn_or_to_all_at_once_whoever_did_not_pass_and_nobody_twice(store, pair, asked):
    """Dan is nearer to Ann, who asked first, than Eve, and nearer still to Bob. Gus, the nearest, passes on Ann."""
    city = RideSharing("paris", store, MemoryLocations(BruteForce()), key=b"k" * 16, pair=pair, clock=lambda: NOW)
    for driver, lat in (("dan", 48.851), ("eve", 48.8489), ("gus", 48.85)):
        city.enroll("driver", driver)
        city.ping(driver, lat, 2.35, NOW, 1)
    for number, (rider, lat) in enumerate((("ann", 48.85), ("bob", 48.8515)), 1):
        city.enroll("rider", rider)
        city.request(f"t{number}", rider, city.quote(rider, (lat, 2.35), (48.9, 2.3)))
        if number == 1:
            assert [trip.driver for trip in city.dispatch(1)] == ["gus"]
            city.decline("gus", "t1")
    assert sorted((trip.id, trip.driver) for trip in city.dispatch(2)) == list(zip(("t1", "t2"), asked, strict=True))
    assert sorted(trip.driver for trip in store.claim("paris", 3)) == sorted(asked)
    assert city.dispatch(4) == [], "who is asked is not asked again"


def test_two_clients_see_one_store(store, url):
    shared_only(url)
    other = open_store(url)
    store.add(requested())
    assert other.get("t1") == requested()
    other.change(offered(), 3)
    with pytest.raises(Fenced):
        store.claim("paris", 2)
    with pytest.raises(Changed):
        store.change(trips.cancel(requested(), "ann", NOW, TERMS))
    other.close()


def test_clients_that_start_at_once_agree(url):
    wipe(url)
    stores = at_once(8, lambda i: open_store(url))
    assert not [error for error in stores if isinstance(error, Exception)]
    assert url == "memory://" or sum(one.enroll("rider", "ann") for one in stores) == 1
    for one in stores:
        one.close()


# -- many at once


def fill(url, made):
    """Keep many trips, some at once."""
    store = open_store(url)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(store.add, made))
    store.close()


def test_of_a_thousand_threads_that_accept_for_one_driver_exactly_one_wins(store):
    offers = [offered(f"t{i}", f"r{i}") for i in range(1_000)]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(store.add, offers))
    answers = at_once(1_000, lambda i: store.change(accepted(offers[i])))
    assert Counter(map(type, answers)) == {type(None): 1, Busy: 999}
    winner = answers.index(None)
    assert store.current("driver", "dan") == accepted(offers[winner])
    assert Counter(trip.state for trip in store.claim("paris", 1)) == {State.ACCEPTED: 1, State.OFFERED: 999}


ACCEPTS = """
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from designbook.systems.ride_sharing import trips
from designbook.systems.ride_sharing.stores import open_store

url, first, last, threads = sys.argv[1], *map(int, sys.argv[2:])
store = open_store(url)
offers = [store.get(f"t{i}") for i in range(first, last)]
barrier = Barrier(threads)
print("ready", flush=True)
sys.stdin.readline()

def accept(mine):
    barrier.wait(60)
    said = Counter()
    for offer in offers[mine::threads]:
        try:
            store.change(trips.accept(offer, offer.driver, offer.offered_until))
            said["won"] += 1
        except Exception as error:
            said[type(error).__name__] += 1
    return said

with ThreadPoolExecutor(threads) as pool:
    print(dict(sum(pool.map(accept, range(threads)), Counter())))
"""


def test_of_a_thousand_accepts_from_four_processes_exactly_one_wins_for_each_driver(store, url):
    """Two drivers with five hundred offers each; every process has a part of both."""
    shared_only(url)
    fill(url, [offered(f"t{i}", f"r{i}", ("dan", "eve")[i % 2]) for i in range(1_000)])
    runs = [Child(ACCEPTS, url, first, first + 250, 8) for first in range(0, 1_000, 250)]
    for process in runs:
        assert process.lines(1) == ["ready\n"]
    for process in runs:
        process.go()
    said = sum((Counter(eval("".join(process.rest()))) for process in runs), Counter())
    assert said == {"won": 2, "Busy": 998}
    live = store.claim("paris", 1)
    assert sorted(trip.driver for trip in live if trip.driven) == ["dan", "eve"]
    assert len(live) == 1_000


def test_of_accept_cancel_and_withdraw_that_come_at_once_one_happens_and_the_others_hear_of_it(store):
    for round_ in range(20):
        offer = offered(f"t{round_}", f"r{round_}", f"d{round_}")
        store.add(offer)
        ways = (
            accepted(offer),
            trips.cancel(offer, offer.rider, NOW + 1, TERMS),
            trips.withdraw(offer, NOW + 61),
            trips.decline(offer, offer.driver, NOW + 2),
        )
        answers = at_once(12, lambda i, ways=ways: store.change(ways[i % 4]))
        stored = store.get(offer.id)
        assert stored in ways
        # Those who wanted what was stored are told that it is; a repeat is no change.
        assert [answer is None for answer in answers] == [ways[i % 4] == stored for i in range(12)]
        assert all(isinstance(answer, Changed) for answer in answers if answer is not None)


def test_of_a_hundred_requests_of_one_rider_at_once_one_is_kept_and_its_repeats_are_the_same_trip(store):
    answers = at_once(100, lambda i: store.add(requested(f"t{i % 10}", at=float(i))))
    kept = [answer for answer in answers if isinstance(answer, Trip)]
    assert len(set(kept)) == 1
    assert len(kept) == 10
    assert sum(isinstance(answer, Busy) for answer in answers) == 90
    assert store.claim("paris", 1) == kept[:1]


def test_once_a_claim_has_answered_no_change_of_an_older_token_happens(store, url):
    """A dispatcher offers as fast as it can while another claims the city: what the claim saw is what there is."""
    for i in range(200):
        store.add(requested(f"t{i}", f"r{i}"))
    store.claim("paris", 1)
    under_way = threading.Event()

    def dispatch(i):
        if i == 0:
            assert under_way.wait(30)
            return store.claim("paris", 2)
        for n in range(i - 1, 200, 4):
            store.change(offered(f"t{n}", f"r{n}"), 1)
            under_way.set()
        return "done"

    seen, *others = at_once(5, dispatch)
    assert all(answer == "done" or isinstance(answer, Fenced) for answer in others)
    assert url == "memory://" or any(isinstance(answer, Fenced) for answer in others)
    assert store.claim("paris", 2) == seen


# -- any sequence of calls, beside the memory store


def test_any_sequence_of_calls_gives_what_the_memory_store_gives(store, url):
    """The memory store is the model; memory itself is run beside a second one of its kind, which must be repeatable."""
    ids, riders = st.sampled_from(["t1", "t2", "t3"]), st.sampled_from(["ann", "bob"])
    drivers, tokens = st.sampled_from(["dan", "eve"]), st.none() | st.integers(1, 4)

    class Beside(RuleBasedStateMachine):
        def __init__(self):
            super().__init__()
            wipe(url)
            self.real, self.model = (store if url != "memory://" else MemoryTrips()), MemoryTrips()
            if url.startswith("postgres"):
                self.real.close()
                self.real = open_store(url)
            self.now = NOW

        def both(self, call):
            answers = []
            for one in (self.real, self.model):
                try:
                    answers.append(call(one))
                except (Busy, Changed, Fenced, RequestReused, Unknown) as error:
                    answers.append((type(error), str(error)))
            assert answers[0] == answers[1]

        @rule(trip=ids, rider=riders, cents=st.sampled_from([1250, 1250, 1300]))
        def add(self, trip, rider, cents):
            self.now += 1
            self.both(lambda one: one.add(replace(requested(trip, rider), cents=cents, requested=self.now)))

        @rule(trip=ids, driver=drivers, token=tokens, pick=st.integers(0, 7), behind=st.sampled_from([0, 0, 0, 1]))
        def change(self, trip, driver, token, pick, behind):
            try:
                before = self.model.get(trip)
            except Unknown:
                before = requested(trip)
            self.now += 1
            choices = sorted(trips.LEGAL[before.state])
            if not choices:
                return
            state = State(choices[pick % len(choices)])
            who = driver if state is State.OFFERED else before.driver if state in trips.ROAD else ""
            after = replace(before, state=state, since=self.now, driver=who, version=before.version + 1 - behind)
            self.both(lambda one: one.change(after, token))

        @rule(token=st.integers(1, 4))
        def claim(self, token):
            self.both(lambda one: one.claim("paris", token))

        @rule(role=st.sampled_from(["rider", "driver"]), person=riders)
        def enroll(self, role, person):
            self.both(lambda one: one.enroll(role, person))

        @invariant()
        def all_is_equal(self):
            for trip in ("t1", "t2", "t3"):
                self.both(lambda one, trip=trip: one.get(trip))
            for role, person in (("rider", "ann"), ("rider", "bob"), ("driver", "dan"), ("driver", "eve")):
                self.both(lambda one, role=role, person=person: one.current(role, person))
                self.both(lambda one, role=role, person=person: one.enrolled(role, person))

    run_state_machine_as_test(Beside, settings=settings(max_examples=15, stateful_step_count=20))


# -- crashes

DRIVERS = """
import sys
from designbook.systems.ride_sharing import trips
from designbook.systems.ride_sharing.errors import Busy, StoreDown
from designbook.systems.ride_sharing.stores import open_store
from designbook.systems.ride_sharing.trips import Place, Trip
store = open_store(sys.argv[1])
try:
    for i in range(100_000):
        trip = Trip(f"t{i}", f"r{i}", "paris", Place(1.0, 2.0), Place(3.0, 4.0), 900, 0.0)
        offer = trips.offer(trip, f"d{i // 2}", 9.0, 0.0)
        store.add(offer)
        print("added", i, flush=True)
        try:
            store.change(trips.accept(offer, offer.driver, 1.0))
            print("accepted", i, flush=True)
        except Busy:
            pass
except StoreDown:
    pass
"""


@pytest.mark.parametrize("engine", [sqlite, postgres], ids=["sqlite", "postgres"])
def test_what_was_acknowledged_is_there_after_kill_9_and_a_retry_of_the_rest_does_no_harm(engine):
    """Each driver is offered two trips. SQLite runs inside the client, so there the client is killed."""
    want(engine.__name__)
    running = engine()
    with running as url:
        client = Child(DRIVERS, url)
        said = client.lines(Random().randint(100, 200))
        if engine is sqlite:
            client.kill()
        running.kill()
        said += client.rest()
        running.restart()
        store = open_store(url)
        for what, i in (line.split() for line in said):
            assert store.get(f"t{i}").state in ((State.ACCEPTED,) if what == "accepted" else trips.LIVE)
        last = int(said[-1].split()[1])
        for i in (last, last + 1):  # one of them was in flight: there as a whole or not at all
            offer = trips.offer(
                Trip(f"t{i}", f"r{i}", "paris", Place(1.0, 2.0), Place(3.0, 4.0), 900, 0.0), f"d{i // 2}", 9.0, 0.0
            )
            taken = trips.accept(offer, offer.driver, 1.0)
            kept = store.add(offer)
            assert kept in (offer, taken)
            holder = store.current("driver", offer.driver)
            if holder is None or holder.id == offer.id or not holder.driven:
                store.change(taken)
                store.change(taken)
            else:
                with pytest.raises(Busy):
                    store.change(taken)
        live = store.claim("paris", 1)
        driving = Counter(trip.driver for trip in live if trip.driven)
        assert set(driving.values()) == {1}
        store.close()


def test_every_call_says_that_the_engine_is_down_and_what_was_acknowledged_is_there_when_it_is_back():
    want("postgres")
    engine = postgres()
    with engine as url:
        store = open_store(url)
        store.add(offered())
        store.claim("paris", 3)
        at_once(5, lambda i: store.get("t1"))
        engine.kill()
        until_down(lambda: store.get("t1"), StoreDown)
        for call in (
            lambda: store.enroll("rider", "ann"),
            lambda: store.enrolled("rider", "ann"),
            lambda: store.add(requested("t2", "bob")),
            lambda: store.get("t1"),
            lambda: store.change(accepted(offered())),
            lambda: store.claim("paris", 4),
            lambda: store.current("driver", "dan"),
            lambda: open_store(url),
        ):
            with pytest.raises(StoreDown):
                call()
        engine.restart()
        assert store.get("t1") == offered()
        with pytest.raises(Fenced):
            store.claim("paris", 2)
        store.change(accepted(offered()))
        assert store.add(requested("t2", "bob")) == requested("t2", "bob")
        store.close()


def test_memory_needs_no_engine_and_a_wrong_address_is_named(tmp_path):
    assert isinstance(open_store("memory://"), MemoryTrips)
    for wrong in ("mysql://x", "trips.db", "sqlite://", "sqlite:///"):
        with pytest.raises(ValueError, match=r"expected memory|names no file"):
            open_store(wrong)
    with pytest.raises(StoreDown, match="SQLite"):
        open_store(f"sqlite:///{Path(tmp_path)}/no/such/folder/trips.db")
    with pytest.raises(StoreDown, match="PostgreSQL"):
        open_store("postgresql://localhost:1/x")
