"""Caches: Che's approximation against the full sum and against LRU run on requests; stampedes against theory."""

from collections import OrderedDict
from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from designbook.simulation.cache_simulation import che_hit_ratios, hot_key, lru_distances, lru_hit_ratios
from designbook.simulation.caching import (
    che_cache,
    che_hit_ratio,
    crowded_stampede_loads,
    distinct_items,
    stampede_loads,
)
from designbook.simulation.confidence import batch_means
from designbook.simulation.workloads import Zipf, poisson_arrivals
from designbook.simulation.zipf import top_share

# -- LRU in one pass


def lru_hits(requests: list[int], size: int) -> int:
    held: OrderedDict[int, None] = OrderedDict()
    hits = 0
    for key in requests:
        if key in held:
            hits += 1
            held.move_to_end(key)
        else:
            held[key] = None
            if len(held) > size:
                held.popitem(last=False)
    return hits


@given(st.lists(st.integers(-3, 12), min_size=1, max_size=120))
def test_one_pass_gives_the_hits_of_an_lru_cache_of_every_size(requests: list[int]) -> None:
    sizes = np.arange(0, 20)
    counted = lru_hit_ratios(requests, sizes) * len(requests)
    assert [round(hits) for hits in counted[1:]] == [lru_hits(requests, size) for size in sizes[1:]]
    assert counted[0] == 0


def test_a_distance_is_the_number_of_other_keys_since() -> None:
    assert lru_distances([1, 2, 2, 3, 1, 1]).tolist() == [-1, -1, 0, -1, 2, 0]
    assert lru_distances([]).tolist() == []
    with pytest.raises(ValueError, match="one row"):
        lru_distances([[1, 2]])


def test_a_longer_trace_agrees_with_the_cache_run_request_by_request() -> None:
    requests = Zipf(2_000, 0.9).draw(np.random.default_rng(1), 30_000)
    sizes = [1, 10, 300, 1_999, 5_000]
    assert (lru_hit_ratios(requests, sizes) * 30_000).round().tolist() == [
        lru_hits(requests.tolist(), s) for s in sizes
    ]


def test_a_warm_up_that_leaves_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="warm-up of 3"):
        lru_hit_ratios([1, 2, 1], [1], warm_up=3)


# -- Che


@pytest.mark.parametrize("items", [1, 2, 5, 21, 30, 100, 10_000, 200_000])
@pytest.mark.parametrize("exponent", [0.0, 0.6, 1.0, 1.2, 2.5])
def test_the_quick_form_of_che_equals_the_sum_over_all_items(items: int, exponent: float) -> None:
    popularity = Zipf(items, exponent).popularity
    for part in (0.001, 0.1, 0.9):
        cache = items * part
        if cache >= 0.5:
            assert che_hit_ratio(items, exponent, cache) == pytest.approx(
                float(che_hit_ratios(popularity, cache)), abs=2e-5
            )


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("exponent", [0.6, 0.8, 1.0, 1.2])
def test_che_predicts_the_hit_ratio_of_a_real_lru_cache(exponent: float, seed: int) -> None:
    items, sizes, warm_up = 10_000, [100, 500, 2_500], 100_000
    requests = Zipf(items, exponent).draw(np.random.default_rng(seed), warm_up + 250_000)
    distances = lru_distances(requests)[warm_up:]
    for size in sizes:
        hits = (distances >= 0) & (distances < size)
        estimate = batch_means(hits)
        # what the sample allows, and 0.002 for the approximation itself
        assert abs(estimate.mean - che_hit_ratio(items, exponent, size)) < estimate.half_width + 0.002
        assert not abs(estimate.mean - che_hit_ratio(items, exponent + 0.05, size)) < estimate.half_width + 0.002


@given(st.integers(1, 10**10), st.floats(0, 2), st.floats(0, 1), st.floats(0, 1))
def test_a_larger_cache_hits_no_less_and_none_beats_the_best_choice(
    items: int, exponent: float, one: float, other: float
) -> None:
    small, large = sorted((one * items, other * items))
    hit_small, hit_large = che_hit_ratio(items, exponent, small), che_hit_ratio(items, exponent, large)
    assert 0 <= hit_small <= hit_large + 1e-6
    assert hit_large <= 1
    if large >= 1:
        assert hit_large <= top_share(items, exponent, large) + 1e-4


@given(st.integers(30, 10**10), st.floats(0, 1.5), st.floats(0.01, 0.99))
def test_the_cache_for_a_hit_ratio_has_that_hit_ratio(items: int, exponent: float, hit_ratio: float) -> None:
    assert che_hit_ratio(items, exponent, che_cache(items, exponent, hit_ratio)) == pytest.approx(hit_ratio, abs=1e-5)


@pytest.mark.parametrize("exponent", [0.6, 0.8, 1.2])
def test_distinct_items_equal_the_full_sum_and_what_is_drawn(exponent: float) -> None:
    """The number of distinct items is a sum of nearly independent indicators: its variance is at most its mean."""
    zipf, requests = Zipf(50_000, exponent), 40_000
    exact = float(-np.expm1(requests * np.log1p(-np.asarray(zipf.popularity))).sum())
    assert distinct_items(50_000, exponent, requests) == pytest.approx(exact, rel=2e-3)
    for seed in range(3):
        drawn = np.unique(zipf.draw(np.random.default_rng(seed), requests)).size
        assert abs(drawn - exact) < 5 * sqrt(exact)


def test_distinct_items_end_at_one_request_and_at_all_items() -> None:
    assert distinct_items(1_000, 0.8, 1) == pytest.approx(1, rel=1e-2)
    assert distinct_items(1_000, 0.8, 1e9) == pytest.approx(1_000)


def test_the_ends_of_the_scale() -> None:
    assert che_hit_ratio(100, 0.8, 0) == 0
    assert che_hit_ratio(100, 0.8, 100) == 1
    assert che_hit_ratio(100, 0.8, 1000) == 1
    assert che_cache(100, 0.8, 0) == 0
    assert che_cache(100, 0.8, 1) == 100
    assert che_hit_ratio(1000, 0.0, 250) == pytest.approx(0.25, abs=1e-6)
    with pytest.raises(ValueError, match="positive"):
        che_hit_ratios([0.5, 0.0], 1)


# -- stampede


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("rate", "load_time"), [(1_000.0, 0.05), (200.0, 0.02), (20.0, 0.01)])
def test_an_expired_hot_key_costs_one_load_and_one_more_for_each_request_meanwhile(
    rate: float, load_time: float, seed: int
) -> None:
    run = hot_key(poisson_arrivals(rate, 400, np.random.default_rng(seed)), load_time=load_time, ttl=1.0)
    allowed = 5 * sqrt(rate * load_time / run.expiries)
    assert run.expiries > 300
    assert abs(run.loads / run.expiries - stampede_loads(rate, load_time)) < allowed
    assert allowed < 0.15 * stampede_loads(rate, load_time)


@pytest.mark.parametrize("seed", range(3))
def test_with_single_flight_an_expiry_costs_one_load_and_nobody_waits_longer(seed: int) -> None:
    arrivals = poisson_arrivals(1_000.0, 100, np.random.default_rng(seed))
    run = hot_key(arrivals, load_time=0.05, ttl=1.0, single_flight=True)
    stampede = hot_key(arrivals, load_time=0.05, ttl=1.0)
    assert run.loads == run.expiries
    assert run.waits.max() <= 0.05 + 1e-9
    assert run.waits.mean() < stampede.waits.mean() + 1e-9


@pytest.mark.parametrize("parallel", [150.0, 300.0])
def test_before_a_crowded_store_a_stampede_grows_exponentially(parallel: float) -> None:
    rate, load_time = 10_000.0, 0.06
    loads = []
    for seed in range(30):
        arrivals = poisson_arrivals(rate, 0.6, np.random.default_rng(seed))
        loads.append(hot_key(arrivals, load_time=load_time, ttl=10.0, parallel=parallel).loads)
    theory = crowded_stampede_loads(rate, load_time, parallel)
    # what the sample allows, and 3 % because the formula is the limit for large numbers
    assert abs(np.mean(loads) - theory) < 4 * np.std(loads, ddof=1) / sqrt(len(loads)) + 0.03 * theory
    assert np.mean(loads) > 1.2 * stampede_loads(rate, load_time)


def test_a_key_that_nobody_lets_expire_is_loaded_once() -> None:
    run = hot_key([0.0, 1.0, 2.0, 3.0], load_time=0.5, ttl=100)
    assert (run.loads, run.expiries) == (1, 1)
    assert run.waits.tolist() == [0.5, 0, 0, 0]


def test_loads_that_share_the_store_slow_each_other_down() -> None:
    run = hot_key([0.0, 0.5], load_time=1.0, ttl=100, parallel=1)
    # half of the first load is done when the second begins; each then gets half of the store
    assert run.waits == pytest.approx(np.array([1.5, 1.5]))
    with pytest.raises(ValueError, match="ttl"):
        hot_key([0.0], load_time=1.0, ttl=0)


# -- in the reader's browser


def test_what_a_slider_moves_needs_nothing_that_the_browser_lacks() -> None:
    javascript = pytest.importorskip("designbook.capacity.javascript")
    for function in (che_hit_ratio, che_cache, stampede_loads, crowded_stampede_loads):
        assert "function" in javascript.translate(function)
