"""Windows and boards: a day's, a week's and a season's scores, in the world and in a region.

A board is one window's period in one region. Its key holds the period's start, so a new season is a new board that the
season's first event makes: nothing is reset, nothing swept, and the old board stays as it is.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

DAY_SECONDS = 86_400
MAX_PERIOD = (1 << 23) - 1
"""Seconds in the longest period, 97 days: its 23 bits and a score's 30 together fill the 53 bits of a double."""
WORLD = "world"
"""The region of everybody."""


@dataclass(frozen=True, slots=True)
class Board:
    """One ranking: its key, such as `week:2026-11-16:eu`, and its period in Unix seconds, `starts` <= time < `ends`."""

    key: str
    starts: int
    ends: int


@dataclass(frozen=True, slots=True)
class Window:
    """Periods of `seconds` each, one after another; one of them starts at `origin` (Unix seconds).

    Raises ValueError if a period is not from 1 second to 97 days.
    """

    name: str
    seconds: int
    origin: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.seconds <= MAX_PERIOD:
            raise ValueError(f"a period lasts 1 to {MAX_PERIOD} seconds, not {self.seconds}")

    def board(self, time: int, region: str) -> Board:
        """The board of `region` in the period that holds `time`."""
        return _board(self, self.origin + (time - self.origin) // self.seconds * self.seconds, region)


@lru_cache(4096)
def _board(window: Window, starts: int, region: str) -> Board:
    begin = datetime.fromtimestamp(starts, UTC)
    shown = f"{begin:%Y-%m-%d}" if starts % DAY_SECONDS == 0 else f"{begin:%Y-%m-%dT%H%M%S}"
    return Board(f"{window.name}:{shown}:{region}", starts, starts + window.seconds)


DAY = Window("day", DAY_SECONDS)
WEEK = Window("week", 7 * DAY_SECONDS, origin=4 * DAY_SECONDS)
"""Weeks begin on Monday, 0:00 UTC, as in ISO 8601."""
SEASON = Window("season", 91 * DAY_SECONDS, origin=4 * DAY_SECONDS)
"""Seasons of 13 weeks."""
