"""Geohash: a position as a short word, whose prefixes are the cells around it; and an index that is one sorted list.

Morton, *A Computer Oriented Geodetic Data Base*, IBM, 1966, the order; Niemeyer, geohash.org, 2008, the words.
"""

from collections.abc import Iterator
from itertools import zip_longest
from random import Random

from designbook.blocks.geo_index import Near, Placed, check_metres, measured, widening
from designbook.blocks.skip_list import SkipList
from designbook.blocks.sphere import HALF_EARTH, Box, boxes, position

ALPHABET = "0123456789bcdefghjkmnpqrstuvwxyz"
AFTER = "~"
"""Comes after every letter of the alphabet: what begins with "ezs" lies between "ezs" and "ezs~"."""
LENGTH = 12
"""Letters of a full geohash, 5 bits each: a cell of 4 by 2 centimetres."""
CELLS = 24
"""The most cells by which an index covers a circle; fewer are larger and hold more in vain."""


def encode(lat: float, lon: float, length: int = LENGTH) -> str:
    """The geohash of a point. Raises ValueError for a position that is none, or a length not in 1..12."""
    if not 1 <= length <= LENGTH:
        raise ValueError(f"a geohash has 1 to {LENGTH} letters, not {length}")
    lat, lon = position(lat, lon)
    return _word(_row(lat, length), _column(lon, length), length)


def decode(geohash: str) -> Box:
    """The cell that a geohash stands for. Raises ValueError if it is none."""
    row, column, length = _cell(geohash)
    height, width = 180 / (1 << _row_bits(length)), 360 / (1 << _column_bits(length))
    south, west = -90 + row * height, -180 + column * width
    return Box(south, west, south + height, west + width)


def neighbours(geohash: str) -> list[str]:
    """The cells of the same size around a cell: 8, across the date line too, and 5 at a pole, where a row ends."""
    row, column, length = _cell(geohash)
    rows = [near for near in (row - 1, row, row + 1) if 0 <= near < 1 << _row_bits(length)]
    cells = [(near, (column + step) % (1 << _column_bits(length))) for near in rows for step in (-1, 0, 1)]
    return [_word(*cell, length) for cell in cells if cell != (row, column)]


class GeohashIndex:
    """Geohashes in order, as in any database with a sorted index; a circle is a few ranges of it.

    The ranges are the words that begin with one of a few prefixes, as long as 24 of them cover the circle: so there is
    no cell size to choose. To put or to remove is O(log n).
    """

    def __init__(self, rng: Random, first: float = 500) -> None:
        """`rng` draws the levels of the skip list; `first` is the radius, in metres, at which `nearest` begins."""
        self.scanned = 0
        self._first = first
        self._sorted: SkipList[tuple[str, str]] = SkipList(rng)
        self._placed: dict[str, tuple[float, float]] = {}

    def __len__(self) -> int:
        return len(self._placed)

    def put(self, id: str, lat: float, lon: float) -> None:
        """`id` is here now."""
        here = position(lat, lon)
        self.remove(id)
        self._sorted.add((encode(*here), id))
        self._placed[id] = here

    def remove(self, id: str) -> bool:
        """Forget `id`; False if it was not there."""
        there = self._placed.pop(id, None)
        if there is not None:
            self._sorted.remove((encode(*there), id))
        return there is not None

    def within(self, lat: float, lon: float, metres: float) -> list[Near]:
        """All that are at most `metres` away, nearest first."""
        check_metres(metres)
        prefixes = covering(*position(lat, lon), metres)
        candidates = [placed for prefix in prefixes for placed in self._beginning_with(prefix)]
        self.scanned += len(candidates)
        return sorted(measured(candidates, lat, lon, metres))

    def nearest(self, lat: float, lon: float, k: int, at_most: float = HALF_EARTH) -> list[Near]:
        """The `k` nearest within `at_most` metres."""
        return widening(self.within, lat, lon, k, at_most, self._first)

    def _beginning_with(self, prefix: str) -> Iterator[Placed]:
        first, last = self._sorted.before((prefix, "")), self._sorted.before((prefix + AFTER, ""))
        return ((id, self._placed[id]) for _, id in self._sorted.page(first, last - first))


def covering(lat: float, lon: float, metres: float, longest: int = LENGTH) -> list[str]:
    """Prefixes of one length, up to the `longest` of which `CELLS` cover the circle; "" for most of the Earth."""
    found = [""]
    for length in range(1, longest + 1):
        blocks = [_block(box, length) for box in boxes(lat, lon, metres)]
        if sum(len(rows) * len(columns) for rows, columns in blocks) > CELLS:
            break
        found = [_word(row, column, length) for rows, columns in blocks for row in rows for column in columns]
    return found


def _block(box: Box, length: int) -> tuple[range, range]:
    """The rows and the columns of cells that a box touches."""
    rows = range(_row(box.south, length), _row(box.north, length) + 1)
    return rows, range(_column(box.west, length), _column(box.east, length) + 1)


def _word(row: int, column: int, length: int) -> str:
    """The bits of column and row by turns, five to a letter."""
    pairs = zip_longest(f"{column:0{_column_bits(length)}b}", f"{row:0{_row_bits(length)}b}", fillvalue="")
    bits = "".join(map("".join, pairs))
    return "".join(ALPHABET[int(bits[first : first + 5], 2)] for first in range(0, 5 * length, 5))


def _cell(geohash: str) -> tuple[int, int, int]:
    """Row, column and length of a geohash: what `_word` came from."""
    if not 1 <= len(geohash) <= LENGTH or not set(geohash) <= set(ALPHABET):
        raise ValueError(f"a geohash is 1 to {LENGTH} of {ALPHABET}, not {geohash!r}")
    bits = "".join(f"{ALPHABET.index(letter):05b}" for letter in geohash)
    return int(bits[1::2], 2), int(bits[::2], 2), len(geohash)


def _row_bits(length: int) -> int:
    return 5 * length // 2


def _column_bits(length: int) -> int:
    return (5 * length + 1) // 2


def _row(lat: float, length: int) -> int:
    return _part(lat, -90, 180, 1 << _row_bits(length))


def _column(lon: float, length: int) -> int:
    return _part(lon, -180, 360, 1 << _column_bits(length))


def _part(value: float, low: float, span: float, parts: int) -> int:
    """In which of so many equal parts of a span a value lies; the upper end belongs to the last."""
    part = min(int((value - low) / span * parts), parts - 1)
    begins = low + part * (span / parts)
    return part if value >= begins else part - 1  # the quotient was rounded up
