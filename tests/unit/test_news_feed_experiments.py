"""What the chapter tries out: waits in the fan-out's queue."""

from math import inf, sqrt
from statistics import fmean, stdev

import numpy as np
import pytest

from designbook.simulation.confidence import student_t
from designbook.simulation.graphs import Followers
from designbook.systems.news_feed.experiments import Waits, fan_out_waits

DEGREES = Followers(75, 1e6, 1.28).draw(np.random.default_rng(1), 1_000_000)


def waits(seeds: int, threshold: float, spare: float = 0.4) -> list[Waits]:
    rate = 500 * float(DEGREES.mean()) / (1 - spare)
    return fan_out_waits(
        DEGREES,
        [np.random.default_rng(seed) for seed in range(seeds)],
        posts=200_000,
        posts_per_second=500,
        deliveries_per_second=rate,
        threshold=threshold,
    )


@pytest.mark.parametrize("threshold", [1_000, 20_000])
def test_waits_are_those_of_theory_within_the_error_of_the_sample(threshold: float) -> None:
    found = waits(12, threshold)
    means = [each.mean for each in found]
    allowed = student_t(0.9995, len(means) - 1) * stdev(means) / sqrt(len(means))
    assert abs(fmean(means) - found[0].expected) < allowed
    assert allowed < 0.25 * found[0].expected


def test_a_threshold_shortens_the_worst_wait_more_than_it_saves_deliveries() -> None:
    for everything, few in zip(waits(3, inf), waits(3, 20_000), strict=True):
        assert few.worst < everything.worst / 5
        assert few.late <= everything.late
    assert DEGREES[DEGREES <= 20_000].sum() > 0.8 * DEGREES.sum()


def test_a_queue_that_cannot_keep_up_is_refused() -> None:
    with pytest.raises(ValueError, match="load must lie between 0 and 1"):
        waits(1, inf, spare=-0.1)


def test_posts_of_those_above_the_threshold_do_not_load_the_queue() -> None:
    half = np.array([10] * 500 + [1_000] * 500)
    (found,) = fan_out_waits(
        half, [np.random.default_rng(1)], posts=1_000, posts_per_second=2, deliveries_per_second=20, threshold=100
    )
    # One post a second is pushed, and takes half a second: load 1/2, equal services.
    assert found.expected == pytest.approx(0.5 * 0.5 / (2 * 0.5))
