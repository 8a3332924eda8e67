"""Caches: what every cache promises, LRU against cachetools, S3-FIFO against LRU and the best that is possible."""

import cachetools
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from designbook.blocks.cache import hit_ratio
from designbook.blocks.lru import LRUCache
from designbook.blocks.s3_fifo import S3FIFOCache

CACHES = [LRUCache, S3FIFOCache]
events = st.lists(
    st.tuples(st.sampled_from(["get", "get", "put", "put", "discard"]), st.integers(0, 12), st.integers()), max_size=300
)


def zipf(keys, exponent, size, seed):
    weights = np.cumsum(np.arange(1, keys + 1.0) ** -exponent)
    return np.searchsorted(weights / weights[-1], np.random.default_rng(seed).random(size)).tolist()


@pytest.mark.parametrize("make", CACHES)
@settings(max_examples=200)
@given(capacity=st.integers(1, 15), events=events)
def test_a_cache_keeps_what_was_put_last_or_nothing_and_never_more_than_fits(make, capacity, events):
    cache, truth = make(capacity), {}
    for event, key, value in events:
        if event == "put":
            cache.put(key, value)
            truth[key] = value
            assert key in cache
        elif event == "discard":
            cache.discard(key)
            truth.pop(key, None)
            assert key not in cache
        else:
            assert cache.get(key) in (None, truth.get(key))
        kept = [key for key in range(13) if key in cache]
        assert len(cache) == len(kept) <= capacity
        assert all(cache.get(key) == truth[key] for key in kept[:1])


@pytest.mark.parametrize("make", CACHES)
@given(capacity=st.integers(1, 40), keys=st.lists(st.integers(0, 39), max_size=200))
def test_a_cache_with_room_for_all_forgets_nothing(make, capacity, keys):
    cache = make(capacity + 40)
    for key in keys:
        cache.put(key, key)
    assert all(cache.get(key) == key for key in keys)


@pytest.mark.parametrize("make", CACHES)
def test_a_cache_without_room_is_refused(make):
    with pytest.raises(ValueError, match="not 0"):
        make(0)


@pytest.mark.parametrize("make", CACHES)
def test_a_cache_that_is_emptied_again_and_again_stays_small(make):
    cache = make(10)
    for key in range(1000):
        cache.put(key, key)
        cache.discard(key)
    assert len(cache) == 0
    if make is S3FIFOCache:
        assert len(cache._small) + len(cache._main) <= 10


@settings(max_examples=200)
@given(st.integers(1, 10), events)
def test_lru_keeps_exactly_what_cachetools_keeps(capacity, events):
    ours, peer = LRUCache(capacity), cachetools.LRUCache(capacity)
    for event, key, value in events:
        if event == "put":
            ours.put(key, value)
            peer[key] = value
        elif event == "discard":
            ours.discard(key)
            peer.pop(key, None)
        else:
            assert ours.get(key) == peer.get(key)
        assert {key for key in range(13) if key in ours} == set(peer)


@given(st.integers(1, 8), st.lists(st.integers(0, 15), min_size=1, max_size=200))
def test_a_larger_lru_cache_hits_whatever_a_smaller_one_hits(capacity, requests):
    assert hit_ratio(LRUCache(capacity), requests) <= hit_ratio(LRUCache(capacity + 1), requests)


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(("exponent", "capacity"), [(0.7, 100), (0.99, 100), (0.99, 500), (1.2, 100)])
def test_on_a_zipf_trace_s3_fifo_lies_between_lru_and_the_best_fixed_choice(exponent, capacity, seed):
    trace = zipf(5_000, exponent, 50_000, seed)
    lru, s3_fifo = (hit_ratio(make(capacity), trace) for make in CACHES)
    _, counts = np.unique(trace, return_counts=True)
    best_fixed = np.sort(counts)[-capacity:].sum() / len(trace)
    noise = 3 * (0.25 / len(trace)) ** 0.5
    assert lru + noise < s3_fifo <= best_fixed


@pytest.mark.parametrize(("make", "survives"), [(LRUCache, False), (S3FIFOCache, True)])
def test_a_scan_empties_an_lru_cache_and_passes_through_s3_fifo(make, survives):
    cache, hot = make(100), range(50)
    for _ in range(5):
        for key in hot:
            if cache.get(key) is None:
                cache.put(key, True)
    for key in range(1_000, 3_000):
        cache.put(key, True)
    assert all(key in cache for key in hot) is survives


def test_a_hit_ratio_of_no_requests_is_refused():
    with pytest.raises(ValueError, match="at least one request"):
        hit_ratio(LRUCache(1), [])
