"""Play with a news feed: `python -m designbook.systems.news_feed`, then a command a line."""

import argparse
import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from uuid import uuid4

from designbook.blocks.snowflake import ClockBehind, Snowflake
from designbook.systems.console import Command, Console, Unclear, converse, one_line, whole
from designbook.systems.news_feed.errors import IdTaken, Refused, StoreDown, UnknownPost
from designbook.systems.news_feed.posts import MAX_ID, Post
from designbook.systems.news_feed.queues import open_queue
from designbook.systems.news_feed.service import PUSH_UP_TO, NewsFeed, RankedCursor
from designbook.systems.news_feed.stores import open_feed_store, open_post_store
from designbook.systems.news_feed.worker import Worker

HELP = """\
post NAME TEXT                         say something
delete NAME POST                       erase a post; POST is a number that stands before it here
follow NAME AUTHOR, unfollow           begin or end a follow
block NAME OTHER, unblock              hide the two from each other, or no more
feed NAME [COUNT]                      the newest posts (10) of those whom NAME follows, and NAME's own
like NAME POST                         raise the post's author in NAME's ranking
ranked NAME [COUNT]                    the posts worth most, with the reason for each place
more                                   the next page
crowd AUTHOR [COUNT]                   let u1, u2 ... (1000) follow AUTHOR
who NAME                               followers, and who is followed
pause, resume                          stop the workers that fill the feeds, and let them go on
help, quit                             a NAME is 1 to 8 of a-z, 0-9 and -"""
NAME = re.compile(r"[a-z0-9-]{1,8}")


class Session:
    """Carries out one line after another. Posts that were shown have numbers from 1."""

    def __init__(self, feed: NewsFeed, worker: Worker) -> None:
        self._feed, self._worker = feed, worker
        self._working = True
        self._shown: list[int] = []
        self._more: Callable[[], Iterable[str]] = lambda: ["there is no page to go on from"]
        commands: dict[str, Command] = {
            "post": self._post,
            "delete": self._delete,
            "follow": self._follow,
            "unfollow": self._unfollow,
            "block": self._block,
            "unblock": self._unblock,
            "feed": self._read,
            "like": self._like,
            "ranked": self._ranked,
            "more": lambda: self._more(),
            "crowd": self._crowd,
            "who": self._who,
            "pause": lambda: self._work(False),
            "resume": lambda: self._work(True),
        }
        self._console = Console(commands, HELP)

    def answer(self, line: str) -> Iterable[str]:
        """The lines to print; then the workers fill the feeds. Raises Unclear, and whatever the service raises."""
        answer = self._console.answer(line)
        if self._working:
            self._worker.work_off()
        return answer

    def _post(self, author: str, *words: str) -> Iterable[str]:
        return [self._row(self._feed.post(_user(author), uuid4().hex, " ".join(words)))]

    def _delete(self, author: str, post: str) -> Iterable[str]:
        gone = self._feed.delete(_user(author), self._id(post))
        return [f"post {post} is gone" if gone else f"post {post} was gone before"]

    def _follow(self, reader: str, author: str) -> Iterable[str]:
        new = self._feed.follow(_user(reader), _user(author))
        return [f"{reader} follows {author}" if new else f"{reader} followed {author} before"]

    def _unfollow(self, reader: str, author: str) -> Iterable[str]:
        gone = self._feed.unfollow(_user(reader), _user(author))
        return [f"{reader} follows {author} no more" if gone else f"{reader} did not follow {author}"]

    def _block(self, user: str, other: str) -> Iterable[str]:
        new = self._feed.block(_user(user), _user(other))
        return [f"{user} and {other} are hidden from each other" if new else f"{user} blocked {other} before"]

    def _unblock(self, user: str, other: str) -> Iterable[str]:
        gone = self._feed.unblock(_user(user), _user(other))
        return [f"{user} blocks {other} no more" if gone else f"{user} did not block {other}"]

    def _read(self, reader: str, count: str = "10") -> Iterable[str]:
        return self._page(_user(reader), whole("count", count, 1), MAX_ID)

    def _page(self, reader: int, count: int, before: int) -> Iterable[str]:
        page = self._feed.feed(reader, before, count)
        following = page.before
        self._more = lambda: ["no more posts"] if following is None else self._page(reader, count, following)
        return [self._row(post) for post in page.posts] or ["nothing yet"]

    def _like(self, reader: str, post: str) -> Iterable[str]:
        new = self._feed.like(_user(reader), self._id(post))
        return [f"{reader} likes post {post}" if new else f"{reader} liked post {post} before"]

    def _ranked(self, reader: str, count: str = "10") -> Iterable[str]:
        return self._ranked_page(_user(reader), whole("count", count, 1), None)

    def _ranked_page(self, reader: int, count: int, cursor: RankedCursor | None) -> Iterable[str]:
        page = self._feed.ranked(reader, cursor, count)
        following = page.cursor
        self._more = lambda: ["no more posts"] if following is None else self._ranked_page(reader, count, following)
        return [f"{self._row(item.post)}\n      {item.place}. {item.why}" for item in page.items] or ["nothing yet"]

    def _crowd(self, author: str, count: str = "1000") -> Iterable[str]:
        edges = [(_user(f"u{number}"), _user(author)) for number in range(1, whole("count", count, 1) + 1)]
        return [f"{self._feed.posts.follow(edges)} more follow {author}", *self._who(author)]

    def _who(self, name: str) -> Iterable[str]:
        followers = self._feed.posts.follower_count(_user(name))
        followed = ", ".join(map(_name, self._feed.posts.followed(_user(name)))) or "nobody"
        read = "merged in when feeds are read" if followers > self._feed.push_up_to else "put into feeds when posted"
        return [f"{name} has {followers} followers, so posts are {read}; follows {followed}"]

    def _work(self, working: bool) -> Iterable[str]:
        self._working = working
        return ["the workers go on" if working else "the workers stop: posts wait in the queue"]

    def _row(self, post: Post) -> str:
        if post.id not in self._shown:
            self._shown.append(post.id)
        stamp = time.strftime("%H:%M:%S", time.gmtime(post.time))
        return f"{self._shown.index(post.id) + 1:>4}  {stamp}  {_name(post.author):<8}  {post.text}"

    def _id(self, number: str) -> int:
        place = whole("post", number, 1)
        if place > len(self._shown):
            raise Unclear(f"post: {number} was not shown yet")
        return self._shown[place - 1]


def main(arguments: Sequence[str] | None = None) -> int:
    """Read commands from stdin until it ends; the exit status is 1, after one line on stderr, if that cannot begin."""
    given = _parser().parse_args(arguments)
    try:
        with (
            closing(open_post_store(given.posts)) as posts,
            closing(open_feed_store(given.feeds)) as feeds,
            closing(open_queue(given.queue)) as queue,
        ):
            ids = Snowflake(os.getpid() % 1024, time.time)
            feed = NewsFeed(posts, feeds, ids.next_id, push_up_to=given.push_up_to)
            session = Session(feed, Worker(queue, posts, feeds))
            refusals = (Refused, UnknownPost, IdTaken, ClockBehind, StoreDown)
            converse(session.answer, refusals, greeting="A news feed")
    except (OSError, ValueError, ImportError) as error:
        print(one_line(error), file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m designbook.systems.news_feed", description="A news feed.")
    parser.add_argument("--posts", default="memory://", help="memory:// (default), sqlite:///file, postgresql://")
    parser.add_argument("--feeds", default="memory://", help="memory:// (default), valkey://, unix://")
    parser.add_argument("--queue", default="memory://", help="memory:// (default), sqlite:///file, nats://")
    parser.add_argument(
        "--push-up-to", type=int, default=PUSH_UP_TO, help="followers up to whom posts are pushed (default %(default)s)"
    )
    return parser


def _user(name: str) -> int:
    """The number of a user: the name's bytes, of which 8 in ASCII fit into 63 bits."""
    if not NAME.fullmatch(name):
        raise Unclear(f"{name!r} is no name: expected 1 to 8 of a-z, 0-9 and -")
    return int.from_bytes(name.encode())


def _name(user: int) -> str:
    return user.to_bytes(8).lstrip(b"\0").decode("ascii", "replace")


if __name__ == "__main__":
    sys.exit(main())
