"""The port to an index of drivers, and its adapters for memory, Valkey and PostgreSQL."""

from urllib.parse import urlsplit

from designbook.blocks.geo_grid import GeoGrid
from designbook.systems.ride_sharing.geo.memory import MemoryLocations
from designbook.systems.ride_sharing.geo.port import Locations, Near

__all__ = ["Locations", "MemoryLocations", "Near", "open_locations"]

CELL = 500.0
"""Metres of a cell of the grid in memory."""


def open_locations(url: str) -> Locations:
    """The index that `url` names: `memory://`, `valkey://host:port/0`, `unix:///valkey.sock`, `postgresql://user@host/db`.

    Raises ValueError for another scheme, StoreDown if nothing answers there.
    """
    scheme = urlsplit(url).scheme
    if scheme == "memory":
        return MemoryLocations(GeoGrid(CELL))
    if scheme in ("valkey", "valkeys", "redis", "rediss", "unix"):
        from designbook.systems.ride_sharing.geo.valkey import ValkeyLocations

        return ValkeyLocations(url)
    if scheme in ("postgresql", "postgres"):
        from designbook.systems.ride_sharing.geo.postgres import PostgresLocations

        return PostgresLocations(url)
    raise ValueError(f"{url!r} is no index of drivers; expected memory://, valkey://, unix:// or postgresql://")
