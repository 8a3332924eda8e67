"""One SQLite file, shared by the threads of a process and by several processes of one machine."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any


class SQLiteFile:
    """A write-ahead log lets readers go on while one writer writes; each commit is flushed to disk.

    One connection writes and one reads, each under a lock. Another process that holds the file is awaited for 10 s.
    """

    def __init__(self, path: str, down: type[ConnectionError], schema: str) -> None:
        """Opens or makes the file at `path`, and runs `schema`. Raises `down` if that fails, as every call does."""
        self._path, self._down = path, down
        self._lock, self._read_lock = Lock(), Lock()
        with self._or_down():
            self._writer, self._reader = self._connect(), self._connect()
            with self.transaction() as database:
                for statement in schema.split(";\n"):
                    database.execute(statement)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """The writing connection, in a transaction that takes the file's lock at once."""
        with self._or_down(), self._lock:
            self._writer.execute("begin immediate")
            try:
                yield self._writer
            except BaseException:
                self._writer.execute("rollback")
                raise
            self._writer.execute("commit")

    def read(self, query: str, *values: str | int) -> list[Any]:
        """The rows of a query."""
        with self._or_down(), self._read_lock:
            return self._reader.execute(query, values).fetchall()

    def close(self) -> None:
        """Close both connections."""
        self._writer.close()
        self._reader.close()

    def _connect(self) -> sqlite3.Connection:
        database = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False, timeout=10)
        database.execute("pragma journal_mode = wal")
        database.execute("pragma synchronous = full")
        return database

    @contextmanager
    def _or_down(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            raise self._down(f"SQLite cannot use {self._path}: {error}") from error
