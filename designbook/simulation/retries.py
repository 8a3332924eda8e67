"""Retries under overload: a burst fills a queue, clients give up and ask again, and the queue never empties.

One server, first come first served, that does not know who has given up: it works off answers that nobody waits for.
Such a state that outlives its cause is called metastable. Source: N. Bronson, A. Aghayev, A. Charapko and T. Zhu,
*Metastable Failures in Distributed Systems*, HotOS 2021.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from math import inf
from random import Random


@dataclass(frozen=True, slots=True)
class Storm:
    """What happened, in each second: new requests, all that were sent, answers in time, and the wait at its end.

    A request that is answered late, or turned away, counts as sent and not as answered.
    """

    new: list[int]
    sent: list[int]
    answered: list[int]
    waits: list[float]

    def goodput(self, begin: int, end: int) -> float:
        """Answers in time for each new request of these seconds."""
        return sum(self.answered[begin:end]) / sum(self.new[begin:end])


def storm(
    rates: Sequence[float],
    capacity: float,
    *,
    timeout: float = 1.0,
    retries: int = 3,
    budget: float = inf,
    longest_queue: float = inf,
    seed: int = 1,
) -> Storm:
    """Send `rates[t]` new requests in second t to a server that answers `capacity` a second.

    Arrivals are random, service times exponential. A client that has no answer after `timeout` seconds asks again, at
    most `retries` times. Of these, all clients together send at most `budget` for each new request (a bucket that holds
    ten seconds' worth). A server with `longest_queue` turns away whoever would wait longer than this; who is turned
    away retries as if timed out. Raises ValueError for rates, a capacity or a timeout that are not above 0. About a
    million requests a second.
    """
    if not capacity > 0 or not timeout > 0 or any(not rate > 0 for rate in rates) or retries < 0:
        raise ValueError(f"rates, capacity and timeout must be above 0, got {capacity=}, {timeout=}, {retries=}")
    rng, seconds = Random(seed), len(rates)
    new, sent, answered = [0] * seconds, [0] * seconds, [0] * seconds
    waiting = [0.0] * seconds
    coming = [(time, 0) for time in _arrivals(rates, rng)]
    heapify(coming)
    free, tokens = 0.0, min(10 * budget * rates[0], inf)
    while coming:
        time, tries = heappop(coming)
        second = int(time)
        if second >= seconds:
            continue
        if tries == 0:
            new[second] += 1
            tokens = min(tokens + budget, 10 * budget * rates[second])
        elif tokens < 1:
            continue
        else:
            tokens -= 1
        sent[second] += 1
        wait = max(0.0, free - time)
        served = wait <= longest_queue
        done = max(free, time) + rng.expovariate(capacity)
        if served:
            free = done
        waiting[second] = max(0.0, free - time)
        if served and done - time <= timeout:
            answered[second] += 1
        elif tries < retries:
            heappush(coming, (time + timeout, tries + 1))
    return Storm(new, sent, answered, waiting)


def _arrivals(rates: Sequence[float], rng: Random) -> list[float]:
    """The times of a Poisson process whose rate changes by the second."""
    times = []
    for second, rate in enumerate(rates):
        time = second + rng.expovariate(rate)
        while time < second + 1:
            times.append(time)
            time += rng.expovariate(rate)
    return times
