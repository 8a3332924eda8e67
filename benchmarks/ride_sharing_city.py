"""Experiments on dispatch: an evening of a city at many settings, and whole days of it."""

from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.experiment import Say, experiment
from designbook.systems.ride_sharing.city import HOUR, City, Outcome, Requests, dispatch_day, places
from designbook.systems.ride_sharing.dispatch import Match, batched, nearest_first

CODE = ["systems/ride_sharing/city.py", "systems/ride_sharing/dispatch.py", "simulation/workloads.py"]
AT_ONCE = 1.0
"""Seconds between two dispatches of nearest first: as good as at once."""


def evening(requests: Requests, cars: int, match: Match, window: float, radius: float) -> dict[str, float]:
    """What those met who asked from 17 to 19 o'clock, on an evening that began at half past four."""
    where = City(places()).cars(cars, np.random.default_rng(cars))
    outcome = dispatch_day(requests, where, match, window=window, radius=radius)
    asked = requests.times >= 17 * HOUR
    served = outcome.served & asked
    waits = (outcome.matched - requests.times + outcome.pickup)[served]
    return {
        "gave_up": 1 - served.sum() / asked.sum(),
        "pickup": float(outcome.pickup[served].mean()),
        "wait": float(waits.mean()),
        "wait_p90": float(np.quantile(waits, 0.9)),
    }


@experiment(code=CODE, versions=["numpy", "scipy"])
def ride_sharing_evening(
    say: Say,
    trips: float = 100_000,
    fleets: tuple[int, ...] = (3_000, 3_500, 4_000, 4_500, 5_000, 5_500, 6_000),
    radii: tuple[float, ...] = (1_000, 2_000, 3_000, 5_000, 8_000),
    windows: tuple[float, ...] = (5, 10, 20, 50),
) -> dict[str, Any]:
    """A rush hour in Paris by fleet, search radius and batch window; nearest first at once beside each."""
    requests = City(places()).day(trips, np.random.default_rng(1)).between(16.5 * HOUR, 19 * HOUR)
    points = []
    for fleet in fleets:
        for radius in radii:
            for match, window in [(nearest_first, AT_ONCE), *((batched, window) for window in windows)]:
                found = evening(requests, fleet, match, window, radius)
                points.append({"match": match.__name__, "fleet": fleet, "radius": radius, "window": window, **found})
        say(f"{fleet} drivers")
    return {"trips": trips, "requests": len(requests), "points": points}


def _day(requests: Requests, cars: int, match: Match, window: float, radius: float) -> tuple[Outcome, float]:
    where = City(places()).cars(cars, np.random.default_rng(cars))
    started = perf_counter()
    outcome = dispatch_day(requests, where, match, window=window, radius=radius)
    return outcome, perf_counter() - started


@experiment(code=CODE, versions=["numpy", "scipy"])
def ride_sharing_days(
    say: Say, trips: float = 100_000, fleet: int = 4_000, radius: float = 3_000, days: int = 2, window: float = 10
) -> dict[str, Any]:
    """Whole days in Paris, each with nearest first at once and with the batch; and what a day takes to simulate."""
    rows = []
    for seed in range(days):
        requests = City(places()).day(trips, np.random.default_rng(100 + seed))
        for match, every in ((nearest_first, AT_ONCE), (batched, window)):
            outcome, seconds = _day(requests, fleet, match, every, radius)
            rows.append(
                {
                    "match": match.__name__,
                    "seed": seed,
                    "requests": len(requests),
                    "seconds": seconds,
                    "gave_up": outcome.gave_up,
                    "pickup": float(np.nanmean(outcome.pickup)),
                    "waits": np.quantile(outcome.waits, [0.1, 0.5, 0.9, 0.99]),
                    "driving_to_riders": float(np.nansum(outcome.pickup) / outcome.busy_seconds.sum()),
                }
            )
        say(f"day {seed + 1}: {rows[-1]['seconds']:.1f} s")
    return {"trips": trips, "fleet": fleet, "radius": radius, "window": window, "days": rows}
