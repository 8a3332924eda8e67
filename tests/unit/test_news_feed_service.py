"""The service: what is refused, whose posts a feed shows and in what order, pages that hold still, and rebuilding."""

from itertools import count
from math import inf, nan

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from designbook.systems.news_feed.errors import Refused, UnknownPost
from designbook.systems.news_feed.posts import MAX_ENTRIES, MAX_ID, MAX_TEXT
from designbook.systems.news_feed.queues import MemoryQueue
from designbook.systems.news_feed.service import MAX_PAGE, ROUNDS, NewsFeed
from designbook.systems.news_feed.stores import MemoryFeedStore, MemoryPostStore
from designbook.systems.news_feed.worker import Worker

ANN, BOB, CID, DAN = 1, 2, 3, 4
STEP = 1 << 22
"""Between the ids of two posts that are a millisecond apart."""


class Counted:
    """A store, and how often each of its calls was made."""

    def __init__(self, store):
        self._store, self.calls = store, []

    def __getattr__(self, name):
        def call(*arguments):
            self.calls.append(name)
            return getattr(self._store, name)(*arguments)

        return call


class World:
    """A service on stores in memory, a worker to call, and a clock to move: a post a second."""

    def __init__(self, push_up_to=1_000):
        self.now = 1_800_000_000.0
        self.posts, self.feeds = Counted(MemoryPostStore()), Counted(MemoryFeedStore(100_000, lambda: self.now))
        self.numbers, self.ids = count(1), count(STEP, 1_000 * STEP)
        self.service = NewsFeed(
            self.posts, self.feeds, lambda: next(self.ids), push_up_to=push_up_to, clock=lambda: self.now
        )
        self.worker = Worker(MemoryQueue(), self.posts, self.feeds)

    def follow(self, *edges):
        for reader, author in edges:
            assert self.service.follow(reader, author)

    def post(self, author, times=1):
        return [self.service.post(author, f"c{next(self.numbers)}", "hello").id for _ in range(times)]

    def deliver(self):
        self.worker.work_off()

    def feed(self, reader, pages=1_000_000, count=50):
        """The ids on the first `pages` pages, read one cursor after the other."""
        found, before = [], MAX_ID
        while before is not None and pages:
            page = self.service.feed(reader, before, count)
            assert len(page.posts) <= count
            found += [post.id for post in page.posts]
            before, pages = page.before, pages - 1
        return found


@pytest.fixture
def world():
    return World()


# -- what is refused

GOOD = {
    "post": {"author": ANN, "client_id": "c", "text": "hello"},
    "delete": {"author": ANN, "post": 1},
    "follow": {"reader": ANN, "author": BOB},
    "unfollow": {"reader": ANN, "author": BOB},
    "block": {"user": ANN, "other": BOB},
    "unblock": {"user": ANN, "other": BOB},
    "like": {"reader": ANN, "post": 1},
    "feed": {"reader": ANN, "before": MAX_ID, "count": 50},
    "ranked": {"reader": ANN, "cursor": None, "count": 50},
}
NO_IDS = (-1, MAX_ID + 1, 1.0, nan, inf, "1", None, True)
WRONG = [
    (call, field, value)
    for call, arguments in GOOD.items()
    for field in arguments
    if field not in ("text", "client_id", "count", "cursor")
    for value in NO_IDS
] + [
    *(("post", "client_id", value) for value in ("", "a b", "x" * 65, "\u00e9", "c\n", None, 7)),
    *(("post", "text", value) for value in ("", " \n\t", "x" * (MAX_TEXT + 1), "a\0b", "half \ud83d", None, 7, b"x")),
    *((call, "count", value) for call in ("feed", "ranked") for value in (0, -1, MAX_PAGE + 1, 1.0, "1", None, True)),
    ("follow", "author", ANN),
    ("unfollow", "author", ANN),
    ("block", "other", ANN),
    ("unblock", "other", ANN),
]


@pytest.mark.parametrize(("call", "field", "value"), WRONG)
def test_what_cannot_be_is_refused_by_its_field_and_asks_no_store(world, call, field, value):
    with pytest.raises(Refused, match=f"^{field}: ") as refused:
        getattr(world.service, call)(**GOOD[call] | {field: value})
    assert refused.value.field == field
    assert refused.value.value is value
    assert world.posts.calls == world.feeds.calls == []


def test_the_longest_and_the_largest_that_fit_are_taken(world):
    post = world.service.post(MAX_ID, "!" * 64, "\U0001f9d1" * MAX_TEXT)
    assert world.service.feed(MAX_ID, MAX_ID, MAX_PAGE).posts == [post]
    assert world.service.post(0, "~", ".").author == 0


# -- one's own post, and those of others


def test_my_own_post_is_in_my_feed_at_once_and_with_my_followers_when_it_is_delivered(world):
    world.follow((BOB, ANN))
    assert world.feed(BOB) == []
    (post,) = world.post(ANN)
    assert (world.feed(ANN), world.feed(BOB)) == ([post], [])
    world.deliver()
    assert (world.feed(ANN), world.feed(BOB), world.feed(CID)) == ([post], [post], [])


def test_a_post_sent_again_is_one_post_in_every_feed(world):
    world.follow((BOB, ANN))
    first = world.service.post(ANN, "same", "hello")
    world.deliver()
    assert world.service.post(ANN, "same", "hello again") == first
    world.deliver()
    assert world.feed(ANN) == world.feed(BOB) == [first.id]


def test_a_celebritys_post_is_merged_in_at_read_and_put_into_no_feed():
    world = World(push_up_to=2)
    world.follow((ANN, DAN), (BOB, DAN), (ANN, CID))
    before = world.post(DAN)
    world.follow((CID, DAN))
    assert world.feed(ANN) == before
    famous, other = world.post(DAN)[0], world.post(CID)[0]
    assert world.posts.outbox(9) == [(before[0], DAN), (other, CID)]
    world.deliver()
    assert world.feed(ANN) == [other, famous, *before]
    assert world.feeds.read(ANN, MAX_ID, 9).posts == [other, *before]
    for reader in (BOB, CID):
        world.service.unfollow(reader, DAN)
    assert world.feed(ANN) == [other, famous, *before], "also when there are fewer followers again"


def test_whom_i_begin_to_follow_is_there_with_older_posts_and_whom_i_leave_is_gone_at_once(world):
    old, own = world.post(BOB, 3), world.post(ANN)
    assert world.feed(ANN) == own
    world.follow((ANN, BOB))
    assert world.feed(ANN) == own + old[::-1]
    assert not world.service.follow(ANN, BOB)
    assert world.feed(ANN) == own + old[::-1]
    assert world.service.unfollow(ANN, BOB)
    assert world.feed(ANN) == own
    new = world.post(BOB)
    world.deliver()
    assert world.feed(ANN) == own
    world.follow((ANN, BOB))
    assert world.feed(ANN) == new + own + old[::-1]


def test_what_is_deleted_or_blocked_is_gone_at_once(world):
    world.follow((ANN, BOB), (BOB, ANN), (ANN, CID))
    bobs, cids, own = world.post(BOB, 2), world.post(CID), world.post(ANN)
    world.deliver()
    assert world.feed(ANN) == own + cids + bobs[::-1]
    assert world.service.delete(BOB, bobs[0])
    assert not world.service.delete(BOB, bobs[0])
    assert world.feed(ANN) == own + cids + bobs[1:]
    assert world.service.block(BOB, ANN)
    assert not world.service.block(BOB, ANN)
    assert (world.feed(ANN), world.feed(BOB)) == (own + cids, bobs[1:])
    assert world.service.unblock(BOB, ANN)
    assert not world.service.unblock(BOB, ANN)
    assert (world.feed(ANN), world.feed(BOB)) == (own + cids + bobs[1:], own + bobs[1:])


def test_only_the_author_deletes_a_post_and_only_one_that_was(world):
    (post,) = world.post(ANN)
    with pytest.raises(Refused, match=f"author: did not write post {post}"):
        world.service.delete(BOB, post)
    with pytest.raises(UnknownPost, match="no post 77"):
        world.service.delete(ANN, 77)
    assert world.feed(ANN) == [post]


# -- pages


def test_posts_that_arrive_between_two_pages_shift_nothing(world):
    world.follow((ANN, BOB))
    posts = world.post(BOB, 25)
    world.deliver()
    found, before = [], MAX_ID
    while before is not None:
        page = world.service.feed(ANN, before, 10)
        found += [post.id for post in page.posts]
        before = page.before
        world.post(BOB, 3)
        world.post(ANN)
        world.deliver()
    assert found == posts[::-1]


@pytest.mark.parametrize("number", [0, 1, 9, 10, 11, 20])
def test_the_last_page_says_that_it_is_the_last(world, number):
    world.follow((ANN, BOB))
    posts = world.post(BOB, number)
    world.deliver()
    assert world.feed(ANN, count=10) == posts[::-1]
    page = world.service.feed(ANN, posts[0] if posts else MAX_ID, 10)
    assert page == ([], None)


def test_a_page_is_filled_up_where_posts_are_gone(world):
    world.follow((ANN, BOB))
    posts = world.post(BOB, 40)
    world.deliver()
    assert len(world.feed(ANN)) == 40
    for post in posts[10:25] + posts[35:]:
        world.service.delete(BOB, post)
    left = (posts[:10] + posts[25:35])[::-1]
    assert world.feed(ANN, pages=1, count=15) == left[:15]
    assert world.feed(ANN, count=15) == world.feed(ANN, count=1) == left


def test_a_page_where_nearly_all_is_hidden_is_short_and_goes_on(world):
    world.follow((ANN, BOB), (ANN, CID))
    (old,), posts = world.post(CID), world.post(BOB, 10 * ROUNDS)
    world.service.block(BOB, ANN)
    world.deliver()
    page = world.service.feed(ANN, count=10)
    assert page == ([], posts[0])
    assert world.feed(ANN, count=10) == [old]


def test_beyond_800_entries_the_feed_goes_on_from_the_post_store(world):
    world.follow((ANN, BOB), (ANN, CID))
    world.feed(ANN)
    posts = [post for _ in range(MAX_ENTRIES // 2 + 30) for post in world.post(BOB) + world.post(CID)]
    world.deliver()
    entries = world.feeds.read(ANN, MAX_ID, 2_000)
    assert (len(entries.posts), entries.complete) == (MAX_ENTRIES, False)
    assert world.feed(ANN) == posts[::-1]
    assert world.feed(ANN, count=MAX_PAGE) == posts[::-1]


# -- how much a page asks of the stores


def test_a_page_of_50_reads_its_posts_with_one_call(world):
    world.follow((ANN, BOB))
    world.post(BOB, 120)
    world.deliver()
    world.feed(ANN)
    world.posts.calls.clear()
    world.feeds.calls.clear()
    assert len(world.feed(ANN, pages=1)) == 50
    assert (world.feeds.calls, world.posts.calls) == (["read"], ["pulled", "visible"])


def test_a_short_feed_is_not_merged_at_read(world):
    world.follow((ANN, BOB))
    world.feed(ANN)
    posts = world.post(BOB, 3)
    world.deliver()
    world.posts.calls.clear()
    assert world.feed(ANN) == posts[::-1]
    assert world.posts.calls == ["pulled", "visible"]


# -- feeds that come and go


def test_who_was_away_for_long_takes_no_memory_and_finds_everything_on_return(world):
    world.follow((ANN, BOB))
    posts = world.post(BOB, 2)
    world.deliver()
    assert world.feed(ANN) == posts[::-1]
    world.now += 100_001
    posts += world.post(BOB, 2)
    world.deliver()
    assert world.feeds.read(ANN, MAX_ID, 9) is None
    assert world.feed(ANN) == posts[::-1]
    posts += world.post(BOB)
    world.deliver()
    assert world.feeds.read(ANN, MAX_ID, 9).posts == world.feed(ANN) == posts[::-1]


def test_a_lost_feed_is_rebuilt_although_posts_are_on_their_way(world):
    world.follow((ANN, BOB), (ANN, CID))
    world.feed(ANN)
    posts = world.post(BOB, 3)
    world.deliver()
    posts += world.post(CID, 3)
    world.feeds.drop(ANN)
    assert world.feed(ANN) == posts[::-1]
    world.deliver()
    assert world.feed(ANN) == posts[::-1]


class Disturbed(MemoryFeedStore):
    """Feeds of which something happens between the reading of the post store and the fill."""

    meanwhile = None

    def fill(self, user, life, posts):
        if self.meanwhile:
            self.meanwhile()
        return super().fill(user, life, posts)


def test_a_post_that_comes_during_a_rebuild_is_not_missed(world):
    feeds = Disturbed()
    service = NewsFeed(world.posts, feeds, lambda: next(world.ids))
    worker = Worker(MemoryQueue(), world.posts, feeds)
    service.follow(ANN, BOB)
    (first,) = world.post(BOB)

    def meanwhile():
        world.post(BOB)
        worker.work_off()

    feeds.meanwhile = meanwhile
    shown = [post.id for post in service.feed(ANN).posts]
    assert len(shown) == 2
    assert shown[1] == first


def test_a_feed_that_goes_during_its_rebuild_is_read_from_the_post_store(world):
    feeds = Disturbed()
    service = NewsFeed(world.posts, feeds, lambda: next(world.ids))
    service.follow(ANN, BOB)
    posts = world.post(BOB, 3)
    feeds.meanwhile = lambda: feeds.drop(ANN)
    assert [post.id for post in service.feed(ANN, count=2).posts] == posts[:0:-1]
    assert feeds.read(ANN, MAX_ID, 9) is None


# -- ranking


def test_ranked_pages_follow_the_score_and_show_each_candidate_once(world):
    world.follow((ANN, BOB), (ANN, CID))
    for _ in range(30):
        world.post(BOB)
        world.post(CID)
    world.deliver()
    newest = world.feed(ANN)
    for post in newest[50:57:2]:
        world.service.like(ANN, post)
    found, cursor = [], None
    while True:
        page = world.service.ranked(ANN, cursor, 7)
        assert len(page.items) == 7 or page.cursor is None
        found += page.items
        cursor = page.cursor
        if cursor is None:
            break
        world.now += 3_600
        world.post(BOB)  # later posts and likes shift nothing
        world.deliver()
        world.service.like(ANN, newest[len(found)])
    assert sorted((item.post.id for item in found), reverse=True) == newest
    assert [item.place for item in found] == list(range(1, 61))
    assert [item.score for item in found] == sorted((item.score for item in found), reverse=True)
    assert all(item.score == item.recency + item.affinity for item in found)
    assert found[0].likes == 4


def test_posts_of_equal_worth_are_each_on_one_page_newest_first(world):
    world.ids = count(500_000_000_000 << 22)  # all in one millisecond
    posts = world.post(ANN, 5)
    found, cursor = [], None
    for _ in posts:
        page = world.service.ranked(ANN, cursor, 1)
        found += [item.post.id for item in page.items]
        cursor = page.cursor
    assert (found, cursor) == (posts[::-1], None)


def test_among_posts_of_one_time_those_of_the_author_i_like_come_first(world):
    world.follow((ANN, BOB), (ANN, CID), (ANN, DAN))
    posts = world.post(BOB) + world.post(CID) + world.post(DAN)
    world.deliver()
    assert [item.post.author for item in world.service.ranked(ANN).items] == [DAN, CID, BOB]
    assert world.service.like(ANN, posts[0])
    assert not world.service.like(ANN, posts[0])
    assert [item.post.author for item in world.service.ranked(ANN).items] == [BOB, DAN, CID]
    assert [item.post.author for item in world.service.ranked(BOB).items] == [BOB], "a like is its reader's own"


def test_the_200_newest_are_ranked_and_nothing_is_an_empty_page(world):
    assert world.service.ranked(ANN) == ([], None)
    posts = world.post(ANN, MAX_PAGE + 1)
    first = world.service.ranked(ANN, None, MAX_PAGE)
    assert ([item.post.id for item in first.items], first.cursor) == (posts[:0:-1], None)


def test_what_a_reader_cannot_see_cannot_be_liked(world):
    world.follow((ANN, BOB))
    (post,) = world.post(BOB)
    for reader, number in ((CID, post), (ANN, 77)):
        with pytest.raises(UnknownPost):
            world.service.like(reader, number)
    world.service.delete(BOB, post)
    with pytest.raises(UnknownPost):
        world.service.like(ANN, post)


# -- any sequence of calls, beside a list of all posts that is filtered when it is read


class Naive:
    def __init__(self):
        self.posts, self.edges, self.blocks = {}, set(), set()

    def feed(self, reader):
        def shows(author):
            if {(reader, author), (author, reader)} & self.blocks:
                return False
            return author == reader or (reader, author) in self.edges

        return [post for post in sorted(self.posts, reverse=True) if shows(self.posts[post])]


class Beside(RuleBasedStateMachine):
    """Feeds hold 20 entries here, so that they overflow; authors with more than one follower are merged at read."""

    users = st.sampled_from([ANN, BOB, CID, DAN])

    def __init__(self):
        super().__init__()
        self.world, self.model = World(push_up_to=1), Naive()
        self.sent, self.delivered = {}, True
        self.readers = {}

    @rule(author=users, times=st.integers(1, 9))
    def post(self, author, times):
        for post in self.world.post(author, times):
            self.model.posts[post] = author
        self.delivered = False

    @rule(author=users, name=st.sampled_from("xyz"))
    def retry(self, author, name):
        post = self.world.service.post(author, name, "hello").id
        if (author, name) in self.sent:
            assert post == self.sent[author, name]
        else:
            self.sent[author, name] = post
            self.model.posts[post] = author
        self.delivered = False

    @precondition(lambda self: self.model.posts)
    @rule(data=st.data())
    def delete(self, data):
        post = data.draw(st.sampled_from(sorted(self.model.posts)))
        assert self.world.service.delete(self.model.posts.pop(post), post)

    @rule(reader=users, author=users)
    def follow(self, reader, author):
        if reader != author:
            assert self.world.service.follow(reader, author) == ((reader, author) not in self.model.edges)
            self.model.edges.add((reader, author))

    @rule(reader=users, author=users)
    def unfollow(self, reader, author):
        if reader != author:
            assert self.world.service.unfollow(reader, author) == ((reader, author) in self.model.edges)
            self.model.edges.discard((reader, author))

    @rule(user=users, other=users, ends=st.booleans())
    def block(self, user, other, ends):
        if user != other:
            (self.world.service.unblock if ends else self.world.service.block)(user, other)
            (self.model.blocks.discard if ends else self.model.blocks.add)((user, other))

    @rule(user=users)
    def lose_a_feed(self, user):
        self.world.feeds.drop(user)

    @rule()
    def be_away(self):
        self.world.now += 100_001

    @rule()
    def deliver(self):
        self.world.deliver()
        self.delivered = True

    @rule(reader=users, count=st.integers(1, 9))
    def read(self, reader, count):
        self.world.feed(reader, 1, count)
        if self.delivered:
            assert self.world.feed(reader, count=count) == self.model.feed(reader)

    @rule(reader=users, count=st.integers(1, 9))
    def scroll(self, reader, count):
        """Read one more page from where the reader was: nothing twice, nothing that may not be seen."""
        seen, before = self.readers.get(reader, ([], MAX_ID))
        page = self.world.service.feed(reader, before, count)
        shown = [post.id for post in page.posts]
        assert shown == sorted(set(shown) - set(seen), reverse=True)
        assert set(shown) <= set(self.model.feed(reader))
        assert all(post < before for post in shown)
        self.readers[reader] = ([], MAX_ID) if page.before is None else (seen + shown, page.before)

    @invariant()
    def own_posts_are_there_at_once(self):
        for user in (ANN, BOB):
            own = [post for post in self.model.feed(user) if self.model.posts[post] == user]
            assert [post for post in self.world.feed(user) if self.model.posts[post] == user] == own


@pytest.mark.parametrize("feeds_read_first", [True, False])
def test_any_sequence_of_calls_shows_what_filtering_all_posts_at_read_shows(monkeypatch, feeds_read_first):
    monkeypatch.setattr("designbook.systems.news_feed.stores.memory.MAX_ENTRIES", 20)
    monkeypatch.setattr("designbook.systems.news_feed.service.MAX_ENTRIES", 20)

    class Variant(Beside):
        def __init__(self):
            super().__init__()
            if feeds_read_first:
                for user in (ANN, BOB, CID, DAN):
                    self.world.feed(user)

    run_state_machine_as_test(Variant, settings=settings(max_examples=60, stateful_step_count=40, deadline=None))
