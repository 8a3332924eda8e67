"""The leaderboard itself: scores come in as events and are ranked by window and region."""

import time
from collections.abc import Callable

from designbook.systems.leaderboard.errors import Refused
from designbook.systems.leaderboard.rules import REGION, Rules
from designbook.systems.leaderboard.stores import Standing, Store
from designbook.systems.leaderboard.windows import WORLD, Board

MAX_ROWS = 1_000
"""Rows in one answer."""


class Leaderboard:
    """Ranks players. As safe for threads as its store is; several servers may share a store.

    Whatever raises has changed nothing, but for StoreDown, after which nobody knows: then send the same event again.
    """

    def __init__(self, store: Store, rules: Rules | None = None, *, clock: Callable[[], float] = time.time) -> None:
        self.store = store
        self.rules = Rules() if rules is None else rules
        self.clock = clock

    def submit(self, event: str, player: str, score: float, region: str, time: float | None = None) -> bool:
        """Count a score, reached at `time` (Unix seconds; by default now). False if the event was counted before.

        Raises Refused, naming the field, or StoreDown.
        """
        now = self.clock()
        accepted = self.rules.event(event, player, score, region, now if time is None else time, now)
        return self.store.submit(accepted, self.rules.boards(accepted), self.rules.policy)

    def rank(self, player: str, window: str = "season", region: str = WORLD, at: float | None = None) -> Standing:
        """The player's row on the board of the period that holds `at` (by default now).

        Raises NotRanked, Refused for an unknown window or a malformed player or region, or StoreDown.
        """
        self.rules.check_name("player", player)
        return self.store.standing(self.board(window, region, at), player)

    def top(
        self, count: int = 10, window: str = "season", region: str = WORLD, at: float | None = None, first: int = 0
    ) -> list[Standing]:
        """The first `count` rows after the first `first`. Raises Refused or StoreDown."""
        if first < 0:
            raise Refused("first", "is negative", first)
        self._check_rows("count", count, MAX_ROWS)
        return self.store.page(self.board(window, region, at), first, count)

    def around(
        self,
        player: str,
        each_side: int = 5,
        window: str = "season",
        region: str = WORLD,
        at: float | None = None,
    ) -> list[Standing]:
        """The player's row, with those before and after it. Raises NotRanked, Refused or StoreDown."""
        self.rules.check_name("player", player)
        self._check_rows("each_side", each_side, MAX_ROWS // 2)
        return self.store.around(self.board(window, region, at), player, each_side)

    def delete(self, player: str) -> bool:
        """Take the player off every board; False if they were on none. Their next event makes them a new player.

        An event that was counted before stays known, and does not bring them back. Raises Refused or StoreDown.
        """
        self.rules.check_name("player", player)
        return self.store.delete(player)

    def board(self, window: str = "season", region: str = WORLD, at: float | None = None) -> Board:
        """The board of a window and region in the period that holds `at`. Raises Refused."""
        if not isinstance(region, str) or not REGION.fullmatch(region):
            raise Refused("region", "is not 1 to 16 of a-z, 0-9 and -", region)
        return self.rules.window(window).board(int(self.clock() if at is None else at), region)

    def forget_old_events(self) -> None:
        """Forget the ids of events that are too old to be accepted again. Now and then, not with every event."""
        self.store.forget(int(self.clock()) - self.rules.late)

    def _check_rows(self, field: str, rows: int, most: int) -> None:
        if not 0 <= rows <= most:
            raise Refused(field, f"is not from 0 to {most}", rows)
