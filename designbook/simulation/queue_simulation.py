"""Queues run on drawn arrivals and service times, fast enough to see the p99.9.

Held against `designbook.simulation.queueing` in the tests, within what `designbook.simulation.confidence` allows.
"""

from heapq import heapify, heapreplace

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

_BLOCK = 1 << 15  # customers at a time: the work stays in the processor's cache, and sums stay small and exact


def single_server_waits(arrivals: ArrayLike, services: ArrayLike) -> Floats:
    """The wait of each request before one server, first come first served.

    `arrivals` are sorted times and `services` durations, both in seconds and of shape (n,). Lindley's recursion, wait'
    = max(0, wait + service - gap), is a running sum less its running minimum, so NumPy does it: tens of millions of
    requests a second. Raises ValueError for unequal lengths, times out of order or a negative duration.
    """
    times, durations = _checked(arrivals, services)
    waits = np.empty(times.size)
    if times.size == 0:
        return waits
    waits[0] = 0.0
    for start in range(0, times.size - 1, _BLOCK):
        stop = min(start + _BLOCK, times.size - 1)
        walk = np.empty(stop - start + 1)
        walk[0] = waits[start]
        np.subtract(times[start:stop], times[start + 1 : stop + 1], out=walk[1:])
        walk[1:] += durations[start:stop]
        np.cumsum(walk, out=walk)
        lowest = np.minimum.accumulate(walk)
        np.minimum(lowest, 0.0, out=lowest)
        np.subtract(walk[1:], lowest[1:], out=waits[start + 1 : stop + 1])
    return waits


def waits(arrivals: ArrayLike, services: ArrayLike, servers: int = 1) -> Floats:
    """The wait of each request in one queue before `servers` servers, first come first served.

    As `single_server_waits`, which it uses for one server; with more, a heap of the times at which servers become free:
    2 million requests a second.
    """
    if servers < 1:
        raise ValueError(f"servers must be at least 1, got {servers}")
    if servers == 1:
        return single_server_waits(arrivals, services)
    times, durations = _checked(arrivals, services)
    free = [float("-inf")] * servers
    heapify(free)
    begins = []
    for time, duration in zip(times.tolist(), durations.tolist(), strict=True):
        begin = free[0] if free[0] > time else time
        heapreplace(free, begin + duration)
        begins.append(begin)
    return np.array(begins, dtype=np.float64) - times


def _checked(arrivals: ArrayLike, services: ArrayLike) -> tuple[Floats, Floats]:
    times, durations = np.asarray(arrivals, dtype=np.float64), np.asarray(services, dtype=np.float64)
    if times.shape != durations.shape or times.ndim != 1:
        raise ValueError(f"as many arrivals as services are needed, got the shapes {times.shape} and {durations.shape}")
    if np.any(times[1:] < times[:-1]):
        raise ValueError("arrivals must be sorted times")
    if np.any(durations < 0):
        raise ValueError(f"services must be at least 0, got {durations.min()}")
    return times, durations
