"""The shortener's port to databases, and its adapters for memory, SQLite, Valkey and PostgreSQL."""

from urllib.parse import urlsplit

from designbook.systems.url_shortener.stores.memory import MemoryStore
from designbook.systems.url_shortener.stores.port import CodeTaken, Link, Store, StoreDown, fingerprint

__all__ = ["CodeTaken", "Link", "MemoryStore", "Store", "StoreDown", "fingerprint", "open_store"]


def open_store(url: str) -> Store:
    """The store that `url` names.

    `memory://`, `sqlite:///relative.db`, `sqlite:////absolute.db`, `valkey://host:port/0`, `unix:///valkey.sock`,
    `postgresql://user@host/database`. Raises ValueError for another scheme, StoreDown if nothing answers there.
    """
    scheme = urlsplit(url).scheme
    if scheme == "memory":
        return MemoryStore()
    if scheme == "sqlite":
        from designbook.systems.url_shortener.stores.sqlite import SQLiteStore

        path = url.removeprefix("sqlite:///")
        if path in ("", url):
            raise ValueError(f"{url!r} names no file; write sqlite:///links.db or sqlite:////folder/links.db")
        return SQLiteStore(path)
    if scheme in ("valkey", "valkeys", "redis", "rediss", "unix"):
        from designbook.systems.url_shortener.stores.valkey import ValkeyStore

        return ValkeyStore(url)
    if scheme in ("postgresql", "postgres"):
        from designbook.systems.url_shortener.stores.postgres import PostgresStore

        return PostgresStore(url)
    raise ValueError(f"{url!r} is no store; expected memory://, sqlite:///, valkey://, unix:// or postgresql://")
