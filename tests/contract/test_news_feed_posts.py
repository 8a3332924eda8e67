"""One contract, every post store of the news feed: memory, SQLite, PostgreSQL."""

import json
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import psycopg
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from designbook.engines import postgres, sqlite
from designbook.systems.news_feed.posts import MAX_ID, MAX_TEXT, Job, Post
from designbook.systems.news_feed.stores import IdTaken, MemoryPostStore, StoreDown, open_post_store
from tests.engines_here import Child, address, until_down, want
from tests.together import at_once

ENGINES = {"sqlite": sqlite, "postgres": postgres}
TABLES = ("author", "post", "outbox", "edge", "block", "liked")
PUSH = 1_000
ANN, BOB, CID, DAN = 1, 2, 3, MAX_ID


@pytest.fixture(scope="module", params=["memory", *ENGINES])
def url(request):
    """The address of each kind of store; one engine for all tests of this file."""
    yield from address(request.param, ENGINES)


@pytest.fixture
def store(url):
    opened = fresh(url)
    yield opened
    opened.close()


def fresh(url):
    """A store at `url` that has nothing in it."""
    opened = open_post_store(url)
    if url.startswith("postgres"):
        with psycopg.connect(url) as database:
            database.execute(f"truncate {', '.join(TABLES)}")
    elif url.startswith("sqlite"):
        with opened._file.transaction() as database:
            for table in TABLES:
                database.execute(f"delete from {table}")
    return opened


def post(number, author=ANN, client_id=None, text="hello"):
    return Post(number, author, client_id or f"c{number}", text)


def ids(posts):
    return [one.id for one in posts]


class Naive:
    """The same promises, kept by going through everything that ever happened."""

    def __init__(self):
        self.posts, self.deleted, self.jobs, self.merged = [], set(), [], set()
        self.edges, self.blocks, self.liked = set(), set(), []

    def accept(self, new, push_up_to):
        for old in self.posts:
            if (old.author, old.client_id) == (new.author, new.client_id):
                return old
        if new.id in ids(self.posts):
            raise IdTaken(new.id)
        self.posts.append(new)
        if self.follower_count(new.author) > push_up_to:
            self.merged.add(new.author)
        if new.author not in self.merged:
            self.jobs.append(Job(new.id, new.author))
        return new

    def outbox(self, limit):
        return sorted(self.jobs)[:limit]

    def relayed(self, posts):
        self.jobs = [job for job in self.jobs if job.post not in posts]

    def delete(self, number, author):
        for place, old in enumerate(self.posts):
            if (old.id, old.author) == (number, author) and number not in self.deleted:
                self.posts[place] = replace(old, text="")
                self.deleted.add(number)
                self.relayed([number])
                return True
        return False

    def author(self, number):
        return next((one.author for one in self.posts if one.id == number), None)

    def visible(self, reader, posts):
        hidden = {b for a, b in self.blocks if a == reader} | {a for a, b in self.blocks if b == reader}
        shown = {author for who, author in self.edges if who == reader} | {reader}
        found = [one for one in self.posts if one.id in posts and one.id not in self.deleted]
        return sorted((one for one in found if one.author in shown - hidden), key=lambda one: -one.id)

    def newest(self, authors, before, limit):
        found = [one.id for one in self.posts if one.author in authors and one.id not in self.deleted]
        return sorted((number for number in found if number < before), reverse=True)[:limit]

    def pulled(self, reader, before, limit):
        return self.newest([reader, *(set(self.followed(reader)) & self.merged)], before, limit)

    def follow(self, edges):
        new = set(edges) - self.edges
        self.edges |= new
        return len(new)

    def unfollow(self, reader, author):
        return self._leave(self.edges, (reader, author))

    def followers(self, author, after, limit):
        return sorted(who for who, whom in self.edges if whom == author and who > after)[:limit]

    def follower_count(self, author):
        return sum(whom == author for _, whom in self.edges)

    def followed(self, reader):
        return sorted(whom for who, whom in self.edges if who == reader)

    def block(self, user, other):
        new = (user, other) not in self.blocks
        self.blocks.add((user, other))
        return new

    def unblock(self, user, other):
        return self._leave(self.blocks, (user, other))

    def like(self, reader, number, author, time):
        new = (reader, number) not in [one[:2] for one in self.liked]
        if new:
            self.liked.append((reader, number, author, time))
        return new

    def likes(self, reader, authors, until):
        liked = [author for who, _, author, time in self.liked if who == reader and time <= until]
        return {author: liked.count(author) for author in liked if author in authors}

    def _leave(self, pairs, pair):
        there = pair in pairs
        pairs.discard(pair)
        return there


# -- each call by itself


def test_a_post_sent_again_is_the_post_that_it_became_first(store):
    first = store.accept(post(10, text="as sent first"), PUSH)
    assert first == post(10, text="as sent first")
    assert store.accept(post(11, client_id="c10", text="again"), PUSH) == first
    assert store.accept(first, PUSH) == first
    assert store.accept(post(12, BOB, "c10"), PUSH).id == 12, "a client id is its author's own"
    assert store.visible(ANN, [10, 11, 12]) == [first]
    assert store.outbox(9) == [(10, ANN), (12, BOB)]


def test_an_id_that_is_taken_is_refused_without_a_trace(store):
    store.accept(post(10), PUSH)
    with pytest.raises(IdTaken, match="post 10"):
        store.accept(post(10, BOB, "other"), PUSH)
    with pytest.raises(IdTaken):
        store.accept(post(10, ANN, "other"), -1)
    assert store.newest([ANN, BOB], MAX_ID, 9) == [10]
    assert store.outbox(9) == [(10, ANN)]
    assert store.accept(post(11, BOB, "other"), PUSH).id == 11
    assert store.accept(post(12, ANN, "other"), PUSH).id == 12
    assert len(store.outbox(9)) == 3, "the refused post pulled nobody"


def test_any_text_comes_back_as_it_was_sent(store):
    texts = ["it's \\ 100%s {x} $1", "two\nlines\r\n\t", "\U0001f9d1\u200d\U0001f680 \u202etxet", '"', "x" * MAX_TEXT]
    sent = [store.accept(post(number, text=text), PUSH) for number, text in enumerate(texts)]
    assert [one.text for one in reversed(store.visible(ANN, range(len(texts))))] == texts == [one.text for one in sent]


def test_a_job_stays_in_the_outbox_until_it_is_relayed_and_comes_only_once(store):
    for number in (12, 10, 11):
        store.accept(post(number), PUSH)
    assert store.outbox(2) == [Job(10, ANN), Job(11, ANN)]
    store.relayed([10, 11])
    store.relayed([10, 99])
    store.relayed([])
    store.accept(post(10), PUSH)
    assert store.outbox(9) == [Job(12, ANN)]


def test_an_author_with_more_followers_than_that_is_pulled_for_good(store):
    store.follow([(reader, ANN) for reader in (BOB, CID, DAN)])
    store.accept(post(10), 3)
    assert (store.outbox(9), store.pulled(BOB, MAX_ID, 9)) == ([(10, ANN)], [])
    store.accept(post(11), 2)
    assert (store.outbox(9), store.pulled(BOB, MAX_ID, 9)) == ([(10, ANN)], [11, 10])
    for reader in (BOB, CID, DAN):
        store.unfollow(reader, ANN)
    store.follow([(BOB, ANN)])
    store.accept(post(12), PUSH)
    assert (store.outbox(9), store.pulled(BOB, MAX_ID, 9)) == ([(10, ANN)], [12, 11, 10])
    assert store.pulled(CID, MAX_ID, 9) == [], "only those who follow merge them in"


def test_nobody_is_pushed_where_the_limit_is_below_zero(store):
    store.accept(post(10), -1)
    assert store.outbox(9) == []
    store.follow([(BOB, ANN)])
    assert store.pulled(BOB, MAX_ID, 9) == [10]


def test_readers_merge_their_own_posts_in(store):
    for number in (10, 11, 12):
        store.accept(post(number), PUSH)
    assert store.pulled(ANN, 12, 1) == [11]
    assert store.pulled(BOB, 12, 1) == []


def test_a_deleted_post_is_nowhere_and_does_not_come_back(store):
    store.follow([(BOB, ANN)])
    for number in (10, 11):
        store.accept(post(number), PUSH)
    assert not store.delete(10, BOB), "somebody else's"
    assert not store.delete(99, ANN)
    assert store.delete(10, ANN)
    assert not store.delete(10, ANN)
    assert store.visible(BOB, [10, 11]) == [post(11)]
    assert store.newest([ANN], MAX_ID, 9) == store.pulled(ANN, MAX_ID, 9) == [11]
    assert store.outbox(9) == [(11, ANN)]
    assert store.accept(post(12, client_id="c10"), PUSH) == post(10, text="")
    assert store.newest([ANN], MAX_ID, 9) == [11]
    assert (store.author(10), store.author(11), store.author(99)) == (ANN, ANN, None)
    with pytest.raises(IdTaken):
        store.accept(post(10, BOB), PUSH)


def test_visible_are_posts_of_the_reader_and_of_those_followed_newest_first_and_each_once(store):
    for number, author in ((10, ANN), (11, BOB), (12, CID), (13, ANN)):
        store.accept(post(number, author), PUSH)
    store.follow([(ANN, BOB)])
    assert ids(store.visible(ANN, [11, 10, 12, 13, 10, 99])) == [13, 11, 10]
    assert ids(store.visible(BOB, [10, 11, 12, 13])) == [11]
    assert ids(store.visible(ANN, [10])) == [10]
    assert store.visible(ANN, []) == []
    store.unfollow(ANN, BOB)
    assert ids(store.visible(ANN, [10, 11, 12, 13])) == [13, 10]


@pytest.mark.parametrize(("blocker", "blocked"), [(ANN, BOB), (BOB, ANN)])
def test_a_block_hides_both_ways_whatever_is_followed_and_ends_as_it_began(store, blocker, blocked):
    for number, author in ((10, ANN), (11, BOB), (12, CID)):
        store.accept(post(number, author), PUSH)
    store.follow([(ANN, BOB), (BOB, ANN), (ANN, CID), (BOB, CID)])
    assert store.block(blocker, blocked)
    assert not store.block(blocker, blocked)
    assert not store.unblock(blocked, blocker), "a block is its owner's"
    assert ids(store.visible(ANN, [10, 11, 12])) == [12, 10]
    assert ids(store.visible(BOB, [10, 11, 12])) == [12, 11]
    assert store.followed(ANN) == [BOB, CID]
    assert store.unblock(blocker, blocked)
    assert not store.unblock(blocker, blocked)
    assert ids(store.visible(ANN, [10, 11, 12])) == [12, 11, 10]


def test_the_newest_of_many_authors_come_page_by_page(store):
    rng = random.Random(1)
    authors = {number: rng.choice([ANN, BOB, CID, DAN]) for number in rng.sample(range(1_000), 200)}
    for number, author in authors.items():
        store.accept(post(number, author), PUSH)
    for asked in ([ANN, CID], [DAN], [ANN, BOB, CID, DAN, ANN]):
        wanted = sorted((number for number, author in authors.items() if author in asked), reverse=True)
        found, before = [], MAX_ID
        while page := store.newest(asked, before, 7):
            found, before = found + page, page[-1]
        assert found == wanted
    assert store.newest([], MAX_ID, 9) == store.newest([77], MAX_ID, 9) == store.newest([ANN], MAX_ID, 0) == []


@pytest.mark.parametrize("page", [1, 3, 10, 11])
def test_pages_of_followers_cover_each_once_in_order(store, page):
    readers = [*random.Random(2).sample(range(10**18), 9), 0]
    assert store.follow([(reader, ANN) for reader in readers] + [(ANN, BOB)]) == 11
    found, after = [], -1
    while readers_of_page := store.followers(ANN, after, page):
        assert len(readers_of_page) <= page
        found, after = found + readers_of_page, readers_of_page[-1]
    assert found == sorted(readers)
    assert store.followers(77, -1, page) == []


def test_a_follow_counts_once_and_ends_once(store):
    assert store.follow([(ANN, BOB), (ANN, BOB), (ANN, CID)]) == 2
    assert store.follow([(ANN, BOB), (DAN, BOB)]) == 1
    assert store.follow([]) == 0
    assert (store.follower_count(BOB), store.follower_count(CID), store.follower_count(ANN)) == (2, 1, 0)
    assert store.unfollow(ANN, BOB)
    assert not store.unfollow(ANN, BOB)
    assert not store.unfollow(BOB, ANN)
    assert (store.follower_count(BOB), store.followed(ANN), store.followed(BOB)) == (1, [CID], [])


def test_a_like_counts_once_from_its_moment_on(store):
    assert store.like(ANN, 10, BOB, 5.0)
    assert not store.like(ANN, 10, BOB, 4.0)
    assert store.like(ANN, 11, BOB, 6.5)
    assert store.like(ANN, 12, CID, 5.0)
    assert store.like(DAN, 10, BOB, 5.0)
    assert store.likes(ANN, [BOB, CID, DAN], 6.5) == {BOB: 2, CID: 1}
    assert store.likes(ANN, [BOB], 6.4) == {BOB: 1}
    assert store.likes(ANN, [BOB], 4.9) == store.likes(ANN, [], 9.0) == store.likes(CID, [BOB], 9.0) == {}


def test_two_clients_see_one_store(store, url):
    if url == "memory://":
        pytest.skip("memory is each client's own")
    other = open_post_store(url)
    store.accept(post(10), PUSH)
    assert other.accept(post(11, client_id="c10"), PUSH) == post(10)
    assert other.follow([(BOB, ANN)]) == 1
    assert store.follow([(BOB, ANN)]) == 0
    assert ids(store.visible(BOB, [10])) == ids(other.visible(BOB, [10])) == [10]
    other.close()


# -- many at once


def test_stores_that_are_opened_at_once_all_work(url):
    stores = at_once(8, lambda i: open_post_store(url))
    assert not [error for error in stores if isinstance(error, Exception)]
    for one in stores:
        one.close()


def test_one_post_sent_by_many_at_once_is_kept_once_with_one_job(store):
    """Half of them are retries with new ids, half the very same post again."""
    answers = at_once(30, lambda i: store.accept(post(10 + i // 2 * (i % 2), client_id="same"), PUSH))
    assert len({answer.id for answer in answers}) == 1, answers
    assert store.newest([ANN], MAX_ID, 99) == [answers[0].id]
    assert store.outbox(99) == [(answers[0].id, ANN)]


def test_the_very_same_post_sent_by_many_at_once_is_never_taken_for_another(store):
    """Two hundred times: only now and then do two inserts of one id meet in the database."""
    with ThreadPoolExecutor(8) as threads:
        for number in range(200):
            barrier = threading.Barrier(8)

            def send(number=number, barrier=barrier):
                barrier.wait(30)
                return store.accept(post(number), PUSH)

            answers = [threads.submit(send) for _ in range(8)]
            assert {answer.result() for answer in answers} == {post(number)}


def test_of_many_posts_with_one_id_exactly_one_is_kept(store):
    answers = at_once(20, lambda i: store.accept(post(10, i, "own"), PUSH))
    kept = [answer for answer in answers if isinstance(answer, Post)]
    assert len(kept) == 1
    assert sum(isinstance(answer, IdTaken) for answer in answers) == 19
    assert store.outbox(99) == [(10, kept[0].author)]


def test_follows_in_batches_at_once_count_each_follower_once_and_never_wait_in_a_circle(store):
    """Twenty clients let the same crowd follow the same ten authors, each in its own order, and some unfollow."""
    rng = random.Random(3)
    edges = [(reader, author) for reader in range(100, 130) for author in range(10)]
    batches = [rng.sample(edges, len(edges)) for _ in range(20)]

    def client(i):
        if i % 4 == 0:
            return [store.unfollow(*edge) for edge in batches[i][:20]].count(True)
        return -sum(store.follow(batches[i][k : k + 50]) for k in range(0, 300, 50))

    changes = at_once(20, client)
    assert not [error for error in changes if isinstance(error, Exception)], changes
    for author in range(10):
        assert store.follower_count(author) == len(store.followers(author, -1, 999))
    assert sum(store.follower_count(author) for author in range(10)) == -sum(changes)


def test_a_post_and_its_deletion_at_once_leave_either_a_post_or_nothing(store):
    for number in range(10):
        at_once(
            3,
            lambda i, number=number: (
                store.delete(number, ANN) if i else store.accept(post(number), PUSH),
                store.delete(number, ANN),
            ),
        )
    assert store.newest([ANN], MAX_ID, 99) == [job.post for job in store.outbox(99)] == []


def test_relays_at_once_lose_no_job(store):
    """Posts come in while two relays move jobs; a job may be seen twice, and each is seen."""
    seen = set()

    def client(i):
        if i < 4:
            for k in range(20):
                store.accept(post(100 * i + k), PUSH)
            return
        idle = 0
        while idle < 20:
            jobs = store.outbox(7)
            idle = 0 if jobs else idle + 1
            seen.update(jobs)
            store.relayed([job.post for job in jobs])
            time.sleep(0.005)

    assert at_once(6, client) == [None] * 6
    seen.update(store.outbox(99))
    assert {job.post for job in seen} == {100 * i + k for i in range(4) for k in range(20)}


# -- any sequence of calls, beside the plainest store


def test_any_sequence_of_calls_gives_what_going_through_everything_gives(url):
    users, numbers = st.sampled_from([ANN, BOB, CID]), st.integers(0, 30)
    names, limits = st.sampled_from(["x", "y", "z", *map(str, range(20))]), st.integers(0, 5)
    moments = st.sampled_from([1.0, 2.5, 7.25])

    class Beside(RuleBasedStateMachine):
        def __init__(self):
            super().__init__()
            self.real, self.model = fresh(url), Naive()

        def both(self, call):
            answers = []
            for one in (self.real, self.model):
                try:
                    answers.append(call(one))
                except IdTaken:
                    answers.append("taken")
            assert answers[0] == answers[1]

        @rule(number=numbers, author=users, name=names, text=st.sampled_from(["a", "b"]), most=st.integers(-1, 2))
        def accept(self, number, author, name, text, most):
            self.both(lambda one: one.accept(Post(number, author, name, text), most))

        @rule(posts=st.lists(numbers, max_size=3))
        def relayed(self, posts):
            self.both(lambda one: one.relayed(posts))

        @rule(number=numbers, author=users)
        def delete(self, number, author):
            self.both(lambda one: one.delete(number, author))

        @rule(edges=st.lists(st.tuples(users, users), max_size=3))
        def follow(self, edges):
            self.both(lambda one: one.follow(edges))

        @rule(reader=users, author=users)
        def unfollow(self, reader, author):
            self.both(lambda one: one.unfollow(reader, author))

        @rule(user=users, other=users, ends=st.booleans())
        def block(self, user, other, ends):
            self.both(lambda one: one.unblock(user, other) if ends else one.block(user, other))

        @rule(reader=users, number=numbers, author=users, moment=moments)
        def like(self, reader, number, author, moment):
            self.both(lambda one: one.like(reader, number, author, moment))

        @rule(reader=users, before=numbers, limit=limits, authors=st.lists(users), moment=moments)
        def look(self, reader, before, limit, authors, moment):
            self.both(lambda one: one.newest(authors, before, limit))
            self.both(lambda one: one.pulled(reader, before, limit))
            self.both(lambda one: one.followers(reader, before % 4 - 1, limit))
            self.both(lambda one: one.outbox(limit))
            self.both(lambda one: one.likes(reader, authors, moment))
            self.both(lambda one: one.author(before))

        @invariant()
        def all_is_equal(self):
            self.both(lambda one: one.outbox(99))
            for user in (ANN, BOB, CID):
                self.both(lambda one, user=user: one.visible(user, range(31)))
                self.both(lambda one, user=user: one.pulled(user, 99, 99))
                self.both(lambda one, user=user: (one.followed(user), one.follower_count(user)))

        def teardown(self):
            self.real.close()

    examples = 60 if url == "memory://" else 10
    run_state_machine_as_test(Beside, settings=settings(max_examples=examples, stateful_step_count=25, deadline=None))


# -- crashes

WRITER = """
import sys
from designbook.systems.news_feed.posts import Post
from designbook.systems.news_feed.stores import StoreDown, open_post_store
store = open_post_store(sys.argv[1])
print("ready", flush=True)
for number in range(100_000):
    try:
        store.accept(Post(number, 1, str(number), "text"), 1_000)
    except StoreDown:
        break
    print(number, flush=True)
"""


@pytest.mark.parametrize("make", [sqlite, postgres], ids=["sqlite", "postgres"])
@pytest.mark.parametrize("victim", ["writer", "engine"])
def test_what_was_accepted_is_there_after_kill_9_and_each_post_has_its_job(make, victim):
    """SQLite runs inside the writer, so there only the writer can be killed."""
    engine = make()
    want(engine.name)
    if victim == "engine" and make is sqlite:
        pytest.skip("SQLite has no process of its own")
    with engine as url:
        open_post_store(url).close()
        writer = Child(WRITER, url)
        assert writer.lines(1) == ["ready\n"]
        lines = writer.lines(random.randint(30, 60))
        if victim == "engine":
            engine.kill()
        else:
            writer.kill()
        accepted = [json.loads(line) for line in lines + writer.rest()]
        engine.restart()
        store = open_post_store(url)
        kept = store.newest([ANN], MAX_ID, 100_000)
        assert len(accepted) <= len(kept) <= len(accepted) + 1  # the one in flight may be there, unanswered
        assert set(accepted) <= set(kept)
        assert sorted(kept) == [job.post for job in store.outbox(100_000)]
        assert store.accept(post(200_000, client_id=str(accepted[-1])), PUSH).id == accepted[-1]
        store.close()


def test_a_store_says_that_its_engine_is_down_and_works_again_when_it_is_back():
    want("postgres")
    engine = postgres()
    with engine as url:
        store = open_post_store(url)
        store.accept(post(10), PUSH)
        at_once(5, lambda i: store.follower_count(ANN))
        engine.kill()
        until_down(lambda: store.follower_count(ANN), StoreDown)
        for call in (
            lambda: store.accept(post(11), PUSH),
            lambda: store.outbox(1),
            lambda: store.relayed([10]),
            lambda: store.delete(10, ANN),
            lambda: store.author(10),
            lambda: store.visible(ANN, [10]),
            lambda: store.newest([ANN], MAX_ID, 1),
            lambda: store.pulled(ANN, MAX_ID, 1),
            lambda: store.follow([(BOB, ANN)]),
            lambda: store.unfollow(BOB, ANN),
            lambda: store.followers(ANN, -1, 1),
            lambda: store.follower_count(ANN),
            lambda: store.followed(ANN),
            lambda: store.block(ANN, BOB),
            lambda: store.unblock(ANN, BOB),
            lambda: store.like(ANN, 10, ANN, 1.0),
            lambda: store.likes(ANN, [ANN], 1.0),
            lambda: open_post_store(url),
        ):
            with pytest.raises(StoreDown, match="PostgreSQL"):
                call()
        engine.restart()
        assert ids(store.visible(ANN, [10, 11])) == [10]
        assert store.accept(post(12, client_id="c10"), PUSH).id == 10
        store.close()


def test_memory_needs_no_engine_and_a_wrong_address_is_named(tmp_path):
    assert isinstance(open_post_store("memory://"), MemoryPostStore)
    for wrong in ("mysql://x", "feed.db", "sqlite://", "sqlite:///", "valkey://localhost:1/0"):
        with pytest.raises(ValueError, match=r"expected memory|names no file"):
            open_post_store(wrong)
    with pytest.raises(StoreDown, match="SQLite"):
        open_post_store(f"sqlite:///{tmp_path}/no/such/folder/feed.db")
    with pytest.raises(StoreDown, match="PostgreSQL"):
        open_post_store("postgresql://localhost:1/x")
