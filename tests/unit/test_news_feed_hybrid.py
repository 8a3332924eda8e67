"""Push or pull: the closed form beside a scan, the sums beside drawn networks, the model beside a simulation."""

from math import inf, sqrt
from statistics import fmean, stdev

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from designbook.simulation.confidence import student_t
from designbook.simulation.graphs import Followers
from designbook.systems.news_feed.hybrid import (
    Work,
    _loads_and_fetches,
    best_threshold,
    cost_of_pulling,
    cost_of_pushing,
    pull_cost,
    push_cost,
    simulate,
)

DAY = 86_400
NETWORK = Followers(75, 1e6, 1.28)
WORK = Work(posts=2 / DAY, loads=20 / DAY, push=5e-6, fetch=5e-6, merge=1e-7, servers=50, lifetime=5)
BUSY = Work(posts=20 / DAY, loads=40 / DAY, push=5e-6, fetch=8e-6, merge=2e-7, servers=20, lifetime=2)
rates = st.floats(0.1, 200)
works = st.tuples(
    rates.map(lambda r: r / DAY), rates.map(lambda r: r / DAY), st.floats(1e-6, 1e-4), st.floats(1e-6, 1e-4),
    st.floats(1e-9, 1e-6), st.integers(1, 1_000), st.floats(0.1, 60),
)  # fmt: skip


@given(works, st.floats(0, 1))
def test_below_the_threshold_pushing_costs_less_and_above_it_pulling(work: tuple[float, ...], share: float) -> None:
    threshold = best_threshold(*work)
    followers = 10 ** (9 * share)
    assume(abs(followers - threshold) > 1e-6 * threshold)
    posts, loads, push, *rest = work
    assert (push_cost(followers, posts, push) < pull_cost(followers, loads, *rest)) == (followers < threshold)


def test_the_three_regimes() -> None:
    assert best_threshold(1, 0.5, 5e-6, 5e-6, 1e-7, 50, 5) == 0, "readers come more seldom than posts"
    assert best_threshold(1, 60, 5e-6, 5e-6, 1e-7, 50, 5) == inf, "merging alone costs more than pushing"
    assert 1e5 < WORK.threshold < 1e6


@pytest.mark.parametrize("work", [WORK, BUSY])
def test_no_other_threshold_costs_less_on_a_drawn_network(work: Work) -> None:
    degrees = NETWORK.draw(np.random.default_rng(1), 20_000)
    best = work.expected(degrees, work.threshold)
    for factor in (0, 0.01, 0.3, 0.9, 1.1, 3, 100, inf):
        assert work.expected(degrees, work.threshold * factor if factor else 0) >= best * (1 - 1e-12)


@pytest.mark.parametrize("threshold", [1_000, 30_000, 2e6])
def test_the_sums_over_the_tail_are_the_mean_over_drawn_networks(threshold: float) -> None:
    shape = (NETWORK.mean, NETWORK.largest, NETWORK.tail)
    pushing = cost_of_pushing(threshold, *shape, WORK.posts, WORK.push)
    pulling = cost_of_pulling(threshold, *shape, WORK.loads, WORK.fetch, WORK.merge, WORK.servers, WORK.lifetime)
    size, found = 100_000, []
    for seed in range(40):
        found.append(WORK.expected(NETWORK.draw(np.random.default_rng(seed), size), threshold) / size)
    allowed = student_t(0.9995, len(found) - 1) * stdev(found) / sqrt(len(found))
    assert abs(fmean(found) - pushing - pulling) < allowed
    assert allowed < 0.1 * (pushing + pulling), "and chance leaves little room"


@pytest.mark.parametrize(("work", "threshold"), [(WORK, 20_000), (WORK, 200_000), (BUSY, 50_000), (WORK, inf)])
def test_simulated_posts_and_loads_cost_what_the_model_says_within_the_error_of_the_sample(
    work: Work, threshold: float
) -> None:
    degrees = NETWORK.draw(np.random.default_rng(7), 300_000)
    found = [simulate(work, degrees, threshold, np.random.default_rng(seed), 30) for seed in range(16)]
    allowed = student_t(0.9995, len(found) - 1) * stdev(found) / sqrt(len(found))
    assert abs(fmean(found) - work.expected(degrees, threshold)) < allowed


def test_fetches_alone_agree_too_for_authors_of_every_size() -> None:
    for followers, authors in ((100, 4_000), (10_000, 100), (1_000_000, 10)):
        seconds, many = 60, np.full(authors, followers)
        found = [_loads_and_fetches(WORK, many, np.random.default_rng(seed), seconds)[1] / seconds for seed in range(8)]
        rate = authors * pull_cost(followers, WORK.loads, 1, 0, WORK.servers, WORK.lifetime)
        allowed = student_t(0.9995, len(found) - 1) * stdev(found) / sqrt(len(found))
        assert abs(fmean(found) - rate) < allowed
        assert allowed < 0.1 * rate


def test_a_list_that_all_ask_for_is_fetched_once_a_lifetime_and_server_and_a_lonely_one_at_every_load() -> None:
    assert pull_cost(1e9, WORK.loads, 1, 0, 50, 5) == pytest.approx(50 / 5, rel=1e-3)
    assert pull_cost(10, WORK.loads, 1, 0, 50, 5) == pytest.approx(10 * WORK.loads, rel=1e-3)


def test_only_those_who_are_pushed_cost_pushes() -> None:
    degrees = np.array([10] * 500 + [1_000] * 500)
    work = Work(posts=1, loads=1, push=1, fetch=0, merge=0, servers=1, lifetime=1)
    found = [simulate(work, degrees, 100, np.random.default_rng(seed), 10) for seed in range(5)]
    assert fmean(found) == pytest.approx(500 * 10, rel=0.05), "500 posts a second to 10 followers each"
