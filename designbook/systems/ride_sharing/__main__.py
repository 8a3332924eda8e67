"""Play a ride by hand: `python -m designbook.systems.ride_sharing --store memory://`, then a command a line."""

import argparse
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import closing
from uuid import uuid4

from designbook.systems.console import Command, Console, Unclear, converse, number, one_line, whole
from designbook.systems.ride_sharing.errors import (
    Busy,
    Fenced,
    IllegalTransition,
    Refused,
    RequestReused,
    StoreDown,
    Unknown,
)
from designbook.systems.ride_sharing.fares import Quote
from designbook.systems.ride_sharing.geo import open_locations
from designbook.systems.ride_sharing.service import RideSharing
from designbook.systems.ride_sharing.stores import Role, open_store
from designbook.systems.ride_sharing.trips import Trip

HELP = """\
rider NAME                        make a rider known
driver NAME LAT LON               make a driver known, who is there now
ping DRIVER LAT LON               a driver is somewhere else now
nearby LAT LON [COUNT]            the nearest free drivers (10)
quote RIDER LAT LON LAT LON       the price of a ride from there to there
request RIDER [TRIP]              ask for the ride quoted last; the same TRIP again is the same trip
dispatch [TOKEN]                  a round: offer what waits; a TOKEN lower than the last is refused
accept DRIVER TRIP                take an offer; likewise decline, arrive, start, complete and give_back
cancel RIDER TRIP                 call a trip off before it starts
current rider|driver NAME         the trip that somebody is on, or was offered
wait SECONDS                      let time pass: offers run out after 15, silent drivers are dropped after 30
help, quit                        degrees as 48.85 2.35; names without spaces"""

DAY = 86_400
REFUSALS = (Busy, Fenced, IllegalTransition, Refused, RequestReused, Unknown)


class Clock:
    """The time of day, and what was waited."""

    waited = 0.0

    def __call__(self) -> float:
        """Unix seconds."""
        return time.time() + self.waited


class Session:
    """Carries out one line after another."""

    def __init__(self, rides: RideSharing, clock: Clock) -> None:
        self._rides = rides
        self._clock = clock
        self._quotes: dict[str, Quote] = {}
        commands: dict[str, Command] = {
            "rider": lambda name: self._enroll("rider", name),
            "driver": self._driver,
            "ping": self._ping,
            "nearby": self._nearby,
            "quote": self._quote,
            "request": self._request,
            "dispatch": self._dispatch,
            "accept": lambda driver, trip: _lines(rides.accept(driver, trip)),
            "decline": lambda driver, trip: _lines(rides.decline(driver, trip)),
            "arrive": lambda driver, trip: _lines(rides.arrive(driver, trip)),
            "start": lambda driver, trip: _lines(rides.start(driver, trip)),
            "complete": lambda driver, trip: _lines(rides.complete(driver, trip)),
            "give_back": lambda driver, trip: _lines(rides.give_back(driver, trip)),
            "cancel": lambda rider, trip: _lines(rides.cancel(rider, trip)),
            "current": self._current,
            "wait": self._wait,
        }
        self.answer = Console(commands, HELP).answer

    def _enroll(self, role: Role, name: str) -> Iterable[str]:
        return [f"{name} is a {role} now" if self._rides.enroll(role, name) else f"{name} was known already"]

    def _driver(self, name: str, lat: str, lon: str) -> Iterable[str]:
        return [*self._enroll("driver", name), *self._ping(name, lat, lon)]

    def _ping(self, driver: str, lat: str, lon: str) -> Iterable[str]:
        now = self._clock()
        place = number("lat", lat), number("lon", lon)
        heard = self._rides.ping(driver, *place, now, int(now * 1_000))
        return [f"{driver} is at {place[0]:g} {place[1]:g}" if heard else "too late: a newer ping was heard"]

    def _nearby(self, lat: str, lon: str, count: str = "10") -> Iterable[str]:
        found = self._rides.nearby(number("lat", lat), number("lon", lon), whole("count", count))
        return [f"{near.metres:>8.0f} m  {near.id}" for near in found] or ["nobody"]

    def _quote(self, rider: str, lat: str, lon: str, to_lat: str, to_lon: str) -> Iterable[str]:
        pickup, dropoff = (number("lat", lat), number("lon", lon)), (number("lat", to_lat), number("lon", to_lon))
        quote = self._quotes[rider] = self._rides.quote(rider, pickup, dropoff)
        return [f"{_money(quote.cents)} for {quote.metres / 1_000:.1f} km and {quote.seconds / 60:.0f} min"]

    def _request(self, rider: str, trip: str = "") -> Iterable[str]:
        if rider not in self._quotes:
            raise Unclear(f"{rider} has no quote yet: quote {rider} LAT LON LAT LON")
        return _lines(self._rides.request(trip or uuid4().hex[:8], rider, self._quotes[rider]))

    def _dispatch(self, token: str = "") -> Iterable[str]:
        changed = self._rides.dispatch(whole("token", token) if token else int(self._clock() * 1_000))
        return [line for trip in changed for line in _lines(trip)] or ["nothing to do"]

    def _current(self, role: str, name: str) -> Iterable[str]:
        if role not in ("rider", "driver"):
            raise Unclear("expected: current rider|driver NAME")
        trip = self._rides.current("rider" if role == "rider" else "driver", name)
        return [f"{name} has no trip"] if trip is None else _lines(trip)

    def _wait(self, seconds: str) -> Iterable[str]:
        if whole("seconds", seconds) > DAY:
            raise Unclear(f"seconds: {seconds!r} is more than a day")
        self._clock.waited += int(seconds)
        return [time.strftime("%H:%M:%S", time.gmtime(self._clock())) + " UTC"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Read commands from stdin until it ends; the exit status is 1, after one line on stderr, if that cannot begin."""
    given, clock = _parser().parse_args(arguments), Clock()
    try:
        store, locations = open_store(given.store), open_locations(given.locations)
        rides = RideSharing(given.city, store, locations, key=uuid4().bytes, clock=clock)
    except (OSError, ValueError, ImportError) as error:
        print(one_line(error), file=sys.stderr)
        return 1
    with closing(store), closing(locations):
        greeting = f"Rides in {given.city}, trips on {given.store}"
        converse(Session(rides, clock).answer, (*REFUSALS, StoreDown), greeting=greeting)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m designbook.systems.ride_sharing", description="Rides in a city.")
    parser.add_argument("--store", default="memory://", help="trips: memory:// (default), sqlite:///, postgresql://")
    parser.add_argument(
        "--locations", default="memory://", help="drivers: memory:// (default), valkey://, unix://, postgresql://"
    )
    parser.add_argument("--city", default="paris", help="the city (default %(default)s)")
    return parser


def _lines(trip: Trip) -> list[str]:
    cost = f", {_money(trip.charged)} charged" if trip.charged else ""
    return [f"{trip}{cost}"]


def _money(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02}"


if __name__ == "__main__":
    sys.exit(main())
