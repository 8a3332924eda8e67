"""The nearest of many for many at once: beside the distances to everybody, and beside scipy's k-d tree."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial import cKDTree

from designbook.blocks import geo_batch, sphere
from designbook.blocks.geo_batch import GeoBatch
from designbook.blocks.sphere import HALF_EARTH
from tests.unit.test_blocks_geo import POINTS, RADII

NEAR_THE_ANTIPODE = 0.999 * HALF_EARTH


def by_brute_force(points, asked, k, at_most):
    """Metres to the nearest `k` of the points, by the distances to all of them."""
    metres = np.sort(sphere.distances(*asked, *sphere.positions(*np.array(points).reshape(-1, 2).T)))
    return metres[metres <= at_most][:k]


@given(st.lists(POINTS, max_size=60), st.lists(POINTS, min_size=1, max_size=5), st.integers(1, 12), RADII)
def test_the_nearest_are_those_of_brute_force_anywhere_on_the_sphere(points, asked, k, at_most):
    at_most += 1e-3 if at_most < 1 else at_most * 1e-5  # off the points' own distances, which are round numbers
    batch = GeoBatch(*np.array(points).reshape(-1, 2).T)
    numbers, metres = batch.nearest(*np.array(asked).T, k, at_most)
    assert numbers.shape == metres.shape == (len(asked), k)
    for here, who, far in zip(asked, numbers.tolist(), metres, strict=True):
        wanted = by_brute_force(points, sphere.position(*here), k, at_most)
        found = [number for number in who if number >= 0]
        assert who == found + [-1] * (k - len(found))
        assert np.isinf(far[len(found) :]).all()
        assert len(set(found)) == len(found) == len(wanted)
        close = 0.5 if len(wanted) and wanted[-1] > NEAR_THE_ANTIPODE else 2e-6
        assert far[: len(found)] == pytest.approx(wanted, rel=1e-9, abs=close)
        own = [sphere.distance(*sphere.position(*here), *sphere.position(*points[number])) for number in found]
        assert far[: len(found)] == pytest.approx(own, rel=1e-9, abs=close)


def clusters(size, seed, cities=30):
    """Cities of very different sizes anywhere, one on the date line and one around a pole; some at one point."""
    rng = np.random.default_rng(seed)
    lats = np.concatenate([[-16.8, 89.95], rng.uniform(-80, 80, cities - 2)])
    lons = np.concatenate([[180, 0], rng.uniform(-180, 180, cities - 2)])
    city = np.minimum(rng.geometric(0.15, size) - 1, cities - 1)
    spread = rng.choice([0.0, 0.001, 0.03, 0.1], size, p=[0.02, 0.18, 0.4, 0.4])
    lat = np.clip(lats[city] + spread * rng.standard_normal(size), -90, 90)
    lon = lons[city] + spread * rng.standard_normal(size) / np.maximum(np.cos(np.radians(lat)), 0.01)
    return lat, (lon + 180) % 360 - 180


@pytest.mark.parametrize(("size", "k"), [(30_000, 10), (30_000, 1), (10_000, 40), (50, 10)])
def test_the_nearest_are_those_of_a_k_d_tree_over_clusters(size, k):
    drivers, riders = clusters(size, 1), clusters(2_000, 2)
    tree = cKDTree(sphere.unit_vectors(*sphere.positions(*drivers)).T)
    lines, _ = tree.query(sphere.unit_vectors(*sphere.positions(*riders)).T, np.arange(1, k + 1))
    numbers, metres = GeoBatch(*drivers).nearest(*riders, k)
    np.testing.assert_allclose(metres, sphere.arcs(lines), rtol=1e-12, atol=1e-9)
    assert (np.sort(numbers)[:, 1:] != np.sort(numbers)[:, :-1]).all()
    there, here = (sphere.unit_vectors(*sphere.positions(*some)) for some in (drivers, riders))
    own = sphere.arcs(np.sqrt(((there[:, numbers] - here[:, :, None]) ** 2).sum(axis=0)))
    np.testing.assert_allclose(metres, own, rtol=1e-12, atol=1e-9)


def test_few_distances_are_computed_for_each_who_asks():
    batch = GeoBatch(*clusters(30_000, 1))
    batch.nearest(*clusters(2_000, 1), 10)
    assert 10 * 2_000 < batch.scanned < 400 * 2_000


def test_a_block_with_too_many_candidates_is_answered_in_halves(monkeypatch):
    drivers, riders = clusters(3_000, 1), clusters(700, 5)
    whole = GeoBatch(*drivers).nearest(*riders, 5)
    monkeypatch.setattr(geo_batch, "MOST", 1_000)
    asked = []
    slices = GeoBatch._slices
    monkeypatch.setattr(
        GeoBatch, "_slices", lambda self, points, bound: asked.append(len(bound)) or slices(self, points, bound)
    )
    halved = GeoBatch(*drivers).nearest(*riders, 5)
    assert min(asked) < 20
    assert np.array_equal(whole[1], halved[1])


def test_who_asks_from_far_away_scans_nobody_if_too_far_is_said():
    batch = GeoBatch(*clusters(20_000, 1))
    here = np.full(500, -85.0), np.linspace(-180, 180, 500)
    everybody, metres = batch.nearest(*here, 10)
    assert (everybody >= 0).all()
    assert metres.min() > 100_000
    batch.scanned = 0
    numbers, metres = batch.nearest(*here, 10, 5_000)
    assert (numbers == -1).all()
    assert np.isinf(metres).all()
    assert batch.scanned == 0


def test_nobody_is_near_where_there_is_nobody_and_nobody_may_ask():
    numbers, metres = GeoBatch([], []).nearest([1, 2], [3, 4], 3)
    assert numbers.tolist() == [[-1] * 3] * 2
    assert np.isinf(metres).all()
    numbers, metres = GeoBatch([1], [2]).nearest([], [], 3)
    assert numbers.shape == metres.shape == (0, 3)
    assert len(GeoBatch([1, 1], [2, 2])) == 2


def test_a_thousand_at_one_point_are_at_no_distance():
    numbers, metres = GeoBatch(np.full(1_000, 90.0), np.linspace(-180, 180, 1_000)).nearest([90], [33], 20)
    assert metres.tolist() == [[0] * 20]
    assert len(set(numbers[0].tolist())) == 20


def test_wrong_input_is_refused_by_name():
    batch = GeoBatch([1], [2])
    for call, refusal in (
        (lambda: GeoBatch([1, math.nan], [2, 3]), r"lat lies between .* not at nan \(number 1\)"),
        (lambda: GeoBatch([1, 2], [2]), "shapes"),
        (lambda: batch.nearest([1], [181], 3), "lon lies between"),
        (lambda: batch.nearest([1], [2], 0), "k is 1 or more"),
        (lambda: batch.nearest([1], [2], 1, -1), "metres is 0 or more"),
    ):
        with pytest.raises(ValueError, match=refusal):
            call()
