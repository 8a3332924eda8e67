"""Ranking: terms that add up, an order that the clock does not change, and a reason in words."""

from itertools import pairwise
from math import log2

import pytest
from hypothesis import given
from hypothesis import strategies as st

from designbook.systems.news_feed.posts import Post
from designbook.systems.news_feed.ranking import HALF_LIFE, rank

SECOND = 1_000 << 22
"""Between the ids of two posts that are a second apart."""
BASE = 500_000_000
NOW = Post(BASE * SECOND, 0, "c", "").time

ages = st.lists(st.integers(0, 10**7), unique=True, max_size=30)


def posts(ages, authors=5):
    """A post of each age in seconds, by authors in turn."""
    return [Post((BASE - age) * SECOND, number % authors, "c", "text") for number, age in enumerate(ages)]


@given(ages, st.dictionaries(st.integers(0, 4), st.integers(0, 50)))
def test_the_order_is_that_of_the_worth_which_halves_with_time_and_doubles_with_doubled_likes(ages, likes):
    def worth(post):
        return (1 + likes.get(post.author, 0)) * 0.5 ** ((NOW - post.time) / HALF_LIFE)

    ranked = rank(posts(ages), likes, NOW)
    assert sorted(item.post.id for item in ranked) == sorted(post.id for post in posts(ages))
    assert [item.place for item in ranked] == list(range(1, len(ages) + 1))
    for item in ranked:
        assert item.score == item.recency + item.affinity == pytest.approx(log2(worth(item.post)), abs=1e-6)
        assert (item.age, item.likes) == (NOW - item.post.time, likes.get(item.post.author, 0))
    for upper, lower in pairwise(ranked):
        assert (upper.score, upper.post.id) > (lower.score, lower.post.id)


@given(ages, st.dictionaries(st.integers(0, 4), st.integers(0, 50)), st.floats(0, 1e8))
def test_the_order_is_the_same_whenever_it_is_asked_for(ages, likes, later):
    """But for scores so near that a double cannot tell them apart."""
    first, second = rank(posts(ages), likes, NOW), rank(posts(ages), likes, NOW + later)
    scores = {item.post.id: item.score for item in first}
    order = [scores[item.post.id] for item in second]
    assert all(upper > lower - 1e-6 for upper, lower in pairwise(order))
    assert [item.score - other.score for item, other in zip(first, second, strict=True)] == pytest.approx(
        [later / HALF_LIFE] * len(ages), abs=1e-6
    )


def test_a_doubling_of_one_plus_the_likes_is_worth_one_half_life():
    fresh, old = posts([0, 21_600], authors=2)
    assert [item.post for item in rank([old, fresh], {1: 1}, NOW)] == [fresh, old], "equal scores: the newer first"
    assert [item.post for item in rank([old, fresh], {1: 2}, NOW)] == [old, fresh]
    assert [item.post for item in rank([old, fresh], {1: 1}, NOW, half_life=3_600)] == [fresh, old]
    assert rank([], {}, NOW) == []


def test_the_reason_says_both_terms_and_their_sum():
    (item,) = rank(posts([3 * 3_600]), {0: 3}, NOW)
    assert item.why == "-0.50 posted 3.0 h ago, +2.00 for 3 likes of the author: 1.50"
    (item,) = rank(posts([0]), {0: 1}, NOW)
    assert item.why == "+0.00 posted 0.0 h ago, +1.00 for 1 like of the author: 1.00"


@pytest.mark.parametrize("wrong", [0, -1.0])
def test_a_half_life_that_cannot_be_is_named(wrong):
    with pytest.raises(ValueError, match="half_life is"):
        rank([], {}, NOW, wrong)
