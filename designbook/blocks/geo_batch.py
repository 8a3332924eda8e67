"""The nearest of many for many at once, with NumPy: one sort, and then a few slices of it for everyone who asks.

Positions are points in space, where a pole or the date line is a place like any other. Space is cut into cubes, and all
points stand in Morton's order, in which every cube, small or large, is one slice (Morton, *A Computer Oriented Geodetic
Data Base*, IBM, 1966).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from designbook.blocks.geo_index import check_count, check_metres
from designbook.blocks.sphere import HALF_EARTH, arcs, chord, positions, unit_vectors

if TYPE_CHECKING:
    Floats = np.ndarray[Any, np.dtype[np.float64]]
    Integers = np.ndarray[Any, np.dtype[np.int64]]

BITS = 21
"""An axis has 2^21 cubes; three of them fill an integer."""
SPAN = 8.0
"""The axes go from -4 to 4, and the sphere's radius is 1: so a cube on it has neighbours of any size up to 4."""
AXES = np.arange(3)[:, None]
CORNERS = np.indices((2, 2, 2)).reshape(3, 8)
"""A block of 8 cubes: along each axis the own one (0) and that on the nearer side (1)."""
CACHED = 8192
"""Positions that are made points at a time, so that all steps of it find them in the processor's cache."""
BLOCK = 1024
"""Who asks is answered in blocks of so many, whose candidates fit there too."""
MOST = 1 << 22
"""Candidates of a block, at which it is halved: they are held in memory together."""

_SPREAD = np.sum([(np.arange(2048, dtype=np.int64) >> bit & 1) << 3 * bit for bit in range(11)], axis=0)
"""The bits of a number with two zeros between each."""


class GeoBatch:
    """Where everybody is at one moment; who is who is the number in the lists, from 0.

    Made in O(n log n); a search is O(log n) and what it scans. `scanned` counts distances that were computed after the
    first few that every search begins with.
    """

    def __init__(self, lats: Any, lons: Any) -> None:
        """Two lists of degrees of one length. Raises ValueError, as `sphere.positions` does."""
        points, keys = _in_space(lats, lons)
        self.scanned = 0
        self._order = np.argsort(keys)
        self._keys = keys.take(self._order)
        self._points = [axis.take(self._order) for axis in points]

    def __len__(self) -> int:
        """How many there are."""
        return len(self._keys)

    def nearest(self, lats: Any, lons: Any, k: int, at_most: float = HALF_EARTH) -> tuple[Integers, Floats]:
        """For each point the numbers of its `k` nearest within `at_most` metres, and their metres, nearest first.

        Both have the shape (points, k); where there are fewer, the number is -1 and the metres are infinite. Exact;
        which of several at one distance come first is not said. Who asks from far away of everybody makes all of them
        candidates, unless `at_most` says how far is too far. Raises ValueError as a `GeoIndex` does.
        """
        check_count(k)
        check_metres(at_most)
        asked, keys = _in_space(lats, lons)
        turns = np.argsort(keys)
        places = np.full((len(keys), k), -1)
        squares = np.full((len(keys), k), np.inf)
        for first in range(0, len(turns) if len(self) else 0, BLOCK):
            turn = turns[first : first + BLOCK]
            places[turn], squares[turn] = self._nearest(asked[:, turn], keys[turn], k, chord(at_most) * (1 + 1e-9))
        metres = arcs(np.sqrt(squares))
        there = (places >= 0) & (metres <= at_most)
        places[there] = self._order[places[there]]
        places[~there], metres[~there] = -1, np.inf
        return places, metres

    def _nearest(self, asked: Floats, keys: Integers, k: int, at_most: float) -> tuple[Integers, Floats]:
        """Places in the order, and squares of the straight lines to them."""
        bound = np.minimum(self._bound(asked, keys, k), at_most**2)
        who, begins, sizes = self._slices(asked, bound)
        if sizes.sum() > MOST and len(keys) > 1:
            halves = [
                self._nearest(asked[:, half], keys[half], k, at_most)
                for half in (slice(len(keys) // 2), slice(len(keys) // 2, None))
            ]
            return np.concatenate([half[0] for half in halves]), np.concatenate([half[1] for half in halves])
        self.scanned += int(sizes.sum())
        candidates = np.repeat(begins + sizes - np.cumsum(sizes), sizes) + np.arange(sizes.sum())
        who = np.repeat(who, sizes)
        squares = self._squares(candidates, asked, who)
        near = np.flatnonzero(squares <= bound.take(who))
        return _first(k, len(keys), who.take(near), candidates.take(near), squares.take(near))

    def _bound(self, asked: Floats, keys: Integers, k: int) -> Floats:
        """The square of a distance within which there are `k`: those around one's own place in the order."""
        width = 2 * k + 12
        if len(self) < width:
            return np.full(len(keys), np.inf)
        first = np.clip(np.searchsorted(self._keys, keys) - width // 2, 0, len(self) - width)
        squares = self._squares(first[:, None] + np.arange(width), asked, np.arange(len(keys))[:, None])
        squares.partition(k - 1, axis=1)
        bound: Floats = squares[:, k - 1]
        return bound

    def _slices(self, asked: Floats, bound: Floats) -> tuple[Integers, Integers, Integers]:
        """Cubes that hold all points within the bound: who asks, the first place in the order, and how many there are.

        Cubes are as small as they can be while a block of 8 reaches beyond the bound on all sides.
        """
        radius = np.sqrt(bound) * (1 + 1e-9) + 1e-14  # rounding loses nobody
        bits = np.maximum(np.frexp(radius)[1] + BITS - 3, 1)
        _, part = _cube(asked, bits)
        bits += np.maximum(part, 1 - part).min(axis=0) * _side(bits) < radius
        own, part = _cube(asked, bits)
        border = np.minimum(part, 1 - part) * _side(bits)
        apart = (border**2).T @ CORNERS
        who, corner = np.nonzero(apart <= (radius**2)[:, None])
        sides = np.stack([own, own + np.where(part < 0.5, -1, 1)])
        cubes = _interleaved(sides[CORNERS[:, corner], AXES, who])
        shift = 3 * bits[who].astype(np.int64)
        begins = np.searchsorted(self._keys, cubes << shift)
        ends = np.searchsorted(self._keys, (cubes << shift) + ((1 << shift) - 1), side="right")
        return who, begins, ends - begins

    def _squares(self, candidates: Integers, asked: Floats, who: Integers) -> Floats:
        """The squares of the straight lines from each who asks to a candidate."""
        pairs = zip(self._points, asked, strict=True)
        squares: Floats
        squares, y, z = (np.square(ours.take(candidates) - theirs.take(who)) for ours, theirs in pairs)
        squares += y
        squares += z
        return squares


def _first(k: int, size: int, who: Integers, candidates: Integers, squares: Floats) -> tuple[Integers, Floats]:
    """The `k` candidates with the smallest squares for each who asks."""
    order = np.argsort(squares)
    order = order[np.argsort(who[order].astype(np.uint16), kind="stable")]  # a radix sort: O(n)
    counts = np.bincount(who, minlength=size)[:, None]
    there = np.arange(k) < counts
    chosen = order[(np.cumsum(counts)[:, None] - counts + np.arange(k))[there]]
    places, found = np.full((size, k), -1), np.full((size, k), np.inf)
    places[there], found[there] = candidates[chosen], squares[chosen]
    return places, found


def _side(bits: Integers) -> Floats:
    """The side of cubes that are made of 2^bits of the smallest along each axis."""
    return np.ldexp(SPAN, bits - BITS)


def _cube(points: Floats, bits: Integers) -> tuple[Integers, Floats]:
    """Along each axis, the number of the cube in which a point lies, and where in it, from 0 to 1."""
    place = (points + SPAN / 2) / _side(bits)
    cube = place.astype(np.int64)
    return cube, place - cube


def _in_space(lats: Any, lons: Any) -> tuple[Floats, Integers]:
    """Points, and the places of their smallest cubes in Morton's order."""
    lats, lons = positions(lats, lons)
    points, keys = np.empty((3, len(lats))), np.empty(len(lats), np.int64)
    for first in range(0, len(lats), CACHED):
        some = slice(first, first + CACHED)
        points[:, some] = unit_vectors(lats[some], lons[some])
        keys[some] = _interleaved(((points[:, some] + SPAN / 2) * (2**BITS / SPAN)).astype(np.int64))
    return points, keys


def _interleaved(cubes: Integers) -> Integers:
    """The bits of the three numbers by turns."""
    places = cubes.astype(np.intp, copy=False)  # which has 32 bits in a browser, and the numbers of cubes fit in
    spread = _SPREAD.take(places & 1023) | _SPREAD.take(places >> 10) << 30
    keys: Integers = spread[0] | spread[1] << 1 | spread[2] << 2
    return keys
