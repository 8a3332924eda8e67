"""Queues: the simulation agrees with the closed forms, and the closed forms with each other.

Simulated means are judged by batch means, because waits in a queue depend on one another; quantiles by the batches too.
"""

from math import exp, factorial
from statistics import fmean

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from designbook.simulation.confidence import batch_means, student_t
from designbook.simulation.queue_simulation import single_server_waits, waits
from designbook.simulation.queueing import MMc, erlang_b, erlang_c, mg1_mean_wait, servers_for

SEEDS = range(3)
WARM_UP = 20_000


def exponential_queue(station: MMc, size: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    arrivals = np.cumsum(rng.exponential(1 / station.arrival_rate, size))
    return waits(arrivals, rng.exponential(1 / station.service_rate, size), station.servers)[WARM_UP:]


# -- simulation against theory


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("station", [MMc(50, 100), MMc(80, 100), MMc(90, 100)])
def test_one_server_waits_as_mm1_says(station: MMc, seed: int) -> None:
    simulated = exponential_queue(station, 2_000_000, seed)
    assert batch_means(simulated).agrees_with(station.mean_wait)
    assert batch_means(simulated > 0).agrees_with(station.utilisation)
    for part in (0.9, 0.99):
        assert batch_means(simulated <= station.wait_quantile(part)).agrees_with(part)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("station", [MMc(160, 100, 2), MMc(850, 100, 10)])
def test_several_servers_wait_as_mmc_says(station: MMc, seed: int) -> None:
    simulated = exponential_queue(station, 300_000, seed)
    assert batch_means(simulated).agrees_with(station.mean_wait)
    assert batch_means(simulated > 0).agrees_with(station.wait_probability)
    assert batch_means(simulated <= station.wait_quantile(0.95)).agrees_with(0.95)


@pytest.mark.parametrize("seed", SEEDS)
def test_response_times_have_the_tail_that_mmc_says(seed: int) -> None:
    station, size, rng = MMc(240, 100, 3), 300_000, np.random.default_rng(seed)
    arrivals, services = np.cumsum(rng.exponential(1 / 240, size)), rng.exponential(1 / 100, size)
    responses = (waits(arrivals, services, 3) + services)[WARM_UP:]
    for seconds in (0.005, 0.02, 0.05):
        assert batch_means(responses > seconds).agrees_with(station.response_tail(seconds))
    assert batch_means(responses <= station.response_quantile(0.99)).agrees_with(0.99)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("shape", "variation"), [(None, 0.0), (4.0, 0.25), (0.25, 4.0)])
def test_any_service_time_waits_as_pollaczek_and_khinchine_say(
    shape: float | None, variation: float, seed: int
) -> None:
    size, rng = 2_000_000, np.random.default_rng(seed)
    services = np.full(size, 0.01) if shape is None else rng.gamma(shape, 0.01 / shape, size)
    simulated = single_server_waits(np.cumsum(rng.exponential(1 / 70, size)), services)[WARM_UP:]
    assert batch_means(simulated).agrees_with(mg1_mean_wait(70, 0.01, variation))


def test_a_theory_that_is_five_per_cent_off_is_rejected() -> None:
    station = MMc(80, 100)
    for seed in SEEDS:
        estimate = batch_means(exponential_queue(station, 2_000_000, seed))
        assert not estimate.agrees_with(1.05 * station.mean_wait)
        assert not estimate.agrees_with(0.95 * station.mean_wait)


# -- simulation against its naive twin


@given(
    st.lists(st.tuples(st.floats(0, 2), st.floats(0, 2)), max_size=60),
    st.integers(1, 4),
)
def test_waits_are_what_serving_in_order_gives(requests: list[tuple[float, float]], servers: int) -> None:
    arrivals = np.cumsum([gap for gap, _ in requests])
    services = np.array([service for _, service in requests])
    free, expected = [0.0] * servers, []
    for time, service in zip(arrivals, services, strict=True):
        soonest = min(range(servers), key=free.__getitem__)
        begin = max(time, free[soonest])
        free[soonest] = begin + service
        expected.append(begin - time)
    assert waits(arrivals, services, servers) == pytest.approx(np.array(expected), abs=1e-9)


def test_the_vectorised_queue_is_the_recursion_also_across_its_blocks() -> None:
    rng, size = np.random.default_rng(5), 70_001
    arrivals, services = np.cumsum(rng.exponential(1.0, size)), rng.exponential(0.97, size)
    expected, wait = [0.0], 0.0
    for gap, service in zip(np.diff(arrivals).tolist(), services.tolist(), strict=False):
        wait = max(0.0, wait + service - gap)
        expected.append(wait)
    assert single_server_waits(arrivals, services) == pytest.approx(np.array(expected), abs=1e-7)


def test_queues_with_impossible_input_are_refused() -> None:
    with pytest.raises(ValueError, match="sorted"):
        waits([2.0, 1.0], [1.0, 1.0])
    with pytest.raises(ValueError, match="shapes"):
        waits([1.0, 2.0], [1.0])
    with pytest.raises(ValueError, match="services must be at least 0"):
        waits([1.0, 2.0], [1.0, -1.0])
    with pytest.raises(ValueError, match="servers must be at least 1, got 0"):
        waits([1.0], [1.0], 0)
    assert waits([], []).size == 0


# -- closed forms against textbook and each other


def test_erlang_formulas_equal_their_definition_with_factorials() -> None:
    for servers in (1, 2, 5, 20):
        for offered in (0.1, 0.7 * servers, 0.99 * servers):
            terms = [offered**k / factorial(k) for k in range(servers + 1)]
            assert erlang_b(offered, servers) == pytest.approx(terms[-1] / sum(terms))
            waiting = terms[-1] * servers / (servers - offered)
            assert erlang_c(offered, servers) == pytest.approx(waiting / (sum(terms[:-1]) + waiting))


def test_erlang_c_neither_overflows_nor_vanishes_for_ten_thousand_servers() -> None:
    assert 0 < erlang_c(9_900, 10_000) < 1
    assert erlang_c(10_000, 10_000) == 1


@given(st.floats(0.01, 0.99), st.floats(0.1, 1e4))
def test_mm1_is_mmc_with_one_server_and_mg1_with_exponential_service(load: float, service_rate: float) -> None:
    station = MMc(load * service_rate, service_rate)
    assert station.mean_wait == pytest.approx(load / (service_rate * (1 - load)), rel=1e-6)
    assert station.mean_wait == pytest.approx(mg1_mean_wait(station.arrival_rate, 1 / service_rate, 1.0), rel=1e-6)
    assert station.mean_queue == pytest.approx(load**2 / (1 - load), rel=1e-6)
    assert station.response_tail(1 / service_rate) == pytest.approx(exp(-(1 - load)), rel=1e-6)


@given(st.floats(0.05, 0.98), st.integers(1, 60), st.floats(0, 0.9999))
def test_a_quantile_is_where_the_tail_has_what_is_left(load: float, servers: int, part: float) -> None:
    station = MMc(load * servers * 10, 10, servers)
    assert station.response_tail(station.response_quantile(part)) == pytest.approx(1 - part, rel=1e-5)
    assert station.wait_tail(station.wait_quantile(part)) == pytest.approx(
        min(1 - part, station.wait_probability), rel=1e-5
    )


@given(st.floats(1, 50_000), st.floats(5, 5_000), st.sampled_from([0.5, 0.95, 0.99]))
def test_servers_for_is_enough_and_one_fewer_is_not(arrival_rate: float, service_rate: float, part: float) -> None:
    response = 6 / service_rate
    servers = servers_for(arrival_rate, service_rate, part=part, response=response)
    assert MMc(arrival_rate, service_rate, servers).response_tail(response) <= 1 - part
    if arrival_rate < (servers - 1) * service_rate:
        assert MMc(arrival_rate, service_rate, servers - 1).response_tail(response) > 1 - part


def test_impossible_stations_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"2 server\(s\) of 100 requests a second cannot keep up with 200"):
        MMc(200, 100, 2)
    with pytest.raises(ValueError, match="servers at least 1"):
        MMc(1, 2, 0)
    with pytest.raises(ValueError, match="cannot be had"):
        servers_for(100, 10, part=0.99, response=0.1)
    with pytest.raises(ValueError, match="part must be"):
        MMc(1, 2).wait_quantile(1.0)
    with pytest.raises(ValueError, match="load must lie between"):
        mg1_mean_wait(2, 1, 0)


# -- confidence


def test_batch_means_cover_the_truth_as_often_as_they_promise() -> None:
    rng, truth, covered, runs = np.random.default_rng(2), 0.0, 0, 400
    for _ in range(runs):
        noise = rng.normal(size=4_000)
        series = np.empty(4_000)
        level = 0.0
        for index, push in enumerate(noise.tolist()):
            level = 0.8 * level + push
            series[index] = level
        covered += batch_means(series, batches=20, confidence=0.95).agrees_with(truth)
    assert abs(covered / runs - 0.95) < 4 * (0.95 * 0.05 / runs) ** 0.5


def test_taking_correlated_waits_for_independent_would_promise_too_much() -> None:
    simulated = exponential_queue(MMc(80, 100), 400_000, 1)
    naive = 3.29 * simulated.std() / simulated.size**0.5
    assert batch_means(simulated).half_width > 3 * naive


def test_student_t_is_close_to_the_tables() -> None:
    for probability, freedom, table in [(0.975, 9, 2.262), (0.9995, 9, 4.781), (0.9995, 39, 3.558), (0.95, 19, 1.729)]:
        assert student_t(probability, freedom) == pytest.approx(table, rel=0.01)


def test_batch_means_of_a_list_and_of_an_array_are_the_same() -> None:
    values = [float(n % 7) for n in range(1003)]
    assert batch_means(values).mean == pytest.approx(batch_means(np.array(values)).mean)
    assert batch_means(values).mean == pytest.approx(fmean(values[3:]))
    with pytest.raises(ValueError, match="got 5 and 1003 values"):
        batch_means(values, batches=5)
