"""Trips in one SQLite file, which several processes of one machine may share."""

import sqlite3

from designbook.engines.sqlite_file import SQLiteFile
from designbook.systems.ride_sharing.errors import Busy, Changed, Fenced, RequestReused, StoreDown, Unknown
from designbook.systems.ride_sharing.stores.port import Role
from designbook.systems.ride_sharing.stores.rows import (
    CHANGING,
    COLUMNS,
    INDEXES,
    OF_CITY,
    OF_DRIVER,
    OF_RIDER,
    changing,
    row,
    trip_of,
)
from designbook.systems.ride_sharing.trips import Trip

SCHEMA = f"""
create table if not exists person (role text, name text, primary key (role, name)) without rowid;
create table if not exists city (name text primary key, token integer not null) without rowid;
create table if not exists trip (
    id text primary key, rider text not null, city text not null,
    pickup_lat real not null, pickup_lon real not null, dropoff_lat real not null, dropoff_lon real not null,
    cents integer not null, requested real not null, state text not null, since real not null, driver text not null,
    offered_until real not null, passed text not null, charged integer not null, version integer not null
) without rowid;
{INDEXES}
"""

FIND = f"select {COLUMNS} from trip where"
ADD = f"insert into trip ({COLUMNS}) values ({', '.join('?' * 16)}) on conflict do nothing"
CHANGE = f"update trip set {', '.join(f'{column} = ?' for column in CHANGING)} where id = ? and version = ?"
FENCE = "insert into city values (?, ?) on conflict do update set token = excluded.token where token <= excluded.token"


class SQLiteTrips:
    """One file; each commit is flushed to disk before it is acknowledged. One process writes at a time."""

    def __init__(self, path: str) -> None:
        """Opens or makes the file at `path`. Raises StoreDown if that fails."""
        self._file = SQLiteFile(path, StoreDown, SCHEMA)

    def enroll(self, role: Role, person: str) -> bool:
        """Make somebody known. False, and no change, if they were."""
        with self._file.transaction() as database:
            insert = "insert into person values (?, ?) on conflict do nothing"
            return database.execute(insert, (role, person)).rowcount == 1

    def enrolled(self, role: Role, person: str) -> bool:
        """Whether somebody is known."""
        return bool(self._file.read("select 1 from person where role = ? and name = ?", role, person))

    def add(self, trip: Trip) -> Trip:
        """Keep a new trip, or give the one that is kept under its id. Raises RequestReused or Busy."""
        with self._file.transaction() as database:
            if database.execute(ADD, row(trip)).rowcount:
                return trip
            kept = _find(database, trip.id)
        if kept is None:
            raise Busy("rider", trip.rider)
        if not kept.asks_the_same(trip):
            raise RequestReused(trip.id)
        return kept

    def get(self, trip: str) -> Trip:
        """The trip as it is. Raises Unknown."""
        rows = self._file.read(f"{FIND} id = ?", trip)
        if not rows:
            raise Unknown("trip", trip)
        return trip_of(rows[0])

    def change(self, after: Trip, token: int | None = None) -> None:
        """Put `after` in the place of the version before it. Raises Fenced, Changed or Busy."""
        with self._file.transaction() as database:
            if token is not None:
                _fence(database, after.city, token)
            try:
                done = database.execute(CHANGE, (*changing(after), after.id, after.version - 1)).rowcount
            except sqlite3.IntegrityError as error:
                raise Busy("driver", after.driver) from error
            if not done and _find(database, after.id) != after:
                raise Changed(after.id)

    def claim(self, city: str, token: int) -> list[Trip]:
        """From now on refuse lower tokens in the city; its live trips. Raises Fenced."""
        with self._file.transaction() as database:
            _fence(database, city, token)
            rows = database.execute(f"{FIND} {OF_CITY.format('?')} order by requested, id", (city,)).fetchall()
        return [trip_of(each) for each in rows]

    def current(self, role: Role, person: str) -> Trip | None:
        """The live trip of a rider, or the one that a driver is on or was offered first."""
        theirs = OF_RIDER.format("?") if role == "rider" else OF_DRIVER.format("?")
        rows = self._file.read(f"{FIND} {theirs} order by state = 'offered', since, id limit 1", person)
        return trip_of(rows[0]) if rows else None

    def close(self) -> None:
        """Give the connections back."""
        self._file.close()


def _find(database: sqlite3.Connection, trip: str) -> Trip | None:
    found = database.execute(f"{FIND} id = ?", (trip,)).fetchone()
    return trip_of(found) if found else None


def _fence(database: sqlite3.Connection, city: str, token: int) -> None:
    if not database.execute(FENCE, (city, token)).rowcount:
        raise Fenced(city, token)
