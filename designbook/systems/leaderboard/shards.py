"""Shards: players spread over several stores, and boards put together from them.

A player's rows are all on one shard, found by consistent hashing of the id. So an event goes to one shard, and the top
N is a merge of each shard's top N, exactly. An exact rank asks every shard how many stand before; an approximate one
looks it up in the shards' histograms, which are added up now and then.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from heapq import merge
from itertools import islice, pairwise
from threading import Lock
from typing import TypeVar

from designbook.blocks.hash_ring import HashRing
from designbook.blocks.score_histogram import RankRange, ScoreHistogram
from designbook.systems.leaderboard.rules import Policy, ScoreEvent
from designbook.systems.leaderboard.stores import Place, Standing, Store, place
from designbook.systems.leaderboard.windows import Board

T = TypeVar("T")


class ShardedStore:
    """A store made of stores. Writes ask one shard; a top, a rank and a page ask all of them, at the same time.

    Each shard answers for one moment of its own, so a rank that is put together while scores come in may be one that
    no moment had. It is exact when nothing changes meanwhile.
    """

    def __init__(self, shards: Mapping[str, Store], *, replicas: int = 100, at_once: bool = True) -> None:
        """`shards` by name; the names decide which players are whose, so keep them.

        `at_once` asks shards in threads, which pays where they are servers; in memory it only costs.
        Raises ValueError without a shard.
        """
        if not shards:
            raise ValueError("players need one shard or more")
        self.shards = dict(shards)
        self._ring = HashRing(self.shards, replicas=replicas)
        self._threads = ThreadPoolExecutor(len(self.shards)) if at_once else None

    def owner(self, player: str) -> str:
        """The name of the player's shard."""
        return self._ring.owner(player)

    def submit(self, event: ScoreEvent, boards: Sequence[Board], policy: Policy) -> bool:
        """Count the event on its player's shard. An event's id must not come with two players."""
        return self._home(event.player).submit(event, boards, policy)

    def seen(self, event: str) -> bool:
        """Whether an event with this id was counted on any shard."""
        return any(self._each(lambda shard: shard.seen(event)))

    def standing(self, board: Board, player: str) -> Standing:
        """The player's row: their own shard's, and a count from each of the others. Raises NotRanked."""
        own = self._home(player).standing(board, player)
        return own._replace(rank=self.ahead(board, place(own)) + 1)

    def page(self, board: Board, first: int, count: int) -> list[Standing]:
        """A merge of what each shard has up to the page's end, so that a page far down costs all that is above it."""
        pages = self._each(lambda shard: shard.page(board, 0, first + count))
        return _ranked(islice(merge(*pages, key=place), first, first + count), first)

    def around(self, board: Board, player: str, each_side: int) -> list[Standing]:
        """The player's row with `each_side` rows before and after it. Raises NotRanked.

        Two questions to each shard: how many stand before the player, and which rows are near that place.
        """
        middle = place(self._home(player).standing(board, player))
        before = self._each(lambda shard: shard.ahead(board, middle))
        starts = [max(0, ahead - each_side) for ahead in before]
        counts = [ahead - start + each_side + 1 for ahead, start in zip(before, starts, strict=True)]
        near = self._each(lambda shard, start, count: shard.page(board, start, count), starts, counts)
        rows = list(merge(*near, key=place))
        mine = next((i for i, row in enumerate(rows) if place(row) == middle), None)
        if mine is None:  # the score changed between the questions
            return self.around(board, player, each_side)
        first = max(0, mine - each_side)
        return _ranked(rows[first : mine + each_side + 1], sum(before) - (mine - first))

    def ahead(self, board: Board, place: Place) -> int:
        """How many rows stand before `place`: the sum of what each shard counts."""
        return sum(self._each(lambda shard: shard.ahead(board, place)))

    def counts(self, board: Board, edges: Sequence[int]) -> list[int]:
        """For each edge, how many rows have that score or a higher one."""
        return [sum(column) for column in zip(*self._each(lambda shard: shard.counts(board, edges)), strict=True)]

    def size(self, board: Board) -> int:
        """How many players have a score on the board."""
        return sum(self._each(lambda shard: shard.size(board)))

    def delete(self, player: str) -> bool:
        """Take the player off every board of their shard."""
        return self._home(player).delete(player)

    def drop(self, board: Board) -> None:
        """Forget an old board, on every shard."""
        self._each(lambda shard: shard.drop(board))

    def forget(self, before: int) -> None:
        """Forget the ids of old events, on every shard."""
        self._each(lambda shard: shard.forget(before))

    def close(self) -> None:
        """Close every shard."""
        self._each(lambda shard: shard.close())
        if self._threads is not None:
            self._threads.shutdown()

    def _home(self, player: str) -> Store:
        return self.shards[self._ring.owner(player)]

    def _each(self, ask: Callable[..., T], *arguments: Sequence[int]) -> list[T]:
        """What each shard answers, asked all at once where there are threads."""
        stores = self.shards.values()
        answers = map(ask, stores, *arguments) if self._threads is None else self._threads.map(ask, stores, *arguments)
        return list(answers)


class ApproximateRanks:
    """About which rank a score has on one board, without asking a store, but for a new histogram now and then.

    The bound of `ScoreHistogram` holds for the moment of the last refresh; `refreshed` says which that was.
    """

    def __init__(
        self, store: Store, board: Board, edges: Sequence[int], *, seconds: float, clock: Callable[[], float]
    ) -> None:
        """Counts the board in buckets with these `edges`, at once and then every `seconds`, when next asked.

        Raises ValueError if the edges do not ascend or `seconds` is negative.
        """
        if seconds < 0:
            raise ValueError(f"a histogram is refreshed every 0 seconds or more, not {seconds}")
        self._store, self._board, self._seconds, self._clock = store, board, seconds, clock
        self._lock = Lock()
        self._empty = ScoreHistogram(edges)
        self._histogram = self._count()

    def rank(self, score: int) -> RankRange:
        """Where the rank lies of a player with this score. Raises ValueError below the first edge, or StoreDown."""
        if self._clock() - self.refreshed >= self._seconds and self._lock.acquire(blocking=False):
            try:  # one caller counts; the others take what there is
                self._histogram = self._count()
            finally:
                self._lock.release()
        return self._histogram.interpolated(score)

    def _count(self) -> ScoreHistogram:
        now = self._clock()
        histogram = ScoreHistogram(self._empty.edges)
        above = [*self._store.counts(self._board, histogram.edges), 0]
        histogram.merge_counts([max(0, here - next_up) for here, next_up in pairwise(above)])
        self.refreshed = now
        return histogram


def _ranked(rows: Iterable[Standing], first: int) -> list[Standing]:
    return [row._replace(rank=rank) for rank, row in enumerate(rows, first + 1)]
