"""A queue in one SQLite file, which several processes of one machine may share: the embedded default."""

import time
from collections.abc import Callable, Hashable, Sequence

from designbook.engines.sqlite_file import SQLiteFile
from designbook.systems.news_feed.errors import StoreDown
from designbook.systems.news_feed.posts import Job
from designbook.systems.news_feed.queues.port import LEASE, ROOM, Taken

SCHEMA = """
create table if not exists job (
    number integer primary key autoincrement, post integer unique not null, author integer not null,
    due integer not null default 0, served integer not null default -1, deliveries integer not null default 0
);
"""

TAKE = """
update job set due = ?, deliveries = deliveries + 1
where number in (select number from job where due <= ? order by number limit ?)
returning number, post, author, served, deliveries
"""


class SQLiteQueue:
    """A row for each job; each commit is flushed to disk. A receipt is the post and its delivery."""

    def __init__(
        self, path: str, lease: float = LEASE, room: int = ROOM, clock: Callable[[], float] = time.time
    ) -> None:
        """Opens or makes the file at `path`; all who share it have the same `clock`. Raises StoreDown."""
        self._lease, self._room, self._clock = lease, room, clock
        self._file = SQLiteFile(path, StoreDown, SCHEMA)

    def put(self, jobs: Sequence[Job]) -> int:
        """Keep jobs for as long as there is room, in one transaction; one that is here already is kept once."""
        with self._file.transaction() as database:
            (size,) = database.execute("select count(*) from job").fetchone()
            for number, job in enumerate(jobs):
                if size < self._room:
                    insert = "insert into job (post, author) values (?, ?) on conflict do nothing"
                    size += database.execute(insert, job).rowcount
                elif not database.execute("select 1 from job where post = ?", (job.post,)).fetchone():
                    return number
        return len(jobs)

    def take(self, limit: int) -> list[Taken]:
        """Up to `limit` jobs, those put first first; none at once, and without a transaction, if there are none."""
        now = self._in(0.0)
        if not self._file.read("select 1 from job where due <= ? limit 1", now):
            return []
        with self._file.transaction() as database:
            rows = sorted(database.execute(TAKE, (self._in(self._lease), now, limit)).fetchall())
        return [Taken((post, deliveries), Job(post, author), served) for _, post, author, served, deliveries in rows]

    def checkpoint(self, receipt: Hashable, after: int) -> None:
        """Begin the lease anew; the followers up to `after` are served."""
        self._change("due = ?, served = ?", (self._in(self._lease), after), receipt)

    def acknowledge(self, receipt: Hashable) -> None:
        """The job is done."""
        post, _ = _parts(receipt)
        with self._file.transaction() as database:
            database.execute("delete from job where post = ?", (post,))

    def give_back(self, receipt: Hashable, delay: float) -> None:
        """Let the job be delivered again after `delay` seconds."""
        self._change("due = ?", (self._in(delay),), receipt)

    def size(self) -> int:
        """How many jobs are not acknowledged."""
        return int(self._file.read("select count(*) from job")[0][0])

    def close(self) -> None:
        """Give the connections back."""
        self._file.close()

    def _in(self, seconds: float) -> int:
        """The moment so many seconds from now, in milliseconds of the clock."""
        return int((self._clock() + seconds) * 1000)

    def _change(self, what: str, values: tuple[int, ...], receipt: Hashable) -> None:
        """Unless the job was delivered to another since."""
        with self._file.transaction() as database:
            database.execute(f"update job set {what} where post = ? and deliveries = ?", values + _parts(receipt))


def _parts(receipt: Hashable) -> tuple[int, int]:
    assert isinstance(receipt, tuple)
    post, delivery = receipt
    return post, delivery
