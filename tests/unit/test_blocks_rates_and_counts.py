"""Token bucket and count-min sketch: the bounds that they promise, in exact arithmetic and over several seeds."""

from collections import Counter
from fractions import Fraction

import limits
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from designbook.blocks.count_min import CountMinSketch
from designbook.blocks.token_bucket import TokenBucket


class Clock:
    """A clock that shows what it is set to, in exact fractions."""

    def __init__(self, now=0):
        self.now = Fraction(now)

    def __call__(self):
        return self.now


fractions = st.fractions(Fraction(1, 20), 20, max_denominator=20)
requests = st.lists(st.tuples(st.fractions(0, 3, max_denominator=20), st.integers(0, 4)), max_size=60)


@given(fractions, fractions, requests)
def test_no_stretch_of_time_sees_more_than_the_burst_and_the_rate(rate, burst, requests):
    clock = Clock()
    bucket, admitted = TokenBucket(rate, burst, clock), []
    for pause, cost in requests:
        clock.now += pause
        if bucket.allow(cost):
            admitted.append((clock.now, cost))
    for first in range(len(admitted)):
        total = 0
        for time, cost in admitted[first:]:
            total += cost
            assert total <= burst + rate * (time - admitted[first][0])


@given(fractions, fractions, requests)
def test_a_bucket_decides_as_the_generic_cell_rate_algorithm_does(rate, burst, requests):
    # GCRA (ATM Forum, 1996) keeps one number, the time at which the bucket would be full, and no tokens.
    clock, full_at = Clock(), Fraction(0)
    bucket = TokenBucket(rate, burst, clock)
    for pause, cost in requests:
        clock.now += pause
        candidate = max(full_at, clock.now) + cost / rate
        conforms = candidate - clock.now <= burst / rate
        if conforms:
            full_at = candidate
        assert bucket.allow(cost) is conforms


@given(fractions, fractions, requests, st.fractions(Fraction(1, 20), 1))
def test_who_waits_as_told_is_admitted_and_who_comes_earlier_is_not(rate, burst, requests, part):
    clock = Clock()
    bucket = TokenBucket(rate, burst, clock)
    for pause, cost in requests:
        clock.now += pause
        if cost > burst:
            with pytest.raises(ValueError, match="never holds"):
                bucket.wait(cost)
            continue
        told = bucket.wait(cost)
        if told:
            assert not bucket.allow(cost)
            clock.now += told * (1 - part)
            assert not bucket.allow(cost)
            clock.now += told * part
        assert bucket.allow(cost)


def test_a_clock_that_steps_back_neither_fills_nor_empties():
    clock = Clock(100)
    bucket = TokenBucket(1, 5, clock)
    assert bucket.allow(5)
    clock.now = Fraction(50)
    assert not bucket.allow(1)
    clock.now = Fraction(101)
    assert bucket.allow(1)
    assert not bucket.allow(1)


def test_over_a_long_time_a_hungry_caller_gets_the_rate():
    clock = Clock()
    bucket = TokenBucket(10, 20, clock)
    admitted = 0
    for _ in range(10_000):
        clock.now += Fraction(1, 100)
        admitted += bucket.allow()
    assert admitted == 20 + 10 * 100 - 1 or admitted == 20 + 10 * 100


def test_at_a_steady_pace_the_fixed_window_of_limits_admits_as_many(monkeypatch):
    # Over whole windows a limit of 10 a minute and a bucket of 10/60 s, burst 10, admit alike after the first burst.
    now = 6_000.0
    monkeypatch.setattr("time.time", lambda: now)
    storage = limits.storage.MemoryStorage()
    peer, limit = limits.strategies.FixedWindowRateLimiter(storage), limits.parse("10/minute")
    bucket = TokenBucket(10 / 60, 10, lambda: now)
    ours = theirs = 0
    for _ in range(20 * 60):
        now += 1
        ours += bucket.allow()
        theirs += peer.hit(limit, "caller")
    assert abs(ours - theirs) <= 10
    storage.timer.cancel() if getattr(storage, "timer", None) else None


@pytest.mark.parametrize(("rate", "burst"), [(0, 1), (1, 0), (-1, 1)])
def test_a_bucket_that_never_fills_or_holds_nothing_is_refused(rate, burst):
    with pytest.raises(ValueError, match="above 0"):
        TokenBucket(rate, burst, Clock())


def test_a_negative_cost_would_mint_tokens_and_is_refused():
    with pytest.raises(ValueError, match="-1"):
        TokenBucket(1, 1, Clock()).allow(-1)


# -- count-min

streams = st.lists(st.tuples(st.text("abcde", max_size=3), st.integers(0, 100)), max_size=100)


@given(st.integers(1, 30), st.integers(1, 16), streams)
def test_an_estimate_is_never_below_the_count_nor_above_the_total(width, depth, stream):
    sketch, truth = CountMinSketch(width, depth), Counter()
    for key, count in stream:
        sketch.add(key, count)
        truth[key] += count
    assert sketch.total == truth.total()
    assert all(truth[key] <= sketch.estimate(key) <= sketch.total for key in [*truth, "never"])


@given(streams, streams)
def test_merged_sketches_are_the_sketch_of_both_streams(ours, theirs):
    one, other, both = (CountMinSketch(7, 3) for _ in range(3))
    for sketch, stream in ((one, ours), (other, theirs), (both, ours + theirs)):
        for key, count in stream:
            sketch.add(key, count)
    one.merge(other)
    assert (one._rows, one.total) == (both._rows, both.total)


@pytest.mark.parametrize("exponent", [0.0, 0.8, 1.2])
def test_the_error_is_within_the_bound_as_often_as_promised(exponent):
    error, chance, keys, seeds = 0.01, 0.05, 3_000, 6
    above = 0
    for seed in range(seeds):
        weights = np.arange(1, keys + 1.0) ** -exponent
        counts = np.random.default_rng(seed).multinomial(100_000, weights / weights.sum())
        sketch = CountMinSketch.for_error(error, chance)
        for key, count in enumerate(counts.tolist()):
            sketch.add(f"{seed}:{key}", count)
        above += sum(
            sketch.estimate(f"{seed}:{key}") > count + error * sketch.total for key, count in enumerate(counts.tolist())
        )
    # Markov's inequality is generous: the measured share lies far below the promise.
    assert above / (keys * seeds) <= chance


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_one_row_of_an_even_stream_is_too_high_by_the_mean_of_a_counter(seed):
    # With one row the excess of a key is what the others put into its counter: total/width on average.
    width, keys = 200, 4_000
    sketch = CountMinSketch(width, 1)
    for key in range(keys):
        sketch.add(f"{seed}:{key}")
    mean = sum(sketch.estimate(f"{seed}:{key}") - 1 for key in range(keys)) / keys
    expected = (keys - 1) / width
    # Averaged over keys this is the sum of squared counters, chi-squared with width - 1 degrees of freedom.
    assert abs(mean - expected) < 5 * (2 / width) ** 0.5


@given(st.floats(0.001, 0.9), st.floats(1e-6, 0.9))
def test_a_sketch_for_an_error_is_as_wide_and_deep_as_the_theorem_asks(error, chance):
    sketch = CountMinSketch.for_error(error, chance)
    assert np.e / sketch.width <= error
    assert np.exp(-sketch.depth) <= chance * (1 + 1e-9)


def test_sizes_and_counts_that_make_no_sense_are_refused():
    for make in (lambda: CountMinSketch(0, 1), lambda: CountMinSketch(1, 17), lambda: CountMinSketch.for_error(0, 0.1)):
        with pytest.raises(ValueError, match="not"):
            make()
    with pytest.raises(ValueError, match="-1"):
        CountMinSketch(1, 1).add("key", -1)
    with pytest.raises(ValueError, match="do not merge"):
        CountMinSketch(1, 1).merge(CountMinSketch(2, 1))
