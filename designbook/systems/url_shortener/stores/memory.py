"""Links in the process's own memory: the fastest store, and gone with the process."""

from collections.abc import Mapping
from sys import intern
from threading import Lock

from designbook.systems.url_shortener.stores.port import CodeTaken, Link, fingerprint


class MemoryStore:
    """Dictionaries under one lock; reads take no lock."""

    def __init__(self) -> None:
        self._links: dict[str, Link] = {}
        self._codes: dict[int, str] = {}  # by fingerprint; as an integer it takes a quarter less memory than as bytes
        self._clicks: dict[str, int] = {}
        self._batches: set[str] = set()
        self._next_id = 0
        self._lock = Lock()

    def reserve(self, count: int) -> int:
        """Take `count` ids that nobody else will get, and return the first."""
        with self._lock:
            first = self._next_id
            self._next_id += count
            return first

    def add(self, link: Link, same: bytes | None = None) -> Link:
        """Keep `link`, or return the one that has its fingerprint. Raises CodeTaken."""
        key = None if same is None else int.from_bytes(same, "big")
        with self._lock:
            if key in self._codes:
                return self._links[self._codes[key]]
            if link.code in self._links:
                raise CodeTaken(link.code)
            owner = intern(link.owner)  # one string for all links of an owner
            self._links[link.code] = Link(link.code, link.url, owner, link.expires)
            if key is not None:
                self._codes[key] = link.code
            return link

    def get(self, code: str) -> Link | None:
        """The link with this code, deleted or not; None if there never was one."""
        return self._links.get(code)

    def delete(self, code: str, owner: str) -> bool:
        """Forget everything but the code of `owner`'s link."""
        with self._lock:
            link = self._links.get(code)
            if link is None or link.url is None or link.owner != owner:
                return False
            self._links[code] = Link(code, None, "")
            key = int.from_bytes(fingerprint(owner, link.url, link.expires), "big")
            if self._codes.get(key) == code:
                del self._codes[key]
            return True

    def count(self, batch: str, clicks: Mapping[str, int]) -> bool:
        """Add the clicks of a batch, unless it was counted before."""
        with self._lock:
            if batch in self._batches:
                return False
            self._batches.add(batch)
            for code, number in clicks.items():
                if code in self._links:
                    self._clicks[code] = self._clicks.get(code, 0) + number
            return True

    def forget(self, batch: str) -> None:
        """The batch will not be sent again."""
        with self._lock:
            self._batches.discard(batch)

    def clicks(self, code: str) -> int:
        """How often the link was clicked, as far as counted."""
        return self._clicks.get(code, 0)

    def close(self) -> None:
        """Nothing to give back."""
