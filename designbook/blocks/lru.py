"""LRU cache: when it is full, the entry that was used least recently goes."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class LRUCache(Generic[K, V]):
    """At most `capacity` entries, in the order of their last use. Every operation is O(1).

    One pass over more keys than it holds empties it of everything that was in use: a scan is its weakness.
    """

    def __init__(self, capacity: int) -> None:
        """Raises ValueError if `capacity` is less than 1."""
        if capacity < 1:
            raise ValueError(f"a cache holds 1 entry or more, not {capacity}")
        self.capacity = capacity
        self._entries: OrderedDict[K, V] = OrderedDict()

    def get(self, key: K) -> V | None:
        """The value of `key`, which is now the most recently used; None if it is not kept."""
        entries = self._entries
        if key not in entries:
            return None
        entries.move_to_end(key)
        return entries[key]

    def put(self, key: K, value: V) -> None:
        """Keep `value`; `key` is now the most recently used. May push out the least recently used."""
        entries = self._entries
        if key in entries:
            entries.move_to_end(key)
        elif len(entries) >= self.capacity:
            entries.popitem(last=False)
        entries[key] = value

    def discard(self, key: K) -> None:
        """Forget `key`, if it is there."""
        self._entries.pop(key, None)

    def __contains__(self, key: object) -> bool:
        """Whether `key` is kept; its place in the order stays."""
        return key in self._entries

    def __len__(self) -> int:
        """How many entries are kept, `capacity` at most."""
        return len(self._entries)
