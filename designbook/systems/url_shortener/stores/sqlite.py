"""Links in one SQLite file, which several processes of one machine may share."""

from collections.abc import Mapping

from designbook.engines.sqlite_file import SQLiteFile
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
    """One file; each commit is flushed to disk before it is acknowledged."""

    def __init__(self, path: str) -> None:
        """Opens or makes the file at `path`. Raises StoreDown if that fails."""
        self._file = SQLiteFile(path, StoreDown, SCHEMA)

    def reserve(self, count: int) -> int:
        """Take `count` ids that nobody else will get, and return the first."""
        with self._file.transaction() as database:
            row = database.execute("update counter set next = next + ? returning next - ?", (count, count)).fetchone()
        return int(row[0])

    def add(self, link: Link, same: bytes | None = None) -> Link:
        """Keep `link`, or return the one that has its fingerprint. Raises CodeTaken."""
        with self._file.transaction() as database:
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
        rows = self._file.read("select code, url, owner, expires from link where code = ?", code)
        return Link(*rows[0]) if rows else None

    def delete(self, code: str, owner: str) -> bool:
        """Forget everything but the code of `owner`'s link."""
        forget = "update link set url = null, owner = '', expires = null, same = null"
        with self._file.transaction() as database:
            done = database.execute(f"{forget} where code = ? and owner = ? and url is not null", (code, owner))
            return done.rowcount == 1

    def count(self, batch: str, clicks: Mapping[str, int]) -> bool:
        """Add the clicks of a batch, unless it was counted before; its id is kept in the same transaction."""
        with self._file.transaction() as database:
            if not database.execute("insert into batch values (?) on conflict do nothing", (batch,)).rowcount:
                return False
            rows = [(number, code) for code, number in clicks.items()]
            database.executemany("update link set clicks = clicks + ? where code = ?", rows)
            return True

    def forget(self, batch: str) -> None:
        """The batch will not be sent again."""
        with self._file.transaction() as database:
            database.execute("delete from batch where id = ?", (batch,))

    def clicks(self, code: str) -> int:
        """How often the link was clicked, as far as counted."""
        rows = self._file.read("select clicks from link where code = ?", code)
        return int(rows[0][0]) if rows else 0

    def close(self) -> None:
        """Give the connections back."""
        self._file.close()
