"""The URL shortener against its budgets, and its HTTP face beside a route that only redirects."""

from collections.abc import Iterator
from statistics import median
from time import process_time

from benchmarks.harness import INFINITE, Contest, Reading, benchmark
from designbook.data import urls
from designbook.systems.url_shortener.experiments import memory_of_links, redirects_beside_a_bare_route
from designbook.systems.url_shortener.ids import range_codes
from designbook.systems.url_shortener.service import Shortener
from designbook.systems.url_shortener.stores import MemoryStore

SERVICE = ("service.py", "cache.py", "ids.py", "urls.py", "clicks.py", "app.py", "experiments.py", "load.py")


@benchmark(
    code=[*(f"systems/url_shortener/{name}" for name in SERVICE), "systems/url_shortener/stores/memory.py"],
    versions=["starlette", "uvicorn"],
)
def shortener(size: int = 1_000_000) -> Iterator[Contest | Reading]:
    """Resolves a second and memory with `size` links against the budget, redirects a second beside a bare route."""
    real = [url for url in urls() if url.startswith("http")][: max(1, size // 30)]
    store = MemoryStore()
    service = Shortener(store, range_codes(store, b"benchmark"))
    codes = [service.shorten(url, "ann").code for url in real]

    def resolve() -> float:
        resolve, began = service.resolve, process_time()
        for code in codes:
            resolve(code)
        return len(codes) / (process_time() - began)

    rates = [resolve() for _ in range(21)]
    yield Reading("resolve, links in memory", "links/s", median(rates), 500_000, "the budget", (1, INFINITE))

    _, peak = memory_of_links(size)
    budget = 400e6 * size / 1e6
    yield Reading(f"memory with {size:,} links", "bytes", peak, budget, "the budget", (0, 1))

    beside = redirects_beside_a_bare_route(max(10, size // 250), 9, urls=real[:1000])
    yield Reading("redirects over HTTP", "redirects/s", beside.ours, beside.bare, "bare Starlette", (0.9, INFINITE))
