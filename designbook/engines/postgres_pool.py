"""Connections to one PostgreSQL, shared by the threads of a process."""

from collections.abc import Iterator
from contextlib import contextmanager
from queue import Empty, LifoQueue
from threading import BoundedSemaphore

import psycopg


class PostgresPool:
    """At most `connections` at a time, opened as they are needed, each in autocommit."""

    def __init__(self, url: str, down: type[ConnectionError], connections: int = 8) -> None:
        """`url` is a libpq address, asked for at the first call; `down` is raised when the server does not answer."""
        self._url, self._down = url, down
        self._idle: LifoQueue[psycopg.Connection] = LifoQueue()
        self._free = BoundedSemaphore(connections)

    @contextmanager
    def connection(self) -> Iterator[psycopg.Connection]:
        """A connection for one call. After a failure all idle ones go: they share the server that went."""
        with self._free:
            try:
                database = self._idle.get_nowait()
            except Empty:
                database = self._connect()
            try:
                yield database
            except psycopg.OperationalError as error:
                database.close()
                self.close()
                raise self._silent(error) from error
            except BaseException:
                if database.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
                    database.close()
                    raise
                self._idle.put(database)
                raise
            self._idle.put(database)

    def close(self) -> None:
        """Close the idle connections. A later call opens a new one."""
        while not self._idle.empty():
            self._idle.get_nowait().close()

    def _connect(self) -> psycopg.Connection:
        try:
            return psycopg.connect(self._url, autocommit=True, connect_timeout=5)
        except psycopg.OperationalError as error:
            raise self._silent(error) from error

    def _silent(self, error: psycopg.OperationalError) -> ConnectionError:
        return self._down(f"PostgreSQL does not answer: {error}".strip())
