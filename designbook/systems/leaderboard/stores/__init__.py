"""The leaderboard's port to databases, and its adapters for memory, Valkey and PostgreSQL."""

from urllib.parse import urlsplit

from designbook.systems.leaderboard.stores.memory import MemoryStore
from designbook.systems.leaderboard.stores.port import NotRanked, Place, Standing, Store, StoreDown, combine, place

__all__ = ["MemoryStore", "NotRanked", "Place", "Standing", "Store", "StoreDown", "combine", "open_store", "place"]


def open_store(url: str) -> Store:
    """The store that `url` names: `memory://`, `valkey://host:port/0`, `unix:///valkey.sock`, `postgresql://user@host/db`.

    Raises ValueError for another scheme, StoreDown if nothing answers there.
    """
    scheme = urlsplit(url).scheme
    if scheme == "memory":
        return MemoryStore()
    if scheme in ("valkey", "valkeys", "redis", "rediss", "unix"):
        from designbook.systems.leaderboard.stores.valkey import ValkeyStore

        return ValkeyStore(url)
    if scheme in ("postgresql", "postgres"):
        from designbook.systems.leaderboard.stores.postgres import PostgresStore

        return PostgresStore(url)
    raise ValueError(f"{url!r} is no store; expected memory://, valkey://, unix:// or postgresql://")
