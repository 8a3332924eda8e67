"""What Zipf's law says about a workload, without drawing a single request: sums, shares, and the hottest shard.

The item of rank r is asked for in proportion to r ** -exponent. Nothing here needs NumPy or loops over all items.
"""

from math import expm1, log


def hottest_share(items: int, exponent: float, shards: int) -> float:
    """The part of all requests that reaches the shard of the most popular item, when keys are spread evenly.

    That shard gets the top item's share and its part of the rest: p + (1 - p) / shards, on average. So with Zipf
    requests more shards help only down to p.
    """
    if shards < 1:
        raise ValueError(f"shards must be at least 1, got {shards}")
    top = 1.0 / zipf_sum(items, exponent)
    return top + (1.0 - top) / shards


def zipf_sum(items: float, exponent: float) -> float:
    """1 + 2**-exponent + ... + items**-exponent, to 12 digits, in at most 32 steps (Euler and Maclaurin).

    A part of an item counts in part. Raises ValueError for fewer than one item.
    """
    if items < 1:
        raise ValueError(f"items must be at least 1, got {items}")
    head = int(min(items, 32))
    total: float = sum(float(rank) ** -exponent for rank in range(1, head + 1))
    if items < 32:
        return float(total + (items - head) * (head + 1.0) ** -exponent)
    ratio = items / head
    bend = (1.0 - exponent) * log(ratio)
    integral = head ** (1.0 - exponent) * log(ratio) * (expm1(bend) / bend if abs(bend) > 1e-12 else 1.0)
    ends = (items**-exponent - head**-exponent) / 2.0
    slope = exponent * (head ** (-exponent - 1.0) - items ** (-exponent - 1.0)) / 12.0
    third = exponent * (exponent + 1.0) * (exponent + 2.0)
    third *= (items ** (-exponent - 3.0) - head ** (-exponent - 3.0)) / 720.0
    return float(total + integral + ends + slope + third)


def top_share(items: float, exponent: float, top: float) -> float:
    """The part of all requests that goes to the `top` most popular of `items`.

    What a cache of `top` entries would hit if it always held the right ones; no real cache does better under
    independent requests. Raises ValueError unless 0 <= top <= items.
    """
    if not 0 <= top <= items:
        raise ValueError(f"top must be between 0 and the {items} items, got {top}")
    if top < 1:
        return top / zipf_sum(items, exponent)
    return zipf_sum(top, exponent) / zipf_sum(items, exponent)
