"""Fan-outs, hedged requests and retries: the simulations agree with the closed forms, and fail where they must."""

from math import inf, sqrt
from random import Random

import numpy as np
import pytest

from designbook.simulation.confidence import batch_means
from designbook.simulation.hedging import Hedged, hedge
from designbook.simulation.queueing import MMc
from designbook.simulation.retries import Storm, storm
from designbook.simulation.tails import hedge_after, hedged_quantile, hedged_tail, part_needed, slow_share, tail

FAST, SLOW, SHARE = 0.01, 0.2, 0.02
MEAN = (1 - SHARE) * FAST + SHARE * SLOW


def answers(rng: np.random.Generator, *shape: int) -> np.ndarray:
    means = np.where(rng.random(shape) < SHARE, SLOW, FAST)
    return rng.exponential(1.0, shape) * means


def service(rng: Random) -> float:
    return rng.expovariate(1 / (SLOW if rng.random() < SHARE else FAST))


def four_errors(part: float, size: int) -> float:
    """Four standard errors of a share."""
    return 4 * sqrt(part * (1 - part) / size)


# -- closed forms against draws


@pytest.mark.parametrize("servers", [1, 10, 100])
def test_a_fan_out_meets_a_slow_server_as_often_as_the_formula_says(servers: int) -> None:
    size = 20_000
    drawn = np.random.default_rng(servers).random((size, servers)) < 0.01
    expected = slow_share(servers, 0.01)
    assert abs(drawn.any(axis=1).mean() - expected) < four_errors(expected, size)
    assert slow_share(servers, 1 - part_needed(servers, 0.9)) == pytest.approx(0.1)


@pytest.mark.parametrize("after", [0.0, 0.02, 0.1, inf])
def test_hedged_answers_have_the_tail_that_the_formula_says(after: float) -> None:
    size, rng = 200_000, np.random.default_rng(4)
    first, second = answers(rng, size), answers(rng, size)
    times = np.minimum(first, after + second)
    for seconds in (0.005, 0.03, 0.15, 0.4):
        expected = hedged_tail(seconds, after, FAST, SLOW, SHARE)
        assert abs((times > seconds).mean() - expected) < four_errors(expected, size)
    if after < inf:
        copies = tail(after, FAST, SLOW, SHARE)
        assert abs((first > after).mean() - copies) <= four_errors(copies, size)


@pytest.mark.parametrize(("servers", "after"), [(1, inf), (1, 0.05), (20, 0.05)])
def test_the_quantile_is_where_the_tail_of_the_fan_out_is(servers: int, after: float) -> None:
    size, rng = 40_000, np.random.default_rng(5)
    times = np.minimum(answers(rng, size, servers), after + answers(rng, size, servers)).max(axis=1)
    for part in (0.5, 0.99):
        limit = hedged_quantile(part, servers, after, FAST, SLOW, SHARE)
        assert abs((times <= limit).mean() - part) < four_errors(part, size)


@pytest.mark.parametrize("copies", [0.001, 0.05, 0.6])
def test_a_hedge_goes_out_when_so_many_have_no_answer(copies: float) -> None:
    assert tail(hedge_after(copies, FAST, SLOW, SHARE), FAST, SLOW, SHARE) == pytest.approx(copies)
    assert hedge_after(1.0, FAST, SLOW, SHARE) == 0


# -- hedging among queues


def test_without_hedges_each_server_is_a_queue_of_its_own() -> None:
    station = MMc(70, 100)
    run = hedge(40_000, 70 * 5, lambda rng: rng.expovariate(100), servers=5, seed=2)
    assert batch_means(run.times[5_000:]).agrees_with(station.mean_response)
    limit = station.response_quantile(0.95)
    assert batch_means([time > limit for time in run.times[5_000:]]).agrees_with(0.05)
    assert run.copies == 0
    assert run.utilisation == pytest.approx(0.7, abs=0.02)


@pytest.mark.parametrize("after", [0.02, 0.1])
def test_on_idle_servers_hedging_is_what_the_closed_form_says(after: float) -> None:
    size = 30_000
    run = hedge(size, 0.5, service, servers=50, after=after, seed=3)
    for part in (0.5, 0.99):
        limit = hedged_quantile(part, 1, after, FAST, SLOW, SHARE)
        assert abs(sum(time <= limit for time in run.times) / size - part) < four_errors(part, size)
    copies = tail(after, FAST, SLOW, SHARE)
    assert abs(run.extra - copies) < four_errors(copies, size)


def test_every_request_is_answered_and_no_answer_precedes_its_request() -> None:
    for after, cancel in ((inf, True), (0.01, True), (0.01, False), (0.0, False)):
        run = hedge(3_000, 400, service, servers=10, after=after, cancel=cancel)
        assert len(run.times) == 3_000
        assert all(0 < time < inf for time in run.times)
        assert run.busy <= run.seconds * 10


def test_copies_that_are_not_cancelled_cost_their_whole_work() -> None:
    busy = [hedge(20_000, 250, service, servers=10, after=0.0, cancel=cancel).utilisation for cancel in (True, False)]
    assert busy[1] == pytest.approx(2 * 250 * MEAN / 10, rel=0.08)
    assert busy[0] < 0.9 * busy[1]


def test_a_quantile_leaves_out_the_warm_up() -> None:
    run = Hedged([9.0, 9.0, 1.0, 2.0, 3.0, 4.0], 3, 1.0, 1.0, 2)
    assert (run.quantile(0.5, warm_up=2), run.quantile(0.99, warm_up=2), run.extra) == (3.0, 4.0, 0.5)


def test_hedging_wants_two_servers_and_a_rate() -> None:
    for requests, rate, servers in ((10, 1.0, 1), (0, 1.0, 2), (10, 0.0, 2)):
        with pytest.raises(ValueError, match=f"got {servers}, {requests}, {rate}"):
            hedge(requests, rate, service, servers=servers)


# -- retries

CAPACITY = 100.0


def burst(load: float, seconds: int = 3, calm: int = 200) -> list[float]:
    return [load * CAPACITY] * 10 + [1.5 * CAPACITY] * seconds + [load * CAPACITY] * calm


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("retries", "budget", "load", "heals"),
    [
        (0, inf, 0.9, True),
        (1, inf, 0.42, True),
        (1, inf, 0.58, False),
        (3, inf, 0.20, True),
        (3, inf, 0.30, False),
        (3, 0.1, 0.80, True),
        (3, 0.1, 0.97, False),
    ],
)
def test_a_storm_outlives_its_burst_just_where_all_retries_exceed_the_capacity(
    retries: int, budget: float, load: float, heals: bool, seed: int
) -> None:
    """With every request timing out, (1 + retries) times the load arrives, or (1 + budget) times: above 1 it grows."""
    assert (load * (1 + min(retries, budget)) < 1) == heals
    run = storm(burst(load), CAPACITY, retries=retries, budget=budget, seed=seed)
    end = run.goodput(160, 210)
    assert end > 0.99 if heals else end < 0.1


def test_what_is_sent_is_each_request_and_its_retries_and_no_more() -> None:
    run = storm(burst(0.6), CAPACITY, retries=2)
    assert sum(run.sent) <= 3 * sum(run.new)
    assert sum(run.sent[60:]) == pytest.approx(3 * sum(run.new[60:]), rel=0.05), "all of them time out"
    kept = storm(burst(0.6), CAPACITY, retries=2, budget=0.1)
    assert sum(kept.sent) <= 1.1 * sum(kept.new) + 10 * 0.1 * 0.6 * CAPACITY
    assert storm(burst(0.6), CAPACITY, retries=0).sent == storm(burst(0.6), CAPACITY, retries=0).new


def test_a_server_that_turns_away_whom_it_cannot_serve_in_time_needs_no_budget() -> None:
    run = storm(burst(0.8), CAPACITY, retries=3, longest_queue=0.5)
    assert run.goodput(60, 210) > 0.97
    assert max(run.waits) < 1.5


def test_an_unloaded_server_answers_as_fast_as_mm1() -> None:
    station = MMc(50, CAPACITY)
    run = storm([50.0] * 1_000, CAPACITY, timeout=station.response_quantile(0.9), retries=0)
    in_time = [answered / new if new else 1.0 for answered, new in zip(run.answered, run.new, strict=True)]
    assert batch_means(in_time).agrees_with(0.9)


def test_a_storm_with_impossible_input_is_refused() -> None:
    for rates, capacity, timeout in (([0.0], 1.0, 1.0), ([1.0], 0.0, 1.0), ([1.0], 1.0, 0.0)):
        with pytest.raises(ValueError, match="above 0"):
            storm(rates, capacity, timeout=timeout)


def test_a_second_counts_answers_for_its_own_requests() -> None:
    assert Storm([2, 2], [2, 4], [2, 1], [0.0, 9.0]).goodput(0, 2) == 0.75
