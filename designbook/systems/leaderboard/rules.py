"""The rules of a game: which scores can be, what several scores of a player come to, and which boards they go to."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import isfinite
from typing import Literal, get_args

from designbook.systems.leaderboard.errors import Refused
from designbook.systems.leaderboard.windows import DAY, SEASON, WEEK, WORLD, Board, Window

Policy = Literal["best", "last", "sum"]
MAX_SCORE = (1 << 30) - 1
"""A score's 30 bits and the 23 of a time within a season fill the 53 bits of a double: Valkey ranks by doubles."""
NAME = re.compile(r"[!-~]{1,64}")
REGION = re.compile(r"[a-z0-9-]{1,16}")


@dataclass(frozen=True, slots=True)
class ScoreEvent:
    """A player scored. `event` is the client's own id: the same id again is the same event. `time`: Unix seconds."""

    event: str
    player: str
    score: int
    time: int
    region: str


@dataclass(frozen=True)
class Rules:
    """What a game allows.

    `policy` says what counts of a player's events on a board, and since when (`achieved`, which breaks ties):

    - best: the highest score, since the earliest event that had it;
    - last: the score of the latest event; of two in one second, the higher;
    - sum: the sum of all, since the latest event. A sum stays at `MAX_SCORE` once it gets there.

    Each is the same whatever order the events come in, so events may come late: up to `late` seconds after their time,
    and up to `early` before it, since clocks differ. Which period an event belongs to is up to its own time.
    """

    policy: Policy = "best"
    max_score: int = MAX_SCORE
    windows: Sequence[Window] = (DAY, WEEK, SEASON)
    late: int = 86_400
    early: int = 60

    def __post_init__(self) -> None:
        if self.policy not in get_args(Policy):
            raise ValueError(f"policy is {self.policy!r}, expected one of {', '.join(get_args(Policy))}")
        if not 0 <= self.max_score <= MAX_SCORE:
            raise ValueError(f"max_score lies between 0 and {MAX_SCORE}, not at {self.max_score}")

    def event(self, event: str, player: str, score: float, region: str, time: float, now: float) -> ScoreEvent:
        """The event, if the game allows it. Raises Refused, which names the field."""
        self.check_name("event", event)
        self.check_name("player", player)
        self.check_score(score)
        if not isinstance(region, str) or not REGION.fullmatch(region) or region == WORLD:
            raise Refused("region", f"is not 1 to 16 of a-z, 0-9 and -, or is {WORLD!r}", region)
        if not _is_finite(time):
            raise Refused("time", "is not a finite number", time)
        if time > now + self.early:
            raise Refused("time", f"is more than {self.early} s in the future", time)
        if time < now - self.late:
            raise Refused("time", f"is more than {self.late} s ago", time)
        return ScoreEvent(event, player, int(score), int(time), region)

    def check_score(self, score: float) -> None:
        """Raises Refused unless `score` is a whole number from 0 to `max_score`."""
        if not _is_finite(score):
            raise Refused("score", "is not a finite number", score)
        if score < 0:
            raise Refused("score", "is negative", score)
        if score > self.max_score:
            raise Refused("score", f"is above {self.max_score}, the most that this game gives", score)
        if score != int(score):
            raise Refused("score", "is not a whole number", score)

    def check_name(self, field: str, name: str) -> None:
        """Raises Refused, naming `field`, unless `name` is 1 to 64 printable ASCII characters without a space."""
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise Refused(field, "is not 1 to 64 printable ASCII characters without a space", name)

    def boards(self, event: ScoreEvent) -> list[Board]:
        """The boards on which the event counts: each window's, in the world and in its region."""
        return [window.board(event.time, region) for window in self.windows for region in (WORLD, event.region)]

    def window(self, name: str) -> Window:
        """The window with this name. Raises Refused."""
        if name not in self._windows:
            raise Refused("window", f"is none of {', '.join(self._windows)}", name)
        return self._windows[name]

    @cached_property
    def _windows(self) -> dict[str, Window]:
        return {window.name: window for window in self.windows}


def _is_finite(value: object) -> bool:
    return (isinstance(value, int) and not isinstance(value, bool)) or (isinstance(value, float) and isfinite(value))
