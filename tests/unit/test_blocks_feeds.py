"""Feeds and merging at read: what they hold and show, against twins that keep everything in plain sets and lists."""

from heapq import merge
from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from designbook.blocks.feeds import BLOCK, SPARE, Feeds
from designbook.blocks.merging import newest

USERS = 5


class PlainFeeds:
    """The twin: every id that a user was ever sent, in a set."""

    def __init__(self, limit):
        self.limit, self.sent = limit, [set() for _ in range(USERS)]

    def push(self, user, post):
        self.sent[user].add(post)

    def page(self, user, count, before=None):
        kept = sorted(self.sent[user], reverse=True)[: self.limit]
        return [post for post in kept if before is None or post < before][:count]

    def drop(self, user):
        self.sent[user].clear()


def both(limit):
    return Feeds(USERS, limit), PlainFeeds(limit)


def pages_agree(feeds, twin, limit):
    for user in range(USERS):
        whole = twin.page(user, limit + 1)
        assert feeds.page(user, limit + 1) == whole
        for before in (*whole[:: max(1, limit // 3)], 0, 7, 1 << 62):
            assert feeds.page(user, 4, before) == twin.page(user, 4, before)
            assert feeds.page(user, BLOCK + 1, before) == twin.page(user, BLOCK + 1, before)


posts = st.integers(0, 60) | st.integers(0, 2**63 - 1)
entries = st.lists(st.tuples(st.integers(0, USERS - 1), posts), max_size=80)


@given(st.integers(1, 40), st.lists(entries | st.integers(0, USERS - 1), max_size=12))
def test_a_feed_shows_the_newest_each_once_however_they_came(limit, steps):
    feeds, twin = both(limit)
    for step in steps:
        if isinstance(step, int):
            feeds.drop(step)
            twin.drop(step)
            continue
        feeds.push([user for user, _ in step], [post for _, post in step])
        for user, post in step:
            twin.push(user, post)
        user = len(step) % USERS
        assert feeds.page(user, 5) == twin.page(user, 5)
    pages_agree(feeds, twin, limit)


@given(
    st.integers(1, 70),
    st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=200),
    st.integers(0, 2**32 - 1),
)
def test_posts_mostly_in_order_wrap_round_a_feed_many_times_and_none_is_lost(limit, arrivals, seed):
    """`arrivals` are a user each, and whether an earlier post comes again in place of a new one."""
    feeds, twin = both(limit)
    rng = np.random.default_rng(seed)
    for post, (user, again) in enumerate(arrivals):
        burst = np.arange(post * 10, post * 10 + int(rng.integers(1, 10)))
        if again:
            burst = rng.integers(0, post * 10 + 1, size=3)
        feeds.push(user, burst)
        for each in burst.tolist():
            twin.push(user, each)
        if rng.random() < 0.2:
            assert feeds.page(user, 9) == twin.page(user, 9)
    pages_agree(feeds, twin, limit)


graphs = st.lists(st.lists(st.integers(0, USERS - 1), unique=True), min_size=1, max_size=6)


@given(graphs, st.lists(st.tuples(posts, st.integers(0, 5)), max_size=60), st.integers(1, 40), st.integers(1, 50))
def test_a_fan_out_delivers_each_post_to_each_follower_of_its_author_in_chunks_of_any_size(
    graph, written, limit, at_once
):
    feeds, twin = both(limit)
    written = [(post, author % len(graph)) for post, author in written]
    first = np.cumsum([0, *map(len, graph)])
    followers = np.array([reader for readers in graph for reader in readers], np.int32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("designbook.blocks.feeds.AT_ONCE", at_once)
        done = feeds.fan_out([post for post, _ in written], [author for _, author in written], first, followers)
    for post, author in written:
        for reader in graph[author]:
            twin.push(reader, post)
    assert done == sum(len(graph[author]) for _, author in written)
    pages_agree(feeds, twin, limit)


def test_a_post_that_comes_twice_is_shown_once_and_pushes_no_other_out():
    feeds = Feeds(2, 800)
    feeds.push(1, np.arange(800))
    for _ in range(3):
        feeds.push(1, np.arange(400, 800))
        feeds.push(1, 799)
    assert feeds.page(1, 1_000) == list(range(799, -1, -1))
    feeds.push(1, 800)
    assert feeds.page(1, 1_000) == list(range(800, 0, -1))
    assert feeds.page(0, 10) == []


def test_a_late_post_takes_its_place_by_its_id_and_one_older_than_a_full_feed_is_not_shown():
    feeds = Feeds(1, 800)
    feeds.push(0, np.arange(10, 1_610, 2))
    feeds.push(0, [301, 3])
    page = feeds.page(0, 800)
    assert len(page) == 800
    assert page == sorted(page, reverse=True)
    assert 301 in page
    assert 3 not in page
    assert page[-1] == 12


def test_a_page_goes_on_below_the_last_id_although_posts_arrive_meanwhile():
    feeds = Feeds(1)
    feeds.push(0, np.arange(100, 300))
    read, last = list[int](), None
    for step in range(5):
        page = feeds.page(0, 50, last)
        read += page
        last = page[-1] if page else last
        feeds.push(0, [1_000 + step, 2_000 - step])
    assert read == list(range(299, 99, -1))


def test_a_feed_takes_the_blocks_that_it_needs_and_gives_them_back():
    feeds = Feeds(1_000, 800)
    empty = feeds.memory
    assert empty == 9 * 1_000
    feeds.push(np.arange(1_000), 1)
    assert feeds.memory <= empty + 1_000 * Feeds.BLOCK_BYTES * 1.125
    small = feeds.memory
    feeds.push(7, np.arange(5_000))
    blocks = 800 // BLOCK + SPARE
    assert feeds.memory <= small + blocks * Feeds.BLOCK_BYTES * 1.125
    full = feeds.memory
    for _ in range(5):
        feeds.drop(7)
        feeds.push(8, np.arange(5_000))
        feeds.drop(8)
        feeds.push(7, np.arange(5_000)[::-1])
        assert feeds.page(7, 3) == [4_999, 4_998, 4_997]
    assert feeds.memory <= full + 8 * 2 * blocks, "the same blocks went round"
    assert feeds.page(9, 5) == [1]


def test_a_repeated_delivery_to_a_small_feed_does_not_make_it_grow_for_good():
    feeds = Feeds(1, 800)
    feeds.push(0, np.arange(BLOCK))
    for _ in range(10):
        feeds.push(0, np.arange(BLOCK))
        feeds.page(0, 1)
    assert feeds.memory <= 9 + 3 * Feeds.BLOCK_BYTES + 8 * 2


GRAPH = np.array([0, 2]), np.array([0, 1], np.int32)


@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        (lambda feeds: feeds.push([0, 3], [5, 5]), "users are whole numbers from 0 to 2, not 0 to 3"),
        (lambda feeds: feeds.push([0, -1], 5), "users .* not -1 to 0"),
        (lambda feeds: feeds.push([0.5], 5), "users are whole numbers"),
        (lambda feeds: feeds.push([0, 1], [5, -5]), "posts are whole numbers from 0 to 9223372036854775807, not -5"),
        (lambda feeds: feeds.push(0, 1 << 63), "posts are whole numbers"),
        (lambda feeds: feeds.push([0, 1], [5, 6, 7]), r"shapes \(2,\) of users and \(3,\) of posts"),
        (lambda feeds: feeds.fan_out([5, 6], [0, 1], *GRAPH), "authors are whole numbers from 0 to 0, not 0 to 1"),
        (lambda feeds: feeds.fan_out([5, 6], [0], *GRAPH), r"shapes \(2,\) and \(1,\)"),
        (lambda feeds: feeds.fan_out([-5], [0], *GRAPH), "posts are whole numbers"),
        (lambda feeds: feeds.fan_out([5], [0], [0, 2], np.array([0, 3])), "followers are .* from 0 to 2, not 0 to 3"),
        (lambda feeds: feeds.fan_out([5], [0], [0, 3], np.array([0, 1])), "first are .* from 0 to 2, not 0 to 3"),
        (lambda feeds: feeds.page(3, 5), "user and count are 3 and 5, expected 0 to 2"),
        (lambda feeds: feeds.page(0, -1), "user and count are 0 and -1"),
        (lambda feeds: feeds.drop(-1), "user is -1, expected 0 to 2"),
    ],
)
def test_what_is_out_of_bounds_is_named_and_nothing_is_delivered(call, complaint):
    feeds = Feeds(3)
    with pytest.raises(ValueError, match=complaint):
        call(feeds)
    assert [feeds.page(user, 5) for user in range(3)] == [[], [], []]


@pytest.mark.parametrize(("users", "limit"), [(-1, 800), (1 << 31, 800), (5, 0)])
def test_feeds_that_cannot_be_are_refused(users, limit):
    with pytest.raises(ValueError, match=f"not {users} and {limit}"):
        Feeds(users, limit)


def test_nothing_to_deliver_is_delivered():
    feeds = Feeds(3)
    feeds.push([], [])
    feeds.push(0, [])
    assert feeds.fan_out([], [], *GRAPH) == 0
    assert Feeds(0).memory == 0


# -- merging


ascending = st.lists(st.integers(0, 300), unique=True).map(sorted)


@given(st.integers(0, 30), st.lists(ascending, max_size=40), st.none() | st.integers(0, 310))
def test_the_newest_of_many_lists_are_those_of_all_sorted(count, lists, before):
    everything = {item for items in lists for item in items if before is None or item < before}
    assert newest(count, lists, before) == sorted(everything, reverse=True)[:count]


def test_the_newest_agree_with_heapq_merge_where_no_item_is_in_two_lists():
    rng = np.random.default_rng(5)
    lists = [sorted(rng.choice(1 << 40, size=int(rng.integers(0, 80)), replace=False).tolist()) for _ in range(500)]
    wanted = list(islice(merge(*(items[::-1] for items in lists), reverse=True), 50))
    assert newest(50, lists) == wanted
    assert newest(50, list(map(tuple, lists)), wanted[10]) == [*wanted[11:], *newest(11, lists, wanted[-1])]


def test_only_lists_that_can_contribute_are_merged():
    class Counted(list):
        read = 0

        def __reversed__(self):
            Counted.read += 1
            return super().__reversed__()

    lists = [Counted([number, number + 1_000]) for number in range(500)]
    assert newest(20, lists) == list(range(1_499, 1_479, -1))
    assert Counted.read == 20


def test_a_negative_count_is_refused():
    with pytest.raises(ValueError, match="count is -1"):
        newest(-1, [[1]])
