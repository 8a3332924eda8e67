"""`python -m benchmarks.measurements [NAME ...]`: run the full-size experiments whose results the chapters show.

Chapters run an experiment small; here it runs at its default size, once, and is stored in data/measurements with
machine, date, versions and a hash of the code. A module that registers experiments is imported below.
"""

import argparse
import sys
from collections.abc import Sequence
from time import monotonic

from benchmarks import (  # noqa: F401 (they register their experiments)
    caching,
    chat,
    chat_parts,
    chat_transports,
    leaderboard_experiments,
    leaderboard_sql,
    leaderboard_stores,
    news_feed_experiments,
    news_feed_stores,
    ride_sharing_city,
    ride_sharing_engines,
    ride_sharing_experiments,
    ride_sharing_indexes,
    stores,
)
from benchmarks.experiment import EXPERIMENTS
from designbook import data


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and store the experiments named, or all; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.measurements", description="Run the full-size experiments."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"default: all of {', '.join(EXPERIMENTS)}")
    names = parser.parse_args(arguments).names or list(EXPERIMENTS)
    unknown = [name for name in names if name not in EXPERIMENTS]
    if unknown:
        print(f"no experiment is called {unknown[0]!r}; there are {', '.join(EXPERIMENTS)}", file=sys.stderr)
        return 1
    for name in names:
        chosen, started = EXPERIMENTS[name], monotonic()
        print(f"{name}: {(chosen.run.__doc__ or '').splitlines()[0]}", flush=True)
        results = chosen.run(
            lambda line, started=started: print(f"  {monotonic() - started:5.0f} s  {line}", flush=True)
        )
        path = data.record(name, results, chosen.code, chosen.versions)
        print(f"{name}: stored in data/measurements/{path.name} after {monotonic() - started:.0f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
