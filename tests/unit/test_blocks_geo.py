"""Positions on the sphere, and four indexes of them: each beside brute force, and the distances beside h3."""

import math
import re
import subprocess
import sys
from functools import partial
from random import Random

import h3
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from designbook.blocks import sphere
from designbook.blocks.geo_grid import GeoGrid
from designbook.blocks.geo_index import BruteForce, Near
from designbook.blocks.geohash import ALPHABET, GeohashIndex, covering, decode, encode, neighbours
from designbook.blocks.quadtree import Quadtree
from designbook.blocks.sphere import EARTH_RADIUS, HALF_EARTH, Box, boxes, distance, least_distance, position

H3_RADIUS = 6_371_007.180918475  # metres: that of the sphere with the Earth's surface (Moritz's R2)

INDEXES = {
    "brute force": BruteForce,
    "grid of 1 km": lambda: GeoGrid(1_000),
    "grid of 700 km": lambda: GeoGrid(700_000),
    "grid of half the Earth": lambda: GeoGrid(HALF_EARTH),
    "geohash": lambda: GeohashIndex(Random(1)),
    "quadtree": lambda: Quadtree(leaf=2),
}

STEPS = [sign * step for step in (0, 1e-15, 1e-12, 1e-9, 1e-6, 1e-4, 0.01, 1) for sign in (1, -1)]


def degrees(most, borders):
    """From -most to most: anywhere, on a border (a pole, the date line, a cell's edge), or a step beside one."""
    beside = st.builds(
        lambda border, step: max(-most, min(most, border + step)), *map(st.sampled_from, (borders, STEPS))
    )
    return beside | st.floats(-most, most)


LATS = degrees(90.0, [-90.0, 90.0, 0.0, 45.0, 5.625, 84.375, 85.05112878, -22.5, 180 / 29 * 3 - 90, 180 / 20015 - 90])
LONS = degrees(180.0, [-180.0, 180.0, 0.0, 90.0, -45.0, 11.25, 1.40625, 360 / 57 - 180])
POINTS = st.tuples(LATS, LONS)
RADII = st.sampled_from([0.0, 1e-9, 1.0, 700.0, 3e4, 2e6, HALF_EARTH / 2, HALF_EARTH, math.inf]) | st.floats(0, 2.1e7)


# -- the sphere


@given(POINTS, POINTS)
def test_distances_are_those_of_h3_but_for_its_radius(here, there):
    ours = distance(*position(*here), *position(*there))
    theirs = h3.great_circle_distance(here, there, unit="m") * EARTH_RADIUS / H3_RADIUS
    assert ours == pytest.approx(theirs, rel=1e-9, abs=0.3 if ours > 0.999 * HALF_EARTH else 1e-6)


def test_h3_measures_a_quarter_of_a_millionth_less():
    assert h3.great_circle_distance((0, 0), (0, 90), unit="m") == pytest.approx(H3_RADIUS * math.pi / 2, rel=1e-12)
    assert pytest.approx(0.25e-6, rel=0.02) == 1 - H3_RADIUS / EARTH_RADIUS


@pytest.mark.parametrize(
    ("here", "there", "metres"),
    [
        ((0, 0), (0, 180), HALF_EARTH),
        ((90, 0), (-90, 0), HALF_EARTH),
        ((0, 0), (0, 90), HALF_EARTH / 2),
        ((60, -90), (60, 90), HALF_EARTH / 3),
        ((0, 179.5), (0, -179.5), HALF_EARTH / 180),
        ((51.5, -0.1), (51.5, -0.1), 0),
    ],
)
def test_distances_that_geometry_knows_are_right(here, there, metres):
    assert distance(*here, *there) == pytest.approx(metres, rel=1e-12)
    assert sphere.distances(*here, *map(np.array, ([there[0]], [there[1]])))[0] == pytest.approx(metres, rel=1e-12)


@given(POINTS, POINTS)
def test_vectors_and_arrays_measure_as_single_numbers_do(here, there):
    metres = distance(*here, *there)
    lats, lons = np.array([here[0], there[0]]), np.array([here[1], there[1]])
    assert sphere.distances(*here, lats, lons) == pytest.approx([0, metres], rel=1e-9, abs=0.3)
    chord = math.dist(*sphere.unit_vectors(lats, lons).T)
    assert sphere.arcs(np.array([chord]))[0] == pytest.approx(metres, rel=1e-7, abs=0.3)
    assert sphere.chord(metres) == pytest.approx(chord, rel=1e-7, abs=1e-8)


def test_a_point_has_one_pair_of_degrees():
    assert position(12, 180) == position(12, -180) == (12, -180)
    assert position(90, 17) == position(90, -180) == (90, 0)
    assert position(-90, 180) == (-90, 0)
    assert position(89.9, 17) == (89.9, 17)
    lats, lons = sphere.positions([12, 90, -90, 5], [180, 17, 180, -180])
    assert lats.tolist() == [12, 90, -90, 5]
    assert lons.tolist() == [-180, 0, 0, -180]


@pytest.mark.parametrize("field", ["lat", "lon"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 180.001, -180.001, 1e300])
def test_degrees_that_are_none_are_refused_by_name_and_change_nothing(field, value):
    wrong = {"lat": 1.0, "lon": 2.0, field: value}
    refusal = rf"{field} lies between .* degrees, not at {re.escape(str(value))}"
    with pytest.raises(ValueError, match=refusal):
        position(**wrong)
    with pytest.raises(ValueError, match=rf"{refusal} \(number 1\)"):
        sphere.positions([0, wrong["lat"], 0], [0, wrong["lon"], 0])
    with pytest.raises(ValueError, match=refusal):
        encode(**wrong)
    for make in INDEXES.values():
        index = make()
        index.put("ann", 1, 2)
        for call in (
            partial(index.put, "ann"),
            partial(index.put, "bob"),
            partial(index.within, metres=1),
            partial(index.nearest, k=1),
        ):
            with pytest.raises(ValueError, match=refusal):
                call(**wrong)
        assert (len(index), index.within(1, 2, HALF_EARTH)) == (1, [(0, "ann")])


def test_lists_of_two_lengths_are_refused():
    with pytest.raises(ValueError, match=r"shapes \(2,\) and \(1,\)"):
        sphere.positions([1, 2], [3])


def holds(box, lat, lon):
    return box.south <= lat <= box.north and (box.west <= lon <= box.east or box.west <= lon + 360 <= box.east)


@settings(max_examples=300)
@given(POINTS, RADII, POINTS)
def test_the_boxes_around_a_circle_hold_all_that_is_in_it(here, metres, there):
    here, there = position(*here), position(*there)
    for radius in (metres, distance(*here, *there)):
        if distance(*here, *there) <= radius:
            assert any(holds(box, *there) for box in boxes(*here, radius))


@given(POINTS, st.floats(1, 1e6))
def test_the_boxes_around_a_circle_are_no_larger_than_it(here, metres):
    """Each of their four borders touches it: the southern and the northern one in one of two boxes."""
    lat, lon = position(*here)
    found = boxes(lat, lon, metres)
    first, last = found[0], found[-1]
    south = [box._replace(north=box.south) for box in found if box.south > -90]
    north = [box._replace(south=box.north) for box in found if box.north < 90]
    west, east = [first._replace(east=first.west)], [last._replace(west=last.east)]
    for border in (south, north, west if first.west > -180 else [], east if last.east < 180 else []):
        assert not border or min(least_distance(lat, lon, part) for part in border) <= metres + 2


@settings(max_examples=300)
@given(POINTS, POINTS, POINTS, st.tuples(*[st.floats(0, 1)] * 2))
def test_nothing_in_a_box_is_nearer_than_its_least_distance(here, corner, other, share):
    lat, lon = position(*here)
    south, north = sorted((corner[0], other[0]))
    west, east = sorted((corner[1], other[1]))
    box = Box(south, west, north, east)
    inside = south + share[0] * (north - south), west + share[1] * (east - west)
    least = least_distance(lat, lon, box)
    assert least <= distance(lat, lon, *position(*map(float, np.clip(inside, (south, west), (north, east)))))
    assert least == 0 or not holds(box, lat, lon)


@given(POINTS, POINTS, POINTS)
def test_the_least_distance_is_that_of_a_point_on_the_border(here, corner, other):
    """A border walked in small steps comes as near as the steps are small."""
    lat, lon = position(*here)
    box = Box(min(corner[0], other[0]), min(corner[1], other[1]), max(corner[0], other[0]), max(corner[1], other[1]))
    if holds(box, lat, lon):
        return
    along = np.linspace(0, 1, 721)
    lats, lons = box.south + along * (box.north - box.south), box.west + along * (box.east - box.west)
    walked = [sphere.distances(lat, lon, lats, np.full(721, side)).min() for side in (box.west, box.east)]
    walked += [sphere.distances(lat, lon, np.full(721, end), lons).min() for end in (box.south, box.north)]
    step = EARTH_RADIUS * math.radians(360 / 720)
    assert least_distance(lat, lon, box) == pytest.approx(min(walked), abs=step / 2 + 3)


# -- the indexes


@pytest.mark.parametrize("make", list(INDEXES.values())[1:], ids=list(INDEXES)[1:])
def test_every_index_gives_the_answers_of_brute_force(make):
    ids = st.sampled_from("abcdefghij")

    class Beside(RuleBasedStateMachine):
        def __init__(self):
            super().__init__()
            self.ours, self.truth, self.placed = make(), BruteForce(), {}

        @rule(id=ids, here=POINTS)
        def put(self, id, here):
            for index in (self.ours, self.truth):
                index.put(id, *here)
            self.placed[id] = here

        @rule(id=ids, other=ids)
        def put_where_another_is(self, id, other):
            if other in self.placed:
                self.put(id, self.placed[other])

        @rule(id=ids)
        def remove(self, id):
            assert self.ours.remove(id) == self.truth.remove(id) == (self.placed.pop(id, None) is not None)

        @rule(here=POINTS, metres=RADII, k=st.integers(1, 12))
        def search(self, here, metres, k):
            everybody = self.truth.within(*here, math.inf)
            assert len(self.ours) == len(everybody) == len(self.placed)
            for radius in (metres, *(near.metres for near in everybody[:2])):  # to the metre, and on the border
                found = self.truth.within(*here, radius)
                assert self.ours.within(*here, radius) == found
                assert self.ours.nearest(*here, k, radius) == self.truth.nearest(*here, k, radius) == found[:k]
            assert self.ours.nearest(*here, k) == everybody[:k]

        @rule(id=ids, k=st.integers(1, 12))
        def search_where_somebody_is(self, id, k):
            if id in self.placed:
                self.search(self.placed[id], 0.0, k)

    run_state_machine_as_test(Beside, settings=settings(max_examples=40, stateful_step_count=20, deadline=None))


@pytest.mark.parametrize("make", INDEXES.values(), ids=INDEXES)
class TestEachIndex:
    def test_nobody_is_near_in_an_empty_one(self, make):
        index = make()
        assert index.within(0, 0, HALF_EARTH) == index.nearest(0, 0, 5) == []
        assert (len(index), index.remove("ann")) == (0, False)

    def test_of_those_at_one_point_the_lower_id_comes_first(self, make):
        index = make()
        for id in "dbca":
            index.put(id, 89.99999, 180)
        assert index.within(89.99999, -180, 0) == [(0, id) for id in "abcd"]
        assert index.nearest(89.99999, -180, 2) == [(0, "a"), (0, "b")]
        assert all(index.remove(id) for id in "abcd")
        assert len(index) == 0

    def test_across_the_pole_and_the_date_line_is_as_near_as_anywhere(self, make):
        index = make()
        index.put("pole", 89.999, 0)
        index.put("east", 0.5, 179.999)
        index.put("west", -0.5, -179.999)
        assert [near.id for near in index.within(89.999, 180, 300)] == ["pole"]
        assert [near.id for near in index.nearest(90, 77, 1)] == ["pole"]
        assert index.nearest(0.5, -179.999, 1) == [Near(distance(0.5, -179.999, 0.5, 179.999), "east")]
        assert [near.id for near in index.within(-0.5, 180, 120)] == ["west"]

    def test_who_moved_is_found_where_they_are_and_not_where_they_were(self, make):
        index = make()
        index.put("ann", 10, 10)
        index.put("ann", 10.0001, 10)
        index.put("ann", -40, 100)
        assert index.within(10, 10, 1_000) == []
        assert [near.id for near in index.within(-40, 100, 1)] == ["ann"]
        assert len(index) == 1

    @pytest.mark.parametrize("k", [0, -1])
    def test_less_than_one_neighbour_is_refused(self, make, k):
        with pytest.raises(ValueError, match=f"k is 1 or more, not {k}"):
            make().nearest(0, 0, k)

    @pytest.mark.parametrize("metres", [-1, math.nan])
    def test_a_radius_below_nothing_is_refused(self, make, metres):
        for call in (lambda: make().within(0, 0, metres), lambda: make().nearest(0, 0, 1, metres)):
            with pytest.raises(ValueError, match=f"metres is 0 or more, not {metres}"):
                call()


def city(index, drivers=5_000, seed=3):
    """Drivers around the date line at 17 degrees south, where Fiji lies."""
    rng = Random(seed)
    for driver in range(drivers):
        index.put(f"{driver}", -17 + rng.gauss(0, 0.1), (180 + rng.gauss(0, 0.1) + 180) % 360 - 180)
    return index


@pytest.mark.parametrize(
    "make", [lambda: GeoGrid(500), *list(INDEXES.values())[4:]], ids=["grid", "geohash", "quadtree"]
)
def test_in_a_city_an_index_measures_few_distances_and_counts_them(make):
    ours, truth = city(make()), city(BruteForce())
    for search in (lambda index: index.within(-17, 180, 800), lambda index: index.nearest(-17.01, -179.99, 10)):
        ours.scanned = truth.scanned = 0
        found = search(ours)
        assert found == search(truth)
        assert truth.scanned == 5_000
        assert len(found) <= ours.scanned <= 400


def test_a_search_counts_each_distance_that_it_computes(monkeypatch):
    from designbook.blocks import geo_index

    computed = []
    monkeypatch.setattr(geo_index, "distance", lambda *points: computed.append(1) or distance(*points))
    for make in INDEXES.values():
        index = city(make(), 200)
        for search in (partial(index.within, -17, 180, 9_000), partial(index.nearest, -17, 180, 20)):
            computed.clear()
            index.scanned = 0
            search()
            assert index.scanned == len(computed) > 0


def test_indexes_that_cannot_be_are_refused():
    for cell in (0, 0.5, math.nan, HALF_EARTH + 1):
        with pytest.raises(ValueError, match="a cell has"):
            GeoGrid(cell)
    with pytest.raises(ValueError, match="not 0"):
        Quadtree(0)


def test_the_cells_of_a_grid_are_of_about_one_size():
    """Each cell's width at its middle is that of a row within a half, but at the poles."""
    grid = GeoGrid(100_000)
    rng = Random(1)
    for _ in range(300):
        lat, lon = rng.uniform(-85, 85), rng.uniform(-170, 170)
        row, column = grid.cell(lat, lon)
        eastwards = 0.0
        while grid.cell(lat, lon + eastwards) == (row, column):
            eastwards += 0.01
        westwards = 0.0
        while grid.cell(lat, lon - westwards) == (row, column):
            westwards += 0.01
        width = EARTH_RADIUS * math.radians(eastwards + westwards) * math.cos(math.radians(lat))
        assert 90_000 < width < 112_000


def test_a_quadtree_is_one_leaf_again_when_its_points_have_gone():
    tree = city(Quadtree(leaf=4), 300)
    for driver in range(299):
        tree.remove(f"{driver}")
    assert tree._root.quarters == []
    assert [near.id for near in tree.nearest(0, 0, 5)] == ["299"]


def test_the_indexes_run_without_numpy():
    code = (
        "import sys; sys.modules['numpy'] = None\n"
        "from random import Random\n"
        "from designbook.blocks import geo_grid, geohash, quadtree\n"
        "for index in (geo_grid.GeoGrid(500), geohash.GeohashIndex(Random(1)), quadtree.Quadtree()):\n"
        "    index.put('ann', 1, 2)\n"
        "    assert index.nearest(1, 2, 1) == [(0, 'ann')]\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# -- geohashes

PUBLISHED = [
    ((42.60498046875, -5.60302734375), "ezs42"),
    ((42.6, -5.6), "ezs42e44yx9"),
    ((57.64911, 10.40744), "u4pruydqqvj"),
    ((47.6205, -122.3493), "c22yzv5cw8te"),
]


@pytest.mark.parametrize(("here", "word"), PUBLISHED)
def test_geohashes_that_others_published_come_out(here, word):
    assert encode(*here, len(word)) == word
    assert holds(decode(word), *here)


def test_cells_and_neighbours_that_others_published_come_out():
    box = decode("u4pruydqqv")
    assert box == pytest.approx((57.649109959602356, 10.407432317733765, 57.649115324020386, 10.407443046569824))
    assert sorted(neighbours("ezs42")) == sorted(
        ["ezs48", "ezs49", "ezs43", "ezs41", "ezs40", "ezefp", "ezefr", "ezefx"]
    )


words = st.text(ALPHABET, min_size=1, max_size=12)


@given(POINTS, st.integers(1, 12))
@example((-5e-324, 5e-324), 12)
def test_a_point_lies_in_the_cell_of_its_geohash_and_a_prefix_is_a_cell_around_it(here, length):
    here = position(*here)
    word = encode(*here, length)
    assert len(word) == length
    assert holds(decode(word), *here)
    assert encode(*here).startswith(word)


@given(words)
def test_the_middle_of_a_cell_has_its_geohash(word):
    south, west, north, east = decode(word)
    assert encode((south + north) / 2, (west + east) / 2, len(word)) == word


@given(words)
def test_neighbours_are_the_cells_that_touch_and_each_others_neighbours(word):
    south, west, north, east = decode(word)
    found = neighbours(word)
    assert len(set(found)) == len(found) == (8 if south > -90 and north < 90 else 5)
    for other in found:
        box = decode(other)
        assert word in neighbours(other)
        assert box.north - box.south == north - south
        assert box.south <= north
        assert south <= box.north
        assert any(box.west + turn <= east and west <= box.east + turn for turn in (-360, 0, 360))


@pytest.mark.parametrize("word", ["", "ezs4a", "EZS42", "ezs42 ", "0123456789bcd"])
def test_words_that_are_no_geohash_are_refused(word):
    for call in (decode, neighbours):
        with pytest.raises(ValueError, match=f"not '{word}'"):
            call(word)
    for length in (0, 13):
        with pytest.raises(ValueError, match=f"1 to 12 letters, not {length}"):
            encode(1, 2, length)


@given(POINTS, RADII, POINTS)
def test_a_circle_is_covered_by_few_prefixes_of_one_length(here, metres, there):
    here, there = position(*here), position(*there)
    found = covering(*here, metres)
    assert len(set(found)) == len(found) <= 24
    assert len({len(prefix) for prefix in found}) == 1
    if distance(*here, *there) <= metres:
        assert encode(*there).startswith(tuple(found))
