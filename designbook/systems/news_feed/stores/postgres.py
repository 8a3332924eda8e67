"""Posts and follows in PostgreSQL.

Each call is one statement, and so one transaction and one round trip. Statements that change several rows lock edges
before authors, each in order, so that none waits for another in a circle.
"""

from collections.abc import Mapping, Sequence
from typing import Any, LiteralString

import psycopg

from designbook.engines.postgres_pool import PostgresPool
from designbook.systems.news_feed.errors import IdTaken, StoreDown
from designbook.systems.news_feed.posts import Job, Post

SCHEMA = """
select pg_advisory_xact_lock(20060906);  -- two servers that start at once must not both create
create table if not exists author (
    id bigint primary key, followers bigint not null default 0, pulled boolean not null default false
);
create index if not exists pulled_author on author (id) where pulled;
create table if not exists post (
    id bigint primary key, author bigint not null, client_id text collate "C" not null, text text not null,
    deleted boolean not null default false, unique (author, client_id)
);
create index if not exists post_of_author on post (author, id) where not deleted;
create table if not exists outbox (post bigint primary key, author bigint not null);
create table if not exists edge (author bigint, reader bigint, primary key (author, reader));
create index if not exists edge_of_reader on edge (reader, author);
create table if not exists block (blocker bigint, blocked bigint, primary key (blocker, blocked));
create table if not exists liked (
    reader bigint, post bigint, author bigint not null, time double precision not null, primary key (reader, post)
);
create index if not exists liked_of_author on liked (reader, author);
"""

ACCEPT: LiteralString = """
with fresh as (
    insert into post (id, author, client_id, text) values (%(id)s, %(author)s, %(client_id)s, %(text)s)
    on conflict (author, client_id) do nothing returning id, author
), crowd as (
    select fresh.id, fresh.author, coalesce(followers > %(most)s or pulled, 0 > %(most)s) as pulled
    from fresh left join author on author.id = fresh.author
), job as (
    insert into outbox select id, author from crowd where not pulled
), flag as (
    insert into author (id, pulled) select author, true from crowd where pulled
    on conflict (id) do update set pulled = true where not author.pulled
)
select count(*) from fresh
"""

VISIBLE: LiteralString = """
select id, author, client_id, text from post
where id = any(%(posts)s) and not deleted
and (author = %(reader)s or exists (select from edge where edge.author = post.author and reader = %(reader)s))
and not exists (select from block where blocker = %(reader)s and blocked = post.author)
and not exists (select from block where blocker = post.author and blocked = %(reader)s)
order by id desc
"""

NEWEST: LiteralString = """
select own.id from ({asked}) as asked cross join lateral (
    select id from post where author = asked.author and not deleted and id < %(before)s order by id desc limit %(limit)s
) as own order by own.id desc limit %(limit)s
"""
"""Of each author the newest posts, straight from the index, and of those the newest."""

PULLED: LiteralString = """
select %(reader)s::bigint as author union
select edge.author from edge join author on author.id = edge.author where reader = %(reader)s and pulled
"""

FOLLOW: LiteralString = """
with fresh as (
    insert into edge (author, reader)
    select author, reader from unnest(%s::bigint[], %s::bigint[]) as new (reader, author)
    order by author, reader on conflict do nothing returning author
), counted as (
    insert into author (id, followers) select author, count(*) from fresh group by author order by author
    on conflict (id) do update set followers = author.followers + excluded.followers
)
select count(*) from fresh
"""

UNFOLLOW: LiteralString = """
with gone as (delete from edge where author = %s and reader = %s returning author)
update author set followers = followers - 1 from gone where id = gone.author
"""

DELETE: LiteralString = """
with gone as (
    update post set text = '', deleted = true where id = %s and author = %s and not deleted returning id
), job as (delete from outbox using gone where post = gone.id)
select count(*) from gone
"""


class PostgresPostStore:
    """At most `connections` at a time, opened as they are needed; each commit is flushed to disk by default."""

    def __init__(self, url: str, connections: int = 8) -> None:
        """Connects to `url`, a libpq address. Raises StoreDown if nothing answers."""
        self._pool = PostgresPool(url, StoreDown, connections)
        with self._pool.connection() as database, database.transaction():
            database.execute(SCHEMA)

    def accept(self, post: Post, push_up_to: int) -> Post:
        """Keep the post and its job, or say that its author is pulled."""
        known = {"id": post.id, "author": post.author, "client_id": post.client_id, "text": post.text}
        try:
            if self._read(ACCEPT, known | {"most": push_up_to})[0][0]:
                return post
        except psycopg.errors.UniqueViolation:
            pass  # the id is taken, but perhaps by the same post, sent twice at once
        query: LiteralString = "select id, author, client_id, text from post where author = %s and client_id = %s"
        found = self._read(query, (post.author, post.client_id))
        if not found:
            raise IdTaken(post.id)
        return Post(*found[0])

    def outbox(self, limit: int) -> list[Job]:
        """The jobs that have yet to reach the queue, oldest first."""
        return [Job(*row) for row in self._read("select post, author from outbox order by post limit %s", (limit,))]

    def relayed(self, posts: Sequence[int]) -> None:
        """Take the jobs of these posts out of the outbox."""
        self._change("delete from outbox where post = any(%s)", (list(posts),))

    def delete(self, post: int, author: int) -> bool:
        """Erase the text of the author's post, and show it no more."""
        return bool(self._read(DELETE, (post, author))[0][0])

    def author(self, post: int) -> int | None:
        """Who wrote the post, also when it is deleted."""
        found = self._read("select author from post where id = %s", (post,))
        return int(found[0][0]) if found else None

    def visible(self, reader: int, posts: Sequence[int]) -> list[Post]:
        """Those of the posts that the reader may see in a feed, newest first."""
        return [Post(*row) for row in self._read(VISIBLE, {"posts": list(posts), "reader": reader})]

    def newest(self, authors: Sequence[int], before: int, limit: int) -> list[int]:
        """The newest `limit` posts of all these authors with ids below `before`, newest first."""
        query = NEWEST.format(asked="select distinct author from unnest(%(authors)s::bigint[]) as given (author)")
        return [post for (post,) in self._read(query, {"authors": list(authors), "before": before, "limit": limit})]

    def pulled(self, reader: int, before: int, limit: int) -> list[int]:
        """As `newest`, of the reader and of those whom the reader follows and whose posts are not pushed."""
        query = NEWEST.format(asked=PULLED)
        return [post for (post,) in self._read(query, {"reader": reader, "before": before, "limit": limit})]

    def follow(self, edges: Sequence[tuple[int, int]]) -> int:
        """Let each (reader, author) follow; says how many were new."""
        readers, authors = [reader for reader, _ in edges], [author for _, author in edges]
        return int(self._read(FOLLOW, (readers, authors))[0][0])

    def unfollow(self, reader: int, author: int) -> bool:
        """End a follow. False if there was none."""
        return self._change(UNFOLLOW, (author, reader))

    def followers(self, author: int, after: int, limit: int) -> list[int]:
        """The first `limit` followers with ids above `after`, ascending."""
        query: LiteralString = "select reader from edge where author = %s and reader > %s order by reader limit %s"
        return [reader for (reader,) in self._read(query, (author, after, limit))]

    def follower_count(self, author: int) -> int:
        """How many follow the author."""
        found = self._read("select followers from author where id = %s", (author,))
        return int(found[0][0]) if found else 0

    def followed(self, reader: int) -> list[int]:
        """Whom the reader follows, ascending."""
        query: LiteralString = "select author from edge where reader = %s order by author"
        return [author for (author,) in self._read(query, (reader,))]

    def block(self, user: int, other: int) -> bool:
        """Hide the two from each other. False if the user blocked the other before."""
        return self._change("insert into block values (%s, %s) on conflict do nothing", (user, other))

    def unblock(self, user: int, other: int) -> bool:
        """End the user's own block. False if there was none."""
        return self._change("delete from block where blocker = %s and blocked = %s", (user, other))

    def like(self, reader: int, post: int, author: int, time: float) -> bool:
        """Keep that the reader liked a post at `time`. False if they did before."""
        insert: LiteralString = "insert into liked values (%s, %s, %s, %s) on conflict do nothing"
        return self._change(insert, (reader, post, author, time))

    def likes(self, reader: int, authors: Sequence[int], until: float) -> Mapping[int, int]:
        """How many posts of each author the reader liked up to the moment `until`."""
        query: LiteralString = (
            "select author, count(*) from liked where reader = %s and time <= %s and author = any(%s)"
        )
        return dict(self._read(f"{query} group by author", (reader, until, list(authors))))

    def close(self) -> None:
        """Give the connections back."""
        self._pool.close()

    def _read(self, query: LiteralString, values: Mapping[str, Any] | Sequence[Any]) -> list[Any]:
        with self._pool.connection() as database:
            return database.execute(query, values).fetchall()

    def _change(self, statement: LiteralString, values: Sequence[Any]) -> bool:
        with self._pool.connection() as database:
            return database.execute(statement, values).rowcount > 0
