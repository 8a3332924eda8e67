"""The price settles or swings as the theory of the delayed loop says."""

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from designbook.systems.ride_sharing.surge import Market, calm_below, prices, swings_die_below

DELAYS = range(6)
FREE = {"least": 1e-9, "most": 1e9}


def near_balance(gain: float, delay: int, intervals: int = 4_000) -> np.ndarray:
    """The logarithm of the price over the clearing one, from one per cent away, unbounded."""
    market = Market(requests=101, drivers=100, demand_elasticity=0.7, supply_elasticity=0.3)
    found = prices(market, gain=gain, delay=delay, intervals=intervals, **FREE)
    return np.log(np.array(found) / market.clearing_price)


@pytest.mark.parametrize("delay", DELAYS)
def test_the_bound_of_swings_is_where_the_largest_root_leaves_the_unit_circle(delay: int) -> None:
    def largest(gain: float) -> float:
        return float(np.abs(np.roots([1, -1, *[0] * (delay - 1), gain] if delay else [1, gain - 1])).max())

    bound = swings_die_below(delay)
    assert largest(bound) == pytest.approx(1, abs=1e-9)
    assert largest(0.99 * bound) < 1 < largest(1.01 * bound)


@pytest.mark.parametrize("delay", DELAYS)
def test_the_bound_of_calm_is_where_the_roots_cease_to_be_real(delay: int) -> None:
    def dominant(gain: float) -> complex:
        roots = np.roots([1, -1, *[0] * (delay - 1), gain] if delay else [1, gain - 1])
        return complex(roots[np.abs(roots).argmax()])

    bound = calm_below(delay)
    assert abs(dominant(0.98 * bound).imag) < 1e-9
    assert dominant(0.98 * bound).real > 0
    assert abs(dominant(1.02 * bound).imag) > 1e-6 or dominant(1.02 * bound).real < 0


@pytest.mark.parametrize("delay", DELAYS)
def test_the_simulated_price_settles_below_the_bound_and_never_above_it(delay: int) -> None:
    bound = swings_die_below(delay)
    below, above = near_balance(0.97 * bound, delay), near_balance(1.03 * bound, delay)
    assert np.abs(below[-100:]).max() < 1e-3 * np.abs(below[:100]).max()
    assert np.abs(above[-100:]).max() > np.abs(above[:100]).max()


@pytest.mark.parametrize("delay", DELAYS)
def test_a_price_below_the_calm_bound_never_passes_the_clearing_price_and_one_above_does(delay: int) -> None:
    calm = calm_below(delay)
    assert (near_balance(0.98 * calm, delay) < 1e-12).all()
    assert (near_balance(1.3 * calm, delay) > 0).any()


@given(
    st.floats(10, 1_000), st.floats(10, 1_000), st.floats(0.1, 2), st.floats(0.1, 2), st.integers(0, 8), st.floats(0, 4)
)
def test_a_price_stays_within_its_bounds_whatever_the_market(
    requests: float, drivers: float, demand: float, supply: float, delay: int, gain: float
) -> None:
    market = Market(requests, drivers, demand, supply)
    found = prices(market, gain=gain, delay=delay, intervals=60, rng=Random(1))
    assert len(found) == 60
    assert all(1 <= price <= 3 for price in found)


@given(st.floats(100, 300), st.floats(100, 300), st.floats(0.2, 2), st.floats(0.2, 2))
def test_at_the_clearing_price_there_is_a_driver_for_each_request(
    requests: float, drivers: float, demand: float, supply: float
) -> None:
    market = Market(requests, drivers, demand, supply)
    assert market.shortage(market.clearing_price) == pytest.approx(1)


def test_counting_noise_moves_the_price_and_the_same_seed_moves_it_alike() -> None:
    runs = [prices(Market(), gain=0.2, delay=1, intervals=50, rng=Random(seed)) for seed in (1, 1, 2)]
    assert runs[0] == runs[1] != runs[2]
    still = prices(Market(), gain=0.2, delay=1, intervals=50)
    assert np.mean(runs[0][20:]) == pytest.approx(np.mean(still[20:]), rel=0.1)


@pytest.mark.parametrize("bad", [{"requests": 0}, {"drivers": -1}, {"demand_elasticity": 0}, {"supply_elasticity": 0}])
def test_a_market_without_requests_drivers_or_answers_is_refused_by_name(bad: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(bad))):
        Market(**bad)


def test_a_loop_that_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="delay"):
        calm_below(-1)
    with pytest.raises(ValueError, match="elasticity"):
        swings_die_below(1, 0)
    with pytest.raises(ValueError, match="gain"):
        prices(Market(), gain=-1, delay=0, intervals=3)
    with pytest.raises(ValueError, match="delay"):
        prices(Market(), gain=1, delay=-1, intervals=3)
