"""Ids: unique whatever the clock, the counter and the threads do; a permutation is a bijection that looks random."""

from concurrent.futures import ThreadPoolExecutor
from itertools import count, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from designbook.blocks.id_ranges import RangeAllocator
from designbook.blocks.permutation import Permutation
from designbook.blocks.snowflake import TWITTER_EPOCH, ClockBehind, Snowflake, parts

NOW = 1_700_000_000.0


class Clock:
    """A clock that shows what it is set to."""

    def __init__(self, now=NOW):
        self.now = now

    def __call__(self):
        return self.now


# -- snowflake


@given(st.lists(st.sampled_from([0, 0, 0, 0.0004, 0.001, 0.5, -0.001, -0.008, -0.3]), max_size=300))
def test_ids_grow_and_stay_near_the_clock_whichever_way_it_steps(steps):
    clock = Clock()
    snowflake = Snowflake(7, clock, slack=0.01)
    ids, behind = [], []
    for step in steps:
        clock.now += step
        try:
            ids.append(snowflake.next_id())
        except ClockBehind as refusal:
            behind.append(refusal.seconds)
        else:
            assert -0.001 <= parts(ids[-1]).time - clock.now <= 0.011
    assert ids == sorted(set(ids))
    assert all(seconds > 0.01 for seconds in behind)


def test_a_clock_that_steps_back_beyond_the_slack_is_an_error_that_says_by_how_much_and_changes_nothing():
    clock = Clock()
    snowflake = Snowflake(7, clock)
    before = snowflake.next_id()
    clock.now -= 2.5
    for _ in range(2):
        with pytest.raises(ClockBehind, match=r"worker 7: the clock is 2\.500 s behind"):
            snowflake.next_id()
    clock.now = NOW
    assert snowflake.next_id() == before + 1


def test_a_millisecond_has_4096_ids_and_more_are_borrowed_from_the_slack():
    snowflake = Snowflake(0, Clock(), slack=0.002)
    ids = [snowflake.next_id() for _ in range(3 * 4096)]
    assert len(set(ids)) == len(ids)
    assert [parts(identifier).sequence for identifier in ids[4095:4097]] == [4095, 0]
    with pytest.raises(ClockBehind):
        snowflake.next_id()


@given(st.integers(0, 1023), st.integers(0, 2**41 - 1))
def test_an_id_gives_back_its_time_and_worker_and_fits_63_bits(worker, milliseconds):
    clock = Clock((milliseconds + 0.5) / 1000)
    identifier = Snowflake(worker, clock, epoch=0).next_id()
    assert 0 <= identifier < 2**63
    told = parts(identifier, epoch=0)
    assert (told.worker, told.sequence, told.time) == (worker, 0, milliseconds / 1000)


def test_the_layout_is_that_of_a_published_tweet():
    # Tweet 1050118621198921728 was made at 2018-10-10T20:19:24Z: the example in Twitter's own API documentation.
    assert round(parts(1050118621198921728).time) == 1539202764


def test_two_workers_share_no_id():
    first, second = Snowflake(1, Clock()), Snowflake(2, Clock())
    assert not {first.next_id() for _ in range(5000)} & {second.next_id() for _ in range(5000)}


def test_threads_share_a_snowflake_without_a_duplicate():
    snowflake = Snowflake(1, Clock(), slack=1)
    with ThreadPoolExecutor(8) as pool:
        batches = list(pool.map(lambda _: [snowflake.next_id() for _ in range(2000)], range(8)))
    assert len({identifier for batch in batches for identifier in batch}) == 16_000
    assert all(batch == sorted(batch) for batch in batches)


@pytest.mark.parametrize("worker", [-1, 1024])
def test_a_worker_that_does_not_fit_ten_bits_is_refused(worker):
    with pytest.raises(ValueError, match=str(worker)):
        Snowflake(worker, Clock())


@pytest.mark.parametrize("now", [TWITTER_EPOCH - 1, TWITTER_EPOCH + 2**41 / 1000])
def test_a_time_that_does_not_fit_41_bits_is_refused(now):
    with pytest.raises(OverflowError, match="41 bits"):
        Snowflake(0, Clock(now)).next_id()


# -- ranges


class Counter:
    """A shared counter in memory."""

    def __init__(self):
        self.value = 0
        self.leases = 0

    def lease(self, size):
        self.leases += 1
        self.value += size
        return self.value - size


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=200), st.integers(1, 20))
def test_no_id_comes_twice_and_a_death_loses_the_rest_of_one_range(events, size):
    counter, lost, given_out = Counter(), 0, []
    servers = [RangeAllocator(counter.lease, size) for _ in range(4)]
    for server, dies in events:
        given_out.append(servers[server].next_id())
        if dies:
            assert servers[server].left < size
            lost += servers[server].left
            servers[server] = RangeAllocator(counter.lease, size)
    assert len(set(given_out)) == len(given_out)
    assert len(given_out) + lost + sum(server.left for server in servers) == counter.value


@given(st.integers(1, 300), st.integers(1, 50))
def test_one_lease_pays_for_a_whole_range(wanted, size):
    counter = Counter()
    allocator = RangeAllocator(counter.lease, size)
    assert [allocator.next_id() for _ in range(wanted)] == list(range(wanted))
    assert counter.leases == -(-wanted // size)


def test_a_failed_lease_changes_nothing():
    answers = iter([0, ConnectionError("the counter is down"), 2])

    def lease(size):
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    allocator = RangeAllocator(lease, 2)
    assert [allocator.next_id(), allocator.next_id()] == [0, 1]
    with pytest.raises(ConnectionError):
        allocator.next_id()
    assert allocator.next_id() == 2


def test_threads_share_an_allocator_without_a_duplicate_or_a_gap():
    blocks = count(step=7)
    allocator = RangeAllocator(lambda size: next(blocks), 7)
    with ThreadPoolExecutor(8) as pool:
        batches = list(pool.map(lambda _: [allocator.next_id() for _ in range(1000)], range(8)))
    assert sorted(identifier for batch in batches for identifier in batch) == list(range(8000))


def test_a_range_of_nothing_is_refused():
    with pytest.raises(ValueError, match="not 0"):
        RangeAllocator(lambda size: 0, 0)


# -- permutation


@pytest.mark.parametrize("size", [1, 2, 3, 10, 61, 62, 1000, 3844])
def test_a_permutation_hits_every_number_once(size):
    shuffle = Permutation(size, b"key")
    assert sorted(map(shuffle.apply, range(size))) == list(range(size))


@given(st.integers(1, 2**70), st.data(), st.binary(min_size=1, max_size=64))
def test_invert_undoes_apply(size, data, key):
    number = data.draw(st.integers(0, size - 1))
    shuffle = Permutation(size, key)
    assert 0 <= shuffle.apply(number) < size
    assert shuffle.invert(shuffle.apply(number)) == number
    assert shuffle.apply(shuffle.invert(number)) == number


@pytest.mark.parametrize("key", [b"a", b"b", b"c"])
def test_neighbours_land_as_far_apart_as_random_numbers_do(key):
    size, pairs = 62**7, 2000
    shuffle = Permutation(size, key)
    codes = [shuffle.apply(number) for number in range(pairs + 1)]
    gaps = [abs(a - b) / size for a, b in pairwise(codes)]
    # Two uniform numbers are 1/3 apart on average, with a standard deviation of 1/sqrt(18); neighbouring gaps share
    # a number, which adds at most as much again. Five standard errors.
    assert abs(sum(gaps) / pairs - 1 / 3) < 5 * (2 / 18 / pairs) ** 0.5


def test_another_key_gives_another_order():
    one, other = Permutation(10**6, b"one"), Permutation(10**6, b"other")
    assert sum(one.apply(number) == other.apply(number) for number in range(1000)) <= 3


@pytest.mark.parametrize("number", [-1, 10])
def test_a_number_outside_is_refused(number):
    shuffle = Permutation(10, b"key")
    for method in (shuffle.apply, shuffle.invert):
        with pytest.raises(ValueError, match=f"{number} is not from 0 to 9"):
            method(number)


@pytest.mark.parametrize(("size", "key"), [(0, b"key"), (10, b""), (10, bytes(65))])
def test_a_permutation_needs_a_size_and_a_key(size, key):
    with pytest.raises(ValueError, match=r"needs|has"):
        Permutation(size, key)
