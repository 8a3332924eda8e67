"""Snowflake ids: unique 64-bit numbers, in order of time, made by each worker on its own.

41 bits of milliseconds since an epoch, 10 bits of worker, 12 bits of sequence (Twitter, 2010).
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import floor
from threading import Lock

TWITTER_EPOCH = 1_288_834_974.657
"""The second (Unix time) from which Twitter counts: 2010-11-04T01:42:54.657Z."""

TIME_BITS, WORKER_BITS, SEQUENCE_BITS = 41, 10, 12


class ClockBehind(RuntimeError):
    """The clock is too far behind the last id to make another; `seconds` says how far."""

    def __init__(self, worker: int, seconds: float) -> None:
        super().__init__(
            f"worker {worker}: the clock is {seconds:.3f} s behind the last id; wait, or retire the worker"
        )
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class Parts:
    """What an id says about itself: `time` (Unix seconds), `worker` and `sequence`."""

    time: float
    worker: int
    sequence: int


class Snowflake:
    """Makes the ids of one worker: each larger than the one before, none twice, from any number of threads.

    Time never runs backwards in the ids. Where the clock does, or where a millisecond needs more than its 4,096
    ids, they run ahead of the clock, by `slack` seconds at most; then `ClockBehind` is raised and nothing changes.
    Ids are unique only if no two workers share a number and a restarted worker's clock is past its last id.
    """

    def __init__(self, worker: int, clock: Callable[[], float], *, epoch: float = TWITTER_EPOCH, slack: float = 0.01):
        """`clock` gives Unix seconds. Raises ValueError if `worker` is not in 0..1023 or `slack` is negative."""
        if not 0 <= worker < 1 << WORKER_BITS:
            raise ValueError(f"a worker's number is from 0 to {(1 << WORKER_BITS) - 1}, not {worker}")
        if slack < 0:
            raise ValueError(f"slack is 0 seconds or more, not {slack}")
        self._worker = worker
        self._clock = clock
        self._epoch = round(epoch * 1000)
        self._slack = slack * 1000
        self._last = -1  # milliseconds and sequence of the last id, as one number
        self._lock = Lock()

    def next_id(self) -> int:
        """A new id. Raises ClockBehind, or OverflowError 69 years after the epoch and before it."""
        with self._lock:
            now = floor(self._clock() * 1000) - self._epoch
            if not 0 <= now < 1 << TIME_BITS:
                raise OverflowError(
                    f"the clock is {now / 1000:.3f} s from the epoch: {TIME_BITS} bits do not hold that"
                )
            stamp = max(now << SEQUENCE_BITS, self._last + 1)
            ahead = (stamp >> SEQUENCE_BITS) - now
            if ahead > self._slack:
                raise ClockBehind(self._worker, ahead / 1000)
            self._last = stamp
        milliseconds, sequence = divmod(stamp, 1 << SEQUENCE_BITS)
        return (milliseconds << WORKER_BITS | self._worker) << SEQUENCE_BITS | sequence


def parts(identifier: int, *, epoch: float = TWITTER_EPOCH) -> Parts:
    """Take an id apart: anyone can read from it when, and by which worker, it was made."""
    rest, sequence = divmod(identifier, 1 << SEQUENCE_BITS)
    milliseconds, worker = divmod(rest, 1 << WORKER_BITS)
    return Parts((milliseconds + round(epoch * 1000)) / 1000, worker, sequence)
