"""Posts and follows in one SQLite file, which several processes of one machine may share."""

import json
import sqlite3
from collections.abc import Mapping, Sequence

from designbook.engines.sqlite_file import SQLiteFile
from designbook.systems.news_feed.errors import IdTaken, StoreDown
from designbook.systems.news_feed.posts import Job, Post

SCHEMA = """
create table if not exists author (
    id integer primary key, followers integer not null default 0, pulled integer not null default 0
);
create table if not exists post (
    id integer primary key, author integer not null, client_id text not null, text text not null,
    deleted integer not null default 0, unique (author, client_id)
);
create index if not exists post_of_author on post (author, id) where deleted = 0;
create table if not exists outbox (post integer primary key, author integer not null);
create table if not exists edge (author integer, reader integer, primary key (author, reader)) without rowid;
create index if not exists edge_of_reader on edge (reader, author);
create table if not exists block (blocker integer, blocked integer, primary key (blocker, blocked)) without rowid;
create table if not exists liked (
    reader integer, post integer, author integer not null, time integer not null, primary key (reader, post)
) without rowid;
create index if not exists liked_of_author on liked (reader, author);
"""

VISIBLE = """
select id, author, client_id, text from post
where id in (select value from json_each(?)) and deleted = 0
and (author = ? or exists (select 1 from edge where edge.author = post.author and reader = ?))
and not exists (select 1 from block where blocker = ? and blocked = post.author)
and not exists (select 1 from block where blocker = post.author and blocked = ?)
order by id desc
"""

NEWEST = """
with asked as ({asked})
select post.id from asked join post on post.id in (
    select id from post as own where own.author = asked.author and deleted = 0 and id < ? order by id desc limit ?
) order by post.id desc limit ?
"""
"""Of each author the newest posts, straight from the index, and of those the newest."""

PULLED = """
select ? as author union
select edge.author from edge join author on author.id = edge.author where reader = ? and pulled
"""


class SQLitePostStore:
    """One file; each commit is flushed to disk before it is acknowledged."""

    def __init__(self, path: str) -> None:
        """Opens or makes the file at `path`. Raises StoreDown if that fails."""
        self._file = SQLiteFile(path, StoreDown, SCHEMA)

    def accept(self, post: Post, push_up_to: int) -> Post:
        """Keep the post and its job, or say that its author is pulled, in one transaction."""
        with self._file.transaction() as database:
            query = "select id, author, client_id, text from post where author = ? and client_id = ?"
            known = database.execute(query, (post.author, post.client_id)).fetchone()
            if known is not None:
                return Post(*known)
            try:
                insert = "insert into post (id, author, client_id, text) values (?, ?, ?, ?)"
                database.execute(insert, (post.id, post.author, post.client_id, post.text))
            except sqlite3.IntegrityError:
                raise IdTaken(post.id) from None
            database.execute("insert into author (id) values (?) on conflict do nothing", (post.author,))
            many = "update author set pulled = 1 where id = ? and followers > ?"
            database.execute(many, (post.author, push_up_to))
            job = "insert into outbox select ?, id from author where id = ? and not pulled"
            database.execute(job, (post.id, post.author))
            return post

    def outbox(self, limit: int) -> list[Job]:
        """The jobs that have yet to reach the queue, oldest first."""
        return [Job(*row) for row in self._file.read("select post, author from outbox order by post limit ?", limit)]

    def relayed(self, posts: Sequence[int]) -> None:
        """Take the jobs of these posts out of the outbox."""
        with self._file.transaction() as database:
            database.executemany("delete from outbox where post = ?", [(post,) for post in posts])

    def delete(self, post: int, author: int) -> bool:
        """Erase the text of the author's post, and show it no more."""
        with self._file.transaction() as database:
            erase = "update post set text = '', deleted = 1 where id = ? and author = ? and deleted = 0"
            if not database.execute(erase, (post, author)).rowcount:
                return False
            database.execute("delete from outbox where post = ?", (post,))
            return True

    def author(self, post: int) -> int | None:
        """Who wrote the post, also when it is deleted."""
        found = self._file.read("select author from post where id = ?", post)
        return int(found[0][0]) if found else None

    def visible(self, reader: int, posts: Sequence[int]) -> list[Post]:
        """Those of the posts that the reader may see in a feed, newest first."""
        return [Post(*row) for row in self._file.read(VISIBLE, json.dumps(list(posts)), *4 * (reader,))]

    def newest(self, authors: Sequence[int], before: int, limit: int) -> list[int]:
        """The newest `limit` posts of all these authors with ids below `before`, newest first."""
        query = NEWEST.format(asked="select distinct value as author from json_each(?)")
        return [post for (post,) in self._file.read(query, json.dumps(list(authors)), before, limit, limit)]

    def pulled(self, reader: int, before: int, limit: int) -> list[int]:
        """As `newest`, of the reader and of those whom the reader follows and whose posts are not pushed."""
        return [post for (post,) in self._file.read(NEWEST.format(asked=PULLED), reader, reader, before, limit, limit)]

    def follow(self, edges: Sequence[tuple[int, int]]) -> int:
        """Let each (reader, author) follow; says how many were new."""
        new = 0
        with self._file.transaction() as database:
            for reader, author in edges:
                edge = "insert into edge (author, reader) values (?, ?) on conflict do nothing"
                if database.execute(edge, (author, reader)).rowcount:
                    count = "insert into author (id, followers) values (?, 1)"
                    update = "on conflict (id) do update set followers = followers + 1"
                    database.execute(f"{count} {update}", (author,))
                    new += 1
        return new

    def unfollow(self, reader: int, author: int) -> bool:
        """End a follow. False if there was none."""
        with self._file.transaction() as database:
            if not database.execute("delete from edge where author = ? and reader = ?", (author, reader)).rowcount:
                return False
            database.execute("update author set followers = followers - 1 where id = ?", (author,))
            return True

    def followers(self, author: int, after: int, limit: int) -> list[int]:
        """The first `limit` followers with ids above `after`, ascending."""
        query = "select reader from edge where author = ? and reader > ? order by reader limit ?"
        return [reader for (reader,) in self._file.read(query, author, after, limit)]

    def follower_count(self, author: int) -> int:
        """How many follow the author."""
        found = self._file.read("select followers from author where id = ?", author)
        return int(found[0][0]) if found else 0

    def followed(self, reader: int) -> list[int]:
        """Whom the reader follows, ascending."""
        query = "select author from edge where reader = ? order by author"
        return [author for (author,) in self._file.read(query, reader)]

    def block(self, user: int, other: int) -> bool:
        """Hide the two from each other. False if the user blocked the other before."""
        with self._file.transaction() as database:
            insert = "insert into block values (?, ?) on conflict do nothing"
            return database.execute(insert, (user, other)).rowcount > 0

    def unblock(self, user: int, other: int) -> bool:
        """End the user's own block. False if there was none."""
        with self._file.transaction() as database:
            delete = "delete from block where blocker = ? and blocked = ?"
            return database.execute(delete, (user, other)).rowcount > 0

    def like(self, reader: int, post: int, author: int, time: float) -> bool:
        """Keep that the reader liked a post at `time`. False if they did before."""
        with self._file.transaction() as database:
            insert = "insert into liked values (?, ?, ?, ?) on conflict do nothing"
            return database.execute(insert, (reader, post, author, _microseconds(time))).rowcount > 0

    def likes(self, reader: int, authors: Sequence[int], until: float) -> Mapping[int, int]:
        """How many posts of each author the reader liked up to the moment `until`."""
        query = "select author, count(*) from liked where reader = ? and time <= ?"
        among = "and author in (select value from json_each(?)) group by author"
        return dict(self._file.read(f"{query} {among}", reader, _microseconds(until), json.dumps(list(authors))))

    def close(self) -> None:
        """Give the connections back."""
        self._file.close()


def _microseconds(time: float) -> int:
    return round(time * 1_000_000)
