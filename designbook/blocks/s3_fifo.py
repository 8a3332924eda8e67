"""S3-FIFO: a cache that keeps what is asked for often, with three queues and no order to maintain on a hit.

Yang et al., *FIFO Queues are All You Need for Cache Eviction*, SOSP 2023.
"""

from collections import OrderedDict, deque
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class _Entry(Generic[K, V]):
    __slots__ = ("key", "uses", "value")

    def __init__(self, key: K, value: V | None) -> None:
        self.key, self.value, self.uses = key, value, 0


class S3FIFOCache(Generic[K, V]):
    """A newcomer waits in a small queue (a tenth of the room); what is used twice there moves to the main queue.

    What leaves unused is remembered by key alone (the ghost queue); if it comes back, it goes to the main queue at
    once. There, a used entry gets another round for each use, three at most. So a scan passes through the small
    queue and leaves the main one alone. Every operation is O(1), spread over many.
    """

    def __init__(self, capacity: int) -> None:
        """Raises ValueError if `capacity` is less than 1."""
        if capacity < 1:
            raise ValueError(f"a cache holds 1 entry or more, not {capacity}")
        self.capacity = capacity
        self._room = max(1, capacity // 10)
        self._entries: dict[K, _Entry[K, V]] = {}
        self._small: deque[_Entry[K, V]] = deque()
        self._main: deque[_Entry[K, V]] = deque()
        self._ghosts: OrderedDict[K, None] = OrderedDict()

    def get(self, key: K) -> V | None:
        """The value of `key`, or None if it is not kept."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry.uses < 3:
            entry.uses += 1
        return entry.value

    def put(self, key: K, value: V) -> None:
        """Keep `value`; may push out what is used least."""
        entry = self._entries.get(key)
        if entry is not None:
            entry.value = value
            return
        while len(self._small) + len(self._main) >= self.capacity:
            if len(self._small) >= self._room or not self._main:
                self._step_small()
            else:
                self._step_main()
        self._entries[key] = entry = _Entry(key, value)
        if key in self._ghosts:
            del self._ghosts[key]
            self._main.append(entry)
        else:
            self._small.append(entry)

    def _step_small(self) -> None:
        entry = self._small.popleft()
        if entry.uses > 1:
            entry.uses = 0
            self._main.append(entry)
        elif self._entries.get(entry.key) is entry:
            del self._entries[entry.key]
            self._ghosts[entry.key] = None
            if len(self._ghosts) > self.capacity - self._room:
                self._ghosts.popitem(last=False)

    def _step_main(self) -> None:
        entry = self._main.popleft()
        if entry.uses:
            entry.uses -= 1
            self._main.append(entry)
        elif self._entries.get(entry.key) is entry:
            del self._entries[entry.key]

    def discard(self, key: K) -> None:
        """Forget `key`, if it is there. Its room is free when its turn in the queue comes."""
        entry = self._entries.pop(key, None)
        if entry is not None:
            entry.value, entry.uses = None, 0

    def __contains__(self, key: object) -> bool:
        """Whether `key` is kept; counts as no use of it."""
        return key in self._entries

    def __len__(self) -> int:
        """How many entries are kept, `capacity` at most."""
        return len(self._entries)
