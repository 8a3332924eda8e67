"""The news feed's port to a durable queue, and its adapters for memory, SQLite and NATS JetStream."""

from urllib.parse import urlsplit

from designbook.systems.news_feed.queues.memory import MemoryQueue
from designbook.systems.news_feed.queues.port import FROM_THE_FIRST, LEASE, ROOM, JobQueue, StoreDown, Taken

__all__ = ["FROM_THE_FIRST", "LEASE", "ROOM", "JobQueue", "MemoryQueue", "StoreDown", "Taken", "open_queue"]


def open_queue(url: str, lease: float = LEASE, room: int = ROOM) -> JobQueue:
    """The queue that `url` names: `memory://`, `sqlite:///folder/file`, `nats://token@host:port`.

    A job comes again if nobody says anything of it for `lease` seconds; there are `room` jobs at most. Raises
    ValueError for another scheme, or bounds below which nothing works; StoreDown if nothing answers there.
    """
    if not lease > 0 or room < 1:
        raise ValueError(f"lease and room are {lease} and {room}, expected more than 0 seconds and at least 1 job")
    scheme = urlsplit(url).scheme
    if scheme == "memory":
        return MemoryQueue(lease, room)
    if scheme == "sqlite":
        from designbook.systems.news_feed.queues.sqlite import SQLiteQueue

        return SQLiteQueue(url.removeprefix("sqlite:///"), lease, room)
    if scheme in ("nats", "tls"):
        from designbook.systems.news_feed.queues.jetstream import JetStreamQueue

        return JetStreamQueue(url, lease, room)
    raise ValueError(f"{url!r} is no queue; expected memory://, sqlite:///folder/file or nats://host:port")
