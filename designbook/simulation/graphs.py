"""Who follows whom, as far as load depends on it: follower counts with a heavy tail, and adjacency in two arrays.

The counts follow a power law cut off at both ends: more than k with probability (k**-tail - largest**-tail) /
(smallest**-tail - largest**-tail), a Pareto distribution for what lies between. A tail of 1.28 is what a crawl of
Twitter showed over most of its range (H. Kwak et al., *What is Twitter, a Social Network or a News Media?*, WWW 2010,
whose exponent of the density is one more); the smaller the tail, the more belongs to the largest accounts.

What needs no array is plain Python, so that it runs on a page as JavaScript.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

_CHUNK = 1 << 20  # counts drawn at a time, so that ten million need little more memory than they take


def smallest_degree(mean: float, largest: float, tail: float) -> float:
    """The least number of followers of a power law with this mean, for 0 < mean < largest and a tail other than 1.

    There is no closed form; the iteration gains a digit or more at each step.
    """
    smallest = mean
    for _ in range(40):
        ratio = smallest / largest
        smallest = mean * (tail - 1) / tail * (1 - ratio**tail) / (1 - ratio ** (tail - 1))
    return smallest


def accounts_above(followers: float, mean: float, largest: float, tail: float) -> float:
    """The part of all accounts that has more than so many followers, from the smallest up to `largest`."""
    smallest = smallest_degree(mean, largest, tail)
    ends = smallest**-tail - largest**-tail
    part: float = (followers**-tail - largest**-tail) / ends
    return part


def followers_above(followers: float, mean: float, largest: float, tail: float) -> float:
    """The part of all followers that belongs to accounts with more than so many, from the smallest up to `largest`."""
    smallest, bend = smallest_degree(mean, largest, tail), 1 - tail
    ends = smallest**bend - largest**bend
    part: float = (followers**bend - largest**bend) / ends
    return part


def mean_square(up_to: float, mean: float, largest: float, tail: float) -> float:
    """The mean over all accounts of the square of their followers, counting those with at most `up_to`.

    Zero where `up_to` is below the smallest; for a tail other than 2.
    """
    smallest, bend = smallest_degree(mean, largest, tail), 2 - tail
    ends = smallest**-tail - largest**-tail
    mean_of_squares: float = tail / bend * (up_to**bend - smallest**bend) / ends
    return max(0.0, mean_of_squares)


@dataclass(frozen=True, slots=True)
class Followers:
    """Follower counts of a network: their mean, the largest there can be, and the exponent of the tail.

    Raises ValueError unless 1 <= mean < largest, and for a tail at or below 1, whose mean is all in the largest
    accounts, or above 10.
    """

    mean: float
    largest: float
    tail: float

    def __post_init__(self) -> None:
        if not 1 <= self.mean < self.largest:
            raise ValueError(f"a mean lies from 1 to below the largest, {self.largest}, not at {self.mean}")
        if not 1 < self.tail <= 10:
            raise ValueError(f"a tail lies above 1 and up to 10, not at {self.tail}")

    @property
    def smallest(self) -> float:
        """The least number of followers."""
        return smallest_degree(self.mean, self.largest, self.tail)

    def draw(self, rng: np.random.Generator, size: int) -> NDArray[np.int64]:
        """So many follower counts, independent of each other; about ten million a second.

        Each is rounded up or down at random, so that the mean stays what it is.
        """
        import numpy as np

        drawn = np.empty(size, np.int64)
        low, high = self.smallest**-self.tail, self.largest**-self.tail
        for start in range(0, size, _CHUNK):
            stop = min(start + _CHUNK, size)
            exact = (low - rng.random(stop - start) * (low - high)) ** (-1 / self.tail)
            drawn[start:stop] = exact + rng.random(stop - start)
        return drawn


class Adjacency:
    """Directed edges, grouped by where they start: the neighbours of a node are one slice of an array.

    Takes 8 bytes a node and 4 an edge. Raises ValueError for a node that is not from 0 to `nodes` - 1, and for edges
    without an end.
    """

    def __init__(self, starts: ArrayLike, ends: ArrayLike, nodes: int) -> None:
        import numpy as np

        sources, targets = np.asarray(starts, np.int64), np.asarray(ends, np.int64)
        if sources.shape != targets.shape or sources.ndim != 1:
            raise ValueError(f"each edge has a start and an end, got the shapes {sources.shape} and {targets.shape}")
        for each in (sources, targets):
            if each.size and (each.min() < 0 or each.max() >= nodes):
                raise ValueError(f"nodes are numbered from 0 to {nodes - 1}, not {each.min()} to {each.max()}")
        self.targets: NDArray[Any] = targets[np.argsort(sources, kind="stable")].astype(np.int32)
        self.first: NDArray[Any] = np.concatenate(
            ([0], np.cumsum(np.bincount(sources.astype(np.intp), minlength=nodes)))
        )

    def of(self, node: int) -> NDArray[Any]:
        """The neighbours of `node`, in the order in which the edges were given."""
        neighbours: NDArray[Any] = self.targets[self.first[node] : self.first[node + 1]]
        return neighbours

    @property
    def degrees(self) -> NDArray[Any]:
        """How many neighbours each node has, shape (nodes,)."""
        counts: NDArray[Any] = self.first[1:] - self.first[:-1]
        return counts
