"""One contract, every feed store of the news feed: memory and Valkey."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from random import Random

import pytest
import valkey as valkey_client
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from designbook.engines import valkey
from designbook.systems.news_feed.posts import MAX_ENTRIES, MAX_ID
from designbook.systems.news_feed.stores import Entries, MemoryFeedStore, StoreDown, open_feed_store
from tests.engines_here import want

IDLE = 1_000.0
ANN, BOB = 0, MAX_ID


class Memory:
    """Feeds in memory, and a clock that can be moved."""

    def __init__(self):
        self.now = 0.0

    def fresh(self):
        return MemoryFeedStore(IDLE, lambda: self.now)

    def age(self, user, seconds):
        self.now += seconds


class Valkey:
    """Feeds in Valkey, and a client that brings their end nearer."""

    def __init__(self, url):
        self.url, self.client = url, valkey_client.from_url(url)

    def fresh(self):
        from designbook.systems.news_feed.stores.valkey import ValkeyFeedStore

        self.client.flushall()
        return ValkeyFeedStore(self.url, IDLE)

    def age(self, user, seconds):
        self.client.pexpire(f"feed:{user}", self.client.pttl(f"feed:{user}") - int(seconds * 1_000))


@pytest.fixture(scope="module", params=["memory", "valkey"])
def kind(request):
    """Each kind of store; one engine for all tests of this file."""
    if request.param == "memory":
        yield Memory()
        return
    want("valkey")
    with valkey() as url:
        made = Valkey(url)
        yield made
        made.client.close()


@pytest.fixture
def store(kind):
    opened = kind.fresh()
    yield opened
    opened.close()


def ready(store, user, posts=()):
    """The number of a feed that holds these posts."""
    life = store.begin(user)
    assert store.fill(user, life, posts)
    return life


def posts(store, user=ANN, before=MAX_ID, limit=2_000):
    entries = store.read(user, before, limit)
    return None if entries is None else entries.posts


class Naive:
    """The same promises, kept by sorting all that was ever pushed."""

    def __init__(self):
        self.pushed, self.begun, self.filled, self.lives = {}, {}, set(), 0

    def push(self, entries):
        for user, post in entries:
            if user in self.begun:
                self._add(user, [post])

    def read(self, user, before, limit):
        if user not in self.filled:
            return None
        older = [post for post in self.pushed[user] if post < before]
        return Entries(older[:limit], len(self.pushed[user]) < MAX_ENTRIES)

    def begin(self, user):
        if user not in self.begun:
            self.lives += 1
            self.begun[user], self.pushed[user] = self.lives, []
        return self.begun[user]

    def fill(self, user, life, posts):
        if self.begun.get(user) != life:
            return False
        self._add(user, posts)
        self.filled.add(user)
        return True

    def drop(self, user):
        self.begun.pop(user, None)
        self.filled.discard(user)

    def _add(self, user, posts):
        self.pushed[user] = sorted({*self.pushed[user], *posts}, reverse=True)[:MAX_ENTRIES]


# -- each call by itself


def test_an_absent_feed_takes_nothing_a_begun_one_takes_all_and_only_a_ready_one_is_read(store):
    store.push([(ANN, 10)])
    assert store.read(ANN, MAX_ID, 9) is None
    life = store.begin(ANN)
    store.push([(ANN, 12), (BOB, 12)])
    assert store.read(ANN, MAX_ID, 9) is None
    assert store.fill(ANN, life, [11])
    assert store.read(ANN, MAX_ID, 9) == Entries([12, 11], True)
    store.push([(ANN, 13)])
    assert posts(store) == [13, 12, 11]
    assert store.read(BOB, MAX_ID, 9) is None


def test_a_feed_is_newest_first_whatever_order_posts_come_in_and_shows_each_once(store):
    ready(store, ANN, [5, 3, 5])
    store.push([(ANN, 4), (ANN, 9), (ANN, 4), (ANN, 1)])
    store.push([(ANN, 9)])
    store.push([])
    assert posts(store) == [9, 5, 4, 3, 1]


def test_a_page_ends_before_its_cursor_and_where_it_is_full(store):
    ready(store, ANN, [0, 10, 20, 30, MAX_ID - 1])
    for before, limit, wanted in (
        (MAX_ID, 2, [MAX_ID - 1, 30]),
        (MAX_ID - 1, 9, [30, 20, 10, 0]),
        (21, 1, [20]),
        (20, 9, [10, 0]),
        (1, 9, [0]),
        (0, 9, []),
        (MAX_ID, 0, []),
    ):
        assert posts(store, ANN, before, limit) == wanted, (before, limit)


def test_ids_of_63_bits_are_kept_exactly_and_users_do_not_mix(store):
    near = [2**62 + 1, 2**62, 2**62 - 1, 2**53 + 1, 2**53, 255, 256, 1]
    ready(store, ANN, near)
    ready(store, BOB)
    store.push([(BOB, 2**60 + 1)])
    assert posts(store, ANN) == sorted(near, reverse=True)
    assert posts(store, BOB) == [2**60 + 1]


def test_a_feed_keeps_the_newest_800_and_says_from_then_on_that_it_is_not_complete(store):
    order = Random(1).sample(range(MAX_ENTRIES + 50), MAX_ENTRIES + 50)
    ready(store, ANN, order[:300])
    store.push([(ANN, post) for post in order[300 : MAX_ENTRIES - 1]])
    assert store.read(ANN, MAX_ID, 0).complete
    store.push([(ANN, order[MAX_ENTRIES - 1])])
    assert not store.read(ANN, MAX_ID, 0).complete
    store.push([(ANN, post) for post in order[MAX_ENTRIES:]])
    assert posts(store) == list(range(MAX_ENTRIES + 49, 49, -1))
    store.push([(ANN, 7)])
    assert posts(store)[-1] == 50, "an old post that comes late does not drive out a newer one"


def test_a_fill_of_more_than_800_keeps_the_newest_with_what_was_pushed_meanwhile(store):
    life = store.begin(ANN)
    store.push([(ANN, 5_000), (ANN, 0)])
    assert store.fill(ANN, life, range(1, 1_001))
    assert posts(store) == [5_000, *range(1_000, 1_001 - MAX_ENTRIES, -1)]


def test_only_the_feed_that_was_begun_is_filled(store):
    """What was read for a feed that went meanwhile may lack what was pushed into the one that went."""
    assert not store.fill(ANN, 1, [1])
    first = store.begin(ANN)
    store.push([(ANN, 10)])
    store.drop(ANN)
    assert not store.fill(ANN, first, [1])
    second = store.begin(ANN)
    assert second != first
    assert not store.fill(ANN, first, [1])
    assert store.read(ANN, MAX_ID, 9) is None
    assert store.fill(ANN, second, [2])
    assert posts(store) == [2]


def test_two_may_rebuild_a_feed_at_once_and_a_ready_one_stays_ready(store):
    life = store.begin(ANN)
    assert store.begin(ANN) == life
    assert store.fill(ANN, life, [1])
    assert store.begin(ANN) == life
    assert posts(store) == [1]
    assert store.fill(ANN, life, [2])
    assert posts(store) == [2, 1]


def test_a_dropped_feed_is_absent_and_the_others_stay(store):
    ready(store, ANN, [1])
    ready(store, BOB, [1])
    store.drop(ANN)
    store.drop(ANN)
    store.push([(ANN, 2), (BOB, 2)])
    assert (posts(store, ANN), posts(store, BOB)) == (None, [2, 1])


def test_a_feed_that_nobody_reads_is_dropped_however_much_is_pushed(kind, store):
    ready(store, ANN, [1])
    kind.age(ANN, IDLE * 0.6)
    store.push([(ANN, 2)])
    kind.age(ANN, IDLE * 0.6)
    store.push([(ANN, 3)])
    assert posts(store) is None
    ready(store, ANN, [1])
    assert posts(store) == [1], "and nothing of its former life comes back"


def test_a_feed_that_is_read_stays(kind, store):
    ready(store, ANN, [1])
    for _ in range(4):
        kind.age(ANN, IDLE * 0.6)
        assert posts(store) == [1]


def test_a_begun_feed_that_nobody_fills_goes_too(kind, store):
    life = store.begin(ANN)
    kind.age(ANN, IDLE * 1.2)
    assert not store.fill(ANN, life, [1])


# -- many at once


def test_pushes_at_once_are_all_there_once(store):
    """Twenty workers push the same two hundred posts to five users, each twice and in its own order."""
    for user in range(5):
        ready(store, user)
    entries = [(user, post) for user in range(5) for post in range(200)]

    def worker(i):
        own = Random(i).sample(entries * 2, len(entries) * 2)
        for k in range(0, len(own), 100):
            store.push(own[k : k + 100])

    with ThreadPoolExecutor(20) as threads:
        list(threads.map(worker, range(20)))
    for user in range(5):
        assert posts(store, user) == list(range(199, -1, -1))


def test_a_rebuild_among_pushes_misses_nothing(store):
    """Posts are kept first and pushed then, as the service does; meanwhile the feed is dropped and rebuilt again."""
    kept, stop = [], threading.Event()

    def author():
        for post in range(600):
            kept.append(post)
            store.push([(ANN, post)])
        stop.set()

    def rebuild():
        while True:
            last = stop.is_set()
            store.drop(ANN)
            life = store.begin(ANN)
            found = list(kept)
            time.sleep(0.001)
            assert store.fill(ANN, life, found)
            shown = posts(store)
            assert shown[-len(found) :] == found[::-1], "what was kept when the rebuild began"
            if last:
                return

    with ThreadPoolExecutor(2) as threads:
        both = [threads.submit(author), threads.submit(rebuild)]
        while not both[0].done():
            time.sleep(0.001)
        for one in both:
            one.result()
    assert posts(store) == list(range(599, -1, -1))


# -- any sequence of calls, beside the plainest store


def test_any_sequence_of_calls_gives_what_sorting_everything_gives(kind):
    users, numbers = st.sampled_from([ANN, 1, BOB]), st.integers(0, 40)
    entries = st.lists(st.tuples(users, numbers), max_size=8)

    class Beside(RuleBasedStateMachine):
        def __init__(self):
            super().__init__()
            self.real, self.model = kind.fresh(), Naive()
            self.lives = {(user, 0): 99 for user in (ANN, 1, BOB)}  # the real number of each of the model's

        @rule(batch=entries)
        def push(self, batch):
            self.real.push(batch)
            self.model.push(batch)

        @rule(user=users, oldest=st.integers(0, 3_000), count=st.integers(700, 900))
        def flood(self, user, oldest, count):
            self.push([(user, oldest + post) for post in range(count)])

        @rule(user=users)
        def begin(self, user):
            self.lives[user, self.model.begin(user)] = self.real.begin(user)

        @rule(user=users, data=st.data(), found=st.lists(numbers, max_size=5))
        def fill(self, user, data, found):
            owner, life = data.draw(st.sampled_from(sorted(self.lives)))
            if owner == user:
                assert self.real.fill(user, self.lives[owner, life], found) == self.model.fill(user, life, found)

        @rule(user=users)
        def rebuild(self, user):
            self.begin(user)
            life = self.model.begun[user]
            assert self.real.fill(user, self.lives[user, life], [7]) == self.model.fill(user, life, [7])

        @rule(user=users)
        def drop(self, user):
            self.real.drop(user)
            self.model.drop(user)

        @rule(user=users, before=numbers, limit=st.integers(0, 5))
        def page(self, user, before, limit):
            assert self.real.read(user, before, limit) == self.model.read(user, before, limit)

        @invariant()
        def all_is_equal(self):
            for user in (ANN, 1, BOB):
                assert self.real.read(user, MAX_ID, 2_000) == self.model.read(user, MAX_ID, 2_000)

        def teardown(self):
            self.real.close()

    run_state_machine_as_test(Beside, settings=settings(max_examples=30, stateful_step_count=20, deadline=None))


# -- Valkey itself


@pytest.fixture
def server():
    """Valkey without persistence, which a feed store wants: its address, and the engine to kill."""
    want("valkey")
    engine = valkey()
    with engine as url:
        yield url, engine


def test_a_batch_is_one_command_however_many_feeds_it_is_for(server):
    url, _ = server
    store = open_feed_store(url)
    for user in range(500):
        ready(store, user)
    store.push([])
    posts(store)  # by now the server knows the scripts
    with valkey_client.from_url(url) as client:
        client.config_resetstat()
        store.push([(user, 1) for user in range(500)])
        store.read(1, MAX_ID, 50)
        calls = client.info("commandstats")
    assert calls["cmdstat_evalsha"]["calls"] == 2
    assert all(posts(store, user) == [1] for user in range(500))
    store.close()


def test_two_clients_see_one_feed(server):
    url, _ = server
    store, other = open_feed_store(url), open_feed_store(url)
    life = store.begin(ANN)
    other.push([(ANN, 1)])
    assert other.fill(ANN, life, [2])
    assert posts(store) == [2, 1]
    store.close()
    other.close()


def test_a_store_says_that_its_engine_is_down_and_after_that_all_feeds_are_absent(server):
    url, engine = server
    store = open_feed_store(url)
    life = ready(store, ANN, [1])
    engine.kill()
    for call in (
        lambda: store.push([(ANN, 2)]),
        lambda: store.read(ANN, MAX_ID, 9),
        lambda: store.begin(ANN),
        lambda: store.fill(ANN, life, [2]),
        lambda: store.drop(ANN),
        lambda: open_feed_store(url),
    ):
        with pytest.raises(StoreDown, match="Valkey"):
            call()
    engine.restart()
    store.push([(ANN, 3)])
    assert store.read(ANN, MAX_ID, 9) is None
    assert not store.fill(ANN, life, [2])
    ready(store, ANN, [1, 2, 3])
    assert posts(store) == [3, 2, 1]
    store.close()


def test_memory_needs_no_engine_and_a_wrong_address_is_named():
    assert isinstance(open_feed_store("memory://"), MemoryFeedStore)
    with pytest.raises(ValueError, match="expected memory"):
        open_feed_store("postgresql://x")
    with pytest.raises(StoreDown, match="Valkey"):
        open_feed_store("valkey://localhost:1/0")
