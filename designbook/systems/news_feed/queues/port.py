"""What the news feed asks of a queue: jobs are kept until they are done, and come again if nobody says so."""

from collections.abc import Hashable, Sequence
from typing import NamedTuple, Protocol

from designbook.systems.news_feed.errors import StoreDown
from designbook.systems.news_feed.posts import Job

__all__ = ["FROM_THE_FIRST", "LEASE", "ROOM", "JobQueue", "StoreDown", "Taken"]

LEASE = 30.0
"""Seconds after which a job comes again of which nobody has said anything."""
ROOM = 100_000
"""Jobs that a queue keeps at most."""
FROM_THE_FIRST = -1
"""Where the work for a job begins that nobody has begun: after no follower."""


class Taken(NamedTuple):
    """A job in the hands of one worker; `receipt` names this delivery to the queue.

    `after` is the last follower that an earlier delivery is known to have served. A queue that keeps no such thing says
    `FROM_THE_FIRST`, and the work is done again.
    """

    receipt: Hashable
    job: Job
    after: int = FROM_THE_FIRST


class JobQueue(Protocol):
    """At least once: a job that was put is delivered until it is acknowledged, to one worker at a time.

    A worker has the queue's `lease` to do it, and as long again with each `checkpoint`; when that is up, the job is
    delivered again, and what the late worker says does no harm. What a call did is kept through a crash of the process,
    memory excepted. All raise StoreDown, after which the same may be asked again.
    """

    def put(self, jobs: Sequence[Job]) -> int:
        """Keep jobs; says how many from the front are kept. They are fewer than given when the queue is full.

        A job that is put twice may be delivered twice.
        """

    def take(self, limit: int) -> list[Taken]:
        """Up to `limit` jobs, those put first first; after a moment none, if there are none."""

    def checkpoint(self, receipt: Hashable, after: int) -> None:
        """Begin the lease anew; the followers up to `after` are served."""

    def acknowledge(self, receipt: Hashable) -> None:
        """The job is done, and will not come again. It is right to say so even when the lease is up."""

    def give_back(self, receipt: Hashable, delay: float) -> None:
        """Let the job be delivered again after `delay` seconds."""

    def size(self) -> int:
        """How many jobs are not acknowledged, whether delivered or not."""

    def close(self) -> None:
        """Give the connections back."""
