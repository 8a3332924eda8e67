"""The ride service's port to databases, and its adapters for memory, SQLite and PostgreSQL."""

from urllib.parse import urlsplit

from designbook.systems.ride_sharing.stores.memory import MemoryTrips
from designbook.systems.ride_sharing.stores.port import Role, TripStore

__all__ = ["MemoryTrips", "Role", "TripStore", "open_store"]


def open_store(url: str) -> TripStore:
    """The store that `url` names.

    `memory://`, `sqlite:///relative.db`, `sqlite:////absolute.db`, `postgresql://user@host/database`. Raises ValueError
    for another scheme, StoreDown if nothing answers there.
    """
    scheme = urlsplit(url).scheme
    if scheme == "memory":
        return MemoryTrips()
    if scheme == "sqlite":
        from designbook.systems.ride_sharing.stores.sqlite import SQLiteTrips

        path = url.removeprefix("sqlite:///")
        if path in ("", url):
            raise ValueError(f"{url!r} names no file; write sqlite:///trips.db or sqlite:////folder/trips.db")
        return SQLiteTrips(path)
    if scheme in ("postgresql", "postgres"):
        from designbook.systems.ride_sharing.stores.postgres import PostgresTrips

        return PostgresTrips(url)
    raise ValueError(f"{url!r} is no store; expected memory://, sqlite:/// or postgresql://")
