"""What the service asks of an index of drivers, whichever engine keeps it."""

from typing import Protocol

from designbook.blocks.geo_index import Near

__all__ = ["FIRST", "Locations", "Near"]

FIRST = 500.0
"""Metres at which the search of an engine begins; it is doubled until the circle holds enough."""


class Locations(Protocol):
    """Where each driver was by their newest ping, and since when: soft state, full again after one interval of pings.

    Degrees are checked as `sphere.position` does, with a ValueError that names the field. Each call happens as a whole
    or not at all, also among concurrent calls. Every call may raise StoreDown.
    """

    def put(self, driver: str, lat: float, lon: float, time: float, sequence: int) -> bool:
        """The driver was there at `time` (Unix seconds).

        False, and no change, if a ping with this `sequence` or a higher one is kept: the same again, or one that came
        late. Sequences are whole numbers from 0 to 2^53 - 1.
        """

    def nearby(self, lat: float, lon: float, k: int, at_most: float, since: float) -> list[Near]:
        """The `k` nearest within `at_most` metres of those whose ping is from `since` or later; nearest first."""

    def remove(self, driver: str) -> bool:
        """Forget a driver and their sequence; False if they were not there."""

    def forget(self, before: float) -> list[str]:
        """Remove all whose ping is from before that time, and say who they were."""

    def size(self) -> int:
        """How many drivers are kept."""

    def close(self) -> None:
        """Give the connections back."""
