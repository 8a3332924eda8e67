"""What a cache will do, computed before it is built: the hit ratio of LRU, and what happens when a hot key expires.

Every function here is arithmetic and loops on plain numbers and has an answer for all of them, so that `capacity` can
translate it and a slider can move it in the reader's browser. `cache_simulation` runs the same questions on requests.
"""

from math import exp, log


def che_hit_ratio(items: float, exponent: float, cache: float) -> float:
    """The hit ratio of an LRU cache of `cache` entries, when `items` are asked for by Zipf's law, independently.

    The approximation of H. Che, Y. Tung and Z. Wang (*Hierarchical Web caching systems*, IEEE JSAC 20(7), 2002): an
    item stays for a characteristic time, the same for all, such that `cache` items are there on average. Within 0.00002
    of the sum over all items, at a cost that grows with their logarithm: 0.1 ms for a billion. 0 for no cache, 1 for a
    cache that holds everything; the misses by which a cache fills up are not counted.
    """
    if cache <= 0:
        return 0.0
    if cache >= items:
        return 1.0
    counts, shares = _zipf_points(items, exponent)
    time = 1.0 * cache
    step = time
    rounds = 0
    while step > 1e-6 * time and rounds < 200:  # Newton from below; items held are concave in time: no step overshoots
        held = 0.0
        growth = 0.0
        for count, share in zip(counts, shares):  # noqa: B905
            absent = exp(-share * time)
            held = held + count * (1.0 - absent)
            growth = growth + count * share * absent
        step = (cache - held) / growth if growth > 0 else 0.0
        time = time + step
        rounds = rounds + 1
    hits = 0.0
    for count, share in zip(counts, shares):  # noqa: B905
        hits = hits + count * share * (1.0 - exp(-share * time))
    return min(1.0, hits)


def che_cache(items: float, exponent: float, hit_ratio: float) -> float:
    """How many entries an LRU cache needs for that hit ratio: the inverse of `che_hit_ratio`.

    0 for a hit ratio of 0 or less, all items for 1 or more.
    """
    if hit_ratio <= 0:
        return 0.0
    if hit_ratio >= 1:
        return 1.0 * items
    counts, shares = _zipf_points(items, exponent)
    time = 0.0
    step = 1.0
    rounds = 0
    while step > 1e-6 * time and rounds < 200:
        hits = 0.0
        growth = 0.0
        for count, share in zip(counts, shares):  # noqa: B905
            absent = exp(-share * time)
            hits = hits + count * share * (1.0 - absent)
            growth = growth + count * share * share * absent
        step = (hit_ratio - hits) / growth if growth > 0 else 0.0
        time = time + step
        rounds = rounds + 1
    held = 0.0
    for count, share in zip(counts, shares):  # noqa: B905
        held = held + count * (1.0 - exp(-share * time))
    return min(1.0 * items, held)


def distinct_items(items: float, exponent: float, requests: float) -> float:
    """How many different items that many Zipf requests ask for, on average. Cost and error as `che_hit_ratio`.

    It is what merging repeats saves: counts written once a window need one write for each item seen in it.
    """
    points = _zipf_points(items, exponent)
    found = 0.0
    for index in range(len(points[0])):
        found = found + points[0][index] * (1.0 - exp(-points[1][index] * requests))
    return min(1.0 * items, found)


def _zipf_points(items: float, exponent: float) -> list[list[float]]:
    """Zipf's law in few points: how many items each stands for, and the share of the requests that each of them gets.

    The first 20 ranks one by one, the others in blocks on a logarithmic scale (two points of Gauss and Legendre each).
    """
    head = int(min(items, 20))
    ranks = [1.0 * rank for rank in range(1, head + 1)]
    counts = [1.0 for rank in range(1, head + 1)]
    if items > head:
        first = head + 0.5
        span = log((items + 0.5) / first)
        blocks = int(2 * span) + 1
        width = span / blocks
        between = []
        total = 0.0
        for block in range(blocks):
            middle = first * exp((block + 0.5) * width)
            reach = exp(0.5 * width / 1.7320508075688772)
            between.append(middle / reach)
            between.append(middle * reach)
            total = total + middle / reach + middle * reach
        for rank in between:
            ranks.append(rank)
            counts.append((items - head) * rank / total)
    weights = [rank ** (-exponent) for rank in ranks]
    sum_of_weights = 0.0
    for count, weight in zip(counts, weights):  # noqa: B905
        sum_of_weights = sum_of_weights + count * weight
    return [counts, [weight / sum_of_weights for weight in weights]]


def stampede_loads(rate: float, load_time: float) -> float:
    """How many loads of one hot key its expiry starts, on average, when every miss loads for itself.

    `rate` is in requests a second, `load_time` in seconds: the first miss is followed by rate · load_time others before
    it is answered. With single-flight it is 1, whatever the rate.
    """
    return 1.0 + rate * load_time


def crowded_stampede_loads(rate: float, load_time: float, parallel: float) -> float:
    """As `stampede_loads`, before a store that serves `parallel` loads at full speed and shares itself among more.

    Then every load slows down all the others while new ones keep coming, and their number grows like
    parallel · exp(rate · load_time / parallel - 1). A limit for large numbers: a tenth too low for 10 in parallel.
    """
    others = rate * load_time
    if others <= parallel:
        return 1.0 + others
    return 1.0 + parallel * exp(others / parallel - 1.0)
