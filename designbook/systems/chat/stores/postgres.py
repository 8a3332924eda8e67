"""Messages in PostgreSQL."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import psycopg

from designbook.engines.postgres_pool import PostgresPool
from designbook.systems.chat.stores.port import (
    Cursor,
    Draft,
    LogDown,
    Message,
    UnknownConversation,
    furthest,
    number,
    row,
    unknown,
)

SCHEMA = """
select pg_advisory_xact_lock(19880801);  -- two servers that start at once must not both create
create table if not exists conversation (name text collate "C" primary key, head bigint not null default 0);
create table if not exists member (
    member text collate "C", conversation text collate "C", primary key (member, conversation)
);
create index if not exists member_of on member (conversation);
create table if not exists message (
    conversation text collate "C", sequence bigint, sender text collate "C" not null,
    client_id text collate "C" not null, text text not null, time double precision not null,
    primary key (conversation, sequence), unique (conversation, sender, client_id)
);
create table if not exists cursor (
    conversation text collate "C" references conversation, member text collate "C", device text collate "C",
    delivered bigint not null, read bigint not null, primary key (conversation, member, device)
);
"""

COLUMNS = "conversation, sequence, sender, client_id, text, time"


class PostgresLog:
    """At most `connections` at a time, opened as they are needed; each commit is flushed to disk by default."""

    def __init__(self, url: str, connections: int = 8) -> None:
        """Connects to `url`, a libpq address. Raises LogDown if nothing answers."""
        self._pool = PostgresPool(url, LogDown, connections)
        with self._pool.connection() as database, database.transaction():
            database.execute(SCHEMA)

    def create(self, conversation: str, members: Iterable[str]) -> bool:
        """Start `conversation` among `members`. False if it exists already."""
        with self._pool.connection() as database, database.transaction():
            insert = "insert into conversation (name) values (%s) on conflict do nothing"
            if not database.execute(insert, (conversation,)).rowcount:
                return False
            rows = "insert into member select unnest(%s::text[]), %s"
            database.execute(rows, (sorted(frozenset(members)), conversation))
            return True

    def members(self, conversation: str) -> frozenset[str]:
        """Who belongs to it. Raises UnknownConversation."""
        found = self._read("select member from member where conversation = %s", conversation)
        if not found and not self._read("select 1 from conversation where name = %s", conversation):
            raise UnknownConversation(unknown(conversation))
        return frozenset(user for (user,) in found)

    def append(self, drafts: Sequence[Draft]) -> list[Message]:
        """Give each draft the next place of its conversation. Raises UnknownConversation without a trace.

        The rows of the conversations are locked first, in order of name, so that nobody numbers the same conversation
        meanwhile and two batches never wait for each other in a circle. Five statements, however many drafts.
        """
        names = sorted({draft.conversation for draft in drafts})
        keys = [(draft.conversation, draft.sender, draft.client_id) for draft in drafts]
        with self._pool.connection() as database, database.transaction():
            lock = "select name, head from conversation where name = any(%s) order by name for no key update"
            heads = dict(database.execute(lock, (names,)).fetchall())
            query = f"select {COLUMNS} from message join unnest(%s::text[], %s::text[], %s::text[]) as asked (c, s, i)"
            rows = database.execute(f"{query} on conversation = c and sender = s and client_id = i", _columns(keys, 3))
            messages = [Message(*row) for row in rows]
            known = {(message.conversation, message.sender, message.client_id): message for message in messages}
            answers, new = number(drafts, heads, known)
            if new:
                insert = "insert into message select * from unnest"
                types = "(%s::text[], %s::bigint[], %s::text[], %s::text[], %s::text[], %s::double precision[])"
                database.execute(insert + types, _columns([row(message) for message in new], 6))
                last = {message.conversation: message.sequence for message in new}
                update = "update conversation set head = moved.head from unnest(%s::text[], %s::bigint[])"
                database.execute(
                    f"{update} as moved (name, head) where conversation.name = moved.name", _columns(last.items(), 2)
                )
            return answers

    def after(self, conversation: str, sequence: int, limit: int) -> list[Message]:
        """The first `limit` messages after `sequence`, oldest first."""
        query = f"select {COLUMNS} from message where conversation = %s and sequence > %s order by sequence limit %s"
        return [Message(*row) for row in self._read(query, conversation, sequence, max(limit, 0))]

    def before(self, conversation: str, sequence: int, limit: int) -> list[Message]:
        """The last `limit` messages before `sequence`, oldest first."""
        query = f"select {COLUMNS} from message where conversation = %s and sequence < %s"
        rows = self._read(f"{query} order by sequence desc limit %s", conversation, sequence, max(limit, 0))
        return [Message(*row) for row in reversed(rows)]

    def heads(self, user: str) -> Mapping[str, int]:
        """The last sequence of each conversation of `user`, 0 where nothing was said."""
        query = "select name, head from member join conversation on name = conversation where member = %s"
        return dict(self._read(query, user))

    def save(self, cursors: Iterable[Cursor]) -> None:
        """Move cursors forward, in order of their keys. Raises UnknownConversation without a trace."""
        rows = [
            (cursor.conversation, cursor.user, cursor.device, cursor.delivered, cursor.read)
            for cursor in furthest(cursors)
        ]
        insert = (
            "insert into cursor select * from unnest(%s::text[], %s::text[], %s::text[], %s::bigint[], %s::bigint[])"
        )
        forward = (
            "delivered = greatest(cursor.delivered, excluded.delivered), read = greatest(cursor.read, excluded.read)"
        )
        with self._pool.connection() as database:
            try:
                database.execute(
                    f"{insert} on conflict (conversation, member, device) do update set {forward}", _columns(rows, 5)
                )
            except psycopg.errors.ForeignKeyViolation as error:
                raise UnknownConversation(f"a cursor's conversation was never created: {error}".strip()) from error

    def cursors(self, conversation: str) -> tuple[Cursor, ...]:
        """How far each device that was ever saved got, by user and device."""
        query = "select conversation, member, device, delivered, read from cursor where conversation = %s"
        return tuple(Cursor(*row) for row in self._read(f"{query} order by member, device", conversation))

    def close(self) -> None:
        """Give the connections back."""
        self._pool.close()

    def _read(self, query: str, *values: str | int) -> list[Any]:
        with self._pool.connection() as database:
            return database.execute(query, values).fetchall()


def _columns(rows: Iterable[tuple[Any, ...]], width: int) -> tuple[list[Any], ...]:
    """`rows` as `width` lists, the form in which `unnest` takes them."""
    table = list(rows)
    return tuple([row[i] for row in table] for i in range(width))
