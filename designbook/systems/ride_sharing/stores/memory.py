"""Trips in the process's own memory: the fastest store, and gone with the process."""

from collections import defaultdict
from threading import Lock

from designbook.systems.ride_sharing.errors import Busy, Changed, Fenced, RequestReused, Unknown
from designbook.systems.ride_sharing.stores.port import Role
from designbook.systems.ride_sharing.trips import Trip


class MemoryTrips:
    """Dictionaries under one lock, which does here what a unique index does in the databases."""

    def __init__(self) -> None:
        self._people: set[tuple[Role, str]] = set()
        self._trips: dict[str, Trip] = {}
        self._of_rider: dict[str, Trip] = {}  # the live one
        self._of_driver: defaultdict[str, dict[str, Trip]] = defaultdict(dict)  # offered to them, or driven by them
        self._of_city: defaultdict[str, dict[str, Trip]] = defaultdict(dict)  # the live ones
        self._tokens: dict[str, int] = {}
        self._lock = Lock()

    def enroll(self, role: Role, person: str) -> bool:
        """Make somebody known. False, and no change, if they were."""
        with self._lock:
            known = (role, person) in self._people
            self._people.add((role, person))
            return not known

    def enrolled(self, role: Role, person: str) -> bool:
        """Whether somebody is known."""
        return (role, person) in self._people

    def add(self, trip: Trip) -> Trip:
        """Keep a new trip, or give the one that is kept under its id. Raises RequestReused or Busy."""
        with self._lock:
            kept = self._trips.get(trip.id)
            if kept is None:
                if trip.rider in self._of_rider:
                    raise Busy("rider", trip.rider)
                self._keep(trip)
                return trip
        if not kept.asks_the_same(trip):
            raise RequestReused(trip.id)
        return kept

    def get(self, trip: str) -> Trip:
        """The trip as it is. Raises Unknown."""
        kept = self._trips.get(trip)
        if kept is None:
            raise Unknown("trip", trip)
        return kept

    def change(self, after: Trip, token: int | None = None) -> None:
        """Put `after` in the place of the version before it. Raises Fenced, Changed or Busy."""
        with self._lock:
            if token is not None:
                self._check_token(after.city, token)
            if self._trips.get(after.id) != after:
                self._compare(after)
                self._check_driver(after)
                self._keep(after)
            if token is not None:
                self._tokens[after.city] = token

    def claim(self, city: str, token: int) -> list[Trip]:
        """From now on refuse lower tokens in the city; its live trips. Raises Fenced."""
        with self._lock:
            self._check_token(city, token)
            self._tokens[city] = token
            return sorted(self._of_city.get(city, {}).values(), key=lambda trip: (trip.requested, trip.id))

    def current(self, role: Role, person: str) -> Trip | None:
        """The live trip of a rider, or the one that a driver is on or was offered first."""
        with self._lock:
            if role == "rider":
                return self._of_rider.get(person)
            theirs = self._of_driver.get(person, {}).values()
            return min(theirs, key=lambda trip: (not trip.driven, trip.since, trip.id), default=None)

    def close(self) -> None:
        """Nothing to give back."""

    def _check_token(self, city: str, token: int) -> None:
        if token < self._tokens.get(city, token):
            raise Fenced(city, token)

    def _compare(self, after: Trip) -> None:
        kept = self._trips.get(after.id)
        if kept is None or kept.version != after.version - 1:
            raise Changed(after.id)

    def _check_driver(self, after: Trip) -> None:
        others = (trip for trip in self._of_driver[after.driver].values() if trip.id != after.id)
        if after.driven and any(trip.driven for trip in others):
            raise Busy("driver", after.driver)

    def _keep(self, trip: Trip) -> None:
        before = self._trips.get(trip.id)
        if before is not None and before.live:
            self._of_rider.pop(before.rider, None)
            del self._of_city[before.city][before.id]
            self._of_driver[before.driver].pop(before.id, None)
        if trip.live:
            self._of_rider[trip.rider] = self._of_city[trip.city][trip.id] = trip
            if trip.driver:
                self._of_driver[trip.driver][trip.id] = trip
        self._trips[trip.id] = trip
