"""Bloom filter: a set that answers "surely not" or "probably", in about ten bits an item.

Bloom, *Space/Time Trade-offs in Hash Coding with Allowable Errors*, CACM 1970. Two hashes give all positions:
Kirsch, Mitzenmacher, *Less Hashing, Same Performance*, ESA 2006.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil, exp, log, log1p
from operator import index
from typing import TYPE_CHECKING, Any

from designbook.blocks.hashing import blake64, splitmix64

if TYPE_CHECKING:
    import numpy as np

    Integers = np.ndarray[Any, np.dtype[np.integer[Any]]]
    Words = np.ndarray[Any, np.dtype[np.uint64]]
    Places = np.ndarray[Any, np.dtype[np.int64]]
    Bytes = np.ndarray[Any, np.dtype[np.uint8]]
    Flags = np.ndarray[Any, np.dtype[np.bool_]]

Key = int | str | bytes

MASK32 = (1 << 32) - 1
BATCH = 1 << 14


class BloomFilter:
    """`bits` bits, of which each key sets `hashes`. What was added is always found; what was not, seldom.

    Text and bytes are hashed with BLAKE2b, integers (modulo 2^64) with splitmix64, so filters agree across processes.
    """

    def __init__(self, bits: int, hashes: int) -> None:
        """Raises ValueError if `bits` is not in 1..2^32 or `hashes` is less than 1."""
        if not 1 <= bits <= 1 << 32:
            raise ValueError(f"a filter has 1 to 2^32 bits, not {bits}")
        if hashes < 1:
            raise ValueError(f"each key needs 1 hash or more, not {hashes}")
        self.bits, self.hashes = bits, hashes
        self._bytes = bytearray((bits + 7) // 8)

    @classmethod
    def for_items(cls, items: int, false_positive_rate: float) -> BloomFilter:
        """The smallest filter that holds `items` at that rate: -n ln(p) / ln(2)^2 bits, ln(2) hashes a bit and item."""
        if items < 1 or not 0 < false_positive_rate < 1:
            raise ValueError(
                f"1 item or more and a rate between 0 and 1 are needed, not {items}, {false_positive_rate}"
            )
        bits = ceil(-items * log(false_positive_rate) / log(2) ** 2)
        return cls(bits, max(1, round(bits / items * log(2))))

    def add(self, key: Key) -> None:
        """Set the bits of `key`."""
        walk, step = _walk(key)
        for _ in range(self.hashes):
            position = (walk & MASK32) * self.bits >> 32
            self._bytes[position >> 3] |= 1 << (position & 7)
            walk += step

    def __contains__(self, key: Key) -> bool:
        """False: `key` was never added. True: it was, or its bits were set by others."""
        walk, step = _walk(key)
        for _ in range(self.hashes):
            position = (walk & MASK32) * self.bits >> 32
            if not self._bytes[position >> 3] >> (position & 7) & 1:
                return False
            walk += step
        return True

    def false_positive_rate(self, items: int) -> float:
        """The theory: (1 - (1 - 1/m)^(k n))^k of the keys that were never added are found, after n = `items` others."""
        if items < 1:
            return 0.0
        unset = exp(self.hashes * items * log1p(-1 / self.bits)) if self.bits > 1 else 0.0
        return float((1 - unset) ** self.hashes)

    def fill(self) -> float:
        """The share of bits that are set; at one half the filter holds what it was sized for."""
        return int.from_bytes(self._bytes, "little").bit_count() / self.bits

    def merge(self, other: BloomFilter) -> None:
        """Add all that `other` holds. Raises ValueError if it differs in bits or hashes."""
        if (self.bits, self.hashes) != (other.bits, other.hashes):
            raise ValueError(
                f"filters merge if they are made alike, not with {self.bits} and {other.bits} bits, "
                f"{self.hashes} and {other.hashes} hashes"
            )
        both = int.from_bytes(self._bytes, "little") | int.from_bytes(other._bytes, "little")
        self._bytes[:] = both.to_bytes(len(self._bytes), "little")

    def add_many(self, keys: Sequence[Key] | Integers) -> None:
        """Add an array of integers or a sequence of keys, as `add` would one by one: with NumPy, many times as fast."""
        import numpy as np

        view = np.frombuffer(self._bytes, np.uint8)
        for walk, step in _walks(keys):
            for _ in range(self.hashes):
                byte, bit = self._places(walk)
                while len(byte):
                    view[byte] |= bit
                    lost = np.flatnonzero(view[byte] & bit == 0)  # of two keys that wrote one byte, the last one won
                    byte, bit = byte[lost], bit[lost]
                walk += step

    def contains_many(self, keys: Sequence[Key] | Integers) -> Flags:
        """What `in` would say for each key of an array or a sequence: an array of booleans."""
        import numpy as np

        view = np.frombuffer(self._bytes, np.uint8)
        answers = [np.empty(0, np.bool_)]
        for walk, step in _walks(keys):
            found = np.ones(len(walk), np.bool_)
            for _ in range(self.hashes):
                byte, bit = self._places(walk)
                found &= view[byte] & bit != 0
                walk += step
            answers.append(found)
        return np.concatenate(answers)

    def _places(self, walk: Words) -> tuple[Places, Bytes]:
        import numpy as np

        position = (walk & MASK32) * self.bits >> 32
        return (position >> 3).view(np.int64), np.left_shift(1, (position & 7).astype(np.uint8), dtype=np.uint8)


def _hash(key: Key) -> int:
    return blake64(key) if isinstance(key, str | bytes) else splitmix64(index(key))


def _walk(key: Key) -> tuple[int, int]:
    word = _hash(key)
    return word >> 32, word & MASK32 | 1


def _walks(keys: Sequence[Key] | Integers) -> Iterator[tuple[Words, Words]]:
    """What `_walk` gives, for a batch of keys at a time."""
    import numpy as np

    for start in range(0, len(keys), BATCH):
        batch = keys[start : start + BATCH]
        if isinstance(batch, np.ndarray) and batch.dtype.kind in "iu":
            words = splitmix64(batch.astype(np.uint64))
        else:
            words = np.fromiter(map(_hash, batch), np.uint64, len(batch))
        yield words >> np.uint64(32), words & np.uint64(MASK32) | np.uint64(1)
