"""The cache in front of the store, and how long it may outlive what it caches."""

import time
from collections.abc import Callable
from threading import Lock

from designbook.blocks.cache import Cache
from designbook.blocks.s3_fifo import S3FIFOCache
from designbook.blocks.single_flight import ThreadSingleFlight
from designbook.systems.url_shortener.stores import Link


class LinkCache:
    """Reads links through, from many threads. Of all who miss the same link at once, one asks the store.

    What it may get wrong: a link deleted by another server is still served here, for `seconds` after it was last
    read from the store and no longer. A link deleted here is gone at once; an expired one too, for its record says
    when. Codes that do not exist are not kept, so a link is known everywhere as soon as it is made.
    """

    def __init__(
        self,
        load: Callable[[str], Link | None],
        entries: Cache[str, tuple[Link, float]] | None = None,
        *,
        seconds: float = 60,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`load` reads one link from the store; `entries` is what holds and evicts, by default 100,000 of them."""
        self._load = load
        self._entries = S3FIFOCache(100_000) if entries is None else entries  # an empty cache is false
        self._seconds = seconds
        self._clock = clock
        self._drops = 0
        self._flights: ThreadSingleFlight[tuple[str, int], Link | None] = ThreadSingleFlight()
        self._lock = Lock()

    def peek(self, code: str) -> Link | None:
        """The link if it is here and fresh; never asks the store."""
        try:
            entry = self._entries.get(code)  # without the lock, which would cost as much as all the rest
        except KeyError:  # evicted by another thread meanwhile
            return None
        return entry[0] if entry is not None and self._clock() < entry[1] else None

    def get(self, code: str) -> Link | None:
        """The link, from here or from the store; None if there never was one."""
        link = self.peek(code)
        if link is None:
            drops = self._drops  # who comes after a drop must not be given what was read before it
            link = self._flights.do((code, drops), lambda: self._read(code, drops))
        return link

    def drop(self, code: str) -> None:
        """To be called after the store has changed: whoever asks from now on gets the new state."""
        with self._lock:
            self._drops += 1
            self._entries.discard(code)

    def _read(self, code: str, drops: int) -> Link | None:
        fresh_until = self._clock() + self._seconds
        link = self._load(code)
        if link is not None:
            with self._lock:
                if drops == self._drops:  # else this may have been read before a delete, and would come back to stay
                    self._entries.put(code, (link, fresh_until))
        return link
