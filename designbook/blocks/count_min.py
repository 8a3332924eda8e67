"""Count-min sketch: how often each key came, in a table that does not grow with the number of keys.

Cormode, Muthukrishnan, *An Improved Data Stream Summary: The Count-Min Sketch and its Applications*, Journal of
Algorithms 2005.
"""

from __future__ import annotations

from array import array
from hashlib import blake2b
from math import ceil, e, log
from struct import Struct

_words = Struct("<16I").unpack


class CountMinSketch:
    """`depth` rows of `width` counters. Each key has one counter a row; its smallest is the estimate.

    The estimate is never below the true count. With N counted in all, it is more than e/width · N above it with a
    chance of at most e^-depth, whatever the keys are.
    """

    def __init__(self, width: int, depth: int) -> None:
        """Raises ValueError if `width` is not in 1..2^32 or `depth` not in 1..16."""
        if not (1 <= width <= 1 << 32 and 1 <= depth <= 16):
            raise ValueError(f"a sketch is 1 to 2^32 wide and 1 to 16 deep, not {width} and {depth}")
        self.width, self.depth = width, depth
        self.total = 0
        self._rows = [array("Q", bytes(8 * width)) for _ in range(depth)]

    @classmethod
    def for_error(cls, error: float, chance: float) -> CountMinSketch:
        """A sketch that is more than `error` · N too high with at most this `chance`. ValueError if not in 0..1."""
        if not (0 < error < 1 and 0 < chance < 1):
            raise ValueError(f"error and chance lie between 0 and 1, not {error} and {chance}")
        return cls(ceil(e / error), ceil(log(1 / chance)))

    def add(self, key: str | bytes, count: int = 1) -> None:
        """Count `key`. Raises ValueError if `count` is negative."""
        if count < 0:
            raise ValueError(f"a count is 0 or more, not {count}")
        for row, column in zip(self._rows, self._columns(key), strict=False):
            row[column] += count
        self.total += count

    def estimate(self, key: str | bytes) -> int:
        """How often `key` was counted, or more."""
        return min(row[column] for row, column in zip(self._rows, self._columns(key), strict=False))

    def merge(self, other: CountMinSketch) -> None:
        """Count all that `other` counted, as if it had come here. Raises ValueError if its size differs."""
        if (self.width, self.depth) != (other.width, other.depth):
            raise ValueError(f"{self.width} x {self.depth} and {other.width} x {other.depth} counters do not merge")
        pairs = zip(self._rows, other._rows, strict=True)
        self._rows = [array("Q", map(int.__add__, ours, theirs)) for ours, theirs in pairs]
        self.total += other.total

    def _columns(self, key: str | bytes) -> list[int]:
        # One digest holds sixteen independent words of 32 bits: a hash function for every row.
        digest = blake2b(key.encode() if isinstance(key, str) else key).digest()
        return [word * self.width >> 32 for word in _words(digest)[: self.depth]]
