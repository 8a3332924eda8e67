"""A trip: its states, the one table of legal transitions, who may take which step, and what a cancellation costs.

Each step is a function from a trip to the trip after it, without I/O. A step that was taken before gives the trip as
it is, so that a retry does no harm; a step that cannot be raises and changes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, NamedTuple

from designbook.systems.ride_sharing.errors import IllegalTransition, Refused

Seconds = float


class State(StrEnum):
    """Where a trip stands; `unserved` means that the rider was told no."""

    REQUESTED = "requested"
    OFFERED = "offered"
    ACCEPTED = "accepted"
    ARRIVED = "arrived"
    STARTED = "started"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    UNSERVED = "unserved"


LEGAL: Mapping[State, frozenset[State]] = {
    State.REQUESTED: frozenset({State.OFFERED, State.CANCELLED, State.UNSERVED}),
    State.OFFERED: frozenset({State.ACCEPTED, State.REQUESTED, State.CANCELLED}),
    State.ACCEPTED: frozenset({State.ARRIVED, State.REQUESTED, State.CANCELLED}),
    State.ARRIVED: frozenset({State.STARTED, State.REQUESTED, State.CANCELLED}),
    State.STARTED: frozenset({State.COMPLETED}),
    State.COMPLETED: frozenset(),
    State.CANCELLED: frozenset(),
    State.UNSERVED: frozenset(),
}
"""Back to requested: an offer was declined or ran out, or a driver gave the trip back before the rider got in."""

DRIVEN = (State.ACCEPTED, State.ARRIVED, State.STARTED)
"""The states in which the driver is taken; no driver is on two such trips."""
LIVE = (State.REQUESTED, State.OFFERED, *DRIVEN)
"""The states in which the rider is taken; no rider is on two such trips."""
ROAD = (*DRIVEN, State.COMPLETED)
"""The steps of a ride in their order."""


class Place(NamedTuple):
    """A point on the map, in degrees."""

    lat: float
    lon: float


@dataclass(frozen=True, slots=True)
class Trip:
    """A request and what became of it.

    `id` is the id that the rider's device gave the request. `cents` is the price as it was quoted. `since` is when the
    state was entered (Unix seconds). `driver` is who was offered the trip or drives it, "" while nobody is. `passed`
    are the drivers who declined it, let the offer run out or gave it back: they are not asked again. `charged` is what
    the rider pays in the end, in cents. `version` counts the changes.
    """

    id: str
    rider: str
    city: str
    pickup: Place
    dropoff: Place
    cents: int
    requested: Seconds
    state: State = State.REQUESTED
    since: Seconds = 0.0
    driver: str = ""
    offered_until: Seconds = 0.0
    passed: tuple[str, ...] = ()
    charged: int = 0
    version: int = 0

    def __str__(self) -> str:
        return f"{self.id}, version {self.version}: {self.state} {self.driver}".rstrip()

    @property
    def live(self) -> bool:
        """Whether it has not ended."""
        return self.state in LIVE

    @property
    def driven(self) -> bool:
        """Whether a driver is on it."""
        return self.state in DRIVEN

    def asks_the_same(self, other: "Trip") -> bool:
        """Whether two requests under one id are the same, whatever has become of them and whenever they came."""
        return (self.rider, self.city, self.pickup, self.dropoff, self.cents) == (
            other.rider,
            other.city,
            other.pickup,
            other.dropoff,
            other.cents,
        )


@dataclass(frozen=True, slots=True)
class Cancellation:
    """What a rider pays for cancelling: nothing for `free` seconds after a driver accepted, then `fee` cents.

    A driver who has waited `no_show` seconds at the pickup may leave, and the rider pays the fee.
    """

    free: Seconds = 120.0
    fee: int = 500
    no_show: Seconds = 300.0


# -- steps of the dispatcher


def offer(trip: Trip, driver: str, until: Seconds, now: Seconds) -> Trip:
    """Ask a driver; the offer runs out at `until`. Raises IllegalTransition, or Refused for who passed before."""
    if driver in trip.passed:
        raise Refused("driver", f"has passed on trip {trip.id}", driver)
    return _move(trip, State.OFFERED, now, driver=driver, offered_until=until)


def withdraw(trip: Trip, now: Seconds) -> Trip:
    """Take an offer back that ran out. Raises IllegalTransition, or Refused while it is open."""
    _expect_state(trip, "withdrawn", State.OFFERED)
    if now <= trip.offered_until:
        raise Refused("now", f"is before the offer of trip {trip.id} ends at {trip.offered_until}", now)
    return _pass(trip, now)


def give_up(trip: Trip, now: Seconds) -> Trip:
    """Tell the rider no. Raises IllegalTransition."""
    return _move(trip, State.UNSERVED, now)


# -- steps of the driver


def accept(trip: Trip, driver: str, now: Seconds) -> Trip:
    """Take an open offer. Raises IllegalTransition, or Refused if it was made to another or has run out."""
    if _was_taken(trip, State.ACCEPTED, driver):
        return trip
    moved = _move(trip, State.ACCEPTED, now)
    _expect_driver(trip, driver)
    if now > trip.offered_until:
        raise Refused("now", f"is after the offer of trip {trip.id} ended at {trip.offered_until}", now)
    return moved


def decline(trip: Trip, driver: str, now: Seconds) -> Trip:
    """Turn an offer down. Raises IllegalTransition, or Refused if it was made to another."""
    if driver in trip.passed:
        return trip
    _expect_state(trip, "declined", State.OFFERED)
    _expect_driver(trip, driver)
    return _pass(trip, now)


def arrive(trip: Trip, driver: str, now: Seconds) -> Trip:
    """Be at the pickup. Raises IllegalTransition or Refused."""
    return _drive(trip, State.ARRIVED, driver, now)


def start(trip: Trip, driver: str, now: Seconds) -> Trip:
    """Set off with the rider. Raises IllegalTransition or Refused."""
    return _drive(trip, State.STARTED, driver, now)


def complete(trip: Trip, driver: str, now: Seconds) -> Trip:
    """Let the rider out, who pays the quoted price. Raises IllegalTransition or Refused."""
    return _drive(trip, State.COMPLETED, driver, now, charged=trip.cents)


def give_back(trip: Trip, driver: str, now: Seconds, terms: Cancellation) -> Trip:
    """Leave an accepted trip, which is then offered to others; after `no_show` at the pickup it ends, and costs.

    Raises IllegalTransition, or Refused if another drives it.
    """
    if driver in trip.passed or (trip.state is State.CANCELLED and trip.driver == driver):
        return trip
    _expect_state(trip, "given back", State.ACCEPTED, State.ARRIVED)
    _expect_driver(trip, driver)
    if trip.state is State.ARRIVED and now >= trip.since + terms.no_show:
        return _move(trip, State.CANCELLED, now, charged=terms.fee)
    return _pass(trip, now)


# -- the step of the rider


def cancel(trip: Trip, rider: str, now: Seconds, terms: Cancellation) -> Trip:
    """Call the trip off, at any time before it starts. Raises IllegalTransition, or Refused if it is another's."""
    if rider != trip.rider:
        raise Refused("rider", f"did not request trip {trip.id}", rider)
    if trip.state is State.CANCELLED:
        return trip
    return _move(trip, State.CANCELLED, now, charged=cancellation_fee(trip, now, terms))


def cancellation_fee(trip: Trip, now: Seconds, terms: Cancellation) -> int:
    """Cents that a rider pays who cancels now: nothing before a driver accepted, nor soon after."""
    if trip.state is State.ARRIVED or (trip.state is State.ACCEPTED and now > trip.since + terms.free):
        return terms.fee
    return 0


# -- the parts


def _move(trip: Trip, state: State, now: Seconds, **changes: Any) -> Trip:
    """`trip` in its next state, if the table allows that."""
    if state not in LEGAL[trip.state]:
        raise IllegalTransition(trip.id, trip.state, state, LEGAL[trip.state])
    return replace(trip, state=state, since=now, version=trip.version + 1, **changes)


def _pass(trip: Trip, now: Seconds) -> Trip:
    """`trip` without its driver, who is not asked again."""
    passed = (*trip.passed, trip.driver)
    return _move(trip, State.REQUESTED, now, driver="", offered_until=0.0, passed=passed)


def _drive(trip: Trip, state: State, driver: str, now: Seconds, **changes: Any) -> Trip:
    if _was_taken(trip, state, driver):
        return trip
    moved = _move(trip, state, now, **changes)
    _expect_driver(trip, driver)
    return moved


def _was_taken(trip: Trip, state: State, driver: str) -> bool:
    """Whether this driver has taken the step to `state` before."""
    return trip.driver == driver and trip.state in ROAD and ROAD.index(trip.state) >= ROAD.index(state)


def _expect_state(trip: Trip, what: str, *states: State) -> None:
    if trip.state not in states:
        raise IllegalTransition(trip.id, trip.state, what, LEGAL[trip.state])


def _expect_driver(trip: Trip, driver: str) -> None:
    if driver != trip.driver:
        raise Refused("driver", f"is not the one of trip {trip.id}", driver)
