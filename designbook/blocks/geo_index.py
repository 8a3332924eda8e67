"""The port of an index of positions, and its naive twin: the distance to every one of them."""

from collections.abc import Callable, Iterable
from heapq import nsmallest
from typing import NamedTuple, Protocol

from designbook.blocks.sphere import HALF_EARTH, distance, position

Placed = tuple[str, tuple[float, float]]
"""An id and where it is: latitude and longitude in degrees."""


class Near(NamedTuple):
    """Who is near, and how far along the sphere: sorted, the nearest come first, and of equals the lower id."""

    metres: float
    id: str


class GeoIndex(Protocol):
    """Where things are, and which of them are near a point. Every answer is exact: what `BruteForce` would give.

    Degrees are checked by `sphere.position`: what is out of range or not a number is a ValueError that names the field,
    and nothing is changed.
    """

    scanned: int
    """Distances computed by all searches so far: the candidates that the index did not rule out."""

    def __len__(self) -> int:
        """How many there are."""

    def put(self, id: str, lat: float, lon: float) -> None:
        """`id` is here now, and no longer where it was."""

    def remove(self, id: str) -> bool:
        """Forget `id`; False if it was not there."""

    def within(self, lat: float, lon: float, metres: float) -> list[Near]:
        """All that are at most `metres` away, nearest first. Raises ValueError if `metres` is below 0."""

    def nearest(self, lat: float, lon: float, k: int, at_most: float = HALF_EARTH) -> list[Near]:
        """The `k` nearest of those at most `at_most` metres away, nearest first; fewer if there are fewer.

        Raises ValueError if `k` is below 1 or `at_most` below 0.
        """


class BruteForce:
    """A dictionary of positions; each search computes every distance. O(1) to put, O(n) to search."""

    def __init__(self) -> None:
        self.scanned = 0
        self._placed: dict[str, tuple[float, float]] = {}

    def __len__(self) -> int:
        return len(self._placed)

    def put(self, id: str, lat: float, lon: float) -> None:
        """`id` is here now."""
        self._placed[id] = position(lat, lon)

    def remove(self, id: str) -> bool:
        """Forget `id`; False if it was not there."""
        return self._placed.pop(id, None) is not None

    def within(self, lat: float, lon: float, metres: float) -> list[Near]:
        """All that are at most `metres` away, nearest first."""
        self.scanned += len(self._placed)
        return sorted(measured(self._placed.items(), lat, lon, metres))

    def nearest(self, lat: float, lon: float, k: int, at_most: float = HALF_EARTH) -> list[Near]:
        """The `k` nearest within `at_most` metres."""
        check_count(k)
        self.scanned += len(self._placed)
        return nsmallest(k, measured(self._placed.items(), lat, lon, at_most))


def measured(candidates: Iterable[Placed], lat: float, lon: float, metres: float) -> list[Near]:
    """Those of the candidates that are at most `metres` away, in any order.

    Raises ValueError if the point is none or `metres` is below 0.
    """
    check_metres(metres)
    lat, lon = position(lat, lon)
    found = [Near(distance(lat, lon, *there), id) for id, there in candidates]
    return [near for near in found if near.metres <= metres]


def widening(
    within: Callable[[float, float, float], list[Near]], lat: float, lon: float, k: int, at_most: float, first: float
) -> list[Near]:
    """The `k` nearest by searches `within` a radius that begins at `first` metres and doubles until it holds them.

    Exact, since nobody outside of a circle is nearer than anybody inside. Raises ValueError if `k` is below 1 or
    `at_most` below 0.
    """
    check_count(k)
    check_metres(at_most)
    radius = min(first, at_most)
    found = within(lat, lon, radius)
    while len(found) < k and radius < min(at_most, HALF_EARTH):
        radius = min(2 * radius, at_most)
        found = within(lat, lon, radius)
    return found[:k]


def check_count(k: int) -> None:
    """Raises ValueError unless `k` is 1 or more."""
    if k < 1:
        raise ValueError(f"k is 1 or more, not {k}")


def check_metres(metres: float) -> None:
    """Raises ValueError unless `metres` is a number from 0."""
    if not metres >= 0:
        raise ValueError(f"metres is 0 or more, not {metres}")
