"""The experiments of the chapter: each a function of its size, run small there and full size for the measurements."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from time import perf_counter
from typing import Any

import numpy as np

from designbook.blocks.score_histogram import ScoreHistogram
from designbook.engines.program import memory_of_script
from designbook.systems.leaderboard.events import EventLog, LoggedStore
from designbook.systems.leaderboard.rules import Policy, Rules, ScoreEvent
from designbook.systems.leaderboard.stores import MemoryStore, NotRanked, Place, Standing, Store, combine
from designbook.systems.leaderboard.windows import DAY, WORLD, Board
from designbook.systems.leaderboard.workload import Game

STARTS = 1_799_625_600
"""The Unix second at which experiments begin: a Monday, 0:00 UTC."""


class SortedAnew:
    """A leaderboard without a data structure: a dictionary a board, sorted for each question. The oracle of the others.

    It has the calls of a store whose answers depend on the order.
    """

    def __init__(self) -> None:
        self._boards: dict[str, dict[str, tuple[int, int]]] = {}
        self._events: set[str] = set()

    def submit(self, event: ScoreEvent, boards: Sequence[Board], policy: Policy) -> bool:
        """Count the event on each board, unless its id was seen before."""
        if event.event in self._events:
            return False
        self._events.add(event.event)
        for board in boards:
            rows = self._boards.setdefault(board.key, {})
            new = (event.score, event.time)
            rows[event.player] = combine(policy, *rows[event.player], *new) if event.player in rows else new
        return True

    def standing(self, board: Board, player: str) -> Standing:
        """The player's row. Raises NotRanked."""
        return self.around(board, player, 0)[0]

    def page(self, board: Board, first: int, count: int) -> list[Standing]:
        """The rows with the ranks `first` + 1 to `first` + `count`."""
        return self._sorted(board)[first : first + count]

    def around(self, board: Board, player: str, each_side: int) -> list[Standing]:
        """The player's row with `each_side` rows before and after it. Raises NotRanked."""
        rows = self._sorted(board)
        mine = next((row.rank - 1 for row in rows if row.player == player), None)
        if mine is None:
            raise NotRanked(player, board.key)
        return rows[max(0, mine - each_side) : mine + each_side + 1]

    def ahead(self, board: Board, place: Place) -> int:
        """How many rows stand before `place`."""
        return sum((-row.score, row.achieved, row.player) < place for row in self._sorted(board))

    def counts(self, board: Board, edges: Sequence[int]) -> list[int]:
        """For each edge, how many rows have that score or a higher one."""
        return [sum(row.score >= edge for row in self._sorted(board)) for edge in edges]

    def size(self, board: Board) -> int:
        """How many players have a score on the board."""
        return len(self._sorted(board))

    def delete(self, player: str) -> bool:
        """Take the player off every board."""
        found = [rows.pop(player, None) for rows in self._boards.values()]
        return any(row is not None for row in found)

    def drop(self, board: Board) -> None:
        """Forget an old board."""
        self._boards.pop(board.key, None)

    def _sorted(self, board: Board) -> list[Standing]:
        ordered = sorted(
            (-score, achieved, player) for player, (score, achieved) in self._boards.get(board.key, {}).items()
        )
        return [Standing(rank, player, -lost, achieved) for rank, (lost, achieved, player) in enumerate(ordered, 1)]


def differences(store: Store, operations: int, *, rules: Rules, players: int = 40, seed: int = 1) -> list[str]:
    """Where the answers of an empty `store` differ from sorting anew, over so many random operations on all windows.

    Half of them are events, of which a tenth came before; scores are few, times within minutes and out of order, so
    that ties abound; there are deletions and dropped boards among them. At most ten differences are returned.
    """
    rng, truth = Random(seed), SortedAnew()
    now, found, sent = STARTS, list[str](), list[ScoreEvent]()
    for number in range(operations):
        now += rng.randrange(60)
        label, ask = _operation(rng, sent, now, players, rules)
        answers = [_answer(ask, each) for each in (store, truth)]
        if answers[0] != answers[1]:
            found.append(f"operation {number}, {label}: {answers[0]} instead of {answers[1]}")
            if len(found) == 10:
                break
    return found


def _operation(
    rng: Random, sent: list[ScoreEvent], now: int, players: int, rules: Rules
) -> tuple[str, Callable[[Any], object]]:
    """An operation drawn at random, with its name; `sent` are the events so far."""
    player, region = f"p{rng.randrange(players)}", rng.choice(["eu", "us"])
    boards = [window.board(now, place) for window in rules.windows for place in (WORLD, region)]
    board, few = rng.choice(boards), rng.randrange(players)
    kind = rng.choices(
        ["submit", "standing", "page", "around", "ahead", "counts", "delete", "drop"], [50, 12, 9, 12, 8, 6, 2, 1]
    )[0]
    if kind == "submit":
        event = ScoreEvent(f"e{len(sent)}", player, rng.randrange(6), now - rng.randrange(90), region)
        if sent and rng.random() < 0.1:
            event = rng.choice(sent)
        sent.append(event)
        return kind, lambda store: store.submit(event, rules.boards(event), rules.policy)
    asked: dict[str, Callable[[Any], object]] = {
        "standing": lambda store: store.standing(board, player),
        "page": lambda store: store.page(board, few // 2, few),
        "around": lambda store: store.around(board, player, few // 2),
        "ahead": lambda store: store.ahead(board, (-(few % 8), now - 30 * few, player)),
        "counts": lambda store: (store.counts(board, [0, 1, 4, 9]), store.size(board)),
        "delete": lambda store: store.delete(player),
        "drop": lambda store: store.drop(board),
    }
    return kind, asked[kind]


def _answer(ask: Callable[[Any], object], store: Store | SortedAnew) -> object:
    try:
        return ask(store)
    except NotRanked as error:
        return str(error)


# -- the same event twice


@dataclass(frozen=True, slots=True)
class Doubled:
    """What events that come twice do to sums that are not guarded against it.

    Of `events`, `repeated` came twice. Without ids, `wrong_sums` of the players have a sum that is too high, by
    `excess` of all points together, and `wrong_ranks` stand elsewhere. With ids, `wrong_with_ids` have a wrong sum.
    """

    events: int
    repeated: int
    players: int
    wrong_sums: int
    excess: float
    wrong_ranks: int
    wrong_with_ids: int


def events_twice(events: Sequence[ScoreEvent], share: float, *, seed: int = 1) -> Doubled:
    """Send `events`, of which each comes a second time with chance `share`, as when an answer was lost; add up sums.

    Raises ValueError unless 0 <= `share` <= 1.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"a share lies between 0 and 1, not at {share}")
    rng = Random(seed)
    again = [event for event in events if rng.random() < share]
    rules = Rules("sum", windows=(DAY,))
    store, board = MemoryStore(), Board("all", 0, 0)
    true, naive = Counter[str](), Counter[str]()
    for event in events:
        true[event.player] += event.score
    for event in [*events, *again]:
        naive[event.player] += event.score
        store.submit(event, [board], rules.policy)
    ours = {row.player: row.score for row in store.page(board, 0, len(true))}
    places = [
        {player: place for place, player in enumerate(sorted(sums, key=lambda name: (-sums[name], name)))}
        for sums in (true, naive)
    ]
    return Doubled(
        len(events),
        len(again),
        len(true),
        sum(naive[player] != points for player, points in true.items()),
        naive.total() / max(1, true.total()) - 1,
        sum(places[0][player] != places[1][player] for player in true),
        sum(ours[player] != points for player, points in true.items()),
    )


# -- a shard that dies

SHARD = """
import sys
from designbook.systems.leaderboard.experiments import serve_until_killed
serve_until_killed(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
"""
RULES = Rules("sum")


def tournament(players: int, events: int, seed: int = 1) -> list[ScoreEvent]:
    """The events of one day of a game, in the order of their times."""
    return list(Game(players, seed=seed).draw(np.random.default_rng(seed), events, STARTS).events())


def serve_until_killed(log: str, players: int, events: int) -> None:
    """Take a tournament's events into a shard with a log, and print a line for each that is acknowledged."""
    store = LoggedStore(EventLog(Path(log)), RULES)
    for event in tournament(players, events):
        store.submit(event, RULES.boards(event), RULES.policy)
        os.write(1, b"\n")


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a `kill -9` did to a shard in the middle of a tournament.

    It had acknowledged so many events; its log held `logged`, and the beginning of one more if `torn`. The replay took
    `seconds`. `lost` of the acknowledged events were missing then, and `wrong_ranks` players stood elsewhere than
    without the kill; so many more did after all events had been sent again: `wrong_at_the_end`.
    """

    players: int
    events: int
    acknowledged: int
    logged: int
    torn: bool
    seconds: float
    lost: int
    wrong_ranks: int
    wrong_at_the_end: int

    @property
    def replayed_per_second(self) -> float:
        """Events that the replay brought in, each into all its boards."""
        return self.logged / self.seconds


def kill_a_shard(folder: Path, players: int = 200, events: int = 2_000, *, torn: bool = True) -> Rebuilt:
    """Kill a shard half way through its events, rebuild it from its log in `folder`, and send everything again.

    The shard is a process of its own. With `torn`, its last line is cut in the middle, as a full disk or a power
    failure would leave it; that event had not been acknowledged.
    """
    path, sent = folder / "shard.log", tournament(players, events)
    command = [sys.executable, "-c", SHARD, str(path), str(players), str(events)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as shard:
        assert shard.stdout is not None
        acknowledged = sum(len(shard.stdout.readline()) for _ in range(events // 2))
        shard.kill()
        acknowledged += len(shard.stdout.read())
    if torn:
        with path.open("ab") as file:
            file.write(b"torn-event p0 12")
    log = EventLog(path)
    began = perf_counter()
    store = LoggedStore(log, RULES)
    seconds = perf_counter() - began
    logged = store.replayed
    lost = sum(not store.seen(event.event) for event in sent[:acknowledged])
    wrong_ranks = _wrong_ranks(store, sent[:logged])
    for event in sent:
        store.submit(event, RULES.boards(event), RULES.policy)
    wrong_at_the_end = _wrong_ranks(store, sent)
    store.close()
    return Rebuilt(players, events, acknowledged, logged, torn, seconds, lost, wrong_ranks, wrong_at_the_end)


def _wrong_ranks(store: Store, events: Sequence[ScoreEvent]) -> int:
    """How many rows differ from those of a store that only got `events`, over all boards."""
    undisturbed, boards = MemoryStore(), dict[str, Board]()
    for event in events:
        boards |= {board.key: board for board in RULES.boards(event)}
        undisturbed.submit(event, RULES.boards(event), RULES.policy)
    wrong = 0
    for board in boards.values():
        ours, theirs = ({row.player: row for row in each.page(board, 0, len(events))} for each in (store, undisturbed))
        wrong += sum(ours.get(player) != theirs.get(player) for player in ours.keys() | theirs.keys())
    return wrong


# -- approximate ranks at scale


@dataclass(frozen=True, slots=True)
class RankErrors:
    """How far ranks from summed histograms are off, in places; the rank is that which equal scores share.

    `kind` says how the edges were chosen: "even" widths, or "quantiles" of a sample of 10,000 players. Over players
    drawn at random: the median and the largest error of the middle and of the interpolated estimate, and how many
    ranks lay outside the range that is proven. `worst_bound` is the bound for the fullest bucket.
    """

    kind: str
    buckets: int
    worst_bound: float
    middle_median: float
    middle_most: float
    interpolated_median: float
    interpolated_most: float
    outside: int


@dataclass(frozen=True, slots=True)
class ShardedRanks:
    """Errors for each kind and number of buckets, and what the scores took: seconds to draw and count, bytes moved."""

    players: int
    shards: int
    seconds: float
    histogram_bytes: int
    errors: list[RankErrors]


def sharded_rank_errors(
    players: int, shards: int = 10, buckets: Sequence[int] = (100, 1_000, 10_000), *, asked: int = 2_000, seed: int = 1
) -> ShardedRanks:
    """Count the scores of so many players in histograms on `shards`, add these up, and hold ranks against exact ones.

    A shard's scores are drawn, counted and dropped in turn, a few million at a time, so that a hundred million need
    no more memory than a few. The exact ranks come from a counter for every score there is (below 2^24).
    """
    began, rng, most = perf_counter(), np.random.default_rng(seed), (1 << 24) - 1
    game = Game(players, typical=100_000, max_score=most, seed=seed)
    sample = game.scores_of(rng.integers(players, size=10_000), rng)
    made = {
        (kind, number): ScoreHistogram.even(most, number)
        if kind == "even"
        else ScoreHistogram.of_sample(sample.tolist(), number)
        for kind in ("even", "quantiles")
        for number in buckets
    }
    exact = np.zeros(most + 1, np.int64)
    drawn: list[Any] = []
    for shard in np.array_split(np.arange(0, players, CHUNK), shards):
        of_shard = {key: ScoreHistogram(histogram.edges) for key, histogram in made.items()}
        counts = np.zeros(most + 1, np.int64)
        for first in shard.tolist():
            scores = game.scores_of(np.arange(first, min(first + CHUNK, players), dtype=np.int64), rng)
            counts += np.bincount(scores, minlength=most + 1)
            drawn.append(rng.choice(scores, max(1, asked * len(scores) // players)))
        for key, histogram in of_shard.items():  # the shard's histograms are what it sends
            sums = np.add.reduceat(counts, np.asarray(histogram.edges))
            histogram.merge_counts(sums.tolist())
            made[key].merge(histogram)
        exact += counts
    above = exact[::-1].cumsum()[::-1] - exact
    chosen = np.concatenate(drawn)
    errors = [_rank_errors(*key, histogram, chosen.tolist(), above) for key, histogram in made.items()]
    return ShardedRanks(players, shards, perf_counter() - began, 8 * max(buckets) * shards, errors)


CHUNK = 1_000_000
"""Players whose scores are drawn at a time."""


def _rank_errors(kind: str, buckets: int, histogram: ScoreHistogram, scores: Sequence[int], above: Any) -> RankErrors:
    middle, spread, outside = [], [], 0
    for score in scores:
        rank, found, closer = int(above[score]) + 1, histogram.rank(score), histogram.interpolated(score)
        outside += not found.low <= rank <= found.high
        middle.append(abs(found.estimate - rank))
        spread.append(abs(closer.estimate - rank))
    return RankErrors(
        kind,
        buckets,
        (max(histogram.counts) - 1) / 2,
        float(np.median(middle)),
        max(middle),
        float(np.median(spread)),
        max(spread),
        outside,
    )


# -- memory

FILL_BLOCK = """
import random, sys
from designbook.engines.program import peak_memory
from designbook.blocks.ranked_scores import RankedScores
empty, draw = peak_memory(), random.Random(1).randrange
ranked = RankedScores()
for player in range(int(sys.argv[1])):
    ranked.update(player, draw(1_000_000_000), player)
assert ranked.rank(0) > 0
print(empty, peak_memory())
"""
FILL_PEER = """
import random, sys
from designbook.engines.program import peak_memory
from sortedcontainers import SortedList
empty, draw = peak_memory(), random.Random(1).randrange
ranked, keys = SortedList(), {}
for player in range(int(sys.argv[1])):
    keys[player] = key = -draw(1_000_000_000) << 64 | player << 32 | player
    ranked.add(key)
print(empty, peak_memory())
"""
FILL_SERVICE = """
import random, sys
from designbook.engines.program import peak_memory
from designbook.systems.leaderboard.rules import Rules
from designbook.systems.leaderboard.service import Leaderboard
from designbook.systems.leaderboard.stores import MemoryStore
empty, draw = peak_memory(), random.Random(1).randrange
board = Leaderboard(MemoryStore(), Rules(), clock=lambda: 1_800_000_000)
for player in range(int(sys.argv[1])):
    board.submit(f"event-{player}", f"player-{player:010d}", draw(1_000_000_000), "eu")
    if player % 1000 == 0:
        board.store.forget(1_800_000_001)
print(empty, peak_memory())
"""


def memory_of_ranked_scores(players: int) -> tuple[int, int]:
    """Bytes of a process that ranks so many players by number: when empty, and at its peak. Not on Windows."""
    return memory_of_script(FILL_BLOCK, players)


def memory_of_a_sorted_list(players: int) -> tuple[int, int]:
    """The same of a `sortedcontainers.SortedList` of keys that say the same, and a dictionary of each player's key."""
    return memory_of_script(FILL_PEER, players)


def memory_of_the_service(players: int) -> tuple[int, int]:
    """The same of a service with string ids of 17 characters, each player on six boards; event ids are forgotten."""
    return memory_of_script(FILL_SERVICE, players)
