"""Quadtree: a box that is cut into four as soon as it holds too many, and each of the four again.

Finkel and Bentley, *Quad Trees: A Data Structure for Retrieval on Composite Keys*, Acta Informatica, 1974; the search
for the nearest, box by box: Hjaltason and Samet, *Distance Browsing in Spatial Databases*, TODS, 1999.
"""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heappop, heappush, nsmallest
from itertools import count

from designbook.blocks.geo_index import Near, Placed, check_count, check_metres, measured
from designbook.blocks.sphere import HALF_EARTH, Box, least_distance, position

MAX_DEPTH = 26
"""Boxes are not cut below 60 centimetres: any number may stand at one point."""


class _Node:
    """A leaf with those who are here, or four quarters: south-west, south-east, north-west, north-east."""

    __slots__ = ("box", "here", "quarters", "size")

    def __init__(self, box: Box) -> None:
        self.box = box
        self.size = 0
        self.here: dict[str, tuple[float, float]] = {}
        self.quarters: list[_Node] = []

    def quarter(self, lat: float, lon: float) -> _Node:
        """The quarter in which a point lies; on a border, the northern and the eastern one."""
        middle_lat, middle_lon = _middle(self.box)
        return self.quarters[2 * (lat >= middle_lat) + (lon >= middle_lon)]

    def placed(self) -> Iterator[Placed]:
        """Everybody in the box."""
        yield from self.here.items()
        for quarter in self.quarters:
            yield from quarter.placed()


class Quadtree:
    """Boxes of degrees with at most `leaf` positions each, small where there are many: no cell size to choose.

    To put or to remove is O(depth). A box that holds half of a leaf or less is made one again.
    """

    def __init__(self, leaf: int = 16) -> None:
        """Raises ValueError if `leaf` is less than 1."""
        if leaf < 1:
            raise ValueError(f"a leaf holds 1 position or more, not {leaf}")
        self.scanned = 0
        self._leaf = leaf
        self._root = _Node(Box(-90, -180, 90, 180))
        self._placed: dict[str, tuple[float, float]] = {}

    def __len__(self) -> int:
        return len(self._placed)

    def put(self, id: str, lat: float, lon: float) -> None:
        """`id` is here now."""
        here = position(lat, lon)
        self.remove(id)
        self._placed[id] = here
        path = self._path(here)
        for node in path:
            node.size += 1
        path[-1].here[id] = here
        self._cut(path[-1], len(path))

    def remove(self, id: str) -> bool:
        """Forget `id`; False if it was not there."""
        there = self._placed.pop(id, None)
        if there is None:
            return False
        path = self._path(there)
        del path[-1].here[id]
        for node in path:
            node.size -= 1
        for node in path:
            if node.quarters and node.size <= self._leaf // 2:
                node.here, node.quarters = dict(node.placed()), []
                break
        return True

    def within(self, lat: float, lon: float, metres: float) -> list[Near]:
        """All that are at most `metres` away, nearest first, from all leaves that are not farther."""
        check_metres(metres)
        lat, lon = position(lat, lon)
        found, waiting = [], [self._root]
        while waiting:
            node = waiting.pop()
            if least_distance(lat, lon, node.box) <= metres:
                self.scanned += len(node.here)
                found += measured(node.here.items(), lat, lon, metres)
                waiting += node.quarters
        return sorted(found)

    def nearest(self, lat: float, lon: float, k: int, at_most: float = HALF_EARTH) -> list[Near]:
        """The `k` nearest within `at_most` metres: the nearest box first, until the next one is too far."""
        check_count(k)
        check_metres(at_most)
        lat, lon = position(lat, lon)
        found: list[Near] = []
        limit, turn = at_most, count()
        waiting = [(0.0, next(turn), self._root)]
        while waiting and waiting[0][0] <= limit:
            node = heappop(waiting)[-1]
            self.scanned += len(node.here)
            found = nsmallest(k, found + measured(node.here.items(), lat, lon, limit))
            if len(found) == k:
                limit = found[-1].metres
            for quarter in node.quarters:
                heappush(waiting, (least_distance(lat, lon, quarter.box), next(turn), quarter))
        return found

    def _path(self, here: tuple[float, float]) -> list[_Node]:
        """The boxes around a point, from the root to its leaf."""
        path = [self._root]
        while path[-1].quarters:
            path.append(path[-1].quarter(*here))
        return path

    def _cut(self, node: _Node, depth: int) -> None:
        """Cut a leaf in four for as long as one of them holds too many."""
        while node.size > self._leaf and depth < MAX_DEPTH:
            node.quarters = [_Node(box) for box in _quarters(node.box)]
            for id, here in node.here.items():
                quarter = node.quarter(*here)
                quarter.here[id] = here
                quarter.size += 1
            node.here = {}
            node, depth = max(node.quarters, key=lambda quarter: quarter.size), depth + 1


def _middle(box: Box) -> tuple[float, float]:
    return (box.south + box.north) / 2, (box.west + box.east) / 2


def _quarters(box: Box) -> list[Box]:
    lat, lon = _middle(box)
    return [
        Box(box.south, box.west, lat, lon),
        Box(box.south, lon, lat, box.east),
        Box(lat, box.west, box.north, lon),
        Box(lat, lon, box.north, box.east),
    ]
