"""Requests as they really come: some keys far more often than others, and more at eight in the evening than at four.

Popularity is Zipf's law over a bounded number of items, arrivals are a Poisson process, and its rate may follow the
day. Every sampler takes a `numpy.random.Generator`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from math import cos, exp, pi

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

DAY = 86_400.0


@dataclass(frozen=True)
class Zipf:
    """Items 0, 1, 2 ... `items` - 1, the one of rank r = item + 1 being asked for in proportion to r ** -exponent.

    An exponent of 0 asks for all alike; web caches have seen 0.6 to 1.1. Raises ValueError for fewer than one item or a
    negative exponent.

    Draws by rejection-inversion (W. Hörmann and G. Derflinger, *Rejection-inversion to generate variates from monotone
    discrete distributions*, ACM TOMACS 6(3), 1996): exact, without a table, at the same cost for ten items and 1e12.
    """

    items: int
    exponent: float

    def __post_init__(self) -> None:
        if self.items < 1:
            raise ValueError(f"items must be at least 1, got {self.items}")
        if not 0 <= self.exponent < float("inf"):
            raise ValueError(f"exponent must be at least 0, got {self.exponent}")

    @cached_property
    def popularity(self) -> Floats:
        """The probability of each item, shape (items,), summing to 1. Costs O(items) time and memory."""
        weights = np.arange(1, self.items + 1, dtype=np.float64) ** -self.exponent
        result: Floats = weights / weights[::-1].sum()
        return result

    def draw(self, rng: np.random.Generator, size: int) -> Integers:
        """`size` independent requests, each an item from 0 up; 20 to 40 million a second."""
        first = self._area(1.5) - 1.0
        last = self._area(self.items + 0.5)
        shortcut = 2.0 - float(self._position(np.array([self._area(2.5) - 2.0**-self.exponent]))[0])
        drawn = np.empty(size, dtype=np.int64)
        done = 0
        while done < size:
            area = rng.uniform(first, last, min(size - done, 1 << 16))
            position = self._position(area)
            rank = np.clip(np.floor(position + 0.5), 1.0, float(self.items))
            accepted = rank - position <= shortcut
            doubtful = np.flatnonzero(~accepted)
            if doubtful.size:
                ranks = rank[doubtful]
                accepted[doubtful] = area[doubtful] >= self._areas(ranks + 0.5) - ranks**-self.exponent
            kept = rank[accepted]
            drawn[done : done + kept.size] = kept
            done += kept.size
        drawn -= 1
        return drawn

    def _area(self, x: float) -> float:
        return float(self._areas(np.array([x]))[0])

    def _areas(self, x: Floats) -> Floats:
        """The integral of t ** -exponent from 1 to x, also where the exponent is 1 or close to it."""
        logs = np.log(x)
        bend = (1.0 - self.exponent) * logs
        with np.errstate(invalid="ignore", divide="ignore"):
            stretch = np.where(np.abs(bend) > 1e-8, np.expm1(bend) / bend, 1.0 + bend / 2.0)
        result: Floats = stretch * logs
        return result

    def _position(self, area: Floats) -> Floats:
        """The x whose area it is: the inverse of `_areas`."""
        bend = np.maximum(area * (1.0 - self.exponent), -1.0 + 1e-16)
        with np.errstate(invalid="ignore", divide="ignore"):
            stretch = np.where(np.abs(bend) > 1e-8, np.log1p(bend) / bend, 1.0 - bend / 2.0)
        result: Floats = np.exp(stretch * area)
        return result


@dataclass(frozen=True)
class Diurnal:
    """A rate that follows the day: its logarithm is a cosine, so it stays positive however sharp the peak.

    `mean` is in requests a second, `peak_to_mean` from 1 to 24, `peak_at` in seconds after midnight. The rate at time t
    is mean · exp(k · cos(2π (t - peak_at) / day)) / I₀(k), with k such that the peak is `peak_to_mean` times the mean.
    Raises ValueError for other numbers.
    """

    mean: float
    peak_to_mean: float = 2.0
    peak_at: float = 20 * 3600.0

    def __post_init__(self) -> None:
        if not 0 <= self.mean < float("inf"):
            raise ValueError(f"mean must be at least 0, got {self.mean}")
        if not 1 <= self.peak_to_mean <= 24:
            raise ValueError(f"peak_to_mean must be between 1 and 24, got {self.peak_to_mean}")

    @cached_property
    def sharpness(self) -> float:
        """The k of the formula: 0 is a flat day."""
        low, high = 0.0, 4_000.0
        for _ in range(100):
            middle = (low + high) / 2
            if _scaled_bessel(middle) * self.peak_to_mean > 1:
                low = middle
            else:
                high = middle
        return low

    @property
    def peak(self) -> float:
        """The rate at the busiest moment, in requests a second."""
        return self.mean * self.peak_to_mean

    @property
    def trough(self) -> float:
        """The rate twelve hours later."""
        return self.peak * exp(-2 * self.sharpness)

    def __call__(self, time: Floats) -> Floats:
        """The rate at `time`, seconds after midnight of the first day; any shape."""
        swing = np.cos(2 * pi * (np.asarray(time) - self.peak_at) / DAY) - 1.0
        result: Floats = self.peak * np.exp(self.sharpness * swing)
        return result


def _scaled_bessel(k: float) -> float:
    """exp(-k) · I₀(k): the mean of exp(k (cos x - 1)) over a circle, on which the trapezoid rule is exact."""
    points = 256
    return sum(exp(k * (cos(2 * pi * n / points) - 1.0)) for n in range(points)) / points


def poisson_arrivals(rate: float, duration: float, rng: np.random.Generator) -> Floats:
    """The times, sorted, of a Poisson process of `rate` a second during `duration` seconds.

    Given their number, the times of a Poisson process are independent and evenly spread. Raises ValueError for a
    negative rate or duration.
    """
    if not rate >= 0 or not duration >= 0:
        raise ValueError(f"rate and duration must be at least 0, got {rate} and {duration}")
    times = rng.uniform(0.0, duration, rng.poisson(rate * duration))
    times.sort()
    return times


def varying_arrivals(
    rate: Callable[[Floats], Floats], peak: float, duration: float, rng: np.random.Generator
) -> Floats:
    """The times, sorted, of a Poisson process whose rate changes with time and never exceeds `peak`.

    By thinning: arrivals at the peak rate, each kept with probability rate / peak (P. Lewis and G. Shedler, *Simulation
    of nonhomogeneous Poisson processes by thinning*, 1979). Raises ValueError where the rate is negative or above
    `peak`.
    """
    times = poisson_arrivals(peak, duration, rng)
    rates = rate(times)
    wrong = np.flatnonzero(~((rates >= 0) & (rates <= peak * (1 + 1e-9))))
    if wrong.size:
        time, value = times[wrong[0]], rates[wrong[0]]
        raise ValueError(f"the rate must stay between 0 and the peak of {peak}, but is {value} at time {time}")
    kept: Floats = times[rng.uniform(0.0, peak, times.size) < rates]
    return kept
