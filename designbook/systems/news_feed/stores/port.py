"""What the news feed asks of its databases: posts and who follows whom are kept for good, feeds are a cache of ids."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from designbook.systems.news_feed.errors import IdTaken, StoreDown
from designbook.systems.news_feed.posts import Job, Post

__all__ = ["IDLE", "Entries", "FeedStore", "IdTaken", "PostStore", "StoreDown"]

IDLE = 30 * 86_400.0
"""Seconds after which a feed that nobody reads is dropped."""


class PostStore(Protocol):
    """Each call happens as a whole or not at all, also among several processes at once; repeating one does no harm.

    What a call did is kept through a crash of the process, memory excepted. All raise StoreDown.
    """

    def accept(self, post: Post, push_up_to: int) -> Post:
        """Keep the post and, in the same transaction, what is left to do for it.

        Up to `push_up_to` followers, that is a job in the outbox. An author with more becomes `pulled`, for good: no
        job, since readers merge such authors' posts in at read. If the author accepted a post with this client id
        before, that post comes back, without its text if it was deleted, and nothing changes. Raises IdTaken.
        """

    def outbox(self, limit: int) -> list[Job]:
        """The jobs that have yet to reach the queue, oldest first, `limit` at most."""

    def relayed(self, posts: Sequence[int]) -> None:
        """Take the jobs of these posts out of the outbox: the queue has them now."""

    def delete(self, post: int, author: int) -> bool:
        """Erase the text of the author's post, and show it no more. False if there is no such post any more."""

    def author(self, post: int) -> int | None:
        """Who wrote the post, also when it is deleted; None if it never was."""

    def visible(self, reader: int, posts: Sequence[int]) -> list[Post]:
        """Those of the posts that the reader may see in a feed, newest first, each once; in one round trip.

        That is: not deleted; the author is the reader or is followed now; and neither of the two blocks the other.
        """

    def newest(self, authors: Sequence[int], before: int, limit: int) -> list[int]:
        """The newest `limit` posts of all these authors with ids below `before`, newest first: a merge at read."""

    def pulled(self, reader: int, before: int, limit: int) -> list[int]:
        """As `newest`, of the reader and of those whom the reader follows and whose posts are not pushed."""

    def follow(self, edges: Sequence[tuple[int, int]]) -> int:
        """Let each (reader, author) follow; says how many were new."""

    def unfollow(self, reader: int, author: int) -> bool:
        """End a follow. False if there was none."""

    def followers(self, author: int, after: int, limit: int) -> list[int]:
        """The first `limit` followers with ids above `after`, ascending: one page of a fan-out; -1 begins."""

    def follower_count(self, author: int) -> int:
        """How many follow the author."""

    def followed(self, reader: int) -> list[int]:
        """Whom the reader follows, ascending."""

    def block(self, user: int, other: int) -> bool:
        """Hide the two from each other, whoever follows whom. False if the user blocked the other before."""

    def unblock(self, user: int, other: int) -> bool:
        """End the user's own block. False if there was none."""

    def like(self, reader: int, post: int, author: int, time: float) -> bool:
        """Keep that the reader liked a post at `time` (Unix seconds). False if they did before."""

    def likes(self, reader: int, authors: Sequence[int], until: float) -> Mapping[int, int]:
        """How many posts of each author the reader liked up to the moment `until`; authors without one are left out."""

    def close(self) -> None:
        """Give the connections back."""


class Entries(NamedTuple):
    """A page of a feed: ids, newest first; `complete` if the feed is not full, so that older ones are nowhere else."""

    posts: list[int]
    complete: bool


class FeedStore(Protocol):
    """For each user who reads, the ids of the newest `MAX_ENTRIES` posts that were pushed, each once.

    A feed is absent, begun, or ready. Nobody misses a post while it becomes ready, if who rebuilds it calls `begin`,
    then reads the post store, then calls `fill`: what is pushed meanwhile is kept, and what was pushed before is in the
    post store by then. A feed that was not read for the store's `idle` seconds is absent. All raise StoreDown.
    """

    def push(self, entries: Sequence[tuple[int, int]]) -> None:
        """Put each (user, post) into the user's feed, unless that is absent; twice is as good as once.

        One round trip, however many. If it raises StoreDown, some may be there; push them again.
        """

    def read(self, user: int, before: int, limit: int) -> Entries | None:
        """The newest `limit` posts with ids below `before`; None if the feed is not ready.

        Where these are fewer than `limit` and not `complete`, older ones may be in the post store.
        """

    def begin(self, user: int) -> int:
        """Let an absent feed take what is pushed from now on; gives a number for this life of the feed.

        A feed that is begun or ready stays as it is and gives its number again, so that several may rebuild it at once.
        """

    def fill(self, user: int, life: int, posts: Sequence[int]) -> bool:
        """Add posts to the feed that was begun with this number, and make it ready. False if that feed is gone."""

    def drop(self, user: int) -> None:
        """Make the feed absent."""

    def close(self) -> None:
        """Give the connections back."""
