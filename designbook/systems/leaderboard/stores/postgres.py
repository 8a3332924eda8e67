"""Boards in PostgreSQL: a row for each player on each board, and an index in the order of the ranking.

An event is one statement, and so one transaction and one round trip: it inserts the event's id, and only if that is
new, the scores. A rank is a COUNT of the rows before, which reads them all in the index.
"""

from collections.abc import Sequence
from typing import Any, LiteralString

import psycopg

from designbook.engines.postgres_pool import PostgresPool
from designbook.systems.leaderboard.errors import NotRanked, StoreDown
from designbook.systems.leaderboard.rules import MAX_SCORE, Policy, ScoreEvent
from designbook.systems.leaderboard.stores.port import Place, Standing
from designbook.systems.leaderboard.windows import Board

SCHEMA = """
select pg_advisory_xact_lock(20200101);  -- two servers that start at once must not both create
create table if not exists event (id text collate "C" primary key, time bigint not null);
create index if not exists event_by_time on event (time);
create table if not exists board (id int generated always as identity primary key, key text unique not null);
create table if not exists standing (
    player text collate "C", board int, score bigint not null, achieved bigint not null, primary key (player, board)
);
create index if not exists standing_in_order on standing (board, score desc, achieved, player);
"""

KEEP: dict[Policy, LiteralString] = {
    "best": "do update set score = excluded.score, achieved = excluded.achieved "
    "where (excluded.score, -excluded.achieved) > (standing.score, -standing.achieved)",
    "last": "do update set score = excluded.score, achieved = excluded.achieved "
    "where (excluded.achieved, excluded.score) > (standing.achieved, standing.score)",
    "sum": "do update set score = least(standing.score + excluded.score, %(most)s), "
    "achieved = greatest(standing.achieved, excluded.achieved)",
}
"""What an event does to a score that is there."""

SUBMIT: LiteralString = """
with fresh as (insert into event values (%(event)s, %(time)s) on conflict do nothing returning id),
counted as (
    insert into standing (player, board, score, achieved)
    select %(player)s, board, %(score)s, %(time)s from fresh, unnest(%(boards)s::int[]) as board
    on conflict (player, board) {keep}
)
select count(*) from fresh
"""

BEFORE: LiteralString = """
(select count(*) from standing where board = %(board)s and score > {score})
+ (select count(*) from standing
   where board = %(board)s and score = {score} and (achieved, player) < ({achieved}, {player}))
"""
OF_ME = BEFORE.format(score="me.score", achieved="me.achieved", player="me.player")
ORDER: LiteralString = "order by score desc, achieved, player"


class PostgresStore:
    """At most `connections` at a time, opened as they are needed; each commit is flushed to disk by default."""

    def __init__(self, url: str, connections: int = 8) -> None:
        """Connects to `url`, a libpq address. Raises StoreDown if nothing answers."""
        self._pool = PostgresPool(url, StoreDown, connections)
        self._ids: dict[str, int] = {}
        with self._pool.connection() as database, database.transaction():
            database.execute(SCHEMA)

    def submit(self, event: ScoreEvent, boards: Sequence[Board], policy: Policy) -> bool:
        """Count the event on each board, unless its id was seen before."""
        with self._pool.connection() as database:
            ids = sorted(self._id(database, board, make=True) for board in boards)  # in order: none waits in a circle
            known = {"event": event.event, "time": event.time, "player": event.player, "score": event.score}
            answer = database.execute(SUBMIT.format(keep=KEEP[policy]), known | {"boards": ids, "most": MAX_SCORE})
            return bool(_first(answer))

    def seen(self, event: str) -> bool:
        """Whether an event with this id was counted."""
        with self._pool.connection() as database:
            return bool(_first(database.execute("select count(*) from event where id = %s", (event,))))

    def standing(self, board: Board, player: str) -> Standing:
        """The player's row, after a count of those before it. Raises NotRanked."""
        with self._pool.connection() as database:
            query: LiteralString = f"select {OF_ME}, score, achieved from standing as me"
            known = {"board": self._id(database, board), "player": player}
            row = database.execute(f"{query} where player = %(player)s and board = %(board)s", known).fetchone()
        if row is None:
            raise NotRanked(player, board.key)
        return Standing(row[0] + 1, player, row[1], row[2])

    def page(self, board: Board, first: int, count: int) -> list[Standing]:
        """The rows with the ranks `first` + 1 to `first` + `count`; those before them are read too."""
        with self._pool.connection() as database:
            query: LiteralString = f"select player, score, achieved from standing where board = %s {ORDER}"
            known = (self._id(database, board), count, first)
            rows = database.execute(f"{query} limit %s offset %s", known).fetchall()
        return [Standing(rank, *row) for rank, row in enumerate(rows, first + 1)]

    def around(self, board: Board, player: str, each_side: int) -> list[Standing]:
        """The player's row with `each_side` rows before and after it, in one statement. Raises NotRanked."""
        query: LiteralString = f"""
        with place as (select {OF_ME} as before from standing as me where player = %(player)s and board = %(board)s),
        rows as (
            select player, score, achieved from standing where board = %(board)s and exists (select from place) {ORDER}
            limit %(each_side)s + 1 + least(%(each_side)s, (select before from place))
            offset greatest(0, (select before from place) - %(each_side)s)
        )
        select greatest(0, before - %(each_side)s), player, score, achieved from rows, place {ORDER}
        """
        with self._pool.connection() as database:
            known = {"board": self._id(database, board), "player": player, "each_side": each_side}
            rows = database.execute(query, known).fetchall()
        if not rows:
            raise NotRanked(player, board.key)
        return [Standing(rank, *row[1:]) for rank, row in enumerate(rows, rows[0][0] + 1)]

    def ahead(self, board: Board, place: Place) -> int:
        """How many rows stand before `place`."""
        lost, achieved, player = place
        query = BEFORE.format(score="%(score)s", achieved="%(achieved)s", player="%(player)s")
        with self._pool.connection() as database:
            known = {"board": self._id(database, board), "score": -lost, "achieved": achieved, "player": player}
            return _first(database.execute(f"select {query}", known))

    def counts(self, board: Board, edges: Sequence[int]) -> list[int]:
        """For each edge, how many rows have that score or a higher one."""
        query: LiteralString = """
        select (select count(*) from standing where board = %s and score >= edge)
        from unnest(%s::bigint[]) with ordinality as asked (edge, place) order by place
        """
        with self._pool.connection() as database:
            rows = database.execute(query, (self._id(database, board), list(edges))).fetchall()
        return [int(row[0]) for row in rows]

    def size(self, board: Board) -> int:
        """How many players have a score on the board."""
        with self._pool.connection() as database:
            query: LiteralString = "select count(*) from standing where board = %s"
            return _first(database.execute(query, (self._id(database, board),)))

    def delete(self, player: str) -> bool:
        """Take the player off every board, in the order in which an event locks them."""
        query: LiteralString = """
        with held as (select board from standing where player = %(player)s order by board for update)
        delete from standing using held where standing.player = %(player)s and standing.board = held.board
        """
        with self._pool.connection() as database:
            return database.execute(query, {"player": player}).rowcount > 0

    def drop(self, board: Board) -> None:
        """Forget an old board, row by row."""
        with self._pool.connection() as database:
            database.execute("delete from standing where board = %s", (self._id(database, board),))

    def forget(self, before: int) -> None:
        """Forget the ids of events whose time is before `before`."""
        with self._pool.connection() as database:
            database.execute("delete from event where time < %s", (before,))

    def close(self) -> None:
        """Give the connections back."""
        self._pool.close()

    def _id(self, database: psycopg.Connection, board: Board, make: bool = False) -> int:
        """The number of a board, given to it by its first event and never changed; 0 for a board without one."""
        if board.key not in self._ids:
            if make:
                database.execute("insert into board (key) values (%s) on conflict do nothing", (board.key,))
            row = database.execute("select id from board where key = %s", (board.key,)).fetchone()
            if row is None:
                return 0
            self._ids[board.key] = row[0]
        return self._ids[board.key]


def _first(cursor: psycopg.Cursor[Any]) -> int:
    row = cursor.fetchone()
    assert row is not None
    return int(row[0])
