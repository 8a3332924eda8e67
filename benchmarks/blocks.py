"""The building blocks beside their peers."""

import random
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator
from time import monotonic
from typing import TypeVar

import base62 as pybase62
import cachetools
import limits
import numpy as np
import rbloom
import theine
import uhashring

from benchmarks.harness import INFINITE, Contest, Reading, benchmark
from designbook.blocks.base62 import decode, encode
from designbook.blocks.bloom import BloomFilter
from designbook.blocks.cache import hit_ratio
from designbook.blocks.hash_ring import HashRing
from designbook.blocks.hashing import blake64
from designbook.blocks.lru import LRUCache
from designbook.blocks.s3_fifo import S3FIFOCache
from designbook.blocks.token_bucket import TokenBucket
from designbook.simulation.workloads import Zipf

Row = Contest | Reading
T = TypeVar("T")


def each(function: Callable[[T], object], items: Iterable[T]) -> Callable[[], object]:
    """Work that applies `function` to every item."""
    return lambda: [function(item) for item in items]


@benchmark(code=["blocks/base62.py"], versions=["pybase62"])
def base62(size: int = 50_000) -> Iterator[Row]:
    """Codes as a counter, seven random characters and snowflake ids give them."""
    rng = random.Random(1)
    kinds: dict[str, Collection[int]] = {
        "a counter's codes": range(10**6, 10**6 + size),
        "codes of 7 characters": [rng.randrange(62**6, 62**7) for _ in range(size)],
        "codes of snowflake ids": [rng.randrange(2**60, 2**62) for _ in range(size)],
    }
    for kind, numbers in kinds.items():
        ours, peer = each(encode, numbers), each(pybase62.encode, numbers)
        yield Contest(f"encode {kind}", "codes", size, ours, peer, "pybase62", wanted=(1.5, INFINITE))
        codes = [encode(number) for number in numbers]
        yield Contest(f"decode {kind}", "codes", size, each(decode, codes), each(pybase62.decode, codes), "pybase62")


@benchmark(code=["blocks/bloom.py", "blocks/hashing.py"], versions=["numpy", "rbloom"])
def bloom(size: int = 200_000) -> Iterator[Row]:
    """Batches against the loop, against theory, and against a filter in Rust. Half the keys asked for are there."""
    rate, loops = 0.01, size // 10
    numbers = np.arange(11 * size)
    asked = np.arange(size // 2, size // 2 + size)
    listed, few = asked.tolist(), np.arange(size - loops // 2, size - loops // 2 + loops)
    texts = [f"https://example.org/{number}" for number in few]
    full, peer = BloomFilter.for_items(size, rate), rbloom.Bloom(size, rate)
    full.add_many(numbers[:size])
    peer.update(range(size))

    def empty() -> BloomFilter:
        return BloomFilter.for_items(size, rate)

    def add_to_peer() -> None:
        rbloom.Bloom(size, rate).update(listed)

    add = each(empty().add, few.tolist())
    find = each(full.__contains__, few.tolist())
    loop, least = "its own loop", (10, INFINITE)
    yield Contest("add integers in a batch", "keys", loops, lambda: empty().add_many(few), add, loop, least)
    yield Contest("find integers in a batch", "keys", loops, lambda: full.contains_many(few), find, loop, least)
    add_texts = each(empty().add, texts)
    yield Contest("add texts in a batch", "keys", loops, lambda: empty().add_many(texts), add_texts, loop)
    yield Contest("add integers in a batch", "keys", size, lambda: empty().add_many(asked), add_to_peer, "rbloom")
    find_in_peer = each(peer.__contains__, listed)
    yield Contest("find integers in a batch", "keys", size, lambda: full.contains_many(asked), find_in_peer, "rbloom")
    find_few_in_peer = each(peer.__contains__, few.tolist())
    yield Contest("find integers one by one", "keys", loops, find, find_few_in_peer, "rbloom")

    found = float(full.contains_many(numbers[size:]).mean())
    yield Reading("false positives", "", found, full.false_positive_rate(size), "theory", (0.9, 1.1))
    theirs = sum(key in peer for key in range(size, 11 * size)) / (10 * size)
    yield Reading("false positives", "", found, theirs, "rbloom")
    yield Reading("bits a key", "", full.bits / size, peer.size_in_bits / size, "rbloom")


@benchmark(code=["blocks/hash_ring.py", "blocks/hashing.py"], versions=["uhashring"])
def hash_ring(size: int = 30_000) -> Iterator[Row]:
    """Owners on a ring of 10 nodes with 160 points each; both sides have the same hash, so all owners agree."""
    keys = [f"user:{number}" for number in range(size)]
    nodes = [f"node{number}" for number in range(10)]

    def crc(key: str) -> int:
        return zlib.crc32(key.encode()) << 32

    # BLAKE2b takes most of either side's time, so the rings themselves are compared with a hash that costs little.
    for name, hash_, least in (("CRC-32", crc, 2), ("BLAKE2b", blake64, 0)):
        ours = HashRing(nodes, replicas=160, hash=hash_)
        peer = uhashring.HashRing(nodes, vnodes=160, hash_fn=hash_)
        mine, theirs = each(ours.owner, keys), each(peer.get_node, keys)
        yield Contest(f"owner of a key by {name}", "keys", size, mine, theirs, "uhashring", (least, INFINITE))

    def three(key: str) -> list[str]:
        return [node["nodename"] for node in peer.range(key, 3)]

    mine, theirs = each(lambda key: ours.owners(key, 3), keys), each(three, keys)
    yield Contest("3 owners of a key by BLAKE2b", "keys", size, mine, theirs, "uhashring")

    def join_and_leave(_: int) -> None:
        ours.add("new")
        ours.remove("new")

    def join_and_leave_there(_: int) -> None:
        peer.add_node("new")
        peer.remove_node("new")

    rounds = range(max(1, size // 1_000))
    mine, theirs = each(join_and_leave, rounds), each(join_and_leave_there, rounds)
    yield Contest("a node joins and leaves", "times", len(rounds), mine, theirs, "uhashring")


def traces(size: int) -> Iterator[tuple[str, list[int], int]]:
    """Read-through traffic by Zipf's law over half as many keys as requests: name, requests, and a cache's capacity."""
    keys = size // 2
    for exponent in (0.7, 0.99, 1.2):
        trace: list[int] = Zipf(keys, exponent).draw(np.random.default_rng(1), size).tolist()
        for percent in (1, 10):
            yield f"Zipf {exponent}, room for {percent} %", trace, max(1, keys * percent // 100)


@benchmark(code=["blocks/lru.py", "blocks/cache.py"], versions=["cachetools"])
def lru(size: int = 200_000) -> Iterator[Row]:
    """A whole trace, each miss put into the cache."""
    for name, trace, capacity in traces(size):

        def ours(trace: list[int] = trace, capacity: int = capacity) -> float:
            return hit_ratio(LRUCache(capacity), trace)

        def peer(trace: list[int] = trace, capacity: int = capacity) -> float:
            cache: cachetools.LRUCache[int, bool] = cachetools.LRUCache(capacity)
            hits = misses = 0
            for key in trace:
                if cache.get(key):
                    hits += 1
                else:
                    misses += 1
                    cache[key] = True
            return hits / (hits + misses)

        yield Contest(name, "requests", size, ours, peer, "cachetools", (2, INFINITE))


@benchmark(code=["blocks/s3_fifo.py", "blocks/lru.py", "blocks/cache.py"], versions=["theine", "theine_core"])
def s3_fifo(size: int = 100_000) -> Iterator[Row]:
    """The same traces: speed and hit ratio beside theine's W-TinyLFU, hit ratio beside LRU."""
    for name, trace, capacity in traces(size):

        def ours(trace: list[int] = trace, capacity: int = capacity) -> float:
            return hit_ratio(S3FIFOCache(capacity), trace)

        def peer(trace: list[int] = trace, capacity: int = capacity) -> float:
            return theine_hit_ratio(capacity, trace)

        yield Contest(name, "requests", size, ours, peer, "theine")
        yield Reading(f"hit ratio, {name}", "", ours(), peer(), "theine")
        yield Reading(f"hit ratio, {name}", "", ours(), hit_ratio(LRUCache(capacity), trace), "LRU")


def theine_hit_ratio(capacity: int, requests: Iterable[int]) -> float:
    """As `hit_ratio`, for the interface of theine; it reorders in batches, so two runs may differ a little."""
    cache = theine.Cache[int, bool](capacity, nolock=True)
    hits = misses = 0
    for key in requests:
        if cache.get(key)[1]:
            hits += 1
        else:
            misses += 1
            cache.set(key, True)
    cache.close()
    return hits / (hits + misses)


@benchmark(code=["blocks/token_bucket.py"], versions=["limits"])
def token_bucket(size: int = 20_000) -> Iterator[Row]:
    """Decisions for one caller, half of them refusals, beside the strategies that `limits` has (none is a bucket)."""
    limit = limits.RateLimitItemPerHour(max(1, size // 2))

    def ours() -> None:
        bucket = TokenBucket(limit.amount / 3600, limit.amount, monotonic)
        for _ in range(size):
            bucket.allow()

    for name, strategy in limits.strategies.STRATEGIES.items():
        limiter = strategy(limits.storage.MemoryStorage())

        def peer(limiter: limits.strategies.RateLimiter = limiter) -> None:
            limiter.clear(limit, "caller")
            for _ in range(size):
                limiter.hit(limit, "caller")

        yield Contest(f"decisions, beside {name}", "decisions", size, ours, peer, "limits")
