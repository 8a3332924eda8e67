"""Follower counts with a heavy tail, held against what the distribution says; adjacency, against a dictionary."""

from collections import defaultdict
from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from designbook.simulation.graphs import (
    Adjacency,
    Followers,
    accounts_above,
    followers_above,
    mean_square,
    smallest_degree,
)

SHAPES = [(75.0, 3e6, 1.28), (75.0, 31e6, 1.28), (4.0, 21_815.0, 1.5), (200.0, 1e6, 1.05), (50.0, 1e5, 3.0)]
shapes = st.tuples(st.floats(1, 500), st.floats(1e4, 1e8), st.floats(1.05, 4))


def by_quadrature(mean: float, largest: float, tail: float, power: float, low: float, high: float) -> float:
    """The integral of k**power over the density from `low` to `high`, by the midpoint rule on a logarithmic scale."""
    smallest = smallest_degree(mean, largest, tail)
    edges = np.geomspace(max(low, smallest), high, 200_001)
    middle, ends = np.sqrt(edges[1:] * edges[:-1]), smallest**-tail - largest**-tail
    return float((middle**power * (edges[:-1] ** -tail - edges[1:] ** -tail)).sum() / ends)


@pytest.mark.parametrize("shape", SHAPES)
def test_shares_and_squares_are_the_integrals_that_they_stand_for(shape: tuple[float, float, float]) -> None:
    mean, largest, _ = shape
    assert by_quadrature(*shape, 1, 0, largest) == pytest.approx(mean, rel=1e-4)
    for above in (100.0, 5_000.0):
        assert accounts_above(above, *shape) == pytest.approx(by_quadrature(*shape, 0, above, largest), rel=1e-4)
        share = by_quadrature(*shape, 1, above, largest) / mean
        assert followers_above(above, *shape) == pytest.approx(share, rel=1e-4)
        assert mean_square(above, *shape) == pytest.approx(by_quadrature(*shape, 2, 0, above), rel=1e-3, abs=1e-9)


@given(shapes, st.floats(0, 1), st.floats(0, 1))
def test_a_higher_threshold_leaves_fewer_accounts_and_followers_above_it(
    shape: tuple[float, float, float], first: float, second: float
) -> None:
    least = smallest_degree(*shape)
    low, high = (least * (shape[1] / least) ** share for share in sorted((first, second)))
    for part in (accounts_above, followers_above):
        assert -1e-9 <= part(high, *shape) <= part(low, *shape) + 1e-12 <= 1 + 1e-9
    assert followers_above(high, *shape) >= accounts_above(high, *shape) - 1e-12, "the large have more than their share"


@pytest.mark.parametrize("shape", SHAPES)
def test_drawn_counts_have_the_mean_and_the_tail_within_what_chance_allows(shape: tuple[float, float, float]) -> None:
    size = 200_000
    for seed in range(3):
        drawn = Followers(*shape).draw(np.random.default_rng(seed), size)
        assert drawn.dtype == np.int64
        assert drawn.max() <= shape[1] + 1
        spread = sqrt(mean_square(shape[1], *shape) / size)
        assert abs(drawn.mean() - shape[0]) < 5 * spread
        for above in (100, 3_000):
            expected = accounts_above(above, *shape)
            assert abs((drawn > above).mean() - expected) < 5 * sqrt(expected / size) + 0.01 * expected


def test_the_same_seed_draws_the_same_counts_however_many_follow() -> None:
    one, more = (Followers(75, 3e6, 1.28).draw(np.random.default_rng(5), size) for size in (1 << 20, (1 << 20) + 7))
    assert (one == more[: 1 << 20]).all()


@pytest.mark.parametrize("shape", [(0.5, 100, 2), (100, 100, 2), (10, 100, 1), (10, 100, 11), (float("nan"), 100, 2)])
def test_counts_that_cannot_be_are_refused_by_their_value(shape: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="not at"):
        Followers(*shape)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=60))
def test_adjacency_is_a_dictionary_of_lists(edges: list[tuple[int, int]]) -> None:
    naive = defaultdict(list)
    for start, end in edges:
        naive[start].append(end)
    graph = Adjacency([start for start, _ in edges], [end for _, end in edges], 10)
    assert [graph.of(node).tolist() for node in range(10)] == [naive[node] for node in range(10)]
    assert graph.degrees.tolist() == [len(naive[node]) for node in range(10)]


def test_edges_outside_of_the_nodes_or_without_an_end_are_refused() -> None:
    for starts, ends in ([0], [3]), ([-1], [0]), ([7], [1]):
        with pytest.raises(ValueError, match="numbered from 0 to 2"):
            Adjacency(starts, ends, 3)
    with pytest.raises(ValueError, match="a start and an end"):
        Adjacency([0, 1], [1], 3)
