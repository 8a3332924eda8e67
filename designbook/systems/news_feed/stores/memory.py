"""Posts, follows and feeds in the process's own memory: the fastest stores, and gone with the process."""

import time
from bisect import bisect_left, bisect_right, insort
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import count
from threading import RLock

from designbook.blocks.merging import newest
from designbook.systems.news_feed.errors import IdTaken
from designbook.systems.news_feed.posts import MAX_ENTRIES, Job, Post
from designbook.systems.news_feed.stores.port import IDLE, Entries


class MemoryPostStore:
    """Dictionaries under one lock; lists of ids are kept in order."""

    def __init__(self) -> None:
        self._posts: dict[int, Post] = {}
        self._deleted: set[int] = set()
        self._sent: dict[tuple[int, str], int] = {}  # the post of each author's client id
        self._posted: dict[int, list[int]] = {}  # by author, without the deleted
        self._outbox: dict[int, int] = {}  # the author of each post
        self._pulled: set[int] = set()
        self._followers: dict[int, list[int]] = {}
        self._followed: dict[int, list[int]] = {}
        self._blocks: set[tuple[int, int]] = set()
        self._likes: dict[int, dict[int, tuple[int, float]]] = {}  # by reader and post: author and time
        self._lock = RLock()

    def accept(self, post: Post, push_up_to: int) -> Post:
        """Keep the post and its job, or say that its author is pulled."""
        with self._lock:
            known = self._sent.get((post.author, post.client_id))
            if known is not None:
                return self._posts[known]
            if post.id in self._posts:
                raise IdTaken(post.id)
            self._posts[post.id] = post
            self._sent[post.author, post.client_id] = post.id
            insort(self._posted.setdefault(post.author, []), post.id)
            if self.follower_count(post.author) > push_up_to:
                self._pulled.add(post.author)
            if post.author not in self._pulled:
                self._outbox[post.id] = post.author
            return post

    def outbox(self, limit: int) -> list[Job]:
        """The jobs that have yet to reach the queue, oldest first."""
        with self._lock:
            return [Job(*job) for job in sorted(self._outbox.items())[:limit]]

    def relayed(self, posts: Sequence[int]) -> None:
        """Take the jobs of these posts out of the outbox."""
        with self._lock:
            for post in posts:
                self._outbox.pop(post, None)

    def delete(self, post: int, author: int) -> bool:
        """Erase the text of the author's post, and show it no more."""
        with self._lock:
            if self.author(post) != author or post in self._deleted:
                return False
            self._posts[post] = replace(self._posts[post], text="")
            self._deleted.add(post)
            _remove(self._posted[author], post)
            self._outbox.pop(post, None)
            return True

    def author(self, post: int) -> int | None:
        """Who wrote the post, also when it is deleted."""
        found = self._posts.get(post)
        return None if found is None else found.author

    def visible(self, reader: int, posts: Sequence[int]) -> list[Post]:
        """Those of the posts that the reader may see in a feed, newest first."""
        with self._lock:
            known = [
                self._posts[post] for post in sorted(set(posts) - self._deleted, reverse=True) if post in self._posts
            ]
            shown = {author for author in {post.author for post in known} if self._shows(reader, author)}
            return [post for post in known if post.author in shown]

    def newest(self, authors: Sequence[int], before: int, limit: int) -> list[int]:
        """The newest `limit` posts of all these authors with ids below `before`, newest first."""
        with self._lock:
            return newest(limit, [self._posted[author] for author in set(authors) if author in self._posted], before)

    def pulled(self, reader: int, before: int, limit: int) -> list[int]:
        """As `newest`, of the reader and of those whom the reader follows and whose posts are not pushed."""
        with self._lock:
            return self.newest([reader, *self._pulled.intersection(self.followed(reader))], before, limit)

    def follow(self, edges: Sequence[tuple[int, int]]) -> int:
        """Let each (reader, author) follow; says how many were new."""
        with self._lock:
            return sum(self._follow(reader, author) for reader, author in edges)

    def unfollow(self, reader: int, author: int) -> bool:
        """End a follow. False if there was none."""
        with self._lock:
            if not _has(self._followed.get(reader, ()), author):
                return False
            _remove(self._followed[reader], author)
            _remove(self._followers[author], reader)
            return True

    def followers(self, author: int, after: int, limit: int) -> list[int]:
        """The first `limit` followers with ids above `after`, ascending."""
        with self._lock:
            readers = self._followers.get(author, [])
            first = bisect_right(readers, after)
            return readers[first : first + limit]

    def follower_count(self, author: int) -> int:
        """How many follow the author."""
        return len(self._followers.get(author, ()))

    def followed(self, reader: int) -> list[int]:
        """Whom the reader follows, ascending."""
        with self._lock:
            return list(self._followed.get(reader, ()))

    def block(self, user: int, other: int) -> bool:
        """Hide the two from each other. False if the user blocked the other before."""
        with self._lock:
            known = (user, other) in self._blocks
            self._blocks.add((user, other))
            return not known

    def unblock(self, user: int, other: int) -> bool:
        """End the user's own block. False if there was none."""
        with self._lock:
            known = (user, other) in self._blocks
            self._blocks.discard((user, other))
            return known

    def like(self, reader: int, post: int, author: int, time: float) -> bool:
        """Keep that the reader liked a post at `time`. False if they did before."""
        with self._lock:
            liked = self._likes.setdefault(reader, {})
            known = post in liked
            liked.setdefault(post, (author, time))
            return not known

    def likes(self, reader: int, authors: Sequence[int], until: float) -> Mapping[int, int]:
        """How many posts of each author the reader liked up to the moment `until`."""
        wanted = set(authors)
        with self._lock:
            liked = self._likes.get(reader, {}).values()
            return dict(Counter(author for author, time in liked if author in wanted and time <= until))

    def close(self) -> None:
        """Nothing to give back."""

    def _shows(self, reader: int, author: int) -> bool:
        if (reader, author) in self._blocks or (author, reader) in self._blocks:
            return False
        return reader == author or _has(self._followed.get(reader, ()), author)

    def _follow(self, reader: int, author: int) -> bool:
        followed = self._followed.setdefault(reader, [])
        if _has(followed, author):
            return False
        insort(followed, author)
        insort(self._followers.setdefault(author, []), reader)
        return True


class MemoryFeedStore:
    """A sorted list of ids for each user who reads, under one lock."""

    def __init__(self, idle: float = IDLE, clock: Callable[[], float] = time.monotonic) -> None:
        """A feed that was not read for `idle` seconds of `clock` is absent."""
        self._idle, self._clock = idle, clock
        self._feeds: dict[int, list[int]] = {}
        self._ready: set[int] = set()
        self._read: dict[int, float] = {}  # when each was last read, begun or filled
        self._lives: dict[int, int] = {}
        self._numbers = count(1)
        self._lock = RLock()

    def push(self, entries: Sequence[tuple[int, int]]) -> None:
        """Put each (user, post) into the user's feed, unless that is absent."""
        with self._lock:
            for user, post in entries:
                if self._is_there(user):
                    self._add(user, (post,))

    def read(self, user: int, before: int, limit: int) -> Entries | None:
        """The newest `limit` posts with ids below `before`; None if the feed is not ready."""
        with self._lock:
            if not self._is_there(user) or user not in self._ready:
                return None
            self._read[user] = self._clock()
            feed = self._feeds[user]
            end = bisect_left(feed, before)
            return Entries(feed[max(end - limit, 0) : end][::-1], len(feed) < MAX_ENTRIES)

    def begin(self, user: int) -> int:
        """Let an absent feed take what is pushed from now on; gives the number of this life of the feed."""
        with self._lock:
            if not self._is_there(user):
                self._feeds[user] = []
                self._read[user] = self._clock()
                self._lives[user] = next(self._numbers)
            return self._lives[user]

    def fill(self, user: int, life: int, posts: Sequence[int]) -> bool:
        """Add posts to the feed that was begun with this number, and make it ready. False if it is gone."""
        with self._lock:
            if not self._is_there(user) or self._lives[user] != life:
                return False
            self._add(user, posts)
            self._ready.add(user)
            self._read[user] = self._clock()
            return True

    def drop(self, user: int) -> None:
        """Make the feed absent."""
        with self._lock:
            self._feeds.pop(user, None)
            self._read.pop(user, None)
            self._lives.pop(user, None)
            self._ready.discard(user)

    def close(self) -> None:
        """Nothing to give back."""

    def _is_there(self, user: int) -> bool:
        if user in self._feeds and self._read[user] + self._idle < self._clock():
            self.drop(user)
        return user in self._feeds

    def _add(self, user: int, posts: Iterable[int]) -> None:
        feed = self._feeds[user]
        for post in posts:
            if not _has(feed, post):
                insort(feed, post)
        del feed[:-MAX_ENTRIES]


def _has(numbers: Sequence[int], number: int) -> bool:
    place = bisect_left(numbers, number)
    return place < len(numbers) and numbers[place] == number


def _remove(numbers: list[int], number: int) -> None:
    del numbers[bisect_left(numbers, number)]
