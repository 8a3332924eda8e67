"""What the service asks of a database, whichever it is."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from designbook.systems.leaderboard.errors import NotRanked, StoreDown
from designbook.systems.leaderboard.rules import MAX_SCORE, Policy, ScoreEvent
from designbook.systems.leaderboard.windows import Board

__all__ = ["NotRanked", "Place", "Standing", "Store", "StoreDown", "combine", "place"]


class Standing(NamedTuple):
    """A row of a board: the rank from 1, whose it is, the score, and when (Unix seconds) it was reached."""

    rank: int
    player: str
    score: int
    achieved: int


Place = tuple[int, int, str]
"""What rows are ordered by, ascending: minus the score, when it was reached, the player."""


def place(standing: Standing) -> Place:
    """Where a row stands: the higher score first; of equals the one reached in an earlier second; then the lower id."""
    return (-standing.score, standing.achieved, standing.player)


def combine(policy: Policy, score: int, achieved: int, new_score: int, time: int) -> tuple[int, int]:
    """Score and time of a player who had `score` since `achieved`, after an event; as `Rules` says."""
    if policy == "best":
        return (new_score, time) if (new_score, -time) > (score, -achieved) else (score, achieved)
    if policy == "last":
        return (new_score, time) if (time, new_score) > (achieved, score) else (score, achieved)
    return min(score + new_score, MAX_SCORE), max(achieved, time)


class Store(Protocol):
    """Each call happens as a whole or not at all, also among concurrent calls.

    Ranks are ordinal: every row has its own, in the order of `place`. Every call may raise StoreDown.
    """

    def submit(self, event: ScoreEvent, boards: Sequence[Board], policy: Policy) -> bool:
        """Count the event on each board, unless its id was seen before: then False, and nothing changes.

        The event's time must lie in each board's period.
        """

    def seen(self, event: str) -> bool:
        """Whether an event with this id was counted (and not forgotten)."""

    def standing(self, board: Board, player: str) -> Standing:
        """The player's row. Raises NotRanked."""

    def page(self, board: Board, first: int, count: int) -> list[Standing]:
        """The rows with the ranks `first` + 1 to `first` + `count`, or what there is of them."""

    def around(self, board: Board, player: str, each_side: int) -> list[Standing]:
        """The player's row with `each_side` rows before and after it, or what there is. Raises NotRanked."""

    def ahead(self, board: Board, place: Place) -> int:
        """How many rows stand before `place`, whether a row stands there or not."""

    def counts(self, board: Board, edges: Sequence[int]) -> list[int]:
        """For each edge, how many rows have that score or a higher one."""

    def size(self, board: Board) -> int:
        """How many players have a score on the board; 0 if it was never used."""

    def delete(self, player: str) -> bool:
        """Take the player off every board; False if they were on none. The ids of their events stay known."""

    def drop(self, board: Board) -> None:
        """Forget an old board."""

    def forget(self, before: int) -> None:
        """Forget the ids of events whose time is before `before` (Unix seconds): they will not be accepted again."""

    def close(self) -> None:
        """Give the connections back."""
