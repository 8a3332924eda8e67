"""Play with a leaderboard: `python -m designbook.systems.leaderboard --store memory://`, then a command a line."""

import argparse
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from uuid import uuid4

from designbook.systems.console import Command, Console, Unclear, converse, number, one_line, whole
from designbook.systems.leaderboard.errors import NotRanked, Refused, StoreDown
from designbook.systems.leaderboard.events import EventLog, LoggedStore
from designbook.systems.leaderboard.rules import MAX_SCORE, Rules
from designbook.systems.leaderboard.service import Leaderboard
from designbook.systems.leaderboard.stores import Standing, Store, open_store

HELP = """\
submit PLAYER SCORE [REGION [EVENT]]   count a score (region eu); the same EVENT again has no effect
rank PLAYER [WINDOW [REGION]]          a player's row (season, world)
top [COUNT [WINDOW [REGION]]]          the first rows (10)
around PLAYER [EACH [WINDOW [REGION]]] a player and their neighbours (3 on each side)
delete PLAYER                          take a player off every board
tournament [PLAYERS [EVENTS]]          let drawn players (20) play (200 scores)
help, quit                             windows are day, week and season"""


class Session:
    """Carries out one line after another."""

    def __init__(self, board: Leaderboard) -> None:
        self._board = board
        commands: dict[str, Command] = {
            "submit": self._submit,
            "rank": self._rank,
            "top": self._top,
            "around": self._around,
            "delete": self._delete,
            "tournament": self._tournament,
        }
        self.answer = Console(commands, HELP).answer

    def _submit(self, player: str, score: str, region: str = "eu", event: str = "") -> Iterable[str]:
        if not self._board.submit(event or uuid4().hex, player, number("score", score), region):
            return ["that event was counted before: nothing changes"]
        return _table([self._board.rank(player)])

    def _rank(self, player: str, window: str = "season", region: str = "world") -> Iterable[str]:
        return _table([self._board.rank(player, window, region)])

    def _top(self, count: str = "10", window: str = "season", region: str = "world") -> Iterable[str]:
        return _table(self._board.top(whole("count", count), window, region))

    def _around(
        self, player: str, each_side: str = "3", window: str = "season", region: str = "world"
    ) -> Iterable[str]:
        return _table(self._board.around(player, whole("each_side", each_side), window, region))

    def _delete(self, player: str) -> Iterable[str]:
        return [f"{player} is off every board" if self._board.delete(player) else f"{player} was on no board"]

    def _tournament(self, players: str = "20", events: str = "200") -> Iterable[str]:
        try:
            import numpy as np

            from designbook.systems.leaderboard.workload import Game
        except ImportError as missing:
            raise Unclear(f"a tournament needs a package that is not installed: {missing.name}") from None
        game = Game(whole("players", players, 1), max_score=self._board.rules.max_score)
        drawn = game.draw(np.random.default_rng(), whole("events", events, 1))
        began, run = time.perf_counter(), uuid4().hex[:8]
        for event in drawn.events(f"{run}-"):
            self._board.submit(event.event, event.player, event.score, event.region)
        rate = len(drawn.scores) / (time.perf_counter() - began)
        return [f"{len(drawn.scores)} scores, {rate:,.0f} a second", *_table(self._board.top(5))]


def main(arguments: Sequence[str] | None = None) -> int:
    """Read commands from stdin until it ends; the exit status is 1, after one line on stderr, if that cannot begin."""
    given = _parser().parse_args(arguments)
    try:
        rules = Rules(given.policy, given.max_score)
        store = _open(given.store, given.log, rules)
    except (OSError, ValueError, ImportError) as error:
        print(one_line(error), file=sys.stderr)
        return 1
    with closing(store):
        greeting = f"A leaderboard on {given.store}, where the {given.policy} counts"
        refusals = (Refused, NotRanked, StoreDown, OSError)
        converse(Session(Leaderboard(store, rules)).answer, refusals, greeting=greeting)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m designbook.systems.leaderboard", description="A leaderboard.")
    parser.add_argument("--store", default="memory://", help="memory:// (default), valkey://, unix://, postgresql://")
    parser.add_argument("--policy", choices=("best", "last", "sum"), default="best", help="what counts (default best)")
    parser.add_argument("--max-score", type=int, default=MAX_SCORE, help="the highest score (default %(default)s)")
    parser.add_argument("--log", type=Path, help="event log, from which a memory store is rebuilt when it starts")
    return parser


def _open(url: str, log: Path | None, rules: Rules) -> Store:
    if log is None:
        return open_store(url)
    if url != "memory://":
        raise ValueError("--log is for memory://; the other stores keep their own")
    return LoggedStore(EventLog(log), rules)


def _table(rows: Sequence[Standing]) -> list[str]:
    if not rows:
        return ["nobody yet"]
    stamp = "%Y-%m-%d %H:%M:%S"
    return [f"{r.rank:>8}  {r.player:<20} {r.score:>12}  {time.strftime(stamp, time.gmtime(r.achieved))}" for r in rows]


if __name__ == "__main__":
    sys.exit(main())
