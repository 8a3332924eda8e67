"""Trips in PostgreSQL."""

from typing import Any, LiteralString

import psycopg

from designbook.engines.postgres_pool import PostgresPool
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

SCHEMA: LiteralString = f"""
select pg_advisory_xact_lock(20100705);  -- two servers that start at once must not both create
create table if not exists person (role text collate "C", name text collate "C", primary key (role, name));
create table if not exists city (name text collate "C" primary key, token bigint not null);
create table if not exists trip (
    id text collate "C" primary key, rider text collate "C" not null, city text collate "C" not null,
    pickup_lat double precision not null, pickup_lon double precision not null,
    dropoff_lat double precision not null, dropoff_lon double precision not null,
    cents bigint not null, requested double precision not null,
    state text not null, since double precision not null, driver text collate "C" not null,
    offered_until double precision not null, passed text not null, charged bigint not null, version bigint not null
);
{INDEXES}
"""

FIND: LiteralString = f"select {COLUMNS} from trip where"
ADD: LiteralString = f"insert into trip ({COLUMNS}) values ({', '.join(['%s'] * 16)}) on conflict do nothing"
CHANGE: LiteralString = f"update trip set {', '.join([f'{column} = %s' for column in CHANGING])}"
FENCE: LiteralString = (
    "insert into city values (%s, %s) on conflict (name) do update set token = excluded.token "
    "where city.token <= excluded.token"
)


class PostgresTrips:
    """At most `connections` at a time, opened as they are needed; each commit is flushed to disk by default."""

    def __init__(self, url: str, connections: int = 8) -> None:
        """Connects to `url`, a libpq address. Raises StoreDown if nothing answers."""
        self._pool = PostgresPool(url, StoreDown, connections)
        with self._pool.connection() as database, database.transaction():
            database.execute(SCHEMA)

    def enroll(self, role: Role, person: str) -> bool:
        """Make somebody known. False, and no change, if they were."""
        with self._pool.connection() as database:
            insert: LiteralString = "insert into person values (%s, %s) on conflict do nothing"
            return database.execute(insert, (role, person)).rowcount == 1

    def enrolled(self, role: Role, person: str) -> bool:
        """Whether somebody is known."""
        with self._pool.connection() as database:
            query: LiteralString = "select 1 from person where role = %s and name = %s"
            return database.execute(query, (role, person)).fetchone() is not None

    def add(self, trip: Trip) -> Trip:
        """Keep a new trip, or give the one that is kept under its id. Raises RequestReused or Busy.

        A conflict that leaves no trip under this id was with the index of live trips by rider.
        """
        with self._pool.connection() as database:
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
        with self._pool.connection() as database:
            kept = _find(database, trip)
        if kept is None:
            raise Unknown("trip", trip)
        return kept

    def change(self, after: Trip, token: int | None = None) -> None:
        """Put `after` in the place of the version before it. Raises Fenced, Changed or Busy.

        The city's row stays locked until the change is committed, so a claim of the city sees it, or comes before it.
        """
        with self._pool.connection() as database, database.transaction():
            if token is not None:
                _fence(database, after.city, token)
            try:
                done = database.execute(
                    f"{CHANGE} where id = %s and version = %s", (*changing(after), after.id, after.version - 1)
                ).rowcount
            except psycopg.errors.UniqueViolation as error:
                raise Busy("driver", after.driver) from error
            if not done and _find(database, after.id) != after:
                raise Changed(after.id)

    def claim(self, city: str, token: int) -> list[Trip]:
        """From now on refuse lower tokens in the city; its live trips. Raises Fenced."""
        with self._pool.connection() as database, database.transaction():
            _fence(database, city, token)
            rows = database.execute(f"{FIND} {OF_CITY.format('%s')} order by requested, id", (city,)).fetchall()
        return [trip_of(each) for each in rows]

    def current(self, role: Role, person: str) -> Trip | None:
        """The live trip of a rider, or the one that a driver is on or was offered first."""
        theirs = OF_RIDER.format("%s") if role == "rider" else OF_DRIVER.format("%s")
        query: LiteralString = f"{FIND} {theirs} order by (state = 'offered'), since, id limit 1"
        with self._pool.connection() as database:
            found = database.execute(query, (person,)).fetchone()
        return trip_of(found) if found else None

    def close(self) -> None:
        """Give the connections back."""
        self._pool.close()


def _find(database: psycopg.Connection[Any], trip: str) -> Trip | None:
    found = database.execute(f"{FIND} id = %s", (trip,)).fetchone()
    return trip_of(found) if found else None


def _fence(database: psycopg.Connection[Any], city: str, token: int) -> None:
    if not database.execute(FENCE, (city, token)).rowcount:
        raise Fenced(city, token)
