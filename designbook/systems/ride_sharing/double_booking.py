"""A thousand accepts at once, by the constraint and by check-then-write: how many drivers end up on two trips."""

import sqlite3
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from threading import Barrier
from time import perf_counter

from designbook.systems.ride_sharing import trips
from designbook.systems.ride_sharing.errors import Busy
from designbook.systems.ride_sharing.stores import MemoryTrips, TripStore, open_store
from designbook.systems.ride_sharing.trips import Place, Trip

Accept = Callable[[TripStore, Trip], None]
"""Stores an accepted trip. Raises Busy if its driver is on another."""

HERE, THERE = Place(48.85, 2.35), Place(48.87, 2.30)


@dataclass(frozen=True, slots=True)
class Bookings:
    """What came of `drivers` drivers with `rivals` offers each, all of whose accepts arrived at once."""

    drivers: int
    rivals: int
    won: int
    doubled: int  # drivers on two trips or more
    most: int  # trips of one driver
    seconds: float

    @property
    def per_second(self) -> float:
        """Accepts a second, refused ones included."""
        return self.drivers * self.rivals / self.seconds


class UnconstrainedTrips(MemoryTrips):
    """Trips in memory, of which a driver may be on several."""

    def _check_driver(self, after: Trip) -> None:
        pass


def by_constraint(store: TripStore, after: Trip) -> None:
    """Let the store compare while it writes."""
    store.change(after)


def check_then_write(store: TripStore, after: Trip) -> None:
    """Ask whether the driver is free, and if so write."""
    current = store.current("driver", after.driver)
    if current is not None and current.driven:
        raise Busy("driver", after.driver)
    store.change(after)


def unconstrained(url: str) -> TripStore:
    """The store at `url`, opened, and then without the index that keeps a driver to one trip."""
    if url == "memory://":
        return UnconstrainedTrips()
    store = open_store(url)
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)) as file:
            file.execute("drop index one_trip_a_driver")
    else:
        import psycopg

        with psycopg.connect(url, autocommit=True) as server:
            server.execute("drop index one_trip_a_driver")
    return store


def accept_at_once(store: TripStore, accept: Accept, drivers: int = 50, rivals: int = 20) -> Bookings:
    """Offer each driver `rivals` trips in an empty store; then, driver by driver, accept all of them at once.

    The accepts of a driver are released together, from as many threads.
    """
    offers = [[_offer(driver, rival) for rival in range(rivals)] for driver in range(drivers)]
    together = Barrier(rivals)

    def rival(number: int) -> int:
        won = 0
        for theirs in offers:
            offer = theirs[number]
            after = trips.accept(offer, offer.driver, offer.since)
            together.wait(60)
            try:
                accept(store, after)
            except Busy:
                continue
            won += 1
        return won

    with ThreadPoolExecutor(rivals) as threads:
        list(threads.map(store.add, (offer for theirs in offers for offer in theirs)))
        began = perf_counter()
        won = sum(threads.map(rival, range(rivals)))
        seconds = perf_counter() - began
    on = Counter(trip.driver for trip in store.claim("paris", 1) if trip.driven)
    return Bookings(drivers, rivals, won, sum(times > 1 for times in on.values()), max(on.values()), seconds)


def _offer(driver: int, rival: int) -> Trip:
    request = Trip(f"t{driver}-{rival}", f"r{driver}-{rival}", "paris", HERE, THERE, 900, 0.0)
    return trips.offer(request, f"d{driver}", 9.0, 0.0)
