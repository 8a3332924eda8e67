"""Links in one SQLite file, which several processes of one machine may share."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Lock
from typing import Any

from designbook.systems.url_shortener.stores.port import CodeTaken, Link, StoreDown

SCHEMA = """
create table if not exists link (
    code text primary key, url text, owner text not null, expires real,
    same blob unique, clicks integer not null default 0
) without rowid;
create table if not exists batch (id text primary key) without rowid;
create table if not exists counter (next integer not null);
insert into counter select 0 where not exists (select * from counter);
"""


class SQLiteStore:
    """A write-ahead log lets readers go on while one writer writes; each commit is flushed to disk.

    One connection writes and one reads, each under a lock. Another process that holds the file is awaited for 10 s.
    """

    def __init__(self, path: str) -> None:
        """Opens or makes the file at `path`. Raises StoreDown if that fails."""
        self._path = path
        self._lock, self._read_lock = Lock(), Lock()
        with self._or_down():
            self._writer, self._reader = self._connect(), self._connect()
            with self._transaction() as database:
                for statement in SCHEMA.split(";\n"):
                    database.execute(statement)

    def reserve(self, count: int) -> int:
        """Take `count` ids that nobody else will get, and return the first."""
        with self._transaction() as database:
            row = database.execute("update counter set next = next + ? returning next - ?", (count, count)).fetchone()
        return int(row[0])

    def add(self, link: Link, same: bytes | None = None) -> Link:
        """Keep `link`, or return the one that has its fingerprint. Raises CodeTaken."""
        with self._transaction() as database:
            row = (link.code, link.url, link.owner, link.expires, same)
            insert = "insert into link (code, url, owner, expires, same) values (?, ?, ?, ?, ?) on conflict do nothing"
            if database.execute(insert, row).rowcount:
                return link
            kept = database.execute("select code, url, owner, expires from link where same = ?", (same,)).fetchone()
        if kept is None:
            raise CodeTaken(link.code)
        return Link(*kept)

    def get(self, code: str) -> Link | None:
        """The link with this code, deleted or not; None if there never was one."""
        row = self._read("select code, url, owner, expires from link where code = ?", code)
        return None if row is None else Link(*row)

    def delete(self, code: str, owner: str) -> bool:
        """Forget everything but the code of `owner`'s link."""
        forget = "update link set url = null, owner = '', expires = null, same = null"
        with self._transaction() as database:
            done = database.execute(f"{forget} where code = ? and owner = ? and url is not null", (code, owner))
            return done.rowcount == 1

    def count(self, batch: str, clicks: Mapping[str, int]) -> bool:
        """Add the clicks of a batch, unless it was counted before; its id is kept in the same transaction."""
        with self._transaction() as database:
            if not database.execute("insert into batch values (?) on conflict do nothing", (batch,)).rowcount:
                return False
            rows = [(number, code) for code, number in clicks.items()]
            database.executemany("update link set clicks = clicks + ? where code = ?", rows)
            return True

    def forget(self, batch: str) -> None:
        """The batch will not be sent again."""
        with self._transaction() as database:
            database.execute("delete from batch where id = ?", (batch,))

    def clicks(self, code: str) -> int:
        """How often the link was clicked, as far as counted."""
        row = self._read("select clicks from link where code = ?", code)
        return 0 if row is None else int(row[0])

    def close(self) -> None:
        """Give the connections back."""
        self._writer.close()
        self._reader.close()

    def _connect(self) -> sqlite3.Connection:
        database = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False, timeout=10)
        database.execute("pragma journal_mode = wal")
        database.execute("pragma synchronous = full")
        return database

    def _read(self, query: str, code: str) -> tuple[Any, ...] | None:
        with self._or_down(), self._read_lock:
            row: tuple[Any, ...] | None = self._reader.execute(query, (code,)).fetchone()
            return row

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._or_down(), self._lock:
            self._writer.execute("begin immediate")
            try:
                yield self._writer
            except BaseException:
                self._writer.execute("rollback")
                raise
            self._writer.execute("commit")

    @contextmanager
    def _or_down(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            raise StoreDown(f"SQLite cannot use {self._path}: {error}") from error
