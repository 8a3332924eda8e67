"""Ranking by recency and affinity, with the reason for each place.

A post's worth halves every `half_life`, and doubles with each doubling of the reader's likes of its author. In powers
of two that is a sum: score = log2(worth) = minus the half-lives since it was posted, plus log2(1 + likes). So the
score's two terms say in one unit what moved a post: a point up is worth as much as being posted one half-life later.

All scores fall alike as time passes, and so the order does not depend on when it is asked for.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import log2

from designbook.systems.news_feed.posts import Post

HALF_LIFE = 6 * 3_600.0
"""Seconds in which a post loses one point."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """A post in its place, from 1, with what put it there: its `age` in seconds, and `likes` of its author's posts."""

    place: int
    post: Post
    age: float
    likes: int
    recency: float
    affinity: float

    @property
    def score(self) -> float:
        """What the post is ranked by: the sum of its terms."""
        return self.recency + self.affinity

    @property
    def why(self) -> str:
        """The reason for the place in a line: `-0.50 posted 3.0 h ago, +2.00 for 3 likes of the author: 1.50`."""
        likes = f"{self.likes} {'like' if self.likes == 1 else 'likes'} of the author"
        age = f"posted {self.age / 3_600:.1f} h ago"
        return f"{self.recency:+z.2f} {age}, {self.affinity:+z.2f} for {likes}: {self.score:z.2f}"


def rank(posts: Iterable[Post], likes: Mapping[int, int], now: float, half_life: float = HALF_LIFE) -> list[Ranked]:
    """The posts by score, highest first, and of equals the newest first.

    `likes` says how many posts of an author the reader liked, `now` is in Unix seconds. O(n log n).
    Raises ValueError if `half_life` is not above 0.
    """
    if half_life <= 0:
        raise ValueError(f"half_life is {half_life} s, expected more than 0")
    found = [(post, now - post.time, likes.get(post.author, 0)) for post in posts]
    scored = [(post, age, liked, -age / half_life, log2(1 + liked)) for post, age, liked in found]
    scored.sort(key=lambda row: (row[3] + row[4], row[0].id), reverse=True)
    return [Ranked(place, *row) for place, row in enumerate(scored, 1)]
