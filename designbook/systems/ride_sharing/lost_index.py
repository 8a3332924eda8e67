"""The index of a city dies and starts empty: which share of the drivers it knows again, and after how long."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from designbook.blocks.geo_index import BruteForce
from designbook.systems.ride_sharing.geo.memory import MemoryLocations
from designbook.systems.ride_sharing.locations import LocationStream
from designbook.systems.ride_sharing.rules import Rules

Seconds = float


@dataclass(frozen=True, slots=True)
class Known:
    """The share of the drivers that is known so many seconds after the restart, as counted and as expected."""

    after: Seconds
    measured: float
    expected: float


def expected_share(after: Seconds, interval: Seconds, lost: float = 0.0) -> float:
    """The share of drivers heard of `after` an empty start, who ping every `interval` at times of their own.

    A driver has sent the whole number of intervals in `after`, and one ping more with the probability of what is left.
    Each is lost with the probability `lost`, so nobody has heard of a driver whose pings all were.
    """
    whole, part = divmod(after / interval, 1)
    silent = lost**whole * (1 - part * (1 - lost))
    return float(1 - silent)


def rebuilt(
    rng: Random, times: Sequence[Seconds], drivers: int = 2_000, interval: Seconds = 4.0, lost: float = 0.05
) -> list[Known]:
    """An empty index takes the pings of `drivers`; what it knows at each of `times`, in ascending order."""
    now = 0.0
    stream = LocationStream(MemoryLocations(BruteForce()), Rules(lease=1e9), clock=lambda: now)
    pings = sorted(
        (phase + number * interval, f"d{driver}", number)
        for driver, phase in enumerate(rng.uniform(0, interval) for _ in range(drivers))
        for number in range(int(times[-1] // interval) + 1)
    )
    found, sent = list[Known](), 0
    for after in times:
        while sent < len(pings) and pings[sent][0] <= after:
            now, driver, number = pings[sent]
            sent += 1
            if rng.random() >= lost:
                stream.ping(driver, 48.85, 2.35, now, number)
        found.append(Known(after, stream.kept.size() / drivers, expected_share(after, interval, lost)))
    return found
