"""Pings that arrive out of order: how often a driver jumps back on the map, with and without the sequence check."""

from dataclasses import dataclass
from math import exp, log
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

    The k-th ping after it leaves k intervals later. It must make that up: given that a ping is under way for t, it is
    not overtaken with the probability that each later one takes longer than t - k · interval. Integrated numerically.
    """
    steps = 4_000
    on_time = 0.0
    for step in range(steps):
        under_way = -delay * log((step + 0.5) / steps)
        clear, later = 1.0, 1
        while later * interval < under_way:
            clear *= exp(-(under_way - later * interval) / delay)
            later += 1
        on_time += clear
    return 1 - on_time / steps


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
