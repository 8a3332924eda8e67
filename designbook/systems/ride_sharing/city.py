"""A simulated day of a real city: who wants a ride where and when, and what a way of dispatching makes of it.

The city is Paris, 139 places within 15 km of Notre-Dame with their population (GeoNames). Requests follow the day and
the population, and in the evening a business district is left by many at once. What is assumed and not measured: all
cars drive at one speed, a way is longer than the straight line by one factor, every driver accepts, an idle driver
waits where the last rider got out, and a rider gives up only before a driver is found.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import ceil
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from designbook.blocks.sphere import EARTH_RADIUS
from designbook.data import dataset
from designbook.simulation.workloads import DAY, Diurnal, varying_arrivals
from designbook.systems.ride_sharing.dispatch import Match

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

CENTRE = (48.8530, 2.3498)
"""Notre-Dame, latitude and longitude: where metres east and north are counted from."""
HOUR = 3_600.0


class Place(NamedTuple):
    """A commune of the area, an arrondissement of Paris, or the business district; coordinates in degrees."""

    name: str
    latitude: float
    longitude: float
    population: int


def places() -> list[Place]:
    """The 139 places within 15 km of Notre-Dame, the nearest first: 6.4 million people."""
    with dataset("paris_places").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [Place(row["name"], float(row["latitude"]), float(row["longitude"]), int(row["population"])) for row in rows]


def to_metres(latitude: Floats, longitude: Floats) -> Floats:
    """Metres east and north of the centre, shape (..., 2). Within 20 km a distance is right to 0.2 %."""
    north = np.radians(np.asarray(latitude) - CENTRE[0]) * EARTH_RADIUS
    east = np.radians(np.asarray(longitude) - CENTRE[1]) * EARTH_RADIUS * np.cos(np.radians(CENTRE[0]))
    return np.stack([east, north], axis=-1)


def to_degrees(points: Floats) -> tuple[Floats, Floats]:
    """Latitudes and longitudes of points in metres from the centre: the inverse of `to_metres`."""
    latitude = CENTRE[0] + np.degrees(points[..., 1] / EARTH_RADIUS)
    longitude = CENTRE[1] + np.degrees(points[..., 0] / EARTH_RADIUS / np.cos(np.radians(CENTRE[0])))
    return latitude, longitude


@dataclass(frozen=True, slots=True)
class Traffic:
    """How cars move: `speed` in metres a second, and how much longer a way is than the straight line.

    Raises ValueError unless speed > 0 and detour >= 1.
    """

    speed: float = 25 / 3.6
    detour: float = 1.3

    def __post_init__(self) -> None:
        if not 0 < self.speed < float("inf"):
            raise ValueError(f"speed must be above 0 metres a second, got {self.speed}")
        if not 1 <= self.detour < float("inf"):
            raise ValueError(f"detour must be at least 1, got {self.detour}")

    def seconds(self, metres: Floats) -> Floats:
        """How long a car takes for `metres` of straight line."""
        return metres * (self.detour / self.speed)


@dataclass(frozen=True)
class Requests:
    """Wanted rides in the order of time: seconds after midnight, where from and where to, seconds in the car, patience.

    `times`, `rides` and `patience` have the shape (requests,), `origins` and `destinations` (requests, 2), in metres.
    """

    times: Floats
    origins: Floats
    destinations: Floats
    rides: Floats
    patience: Floats

    def __len__(self) -> int:
        return len(self.times)

    def between(self, start: float, end: float) -> "Requests":
        """Those that are made from `start` to `end`."""
        kept = (self.times >= start) & (self.times < end)
        return Requests(
            *(part[kept] for part in (self.times, self.origins, self.destinations, self.rides, self.patience))
        )


@dataclass(frozen=True)
class City:
    """The places as a source of requests and cars.

    A point is a place drawn by its population, and a normal scatter of `spread` metres around it. A ride's end is drawn
    by population too, times exp(-distance / `reach` metres) from where it began. From 17 to 19 o'clock `rush` of the
    rides begin at the business district. A rider waits for a driver to be found for a gamma-distributed time of mean
    `patience` and shape 4, so that few leave in the first seconds; getting in and out takes `boarding`; all in seconds.
    """

    places: Sequence[Place]
    spread: float = 700.0
    reach: float = 6_000.0
    rush: float = 0.15
    district: str = "La Defense"
    peak_to_mean: float = 2.0
    peak_at: float = 18 * HOUR
    patience: float = 180.0
    boarding: float = 90.0
    traffic: Traffic = Traffic()

    @cached_property
    def centres(self) -> Floats:
        """Each place in metres from the city's centre, shape (places, 2)."""
        latitudes = np.array([place.latitude for place in self.places])
        return to_metres(latitudes, np.array([place.longitude for place in self.places]))

    @cached_property
    def weights(self) -> Floats:
        """Each place's share of the people."""
        people = np.array([place.population for place in self.places], dtype=np.float64)
        result: Floats = people / people.sum()
        return result

    def cars(self, number: int, rng: np.random.Generator) -> Floats:
        """Where `number` drivers stand when the day begins, shape (number, 2)."""
        return self._scattered(rng.choice(len(self.places), number, p=self.weights), rng)

    def day(self, trips: float, rng: np.random.Generator) -> Requests:
        """A day's requests, a Poisson number of mean `trips`. Raises ValueError for a negative one."""
        rate = Diurnal(trips / DAY, self.peak_to_mean, self.peak_at)
        times = varying_arrivals(rate, rate.peak, DAY, rng)
        start = rng.choice(len(self.places), len(times), p=self.weights)
        evening = (times >= 17 * HOUR) & (times < 19 * HOUR) & (rng.random(len(times)) < self.rush)
        start[evening] = next(n for n, place in enumerate(self.places) if place.name == self.district)
        end = self._ends(start, rng)
        origins, destinations = self._scattered(start, rng), self._scattered(end, rng)
        way = np.hypot(*(destinations - origins).T)
        rides = self.traffic.seconds(way) + self.boarding
        return Requests(times, origins, destinations, rides, rng.gamma(4.0, self.patience / 4.0, len(times)))

    def _scattered(self, of: Integers, rng: np.random.Generator) -> Floats:
        points: Floats = self.centres[of] + rng.normal(0.0, self.spread, (len(of), 2))
        return points

    def _ends(self, start: Integers, rng: np.random.Generator) -> Integers:
        apart = np.hypot(*(self.centres[:, None] - self.centres[None]).T)
        likely = np.cumsum(self.weights * np.exp(-apart / self.reach), axis=1)
        drawn = rng.random(len(start)) * likely[start, -1]
        ends = np.empty(len(start), dtype=np.int64)
        for place in np.unique(start):
            here = start == place
            ends[here] = np.searchsorted(likely[place], drawn[here], side="right")
        return ends


@dataclass(frozen=True)
class Outcome:
    """What became of each request, in their order.

    `matched` is when a driver was found, NaN for a rider who gave up; `driver` is who, or -1; `pickup` the seconds that
    the driver drove to the rider, or NaN. `cars` is where the drivers stood at first.
    """

    requests: Requests
    cars: Floats
    matched: Floats
    driver: Integers
    pickup: Floats

    @property
    def served(self) -> NDArray[np.bool_]:
        """Which riders got a driver; the others gave up."""
        return self.driver >= 0

    @property
    def gave_up(self) -> float:
        """The share of riders who gave up."""
        return float(1 - self.served.mean()) if len(self.requests) else 0.0

    @property
    def waits(self) -> Floats:
        """Seconds from the request to the pickup of each rider who was served."""
        waits: Floats = (self.matched - self.requests.times + self.pickup)[self.served]
        return waits

    @property
    def busy_seconds(self) -> Floats:
        """Seconds that a driver spent on each rider who was served, to the pickup and with the rider."""
        busy: Floats = (self.pickup + self.requests.rides)[self.served]
        return busy

    def busy_at(self, times: Floats) -> Integers:
        """How many drivers are on a trip at each of `times`."""
        begun = np.sort(self.matched[self.served])
        ended = np.sort(self.matched[self.served] + self.busy_seconds)
        count: Integers = np.searchsorted(begun, times, "right") - np.searchsorted(ended, times, "right")
        return count

    def idle_at(self, time: float) -> Floats:
        """Where the drivers stand that are free at `time`, shape (drivers, 2)."""
        where, free = self.cars.copy(), np.full(len(self.cars), -np.inf)
        taken = np.flatnonzero(self.served & (self.matched <= time))
        taken = taken[np.argsort(self.matched[taken], kind="stable")]
        drivers = self.driver[taken]
        where[drivers] = self.requests.destinations[taken]  # of several, the last one stays
        free[drivers] = self.matched[taken] + self.pickup[taken] + self.requests.rides[taken]
        return where[free <= time]

    def waiting_at(self, time: float) -> Integers:
        """Which requests wait for a driver at `time`."""
        end = np.where(self.served, self.matched, self.requests.times + self.requests.patience)
        return np.flatnonzero((self.requests.times <= time) & (end > time))


def dispatch_day(
    requests: Requests,
    cars: Floats,
    match: Match,
    *,
    window: float,
    radius: float,
    traffic: Traffic = Traffic(),
) -> Outcome:
    """Every `window` seconds, `match` pairs the waiting riders with the free drivers within `radius` metres of them.

    Riders are handed to `match` in the order in which they asked; it must leave no pair apart that could be one. Who
    finds no driver waits for the next time, until their patience ends. Costs one distance for each new rider and free
    driver, and for each waiting rider and newly freed driver. Raises ValueError for a window or radius not above 0.
    """
    if not 0 < window < float("inf"):
        raise ValueError(f"window must be above 0 seconds, got {window}")
    if not radius > 0:
        raise ValueError(f"radius must be above 0 metres, got {radius}")
    matched, pickup = np.full(len(requests), np.nan), np.full(len(requests), np.nan)
    driver = np.full(len(requests), -1, dtype=np.int64)
    where, free_at = cars.copy(), np.full(len(cars), -np.inf)
    gives_up = requests.times + requests.patience
    waiting = np.empty(0, dtype=np.int64)
    arrived, step, now = 0, 0, 0.0
    while arrived < len(requests) or waiting.size:
        step += 1
        if not waiting.size:  # nothing happens before the next request
            step = max(step, ceil(requests.times[arrived] / window))
        before, now = now, step * window
        waiting = waiting[gives_up[waiting] > now]
        # Who was not paired at the last step is out of each other's reach, and stands still.
        fresh = np.flatnonzero((free_at > before) & (free_at <= now))
        reached = (_metres(requests.origins[waiting], where[fresh]) <= radius).any(axis=1)
        come = int(np.searchsorted(requests.times, now, "right"))
        new = np.arange(arrived, come)
        arrived = come
        new = new[gives_up[new] > now]
        riders = np.concatenate([waiting[reached], new])
        idle = np.flatnonzero(free_at <= now)
        if not riders.size or not idle.size:
            waiting = np.concatenate([waiting, new])
            continue
        metres = _metres(requests.origins[riders], where[idle])
        seconds = np.where(metres <= radius, traffic.seconds(metres), np.inf)
        rows, columns = match(seconds)
        taken, drivers = riders[rows], idle[columns]
        matched[taken], driver[taken], pickup[taken] = now, drivers, seconds[rows, columns]
        free_at[drivers] = now + pickup[taken] + requests.rides[taken]
        where[drivers] = requests.destinations[taken]
        waiting = np.concatenate([waiting[~reached], np.delete(riders, rows)])
        waiting.sort()
    return Outcome(requests, cars, matched, driver, pickup)


def _metres(riders: Floats, drivers: Floats) -> Floats:
    """The straight line from each rider to each driver, shape (riders, drivers)."""
    east = riders[:, :1] - drivers[:, 0]
    north = riders[:, 1:] - drivers[:, 1]
    metres: Floats = np.sqrt(
        east * east + north * north
    )  # several times as fast as np.hypot, which guards against overflow
    return metres
