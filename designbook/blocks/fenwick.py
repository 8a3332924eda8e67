"""Fenwick tree: counts whose running totals are kept, so that adding and summing each take log2(n) steps.

Fenwick, *A New Data Structure for Cumulative Frequency Tables*, Software: Practice and Experience 1994.
"""

from __future__ import annotations

from collections.abc import Iterable


class FenwickTree:
    """`size` counters from 0. Node i of the tree holds the sum of the counters that share its low zero bits."""

    def __init__(self, size: int) -> None:
        """Raises ValueError if `size` is less than 1."""
        if size < 1:
            raise ValueError(f"a tree has 1 counter or more, not {size}")
        self.size = size
        self.total = 0
        self._tree = [0] * (size + 1)
        self._top = 1 << size.bit_length() - 1

    @classmethod
    def of(cls, counts: Iterable[int]) -> FenwickTree:
        """A tree with these counters, in O(n)."""
        listed = list(counts)
        tree = cls(len(listed))
        tree._tree[1:] = listed
        tree.total = sum(listed)
        for node in range(1, tree.size + 1):
            parent = node + (node & -node)
            if parent <= tree.size:
                tree._tree[parent] += tree._tree[node]
        return tree

    def add(self, index: int, count: int) -> None:
        """Add to one counter, in O(log n). Raises IndexError outside 0..size - 1."""
        if not 0 <= index < self.size:
            raise IndexError(f"counters are numbered 0 to {self.size - 1}, and {index} is none of them")
        tree, node, size = self._tree, index + 1, self.size
        self.total += count
        while node <= size:
            tree[node] += count
            node += node & -node

    def before(self, index: int) -> int:
        """The sum of the counters 0 to `index` - 1, in O(log n). Raises IndexError outside 0..size."""
        if not 0 <= index <= self.size:
            raise IndexError(f"sums go up to counter {self.size}, and {index} is asked for")
        tree, total = self._tree, 0
        while index:
            total += tree[index]
            index &= index - 1
        return total

    def find(self, place: int) -> int:
        """The counter that holds the item at `place`, counted from 0 over all counters, in O(log n).

        No counter may be negative. Raises IndexError if there are not so many items.
        """
        if not 0 <= place < self.total:
            raise IndexError(f"there are {self.total} items, and item {place} is asked for")
        node, step = 0, self._top
        while step:
            ahead = node + step
            if ahead <= self.size and self._tree[ahead] <= place:
                node = ahead
                place -= self._tree[ahead]
            step >>= 1
        return node
