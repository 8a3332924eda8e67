"""The news feed itself: posts go out to those who follow, and come together again in their feeds."""

import time
from collections.abc import Callable
from typing import NamedTuple

from designbook.systems.news_feed.errors import Refused, UnknownPost
from designbook.systems.news_feed.posts import MAX_ENTRIES, MAX_ID, Post, check_client_id, check_id, check_text
from designbook.systems.news_feed.ranking import Ranked, rank
from designbook.systems.news_feed.stores import FeedStore, PostStore

PUSH_UP_TO = 1_000
"""Followers up to whom an author's posts are pushed into feeds."""
MAX_PAGE = 200
"""Posts in one answer; as many are ranked."""
ROUNDS = 4
"""How often one call looks for more posts where some were deleted or hidden."""


class Page(NamedTuple):
    """Posts, newest first, and the cursor of the next page: None at the end."""

    posts: list[Post]
    before: int | None


class RankedCursor(NamedTuple):
    """Where a ranked page ended: at a post's score, among the posts below `before`, as it was at the moment `now`."""

    before: int
    now: float
    score: float
    post: int


class RankedPage(NamedTuple):
    """Ranked posts, and the cursor of the next page: None at the end."""

    items: list[Ranked]
    cursor: RankedCursor | None


class NewsFeed:
    """Shows each reader what those they follow post. It keeps no state: as many servers as you like share the stores.

    Any whole number from 0 to 2^63 - 1 is a user. What raises Refused has changed nothing; after StoreDown nobody
    knows: then do the same again, which does no harm.
    """

    def __init__(
        self,
        posts: PostStore,
        feeds: FeedStore,
        next_id: Callable[[], int],
        *,
        push_up_to: int = PUSH_UP_TO,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`next_id` gives a new snowflake at each call. More than `push_up_to` followers are not pushed to."""
        self.posts = posts
        self.feeds = feeds
        self.next_id = next_id
        self.push_up_to = push_up_to
        self.clock = clock

    def post(self, author: int, client_id: str, text: str) -> Post:
        """Post a text: kept for good, and on its way to the followers, when this returns.

        The same `client_id` from the same author again gives the post that it became first.
        Raises Refused, IdTaken or StoreDown.
        """
        check_id("author", author)
        check_client_id(client_id)
        check_text(text)
        return self.posts.accept(Post(self.next_id(), author, client_id, text), self.push_up_to)

    def delete(self, author: int, post: int) -> bool:
        """Erase one's own post; no feed shows it from now on. False if it was deleted before.

        Raises UnknownPost if there never was such a post, Refused if it is somebody else's, or StoreDown.
        """
        check_id("author", author)
        check_id("post", post)
        wrote = self.posts.author(post)
        if wrote is None:
            raise UnknownPost(post)
        if wrote != author:
            raise Refused("author", f"did not write post {post}", author)
        return self.posts.delete(post, author)

    def follow(self, reader: int, author: int) -> bool:
        """Show the author's posts to the reader, also those that are there. False if it was so before.

        The older posts are put into the reader's feed after the follow is kept: if StoreDown comes between the two,
        they are missing there until the follow is sent again. Raises Refused or StoreDown.
        """
        self._check_pair("reader", reader, "author", author)
        new = self.posts.follow([(reader, author)])
        self.feeds.push([(reader, post) for post in self.posts.newest([author], MAX_ID, MAX_ENTRIES)])
        return bool(new)

    def unfollow(self, reader: int, author: int) -> bool:
        """Show the author's posts no more. False if the reader did not follow. Raises Refused or StoreDown."""
        self._check_pair("reader", reader, "author", author)
        return self.posts.unfollow(reader, author)

    def block(self, user: int, other: int) -> bool:
        """Hide the posts of each from the other. False if the user blocked the other before.

        Follows stay as they are, so that an unblock brings all back, and nobody is told. Raises Refused or StoreDown.
        """
        self._check_pair("user", user, "other", other)
        return self.posts.block(user, other)

    def unblock(self, user: int, other: int) -> bool:
        """End the user's own block. False if there was none. Raises Refused or StoreDown."""
        self._check_pair("user", user, "other", other)
        return self.posts.unblock(user, other)

    def like(self, reader: int, post: int) -> bool:
        """Keep that the reader likes a post, which raises its author in their ranking. False if they did before.

        Raises Refused, UnknownPost if the reader's feed cannot show it, or StoreDown.
        """
        check_id("reader", reader)
        check_id("post", post)
        found = self.posts.visible(reader, [post])
        if not found:
            raise UnknownPost(post)
        return self.posts.like(reader, post, found[0].author, self.clock())

    def feed(self, reader: int, before: int = MAX_ID, count: int = 50) -> Page:
        """The newest `count` posts with ids below `before` by those whom the reader follows and by the reader.

        Pages that follow one cursor after the other never show a post twice, and posts that arrive meanwhile do not
        shift them. A page can be short before the end, where many of its posts were deleted or hidden. The newest 800
        come from the reader's feed, older ones are merged at read; a feed that is not there is rebuilt first.
        Raises Refused or StoreDown.
        """
        check_id("reader", reader)
        check_id("before", before)
        _check_count(count)
        shown = list[Post]()
        for _ in range(ROUNDS):
            found = self._candidates(reader, before, count)
            shown += self.posts.visible(reader, found)
            if len(found) < count and len(shown) <= count:
                return Page(shown, None)
            if len(shown) >= count:
                return Page(shown[:count], shown[count - 1].id)
            before = found[-1]
        return Page(shown, before)

    def ranked(self, reader: int, cursor: RankedCursor | None = None, count: int = 50) -> RankedPage:
        """The `count` posts that are worth most to the reader, among the newest 200, with the reason for each place.

        The cursor keeps the moment of the first page, so that no post is shown twice, and later posts and likes do not
        shift the pages that follow. They end after those 200; `feed` goes on. Raises Refused or StoreDown.
        """
        check_id("reader", reader)
        _check_count(count)
        posts = self.feed(reader, MAX_ID if cursor is None else cursor.before, MAX_PAGE).posts
        before, now = (posts[0].id + 1 if posts else 0, self.clock()) if cursor is None else cursor[:2]
        likes = self.posts.likes(reader, list({post.author for post in posts}), now)
        items = rank(posts, likes, now)
        if cursor is not None:
            items = [item for item in items if (item.score, item.post.id) < (cursor.score, cursor.post)]
        if len(items) <= count:
            return RankedPage(items, None)
        last = items[count - 1]
        return RankedPage(items[:count], RankedCursor(before, now, last.score, last.post.id))

    def _candidates(self, reader: int, before: int, count: int) -> list[int]:
        """The newest `count` ids below `before` that may be shown; fewer are all that there are."""
        entries = self.feeds.read(reader, before, count)
        if entries is None:
            self._rebuild(reader)
            entries = self.feeds.read(reader, before, count)
        if entries is None or (len(entries.posts) < count and not entries.complete):
            return self.posts.newest([reader, *self.posts.followed(reader)], before, count)
        pulled = self.posts.pulled(reader, before, count)
        return sorted({*entries.posts, *pulled}, reverse=True)[:count]

    def _rebuild(self, reader: int) -> None:
        life = self.feeds.begin(reader)
        newest = self.posts.newest(self.posts.followed(reader), MAX_ID, MAX_ENTRIES)
        self.feeds.fill(reader, life, newest)

    def _check_pair(self, field: str, user: int, other_field: str, other: int) -> None:
        check_id(field, user)
        check_id(other_field, other)
        if user == other:
            raise Refused(other_field, f"is the {field} too", other)


def _check_count(count: int) -> None:
    if not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= MAX_PAGE:
        raise Refused("count", f"is not a whole number from 1 to {MAX_PAGE}", count)
