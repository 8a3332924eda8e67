"""A queue in the process's own memory: for trials and simulations, and gone with the process."""

import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from threading import Lock

from designbook.systems.news_feed.posts import Job
from designbook.systems.news_feed.queues.port import FROM_THE_FIRST, LEASE, ROOM, Taken


@dataclass(slots=True)
class _Kept:
    job: Job
    due: float = 0.0  # from when on it may be delivered
    after: int = FROM_THE_FIRST
    deliveries: int = 0


class MemoryQueue:
    """A dictionary of jobs in the order in which they came, under a lock. A receipt is the post and its delivery."""

    def __init__(self, lease: float = LEASE, room: int = ROOM, clock: Callable[[], float] = time.monotonic) -> None:
        """`lease` in seconds of `clock`; `room` for so many jobs."""
        self._lease, self._room, self._clock = lease, room, clock
        self._jobs: dict[int, _Kept] = {}  # by post
        self._lock = Lock()

    def put(self, jobs: Sequence[Job]) -> int:
        """Keep jobs for as long as there is room; one that is here already is kept once."""
        with self._lock:
            for number, job in enumerate(jobs):
                if job.post not in self._jobs:
                    if len(self._jobs) >= self._room:
                        return number
                    self._jobs[job.post] = _Kept(job)
            return len(jobs)

    def take(self, limit: int) -> list[Taken]:
        """Up to `limit` jobs, those put first first; none at once, if there are none."""
        now, taken = self._clock(), list[Taken]()
        with self._lock:
            for kept in self._jobs.values():
                if len(taken) == limit:
                    break
                if kept.due <= now:
                    kept.due, kept.deliveries = now + self._lease, kept.deliveries + 1
                    taken.append(Taken((kept.job.post, kept.deliveries), kept.job, kept.after))
        return taken

    def checkpoint(self, receipt: Hashable, after: int) -> None:
        """Begin the lease anew; the followers up to `after` are served."""
        with self._lock:
            if kept := self._held(receipt):
                kept.due, kept.after = self._clock() + self._lease, after

    def acknowledge(self, receipt: Hashable) -> None:
        """The job is done."""
        post, _ = _parts(receipt)
        with self._lock:
            self._jobs.pop(post, None)

    def give_back(self, receipt: Hashable, delay: float) -> None:
        """Let the job be delivered again after `delay` seconds."""
        with self._lock:
            if kept := self._held(receipt):
                kept.due = self._clock() + delay

    def size(self) -> int:
        """How many jobs are not acknowledged."""
        return len(self._jobs)

    def close(self) -> None:
        """Nothing to give back."""

    def _held(self, receipt: Hashable) -> _Kept | None:
        """The job, unless it was delivered to another since."""
        post, delivery = _parts(receipt)
        kept = self._jobs.get(post)
        return kept if kept and kept.deliveries == delivery else None


def _parts(receipt: Hashable) -> tuple[int, int]:
    assert isinstance(receipt, tuple)
    post, delivery = receipt
    return post, delivery
