"""Pings that arrive out of order: how often a driver jumps back on the map, with and without the sequence check."""

from dataclasses import dataclass
from math import exp
from random import Random

from designbook.blocks.geo_index import BruteForce
from designbook.systems.ride_sharing.geo.memory import MemoryLocations
from designbook.systems.ride_sharing.locations import LocationStream
from designbook.systems.ride_sharing.rules import Rules

Seconds = float


@dataclass(frozen=True, slots=True)
class Jumps:
    """Of `pings` that arrived: those that would have put the driver back, those that did, and the share expected."""

    pings: int
    back_unchecked: int
    back_checked: int
    expected: float

    @property
    def share(self) -> float:
        """Of all pings, those that come after a later one has."""
        return self.back_unchecked / self.pings


def expected_late(interval: Seconds, delay: Seconds) -> float:
    """The share of pings that a later one overtakes, if delays are exponential with the mean `delay`.

    A ping under way for t is not overtaken if each later one, which leaves k intervals after it, takes longer than what
    is then left: with the probability exp(-(t - k · interval) / delay) each. Integrated over t by midpoints.
    """
    step, late = delay / 200, 0.0
    for number in range(200 * 30):  # nobody is under way for 30 delays more than an interval
        under_way = interval + (number + 0.5) * step
        left = sum(under_way - k * interval for k in range(1, int(under_way / interval) + 1))
        late += (1 - exp(-left / delay)) * exp(-under_way / delay) * step / delay
    return late


def jumps(rng: Random, pings: int = 20_000, interval: Seconds = 4.0, delay: Seconds = 2.0) -> Jumps:
    """One driver sends `pings`, one each `interval`, each under way for an exponential time with the mean `delay`."""
    now = 0.0
    stream = LocationStream(MemoryLocations(BruteForce()), Rules(lease=1e9), clock=lambda: now)
    arrivals = sorted((number * interval + rng.expovariate(1 / delay), number) for number in range(pings))
    shown, latest, unchecked, checked = -1, -1, 0, 0
    for arrival, number in arrivals:
        now = arrival
        unchecked += number < latest
        latest = max(latest, number)
        if stream.ping("d", 48.85, 2.35, number * interval, number):
            checked += number < shown
            shown = number
    return Jumps(pings, unchecked, checked, expected_late(interval, delay))
