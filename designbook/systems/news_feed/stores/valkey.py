"""Feeds in Valkey (or Redis): a sorted set each, whose members are ids of 8 bytes, ordered by their bytes.

All scores are 0, since a score is a double, which cannot hold the 63 bits of an id. The last member of every feed is
not a post: it says whether the feed is begun or ready, and which life of it this is. A feed without readers expires.

A script runs alone on its server, so a batch is one transaction and one round trip. On a Valkey Cluster, each batch
would hold the feeds of one shard. Run it without an append-only file: a feed that comes back a second too old has a
hole that nobody knows of, and one that does not come back is rebuilt.
"""

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from heapq import nlargest
from typing import Any

import valkey

from designbook.systems.news_feed.errors import StoreDown
from designbook.systems.news_feed.posts import MAX_ENTRIES
from designbook.systems.news_feed.stores.port import IDLE, Entries

BEGUN, READY = b"\x80", b"\x81"
"""The first byte of the last member; that of an id is less."""

PUSH = """
local last = -2 - table.remove(ARGV)
for i, feed in ipairs(KEYS) do
    if redis.call('EXISTS', feed) == 1 and redis.call('ZADD', feed, 0, ARGV[i]) == 1 then
        redis.call('ZREMRANGEBYRANK', feed, 0, last)
    end
end
"""

READ = """
local before, limit, ready, idle = unpack(ARGV)
local life = redis.call('ZRANGE', KEYS[1], -1, -1)[1]
if not life or string.sub(life, 1, 1) ~= ready then return false end
redis.call('PEXPIRE', KEYS[1], idle)
return {redis.call('ZCARD', KEYS[1]), redis.call('ZRANGE', KEYS[1], before, '-', 'BYLEX', 'REV', 'LIMIT', 0, limit)}
"""

BEGIN = """
local life = redis.call('ZRANGE', KEYS[1], -1, -1)[1]
if life then return life end
redis.call('ZADD', KEYS[1], 0, ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return ARGV[1]
"""

FILL = """
local begun, ready, idle, most = unpack(ARGV)
local life = redis.call('ZRANGE', KEYS[1], -1, -1)[1]
if life ~= begun and life ~= ready then return 0 end
for i = 5, #ARGV do redis.call('ZADD', KEYS[1], 0, ARGV[i]) end
redis.call('ZADD', KEYS[1], 0, ready)
redis.call('ZREM', KEYS[1], begun)
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -2 - most)
redis.call('PEXPIRE', KEYS[1], idle)
return 1
"""


class ValkeyFeedStore:
    """As fast as the server runs scripts; what is lost with it is rebuilt from the post store."""

    def __init__(self, url: str, idle: float = IDLE) -> None:
        """Connects to `url`: `valkey://host:port/database` or `unix:///path`. Raises StoreDown if nothing answers."""
        self._client = valkey.Valkey.from_url(url)
        self._idle = int(idle * 1_000)
        self._push = self._client.register_script(PUSH)
        self._read = self._client.register_script(READ)
        self._begin = self._client.register_script(BEGIN)
        self._fill = self._client.register_script(FILL)
        with _or_down():
            self._client.ping()

    def push(self, entries: Sequence[tuple[int, int]]) -> None:
        """Put each (user, post) into the user's feed, unless that is absent; one script, however many."""
        with _or_down():
            self._push(
                keys=[_key(user) for user, _ in entries], args=[*(_member(post) for _, post in entries), MAX_ENTRIES]
            )

    def read(self, user: int, before: int, limit: int) -> Entries | None:
        """The newest `limit` posts with ids below `before`; None if the feed is not ready."""
        with _or_down():
            found: Any = self._read(keys=[_key(user)], args=[b"(" + _member(before), limit, READY, self._idle])
        if found is None:
            return None
        size, posts = found
        return Entries([int.from_bytes(post) for post in posts], size <= MAX_ENTRIES)

    def begin(self, user: int) -> int:
        """Let an absent feed take what is pushed from now on; gives the number of this life of the feed."""
        with _or_down():
            life: Any = self._begin(keys=[_key(user)], args=[BEGUN + _member(secrets.randbits(63)), self._idle])
        return int.from_bytes(life[1:])

    def fill(self, user: int, life: int, posts: Sequence[int]) -> bool:
        """Add posts to the feed that was begun with this number, and make it ready. False if it is gone."""
        members = [_member(post) for post in nlargest(MAX_ENTRIES, posts)]
        lives = (BEGUN + _member(life), READY + _member(life))
        with _or_down():
            return bool(self._fill(keys=[_key(user)], args=[*lives, self._idle, MAX_ENTRIES, *members]))

    def drop(self, user: int) -> None:
        """Make the feed absent; its memory is freed in the background."""
        with _or_down():
            self._client.unlink(_key(user))

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()  # type: ignore[no-untyped-call]


def _key(user: int) -> str:
    return f"feed:{user}"


def _member(number: int) -> bytes:
    return number.to_bytes(8)


@contextmanager
def _or_down() -> Iterator[None]:
    try:
        yield
    except (valkey.ConnectionError, valkey.TimeoutError, valkey.BusyLoadingError) as error:
        raise StoreDown(f"Valkey does not answer: {error}") from error
