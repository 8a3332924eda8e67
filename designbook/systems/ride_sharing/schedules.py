"""A thousand storms: riders, drivers and two dispatchers under schedules of faults, and what to count afterwards.

No driver is on two trips at once; no rider has two trips; what a driver was told is theirs stays theirs; a city asks a
driver one thing at a time; every request ends. `play` runs one schedule of faults, `survey` many. A `Design` says what
runs, so that a naive design, or ours with one safeguard taken out, meets the same schedules.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from random import Random
from typing import Self

from designbook.simulation.faults import Fault, FaultSchedule, Partition, Restart, SlowDisk
from designbook.simulation.network import Effect, Event, Network, Started, Written
from designbook.systems.ride_sharing.simulation import (
    CITIES,
    DISPATCHERS,
    DRIVERS,
    LEASE,
    LEASES,
    NODES,
    OURS,
    RIDERS,
    TRIPS,
    Ask,
    Book,
    CallOff,
    Design,
    DriverNode,
    LeaseNode,
    Returned,
    RiderNode,
    Stored,
    TripsNode,
    Wanted,
    Won,
)
from designbook.systems.ride_sharing.stores.memory import MemoryTrips
from designbook.systems.ride_sharing.stores.port import TripStore
from designbook.systems.ride_sharing.trips import Place, Seconds, State, Trip

STORM = 9.0
"""Seconds during which there are faults, and riders ask for rides."""
END = 60.0
"""When every request must have ended."""
QUIET = 2.0
"""Seconds that a run goes on when every request has ended, for what is still under way."""
REQUESTS = 7


# -- ours, with one safeguard taken out


class _Unfenced(MemoryTrips):
    """Takes a dispatcher's word whatever its token."""

    def _check_token(self, city: str, token: int) -> None:
        pass


class _Unconstrained(MemoryTrips):
    """Lets a driver be on two trips."""

    def _check_driver(self, after: Trip) -> None:
        pass


class _LastWriterWins(MemoryTrips):
    """Sets without comparing."""

    def _compare(self, after: Trip) -> None:
        pass


class _EachRequestAnew(MemoryTrips):
    """Does not know a request again: each is another trip."""

    def add(self, trip: Trip) -> Trip:
        """As `TripStore`, with an id of its own for each call."""
        self._calls = getattr(self, "_calls", 0) + 1
        return super().add(replace(trip, id=f"{trip.id}#{self._calls}"))


class _Naive(_Unfenced, _Unconstrained, _LastWriterWins, _EachRequestAnew):
    """A table of trips: a request is a new row, a change is written over the old one, and nothing is compared."""

    def add(self, trip: Trip) -> Trip:
        """As `TripStore`, also for a rider who is on a trip."""
        self._of_rider.pop(trip.rider, None)
        return super().add(trip)


class _AsksOnce(RiderNode):
    """Without retry of a request that was not answered."""

    again = False


class _StepsOnce(DriverNode):
    """Without retry of a step that was not answered."""

    again = False


class _AnswersEarly(TripsNode):
    """Answers before what it did is on disk."""

    def handle(self, now: Seconds, event: Event) -> Iterator[Effect]:
        """As every `Node`."""
        return iter(()) if isinstance(event, Written) else super().handle(now, event)

    def _keep(self, sender: str, asked: Ask, now: Seconds) -> Iterator[Effect]:
        yield from super()._keep(sender, asked, now)
        yield from self._carry_out()


class _ForgetsNumbers(LeaseNode):
    """Begins to count anew after a crash."""

    def handle(self, now: Seconds, event: Event) -> Iterator[Effect]:
        """As every `Node`."""
        return super().handle(now, Started({}) if isinstance(event, Started) else event)


def _with_store(store: Callable[[], TripStore]) -> Design:
    return Design(trips=lambda: TripsNode(store))


NAIVE = _with_store(_Naive)
"""Our phones and dispatchers on a naive table of trips."""
WITHOUT: Mapping[str, Design] = {
    "fencing": _with_store(_Unfenced),
    "constraint": _with_store(_Unconstrained),
    "compare and set": _with_store(_LastWriterWins),
    "idempotent requests": _with_store(_EachRequestAnew),
    "retry of requests": Design(rider=_AsksOnce),
    "retry of steps": Design(driver=_StepsOnce),
    "log before answer": Design(trips=_AnswersEarly),
    "lease numbers on disk": Design(leases=_ForgetsNumbers),
}
"""Our design without one of its safeguards; the schedules catch each."""


# -- what happened


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of the requests of one run; each tuple names those for whom a promise was broken."""

    wanted: int
    completed: int
    refused: int  # told no
    doubled: tuple[str, ...]  # drivers on two trips at once
    shared: tuple[str, ...]  # riders with two trips at once, or two trips for one request
    lost: tuple[str, ...]  # trips that a driver was told are theirs, and that then were not
    crowded: tuple[str, ...]  # drivers asked two things at once by one city
    stuck: tuple[str, ...]  # requests without an end

    def check(self) -> None:
        """Raises AssertionError, which names what is wrong, unless every promise was kept."""
        assert not self.doubled, f"on two trips: {', '.join(self.doubled)}"
        assert not self.shared, f"with two rides: {', '.join(self.shared)}"
        assert not self.lost, f"taken away: {', '.join(self.lost)}"
        assert not self.crowded, f"asked twice at once: {', '.join(self.crowded)}"
        assert not self.stuck, f"without an end: {', '.join(self.stuck)}"


def play(design: Design, seed: int, faults: FaultSchedule, *, requests: int = REQUESTS) -> Outcome:
    """Riders ask for `requests` rides during a storm of `faults`; what had become of them when all was quiet."""
    return outcome(run(design, seed, faults, requests=requests))


def run(design: Design, seed: int, faults: FaultSchedule, *, requests: int = REQUESTS) -> Network:
    """The network after the run of `play`, to look into."""
    network = Network(seed)
    for name in RIDERS:
        network.add(name, partial(design.rider, name))
    for name in DRIVERS:
        network.add(name, partial(design.driver, name))
    for name in DISPATCHERS:
        network.add(name, partial(design.dispatcher, name))
    network.add(LEASES, design.leases)
    network.add(TRIPS, design.trips)
    draw = Random(f"requests {seed}")
    for number in range(requests):
        rider, city = draw.choice(RIDERS), draw.choice(("paris", "paris", "orly"))
        place = CITIES[city]
        there = Place(place.lat + draw.uniform(-0.05, 0.05), place.lon + draw.uniform(-0.05, 0.05))
        time = round(_rush(seed) + draw.uniform(0.0, 3.0) if number % 3 else draw.uniform(1.0, STORM - 1.0), 3)
        network.inject(rider, Book(Trip(f"{city}-{number}", rider, city, place, there, 1_000, 0.0)), at=time)
        if draw.random() < 0.2:
            network.inject(rider, CallOff(f"{city}-{number}"), at=round(time + draw.uniform(0.0, 4.0), 3))
    faults.install(network)
    network.run(STORM)
    story = Story()
    while network.now < END and story.read(network).open:
        network.run(min(network.now + QUIET, END))
    network.run(network.now + QUIET)
    return network


class Story:
    """What the notes say: every version of every trip that was stored, and what the phones were told of it."""

    def __init__(self) -> None:
        self._read = 0
        self.wanted: set[str] = set()
        self.trips: dict[str, Trip] = {}
        self._won: set[tuple[str, str]] = set()
        self._doubled, self._shared, self._lost, self._crowded = set[str](), set[str](), set[str](), set[str]()

    def read(self, network: Network) -> Self:
        """Go on to the end of the trace."""
        for record in network.trace[self._read :]:
            if record.kind == "note":
                self._note(record.node, record.detail)
        self._read = len(network.trace)
        return self

    @property
    def open(self) -> set[str]:
        """The requests that have not ended."""
        live = {_request(trip) for trip in self.trips.values() if trip.live}
        return self.wanted - ({_request(trip) for trip in self.trips.values()} - live)

    @property
    def outcome(self) -> Outcome:
        """What it comes to."""
        states = Counter(trip.state for trip in self.trips.values())
        return Outcome(
            len(self.wanted),
            states[State.COMPLETED],
            states[State.UNSERVED],
            tuple(sorted(self._doubled)),
            tuple(sorted(self._shared | _twice(_request(trip) for trip in self.trips.values()))),
            tuple(sorted(self._lost)),
            tuple(sorted(self._crowded)),
            tuple(sorted(self.open)),
        )

    def _note(self, node: str, what: object) -> None:
        match what:
            case Wanted(trip):
                self.wanted.add(trip)
            case Won(trip):
                self._won.add((trip, node))
            case Returned(trip):
                self._won.add((trip, ""))
            case Stored(stored, everything):
                if everything:
                    self.trips.clear()
                self.trips.update((trip.id, trip) for trip in stored)
                self._look()

    def _look(self) -> None:
        """What is wrong as it is now."""
        live = [trip for trip in self.trips.values() if trip.live]
        self._doubled |= _twice(trip.driver for trip in live if trip.driven)
        self._shared |= _twice(trip.rider for trip in live)
        self._crowded |= _twice(f"{trip.driver} in {trip.city}" for trip in live if trip.state is State.OFFERED)
        for trip, driver in self._won:
            if (trip, "") not in self._won and (trip not in self.trips or self.trips[trip].driver != driver):
                self._lost.add(trip)


def outcome(network: Network) -> Outcome:
    """What came of the requests of a run."""
    return Story().read(network).outcome


def _twice(names: Iterable[str]) -> set[str]:
    """Those that are there more than once."""
    once, more = set[str](), set[str]()
    for name in names:
        (more if name in once else once).add(name)
    return more


def _request(trip: Trip) -> str:
    """The request that a trip was made for; see `_EachRequestAnew`."""
    return trip.id.split("#")[0]


def divided(seed: int) -> FaultSchedule:
    """First one dispatcher, then the other is cut off with a driver in the middle of a rush, until the leases run out.

    Once in the meantime the store's disk is slow, and the store loses its memory.
    """
    draw = Random(f"divided {seed}")
    start, faults = _rush(seed) + draw.uniform(0.5, 1.5), list[Fault]()
    for name in DISPATCHERS:
        end = start + LEASE + draw.uniform(0.0, 1.5)
        faults.append(Partition((name, draw.choice(list(DRIVERS))), round(start, 3), round(end, 3)))
        start = end + draw.uniform(0.0, 1.0)
    dies = round(_rush(seed) + draw.uniform(1.0, 6.0), 3)
    return FaultSchedule((*faults, SlowDisk(TRIPS, 30.0, dies - 1.0, dies + 1.0), Restart(TRIPS, dies)))


def _rush(seed: int) -> Seconds:
    """When most of the riders begin to want a ride."""
    return Random(f"rush {seed}").uniform(0.5, 3.0)


def schedule(seed: int) -> FaultSchedule:
    """The faults that go with a seed: a dispatcher cut off, and five of any kind, on any node, over with the storm."""
    return _together(divided(seed), FaultSchedule.random(Random(seed), NODES, STORM))


def scenario(design: Design = OURS) -> Callable[[int, FaultSchedule], None]:
    """For `designbook.simulation.faults.hunt`: raises AssertionError where a promise was broken."""
    return lambda seed, faults: play(design, seed, _together(divided(seed), faults)).check()


def _together(one: FaultSchedule, other: FaultSchedule) -> FaultSchedule:
    return FaultSchedule(one.faults + other.faults)


@dataclass(frozen=True, slots=True)
class Survey:
    """Of so many schedules, those that broke each promise; and of all requests, those served and those told no."""

    schedules: int
    doubling: int
    sharing: int
    losing: int
    crowding: int
    sticking: int
    wanted: int
    completed: int
    refused: int

    @property
    def keeping(self) -> bool:
        """Whether every promise was kept under every schedule."""
        return not (self.doubling or self.sharing or self.losing or self.crowding or self.sticking)


def survey(design: Design, seeds: Iterable[int]) -> Survey:
    """Play every seed's schedule against `design` and count what broke."""
    outcomes = [play(design, seed, schedule(seed)) for seed in seeds]
    return Survey(
        len(outcomes),
        sum(bool(each.doubled) for each in outcomes),
        sum(bool(each.shared) for each in outcomes),
        sum(bool(each.lost) for each in outcomes),
        sum(bool(each.crowded) for each in outcomes),
        sum(bool(each.stuck) for each in outcomes),
        sum(each.wanted for each in outcomes),
        sum(each.completed for each in outcomes),
        sum(each.refused for each in outcomes),
    )
