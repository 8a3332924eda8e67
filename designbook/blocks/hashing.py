"""Hashes that give the same answer in every process, on every machine, in every version of Python.

`hash()` does not: for strings it differs from process to process (PEP 456), so it cannot place data.
"""

from __future__ import annotations

from hashlib import blake2b
from struct import Struct
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import numpy as np

    IntOrArray = TypeVar("IntOrArray", int, np.ndarray[Any, np.dtype[np.uint64]])

MASK64 = (1 << 64) - 1

_first_word = Struct(">Q").unpack_from


def blake64(key: str | bytes) -> int:
    """A hash of `key` from 0 to 2^64 - 1: the first eight bytes of its BLAKE2b digest (RFC 7693), big-endian."""
    if isinstance(key, str):
        key = key.encode()
    word: int = _first_word(blake2b(key).digest())[0]
    return word


def splitmix64(number: IntOrArray) -> IntOrArray:
    """A hash of an integer (modulo 2^64) from 0 to 2^64 - 1, and a bijection there. Fast, not secret.

    Also for a NumPy array of uint64, element by element.
    Steele, Lea, Flood, *Fast Splittable Pseudorandom Number Generators*, OOPSLA 2014.
    """
    mixed: Any = (number + 0x9E3779B97F4A7C15) & MASK64
    mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & MASK64
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & MASK64
    hashed: IntOrArray = mixed ^ (mixed >> 31)
    return hashed
