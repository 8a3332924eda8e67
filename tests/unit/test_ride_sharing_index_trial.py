"""Indexes compared over a city: h3 as a peer that must be right too, and the needle of Buffon beside what is missed."""

import math

import h3
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import __main__  # noqa: F401 (it imports what registers)
from benchmarks.harness import BENCHMARKS
from benchmarks.ride_sharing_indexes import ride_sharing_indexes
from designbook import data
from designbook.blocks.geo_index import BruteForce
from designbook.systems.ride_sharing import index_trial
from designbook.systems.ride_sharing.geo.valkey import RADIUS
from designbook.systems.ride_sharing.index_trial import H3Cells, compare_indexes, crossing, own_cell_misses
from tests.engines_here import want
from tests.unit.test_blocks_geo import POINTS, RADII

PENTAGONS = st.sampled_from(sorted(h3.get_pentagons(7))).map(h3.cell_to_latlng)


@settings(max_examples=80)
@given(
    st.lists(POINTS | PENTAGONS, max_size=8),
    POINTS | PENTAGONS,
    st.integers(0, 2**32),
    RADII,
    st.sampled_from([0, 5, 7, 9]),
)
def test_the_peer_over_h3_gives_the_answers_of_brute_force(points, here, seed, metres, resolution):
    """Anywhere, and with many drivers a few cells away, so that disks of cells are looked into."""
    rng = np.random.default_rng(seed)
    edge = h3.average_hexagon_edge_length(resolution, "m")
    around = np.degrees(rng.uniform(-4, 4, (60, 2)) * edge / 6_371_000)
    points = points + [(here[0] + north, here[1] + east) for north, east in around.tolist()]
    ours, truth = H3Cells(resolution), BruteForce()
    for number, (lat, lon) in enumerate(points):
        for index in (ours, truth):
            index.put(f"{number}", max(-90, min(90, lat)), (lon + 180) % 360 - 180)
    for radius in (metres, edge / 2, 1.5 * edge, 3 * edge):
        assert ours.within(*here, radius) == truth.within(*here, radius)
        assert ours.nearest(*here, 5, radius) == truth.nearest(*here, 5, radius)
    assert ours.remove("0") == truth.remove("0") == (len(points) > 0)
    assert not ours.remove("nobody")
    assert len(ours) == len(truth)
    assert ours.nearest(*here, 99) == truth.nearest(*here, 99)


def test_no_index_gives_a_wrong_answer_and_only_brute_force_scans_everybody():
    found = {trial.name: trial for trial in compare_indexes(1_500, searches=20, by_brute_force=20)}
    assert len(found) == 9
    assert all(trial.wrong == 0 for trial in found.values())
    brute = found.pop("brute force")
    assert brute.candidates == 1_500
    assert all(10 <= trial.candidates < 600 for trial in found.values())
    assert all(trial.search > 0 < trial.update for trial in found.values())


def test_a_wrong_answer_is_counted(monkeypatch):
    class Forgetful(BruteForce):
        def nearest(self, *arguments):
            return super().nearest(*arguments)[1:]

    monkeypatch.setattr(index_trial, "indexes", lambda: {"brute force": BruteForce, "forgetful": Forgetful})
    right, wrong = compare_indexes(50, searches=5, by_brute_force=4)
    assert (right.wrong, wrong.wrong) == (0, 4)


@pytest.mark.parametrize(("wide", "high"), [(1.0, 1.0), (2.0, 0.5), (3.0, 1.0)])
def test_a_needle_crosses_the_lines_of_a_tiling_as_often_as_buffon_and_laplace_say(wide, high):
    """(2 r (a + b) - r^2) / (pi a b) for rectangles of a by b, of which `crossing` takes the first part."""
    rng, needles, length = np.random.default_rng(1), 400_000, 0.1
    x, y, turn = rng.uniform(0, wide, needles), rng.uniform(0, high, needles), rng.uniform(0, 2 * math.pi, needles)
    ends = x + length * np.cos(turn), y + length * np.sin(turn)
    crossed = ((ends[0] // wide != 0) | (ends[1] // high != 0)).mean()
    exact = (2 * length * (wide + high) - length**2) / (math.pi * wide * high)
    five_sigma = 5 * math.sqrt(exact / needles)
    assert crossed == pytest.approx(exact, abs=five_sigma)
    first_part = crossing(np.array([length]), wide * high, 2 * (wide + high))
    assert first_part == pytest.approx(exact + length**2 / (math.pi * wide * high))


def test_who_looks_into_one_cell_misses_the_nearest_as_often_as_the_needle_says():
    """To a tenth where few are missed, and less where the needle is long."""
    found = {each.cells: each for each in own_cell_misses(5_000, 4_000)}
    assert len(found) == 11
    for each in found.values():
        deviation = 3 * math.sqrt(each.predicted * (1 - each.predicted) / 4_000)
        if each.predicted < 0.25:
            assert each.missed_nearest == pytest.approx(each.predicted, rel=0.1, abs=deviation)
        assert each.missed_nearest < each.predicted + deviation
        assert each.missed_of_ten > each.missed_nearest
    sizes = [found[f"grid, {size} m"] for size in ("250", "500", "1,000", "2,000", "4,000")]
    assert [each.missed_nearest for each in sizes] == sorted((each.missed_nearest for each in sizes), reverse=True)
    assert sizes[-1].missed_nearest > 0.02, "no size misses nobody"


def test_without_h3_the_others_are_compared(monkeypatch):
    monkeypatch.setattr(index_trial, "find_spec", lambda name: None)
    assert len(index_trial.indexes()) == 6
    assert len(list(own_cell_misses(200, 20))) == 8


def test_the_experiment_runs_small_and_a_point_of_the_stored_one_comes_out_the_same_again():
    lines = []
    found = ride_sharing_indexes(lines.append, sizes=[100], searches=5, by_brute_force=5, drivers=100, riders=20)
    assert len(lines) == len(found["trials"]) + len(found["own_cell"]) == 9 + 11
    stored = data.measurement("ride_sharing_indexes").results
    assert sum(trial["wrong"] for trial in stored["trials"]) == 0
    again = {trial.name: trial for trial in compare_indexes(1_000, stored["searches"], stored["by_brute_force"])}
    for trial in stored["trials"]:
        if trial["drivers"] == 1_000:
            assert again[trial["name"]].candidates == pytest.approx(trial["candidates"], rel=1e-6)


def test_all_sides_of_the_benchmark_give_the_same_answers():
    want("valkey")
    seen = []
    for row in BENCHMARKS["ride_sharing"].run(3_000):
        seen.append(row.against)
        for _ in range(2):
            ours, theirs = row.ours(), row.peer()
            if "pings at once" in row.name or row.name.startswith("put"):
                continue
            if row.against.startswith("Valkey"):
                theirs = np.array(theirs) / RADIUS
                np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=0.4)
            else:
                np.testing.assert_allclose(ours, np.array(theirs), rtol=1e-9, atol=1e-5)
    assert seen == ["cKDTree"] * 3 + ["Valkey, pipelined"] + ["h3 in a dictionary"] * 3
