"""Skip list with widths: sorted keys in linked lists over linked lists, each link knowing how many keys it skips.

Pugh, *Skip Lists: A Probabilistic Alternative to Balanced Trees*, CACM 1990; the widths: his *A Skip List Cookbook*,
1990. Redis and Valkey keep their sorted sets so.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any, Generic, TypeVar

K = TypeVar("K")

MAX_LEVELS = 32


class _Node(Generic[K]):
    __slots__ = ("key", "next", "widths")

    def __init__(self, key: Any, levels: int) -> None:
        self.key = key
        self.next: list[_Node[K] | None] = [None] * levels
        self.widths = [1] * levels


class SkipList(Generic[K]):
    """Distinct keys in ascending order. Adding, removing, a key's place and the key at a place: O(log n) expected.

    A key is in level 0 and, with chance `p`, in each next one too; so it has 1 / (1 - p) links on average.
    """

    def __init__(self, rng: Random, p: float = 0.25) -> None:
        """`rng` draws the levels. Raises ValueError unless 0 < `p` < 1."""
        if not 0 < p < 1:
            raise ValueError(f"the chance of another level lies between 0 and 1, not at {p}")
        self._draw, self._p = rng.random, p
        self._head: _Node[K] = _Node(None, 1)
        self._size = 0

    def __len__(self) -> int:
        """How many keys there are."""
        return self._size

    def add(self, key: K) -> None:
        """Put `key` in. Raises ValueError if it is there."""
        path, places = self._path(key)
        following = path[0].next[0]
        if following is not None and following.key == key:
            raise ValueError(f"{key!r} is there already")
        node: _Node[K] = _Node(key, self._levels())
        for _ in range(len(path), len(node.next)):
            self._head.next.append(None)
            self._head.widths.append(self._size + 1)
            path.append(self._head)
            places.append(0)
        here = places[0]
        for level, before in enumerate(path):
            if level >= len(node.next):
                before.widths[level] += 1
                continue
            skipped = here - places[level]
            node.next[level], before.next[level] = before.next[level], node
            node.widths[level], before.widths[level] = before.widths[level] - skipped, skipped + 1
        self._size += 1

    def remove(self, key: K) -> None:
        """Take `key` out. Raises LookupError if it is not there."""
        path, _ = self._path(key)
        node = path[0].next[0]
        if node is None or node.key != key:
            raise LookupError(f"{key!r} is not there")
        for level, before in enumerate(path):
            if level < len(node.next):
                before.next[level] = node.next[level]
                before.widths[level] += node.widths[level] - 1
            else:
                before.widths[level] -= 1
        self._size -= 1

    def before(self, key: K) -> int:
        """How many keys are less than `key`, whether it is there or not."""
        return self._path(key)[1][0]

    def page(self, first: int, count: int) -> list[K]:
        """`count` keys in order from place `first` on, counted from 0; fewer at the end. O(log n + count).

        Raises ValueError if either is negative.
        """
        if first < 0 or count < 0:
            raise ValueError(f"a page begins at 0 or later and has 0 keys or more, not {first} and {count}")
        node: _Node[K] | None = self._head
        left = first + 1
        for level in reversed(range(len(self._head.next))):
            while node is not None and node.next[level] is not None and node.widths[level] <= left:
                left -= node.widths[level]
                node = node.next[level]
        if left:
            return []
        found: list[K] = []
        while node is not None and len(found) < count:
            found.append(node.key)
            node = node.next[0]
        return found

    def __iter__(self) -> Iterator[K]:
        """The keys in order."""
        node = self._head.next[0]
        while node is not None:
            yield node.key
            node = node.next[0]

    def _path(self, key: K) -> tuple[list[_Node[K]], list[int]]:
        """For each level, the last node before `key`, and its place: 0 for the head, 1 for the first key."""
        node, place = self._head, 0
        path, places = [node] * len(node.next), [0] * len(node.next)
        for level in reversed(range(len(path))):
            following = node.next[level]
            while following is not None and following.key < key:
                place += node.widths[level]
                node = following
                following = node.next[level]
            path[level], places[level] = node, place
        return path, places

    def _levels(self) -> int:
        levels = 1
        while levels < MAX_LEVELS and self._draw() < self._p:
            levels += 1
        return levels
