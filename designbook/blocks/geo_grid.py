"""Grid over the Earth: cells of about equal size, and a search looks into those that its circle touches."""

from collections.abc import Iterable
from math import cos, pi, radians

from designbook.blocks.geo_index import Near, check_metres, measured, widening
from designbook.blocks.sphere import EARTH_RADIUS, HALF_EARTH, boxes, position

Cell = tuple[int, int]
"""Row, counted from the south pole, and column, counted eastwards from the date line."""


class GeoGrid:
    """Rows of one height, cut into cells of about that width: a row near a pole has fewer of them.

    To put or to remove is O(1). A search for a circle looks into all cells of the boxes around it; so cells much larger
    than the circle hold many candidates in vain, and much smaller ones are many look-ups.
    """

    def __init__(self, cell: float) -> None:
        """Cells of about `cell` metres. Raises ValueError unless that is from 1 m to half the Earth."""
        if not 1 <= cell <= HALF_EARTH:
            raise ValueError(f"a cell has 1 to {HALF_EARTH:.0f} metres, not {cell}")
        self.scanned = 0
        self._size = cell
        self._rows = round(HALF_EARTH / cell)
        self._cells: dict[Cell, dict[str, tuple[float, float]]] = {}
        self._cell_of: dict[str, Cell] = {}

    def __len__(self) -> int:
        return len(self._cell_of)

    def put(self, id: str, lat: float, lon: float) -> None:
        """`id` is here now; mostly that is in the same cell as before."""
        here = position(lat, lon)
        cell = self.cell(*here)
        if self._cell_of.get(id) != cell:
            self.remove(id)
            self._cell_of[id] = cell
        self._cells.setdefault(cell, {})[id] = here

    def remove(self, id: str) -> bool:
        """Forget `id`; False if it was not there."""
        cell = self._cell_of.pop(id, None)
        if cell is None:
            return False
        del self._cells[cell][id]
        if not self._cells[cell]:
            del self._cells[cell]
        return True

    def within(self, lat: float, lon: float, metres: float) -> list[Near]:
        """All that are at most `metres` away, nearest first."""
        check_metres(metres)
        touched = self._touched(*position(lat, lon), metres)
        candidates = [placed for cell in touched for placed in self._cells[cell].items()]
        self.scanned += len(candidates)
        return sorted(measured(candidates, lat, lon, metres))

    def nearest(self, lat: float, lon: float, k: int, at_most: float = HALF_EARTH) -> list[Near]:
        """The `k` nearest within `at_most` metres, by circles that begin with the size of a cell."""
        return widening(self.within, lat, lon, k, at_most, self._size)

    def cell(self, lat: float, lon: float) -> Cell:
        """The cell in which a point lies."""
        row = self._row(lat)
        return row, self._column(row, lon)

    def _touched(self, lat: float, lon: float, metres: float) -> Iterable[Cell]:
        """Occupied cells, among them all that the circle touches."""
        if (2 * metres / self._size) ** 2 > len(self._cells):  # more cells than are occupied at all
            return self._cells
        found: set[Cell] = set()  # near a pole, two boxes may share a cell
        for box in boxes(lat, lon, metres):
            for row in range(self._row(box.south), self._row(box.north) + 1):
                columns = range(self._column(row, box.west), self._column(row, box.east) + 1)
                found.update((row, column) for column in columns)
        return found & self._cells.keys()

    def _row(self, lat: float) -> int:
        return min(int((lat + 90) / 180 * self._rows), self._rows - 1)

    def _column(self, row: int, lon: float) -> int:
        columns = self._columns(row)
        return min(int((lon + 180) / 360 * columns), columns - 1)

    def _columns(self, row: int) -> int:
        """How many cells the row has, by the parallel through its middle."""
        middle = radians((row + 0.5) / self._rows * 180 - 90)
        return max(1, round(2 * pi * EARTH_RADIUS * cos(middle) / self._size))
