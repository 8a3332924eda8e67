"""Merging at read time: the newest items of many sorted lists, such as the posts of everyone that somebody follows."""

from bisect import bisect_left
from collections.abc import Sequence
from heapq import merge
from itertools import groupby, islice
from operator import itemgetter


def newest(count: int, lists: Sequence[Sequence[int]], before: int | None = None) -> list[int]:
    """The `count` largest items of all lists, largest first, each once; with `before`, of those that are smaller.

    Each list is in ascending order, no item twice, as when new ones are appended. Of n lists only those whose last item
    is among the `count` largest last items can contribute, so only these are merged: O(n log n + count log count),
    however long the lists are, and with `before` a binary search in each. Raises ValueError if `count` is negative.
    """
    if count < 0:
        raise ValueError(f"count is {count}, expected 0 or more")
    if before is not None:
        ends = [bisect_left(items, before) for items in lists]
        lists = [items[max(0, end - count) : end] for items, end in zip(lists, ends, strict=True)]
    lists = [items for items in lists if items]
    if len(lists) > count:
        least = sorted({items[-1] for items in lists})[-count:][0]
        lists = [items for items in lists if items[-1] >= least]
    merged = merge(*map(reversed, lists), reverse=True)
    return list(islice(map(itemgetter(0), groupby(merged)), count))
