"""The news feed's ports to databases: posts in memory, SQLite and PostgreSQL; feeds in memory and Valkey."""

from urllib.parse import urlsplit

from designbook.systems.news_feed.stores.memory import MemoryFeedStore, MemoryPostStore
from designbook.systems.news_feed.stores.port import Entries, FeedStore, IdTaken, PostStore, StoreDown

__all__ = [
    "Entries",
    "FeedStore",
    "IdTaken",
    "MemoryFeedStore",
    "MemoryPostStore",
    "PostStore",
    "StoreDown",
    "open_feed_store",
    "open_post_store",
]


def open_post_store(url: str) -> PostStore:
    """The post store that `url` names.

    `memory://`, `sqlite:///relative.db`, `sqlite:////absolute.db`, `postgresql://user@host/database`.
    Raises ValueError for another scheme, StoreDown if nothing answers there.
    """
    scheme = urlsplit(url).scheme
    if scheme == "memory":
        return MemoryPostStore()
    if scheme == "sqlite":
        from designbook.systems.news_feed.stores.sqlite import SQLitePostStore

        path = url.removeprefix("sqlite:///")
        if path in ("", url):
            raise ValueError(f"{url!r} names no file; write sqlite:///feed.db or sqlite:////folder/feed.db")
        return SQLitePostStore(path)
    if scheme in ("postgresql", "postgres"):
        from designbook.systems.news_feed.stores.postgres import PostgresPostStore

        return PostgresPostStore(url)
    raise ValueError(f"{url!r} is no post store; expected memory://, sqlite:/// or postgresql://")


def open_feed_store(url: str) -> FeedStore:
    """The feed store that `url` names: `memory://`, `valkey://host:port/0`, `unix:///valkey.sock`.

    Raises ValueError for another scheme, StoreDown if nothing answers there.
    """
    scheme = urlsplit(url).scheme
    if scheme == "memory":
        return MemoryFeedStore()
    if scheme in ("valkey", "valkeys", "redis", "rediss", "unix"):
        from designbook.systems.news_feed.stores.valkey import ValkeyFeedStore

        return ValkeyFeedStore(url)
    raise ValueError(f"{url!r} is no feed store; expected memory://, valkey:// or unix://")
