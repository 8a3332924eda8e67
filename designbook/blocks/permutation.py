"""A keyed shuffle of the numbers below `size`: codes that cannot be guessed from a counter, and never collide.

A Feistel network is a bijection whatever its round function is; walking on until the result falls below `size`
keeps it one. Black, Rogaway, *Ciphers with Arbitrary Finite Domains*, CT-RSA 2002.
"""

from hashlib import blake2b
from math import isqrt

ROUNDS = 10  # as many as NIST SP 800-38G asks of FF1; eight were broken on small domains


class Permutation:
    """Maps 0..size-1 onto itself, one to one, in an order that only who has `key` can undo.

    It hides a counter from readers of its codes; it is not a reviewed cipher, so use it for no secret.
    Cost: `ROUNDS` short hashes a number, and seldom more than one walk.
    """

    def __init__(self, size: int, key: bytes) -> None:
        """Raises ValueError if `size` is less than 1, or `key` is empty or longer than 64 bytes."""
        if size < 1:
            raise ValueError(f"a permutation needs 1 number or more, not {size}")
        if not 1 <= len(key) <= 64:
            raise ValueError(f"a key has 1 to 64 bytes, not {len(key)}")
        self.size = size
        self._key = key
        self._left = isqrt(size - 1) + 1
        self._right = -(-size // self._left)

    def apply(self, number: int) -> int:
        """Where `number` goes. Raises ValueError outside 0..size-1."""
        self._check(number)
        number = self._encipher(number)
        while number >= self.size:
            number = self._encipher(number)
        return number

    def invert(self, number: int) -> int:
        """Which number goes to `number`. Raises ValueError outside 0..size-1."""
        self._check(number)
        number = self._decipher(number)
        while number >= self.size:
            number = self._decipher(number)
        return number

    def _encipher(self, number: int) -> int:
        left, right = divmod(number, self._right)
        for round_ in range(0, ROUNDS, 2):
            left = (left + self._hash(round_, right)) % self._left
            right = (right + self._hash(round_ + 1, left)) % self._right
        return left * self._right + right

    def _decipher(self, number: int) -> int:
        left, right = divmod(number, self._right)
        for round_ in range(ROUNDS - 2, -1, -2):
            right = (right - self._hash(round_ + 1, left)) % self._right
            left = (left - self._hash(round_, right)) % self._left
        return left * self._right + right

    def _hash(self, round_: int, half: int) -> int:
        message = (half * ROUNDS + round_).to_bytes(half.bit_length() // 8 + 2, "big")
        return int.from_bytes(blake2b(message, key=self._key).digest(), "big")

    def _check(self, number: int) -> None:
        if not 0 <= number < self.size:
            raise ValueError(f"{number} is not from 0 to {self.size - 1}")
