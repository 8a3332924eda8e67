"""Pings come late, twice, out of order and from wrong clocks; what is kept is the newest, for the length of a lease."""

from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from designbook.blocks.geo_grid import GeoGrid
from designbook.blocks.geo_index import BruteForce
from designbook.blocks.sphere import distance
from designbook.systems.ride_sharing.errors import Refused
from designbook.systems.ride_sharing.geo.memory import MemoryLocations
from designbook.systems.ride_sharing.locations import LocationStream
from designbook.systems.ride_sharing.rules import Rules
from designbook.systems.ride_sharing.trips import Place

NOW = 1_800_000_000.0
CENTRE = Place(48.85, 2.35)
RULES = Rules(lease=30, early=5, radius=5_000)


class Clock:
    now = NOW

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def stream(clock):
    return LocationStream(MemoryLocations(GeoGrid(500)), RULES, clock=clock)


def near(stream, place=CENTRE):
    return [each.id for each in stream.near(place)]


def test_the_nearest_come_first_and_who_is_outside_of_the_radius_not_at_all(stream):
    for driver, lat in (("far", 48.8949), ("out", 48.8951), ("close", 48.851), ("south", 48.84)):
        stream.ping(driver, lat, 2.35, NOW, 1)  # a degree of latitude is 111.2 km
    assert near(stream) == ["close", "south", "far"]


def test_however_many_are_near_all_are_found_in_order_and_none_twice(stream):
    for number in range(100):
        stream.ping(f"d{number:02}", 48.85 + number * 1e-4, 2.35, NOW, 1)
    assert near(stream) == [f"d{number:02}" for number in range(100)]
    first = next(stream.near(CENTRE))
    assert (first.id, first.metres) == ("d00", 0.0)


def test_nobody_looks_farther_than_is_asked_for():
    index = BruteForce()
    stream = LocationStream(MemoryLocations(index), RULES, clock=Clock())
    for number in range(100):
        stream.ping(f"d{number}", 48.85, 2.35, NOW, 1)
    next(stream.near(CENTRE))
    assert index.scanned == 100, "one search, not one for each doubling"


def test_an_older_ping_and_the_same_one_again_change_nothing_and_say_so(stream):
    assert stream.ping("dan", 48.86, 2.35, NOW, 7)
    assert not stream.ping("dan", 48.99, 2.35, NOW, 7)
    assert not stream.ping("dan", 48.99, 2.35, NOW + 1, 6)
    assert next(stream.near(Place(48.86, 2.35))).metres == 0.0
    assert stream.ping("dan", 48.87, 2.35, NOW - 1, 8), "the sequence orders, not the phone's clock"
    assert next(stream.near(Place(48.87, 2.35))).metres == 0.0


pings = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(0, 20), st.floats(48.8, 48.9), st.integers(0, 40)), max_size=40
)


@given(pings)
def test_whatever_the_order_and_however_often_they_come_the_newest_in_time_is_what_is_kept(sent):
    """A phone's sequence and its clock grow together here; what is older than the lease is as if it were not sent."""
    stream = LocationStream(MemoryLocations(BruteForce()), Rules(lease=30, radius=10_000), clock=Clock())
    newest = {}
    for driver, sequence, lat, age in sent:
        taken = stream.ping(driver, lat, 2.35, NOW - age, sequence)
        assert taken == (age <= 30 and sequence > newest.get(driver, (-1, 0))[0])
        if taken:
            newest[driver] = sequence, lat
    found = {each.id: each.metres for each in stream.near(CENTRE)}
    assert found == {driver: distance(*CENTRE, lat, 2.35) for driver, (_, lat) in newest.items()}


def test_a_silent_driver_is_not_found_after_the_lease_and_is_dropped_by_name(stream, clock):
    stream.ping("dan", *CENTRE, NOW, 1)
    stream.ping("eve", *CENTRE, NOW + 3, 1)
    clock.now = NOW + 30
    assert near(stream) == ["dan", "eve"]
    assert stream.drop_silent() == []
    clock.now = NOW + 30.001
    assert near(stream) == ["eve"]
    assert stream.drop_silent() == ["dan"]
    assert stream.kept.size() == 1
    assert stream.ping("dan", *CENTRE, clock.now, 2)
    assert near(stream) == ["dan", "eve"]


def test_a_ping_that_took_longer_than_the_lease_does_not_bring_a_driver_back(stream, clock):
    stream.ping("dan", *CENTRE, NOW, 1)
    clock.now = NOW + 40
    stream.drop_silent()
    assert not stream.ping("dan", *CENTRE, NOW + 9.9, 2)
    assert near(stream) == []
    assert stream.ping("dan", *CENTRE, NOW + 10, 2), "and one that just made it is heard until its own lease ends"
    clock.now = NOW + 40.5
    assert near(stream) == []


def test_a_delayed_ping_keeps_a_driver_from_when_it_was_sent_not_from_when_it_came(stream, clock):
    clock.now = NOW + 20
    stream.ping("dan", *CENTRE, NOW, 1)
    clock.now = NOW + 31
    assert near(stream) == []


def test_a_repeated_ping_does_not_renew_the_lease(stream, clock):
    stream.ping("dan", *CENTRE, NOW, 1)
    clock.now = NOW + 25
    assert not stream.ping("dan", *CENTRE, NOW + 25, 1)
    clock.now = NOW + 31
    assert near(stream) == []


def test_who_goes_home_is_not_found(stream):
    stream.ping("dan", *CENTRE, NOW, 1)
    stream.leave("dan")
    stream.leave("dan")
    assert near(stream) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("driver", ""),
        ("driver", "d an"),
        ("driver", None),
        ("lat", 90.1),
        ("lat", -90.1),
        ("lat", nan),
        ("lat", inf),
        ("lat", "48"),
        ("lat", True),
        ("lat", None),
        ("lon", 180.1),
        ("lon", -180.1),
        ("lon", nan),
        ("time", nan),
        ("time", inf),
        ("time", None),
        ("time", NOW + 5.1),
        ("sequence", -1),
        ("sequence", 1.0),
        ("sequence", True),
        ("sequence", 1 << 53),
    ],
)
def test_what_cannot_be_is_refused_by_its_field_and_leaves_no_trace(stream, field, value):
    good = {"driver": "dan", "lat": 48.85, "lon": 2.35, "time": NOW, "sequence": 5}
    with pytest.raises(Refused) as refused:
        stream.ping(**good | {field: value})
    assert refused.value.field == field
    assert str(refused.value).startswith(f"{field}: ")
    assert stream.kept.size() == 0
    assert stream.ping(**good)


@pytest.mark.parametrize(("lat", "lon"), [(90, 0), (-90, 180), (0, -180), (0, 180), (48, 2)])
def test_the_ends_of_the_earth_are_places(stream, lat, lon):
    assert stream.ping("dan", lat, lon, NOW + 5, 0)
    assert near(stream, Place(float(lat), float(lon))) == ["dan"]
