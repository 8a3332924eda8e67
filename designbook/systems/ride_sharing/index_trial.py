"""Indexes of positions compared over one city: what they scan, what they cost, and what a look into one cell misses."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from importlib.util import find_spec
from math import ceil, pi, radians, sqrt
from random import Random
from time import process_time
from typing import NamedTuple

import numpy as np

from designbook.blocks.geo_batch import GeoBatch
from designbook.blocks.geo_grid import GeoGrid
from designbook.blocks.geo_index import BruteForce, GeoIndex, Near, check_metres, measured, widening
from designbook.blocks.geohash import GeohashIndex, decode, encode
from designbook.blocks.quadtree import Quadtree
from designbook.blocks.sphere import EARTH_RADIUS, HALF_EARTH, position
from designbook.systems.ride_sharing.city import CENTRE, City, Floats, places, to_degrees

K = 10
"""Drivers that a search asks for."""
MOVED = 40.0
"""Metres between two pings: four seconds in a city."""


class H3Cells:
    """The cells of Uber's H3 in a dictionary: what one would write with the package `h3`, behind the port of an index.

    A disk of r rings around a regular hexagon holds what is within 1.5 r - 0.5 edges of any point in it. The cells are
    not regular: seven tenths of the average edge are taken for one, and cells all over the Earth were found to keep it.
    """

    def __init__(self, resolution: int) -> None:
        import h3

        self.scanned = 0
        self._h3 = h3
        self._resolution = resolution
        self._edge = 0.7 * h3.average_hexagon_edge_length(resolution, "m")
        self._cells: dict[str, dict[str, tuple[float, float]]] = {}
        self._cell_of: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._cell_of)

    def put(self, id: str, lat: float, lon: float) -> None:
        """`id` is here now."""
        here = position(lat, lon)
        cell = self._h3.latlng_to_cell(*here, self._resolution)
        if self._cell_of.get(id) != cell:
            self.remove(id)
            self._cell_of[id] = cell
        self._cells.setdefault(cell, {})[id] = here

    def remove(self, id: str) -> bool:
        """Forget `id`; False if it was not there."""
        cell = self._cell_of.pop(id, None)
        if cell is None:
            return False
        del self._cells[cell][id]
        if not self._cells[cell]:
            del self._cells[cell]
        return True

    def within(self, lat: float, lon: float, metres: float) -> list[Near]:
        """All that are at most `metres` away, nearest first."""
        check_metres(metres)
        here = position(lat, lon)
        rings = ceil((min(metres, HALF_EARTH) / self._edge + 0.5) / 1.5)
        touched: Sequence[str] = list(self._cells)
        if 3 * rings * (rings + 1) < len(touched):  # a disk of fewer cells than are occupied
            touched = self._h3.grid_disk(self._h3.latlng_to_cell(*here, self._resolution), rings)
        candidates = [placed for cell in touched for placed in self._cells.get(cell, {}).items()]
        self.scanned += len(candidates)
        return sorted(measured(candidates, lat, lon, metres))

    def nearest(self, lat: float, lon: float, k: int, at_most: float = HALF_EARTH) -> list[Near]:
        """The `k` nearest within `at_most` metres."""
        return widening(self.within, lat, lon, k, at_most, self._edge)


def indexes() -> dict[str, Callable[[], GeoIndex]]:
    """Those that are compared; the cells of H3 among them where it is installed, which it is not in a browser."""
    ours: dict[str, Callable[[], GeoIndex]] = {
        "brute force": BruteForce,
        "grid, 250 m": lambda: GeoGrid(250),
        "grid, 1 km": lambda: GeoGrid(1_000),
        "grid, 4 km": lambda: GeoGrid(4_000),
        "geohash": lambda: GeohashIndex(Random(1)),
        "quadtree": Quadtree,
    }
    if find_spec("h3") is None:
        return ours
    return ours | {f"h3, resolution {size}": partial(H3Cells, size) for size in (7, 8, 9)}


def drivers_of_the_city(number: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Latitudes and longitudes of drivers, or riders, spread over Paris as its people are."""
    return to_degrees(City(places()).cars(number, rng))


class IndexTrial(NamedTuple):
    """What an index took: candidates of a search, microseconds of a search and of an update, and wrong answers."""

    name: str
    drivers: int
    candidates: float
    search: float
    update: float
    wrong: int


def compare_indexes(drivers: int, searches: int = 200, by_brute_force: int = 20, seed: int = 1) -> Iterator[IndexTrial]:
    """Each index with the same drivers, who move; the same riders ask for the ten nearest. CPU time, in Python.

    Brute force is asked for the first few riders only, and says which answers to them are wrong.
    """
    rng = np.random.default_rng(seed)
    put = list(zip(map(str, range(drivers)), *map(list, drivers_of_the_city(drivers, rng)), strict=True))
    moved = [(driver, lat + MOVED / EARTH_RADIUS * 180 / pi, lon) for driver, lat, lon in put[:searches]]
    riders = [(float(lat), float(lon)) for lat, lon in zip(*drivers_of_the_city(searches, rng), strict=True)]
    truth: list[list[Near]] = []
    for name, make in indexes().items():
        index = make()
        for each in put:
            index.put(*each)
        update = _microseconds(index.put, moved)
        asked = riders[:by_brute_force] if name == "brute force" else riders
        index.scanned = 0
        search = _microseconds(index.nearest, [(*rider, K) for rider in asked])
        candidates = index.scanned / len(asked)
        answers = [index.nearest(*rider, K) for rider in riders[:by_brute_force]]
        truth = truth or answers
        wrong = sum(answer != right for answer, right in zip(answers, truth, strict=True))
        yield IndexTrial(name, drivers, candidates, search, update, wrong)


def _microseconds(call: Callable[..., object], arguments: Sequence[tuple[object, ...]]) -> float:
    """CPU time of a call, on average."""
    began = process_time()
    for each in arguments:
        call(*each)
    return (process_time() - began) / len(arguments) * 1e6


class OwnCell(NamedTuple):
    """What is missed by those who look for drivers in their own cell only.

    `metres` is the root of a cell's area, `missed_nearest` the share of riders whose nearest driver is in another cell,
    `missed_of_ten` the share of the ten nearest that are, and `predicted` what `crossing` says of the nearest.
    """

    cells: str
    metres: float
    missed_nearest: float
    missed_of_ten: float
    predicted: float


def crossing(distance: Floats, area: float, border: float) -> float:
    """The chance that two points, a small distance apart in any direction, lie in different cells of a tiling.

    distance x border / (pi x area), where border is that of one cell, averaged over distances: Buffon's needle, for
    any convex cell (Santaló, *Integral Geometry and Geometric Probability*, 1976). So hexagons miss 7 % less than
    squares of the same area, and nothing but larger cells misses less.
    """
    return float(np.minimum(1.0, distance * border / (pi * area)).mean())


def own_cell_misses(drivers: int = 10_000, riders: int = 5_000, seed: int = 1) -> Iterator[OwnCell]:
    """Grids, geohashes and h3 of several sizes over Paris: whom those miss who look into their own cell only."""
    rng = np.random.default_rng(seed)
    cars, asking = drivers_of_the_city(drivers, rng), drivers_of_the_city(riders, rng)
    numbers, metres = GeoBatch(*cars).nearest(*asking, K)
    for name, cell_of, area, border in _cells():
        number_of: dict[object, int] = {}
        there, here = (
            np.array([number_of.setdefault(cell_of(*point), len(number_of)) for point in zip(*some, strict=True)])
            for some in (cars, asking)
        )
        missed = there[numbers] != here[:, None]
        predicted = crossing(metres[:, 0], area, border)
        yield OwnCell(name, sqrt(area), float(missed[:, 0].mean()), float(missed.mean()), predicted)


def _cells() -> Iterator[tuple[str, Callable[[float, float], object], float, float]]:
    """Name, the cell of a point, and a cell's area and border in the centre, in square metres and metres."""
    for size in (250, 500, 1_000, 2_000, 4_000):
        yield f"grid, {size:,} m", GeoGrid(size).cell, size**2, 4 * size
    for length in (5, 6, 7):
        box = decode(encode(*CENTRE, length))
        high = radians(box.north - box.south) * EARTH_RADIUS
        wide = radians(box.east - box.west) * EARTH_RADIUS * np.cos(radians(CENTRE[0]))
        yield f"geohash, {length} letters", partial(encode, length=length), high * wide, 2 * (high + wide)
    if find_spec("h3") is None:
        return
    import h3

    for size in (7, 8, 9):
        cell = h3.latlng_to_cell(*CENTRE, size)
        border = sum(h3.edge_length(edge, "m") for edge in h3.origin_to_directed_edges(cell))
        area = h3.cell_area(cell, "m^2")
        yield f"h3, resolution {size}", partial(h3.latlng_to_cell, res=size), area, border
