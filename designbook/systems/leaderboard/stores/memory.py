"""Boards in the process's own memory: the fastest store, and gone with the process unless there is an event log."""

from collections.abc import Iterable, Sequence
from threading import RLock

from designbook.blocks.ranked_scores import RankedScores, Row
from designbook.systems.leaderboard.errors import NotRanked
from designbook.systems.leaderboard.rules import MAX_SCORE, Policy, ScoreEvent
from designbook.systems.leaderboard.stores.port import Place, Standing, combine
from designbook.systems.leaderboard.windows import Board


class MemoryStore:
    """A `RankedScores` for each board, and one directory that gives players their numbers, under one lock."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._names: list[str] = []
        self._free: list[int] = []  # numbers of deleted players
        self._boards: dict[str, RankedScores] = {}
        self._events: dict[str, int] = {}  # the time of each
        self._lock = RLock()

    def submit(self, event: ScoreEvent, boards: Sequence[Board], policy: Policy) -> bool:
        """Count the event on each board, unless its id was seen before."""
        with self._lock:
            if event.event in self._events:
                return False
            player = self._number(event.player)
            for board in boards:
                ranked = self._boards.get(board.key)
                if ranked is None:
                    ranked = self._boards[board.key] = RankedScores(MAX_SCORE, name=self._names.__getitem__)
                score, time = event.score, event.time
                if player in ranked:
                    score, time = combine(policy, ranked.score(player), ranked.time(player), score, time)
                ranked.update(player, score, time)
            self._events[event.event] = event.time
            return True

    def seen(self, event: str) -> bool:
        """Whether an event with this id was counted."""
        return event in self._events

    def standing(self, board: Board, player: str) -> Standing:
        """The player's row. Raises NotRanked."""
        with self._lock:
            ranked, number = self._find(board, player)
            return Standing(ranked.rank(number), player, ranked.score(number), ranked.time(number))

    def page(self, board: Board, first: int, count: int) -> list[Standing]:
        """The rows with the ranks `first` + 1 to `first` + `count`."""
        with self._lock:
            ranked = self._boards.get(board.key)
            return [] if ranked is None else self._standings(first + 1, ranked.page(first, count))

    def around(self, board: Board, player: str, each_side: int) -> list[Standing]:
        """The player's row with `each_side` rows before and after it. Raises NotRanked."""
        with self._lock:
            ranked, number = self._find(board, player)
            return self._standings(*ranked.around(number, each_side))

    def ahead(self, board: Board, place: Place) -> int:
        """How many rows stand before `place`."""
        lost, achieved, player = place
        with self._lock:
            ranked = self._boards.get(board.key)
            return 0 if ranked is None else ranked.ahead(-lost, achieved, player)

    def counts(self, board: Board, edges: Sequence[int]) -> list[int]:
        """For each edge, how many rows have that score or a higher one."""
        with self._lock:
            ranked = self._boards.get(board.key)
            return [0 if ranked is None else ranked.ahead(edge - 1) for edge in edges]

    def size(self, board: Board) -> int:
        """How many players have a score on the board."""
        ranked = self._boards.get(board.key)
        return 0 if ranked is None else len(ranked)

    def delete(self, player: str) -> bool:
        """Take the player off every board."""
        with self._lock:
            number = self._numbers.pop(player, None)
            if number is None:
                return False
            were_on = [ranked.remove(number) for ranked in self._boards.values()]
            self._names[number] = ""
            self._free.append(number)
            return any(were_on)

    def drop(self, board: Board) -> None:
        """Forget an old board."""
        with self._lock:
            self._boards.pop(board.key, None)

    def forget(self, before: int) -> None:
        """Forget the ids of events whose time is before `before`."""
        with self._lock:
            self._events = {event: time for event, time in self._events.items() if time >= before}

    def close(self) -> None:
        """Nothing to give back."""

    def _number(self, player: str) -> int:
        number = self._numbers.get(player)
        if number is None:
            if self._free:
                number = self._free.pop()
                self._names[number] = player
            else:
                number = len(self._names)
                self._names.append(player)
            self._numbers[player] = number
        return number

    def _find(self, board: Board, player: str) -> tuple[RankedScores, int]:
        ranked, number = self._boards.get(board.key), self._numbers.get(player)
        if ranked is None or number is None or number not in ranked:
            raise NotRanked(player, board.key)
        return ranked, number

    def _standings(self, first: int, rows: Iterable[Row]) -> list[Standing]:
        names = self._names
        return [Standing(rank, names[player], score, time) for rank, (player, score, time) in enumerate(rows, first)]
