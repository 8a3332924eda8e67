"""The panels' formulas are those of the theory, and the flow of retries goes where the simulation goes."""

from math import inf

import pytest

from designbook.capacity import check_dimensions
from designbook.method.queues import QueueCapacity, flow, fullest, mean_response, p99_response, wait_chance
from designbook.simulation.queueing import MMc
from designbook.simulation.retries import storm
from designbook.simulation.tails import part_needed, slow_share


@pytest.mark.parametrize("servers", [1, 2, 7, 64])
@pytest.mark.parametrize("load", [0.05, 0.5, 0.9, 0.98])
def test_the_panels_compute_what_the_queueing_theory_says(servers: int, load: float) -> None:
    station = MMc(load * servers * 100, 100, servers)
    assert wait_chance(load, servers) == pytest.approx(station.wait_probability)
    assert mean_response(load, servers, 0.01) == pytest.approx(station.mean_response)
    assert p99_response(load, servers, 0.01) == pytest.approx(station.response_quantile(0.99), rel=1e-6)


def test_a_drain_as_fast_as_the_service_has_its_own_formula() -> None:
    assert p99_response(0.5, 2, 0.01) == pytest.approx(MMc(100, 100, 2).response_quantile(0.99), rel=1e-6)


def test_the_fullest_load_is_the_last_that_keeps_the_promise() -> None:
    for servers in (1, 8, 40):
        load = fullest(servers, 0.02, 10)
        assert p99_response(load, servers, 0.02) <= 0.2 < p99_response(load + 2e-4, servers, 0.02)
    assert fullest(5, 0.02, 4) == 0, "the service alone takes 4.6 times its mean at the p99"


def test_the_numbers_to_know_are_those_of_the_theory() -> None:
    check_dimensions(QueueCapacity)
    model, station = QueueCapacity(), MMc(80, 100)
    assert (model.mean_wait, model.mean_answer) == (
        pytest.approx(station.mean_wait),
        pytest.approx(station.mean_response),
    )
    assert model.pooled_wait == pytest.approx(MMc(640, 100, 8).mean_wait)
    assert model.p99_answer == pytest.approx(station.response_quantile(0.99))
    assert model.slow_pages == pytest.approx(slow_share(100, 0.01))
    assert model.slow_allowed == pytest.approx(1 - part_needed(100, 0.99))
    assert (model.storm_load, model.storm_load_with_budget) == (0.25, pytest.approx(1 / 1.1))


# At the edge, where load times one plus the retries is close to 1, chance decides.
ENDINGS = [
    (load, retries, budget)
    for load in (0.2, 0.3, 0.7, 0.95)
    for retries, budget in ((0, inf), (3, inf), (3, 0.1), (1, inf))
    if abs(load * (1 + min(retries, budget)) - 1) > 0.06
]


@pytest.mark.parametrize(("load", "retries", "budget"), ENDINGS)
def test_the_flow_ends_where_the_simulated_storm_ends(load: float, retries: int, budget: float) -> None:
    seconds, capacity = 150, 150.0
    rates = [load * capacity] * 20 + [1.5 * capacity] * 4 + [load * capacity] * seconds
    run = storm(rates, capacity, retries=retries, budget=budget)
    sent, answered, wait = flow(170, load, 4, retries, budget)
    assert (answered > 0) == (run.goodput(150, 170) > 0.5)
    # In the burst the wait grows by up to 5 seconds a second, and chance moves its onset by up to one.
    assert wait == pytest.approx(run.waits[170], abs=5 + 0.1 * wait)
    assert sent * capacity == pytest.approx(sum(run.sent[160:170]) / 10, rel=0.15)


def test_clients_ask_again_a_second_after_they_asked_in_vain() -> None:
    seconds = [20 + step / 2 for step in range(16)]
    steps = [flow(second, 0.5, 10, 3, inf) for second in seconds]
    in_vain = next(second for second, (_, answered, _) in zip(seconds, steps, strict=True) if answered == 0)
    again = next(second for second, (sent, _, _) in zip(seconds, steps, strict=True) if sent > 1.5)
    assert again == in_vain + 1


@pytest.mark.parametrize("budget", [0.1, 0.5])
def test_a_budget_is_a_part_of_the_new_requests(budget: float) -> None:
    assert flow(28, 0.5, 10, 3, budget)[0] == pytest.approx(1.5 * (1 + budget))
    assert max(flow(20 + step / 2, 0.5, 10, 3, budget)[0] for step in range(200)) <= 1.5 * (1 + budget) + 1e-9
