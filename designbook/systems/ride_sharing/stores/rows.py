"""A trip as the SQL databases keep it: its columns, and the indexes that hold what no two trips may be."""

from typing import Any, LiteralString

from designbook.systems.ride_sharing.trips import Place, State, Trip

INDEXES: LiteralString = """
create unique index if not exists one_trip_a_driver on trip (driver)
    where state in ('accepted', 'arrived', 'started');
create unique index if not exists one_trip_a_rider on trip (rider)
    where state in ('requested', 'offered', 'accepted', 'arrived', 'started');
create index if not exists live_of_city on trip (city, requested, id)
    where state in ('requested', 'offered', 'accepted', 'arrived', 'started');
create index if not exists offered_to_driver on trip (driver) where state = 'offered';
"""
"""An index with a `where` holds the rows that satisfy it, and is unique among those: ended trips are not in it."""

COLUMNS: LiteralString = (
    "id, rider, city, pickup_lat, pickup_lon, dropoff_lat, dropoff_lon, cents, requested, "
    "state, since, driver, offered_until, passed, charged, version"
)
CHANGING = ("state", "since", "driver", "offered_until", "passed", "charged", "version")
"""The columns that a change sets; the others stay as they were requested."""
OF_CITY: LiteralString = "city = {} and state in ('requested', 'offered', 'accepted', 'arrived', 'started')"
OF_RIDER: LiteralString = "rider = {} and state in ('requested', 'offered', 'accepted', 'arrived', 'started')"
OF_DRIVER: LiteralString = "driver = {} and state in ('offered', 'accepted', 'arrived', 'started')"


def row(trip: Trip) -> tuple[Any, ...]:
    """`trip` in the order of `COLUMNS`; names hold no spaces, so those who passed are one text."""
    request = (trip.id, trip.rider, trip.city, *trip.pickup, *trip.dropoff, trip.cents, trip.requested)
    return (*request, *changing(trip))


def changing(trip: Trip) -> tuple[Any, ...]:
    """What a change sets, in the order of `CHANGING`."""
    passed = " ".join(trip.passed)
    return (str(trip.state), trip.since, trip.driver, trip.offered_until, passed, trip.charged, trip.version)


def trip_of(row: tuple[Any, ...]) -> Trip:
    """The trip of a row."""
    state, since, driver, offered_until, passed, charged, version = row[9:]
    trip, rider, city, *degrees, cents, requested = row[:9]
    places = Place(*degrees[:2]), Place(*degrees[2:])
    return Trip(
        trip,
        rider,
        city,
        *places,
        cents,
        requested,
        State(state),
        since,
        driver,
        offered_until,
        tuple(passed.split()),
        charged,
        version,
    )
