"""The birthday problem: how soon codes that are drawn at random, or cut from a hash, collide.

With `n` items in `m` slots the first collision is as likely as not at about 1.18 · sqrt(m) items, long before the
slots are full. Feller, *An Introduction to Probability Theory and Its Applications*, volume 1, II.3.
"""

from math import expm1, log1p, sqrt


def collision_probability(items: int, slots: int) -> float:
    """The chance that at least two of `items` random draws from `slots` are equal. At most a million steps.

    Raises ValueError for negative `items` or no slots.
    """
    _check(items, slots)
    if items > slots:
        return 1.0
    if items < 2:
        return 0.0
    if items < 1_000_000:
        return -expm1(sum(log1p(-taken / slots) for taken in range(1, items)))
    part = items / slots
    if items * part > 1_600:  # the chance of no collision is below exp(-800), which no float holds
        return 1.0
    # Euler and Maclaurin for the same sum, as its series, since `part` is below 0.0016 here
    return -expm1(-slots * (part**2 / 2 + part**3 / 6 + part**4 / 12) - log1p(-part) / 2)


def expected_collisions(items: float, slots: float) -> float:
    """How many of `items` random draws hit a slot that is taken already, on average: items less distinct slots hit.

    Raises ValueError for negative `items` or fewer than one slot.
    """
    _check(items, slots)
    if slots == 1:
        return max(items - 1.0, 0.0)
    if items < slots * 1e-4:  # the series: below, two nearly equal numbers would be subtracted
        return items * (items - 1.0) / (2.0 * slots) * (1.0 - (items - 2.0) / (3.0 * slots)) if items > 1 else 0.0
    return items + slots * expm1(items * log1p(-1.0 / slots))


def items_for(probability: float, slots: float) -> float:
    """About how many random draws from `slots` collide with this probability: sqrt(-2 m ln(1 - p)).

    Raises ValueError unless 0 <= probability < 1 and there is a slot.
    """
    if not 0 <= probability < 1:
        raise ValueError(f"a probability from 0 to below 1 is needed, not {probability}")
    _check(0, slots)
    return sqrt(-2.0 * slots * log1p(-probability))


def _check(items: float, slots: float) -> None:
    if items < 0 or slots < 1:
        raise ValueError(f"items from 0 up and slots from 1 up are needed, not {items} items in {slots} slots")
