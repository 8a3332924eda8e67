"""The service on the memory store: codes, expiry, deletion, the cache and the click log."""

import random
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from designbook.blocks.base62 import decode
from designbook.blocks.lru import LRUCache
from designbook.systems.url_shortener.cache import LinkCache
from designbook.systems.url_shortener.clicks import ClickLog, count_clicks
from designbook.systems.url_shortener.errors import (
    AliasRefused,
    AliasTaken,
    ExpiryRefused,
    LinkGone,
    LinkUnknown,
    NotYourLink,
    Refused,
    URLRefused,
)
from designbook.systems.url_shortener.ids import counter_codes, random_codes, range_codes, shuffled, snowflake_codes
from designbook.systems.url_shortener.service import RESERVED, Shortener
from designbook.systems.url_shortener.stores import Link, MemoryStore

URL = "https://example.com/a"


class Clock:
    """Time that stands still until it is moved."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class CountingStore(MemoryStore):
    """Counts the calls that change or read links, and can hold a read back."""

    def __init__(self):
        super().__init__()
        self.adds = self.gets = 0
        self.before_return = lambda: None

    def add(self, link, same=None):
        self.adds += 1
        return super().add(link, same)

    def get(self, code):
        self.gets += 1
        link = super().get(code)
        self.before_return()
        return link


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def store():
    return CountingStore()


@pytest.fixture
def service(store, clock):
    return Shortener(store, range_codes(store, b"test"), cache=LinkCache(store.get, clock=clock), clock=clock)


# -- making and following links


def test_a_short_link_leads_to_its_url(service):
    link = service.shorten("HTTPS://Example.com/a", "ann")
    assert service.resolve(link.code) == URL
    assert len(link.code) == 7


def test_the_same_owners_same_url_gives_the_same_code_and_anothers_a_new_one(service):
    code = service.shorten(URL, "ann").code
    assert service.shorten("https://EXAMPLE.com:443/a", "ann").code == code
    assert service.shorten(URL, "bob").code != code
    assert service.shorten(URL, "ann", expires=2000).code != code
    assert service.shorten(URL, "ann", expires=2000) == service.shorten(URL, "ann", expires=2000)


def test_an_alias_is_kept_and_only_the_same_request_gets_it_again(service):
    link = service.shorten(URL, "ann", alias="launch-1")
    assert link.code == "launch-1"
    assert service.resolve("launch-1") == URL
    assert service.shorten(URL, "ann", alias="launch-1") == link
    for url, owner, expires in ((URL, "bob", None), ("https://example.com/b", "ann", None), (URL, "ann", 2000.0)):
        with pytest.raises(AliasTaken) as error:
            service.shorten(url, owner, "launch-1", expires)
        assert (error.value.field, error.value.value) == ("alias", "launch-1")


@pytest.mark.parametrize("alias", ["", "ab", "a" * 33, "a b", "a/b", "ä-ö", "abc\n", "../x", "favicon.ico"])
def test_a_malformed_alias_is_refused(service, alias):
    with pytest.raises(AliasRefused, match="3 to 32"):
        service.shorten(URL, "ann", alias)


@pytest.mark.parametrize("alias", ["api", "API", "Login", "robots"])
def test_a_reserved_alias_is_refused_in_any_letter_case(service, alias):
    with pytest.raises(AliasRefused, match="reserved"):
        service.shorten(URL, "ann", alias)


def test_nothing_is_stored_when_a_request_fails(service, store):
    service.shorten(URL, "ann", "taken")
    before = store.adds
    for wrong in (
        lambda: service.shorten("javascript:alert(1)", "ann"),
        lambda: service.shorten(URL, ""),
        lambda: service.shorten(URL, "a\x00b"),
        lambda: service.shorten(URL, "ann", "api"),
        lambda: service.shorten(URL, "ann", expires=1000.0),
        lambda: service.shorten(URL, "ann", expires=float("nan")),
    ):
        with pytest.raises(Refused):
            wrong()
    assert store.adds == before
    with pytest.raises(AliasTaken):
        service.shorten(URL + "b", "ann", "taken")
    assert len(store._links) == 1
    assert store.reserve(1) == 0, "an id was used up"


def test_a_link_to_the_shortener_itself_is_refused(store):
    service = Shortener(store, random_codes(), own_hosts={"sho.example"})
    with pytest.raises(URLRefused, match="leads back"):
        service.shorten("https://sho.example/abc", "ann")


def test_a_generated_code_is_never_a_reserved_word():
    codes = iter(["About", "support", "welcome"])
    service = Shortener(MemoryStore(), lambda: next(codes))
    assert "support" in RESERVED
    assert service.shorten(URL, "ann").code == "welcome"


def test_a_full_code_space_is_an_error_and_not_a_loop_without_end(store):
    service = Shortener(store, lambda: "only-one")
    service.shorten(URL, "ann")
    with pytest.raises(RuntimeError, match="code space is full"):
        service.shorten(URL, "bob")


# -- expiry and deletion


def test_an_expired_link_is_gone_not_unknown_from_the_very_second(service, clock):
    code = service.shorten(URL, "ann", expires=1010).code
    clock.now = 1009.999
    assert service.resolve(code) == URL
    clock.now = 1010
    with pytest.raises(LinkGone):
        service.resolve(code)
    with pytest.raises(LinkUnknown):
        service.resolve("never-made")
    assert service.resolve(code, now=1009) == URL
    with pytest.raises(LinkGone):
        service.resolve(code, now=1e9)


def test_a_link_that_expires_now_or_before_or_after_all_calendars_is_refused(service):
    for expires in (1000.0, 999.0, float("-inf"), float("inf"), 1e12):
        with pytest.raises(ExpiryRefused):
            service.shorten(URL, "ann", expires=expires)


def test_a_deleted_link_is_gone_at_once_and_its_code_is_never_given_again(service):
    code = service.shorten(URL, "ann", "launch").code
    assert service.resolve(code) == URL
    service.delete("ann", code)
    with pytest.raises(LinkGone):
        service.resolve(code)
    with pytest.raises(LinkGone):
        service.delete("ann", code)
    with pytest.raises(AliasTaken):
        service.shorten(URL, "ann", "launch")
    first = service.shorten(URL, "ann").code
    service.delete("ann", first)
    assert service.shorten(URL, "ann").code != first


def test_only_the_owner_deletes_and_an_unknown_code_is_unknown(service):
    code = service.shorten(URL, "ann").code
    with pytest.raises(NotYourLink):
        service.delete("bob", code)
    with pytest.raises(LinkUnknown):
        service.delete("ann", "never-made")
    assert service.resolve(code) == URL


@pytest.mark.parametrize("code", ["", "a", "x" * 33, "a\x00bcdef", "ünicode", "../../etc", "a b c", "abc\n"])
def test_what_cannot_be_a_code_is_unknown_without_asking_the_store(service, store, code):
    for call in (lambda: service.resolve(code), lambda: service.delete("ann", code)):
        with pytest.raises(LinkUnknown):
            call()
    assert store.gets == 0


# -- id schemes


def schemes():
    yield "counter", lambda store: counter_codes(store, b"test")
    yield "ranges", lambda store: range_codes(store, b"test", 100)
    yield "snowflake", lambda store: snowflake_codes(3, b"test")
    yield "random", lambda store: random_codes(random.Random(1))


@pytest.mark.parametrize(("name", "make"), list(schemes()), ids=[name for name, _ in schemes()])
def test_every_scheme_gives_codes_of_one_width_that_differ(name, make):
    next_code = make(MemoryStore())
    codes = [next_code() for _ in range(3000)]
    assert len(set(codes)) == 3000
    assert {len(code) for code in codes} == {11 if name == "snowflake" else 7}


@pytest.mark.parametrize("make", [make for name, make in schemes()], ids=[name for name, _ in schemes()])
def test_codes_do_not_tell_the_next_one(make):
    """Neighbouring codes differ by as much as two random numbers do: n/3 on average, so n/3 within five sigma."""
    next_code, count = make(MemoryStore()), 2000
    numbers = [decode(next_code()) for _ in range(count)]
    space = 2**63 if max(numbers) >= 62**7 else 62**7
    mean_step = sum(abs(b - a) for a, b in pairwise(numbers)) / (count - 1) / space
    sigma = (1 / 18) ** 0.5 / count**0.5
    assert abs(mean_step - 1 / 3) < 7 * sigma  # steps that share a number are correlated, which widens it by < 1.4
    ups = sum(b > a for a, b in pairwise(numbers))
    assert abs(ups - (count - 1) / 2) < 6 * (count / 12) ** 0.5


def test_another_key_gives_other_codes_and_the_same_key_the_same():
    one, two, again = (counter_codes(MemoryStore(), key) for key in (b"1", b"2", b"1"))
    first = [one() for _ in range(5)]
    assert first == [again() for _ in range(5)]
    assert set(first).isdisjoint(two() for _ in range(5))


@given(st.integers(1, 300))
def test_a_shuffled_counter_uses_its_whole_space_and_then_says_so(space):
    ids = iter(range(space + 1))
    next_code = shuffled(lambda: next(ids), b"test", space)
    assert sorted(decode(next_code()) for _ in range(space)) == list(range(space))
    with pytest.raises(ValueError, match=f"{space} is not from 0"):
        next_code()


def test_an_allocator_that_dies_loses_the_rest_of_its_range_and_no_id_is_given_twice(store):
    first = range_codes(store, b"test", 100)
    codes = [first() for _ in range(50)]
    del first
    after = range_codes(store, b"test", 100)
    codes += [after() for _ in range(150)]
    assert len(set(codes)) == 200
    assert store.reserve(1) == 300


# -- the cache


def test_a_cached_link_asks_the_store_once_until_it_is_stale(service, store, clock):
    code = service.shorten(URL, "ann").code
    for _ in range(10):
        service.resolve(code)
    assert store.gets == 1
    assert service.knows(code)
    clock.now += 60
    assert not service.knows(code)
    service.resolve(code)
    assert store.gets == 2


def test_a_link_deleted_by_another_server_is_served_for_a_minute_at_most(service, store, clock):
    code = service.shorten(URL, "ann").code
    service.resolve(code)
    store.delete(code, "ann")
    clock.now += 59.999
    assert service.resolve(code) == URL
    clock.now += 0.001
    with pytest.raises(LinkGone):
        service.resolve(code)


def test_the_minute_counts_from_before_the_read_not_from_after_it(store, clock):
    cache = LinkCache(store.get, clock=clock, seconds=60)
    store.add(Link("code", URL, "ann"))
    store.before_return = lambda: setattr(clock, "now", clock.now + 61)
    assert cache.get("code").url == URL
    assert cache.peek("code") is None


def test_a_link_that_another_server_makes_is_known_at_once_even_if_asked_for_before(service, store):
    with pytest.raises(LinkUnknown):
        service.resolve("launch")
    store.add(Link("launch", URL, "ann"))
    assert service.resolve("launch") == URL


def test_a_read_that_began_before_a_delete_neither_stays_in_the_cache_nor_reaches_later_readers(service, store):
    code = service.shorten(URL, "ann").code
    reading, go_on = threading.Event(), threading.Event()

    def slow_once():
        store.before_return = lambda: None
        reading.set()
        assert go_on.wait(10)

    store.before_return = slow_once
    with ThreadPoolExecutor(1) as threads:
        early = threads.submit(service.resolve, code)
        assert reading.wait(10)
        service._cache.drop("unrelated")  # so that `delete` below does not join the slow read
        service.delete("ann", code)
        with pytest.raises(LinkGone):
            service.resolve(code)
        go_on.set()
        assert early.result() == URL  # it asked before the delete, so it may see the old state
    with pytest.raises(LinkGone):
        service.resolve(code)


def test_of_fifty_who_miss_a_hot_link_at_once_one_asks_the_store(service, store):
    code = service.shorten(URL, "ann").code
    arrived, barrier = threading.Event(), threading.Barrier(50)
    store.before_return = lambda: arrived.wait(0.2)

    def visit(_):
        barrier.wait()
        return service.resolve(code)

    with ThreadPoolExecutor(50) as threads:
        assert set(threads.map(visit, range(50))) == {URL}
    assert store.gets == 1


def test_the_cache_holds_no_more_than_it_may(store, clock):
    cache = LinkCache(store.get, LRUCache(3), clock=clock)
    for i in range(10):
        store.add(Link(f"code{i}", URL, "ann"))
        cache.get(f"code{i}")
    assert [cache.peek(f"code{i}") is not None for i in range(10)] == [False] * 7 + [True] * 3


def test_readers_and_writers_of_a_crowded_cache_never_trip_over_each_other(store):
    cache = LinkCache(store.get, LRUCache(3))
    for i in range(8):
        store.add(Link(f"code{i}", f"https://example.com/{i}", "ann"))
    old = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:

        def work(seed):
            rng = random.Random(seed)
            for _ in range(3000):
                i = rng.randrange(8)
                assert cache.get(f"code{i}").url.endswith(str(i))
                if rng.random() < 0.1:
                    cache.drop(f"code{i}")

        with ThreadPoolExecutor(4) as threads:
            list(threads.map(work, range(4)))
    finally:
        sys.setswitchinterval(old)


# -- clicks


def test_clicks_are_counted_and_the_log_is_empty_after(store, tmp_path):
    for code in ("one", "two"):
        store.add(Link(code, URL, "ann"))
    log = ClickLog(tmp_path)
    for code in ("one", "two", "one"):
        log.append(code)
    assert count_clicks(log, store) == 3
    assert count_clicks(log, store) == 0
    assert (store.clicks("one"), store.clicks("two")) == (2, 1)
    assert not store._batches
    log.close()
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]


def test_a_log_belongs_to_one_process_at_a_time(tmp_path):
    log = ClickLog(tmp_path)
    with pytest.raises(BlockingIOError, match="another server process"):
        ClickLog(tmp_path)
    log.append("one")
    log.close()
    heir = ClickLog(tmp_path)
    [batch] = heir.seal()
    assert heir.clicks(batch) == {"one": 1}
    heir.close()


def test_a_click_cut_off_by_a_power_failure_does_not_count(tmp_path):
    (tmp_path / "old.clicks").write_text("one\none\ntw")
    log = ClickLog(tmp_path)
    assert log.clicks("old") == {"one": 2}
    log.close()


def test_clicks_that_arrive_while_others_are_counted_are_not_lost(store, tmp_path):
    store.add(Link("one", URL, "ann"))
    log = ClickLog(tmp_path)
    done = threading.Event()

    def count():
        while not done.is_set():
            count_clicks(log, store)

    with ThreadPoolExecutor(5) as threads:
        counting = threads.submit(count)
        list(threads.map(lambda _: [log.append("one") for _ in range(500)], range(4)))
        done.set()
        counting.result()
    count_clicks(log, store)
    log.close()
    assert store.clicks("one") == 2000
