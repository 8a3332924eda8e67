"""A queue that lags by minutes, in simulated time: the workers stand still, posts go on coming, and then they catch up.

`FanOut` and `MemoryQueue` are the real ones; a worker does one thing at a time, and only pushes take time. Beside it
stands what a fluid would do, that flows in and out at steady rates.
"""

from __future__ import annotations

from collections import deque
from heapq import heapify, heapreplace
from itertools import islice
from math import inf
from typing import TYPE_CHECKING, NamedTuple

from designbook.systems.news_feed.fan_out import (
    Acknowledge,
    Checkpoint,
    Event,
    FanOut,
    Followers,
    GiveBack,
    Given,
    Push,
    Pushed,
    ReadFollowers,
    Settings,
    Take,
    Tick,
)
from designbook.systems.news_feed.posts import Job
from designbook.systems.news_feed.queues import MemoryQueue, Taken

if TYPE_CHECKING:
    import numpy as np

Seconds = float

BEFORE = 60.0
"""Seconds for which the workers have worked when they stop, so that some jobs are in their hands."""
TICK = 0.05
"""Seconds between two looks at an empty queue."""


def wait_in_order(after: Seconds, outage: Seconds, busy: float) -> Seconds:
    """What a fluid says of a post written `after` the workers stopped, if the oldest job is done first.

    They stop for `outage`, and are `busy` otherwise, a share of the time.
    """
    return max(0.0, outage - after * (1 - busy))


def wait_newest_first(after: Seconds, outage: Seconds, busy: float) -> Seconds:
    """The same if the newest job is done first: it waits until all who came later are served, and who come then."""
    return max(0.0, outage - after) / (1 - busy)


class NewestFirst(MemoryQueue):
    """Hands out the job that was put last; the rest is as in `MemoryQueue`."""

    def take(self, limit: int) -> list[Taken]:
        """Up to `limit` jobs, those put last first."""
        now, taken = self._clock(), list[Taken]()
        with self._lock:
            for kept in islice((kept for kept in reversed(self._jobs.values()) if kept.due <= now), limit):
                kept.due, kept.deliveries = now + self._lease, kept.deliveries + 1
                taken.append(Taken((kept.job.post, kept.deliveries), kept.job, kept.after))
        return taken


class Delivered(NamedTuple):
    """A post that was written so many seconds after the workers stopped, and what its last follower waited."""

    written: Seconds
    waited: Seconds


class Lag(NamedTuple):
    """Every post in the order of writing, the most jobs that waited at a time, and jobs that were handed out again."""

    posts: list[Delivered]
    waiting: int
    again: int


class _Worker:
    """One process with the state machine in it; `rate` is followers a second."""

    def __init__(self, queue: MemoryQueue, followers: int, rate: float, stops: Seconds, reached: dict[int, Seconds]):
        self._queue, self._followers, self._rate, self._stops = queue, followers, rate, stops
        self._reached = reached
        self._machine = FanOut(Settings(jobs=1))
        self._events = deque[Event]()
        self.again = 0

    def turn(self, now: Seconds) -> Seconds:
        """Handle an event; when the next one is due, which is never for a worker that was stopped meanwhile."""
        event = self._events.popleft() if self._events else Tick()
        for effect in self._machine.handle(now, event):
            match effect:
                case Take(jobs):
                    found = tuple(self._queue.take(jobs))
                    self.again += sum(taken.receipt[1] > 1 for taken in found if isinstance(taken.receipt, tuple))
                    self._events.append(Given(found))
                case ReadFollowers(number, _, after, limit):
                    end = min(after + 1 + limit, self._followers)
                    self._events.append(Followers(number, tuple(range(after + 1, end))))
                case Push(number, post, users):
                    now += len(users) / self._rate
                    if now > self._stops:
                        return inf
                    if users[-1] == self._followers - 1:
                        self._reached.setdefault(post, now)
                    self._events.append(Pushed(number))
                case Checkpoint(receipt, after):
                    self._queue.checkpoint(receipt, after)
                case Acknowledge(receipt):
                    self._queue.acknowledge(receipt)
                case GiveBack(receipt, pause):
                    self._queue.give_back(receipt, pause)
        return now if self._events else now + TICK


def lag(
    outage: Seconds,
    busy: float,
    rng: np.random.Generator,
    queue: type[MemoryQueue] = MemoryQueue,
    *,
    workers: int = 4,
    rate: float = 2.0,
    followers: int = 800,
) -> Lag:
    """Stop all workers for `outage` seconds and let others take their place; posts come at random, `rate` a second.

    Each has so many followers, pushed to at the speed at which the workers are `busy`, a share of the time. Posts are
    written until a fluid would have caught up, and a fifth longer. What the stopped workers had in hand comes again
    when its lease is up. Raises ValueError unless the outage lasts and the share lies between 0 and 1.
    """
    if outage <= 0 or not 0 < busy < 1:
        raise ValueError(f"an outage lasts longer than 0 s, and busy is from 0 to 1, not {outage} s and {busy}")
    length = BEFORE + 1.2 * outage / (1 - busy)
    written = (rng.uniform(size=rng.poisson(rate * length)) * length).tolist()
    written.sort()
    clock = _Clock()
    jobs = queue(clock=clock)
    reached: dict[int, Seconds] = {}
    each = rate * followers / busy / workers
    put = waiting = again = 0
    for begins, stops in ((0.0, BEFORE), (BEFORE + outage, inf)):
        team = [_Worker(jobs, followers, each, stops, reached) for _ in range(workers)]
        turns = [(begins, number) for number in range(workers)]
        heapify(turns)
        while turns[0][0] < stops and len(reached) < len(written):
            clock.now, number = turns[0]
            while put < len(written) and written[put] <= clock.now:
                jobs.put([Job(put, 0)])
                put += 1
            waiting = max(waiting, jobs.size())
            heapreplace(turns, (team[number].turn(clock.now), number))
        again += sum(worker.again for worker in team)
    return Lag([Delivered(at - BEFORE, reached[post] - at) for post, at in enumerate(written)], waiting, again)


class _Clock:
    now: Seconds = 0.0

    def __call__(self) -> Seconds:
        return self.now
