"""Messages in one SQLite file, which several processes of one machine may share."""

from collections.abc import Iterable, Mapping, Sequence

from designbook.engines.sqlite_file import SQLiteFile
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
create table if not exists conversation (name text primary key, head integer not null default 0) without rowid;
create table if not exists member (
    user text, conversation text, primary key (user, conversation)
) without rowid;
create index if not exists member_of on member (conversation);
create table if not exists message (
    conversation text, sequence integer, sender text not null, client_id text not null, text text not null,
    time real not null, primary key (conversation, sequence), unique (conversation, sender, client_id)
) without rowid;
create table if not exists cursor (
    conversation text, user text, device text, delivered integer not null, read integer not null,
    primary key (conversation, user, device)
) without rowid;
"""

COLUMNS = "conversation, sequence, sender, client_id, text, time"


class SQLiteLog:
    """One file; each commit is flushed to disk before it is acknowledged."""

    def __init__(self, path: str) -> None:
        """Opens or makes the file at `path`. Raises LogDown if that fails."""
        self._file = SQLiteFile(path, LogDown, SCHEMA)

    def create(self, conversation: str, members: Iterable[str]) -> bool:
        """Start `conversation` among `members`. False if it exists already."""
        with self._file.transaction() as database:
            insert = "insert into conversation (name) values (?) on conflict do nothing"
            if not database.execute(insert, (conversation,)).rowcount:
                return False
            rows = [(user, conversation) for user in frozenset(members)]
            database.executemany("insert into member values (?, ?)", rows)
            return True

    def members(self, conversation: str) -> frozenset[str]:
        """Who belongs to it. Raises UnknownConversation."""
        found = self._file.read("select user from member where conversation = ?", conversation)
        if not found and not self._file.read("select 1 from conversation where name = ?", conversation):
            raise UnknownConversation(unknown(conversation))
        return frozenset(user for (user,) in found)

    def append(self, drafts: Sequence[Draft]) -> list[Message]:
        """Give each draft the next place of its conversation. Raises UnknownConversation without a trace.

        `begin immediate` lets one process at a time read the heads and write beyond them.
        """
        with self._file.transaction() as database:
            heads, known = dict[str, int](), dict[tuple[str, str, str], Message]()
            for name in {draft.conversation for draft in drafts}:
                heads.update(database.execute("select name, head from conversation where name = ?", (name,)))
            query = f"select {COLUMNS} from message where conversation = ? and sender = ? and client_id = ?"
            for draft in drafts:
                key = (draft.conversation, draft.sender, draft.client_id)
                known.update((key, Message(*row)) for row in database.execute(query, key))
            answers, new = number(drafts, heads, known)
            database.executemany("insert into message values (?, ?, ?, ?, ?, ?)", [row(message) for message in new])
            last = {message.conversation: message.sequence for message in new}
            database.executemany(
                "update conversation set head = ? where name = ?", [(head, name) for name, head in last.items()]
            )
            return answers

    def after(self, conversation: str, sequence: int, limit: int) -> list[Message]:
        """The first `limit` messages after `sequence`, oldest first."""
        query = f"select {COLUMNS} from message where conversation = ? and sequence > ? order by sequence limit ?"
        return [Message(*row) for row in self._file.read(query, conversation, sequence, max(limit, 0))]

    def before(self, conversation: str, sequence: int, limit: int) -> list[Message]:
        """The last `limit` messages before `sequence`, oldest first."""
        query = f"select {COLUMNS} from message where conversation = ? and sequence < ? order by sequence desc limit ?"
        return [Message(*row) for row in reversed(self._file.read(query, conversation, sequence, max(limit, 0)))]

    def heads(self, user: str) -> Mapping[str, int]:
        """The last sequence of each conversation of `user`, 0 where nothing was said."""
        query = "select name, head from member join conversation on name = conversation where user = ?"
        return dict(self._file.read(query, user))

    def save(self, cursors: Iterable[Cursor]) -> None:
        """Move cursors forward. Raises UnknownConversation without a trace."""
        with self._file.transaction() as database:
            for cursor in furthest(cursors):
                query = "select 1 from conversation where name = ?"
                if not database.execute(query, (cursor.conversation,)).fetchone():
                    raise UnknownConversation(unknown(cursor.conversation))
                row = (cursor.conversation, cursor.user, cursor.device, cursor.delivered, cursor.read)
                database.execute(
                    "insert into cursor values (?, ?, ?, ?, ?) on conflict do update set"
                    " delivered = max(delivered, excluded.delivered), read = max(read, excluded.read)",
                    row,
                )

    def cursors(self, conversation: str) -> tuple[Cursor, ...]:
        """How far each device that was ever saved got, by user and device."""
        query = "select conversation, user, device, delivered, read from cursor where conversation = ?"
        return tuple(Cursor(*row) for row in self._file.read(f"{query} order by user, device", conversation))

    def close(self) -> None:
        """Give the connections back."""
        self._file.close()
