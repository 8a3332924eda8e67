"""The model of a ride service: points computed by hand, laws, and published figures beside it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from designbook.capacity import check_dimensions, compare
from designbook.systems.ride_sharing.capacity import RideSharingCapacity

MONTH = 2_629_800


def close(value: float) -> object:
    return pytest.approx(value, rel=1e-9)


def small() -> RideSharingCapacity:
    """A hundred thousand drivers whose numbers come out round."""
    return RideSharingCapacity(
        drivers=1e5, daily=50, on_duty=4.8, busy=50, ride=20, pickup=5, peak_to_mean=2, largest=10,
        interval=5, ping=100, copies=2, entry=100, looks=2, look=1, refresh=10, offers=2, candidates=5, way=2, writes=5,
        record=1, hot=100, kept=1, point=10, track_kept=10, push=100, seen=1,
        ping_rate=500, node_rate=5_000, search_rate=500, api_rate=100, push_rate=2_000, write_rate=100, utilisation=50,
        server_price=0.1, disk_price=0.1, archive_price=0.01, egress_price=0.1,
    )  # fmt: skip


def test_every_estimate_has_the_dimension_that_it_promises() -> None:
    check_dimensions(RideSharingCapacity)


def test_drivers_trips_and_pings_by_hand() -> None:
    model = small()
    # 50,000 drivers a day, a fifth of the day each; 10,000 on duty, half of them with a trip of 25 minutes.
    assert (model.online, model.peak_online) == (close(10_000), close(20_000))
    assert model.trips == close(5_000 / 1_500)
    assert model.peak_trips == close(5_000 / 1_500 * 2)
    assert (model.pings, model.city_pings) == (close(4_000), close(400))
    assert model.but(interval=10).pings == close(2_000), "twice the interval, half of the pings"


def test_searches_offers_writes_and_pushes_by_hand() -> None:
    model = small()
    trips = 20 / 3
    assert model.searches == close(trips * 2 * 6), "two looks of six refreshes each"
    assert (model.matches, model.trip_writes) == (close(trips * 2), close(trips * 5))
    assert model.dispatch == close(trips * 2 * 5 * 0.002)
    assert model.pushes == close(4_000 / 2 + trips * 10), "every second ping is of a trip; five steps go to two people"
    assert model.connections == close(20_000 + 10_000 + trips * 2 * 60)


def test_bytes_by_hand() -> None:
    model = small()
    trips = 10 / 3
    assert model.index == close(20_000 * 100 * 2)
    assert (model.ping_bytes, model.replication) == (close(400_000), close(400_000))
    assert model.but(copies=1).replication == 0
    assert model.records == close(trips * 86_400 * 100 * 1_000 * 2)
    assert model.archive == close(trips * 31_557_600 * 1_000)
    assert model.tracks == close(trips * 86_400 * 10 * 300 * 10), "300 points of ten bytes"
    assert model.push_bytes == close(model.pushes * 100)


def test_machines_by_hand() -> None:
    model = small()
    assert model.ping_servers == 16, "4,000 pings at 250 each"
    assert model.nodes == 4, "two copies of 4,000 at 2,500, and 80 searches at 250: 3.5 nodes"
    assert model.api_servers == 2, "80 searches and 13 offers at 50"
    assert model.push_servers == 31, "30,800 connections at 1,000"
    assert model.databases == 2, "33 writes of 50, twice"
    assert model.dispatchers == 1


def test_the_bill_by_hand() -> None:
    model = small()
    hour = 0.1 * MONTH / 3_600
    lines = {
        "ping_cost": (16 + 4) * hour,
        "push_cost": 31 * hour,
        "call_cost": (2 + 1) * hour,
        "database_cost": 2 * hour + model.records / 1e9 * 0.1,
        "archive_cost": (model.archive + model.tracks) / 1e9 * 0.01,
        "egress_cost": model.push_bytes / 2 * MONTH / 1e9 * 0.1,
    }
    for name, dollars in lines.items():
        assert model.value(name, "USD/month") == close(dollars), name
    assert model.value("cost", "USD/month") == close(sum(lines.values()))
    assert model.value("cost_per_trip", "USD/kilotrip") == close(sum(lines.values()) / (10 / 3 * MONTH) * 1_000)


@given(st.floats(1, 60), st.floats(1, 5))
def test_a_longer_interval_never_costs_more(interval: float, factor: float) -> None:
    model = RideSharingCapacity(interval=interval)
    longer = model.but(interval=min(60, interval * factor))
    assert longer.pings <= model.pings
    assert longer.cost <= model.cost * (1 + 1e-12)


def test_pings_are_the_largest_line_of_what_comes_in() -> None:
    model = RideSharingCapacity()
    others = model.searches + model.matches + model.trip_writes
    assert model.pings > 10 * others
    assert model.but(interval=30).pings > others, "even at half a minute"


def test_the_model_is_within_a_factor_of_two_of_what_uber_published() -> None:
    published = {
        "trips": "uber-trips-per-day-2024",
        "connections": "uber-push-connections-2020",
        "pushes": "uber-push-messages-2020",
    }
    for row in compare(RideSharingCapacity(), published):
        assert 0.5 < row.ratio < 2, row
