"""What every cache here can do, and the one figure that decides between them: the hit ratio on a trace."""

from collections.abc import Hashable, Iterable
from typing import Protocol, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
C = TypeVar("C", bound=Hashable, contravariant=True)


class Cache(Protocol[C, V]):
    """At most `capacity` entries; which one goes when the next comes is what tells caches apart."""

    capacity: int

    def get(self, key: C) -> V | None:
        """The value of `key`, or None; counts as a use of it."""

    def put(self, key: C, value: V) -> None:
        """Keep `value` for `key`, in place of an older value or of another entry."""

    def discard(self, key: C) -> None:
        """Forget `key`, if it is there."""

    def __contains__(self, key: object) -> bool:
        """Whether `key` is kept; counts as no use of it."""

    def __len__(self) -> int:
        """How many entries are kept."""


def hit_ratio(cache: Cache[K, bool], requests: Iterable[K]) -> float:
    """The share of `requests` that `cache` answers, when each miss is loaded and put. Raises ValueError for none."""
    hits = misses = 0
    for key in requests:
        if cache.get(key):
            hits += 1
        else:
            misses += 1
            cache.put(key, True)
    if not hits + misses:
        raise ValueError("a hit ratio needs at least one request")
    return hits / (hits + misses)
