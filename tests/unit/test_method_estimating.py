"""The model of the chapter on estimating, by hand, and rounding against its theory."""

from math import exp, log, log10, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from designbook.capacity import check_dimensions
from designbook.method.estimating import (
    EstimatingCapacity,
    Rounding,
    one_digit,
    one_or_three,
    power_of_ten,
    rounding_ratios,
    two_digits,
    typical_factor,
    within,
)

MONTH = 2_629_800
ABOVE_ZERO = st.floats(1e-9, 1e15)


def close(value: float) -> object:
    return pytest.approx(value, rel=1e-9)


def small() -> EstimatingCapacity:
    """Numbers that come out round: 8.64 million people, a tenth of whom come."""
    return EstimatingCapacity(
        users=8.64e6, active=10, reads_each=100, writes_each=10, peak_to_mean=4, record=1_000, kept=2, copies=2,
        answer=10_000, response_time=50, server_rate=1_000, utilisation=50, server_price=0.1, disk_price=0.1,
        egress_price=0.1,
    )  # fmt: skip


def test_every_estimate_has_the_dimension_that_it_promises() -> None:
    check_dimensions(EstimatingCapacity)


def test_traffic_bytes_and_machines_by_hand() -> None:
    model = small()
    assert (model.daily_users, model.reads, model.writes) == (close(864_000), close(1_000), close(100))
    assert (model.peak_reads, model.peak_writes) == (close(4_000), close(400))
    assert model.in_flight == close(4_400 * 0.05)
    assert model.but(pool=30, query=4).pool_ceiling == close(7_500)
    assert model.storage == close(100 * 2 * 31_557_600 * 1_000)
    assert (model.disks, model.bandwidth) == (close(2 * model.storage), close(40e6))
    assert model.servers == 10, "4,400 over 500 a server are nine, and a spare"


def test_the_bill_by_hand() -> None:
    model = small()
    lines = {
        "server_cost": 10 * 0.1 * MONTH / 3_600,
        "disk_cost": 2 * 100 * 2 * 31_557_600 * 1_000 / 1e9 * 0.1,
        "egress_cost": 1_000 * MONTH * 10_000 / 1e9 * 0.1,
    }
    for name, money in lines.items():
        assert model.value(name, "USD/month") == close(money), name
    assert model.value("cost", "USD/month") == close(sum(lines.values()))
    assert model.value("cost_each", "USD/month/user") == close(sum(lines.values()) / 864_000)


@given(ABOVE_ZERO)
def test_rounding_keeps_its_digits_and_moves_no_further_than_half_a_step(value: float) -> None:
    for rounding, digits in ((one_digit, 1), (two_digits, 2)):
        step = 10.0 ** (int(f"{value:e}".partition("e")[2]) + 1 - digits)
        assert abs(rounding(value) - value) <= step / 2 * (1 + 1e-6)
        assert rounding(rounding(value)) == rounding(value)
    assert abs(log10(power_of_ten(value) / value)) <= 0.5 + 1e-9
    assert abs(log10(one_or_three(value) / value)) <= 0.25 + 0.03, "3 stands for the root of ten, 3.16"


def test_what_is_not_above_zero_is_refused() -> None:
    for rounding in (one_digit, two_digits, one_or_three, power_of_ten):
        for value in (0.0, -3.0, float("nan")):
            with pytest.raises(ValueError, match="above 0"):
                rounding(value)
    with pytest.raises(ValueError, match="got 0 and 5"):
        rounding_ratios(one_digit, one_digit, 0, 5)


def spread(rounding: Rounding, steps: int = 200_000) -> float:
    """The standard deviation of ln(rounded / true) for a number drawn evenly by ratio, by numerical integration."""
    found = [log(rounding(10 ** ((k + 0.5) / steps)) / 10 ** ((k + 0.5) / steps)) for k in range(steps)]
    mean = sum(found) / steps
    return sqrt(sum((each - mean) ** 2 for each in found) / steps)


@pytest.mark.parametrize("rounding", [one_digit, power_of_ten])
def test_errors_of_factors_add_up_like_independent_ones(rounding: Rounding) -> None:
    size, factors = 4_000, 5
    logs = [log(ratio) for ratio in rounding_ratios(rounding, lambda value: value, factors, size, seed=3)]
    mean = sum(logs) / size
    simulated = sqrt(sum((each - mean) ** 2 for each in logs) / size)
    expected = spread(rounding, 20_000) * sqrt(factors)
    assert simulated == pytest.approx(expected, rel=4 / sqrt(2 * size)), "four standard errors of a deviation"


def test_nothing_rounded_is_nothing_off() -> None:
    ratios = rounding_ratios(lambda value: value, lambda value: value, 7, 50)
    assert max(ratios) == pytest.approx(1) == min(ratios)


def test_shares_and_factors_look_both_ways() -> None:
    ratios = [0.25, 0.5, 1.0, 2.0, 4.0]
    assert within(ratios, 2) == 0.6
    assert typical_factor(ratios, 0.9) == 4
    assert typical_factor([exp(-1), exp(1)]) == pytest.approx(exp(1))
