"""Surge pricing as a feedback loop: a price that follows the shortage, seen some time ago, and when it swings.

Every interval the logarithm of the price moves by `gain` times the logarithm of requests over free drivers, as they
were `delay` intervals ago. Near the balance that is y[k+1] = y[k] - a · y[k-delay], with y the distance from the price
that clears the market and a the gain times the sum of both elasticities. Such a loop comes to rest exactly if
a < 2 sin(π / (4 delay + 2)), and does so without a swing if a is at most delay^delay / (delay + 1)^(delay + 1)
(S. A. Levin and R. M. May, *A note on difference-delay equations*, Theoretical Population Biology 9, 1976).
"""

from dataclasses import dataclass
from math import exp, log, pi, sin
from random import Random


@dataclass(frozen=True, slots=True)
class Market:
    """Requests and drivers in an interval at the usual price, and how both answer to the price.

    Twice the price changes requests by the factor 2 ** -`demand_elasticity` and drivers by 2 ** `supply_elasticity`.
    Raises ValueError for a number that is not above 0.
    """

    requests: float = 400.0
    drivers: float = 250.0
    demand_elasticity: float = 0.6
    supply_elasticity: float = 0.4

    def __post_init__(self) -> None:
        for name in ("requests", "drivers", "demand_elasticity", "supply_elasticity"):
            if not 0 < getattr(self, name) < float("inf"):
                raise ValueError(f"{name} must be above 0, got {getattr(self, name)}")

    @property
    def elasticity(self) -> float:
        """By which power of the price the shortage shrinks."""
        return self.demand_elasticity + self.supply_elasticity

    @property
    def clearing_price(self) -> float:
        """The multiplier at which there are as many requests as drivers."""
        return exp(log(self.requests / self.drivers) / self.elasticity)

    def shortage(self, price: float) -> float:
        """Requests for each driver at this multiplier."""
        return self.requests / self.drivers * exp(-self.elasticity * log(price))


def calm_below(delay: int, elasticity: float = 1.0) -> float:
    """The largest gain at which the price never swings past its balance, near it. `delay` in intervals."""
    _check(delay, elasticity)
    return float(delay) ** delay / float(delay + 1) ** (delay + 1) / elasticity


def swings_die_below(delay: int, elasticity: float = 1.0) -> float:
    """The gain from which on swings do not die away. `delay` in intervals; always more than `calm_below`."""
    _check(delay, elasticity)
    return 2 * sin(pi / (4 * delay + 2)) / elasticity


def prices(
    market: Market,
    *,
    gain: float,
    delay: int,
    intervals: int,
    least: float = 1.0,
    most: float = 3.0,
    rng: Random | None = None,
) -> list[float]:
    """The multiplier in each interval, from 1 on, bounded by `least` and `most`.

    With `rng` the requests of an interval are counted as they come (normal about their mean, with its root as the
    deviation), otherwise exactly. Raises ValueError for a negative gain, delay or number of intervals.
    """
    _check(delay, 1.0)
    if not gain >= 0 or intervals < 0:
        raise ValueError(f"gain and intervals must be at least 0, got {gain} and {intervals}")
    found = [max(least, 1.0)]
    for interval in range(1, intervals):
        seen = found[max(0, interval - 1 - delay)]
        shortage = market.shortage(seen)
        if rng is not None:
            mean = market.requests * exp(-market.demand_elasticity * log(seen))
            shortage *= max(1.0, rng.gauss(mean, mean**0.5)) / mean
        price = found[-1] * exp(gain * log(shortage))
        found.append(min(most, max(least, price)))
    return found[:intervals]


def _check(delay: int, elasticity: float) -> None:
    if delay < 0 or delay != int(delay):
        raise ValueError(f"delay must be a whole number of intervals, at least 0, got {delay}")
    if not elasticity > 0:
        raise ValueError(f"elasticity must be above 0, got {elasticity}")
