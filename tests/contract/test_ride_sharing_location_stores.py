"""One contract, every index of drivers: memory over a grid and over a quadtree, Valkey, PostgreSQL."""

import math
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from random import Random

import psycopg
import pytest
import valkey as valkey_client

from designbook.blocks.geo_index import BruteForce
from designbook.blocks.geohash import AFTER, covering, encode
from designbook.blocks.quadtree import Quadtree
from designbook.blocks.sphere import EARTH_RADIUS, HALF_EARTH, distance, position
from designbook.engines import postgres, valkey
from designbook.systems.ride_sharing.errors import Refused, StoreDown
from designbook.systems.ride_sharing.geo import MemoryLocations, open_locations
from designbook.systems.ride_sharing.geo.postgres import LENGTH, RANGE, WITHIN, PostgresLocations
from designbook.systems.ride_sharing.geo.valkey import FINDABLE, MAX_LAT, RADIUS
from tests.engines_here import want

ENGINES = {"valkey": valkey, "postgres": postgres}
NOW = 1_800_000_000.0
OFF = {"valkey": 0.4}
"""Metres by which distances may be off; elsewhere, not at all."""


@pytest.fixture(scope="module", params=["memory", "quadtree", *ENGINES])
def kind(request):
    """Each kind of index and its address; one engine for all tests of this file."""
    if request.param not in ENGINES:
        yield request.param, "memory://"
        return
    want(request.param)
    with ENGINES[request.param]() as url:
        yield request.param, url


@pytest.fixture
def off(kind):
    return OFF.get(kind[0], 0.0)


@pytest.fixture
def kept(kind):
    """An empty index."""
    name, url = kind
    if name == "valkey":
        with valkey_client.from_url(url) as client:
            client.flushall()
    elif name == "postgres":
        with psycopg.connect(url) as database:
            database.execute("drop table if exists location")
    opened = MemoryLocations(Quadtree()) if name == "quadtree" else open_locations(url)
    yield opened
    opened.close()


def names(found):
    return [near.id for near in found]


def test_the_nearest_come_first_with_their_metres_and_no_more_than_asked_for(kept, off):
    places = {"ann": (48.85, 2.35), "bob": (48.86, 2.35), "cid": (48.85, 2.36), "dan": (-33.9, 151.2)}
    for driver, here in places.items():
        assert kept.put(driver, *here, NOW, 1)
    found = kept.nearby(48.851, 2.351, 3, 10_000, NOW)
    assert names(found) == ["ann", "cid", "bob"]
    for metres, driver in found:
        assert metres == pytest.approx(distance(48.851, 2.351, *places[driver]), rel=0, abs=off)
    assert names(kept.nearby(48.851, 2.351, 2, 10_000, NOW)) == ["ann", "cid"]
    assert names(kept.nearby(48.851, 2.351, 9, 1_000, NOW)) == ["ann", "cid"]
    assert names(kept.nearby(48.851, 2.351, 9, 100, NOW)) == []
    assert kept.size() == 4


def test_nobody_is_near_in_an_empty_index(kept):
    assert kept.nearby(0, 0, 5, 10_000, NOW) == []
    assert (kept.size(), kept.remove("ann"), kept.forget(NOW)) == (0, False, [])


def test_a_ping_that_is_late_or_comes_again_changes_nothing(kept):
    assert kept.put("ann", 10, 10, NOW, 5)
    for sequence in (5, 4, 0):
        assert not kept.put("ann", 20, 20, NOW + 60, sequence)
    assert names(kept.nearby(10, 10, 1, 100, NOW)) == ["ann"]
    assert kept.nearby(20, 20, 1, 100, NOW) == []
    assert kept.nearby(10, 10, 1, 100, NOW + 1) == [], "nor is the lease any longer"
    assert kept.put("ann", 20, 20, NOW - 60, 6), "the sequence says what is newer, not the phone's clock"
    assert names(kept.nearby(20, 20, 1, 100, NOW - 60)) == ["ann"]
    assert kept.nearby(10, 10, 1, 100, NOW - 60) == []
    assert kept.size() == 1


def test_the_largest_sequence_and_times_between_seconds_are_kept_exactly(kept):
    last = 2**53 - 1
    assert kept.put("ann", 1, 2, NOW + 0.125, last - 1)
    assert not kept.put("ann", 3, 4, NOW, last - 1)
    assert kept.put("ann", 1, 2, NOW + 0.126, last)
    assert names(kept.nearby(1, 2, 1, 1, NOW + 0.126)) == ["ann"]
    assert kept.nearby(1, 2, 1, 1, NOW + 0.127) == []


def test_who_was_silent_is_passed_over_for_those_behind_them(kept):
    for number in range(40):
        kept.put(f"silent-{number}", 0.0001 * number, 5, NOW - 31, 1)
    for number in range(5):
        kept.put(f"heard-{number}", 0.01 + 0.0001 * number, 5, NOW - 30, 1)
    assert names(kept.nearby(0, 5, 3, 10_000, NOW - 30)) == ["heard-0", "heard-1", "heard-2"]
    assert names(kept.nearby(0, 5, 3, 1_150, NOW - 30)) == ["heard-0", "heard-1", "heard-2"]
    assert len(kept.nearby(0, 5, 50, 10_000, NOW - 30)) == 5
    assert len(kept.nearby(0, 5, 50, 10_000, NOW - 31)) == 45


def test_the_silent_are_forgotten_with_their_sequence_and_said_to_be(kept):
    for driver, at in (("ann", 0), ("bob", 10), ("cid", 20)):
        kept.put(driver, 1, 2, NOW + at, 7)
    assert sorted(kept.forget(NOW + 20)) == ["ann", "bob"]
    assert kept.forget(NOW + 20) == []
    assert names(kept.nearby(1, 2, 5, 10, NOW)) == ["cid"]
    assert kept.size() == 1
    assert kept.put("ann", 1, 2, NOW, 1)


def test_who_goes_is_found_no_more_and_may_come_again(kept):
    kept.put("ann", 1, 2, NOW, 7)
    assert kept.remove("ann")
    assert not kept.remove("ann")
    assert (kept.nearby(1, 2, 5, 10, 0), kept.size()) == ([], 0)
    assert kept.forget(NOW + 1) == []
    assert kept.put("ann", 1, 2, NOW, 1)


def test_across_the_date_line_and_at_its_two_names_is_as_near_as_anywhere(kept, off):
    kept.put("east", -16.8, 179.999, NOW, 1)
    kept.put("west", -16.8, -179.999, NOW, 1)
    kept.put("on", -16.8, 180.0, NOW, 1)
    for lon in (180.0, -180.0):
        found = kept.nearby(-16.8, lon, 3, 1_000, NOW)
        assert names(found)[0] == "on"
        assert sorted(names(found)) == ["east", "on", "west"]
    assert names(kept.nearby(-16.8, 179.9995, 3, 1_000, NOW))[2] == "west"


def near(rng, here, metres):
    """A point about that far from another, in any direction."""
    bearing, angle = rng.uniform(0, 2 * math.pi), metres / EARTH_RADIUS
    lat, lon = map(math.radians, here)
    there = math.asin(math.sin(lat) * math.cos(angle) + math.cos(lat) * math.sin(angle) * math.cos(bearing))
    turn = math.atan2(
        math.sin(bearing) * math.sin(angle) * math.cos(lat), math.cos(angle) - math.sin(lat) * math.sin(there)
    )
    return max(-90.0, min(90.0, math.degrees(there))), (math.degrees(lon + turn) + 180) % 360 - 180


def centres(rng, most, count):
    """Anywhere, but often near a pole (or as near as may be), the date line, or the borders of large geohash cells."""
    lats = [most, -most, 0.0, 45.0, -22.5, 85.04, 79.99, 66.0]
    lons = [-180.0, 179.9999, 0.0, 90.0, -45.0, 11.25]
    for _ in range(count):
        lat = rng.choice([rng.uniform(-most, most), max(-most, min(most, rng.choice(lats) + rng.gauss(0, 0.001)))])
        lon = rng.choice([rng.uniform(-180, 180), (rng.choice(lons) + rng.gauss(0, 0.001) + 180) % 360 - 180])
        yield lat, lon


def test_circles_up_to_100_km_are_answered_as_by_brute_force_wherever_they_are(kept, kind, off):
    rng, truth, most = Random(4), BruteForce(), MAX_LAT if kind[0] == "valkey" else 90.0
    for turn, here in enumerate(centres(rng, most, 60)):
        radius = 10 ** rng.uniform(0, 5)
        for number in range(12):
            lat, lon = near(rng, here, radius * rng.choice([rng.random(), 1.2 * rng.random()]))
            lat = max(-most, min(most, lat))
            driver = f"{turn}-{number}"
            kept.put(driver, lat, lon, NOW, turn)
            truth.put(driver, lat, lon)
        found = dict(map(reversed, kept.nearby(*here, 30, radius, NOW)))
        wanted = dict(map(reversed, truth.nearest(*here, 30, radius + 1)))
        if not off:
            assert found == dict(map(reversed, truth.nearest(*here, 30, radius)))
        for driver in found.keys() | wanted.keys():
            if driver in found:
                assert found[driver] == pytest.approx(wanted[driver], rel=0, abs=off)
            else:
                assert wanted[driver] > radius - off, f"{driver} is missing around {here} within {radius}"


@pytest.mark.parametrize("wrong", [(math.nan, 2), (91, 2), (1, -181), (1, math.inf)])
def test_positions_that_are_none_are_refused_by_name_and_change_nothing(kept, wrong):
    kept.put("ann", 1, 2, NOW, 1)
    field = "lat" if wrong[1] == 2 else "lon"
    for call in (lambda: kept.put("ann", *wrong, NOW, 2), lambda: kept.nearby(*wrong, 1, 5, NOW)):
        with pytest.raises(ValueError, match=f"^{field} lies between"):
            call()
    with pytest.raises(ValueError, match="k is 1 or more"):
        kept.nearby(1, 2, 0, 5, NOW)
    with pytest.raises(ValueError, match="metres is 0 or more"):
        kept.nearby(1, 2, 1, -5, NOW)
    assert kept.nearby(1, 2, 1, math.inf, NOW) == kept.nearby(1, 2, 1, HALF_EARTH, NOW) != []
    assert kept.put("ann", 1, 2, NOW, 2)


def test_pings_that_come_at_once_leave_the_newest(kept):
    barrier = threading.Barrier(8)

    def phone(offset):
        barrier.wait(30)
        for sequence in Random(offset).sample(range(1, 41), 40):
            kept.put("ann", sequence, 5, NOW + sequence, sequence)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(phone, range(8)))
    assert kept.size() == 1
    assert names(kept.nearby(40, 5, 1, 1, NOW + 40)) == ["ann"]


def test_two_clients_see_one_index(kind, kept):
    if kind[1] == "memory://":
        pytest.skip("memory is each client's own")
    other = open_locations(kind[1])
    kept.put("ann", 1, 2, NOW, 5)
    assert names(other.nearby(1, 2, 1, 10, NOW)) == ["ann"]
    assert not other.put("ann", 3, 4, NOW, 5)
    other.close()


@pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)
def test_an_index_says_that_its_engine_is_down_and_is_full_again_after_one_round_of_pings(engine):
    running = engine()
    with running as url:
        kept = open_locations(url)
        kept.put("ann", 1, 2, NOW, 1)
        running.kill()
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                kept.size()
            except StoreDown:
                break
        for call in (
            lambda: kept.put("ann", 1, 2, NOW, 2),
            lambda: kept.nearby(1, 2, 1, 10, NOW),
            lambda: kept.remove("ann"),
            lambda: kept.forget(NOW),
            kept.size,
            lambda: open_locations(url),
        ):
            with pytest.raises(StoreDown):
                call()
        running.restart()
        assert kept.nearby(1, 2, 1, 10, NOW) == [], "the state is soft"
        assert kept.put("ann", 1, 2, NOW, 2)
        assert names(kept.nearby(1, 2, 1, 10, NOW)) == ["ann"]
        kept.close()


def test_an_address_that_names_no_index_is_told_what_does():
    with pytest.raises(ValueError, match="expected memory://"):
        open_locations("mysql://x")
    for url in ("valkey://localhost:1/0", "postgresql://localhost:1/x"):
        with pytest.raises(StoreDown):
            open_locations(url)


# -- what is Valkey's own


@pytest.fixture(scope="module")
def server():
    want("valkey")
    with valkey() as url, valkey_client.from_url(url) as client:
        client.url = url
        yield client


def test_valkey_refuses_to_go_beyond_its_map_and_says_so_by_name(server):
    kept = open_locations(server.url)
    for lat in (MAX_LAT + 1e-8, -85.06, 90.0, -90.0):
        for call in (lambda: kept.put("ann", lat, 5, NOW, 1), lambda: kept.nearby(lat, 5, 1, 10, NOW)):  # noqa: B023
            with pytest.raises(Refused, match=r"^lat: must lie between -85.05112878 and 85.05112878") as refused:
                call()
            assert (refused.value.field, refused.value.value) == ("lat", lat)
    assert kept.size() == 0
    for driver, lat in (("north", MAX_LAT), ("south", -MAX_LAT)):
        assert kept.put(driver, lat, 5, NOW, 1)
        assert names(kept.nearby(lat, 5, 1, 10, NOW)) == [driver]
    kept.close()


def test_valkey_itself_takes_a_member_at_its_limit_and_never_finds_it_again(server):
    server.geoadd("edge", (5, MAX_LAT, "at the limit"))
    server.geoadd("edge", (5, FINDABLE, "a centimetre south"))
    found = server.geosearch("edge", longitude=5, latitude=85, radius=50, unit="km")
    assert found == [b"a centimetre south"]


def test_valkey_itself_loses_a_neighbour_across_the_date_line_when_asked_at_180_and_not_at_minus_180(server):
    server.geoadd("line", (-179.9999, 0, "west"))
    ask = [server.geosearch("line", longitude=lon, latitude=0, radius=50, unit="m") for lon in (180, -180)]
    assert ask == [[], [b"west"]]
    assert position(0, 180) == (0, -180)


def test_valkey_keeps_a_position_to_a_third_of_a_metre_and_measures_on_a_larger_sphere(server):
    """A cell is 360 / 2^26 degrees wide and twice 85.05112878 / 2^26 high, and its middle is what is kept."""
    rng = Random(1)
    half_wide = EARTH_RADIUS * math.radians(360 / 2**26) / 2
    half_high = EARTH_RADIUS * math.radians(2 * MAX_LAT / 2**26) / 2
    for _ in range(300):
        lat, lon = rng.uniform(-MAX_LAT, MAX_LAT), rng.uniform(-180, 180)
        server.geoadd("kept", (lon, lat, "a", lon, 0, "on the equator"))
        (kept_lon, kept_lat), (equator_lon, _) = server.geopos("kept", "a", "on the equator")
        assert distance(lat, lon, kept_lat, kept_lon) < math.hypot(half_wide, half_high) < 0.34
        assert distance(0, lon, 0, equator_lon) < half_wide * 1.001
        metres = server.geodist("kept", "a", "on the equator")
        assert metres == pytest.approx(RADIUS * distance(kept_lat, kept_lon, 0, equator_lon), rel=1e-6, abs=0.2)
    assert pytest.approx(0.00028, rel=0.01) == RADIUS - 1


def test_valkey_spells_a_geohash_as_we_do(server):
    """It keeps 52 bits, which are 10 letters; the eleventh that it gives is always 0."""
    rng = Random(2)
    for _ in range(300):
        lat, lon = rng.uniform(-MAX_LAT, MAX_LAT), rng.uniform(-180, 180)
        server.geoadd("word", (lon, lat, "a"))
        (kept_lon, kept_lat), word = server.geopos("word", "a")[0], server.geohash("word", "a")[0]
        word = word.decode() if isinstance(word, bytes) else word
        assert word[:10] == encode(kept_lat, kept_lon, 10)
        assert word[10:] == "0"


# -- what is PostgreSQL's own


@pytest.fixture(scope="module")
def database():
    want("postgres")
    with postgres() as url, psycopg.connect(url, autocommit=True) as database:
        open_locations(url).close()
        with database.cursor() as cursor, cursor.copy("copy location from stdin") as copy:
            rng = Random(1)
            for driver in range(20_000):
                lat, lon = 48.85 + rng.gauss(0, 0.1), 2.35 + rng.gauss(0, 0.1)
                copy.write_row((f"{driver}", encode(lat, lon, LENGTH), lat, lon, NOW, 1))
        yield database


@pytest.mark.parametrize("statistics", [False, True], ids=["as it is", "analysed"])
def test_postgresql_finds_the_cells_of_a_circle_in_its_b_tree_and_reads_few_rows(database, statistics):
    if statistics:
        database.execute("analyze location")
    cells = covering(48.85, 2.35, 500, LENGTH)
    query = WITHIN.format(ranges=" or ".join([RANGE] * len(cells)))
    ends = [end for cell in cells for end in (cell, cell + AFTER)]
    (plan,) = database.execute(f"explain (analyze, format json) {query}", (NOW, *ends)).fetchone()[0]
    assert "location_by_cell" in str(plan)
    assert "Seq Scan" not in str(plan)
    assert 0 < plan["Plan"]["Actual Rows"] < 400


def test_most_pings_of_a_driving_car_touch_no_index(database):
    """40 metres in 4 seconds, northwards: a cell is 153 metres high, so one ping in four leaves it."""
    kept = PostgresLocations(database.info.dsn)
    for sequence in range(2, 22):
        for driver in range(30):
            lat = 48.8 + math.degrees((40 * sequence + 5 * driver) / EARTH_RADIUS)
            kept.put(f"{driver}", lat, 2.3, NOW, sequence)
    kept.close()
    seen, deadline = (0, 0), time.monotonic() + 20
    while seen[0] < 600 and time.monotonic() < deadline:
        query = "select n_tup_upd, n_tup_hot_upd from pg_stat_user_tables where relname = 'location'"
        seen = database.execute(query).fetchone()
    assert 0.6 < seen[1] / seen[0] < 0.85
