"""Drivers in PostgreSQL: a column with the geohash of their cell, and a B-tree on it; no extension.

A circle is a few ranges of geohashes, which the B-tree finds; the distances are computed here. The cell is 150 m wide,
so that most pings leave the indexed column as it was, and PostgreSQL updates the row without touching an index. The
table is not logged: it is empty after a crash, and full again after one interval of pings.
"""

from typing import LiteralString

from designbook.blocks.geo_index import Near, measured, widening
from designbook.blocks.geohash import AFTER, covering, encode
from designbook.blocks.sphere import position
from designbook.engines.postgres_pool import PostgresPool
from designbook.systems.ride_sharing.errors import StoreDown
from designbook.systems.ride_sharing.geo.port import FIRST

LENGTH = 7
"""Letters of a cell: 150 by 150 metres at the equator."""

SCHEMA: LiteralString = """
select pg_advisory_xact_lock(20100706);  -- two servers that start at once must not both create
create unlogged table if not exists location (
    driver text collate "C" primary key, cell text collate "C" not null,
    lat double precision not null, lon double precision not null,
    seen double precision not null, sequence bigint not null
) with (fillfactor = 50);  -- room in each page for the next version of its rows
create index if not exists location_by_cell on location (cell);
"""

PUT: LiteralString = """
insert into location values (%s, %s, %s, %s, %s, %s)
on conflict (driver) do update set
    cell = excluded.cell, lat = excluded.lat, lon = excluded.lon, seen = excluded.seen, sequence = excluded.sequence
where excluded.sequence > location.sequence
"""

WITHIN: LiteralString = "select driver, lat, lon from location where seen >= %s and ({ranges})"
RANGE: LiteralString = "cell >= %s and cell < %s"
"""Written out for each cell: for ranges between given words the planner takes the B-tree, without statistics too."""


class PostgresLocations:
    """At most `connections` at a time, opened as they are needed."""

    def __init__(self, url: str, connections: int = 8) -> None:
        """Connects to `url`, a libpq address. Raises StoreDown if nothing answers."""
        self._pool = PostgresPool(url, StoreDown, connections)
        with self._pool.connection() as database, database.transaction():
            database.execute(SCHEMA)

    def put(self, driver: str, lat: float, lon: float, time: float, sequence: int) -> bool:
        """The driver was there at `time`, unless a ping as new is kept."""
        lat, lon = position(lat, lon)
        with self._pool.connection() as database:
            row = (driver, encode(lat, lon, LENGTH), lat, lon, time, sequence)
            return database.execute(PUT, row).rowcount == 1

    def nearby(self, lat: float, lon: float, k: int, at_most: float, since: float) -> list[Near]:
        """The `k` nearest within `at_most` metres, heard of `since`: a statement for each circle that is tried."""

        def within(lat: float, lon: float, metres: float) -> list[Near]:
            cells = covering(*position(lat, lon), metres, LENGTH)
            query = WITHIN.format(ranges=" or ".join([RANGE] * len(cells)))
            ends = [end for cell in cells for end in (cell, cell + AFTER)]
            with self._pool.connection() as database:
                rows = database.execute(query, (since, *ends)).fetchall()
            return sorted(measured(((driver, (lat, lon)) for driver, lat, lon in rows), lat, lon, metres))

        return widening(within, lat, lon, k, at_most, FIRST)

    def remove(self, driver: str) -> bool:
        """Forget a driver; False if they were not there."""
        with self._pool.connection() as database:
            return database.execute("delete from location where driver = %s", (driver,)).rowcount == 1

    def forget(self, before: float) -> list[str]:
        """Remove all whose ping is from before that time. Reads the whole table, which is small."""
        with self._pool.connection() as database:
            query: LiteralString = "delete from location where seen < %s returning driver"
            return [driver for (driver,) in database.execute(query, (before,)).fetchall()]

    def size(self) -> int:
        """How many drivers are kept."""
        with self._pool.connection() as database:
            row = database.execute("select count(*) from location").fetchone()
        assert row is not None
        return int(row[0])

    def close(self) -> None:
        """Give the connections back."""
        self._pool.close()
