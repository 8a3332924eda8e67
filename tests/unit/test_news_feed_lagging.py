"""Workers that stand still, in simulated time: what posts wait then, beside what a fluid says."""

from math import sqrt
from statistics import fmean, stdev

import numpy as np
import pytest

from designbook.simulation.confidence import student_t
from designbook.systems.news_feed.lagging import Lag, NewestFirst, lag, wait_in_order, wait_newest_first
from designbook.systems.news_feed.queues import MemoryQueue

OUTAGE, BUSY = 180.0, 0.5
ORDERS = {MemoryQueue: wait_in_order, NewestFirst: wait_newest_first}
JOB = BUSY / 2.0 * 4
"""Seconds that one of four workers takes for a job, at two posts a second."""


@pytest.fixture(scope="module")
def runs() -> dict[type[MemoryQueue], list[Lag]]:
    return {queue: [lag(OUTAGE, BUSY, np.random.default_rng(seed), queue) for seed in range(6)] for queue in ORDERS}


@pytest.mark.parametrize("queue", ORDERS)
@pytest.mark.parametrize("moment", [15.0, 75.0, 165.0, 260.0])
def test_posts_wait_as_a_fluid_says_within_the_error_of_the_sample(runs, queue, moment):
    means = [fmean(post.waited for post in run.posts if abs(post.written - moment) < 15) for run in runs[queue]]
    allowed = student_t(0.9995, len(means) - 1) * stdev(means) / sqrt(len(means))
    # A fluid has no jobs: one is on its way for a while, and meets others.
    assert -allowed < fmean(means) - ORDERS[queue](moment, OUTAGE, BUSY) < allowed + 3 * JOB
    assert allowed < 0.35 * OUTAGE


def test_either_order_catches_up_at_the_same_moment(runs):
    for one, other in zip(runs[MemoryQueue], runs[NewestFirst], strict=True):
        right = [max(post.written + post.waited for post in run.posts if post.written < OUTAGE) for run in (one, other)]
        assert right[0] < right[1], "in order the last of those written during the outage is not the last of all"
        late = [max(post.written + post.waited for post in run.posts if post.waited > 10 * JOB) for run in (one, other)]
        assert late[1] == pytest.approx(late[0], rel=0.25)
        assert late[1] == pytest.approx(OUTAGE / (1 - BUSY), rel=0.25)


def test_jobs_in_the_hands_of_workers_that_stopped_come_again_and_none_is_lost(runs):
    again = [run.again for each in runs.values() for run in each]
    assert sum(again) > 0
    assert max(again) <= 4, "a job for each worker"
    for run in runs[MemoryQueue]:
        assert min(post.waited for post in run.posts) >= JOB * 0.999, "a push takes its time"
        assert abs(run.waiting - 2.0 * OUTAGE) < 5 * sqrt(2.0 * OUTAGE)


def test_the_newest_first_hands_out_what_was_put_last_and_not_what_is_in_hand():
    from designbook.systems.news_feed.posts import Job

    queue = NewestFirst(lease=30, clock=lambda: 0.0)
    queue.put([Job(number, 7) for number in range(4)])
    assert [taken.job.post for taken in queue.take(2)] == [3, 2]
    assert [taken.job.post for taken in queue.take(5)] == [1, 0]
    assert queue.take(1) == []


@pytest.mark.parametrize(("outage", "busy"), [(0.0, 0.5), (60.0, 0.0), (60.0, 1.0)])
def test_an_outage_that_cannot_be_is_refused(outage, busy):
    with pytest.raises(ValueError, match="busy"):
        lag(outage, busy, np.random.default_rng(1))
