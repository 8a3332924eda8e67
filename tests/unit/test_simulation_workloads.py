"""Zipf, Poisson and the day: what is drawn follows the law that it claims, at a tolerance given by the sample size.

Each check runs over several seeds and is one in which a wrong sampler fails: the last tests of the file show it.
"""

from collections.abc import Callable
from math import sqrt
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from designbook.simulation.workloads import DAY, Diurnal, Zipf, poisson_arrivals, varying_arrivals
from designbook.simulation.zipf import hottest_share, top_share, zipf_sum

SEEDS = range(3)


def misfit(counts: np.ndarray, expected: np.ndarray) -> float:
    """How many standard deviations chi-squared lies above its mean; cells with few expected are put together."""
    rare = expected < 10
    cells = np.append(counts[~rare], counts[rare].sum()), np.append(expected[~rare], expected[rare].sum())
    seen, wanted = (part[cells[1] > 0] for part in cells)
    freedom = seen.size - 1
    chi = float(((seen - wanted) ** 2 / wanted).sum())
    if freedom == 0:
        return 0.0 if chi == 0 else float("inf")
    # Wilson and Hilferty: the cube root of chi-squared is close to normal
    return ((chi / freedom) ** (1 / 3) - (1 - 2 / (9 * freedom))) / sqrt(2 / (9 * freedom))


UNLIKELY = NormalDist().inv_cdf(1 - 1e-6)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("items", "exponent"),
    [(1, 1.0), (2, 0.0), (10, 0.5), (50, 0.0), (1000, 0.8), (1000, 1.0), (1000, 1.0 + 1e-9), (1000, 1.3), (300, 3.0)],
)
def test_zipf_draws_each_item_as_often_as_its_popularity_says(items: int, exponent: float, seed: int) -> None:
    zipf, size = Zipf(items, exponent), 200_000
    drawn = zipf.draw(np.random.default_rng(seed), size)
    assert drawn.shape == (size,)
    assert drawn.min() >= 0
    assert drawn.max() < items
    assert misfit(np.bincount(drawn, minlength=items), zipf.popularity * size) < UNLIKELY


@pytest.mark.parametrize("exponent", [0.6, 1.0, 1.2])
def test_zipf_over_all_seven_character_codes_gives_the_head_its_share(exponent: float) -> None:
    items, size = 62**7, 1_000_000
    drawn = Zipf(items, exponent).draw(np.random.default_rng(3), size)
    for top in (1, 1_000, 10**6, 10**9, 10**12):
        share = top_share(items, exponent, top)
        assert abs((drawn < top).mean() - share) < UNLIKELY * sqrt(share * (1 - share) / size) + 1e-12


@given(st.integers(1, 3000), st.floats(0, 3))
def test_popularity_falls_with_rank_and_sums_to_one(items: int, exponent: float) -> None:
    popularity = Zipf(items, exponent).popularity
    assert popularity.sum() == pytest.approx(1)
    assert np.all(np.diff(popularity) <= 0)
    assert popularity[0] == pytest.approx(1 / zipf_sum(items, exponent))


@given(st.integers(1, 5000), st.floats(0, 4))
def test_the_zipf_sum_is_the_sum_of_its_terms(items: int, exponent: float) -> None:
    terms = np.arange(items, 0, -1, dtype=float) ** -exponent
    assert zipf_sum(items, exponent) == pytest.approx(float(terms.sum()), rel=3e-12)


def test_a_reader_of_the_seeds_gets_the_same_requests_again() -> None:
    one, two = (Zipf(1000, 0.9).draw(np.random.default_rng(8), 1000) for _ in range(2))
    assert np.array_equal(one, two)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_hottest_shard_gets_the_top_item_and_its_part_of_the_rest(seed: int) -> None:
    rng, items, exponent, shards = np.random.default_rng(seed), 20_000, 1.0, 8
    owners = rng.integers(0, shards, (200, items), dtype=np.int8)
    popularity = Zipf(items, exponent).popularity
    loads = [float(popularity[row == row[0]].sum()) for row in owners]
    spread = np.std(loads) / sqrt(len(loads))
    assert abs(np.mean(loads) - hottest_share(items, exponent, shards)) < 5 * spread


# -- arrivals


@pytest.mark.parametrize("seed", SEEDS)
def test_poisson_arrivals_have_poisson_counts_and_exponential_gaps(seed: int) -> None:
    times = poisson_arrivals(200.0, 500.0, np.random.default_rng(seed))
    assert np.all(np.diff(times) >= 0)
    assert abs(times.size - 100_000) < UNLIKELY * sqrt(100_000)
    counts = np.bincount(times.astype(int), minlength=500)
    dispersion = counts.var(ddof=1) / counts.mean()
    assert abs(dispersion - 1) < UNLIKELY * sqrt(2 / 499)
    gaps = np.diff(times) * 200
    for quantile in (0.1, 0.5, 0.9, 0.99):
        below = (gaps < -np.log(1 - quantile)).mean()
        assert abs(below - quantile) < UNLIKELY * sqrt(quantile * (1 - quantile) / gaps.size)


@pytest.mark.parametrize("peak_to_mean", [1.0, 1.3, 2.0, 3.0, 10.0, 24.0])
def test_a_day_has_the_mean_and_the_peak_that_it_was_given(peak_to_mean: float) -> None:
    day = Diurnal(mean=50.0, peak_to_mean=peak_to_mean, peak_at=20 * 3600)
    rates = day(np.linspace(0, DAY, 86_400, endpoint=False))
    assert rates.mean() == pytest.approx(50)
    assert rates.max() == pytest.approx(50 * peak_to_mean)
    assert rates.min() == pytest.approx(day.trough, rel=1e-6)
    assert day(np.array(20 * 3600.0)) == pytest.approx(day.peak)
    assert day(np.array([3600.0])) == pytest.approx(day(np.array([3600.0 + DAY])))


@pytest.mark.parametrize("seed", SEEDS)
def test_thinned_arrivals_follow_the_day(seed: int) -> None:
    day = Diurnal(mean=2.0, peak_to_mean=3.0)
    times = varying_arrivals(day, day.peak, DAY, np.random.default_rng(seed))
    hours = np.bincount((times // 3600).astype(int), minlength=24)
    expected = day(np.arange(0.5, DAY)).reshape(24, 3600).sum(axis=1)
    assert abs(times.size - 2 * DAY) < UNLIKELY * sqrt(2 * DAY)
    assert misfit(hours, expected) < UNLIKELY


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Zipf(0, 1.0), "items must be at least 1, got 0"),
        (lambda: Zipf(10, -0.5), "exponent must be at least 0, got -0.5"),
        (lambda: Zipf(10, float("nan")), "exponent"),
        (lambda: Diurnal(1.0, peak_to_mean=0.5), "peak_to_mean must be between 1 and 24, got 0.5"),
        (lambda: poisson_arrivals(-1.0, 1.0, np.random.default_rng()), "got -1.0"),
        (lambda: top_share(10, 1.0, 11), "top must be between 0 and the 10 items, got 11"),
        (lambda: hottest_share(10, 1.0, 0), "shards must be at least 1, got 0"),
        (lambda: varying_arrivals(lambda t: 3 + t, 3.5, 100, np.random.default_rng(1)), "peak of 3.5, but is"),
    ],
)
def test_impossible_workloads_are_refused_by_name(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        make()
    assert message in str(caught.value)


# -- the checks above can fail


def test_an_exponent_that_is_off_by_two_hundredths_does_not_pass_for_the_right_one() -> None:
    for seed in SEEDS:
        drawn = Zipf(1000, 0.82).draw(np.random.default_rng(seed), 200_000)
        assert misfit(np.bincount(drawn, minlength=1000), Zipf(1000, 0.8).popularity * 200_000) > UNLIKELY


def test_arrivals_that_come_in_pairs_do_not_pass_for_poisson() -> None:
    for seed in SEEDS:
        pairs = np.repeat(poisson_arrivals(100.0, 500.0, np.random.default_rng(seed)), 2)
        counts = np.bincount(pairs.astype(int), minlength=500)
        assert abs(counts.var(ddof=1) / counts.mean() - 1) > UNLIKELY * sqrt(2 / 499)
