"""`python -m benchmarks [NAME ...]`: run the benchmarks named, or all; print their tables and store them."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from importlib.metadata import version

from benchmarks import (  # noqa: F401 (registers their benchmarks)
    blocks,
    chat,
    harness,
    leaderboard,
    news_feed,
    ride_sharing,
    shortener,
)
from designbook import data


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print and store; returns the exit code, which is 1 for an unknown name only: a machine may be slow."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Our prototypes beside their peers.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"default: all of {', '.join(harness.BENCHMARKS)}")
    parser.add_argument("--repeats", type=int, default=11, help="rounds of each duel (11)")
    options = parser.parse_args(arguments)
    unknown = [name for name in options.names if name not in harness.BENCHMARKS]
    if unknown:
        print(f"no benchmark is called {unknown[0]!r}; there are {', '.join(harness.BENCHMARKS)}", file=sys.stderr)
        return 1
    print(f"{data.machine()} · {date.today().isoformat()}")
    for name in options.names or harness.BENCHMARKS:
        run(harness.BENCHMARKS[name], options.repeats)
    return 0


def run(chosen: harness.Benchmark, repeats: int) -> None:
    """Run one benchmark at its full size, print its table, store it as `bench_NAME`."""
    peers = ", ".join(f"{peer} {version(peer)}" for peer in chosen.versions)
    print(f"\n{chosen.name}{f' beside {peers}' if peers else ''}", flush=True)
    rows = []
    for result in harness.results(chosen.run(), repeats):
        print(f"  ... {result.name}", file=sys.stderr, flush=True)
        rows.append(result)
    print(harness.table([harness.cells(row) for row in rows]), flush=True)
    stored = [asdict(row) | {"reached": row.reached} for row in rows]
    data.record(f"bench_{chosen.name}", {"repeats": repeats, "rows": stored}, chosen.code, chosen.versions)


if __name__ == "__main__":
    sys.exit(main())
