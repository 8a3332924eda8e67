"""Slow answers in closed form: how a fan-out multiplies them, and what a hedged request buys.

Response times are mostly short and sometimes long: exponential around `fast`, and with chance `share` around `slow`.
Times are in seconds. Plain Python that translates to JavaScript. Source: J. Dean and L. A. Barroso, *The Tail at
Scale*, CACM 56(2), 2013.
"""

from math import exp


def slow_share(servers: float, share: float) -> float:
    """The part of requests that meet at least one slow server of so many, if each is slow with chance `share`."""
    return 1.0 - float((1.0 - share) ** servers)


def part_needed(servers: float, part: float) -> float:
    """The part of its answers that each server must give in time, so that this part of all fan-outs is in time."""
    return float(part ** (1.0 / servers))


def tail(seconds: float, fast: float, slow: float, share: float) -> float:
    """The part of single answers that take longer than this."""
    if seconds <= 0:
        return 1.0
    return (1.0 - share) * exp(-seconds / fast) + share * exp(-seconds / slow)


def hedged_tail(seconds: float, after: float, fast: float, slow: float, share: float) -> float:
    """The part of answers that take longer than this if a second copy is sent after `after` seconds without one.

    Copies do not know of each other, and the first answer counts. At `after`, the copies sent are the part of requests
    that had no answer then, `tail(after, ...)`: that is the extra load.
    """
    both = tail(seconds, fast, slow, share)
    if seconds > after:
        both = both * tail(seconds - after, fast, slow, share)
    return both


def hedge_after(copies: float, fast: float, slow: float, share: float) -> float:
    """The seconds after which to send a second copy, so that this part of requests gets one; 0 for all of them."""
    low = 0.0
    high = fast
    while tail(high, fast, slow, share) > copies:
        low = high
        high = 2.0 * high
    for _ in range(40):
        middle = (low + high) / 2.0
        if tail(middle, fast, slow, share) > copies:
            low = middle
        else:
            high = middle
    return high if copies < 1.0 else 0.0


def hedged_quantile(part: float, servers: float, after: float, fast: float, slow: float, share: float) -> float:
    """The time in which this part of fan-outs to so many servers is complete, each of them hedged after `after`.

    By halving, to 1e-9 of the result. An `after` beyond it means no hedge at all.
    """
    allowed = 1.0 - part_needed(servers, part)
    low = 0.0
    high = fast
    while hedged_tail(high, after, fast, slow, share) > allowed:
        low = high
        high = 2.0 * high
    for _ in range(40):
        middle = (low + high) / 2.0
        if hedged_tail(middle, after, fast, slow, share) > allowed:
            low = middle
        else:
            high = middle
    return high
