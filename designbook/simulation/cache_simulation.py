"""Caches run on requests: LRU at every size in one pass, and a hot key that expires under load.

`che_hit_ratios` is the theory for any popularity, summed item by item; `designbook.simulation.caching` has the quick
form for Zipf's law.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def lru_distances(requests: ArrayLike) -> Integers:
    """For each request, how many other keys were asked for since the last request for the same key; -1 for the first.

    An LRU cache of c entries hits exactly the requests with 0 <= distance < c (R. Mattson et al., *Evaluation
    techniques for storage hierarchies*, IBM Systems Journal 9(2), 1970). `requests` are integer keys, shape (n,).
    O(n log n), in NumPy from end to end: 0.25 s for 200 thousand requests.
    """
    keys = np.asarray(requests)
    if keys.ndim != 1:
        raise ValueError(f"requests must be one row of keys, got the shape {keys.shape}")
    count = keys.size
    if count == 0:
        return np.empty(0, dtype=np.int64)
    order = np.argsort(keys, kind="stable")
    same = keys[order[1:]] == keys[order[:-1]]
    previous = np.full(count, -1, dtype=np.int64)
    previous[order[1:][same]] = order[:-1][same]

    # Between i = previous[j] and j, a key is new where its own previous request lies before i. All of the i + 1
    # requests up to i have such a one too, so the keys between are the k < j with previous[k] <= i, less i + 1.
    again = previous >= 0
    has_next = np.zeros(count, dtype=np.int64)
    has_next[previous[again]] = 1
    firsts = count - int(again.sum())
    rank = np.empty(count, dtype=np.int64)
    rank[~again] = np.arange(firsts)
    rank[again] = firsts + (np.cumsum(has_next) - 1)[previous[again]]
    smaller = _smaller_before(rank)
    return np.where(again, smaller - previous - 1, -1)


def _smaller_before(permutation: Integers) -> Integers:
    """For each place of a permutation of 0..n-1, how many earlier places hold a smaller value.

    Bit by bit from the top: among values that agree so far, a set bit has every clear bit before it as a smaller one.
    Padded to a power of two, each such group fills its row, and a stable split of all rows is one boolean selection.
    """
    levels = max(1, int(permutation.size - 1).bit_length())
    size = 1 << levels
    values = np.arange(size, dtype=np.int32)
    values[: permutation.size] = permutation
    place = np.arange(size, dtype=np.int32)
    smaller = np.zeros(size, dtype=np.int32)
    for level in range(levels):
        rows = 1 << level
        is_set = (values >> (levels - 1 - level)) & 1 == 1
        clear_before = np.cumsum(~is_set.reshape(rows, -1), axis=1, dtype=np.int32).reshape(-1)
        smaller[is_set] += clear_before[is_set]
        is_clear = ~is_set

        def split(column: NDArray[np.int32]) -> NDArray[np.int32]:
            halves = column[is_clear].reshape(rows, 1, -1), column[is_set].reshape(rows, 1, -1)  # noqa: B023
            return np.concatenate(halves, axis=1).reshape(-1)

        values, place, smaller = split(values), split(place), split(smaller)
    result = np.empty(size, dtype=np.int64)
    result[place] = smaller
    return result[: permutation.size]


def lru_hit_ratios(requests: ArrayLike, sizes: ArrayLike, *, warm_up: int = 0) -> Floats:
    """The hit ratio of an LRU cache of each of these sizes, in entries, over the requests after the first `warm_up`.

    The cache starts empty. One pass for all sizes; shape as `sizes`. Raises ValueError if no request is left to count.
    """
    distances = lru_distances(requests)[warm_up:]
    if distances.size == 0:
        raise ValueError(f"no request is left to count after a warm-up of {warm_up}")
    below = np.concatenate([[0], np.cumsum(np.bincount(distances[distances >= 0].astype(np.intp), minlength=1))])
    wanted = np.clip(np.asarray(sizes, dtype=np.int64), 0, below.size - 1)
    result: Floats = below[wanted] / distances.size
    return result


def che_hit_ratios(popularity: ArrayLike, sizes: ArrayLike) -> Floats:
    """The hit ratio of LRU by Che's approximation for any popularity, shape (items,), at each of the sizes.

    Costs O(items) a size and Newton step, about ten steps. Raises ValueError for a popularity that is not positive.
    """
    shares = np.asarray(popularity, dtype=np.float64)
    if shares.ndim != 1 or shares.size == 0 or not np.all(shares > 0):
        raise ValueError(f"popularity must be one row of positive numbers, got {shares!r}")
    shares = shares / shares.sum()
    wanted = np.asarray(sizes, dtype=np.float64)
    return np.array([_che(shares, size) for size in wanted.reshape(-1)]).reshape(wanted.shape)


def _che(shares: Floats, size: float) -> float:
    if size <= 0:
        return 0.0
    if size >= shares.size:
        return 1.0
    time = step = float(size)
    for _ in range(200):
        present = -np.expm1(-shares * time)
        slope = float(shares @ (1.0 - present))
        step = (size - float(present.sum())) / slope if slope > 0 else 0.0
        time += step
        if step <= 1e-9 * time:
            break
    return float(shares @ -np.expm1(-shares * time))


@dataclass(frozen=True, slots=True)
class HotKey:
    """What one hot key did to the store: `loads` in `expiries` turns of the cache, and how long each request waited.

    `loads` counts what the store was asked to do, `expiries` how often the key was found missing anew; `waits` are
    seconds, one for each request, 0 for a hit.
    """

    loads: int
    expiries: int
    waits: Floats


def hot_key(
    arrivals: Sequence[float] | Floats,
    *,
    load_time: float,
    ttl: float,
    single_flight: bool = False,
    parallel: float = float("inf"),
) -> HotKey:
    """One cached key under these requests (sorted times in seconds), first missing, then expiring `ttl` after a load.

    A request that finds the key missing loads it; with `single_flight` it waits for the load that is under way, if one
    is. A load alone takes `load_time`; the store serves `parallel` of them at full speed and shares itself evenly among
    more. Millions of requests a second, if most are hits.
    """
    if not load_time >= 0 or not ttl > 0 or not parallel > 0:
        raise ValueError(f"load_time must be at least 0, ttl and parallel above 0: got {load_time}, {ttl}, {parallel}")
    times = [float(time) for time in arrivals]
    waits = np.zeros(len(times))
    loading: deque[tuple[float, list[int]]] = deque()  # when done, in seconds of full-speed service, and who waits
    served = 0.0  # full-speed service that every load under way has had since the beginning
    clock = fresh_until = float("-inf")
    loads = expiries = 0

    def advance(to: float) -> None:
        nonlocal served, clock, fresh_until
        while loading:
            speed = min(1.0, parallel / len(loading))
            done = clock + (loading[0][0] - served) / speed
            if done > to:
                served += (to - clock) * speed
                break
            served, clock = loading[0][0], done
            for request in loading.popleft()[1]:
                waits[request] = done - times[request]
            fresh_until = done + ttl
        clock = to

    for request, time in enumerate(times):
        advance(time)
        if time < fresh_until:
            continue
        if single_flight and loading:
            loading[0][1].append(request)
            continue
        expiries += not loading
        loads += 1
        loading.append((served + load_time, [request]))
    advance(float("inf"))
    return HotKey(loads, expiries, waits)
