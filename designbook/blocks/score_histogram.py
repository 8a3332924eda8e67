"""Score histogram: about which rank a score has, from a few thousand counters, with a bound on the error.

The counters of several shards add up, so the rank among a hundred million players is one look-up in one small array.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate, pairwise
from operator import add
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np

    Integers = np.ndarray[Any, np.dtype[np.integer[Any]]]


class RankRange(NamedTuple):
    """Where a rank lies: `low` <= rank <= `high`. `estimate` is off by `error` at most."""

    low: int
    high: int
    estimate: float

    @property
    def error(self) -> float:
        """The largest distance of `estimate` from a rank in the range."""
        return max(self.high - self.estimate, self.estimate - self.low)


class ScoreHistogram:
    """How many players have a score in each bucket; bucket i holds `edges[i]` <= score < `edges[i + 1]`.

    The bound, for a player who is counted and whose score lies in bucket i: let A be the players in the buckets above,
    and C those in bucket i. All of A stand before, for their scores are higher. Of bucket i, at least 0 and at most
    C - 1 others do. Nobody below does. So A + 1 <= rank <= A + C, however ties are broken. The middle of that range is
    off by at most (C - 1) / 2, and no other estimate has a smaller bound. For a score that nobody has, at most C stand
    before, and the range is one longer.

    So what matters is how full the player's own bucket is. `edges` at the quantiles of a sample fill all alike.
    """

    def __init__(self, edges: Sequence[int]) -> None:
        """The first edge is the least score that can be; the last bucket has no upper edge.

        Raises ValueError unless there is an edge, and each is above the one before it.
        """
        if not edges or any(left >= right for left, right in pairwise(edges)):
            raise ValueError(f"edges are one number or more, each above the one before, not {list(edges)[:10]}")
        self.edges = tuple(edges)
        self.counts = [0] * len(self.edges)
        self._above: list[int] | None = None

    @classmethod
    def even(cls, max_score: int, buckets: int) -> ScoreHistogram:
        """Buckets of equal width from 0 to `max_score`. Raises ValueError unless 1 <= `buckets` <= `max_score` + 1."""
        if not 1 <= buckets <= max_score + 1:
            raise ValueError(f"{max_score + 1} scores go into 1 to so many buckets, not {buckets}")
        return cls([bucket * (max_score + 1) // buckets for bucket in range(buckets)])

    @classmethod
    def of_sample(cls, scores: Iterable[int], buckets: int) -> ScoreHistogram:
        """Buckets that would hold about equally many of `scores`, from 0; fewer where many scores are equal.

        Raises ValueError if there is no score, one is negative, or `buckets` is less than 1.
        """
        ordered = sorted(scores)
        if not ordered or ordered[0] < 0 or buckets < 1:
            raise ValueError(f"a sample of scores from 0 and 1 bucket or more are needed, not {ordered[:1]}, {buckets}")
        return cls(sorted({0, *(ordered[bucket * len(ordered) // buckets] for bucket in range(1, buckets))}))

    def __len__(self) -> int:
        """How many players are counted."""
        return sum(self.counts)

    def bucket(self, score: int) -> int:
        """The number of the bucket of `score`, in O(log buckets). Raises ValueError below the first edge."""
        found = bisect_right(self.edges, score) - 1
        if found < 0:
            raise ValueError(f"scores begin at {self.edges[0]}, and there is {score}")
        return found

    def add(self, score: int, players: int = 1) -> None:
        """Count `players` more with this score; a negative number takes them out again.

        Raises ValueError, and changes nothing, if fewer would be left than none.
        """
        bucket = self.bucket(score)
        if self.counts[bucket] + players < 0:
            raise ValueError(f"bucket {bucket} holds {self.counts[bucket]} players, too few to take {-players} out")
        self.counts[bucket] += players
        self._above = None

    def move(self, old: int, new: int) -> None:
        """A player's score changes."""
        self.add(old, -1)
        self.add(new)

    def add_many(self, scores: Integers) -> None:
        """Count an array of scores. With NumPy; O(n log buckets)."""
        import numpy as np

        if not len(scores):
            return
        self.bucket(int(scores.min()))
        buckets = np.searchsorted(np.asarray(self.edges), scores, "right") - 1
        self.merge_counts(np.bincount(buckets, minlength=len(self.edges)).tolist())

    def merge(self, other: ScoreHistogram) -> None:
        """Count all that `other` counted, as if it had come here. Raises ValueError if its edges differ."""
        if self.edges != other.edges:
            raise ValueError(f"only histograms with the same edges merge, and {len(other.edges)} others are given")
        self.merge_counts(other.counts)

    def merge_counts(self, counts: Sequence[int]) -> None:
        """Add counts, one a bucket. Raises ValueError for another number of them."""
        if len(counts) != len(self.edges):
            raise ValueError(f"there are {len(self.edges)} buckets, and {len(counts)} counts are given")
        self.counts = list(map(add, self.counts, counts))
        self._above = None

    def rank(self, score: int) -> RankRange:
        """Where the rank of a player lies who is counted and has this score. O(log buckets) while nothing is added.

        For a score whose bucket is empty there is one rank that it would get.
        """
        if self._above is None:
            self._above = [*list(accumulate(reversed(self.counts), initial=0))[-2::-1]]
        bucket = self.bucket(score)
        low = self._above[bucket] + 1
        high = low + max(0, self.counts[bucket] - 1)
        return RankRange(low, high, (low + high) / 2)

    def interpolated(self, score: int) -> RankRange:
        """As `rank`, but estimated as if the scores of a bucket were spread evenly over it.

        The range holds as before. The estimate is closer where they are, and may be off by the whole range, which is
        at most twice the error of the middle, where they are not. The last bucket has no width: there, the middle.
        """
        found = self.rank(score)
        bucket = self.bucket(score)
        if bucket == len(self.edges) - 1:
            return found
        left, right = self.edges[bucket], self.edges[bucket + 1]
        share = (right - score - 0.5) / (right - left)
        return found._replace(estimate=found.low + share * (found.high - found.low))
