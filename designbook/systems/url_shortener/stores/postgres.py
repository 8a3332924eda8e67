"""Links in PostgreSQL."""

from collections.abc import Mapping

from designbook.engines.postgres_pool import PostgresPool
from designbook.systems.url_shortener.stores.port import CodeTaken, Link, StoreDown

SCHEMA = """
select pg_advisory_xact_lock(20101104);  -- two servers that start at once must not both create
create table if not exists link (
    code text collate "C" primary key, url text, owner text not null, expires double precision,
    same bytea unique, clicks bigint not null default 0
);
create table if not exists batch (id text primary key);
create table if not exists counter (next bigint not null);
insert into counter select 0 where not exists (select * from counter);
"""


class PostgresStore:
    """At most `connections` at a time, opened as they are needed; each commit is flushed to disk by default."""

    def __init__(self, url: str, connections: int = 8) -> None:
        """Connects to `url`, a libpq address. Raises StoreDown if nothing answers."""
        self._pool = PostgresPool(url, StoreDown, connections)
        with self._pool.connection() as database, database.transaction():
            database.execute(SCHEMA)

    def reserve(self, count: int) -> int:
        """Take `count` ids that nobody else will get, and return the first."""
        with self._pool.connection() as database:
            query = "update counter set next = next + %s returning next - %s"
            row = database.execute(query, (count, count)).fetchone()
        assert row is not None
        return int(row[0])

    def add(self, link: Link, same: bytes | None = None) -> Link:
        """Keep `link`, or return the one that has its fingerprint. Raises CodeTaken."""
        with self._pool.connection() as database:
            row = (link.code, link.url, link.owner, link.expires, same)
            insert = "insert into link (code, url, owner, expires, same) values (%s, %s, %s, %s, %s)"
            if database.execute(f"{insert} on conflict do nothing", row).rowcount:
                return link
            query = "select code, url, owner, expires from link where same = %s"
            kept = database.execute(query, (same,)).fetchone()
        if kept is None:
            raise CodeTaken(link.code)
        return Link(*kept)

    def get(self, code: str) -> Link | None:
        """The link with this code, deleted or not; None if there never was one."""
        with self._pool.connection() as database:
            row = database.execute("select code, url, owner, expires from link where code = %s", (code,)).fetchone()
        return None if row is None else Link(*row)

    def delete(self, code: str, owner: str) -> bool:
        """Forget everything but the code of `owner`'s link."""
        with self._pool.connection() as database:
            forget = "update link set url = null, owner = '', expires = null, same = null"
            done = database.execute(f"{forget} where code = %s and owner = %s and url is not null", (code, owner))
            return done.rowcount == 1

    def count(self, batch: str, clicks: Mapping[str, int]) -> bool:
        """Add the clicks of a batch, unless it was counted before; its id is kept in the same transaction.

        Rows are updated in the order of their codes, so that two workers never wait for each other in a circle.
        """
        with self._pool.connection() as database, database.transaction():
            if not database.execute("insert into batch values (%s) on conflict do nothing", (batch,)).rowcount:
                return False
            rows = [(number, code) for code, number in sorted(clicks.items())]
            with database.cursor() as cursor:
                cursor.executemany("update link set clicks = clicks + %s where code = %s", rows)
            return True

    def forget(self, batch: str) -> None:
        """The batch will not be sent again."""
        with self._pool.connection() as database:
            database.execute("delete from batch where id = %s", (batch,))

    def clicks(self, code: str) -> int:
        """How often the link was clicked, as far as counted."""
        with self._pool.connection() as database:
            row = database.execute("select clicks from link where code = %s", (code,)).fetchone()
        return 0 if row is None else int(row[0])

    def close(self) -> None:
        """Give the connections back."""
        self._pool.close()
