"""One contract, every store of the URL shortener."""

import random
import time
from collections import Counter
from contextlib import suppress

import psycopg
import pytest
import valkey as valkey_client
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from designbook.engines import postgres, sqlite, valkey
from designbook.systems.url_shortener.clicks import ClickLog, count_clicks
from designbook.systems.url_shortener.errors import AliasTaken, LinkGone
from designbook.systems.url_shortener.ids import counter_codes, random_codes, range_codes
from designbook.systems.url_shortener.service import Shortener
from designbook.systems.url_shortener.stores import CodeTaken, Link, MemoryStore, StoreDown, fingerprint, open_store
from tests.engines_here import Child, address, until_down
from tests.together import at_once

ENGINES = {"sqlite": sqlite, "valkey": valkey, "postgres": postgres}


@pytest.fixture(scope="module", params=["memory", *ENGINES])
def store_url(request):
    """The address of each kind of store; one engine for all tests of this file."""
    yield from address(request.param, ENGINES)


@pytest.fixture
def store(store_url):
    wipe(store_url)
    opened = open_store(store_url)
    yield opened
    opened.close()


def wipe(url: str) -> None:
    if url.startswith("unix"):
        with valkey_client.from_url(url) as client:
            client.flushall()
    elif url.startswith("postgres"):
        with psycopg.connect(url) as database:
            database.execute("drop table if exists link, batch, counter")
    elif url.startswith("sqlite"):
        opened = open_store(url)
        with opened._file.transaction() as database:
            database.executescript("delete from link; delete from batch; update counter set next = 0; begin immediate")
        opened.close()


def shortener(store, **options) -> Shortener:
    return Shortener(store, range_codes(store, b"test", size=10), **options)


# -- each call by itself


def test_a_link_comes_back_as_it_was_kept(store):
    for link in (
        Link("aaaaaaa", "https://example.com/?q=%25s#f", "ann"),
        Link("AAAAAAA", "https://example.com/" + "x" * 2000, "bob", 1.0000000000000002e9),
        Link("A_-", "http://[::1]:8080/", "o'neill\\"),
    ):
        assert store.add(link) == link
        assert store.get(link.code) == link
    assert store.get("nothing") is None


def test_a_code_in_use_is_refused_without_a_trace(store):
    first = store.add(Link("code", "https://a.example/", "ann"), b"a" * 16)
    with pytest.raises(CodeTaken):
        store.add(Link("code", "https://b.example/", "bob"), b"b" * 16)
    assert store.get("code") == first
    assert store.add(Link("other", "https://b.example/", "bob"), b"b" * 16).code == "other"


def test_the_same_fingerprint_gives_the_first_link_and_no_fingerprint_gives_a_new_one(store):
    same = b"\x00\x0a\xff" + b"x" * 13
    first = store.add(Link("one", "https://a.example/", "ann", 5.5), same)
    assert store.add(Link("two", "https://a.example/", "ann", 5.5), same) == first
    assert store.add(Link("one", "https://a.example/", "ann", 5.5), same) == first
    assert store.get("two") is None
    assert store.add(Link("three", "https://a.example/", "ann", 5.5)).code == "three"
    assert store.add(Link("four", "https://a.example/", "ann", 5.5)).code == "four"


def test_a_deleted_link_keeps_its_code_and_nothing_else(store):
    link = Link("code", "https://a.example/", "ann", 5.0)
    same = fingerprint("ann", "https://a.example/", 5.0)
    store.add(link, same)
    assert not store.delete("code", "bob")
    assert not store.delete("nothing", "ann")
    assert store.get("code") == link
    assert store.delete("code", "ann")
    assert not store.delete("code", "ann")
    assert not store.delete("code", "")
    assert store.get("code") == Link("code", None, "")
    with pytest.raises(CodeTaken):
        store.add(link)
    assert store.add(Link("new", "https://a.example/", "ann", 5.0), same).code == "new"


def test_deleting_an_alias_leaves_the_generated_link_of_the_same_url_alone(store):
    same = fingerprint("ann", "https://a.example/", None)
    store.add(Link("generated", "https://a.example/", "ann"), same)
    store.add(Link("alias", "https://a.example/", "ann"))
    assert store.delete("alias", "ann")
    assert store.add(Link("more", "https://a.example/", "ann"), same).code == "generated"


def test_ids_are_reserved_without_gap_or_overlap(store):
    first = store.reserve(5)
    assert store.reserve(1) == first + 5
    assert store.reserve(1000) == first + 6


def test_a_batch_counts_once_however_often_it_is_sent(store):
    store.add(Link("one", "https://a.example/", "ann"))
    store.add(Link("two", "https://b.example/", "ann"))
    assert store.count("batch 1", {"one": 2, "two": 3, "never made": 9})
    assert not store.count("batch 1", {"one": 2, "two": 3, "never made": 9})
    assert store.count("batch 2", {"one": 1})
    assert store.count("batch 3", {})
    assert (store.clicks("one"), store.clicks("two"), store.clicks("never made")) == (3, 3, 0)
    assert store.get("never made") is None
    store.forget("batch 1")
    store.forget("batch 1")
    assert (store.clicks("one"), store.clicks("two")) == (3, 3)


def test_clicks_of_a_deleted_link_do_not_bring_it_back(store):
    store.add(Link("one", "https://a.example/", "ann"))
    store.delete("one", "ann")
    store.count("batch", {"one": 2})
    assert store.get("one").deleted


def test_two_clients_see_one_store(store, store_url):
    if store_url == "memory://":
        pytest.skip("memory is each client's own")
    other = open_store(store_url)
    store.add(Link("one", "https://a.example/", "ann"), b"a" * 16)
    assert other.get("one") == Link("one", "https://a.example/", "ann")
    assert other.add(Link("two", "https://a.example/", "ann"), b"a" * 16).code == "one"
    assert store.reserve(10) + 10 == other.reserve(1)
    other.close()


def test_clients_that_start_at_once_agree(store_url):
    wipe(store_url)
    stores = at_once(8, lambda i: open_store(store_url))
    assert not [error for error in stores if isinstance(error, Exception)]
    firsts = [one.reserve(1) for one in stores]
    assert store_url == "memory://" or sorted(firsts) == list(range(firsts[0], firsts[0] + 8))
    for one in stores:
        one.close()


# -- many at once


def test_a_hundred_at_once_shorten_one_url_for_one_owner_and_get_one_code(store):
    service = shortener(store)
    links = at_once(100, lambda i: service.shorten("https://example.com/hot", "ann"))
    assert set(links) == {store.get(links[0].code)}


def test_servers_that_share_a_store_agree_on_one_code_and_one_alias_too(store, store_url):
    if store_url == "memory://":
        pytest.skip("memory is each server's own")
    stores = [open_store(store_url) for _ in range(4)]
    services = [shortener(one) for one in stores]
    links = at_once(40, lambda i: services[i % 4].shorten("https://example.com/hot", "ann"))
    assert set(links) == {store.get(links[0].code)}
    answers = at_once(40, lambda i: services[i % 4].shorten(f"https://example.com/{i}", "ann", alias="launch"))
    assert Counter(type(answer) for answer in answers) == {Link: 1, AliasTaken: 39}
    counted = at_once(40, lambda i: stores[i % 4].count(f"batch {i % 10}", {"launch": 1}))
    assert Counter(counted) == {True: 10, False: 30}
    assert store.clicks("launch") == 10
    for one in stores:
        one.close()


def test_a_hundred_at_once_want_one_alias_and_exactly_one_gets_it(store):
    service = shortener(store)
    answers = at_once(100, lambda i: service.shorten(f"https://example.com/{i}", "ann", alias="launch"))
    winners = [answer for answer in answers if isinstance(answer, Link)]
    assert len(winners) == 1
    assert Counter(type(answer) for answer in answers)[AliasTaken] == 99
    assert service.resolve("launch") == winners[0].url


def test_a_hundred_at_once_count_the_same_batches_and_each_counts_once(store):
    store.add(Link("one", "https://a.example/", "ann"))
    store.add(Link("two", "https://b.example/", "ann"))
    answers = at_once(
        100, lambda i: store.count(f"batch {i % 10}", {"one": 1, "two": 2} if i % 2 else {"two": 2, "one": 1})
    )
    assert Counter(answers) == {True: 10, False: 90}
    assert (store.clicks("one"), store.clicks("two")) == (10, 20)


def test_ids_reserved_at_once_never_overlap(store):
    firsts = at_once(50, lambda i: store.reserve(i + 1))
    taken = [first + k for i, first in enumerate(firsts) for k in range(i + 1)]
    assert len(set(taken)) == len(taken) == 50 * 51 // 2


def test_exactly_one_of_fifty_deletes_succeeds(store):
    store.add(Link("one", "https://a.example/", "ann"))
    assert Counter(at_once(50, lambda i: store.delete("one", "ann"))) == {True: 1, False: 49}


def test_links_made_and_deleted_at_once_leave_a_live_link_or_none(store):
    """Whatever the order, the code that was returned last for the URL works unless it was deleted after."""
    service = shortener(store)

    def make_and_perhaps_delete(i):
        link = service.shorten("https://example.com/fought-over", "ann")
        if i % 2:
            try:
                service.delete("ann", link.code)
            except LinkGone:
                return link
        return link

    links = at_once(40, make_and_perhaps_delete)
    assert all(isinstance(link, Link) for link in links), links
    last = service.shorten("https://example.com/fought-over", "ann")
    assert service.resolve(last.code) == "https://example.com/fought-over"
    live = {link.code for link in links if not store.get(link.code).deleted}
    assert live <= {last.code}


# -- any sequence of calls, beside the plainest store


def test_any_sequence_of_calls_gives_what_the_memory_store_gives(store, store_url):
    """The memory store is the model; memory itself is run beside a second one of its kind, which must be repeatable."""
    codes, owners = st.sampled_from(["c1", "c2", "c3"]), st.sampled_from(["ann", "bob"])
    urls, expiries = st.sampled_from(["https://a.example/", "https://b.example/"]), st.sampled_from([None, 7.25])

    class Beside(RuleBasedStateMachine):
        def __init__(self):
            super().__init__()
            wipe(store_url)
            self.real, self.model = (store if store_url != "memory://" else MemoryStore()), MemoryStore()
            if store_url.startswith("postgres"):
                self.real.close()
                self.real = open_store(store_url)

        def both(self, call):
            answers = []
            for one in (self.real, self.model):
                try:
                    answers.append(call(one))
                except CodeTaken:
                    answers.append("taken")
            assert answers[0] == answers[1]

        @rule(code=codes, url=urls, owner=owners, expires=expiries, generated=st.booleans())
        def add(self, code, url, owner, expires, generated):
            same = fingerprint(owner, url, expires) if generated else None
            self.both(lambda one: one.add(Link(code, url, owner, expires), same))

        @rule(code=codes, owner=owners)
        def delete(self, code, owner):
            self.both(lambda one: one.delete(code, owner))

        @rule(batch=st.sampled_from(["b1", "b2"]), clicks=st.dictionaries(codes, st.integers(1, 5)))
        def count(self, batch, clicks):
            self.both(lambda one: one.count(batch, clicks))

        @rule(batch=st.sampled_from(["b1", "b2"]))
        def forget(self, batch):
            self.both(lambda one: one.forget(batch))

        @rule(count=st.integers(1, 9))
        def reserve(self, count):
            self.both(lambda one: one.reserve(count))

        @invariant()
        def all_is_equal(self):
            for code in ("c1", "c2", "c3"):
                self.both(lambda one, code=code: (one.get(code), one.clicks(code)))

    run_state_machine_as_test(Beside, settings=settings(max_examples=15, stateful_step_count=20))


# -- crashes

WRITER = """
import sys
from designbook.systems.url_shortener.stores import Link, StoreDown, open_store
store = open_store(sys.argv[1])
try:
    for i in range(100_000):
        store.add(Link(f"code{i}", f"https://example.com/{i}", "ann"), b"%016d" % i)
        print(i, flush=True)
except StoreDown:
    pass
"""


@pytest.mark.parametrize(
    ("make", "durable"),
    [
        (sqlite, True),
        (lambda: valkey("none"), False),
        (lambda: valkey("everysec"), True),
        (lambda: valkey("always"), True),
        (postgres, True),
    ],
    ids=["sqlite", "valkey in memory", "valkey everysec", "valkey always", "postgres"],
)
def test_what_was_acknowledged_is_there_after_kill_9_in_the_middle_of_writes(make, durable):
    """SQLite runs inside the writer, so there the writer is killed; elsewhere the server."""
    engine = make()
    with engine as url:
        writer = Child(WRITER, url)
        acknowledged = writer.lines(random.randint(100, 200))
        if url.startswith("sqlite"):
            writer.kill()
        engine.kill()
        acknowledged = [int(line) for line in acknowledged + writer.rest()]
        engine.restart()
        store = open_store(url)
        found = [
            i for i in acknowledged if store.get(f"code{i}") == Link(f"code{i}", f"https://example.com/{i}", "ann")
        ]
        assert found == (acknowledged if durable else [])
        after = len(acknowledged)
        for i in (after, after + 1):  # the one in flight is there as a whole or not at all
            link, again = (
                store.get(f"code{i}"),
                store.add(Link(f"late{i}", f"https://example.com/{i}", "ann"), b"%016d" % i),
            )
            assert again == (link or Link(f"late{i}", f"https://example.com/{i}", "ann"))
        store.close()


@pytest.mark.parametrize("make", [lambda: valkey("always"), postgres], ids=["valkey", "postgres"])
def test_a_store_says_that_its_engine_is_down_and_works_again_when_it_is_back(make):
    engine = make()
    with engine as url:
        store = open_store(url)
        at_once(5, lambda i: store.reserve(1))
        engine.kill()
        until_down(lambda: store.get("one"), StoreDown)
        for call in (
            lambda: store.get("one"),
            lambda: store.add(Link("one", "https://a.example/", "ann")),
            lambda: store.delete("one", "ann"),
            lambda: store.count("batch", {"one": 1}),
            lambda: store.clicks("one"),
            lambda: store.reserve(1),
            lambda: store.forget("batch"),
            lambda: open_store(url),
        ):
            with pytest.raises(StoreDown):
                call()
        engine.restart()
        assert store.add(Link("one", "https://a.example/", "ann")).code == "one"
        store.close()


def test_clicks_are_counted_once_through_crashes_at_every_step_of_the_worker(store, tmp_path):
    """The worker dies before and after each of its steps, over and over; a new one takes its log over."""
    service = Shortener(store, random_codes(random.Random(1)))
    codes = [service.shorten(f"https://example.com/{i}", "ann").code for i in range(5)]
    rng, clicked = random.Random(2), Counter()

    class Crash(Exception):
        pass

    class Faulty:
        """A log or a store that raises before or after the n-th call it gets."""

        fuse = 0

        def __init__(self, inner):
            self.inner = inner

        def __getattr__(self, name):
            def call(*arguments):
                Faulty.fuse -= 1
                if Faulty.fuse == 0:
                    raise Crash
                result = getattr(self.inner, name)(*arguments)
                Faulty.fuse -= 1
                if Faulty.fuse == 0:
                    raise Crash
                return result

            return call

    for _ in range(60):
        log = ClickLog(tmp_path)
        for code in rng.choices(codes, k=rng.randrange(5)):
            log.append(code)
            clicked[code] += 1
        Faulty.fuse = rng.randrange(1, 14)
        with suppress(Crash):
            count_clicks(Faulty(log), Faulty(store))
        log.close()
    log = ClickLog(tmp_path)
    count_clicks(log, store)
    log.close()
    assert {code: store.clicks(code) for code in codes} == clicked


def test_counter_codes_differ_and_a_hit_alias_is_skipped(store):
    service = Shortener(store, counter_codes(store, b"test"))
    ahead = counter_codes(MemoryStore(), b"test")
    blocked = [ahead() for _ in range(3)]
    store.add(Link(blocked[1], "https://squatter.example/", "bob"))
    made = [service.shorten(f"https://example.com/{i}", "ann").code for i in range(2)]
    assert made == [blocked[0], blocked[2]]


def test_memory_url_needs_no_engine_and_a_wrong_url_is_named(tmp_path):
    assert isinstance(open_store("memory://"), MemoryStore)
    for wrong in ("mysql://x", "links.db", "sqlite://", "sqlite:///"):
        with pytest.raises(ValueError, match=r"expected memory|names no file"):
            open_store(wrong)
    with pytest.raises(StoreDown, match="SQLite"):
        open_store(f"sqlite:///{tmp_path}/no/such/folder/links.db")
    began = time.monotonic()
    with pytest.raises(StoreDown, match="PostgreSQL"):
        open_store("postgresql://localhost:1/x")
    with pytest.raises(StoreDown, match="Valkey"):
        open_store("valkey://localhost:1/0")
    assert time.monotonic() - began < 10
