"""The experiments of the chapter: each a function of its size, run small there and full size for the measurements."""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from urllib.request import Request, urlopen

from designbook.engines import Engine
from designbook.engines.program import Program, memory_of_script
from designbook.systems.url_shortener.load import Load, load
from designbook.systems.url_shortener.stores import Link, StoreDown, open_store

BARE = """
import sys
from designbook.systems.url_shortener.__main__ import serve
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
async def redirect(request):
    return Response(status_code=302, headers={"location": "https://example.com/", "cache-control": "no-store"})
serve(Starlette(routes=[Route("/{code}", redirect)]))
"""


def shortener(store_url: str, *options: str) -> Program:
    """The shortener on a free port and the store at `store_url`, without a limit on links made a second."""
    arguments = ("--store", store_url, "--port", "0", "--rate", "1e9", *options)
    return Program("-m", "designbook.systems.url_shortener", *arguments)


def bare_route() -> Program:
    """A Starlette route that redirects and does nothing else, served the same way: the peer of our redirects."""
    return Program("-c", BARE)


def make_links(address: str, urls: Sequence[str]) -> list[str]:
    """Shorten `urls` over HTTP; the paths that lead to them."""
    paths = []
    for url in urls:
        with urlopen(Request(f"{address}/api/links", json.dumps({"url": url}).encode())) as answer:
            paths.append("/" + json.load(answer)["code"])
    return paths


def redirects_per_second(
    store_url: str, requests: int = 2000, *, urls: Sequence[str], cache_seconds: float = 60, connections: int = 8
) -> Load:
    """The load that one server process takes with its links in `store_url`; `cache_seconds=0` always asks there."""
    with shortener(store_url, "--cache-seconds", str(cache_seconds)) as address:
        paths = make_links(address, urls)
        load(address, paths, max(200, requests // 10), connections)  # to warm up
        return load(address, paths, requests, connections)


@dataclass(frozen=True, slots=True)
class BesideBare:
    """Redirects a second of ours and of a bare route, each the median of its rounds, and the median of their ratios."""

    ours: float
    bare: float
    ratio: float


def redirects_beside_a_bare_route(requests: int = 1000, rounds: int = 5, *, urls: Sequence[str]) -> BesideBare:
    """Load the shortener, its links in memory, and a route that only redirects, `requests` each a round.

    The two take turns, because other work on the machine comes and goes: neighbouring rounds share it.
    """
    with shortener("memory://") as ours, bare_route() as bare:
        paths = make_links(ours, urls)
        pairs = [(load(ours, paths, requests).rate, load(bare, paths, requests).rate) for _ in range(rounds + 1)][1:]
    return BesideBare(median(a for a, _ in pairs), median(b for _, b in pairs), median(a / b for a, b in pairs))


@dataclass(frozen=True, slots=True)
class KilledWrites:
    """What a `kill -9` in the middle of writes did.

    Links acknowledged before it; of them, found and lost after the restart; and how many ids the restarted
    database would give out a second time.
    """

    acknowledged: int
    found: int
    lost: int
    ids_given_again: int


WRITER = """
import sys
from designbook.systems.url_shortener.experiments import write_until_killed
write_until_killed(sys.argv[1])
"""


def write_until_killed(store_url: str) -> None:
    """Make links without end, and print the number of each once it is acknowledged."""
    store = open_store(store_url)
    try:
        while True:
            number = store.reserve(1)
            store.add(Link(f"code{number}", f"https://example.com/{number}", "ann"))
            print(number, flush=True)
    except StoreDown:
        return


def kill_during_writes(engine: Engine, writes: int = 200) -> KilledWrites:
    """Kill a fresh engine once it acknowledged `writes` links, restart it on the same data, and count.

    SQLite runs inside its client, so there the writing process is the one killed.
    """
    with engine as url:
        writer = subprocess.Popen([sys.executable, "-c", WRITER, url], stdout=subprocess.PIPE, text=True)
        assert writer.stdout is not None
        with writer.stdout as answers:
            acknowledged = [int(answers.readline()) for _ in range(writes)]
            engine.kill()
            if url.startswith("sqlite:"):
                writer.kill()
            acknowledged += [int(line) for line in answers.read().splitlines(keepends=True) if line.endswith("\n")]
        writer.wait()
        store = open_store(engine.restart())
        found = sum(store.get(f"code{number}") is not None for number in acknowledged)
        given_again = max(0, acknowledged[-1] + 1 - store.reserve(1))
        store.close()
    return KilledWrites(len(acknowledged), found, len(acknowledged) - found, given_again)


FILL = """
import sys
from designbook.data import urls
from designbook.engines.program import peak_memory
from designbook.systems.url_shortener.ids import range_codes
from designbook.systems.url_shortener.service import Shortener
from designbook.systems.url_shortener.stores import MemoryStore
store, real = MemoryStore(), [url for url in urls() if url.startswith("http")]
service = Shortener(store, range_codes(store, b"memory"))
empty = peak_memory()
for i in range(int(sys.argv[1])):
    separator = "&" if "?" in real[i % len(real)] else "?"
    service.shorten(f"{real[i % len(real)].partition('#')[0]}{separator}{i}", f"owner {i % 1000}".replace(" ", "-"))
print(empty, peak_memory())
"""


def memory_of_links(links: int) -> tuple[int, int]:
    """Bytes of a process that keeps so many links of 1,000 owners in a memory store: when empty, and at its peak.

    The URLs are real ones, each made different by a number. In a process of its own; not on Windows.
    """
    return memory_of_script(FILL, links)
