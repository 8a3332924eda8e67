"""The ride service of one city: drivers send where they are, riders ask for a price and a ride, trips run their course.

Ratings are left out: they decide nothing here, and a store of opinions is another system.
"""

import time as wall
from collections.abc import Callable
from functools import partial
from itertools import islice

from designbook.blocks.geo_index import Near
from designbook.blocks.sphere import distance
from designbook.systems.ride_sharing import trips
from designbook.systems.ride_sharing.errors import Changed, Refused, RequestReused, Unknown
from designbook.systems.ride_sharing.fares import SURGE_STEP, Quote, check_seal, seal
from designbook.systems.ride_sharing.geo.port import Locations
from designbook.systems.ride_sharing.locations import LocationStream
from designbook.systems.ride_sharing.matching import Pairing, in_turn, plan
from designbook.systems.ride_sharing.rules import Rules, check_name, check_place, is_finite
from designbook.systems.ride_sharing.stores.port import Role, TripStore
from designbook.systems.ride_sharing.trips import Place, Trip

Point = tuple[float, float]
"""Latitude and longitude in degrees."""
MOST_NEARBY = 50
"""Drivers in one answer."""


def calm(place: Place) -> float:
    """No surge anywhere."""
    return 1.0


class RideSharing:
    """As safe for threads as its stores are; several servers of a city may share them.

    Whatever raises has changed nothing, but for StoreDown, after which nobody knows: then send the same again. Every
    call may raise StoreDown, and Refused, which names the field.
    """

    def __init__(
        self,
        city: str,
        store: TripStore,
        locations: Locations,
        *,
        key: bytes,
        rules: Rules | None = None,
        surge: Callable[[Place], float] = calm,
        pair: Pairing = in_turn,
        clock: Callable[[], float] = wall.time,
    ) -> None:
        """`key` seals quotes: 16 to 64 secret bytes, the same on all servers. `surge` is the price factor somewhere.

        `pair` decides who is asked for which trip in a round: `in_turn`, or `batching.in_a_batch`.
        """
        check_name("city", city)
        if not 16 <= len(key) <= 64:
            raise ValueError(f"key must be 16 to 64 bytes, got {len(key)}")
        self.city = city
        self.store = store
        self.rules = Rules() if rules is None else rules
        self.stream = LocationStream(locations, self.rules, clock=clock)
        self.surge = surge
        self.pair = pair
        self.clock = clock
        self._key = key
        self._known: set[tuple[Role, str]] = set()
        self._taken: frozenset[str] = frozenset()

    # -- people and places

    def enroll(self, role: Role, person: str) -> bool:
        """Make a rider or a driver known; False if they were."""
        if role not in ("rider", "driver"):
            raise Refused("role", "must be rider or driver", role)
        check_name(role, person)
        return self.store.enroll(role, person)

    def ping(self, driver: str, lat: float, lon: float, time: float, sequence: int) -> bool:
        """A driver's phone tells where it was at `time`; see `LocationStream.ping`. Raises Unknown."""
        self._expect("driver", driver)
        return self.stream.ping(driver, lat, lon, time, sequence)

    def nearby(self, lat: float, lon: float, count: int = 10) -> list[Near]:
        """The nearest drivers, without those on a trip or considering one after the last round: the map of a rider."""
        place = check_place("", lat, lon)
        if not isinstance(count, int) or not 1 <= count <= MOST_NEARBY:
            raise Refused("count", f"must be a whole number from 1 to {MOST_NEARBY}", count)
        return list(islice((near for near in self.stream.near(place) if near.id not in self._taken), count))

    def leave(self, driver: str) -> None:
        """A driver goes home, and is offered nothing any more. Raises Unknown."""
        self._expect("driver", driver)
        self.stream.leave(driver)

    # -- the rider

    def quote(self, rider: str, pickup: Point, dropoff: Point) -> Quote:
        """What the ride would cost, a price that `request` locks for a while. Raises Unknown."""
        self._expect("rider", rider)
        here, there = _place("pickup", pickup), _place("dropoff", dropoff)
        straight, rules = distance(*here, *there), self.rules
        if straight > rules.longest:
            raise Refused("dropoff", f"must be at most {rules.longest / 1000:g} km from the pickup", tuple(there))
        metres = round(straight * rules.detour)
        seconds, percent = round(metres / rules.speed), self._surge_percent(here)
        cents = rules.tariff.cents(metres, seconds, percent)
        until = self.clock() + rules.quoted_for
        return seal(Quote(rider, self.city, here, there, metres, seconds, percent, cents, until), self._key)

    def request(self, request: str, rider: str, quote: Quote) -> Trip:
        """Ask for the ride of a quote, under an id that the rider's device drew: the same again is the same trip.

        Raises Unknown, Busy if the rider is on another trip, RequestReused if the id was used for another ride.
        """
        check_name("request", request)
        self._expect("rider", rider)
        if quote.rider != rider:
            raise Refused("quote", f"was made for {quote.rider}, not for", rider)
        if quote.city != self.city:
            raise Refused("quote", f"was made in {quote.city}, not in", self.city)
        check_seal(quote, self._key)
        now = self.clock()
        trip = Trip(request, rider, self.city, quote.pickup, quote.dropoff, quote.cents, now, since=now)
        if now > quote.until:
            return self._asked_before(trip, quote)
        return self.store.add(trip)

    def cancel(self, rider: str, trip: str) -> Trip:
        """Call the trip off before it starts; `charged` says what that costs. Raises Unknown or IllegalTransition."""
        return self._step("rider", rider, trip, partial(trips.cancel, terms=self.rules.cancellation))

    # -- the driver

    def accept(self, driver: str, trip: str) -> Trip:
        """Take an offer. Raises Unknown, IllegalTransition, or Busy if the driver is on another trip by now."""
        return self._step("driver", driver, trip, trips.accept)

    def decline(self, driver: str, trip: str) -> Trip:
        """Turn an offer down. Raises Unknown or IllegalTransition."""
        return self._step("driver", driver, trip, trips.decline)

    def arrive(self, driver: str, trip: str) -> Trip:
        """Be at the pickup. Raises Unknown or IllegalTransition."""
        return self._step("driver", driver, trip, trips.arrive)

    def start(self, driver: str, trip: str) -> Trip:
        """Set off with the rider. Raises Unknown or IllegalTransition."""
        return self._step("driver", driver, trip, trips.start)

    def complete(self, driver: str, trip: str) -> Trip:
        """Let the rider out, who pays. Raises Unknown or IllegalTransition."""
        return self._step("driver", driver, trip, trips.complete)

    def give_back(self, driver: str, trip: str) -> Trip:
        """Leave a trip before it starts: others are asked, unless the rider did not show up. Raises as `arrive`."""
        return self._step("driver", driver, trip, partial(trips.give_back, terms=self.rules.cancellation))

    # -- both, and the dispatcher

    def current(self, role: Role, person: str) -> Trip | None:
        """What a phone that starts anew must know: the trip that its owner is on, or was offered. Raises Unknown."""
        self._expect(role, person)
        return self.store.current(role, person)

    def dispatch(self, token: int) -> list[Trip]:
        """A round of dispatch by who holds the city's lease: the trips that it changed, as they are now.

        Tokens must grow from round to round, so that a change of an earlier round that is still under way is refused.
        Raises Fenced if a higher one was seen: then another dispatches here.
        """
        live = self.store.claim(self.city, token)
        done = list[Trip]()
        for after in plan(live, self.stream.near, self.clock(), self.rules, self.pair):
            try:
                self.store.change(after, token)
            except Changed:  # its rider or driver was faster; the next round sees what they did
                continue
            done.append(after)
        now = {trip.id: trip for trip in (*live, *done)}
        self._taken = frozenset(trip.driver for trip in now.values())
        return done

    # -- the parts

    def _step(self, role: Role, person: str, trip: str, step: Callable[[Trip, str, float], Trip]) -> Trip:
        """Take the trip one step on; if somebody else changes it meanwhile, look again whether the step can be."""
        self._expect(role, person)
        check_name("trip", trip)
        while True:
            before = self.store.get(trip)
            after = step(before, person, self.clock())
            if after is before:
                return before
            try:
                self.store.change(after)
            except Changed:
                continue
            return after

    def _asked_before(self, trip: Trip, quote: Quote) -> Trip:
        """The trip that was requested while the quote was good. Raises Refused."""
        try:
            kept = self.store.get(trip.id)
        except Unknown:
            raise Refused("quote", f"was good until {quote.until:.3f}; it is", trip.requested) from None
        if not kept.asks_the_same(trip):
            raise RequestReused(trip.id)
        return kept

    def _surge_percent(self, place: Place) -> int:
        surge = self.surge(place)
        if not is_finite(surge) or surge < 1:
            raise ValueError(f"surge must be a number from 1, got {surge} at {place}")
        return round(surge * SURGE_STEP)

    def _expect(self, role: Role, person: str) -> None:
        """Raises Unknown unless the person is enrolled; who was seen once is remembered, since nobody is forgotten."""
        check_name(role, person)
        if (role, person) not in self._known:
            if not self.store.enrolled(role, person):
                raise Unknown(role, person)
            self._known.add((role, person))


def _place(of: str, point: Point) -> Place:
    try:
        lat, lon = point
    except (TypeError, ValueError):
        raise Refused(of, "must be a pair of degrees, latitude and longitude", point) from None
    return check_place(f"{of}.", lat, lon)
