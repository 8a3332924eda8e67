"""The chapter's experiments, at a size that tests can bear: what they claim, they find."""

import random
import subprocess
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from time import sleep

import pytest

from designbook.blocks.id_ranges import RangeAllocator
from designbook.engines import postgres, sqlite, valkey
from designbook.systems.url_shortener.cache import LinkCache
from designbook.systems.url_shortener.experiments import (
    bare_route,
    kill_during_writes,
    make_links,
    memory_of_links,
    redirects_beside_a_bare_route,
    redirects_per_second,
    shortener,
)
from designbook.systems.url_shortener.load import load
from designbook.systems.url_shortener.stores import Link, MemoryStore, open_store

URLS = [f"https://example.com/{i}" for i in range(5)]


def allocator_dies(store, *, servers, size, ids, deaths, rng):
    """Hand out ids at random among servers, of which `deaths` are replaced; ids made, lost with the dead, and held."""
    living = [RangeAllocator(store.reserve, size) for _ in range(servers)]
    dying, made, lost = set(rng.sample(range(ids), deaths)), [], 0
    for turn in range(ids):
        server = rng.randrange(servers)
        made.append(living[server].next_id())
        if turn in dying:
            lost += living[server].left
            living[server] = RangeAllocator(store.reserve, size)
    return made, lost, sum(allocator.left for allocator in living)


def stampede(make_cache, readers):
    """How often the store is asked when `readers` want one link that has just left the cache, all at once."""
    loads, together = [], Barrier(readers)

    def slow_load(code):
        loads.append(code)
        sleep(0.05)
        return Link(code, "https://example.com/", "ann")

    cache = make_cache(slow_load)

    def read(_):
        together.wait()
        cache.get("hot")

    with ThreadPoolExecutor(readers) as threads:
        list(threads.map(read, range(readers)))
    return len(loads)


@pytest.mark.parametrize(
    ("make", "durable"),
    [(sqlite, True), (valkey, False), (lambda: valkey("always"), True), (postgres, True)],
    ids=["sqlite", "valkey in memory", "valkey always", "postgres"],
)
def test_a_killed_engine_keeps_what_it_acknowledged_or_forgets_its_links_and_its_counter(make, durable):
    seen = kill_during_writes(make(), 50)
    assert seen.acknowledged >= 50
    assert seen.found + seen.lost == seen.acknowledged
    assert (seen.lost, seen.ids_given_again) == ((0, 0) if durable else (seen.acknowledged, seen.acknowledged))


def test_dying_allocators_lose_half_a_range_each_on_average_and_no_id_is_given_twice():
    """Uniform losses of 0..99 have mean 49.5 and variance 833; the mean of 300 deaths is within five sigma."""
    store = MemoryStore()
    made, lost, held = allocator_dies(store, servers=4, size=100, ids=50_000, deaths=300, rng=random.Random(1))
    assert len(set(made)) == len(made) == 50_000
    assert len(made) + lost + held == store.reserve(1)
    assert abs(lost / 300 - 49.5) < 5 * (833 / 300) ** 0.5


def test_a_stampede_asks_the_store_once_with_single_flight_and_often_without():
    class Naive:
        def __init__(self, read):
            self.read, self.kept = read, {}

        def get(self, code):
            if code not in self.kept:
                self.kept[code] = self.read(code)
            return self.kept[code]

    assert stampede(LinkCache, readers=20) == 1
    assert stampede(Naive, readers=20) > 10


def test_the_load_is_as_large_as_asked_and_every_answer_is_a_redirect():
    with sqlite() as url:
        seen = redirects_per_second(url, 100, urls=URLS, cache_seconds=0)
    assert seen.statuses == {"302": 100}
    assert 0 < seen.median <= seen.p99
    assert seen.rate > 10


def test_redirects_stand_beside_a_bare_route():
    seen = redirects_beside_a_bare_route(100, 2, urls=URLS)
    assert seen.ours > 10
    assert seen.bare > 10
    assert seen.ratio > 0.1  # the figure itself belongs to `make bench`, on a quiet machine


def test_every_redirect_of_a_load_is_a_click_once_the_server_has_ended():
    with sqlite() as url:
        with shortener(url) as address:
            paths = make_links(address, URLS)
            load(address, paths, 50, connections=4)
        store = open_store(url)
        assert [store.clicks(path.removeprefix("/")) for path in paths] == [10] * 5
        store.close()


def test_a_load_on_a_server_that_is_gone_says_so():
    with bare_route() as address:
        pass
    with pytest.raises(RuntimeError, match="broke off"):
        load(address, ["/a"], 10)


def test_a_link_in_memory_takes_less_than_400_bytes():
    """So a million take less than 400 MB; tables that are just growing included, the interpreter not."""
    try:
        empty, peak = memory_of_links(50_000)
    except subprocess.CalledProcessError as error:
        pytest.fail(error.stderr)
    assert (peak - empty) / 50_000 < 400
