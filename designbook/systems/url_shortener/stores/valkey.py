"""Links in Valkey (or Redis): one hash a link, one key a fingerprint, and scripts where several keys change at once.

A script runs alone on its server, so it is a transaction. It is on one primary; on a Valkey Cluster a link, its
fingerprint and a batch would live on different shards, where no script reaches all of them.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import valkey

from designbook.systems.url_shortener.stores.port import CodeTaken, Link, StoreDown

ADD = """
local kept = KEYS[2] ~= '' and redis.call('GET', KEYS[2])
if kept then return redis.call('HMGET', 'link:' .. kept, 'code', 'url', 'owner', 'expires') end
if redis.call('EXISTS', KEYS[1]) == 1 then return 'taken' end
redis.call('HSET', KEYS[1], 'code', ARGV[1], 'url', ARGV[2], 'owner', ARGV[3], 'expires', ARGV[4], 'same', KEYS[2])
if KEYS[2] ~= '' then redis.call('SET', KEYS[2], ARGV[1]) end
return 'added'
"""

DELETE = """
local owner, same = unpack(redis.call('HMGET', KEYS[1], 'owner', 'same'))
if owner ~= ARGV[1] then return 0 end
redis.call('HDEL', KEYS[1], 'url', 'owner', 'expires', 'same')
if same ~= '' then redis.call('DEL', same) end
return 1
"""

COUNT = """
if not redis.call('SET', KEYS[1], 1, 'NX') then return 0 end
for i = 2, #KEYS do
    if redis.call('EXISTS', KEYS[i]) == 1 then redis.call('HINCRBY', KEYS[i], 'clicks', ARGV[i - 1]) end
end
return 1
"""


class ValkeyStore:
    """What survives a crash is up to the server: nothing without its append-only file, all of it with `always`."""

    def __init__(self, url: str) -> None:
        """Connects to `url`: `valkey://host:port/database` or `unix:///path`. Raises StoreDown if nothing answers."""
        self._client = valkey.Valkey.from_url(url)
        self._add = self._client.register_script(ADD)
        self._delete = self._client.register_script(DELETE)
        self._count = self._client.register_script(COUNT)
        with _or_down():
            self._client.ping()

    def reserve(self, count: int) -> int:
        """Take `count` ids that nobody else will get, and return the first."""
        with _or_down():
            return _number(self._client.incrby("ids", count)) - count

    def add(self, link: Link, same: bytes | None = None) -> Link:
        """Keep `link`, or return the one that has its fingerprint. Raises CodeTaken."""
        keys = [f"link:{link.code}", "" if same is None else b"same:" + same]
        expires = "" if link.expires is None else repr(link.expires)
        with _or_down():
            answer: Any = self._add(keys=keys, args=[link.code, link.url or "", link.owner, expires])
        if answer == b"taken":
            raise CodeTaken(link.code)
        return link if answer == b"added" else _link(*answer)

    def get(self, code: str) -> Link | None:
        """The link with this code, deleted or not; None if there never was one."""
        with _or_down():
            found: Any = self._client.hmget(f"link:{code}", ["code", "url", "owner", "expires"])
        return None if found[0] is None else _link(*found)

    def delete(self, code: str, owner: str) -> bool:
        """Forget everything but the code of `owner`'s link."""
        with _or_down():
            return bool(self._delete(keys=[f"link:{code}"], args=[owner]))

    def count(self, batch: str, clicks: Mapping[str, int]) -> bool:
        """Add the clicks of a batch, unless it was counted before; its id is kept in the same script."""
        with _or_down():
            keys = [f"batch:{batch}", *(f"link:{code}" for code in clicks)]
            return bool(self._count(keys=keys, args=list(clicks.values())))

    def forget(self, batch: str) -> None:
        """The batch will not be sent again."""
        with _or_down():
            self._client.delete(f"batch:{batch}")

    def clicks(self, code: str) -> int:
        """How often the link was clicked, as far as counted."""
        with _or_down():
            return _number(self._client.hget(f"link:{code}", "clicks") or 0)

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()  # type: ignore[no-untyped-call]


def _link(code: bytes, url: bytes | None, owner: bytes | None, expires: bytes | None) -> Link:
    if url is None or owner is None:
        return Link(code.decode(), None, "")
    return Link(code.decode(), url.decode(), owner.decode(), float(expires) if expires else None)


def _number(answer: Any) -> int:
    return int(answer)


@contextmanager
def _or_down() -> Iterator[None]:
    try:
        yield
    except (valkey.ConnectionError, valkey.TimeoutError, valkey.BusyLoadingError) as error:
        raise StoreDown(f"Valkey does not answer: {error}") from error
