"""Two dispatchers during a partition: riders' and drivers' phones, dispatchers, their leases, the trips, as nodes.

Each city is dispatched by who holds its lease, which a third node gives. What a dispatcher has under way when it is cut
off arrives when another holds the lease. So the store of trips refuses tokens that are out of date.
"""

from collections import deque
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from designbook.blocks.geo_index import BruteForce
from designbook.simulation.network import (
    Effect,
    Event,
    Fired,
    Node,
    Note,
    Received,
    Send,
    SetTimer,
    Started,
    Write,
    Written,
)
from designbook.systems.ride_sharing import trips
from designbook.systems.ride_sharing.errors import Busy, Changed, Fenced, IllegalTransition, Refused, Unknown
from designbook.systems.ride_sharing.geo.memory import MemoryLocations
from designbook.systems.ride_sharing.locations import LocationStream
from designbook.systems.ride_sharing.matching import Pairing, in_turn, plan
from designbook.systems.ride_sharing.rules import Rules
from designbook.systems.ride_sharing.stores.memory import MemoryTrips
from designbook.systems.ride_sharing.stores.port import TripStore
from designbook.systems.ride_sharing.trips import Place, Seconds, State, Trip

CITIES: Mapping[str, Place] = {"paris": Place(48.85, 2.35), "orly": Place(48.75, 2.36)}
"""Each is dispatched by itself, and every driver is near enough to both."""
RIDERS = ("abe", "ben", "cyd", "dee", "ida", "joe", "kim", "liz")
DRIVERS: Mapping[str, tuple[Place, Place]] = {
    "eve": (Place(48.86, 2.35), Place(48.76, 2.35)),
    "fay": (Place(48.74, 2.35), Place(48.84, 2.35)),
    "gus": (Place(49.01, 2.35), Place(49.02, 2.35)),
}
"""Each goes to and fro between two places, and tells one dispatcher or the other: each knows them elsewhere."""
DISPATCHERS = ("east", "west")
LEASES, TRIPS = "leases", "trips"
NODES = (*RIDERS, *DRIVERS, *DISPATCHERS, LEASES, TRIPS)

RULES = Rules(radius=50_000.0, offered_for=2.0, patience=4.0, lease=4.0)
LEASE = 2.0
"""Seconds for which a city is given to a dispatcher, unless it asks for more."""
GIVES_UP = 3.0
"""Seconds after which a dispatcher begins another round, whether the store has answered all of the last one or not."""
THINKS = 1.5
"""Seconds from what the store says to the offers that are made of it: routes and an assignment take their time."""
ROUNDS = 1_000
"""Rounds of dispatch in one lease, at the most: a token is the lease's number times this and the round's."""


@dataclass(frozen=True, slots=True)
class Book:
    """A rider wants this ride."""

    trip: Trip


@dataclass(frozen=True, slots=True)
class CallOff:
    """A rider wants it no more."""

    trip: str


@dataclass(frozen=True, slots=True)
class Ask:
    """A call of the store of trips: `add`, `get`, `current`, `change` or `claim`, or a step that a phone takes."""

    call: str
    arguments: tuple[Any, ...]

    def __str__(self) -> str:
        return f"{self.call}({', '.join(map(str, self.arguments))})"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of it: a trip, trips or nothing, or the name of what was raised."""

    asked: Ask
    result: Any
    error: str = ""

    def __str__(self) -> str:
        several = isinstance(self.result, tuple)
        return f"{self.asked} = {self.error or ('; '.join(map(str, self.result)) if several else self.result)}"


@dataclass(frozen=True, slots=True)
class Ping:
    """A driver's phone says that it is there."""

    driver: str
    place: Place
    time: Seconds
    sequence: int


@dataclass(frozen=True, slots=True)
class Offer:
    """A dispatcher shows a driver a trip."""

    trip: Trip


@dataclass(frozen=True, slots=True)
class Acquire:
    """A dispatcher asks for every city's lease, or for more of those that it has.

    `sent` is its own clock, from which it will count; `life` is when it started, since after a crash it is another.
    """

    sent: Seconds
    life: Seconds


@dataclass(frozen=True, slots=True)
class Granted:
    """These leases are the dispatcher's, by city; a number grows each time it changes hands."""

    sent: Seconds
    numbers: tuple[tuple[str, int], ...]


# -- what the notes say


@dataclass(frozen=True, slots=True)
class Wanted:
    """A rider's phone has the request on disk, and will not rest until it ends."""

    trip: str


@dataclass(frozen=True, slots=True)
class Won:
    """A driver's phone was told that the trip is theirs."""

    trip: str


@dataclass(frozen=True, slots=True)
class Returned:
    """A driver wants to give the trip back."""

    trip: str


@dataclass(frozen=True, slots=True)
class Stored:
    """The store holds these trips now; after a crash they are `all` that it holds."""

    trips: tuple[Trip, ...]
    all: bool = False


# -- the nodes


class RiderNode:
    """A rider's phone: sends a request until it is answered, then asks how it stands until it has ended."""

    again: bool = True

    def __init__(self, name: str) -> None:
        self._name = name
        self._wanted: dict[str, Trip] = {}
        self._off: set[str] = set()
        self._known: dict[str, Trip] = {}
        self._sent: set[str] = set()

    def handle(self, now: Seconds, event: Event) -> Iterator[Effect]:
        """As every `Node`."""
        match event:
            case Started(disk):
                self._wanted = {trip.id: trip for trip in disk.values() if isinstance(trip, Trip)}
                self._off = {str(trip) for trip in disk.values() if not isinstance(trip, Trip)}
                yield SetTimer("tick", 0.5)
            case Received(_, Book(trip)):
                self._wanted[trip.id] = trip
                yield Write(("want", trip.id), trip)
            case Received(_, CallOff(trip)):
                self._off.add(trip)
                yield Write(("off", trip), trip)
            case Written(("want", trip)):
                yield Note(Wanted(str(trip)))
                yield from self._ask(str(trip))
            case Received(_, Answer(Ask("add", (asked,)), Trip() as kept)):
                self._known[asked.id] = kept
            case Received(_, Answer(Ask("add", (asked,)), None)):
                self._sent.discard(asked.id)  # the rider is on another trip still
            case Received(_, Answer(Ask("get", (asked,)), Trip() as kept)):
                self._known.update((mine, kept) for mine, trip in self._known.items() if trip.id == asked)
            case Fired():
                yield SetTimer("tick", 1.5)
                for trip in sorted(self._wanted):
                    yield from self._ask(trip)

    def _ask(self, trip: str) -> Iterator[Effect]:
        kept = self._known.get(trip)
        if kept is None:
            if self.again or trip not in self._sent:
                self._sent.add(trip)
                yield Send(TRIPS, Ask("add", (self._wanted[trip],)))
        elif kept.live:
            yield Send(TRIPS, Ask("get", (kept.id,)))
            if trip in self._off:
                yield Send(TRIPS, Ask("cancel", (kept.id, self._name)))


class DriverNode:
    """A driver's phone: says where it is, takes most offers that it is shown, and drives one step after the other.

    All that it must know it asks for: the trip that its driver is on, or was offered. So it needs no memory.
    """

    again: bool = True

    def __init__(self, name: str) -> None:
        self._name = name
        self._turn = 0
        self._done: set[tuple[str, str]] = set()

    def handle(self, now: Seconds, event: Event) -> Iterator[Effect]:
        """As every `Node`."""
        match event:
            case Started():
                yield SetTimer("tick", 0.3)
            case Fired():
                yield SetTimer("tick", 1.0)
                self._turn += 1
                place = DRIVERS[self._name][self._turn // 2 % 2]
                yield Send(DISPATCHERS[self._turn % 2], Ping(self._name, place, now, max(0, int(now * 1_000))))
                yield Send(TRIPS, Ask("current", ("driver", self._name)))
            case Received(_, Offer(trip)) | Received(_, Answer(Ask("current"), Trip() as trip)):
                yield from self._go_on(trip)
            case Received(_, Answer(Ask("accept"), Trip() as trip)):
                if trip.driver == self._name:
                    yield Note(Won(trip.id))

    def _go_on(self, trip: Trip) -> Iterator[Effect]:
        mood = sum(map(ord, trip.id + self._name)) % 7
        match trip.state:
            case State.OFFERED:
                yield from self._step("decline" if mood == 1 else "accept", trip)
            case State.ACCEPTED if mood == 2:
                yield Note(Returned(trip.id))
                yield from self._step("give_back", trip)
            case State.ACCEPTED:
                yield from self._step("arrive", trip)
            case State.ARRIVED:
                yield from self._step("start", trip)
            case State.STARTED:
                yield from self._step("complete", trip)

    def _step(self, step: str, trip: Trip) -> Iterator[Effect]:
        if self.again or (step, trip.id) not in self._done:
            self._done.add((step, trip.id))
            yield Send(TRIPS, Ask(step, (trip.id, self._name)))


@dataclass(slots=True)
class Lead:
    """A dispatcher's lease of a city, as far as it knows.

    `until` is by its own clock, and so is when its last round was `asked` for; the last that it `planned` may be older.
    """

    number: int = 0
    until: Seconds = 0.0
    round: int = 0
    asked: Seconds = 0.0
    planned: int = 0

    @property
    def token(self) -> int:
        """What fences its writes: each round's is higher than the one's before."""
        return self.number * ROUNDS + self.round


class DispatcherNode:
    """Dispatches each city of which it holds the lease, and keeps asking for the lease of all.

    It plans a round on what the store said when it claimed the city, and by that claim refuses what it or another has
    still under way from an earlier one. What it sent is sent again until it is answered, as by TCP, so it arrives even
    when a partition is over and another dispatches.
    """

    def __init__(self, name: str, pair: Pairing = in_turn) -> None:
        self._pair = pair
        self._now = self._life = 0.0
        self._leads = {city: Lead() for city in CITIES}
        self._live: dict[str, tuple[Trip, ...]] = {}
        self._unanswered: dict[Ask, None] = {}
        self._stream = LocationStream(MemoryLocations(BruteForce()), RULES, clock=lambda: self._now)

    def handle(self, now: Seconds, event: Event) -> Iterator[Effect]:
        """As every `Node`."""
        self._now = now
        match event:
            case Started():
                self._life = now
                yield SetTimer("tick", 0.1)
            case Fired("tick"):
                yield SetTimer("tick", 1.0)
                for asked in self._unanswered:
                    yield Send(TRIPS, asked)
                yield Send(LEASES, Acquire(now, self._life))
                for city in CITIES:
                    yield from self._claim(city)
            case Fired((_, city, token)):
                lead = self._leads[city]
                if token == lead.token:
                    lead.planned = lead.round
                for after in plan(self._live[city], self._stream.near, now, RULES, self._pair):
                    asked = Ask("change", (after, token))
                    self._unanswered[asked] = None
                    yield Send(TRIPS, asked)
            case Received(_, Granted(sent, numbers)):
                for city, number in numbers:
                    yield from self._lead(city, number, sent + LEASE)
            case Received(_, Answer(Ask("claim", (city, token)), tuple(live))):
                lead = self._leads[city]
                if token == lead.token and lead.planned != lead.round:  # else a second copy would be planned on
                    self._live[city] = live
                    yield SetTimer(("plan", city, token), THINKS)
            case Received(_, Answer(Ask("change", (Trip() as trip, _)) as asked, None, error)):
                self._unanswered.pop(asked, None)
                if trip.state is State.OFFERED and not error:
                    yield Send(trip.driver, Offer(trip))
            case Received(_, Answer(Ask("claim", (city, token)), _, "Fenced")):
                if token == self._leads[city].token:
                    self._leads[city].until = 0.0
            case Received(_, Ping(driver, place, time, sequence)):
                with suppress(Refused):  # its clock is wrong
                    self._stream.ping(driver, *place, time, sequence)

    def _is_over(self, city: str) -> bool:
        """Whether the city's round is planned, and all its changes are answered."""
        lead = self._leads[city]
        under_way = ((asked.arguments[0].city, asked.arguments[1]) for asked in self._unanswered)
        return lead.planned == lead.round and (city, lead.token) not in under_way

    def _lead(self, city: str, number: int, until: Seconds) -> Iterator[Effect]:
        lead = self._leads[city]
        if number > lead.number:
            self._leads[city] = Lead(number, until)
            yield from self._claim(city)
        elif number == lead.number:
            lead.until = max(lead.until, until)

    def _claim(self, city: str) -> Iterator[Effect]:
        """Begin a round, if the lease lasts, and the one before is over or has taken too long."""
        lead = self._leads[city]
        if self._now < lead.until and (self._is_over(city) or self._now >= lead.asked + GIVES_UP):
            lead.asked = self._now
            lead.round += 1
            yield Send(TRIPS, Ask("claim", (city, lead.token)))


Holder = tuple[str, Seconds]
"""A dispatcher, and when it started."""


class LeaseNode:
    """Gives each city to one dispatcher at a time, and has on disk to whom, until when and under which number.

    The number grows whenever the city changes hands, also to the same dispatcher in another life.
    """

    def __init__(self) -> None:
        self._given: dict[str, tuple[Holder, Seconds, int]] = {}
        self._unwritten: deque[tuple[str, Granted]] = deque()

    def handle(self, now: Seconds, event: Event) -> Iterator[Effect]:
        """As every `Node`."""
        match event:
            case Started(disk):
                self._remember(disk)
            case Received(sender, Acquire(sent, life)):
                numbers = []
                for city in CITIES:
                    holder, until, number = self._given.get(city, (("", 0.0), 0.0, 0))
                    if holder == (sender, life) or now >= until:
                        number += holder != (sender, life)
                        self._given[city] = ((sender, life), now + LEASE, number)
                        numbers.append((city, number))
                if numbers:
                    self._unwritten.append((sender, Granted(sent, tuple(numbers))))
                    yield Write("given", tuple(self._given.items()))
            case Written():
                sender, granted = self._unwritten.popleft()
                yield Send(sender, granted)

    def _remember(self, disk: Mapping[Hashable, Any]) -> None:
        self._given = dict(disk.get("given", ()))


class TripsNode:
    """The store of trips: it writes what changes it to disk, does it only then, and does it all again after a crash.

    A step of a phone is read, decided and written here at once, as a server beside the database does it.
    """

    def __init__(self, store: Callable[[], TripStore] = MemoryTrips) -> None:
        self._store = store()
        self._log: list[tuple[str, Ask, Seconds]] = []
        self._done = 0
        self._waiting: set[tuple[str, Ask]] = set()
        self._trips: set[str] = set()

    def handle(self, now: Seconds, event: Event) -> Iterator[Effect]:
        """As every `Node`."""
        match event:
            case Started(disk):
                self._replay(disk)
                if self._log:
                    yield Note(Stored(tuple(self._store.get(trip) for trip in sorted(self._trips)), all=True))
            case Received(sender, Ask() as asked):
                if asked.call in READS:
                    yield Send(sender, self._answer(asked, now))
                elif (sender, asked) not in self._waiting:  # else a slow disk would be asked the faster for it
                    self._waiting.add((sender, asked))
                    yield from self._keep(sender, asked, now)
            case Written():
                yield from self._carry_out()

    def _replay(self, disk: Mapping[Hashable, Any]) -> None:
        for number in range(len(disk)):
            self._log.append(disk[number])
            self._carry_out()

    def _keep(self, sender: str, asked: Ask, now: Seconds) -> Iterator[Effect]:
        """Log what was asked; it is carried out when it is on disk."""
        self._log.append((sender, asked, now))
        yield Write(len(self._log) - 1, self._log[-1])

    def _carry_out(self) -> list[Effect]:
        """Do the first thing of the log that is not done, and say what it changed."""
        sender, asked, now = self._log[self._done]
        self._done += 1
        self._waiting.discard((sender, asked))
        answer = self._answer(asked, now)
        effects: list[Effect] = [Send(sender, answer)]
        changed = asked.arguments[0] if asked.call == "change" else answer.result
        if not answer.error and isinstance(changed, Trip):
            self._trips.add(changed.id)
            effects.append(Note(Stored((changed,))))
        return effects

    def _answer(self, asked: Ask, now: Seconds) -> Answer:
        try:
            return Answer(asked, self._call(asked.call, asked.arguments, now))
        except REFUSALS as error:
            return Answer(asked, None, type(error).__name__)

    def _call(self, call: str, arguments: tuple[Any, ...], now: Seconds) -> Any:
        store = self._store
        if call == "add":
            return store.add(replace(arguments[0], requested=now, since=now))
        if call == "claim":
            return tuple(store.claim(*arguments))
        if call in ("change", "get", "current"):
            return getattr(store, call)(*arguments)
        trip, person = arguments
        before = store.get(trip)
        after = STEPS[call](before, person, now)
        if after is not before:
            store.change(after)
        return after


READS = ("get", "current")
REFUSALS = (Busy, Changed, Fenced, IllegalTransition, Refused, Unknown)
STEPS: Mapping[str, Callable[[Trip, str, Seconds], Trip]] = {
    "accept": trips.accept,
    "decline": trips.decline,
    "arrive": trips.arrive,
    "start": trips.start,
    "complete": trips.complete,
    "give_back": partial(trips.give_back, terms=RULES.cancellation),
    "cancel": partial(trips.cancel, terms=RULES.cancellation),
}


# -- designs


@dataclass(frozen=True, slots=True)
class Design:
    """What runs on the network: how each kind of node is made, phones and dispatchers from their names."""

    rider: Callable[[str], Node] = RiderNode
    driver: Callable[[str], Node] = DriverNode
    dispatcher: Callable[[str], Node] = DispatcherNode
    leases: Callable[[], Node] = LeaseNode
    trips: Callable[[], Node] = TripsNode


OURS = Design()
