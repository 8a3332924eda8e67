"""Ranked scores, skip list, Fenwick tree and score histogram, each beside a sorted list that is made anew."""

from bisect import bisect_left
from itertools import accumulate
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from designbook.blocks import ranked_scores
from designbook.blocks.fenwick import FenwickTree
from designbook.blocks.ranked_scores import MAX_SCORE, MAX_TIME, RankedScores
from designbook.blocks.score_histogram import ScoreHistogram
from designbook.blocks.skip_list import SkipList

players, scores, times = st.integers(0, 40), st.integers(0, 5), st.integers(0, 2)


@pytest.fixture
def small_chunks(monkeypatch):
    """Chunks and groups so small that forty players fill many."""
    monkeypatch.setattr(ranked_scores, "CHUNK", 4)
    monkeypatch.setattr(ranked_scores, "FULL", 6)
    monkeypatch.setattr(ranked_scores, "GROUP_BITS", 1)
    monkeypatch.setattr(ranked_scores, "FEW", 4)


def backwards(player):
    return f"{99 - player}"


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("name", [None, backwards])
def test_ranked_scores_answer_as_a_list_that_is_sorted_anew_for_each_question(name):
    called = name or (lambda player: player)

    class Beside(RuleBasedStateMachine):
        def __init__(self):
            super().__init__()
            self.ours, self.truth = RankedScores(5, name=name), {}

        def rows(self):
            ordered = sorted((5 - score, time, called(player), player) for player, (score, time) in self.truth.items())
            return [(player, 5 - lost, time) for lost, time, _, player in ordered]

        @rule(player=players, score=scores, time=times)
        def update(self, player, score, time):
            self.ours.update(player, score, time)
            self.truth[player] = (score, time)

        @rule(batch=st.lists(st.tuples(players, scores), max_size=60), time=times)
        def update_many(self, batch, time):
            self.ours.update_many([player for player, _ in batch], [score for _, score in batch], time)
            self.truth |= {player: (score, time) for player, score in batch}

        @rule(player=players)
        def remove(self, player):
            assert self.ours.remove(player) == (self.truth.pop(player, None) is not None)

        @rule(first=st.integers(0, 45), count=st.integers(0, 45))
        def page(self, first, count):
            assert self.ours.page(first, count) == self.rows()[first : first + count]

        @rule(player=players, each_side=st.integers(0, 20))
        def around(self, player, each_side):
            if player not in self.truth:
                with pytest.raises(LookupError, match=f"player {player} "):
                    self.ours.around(player, each_side)
                return
            rows = self.rows()
            place = next(i for i, row in enumerate(rows) if row[0] == player)
            first = max(0, place - each_side)
            assert self.ours.around(player, each_side) == (first + 1, rows[first : place + each_side + 1])

        @rule(score=st.integers(-2, 8), time=times, player=players)
        def ahead(self, score, time, player):
            stand = [(5 - score, time, called(player)) for player, score, time in self.rows()]
            assert self.ours.ahead(score, time, called(player)) == bisect_left(stand, (5 - score, time, called(player)))
            assert self.ours.ahead(score, time) == sum(row[:2] < (5 - score, time) for row in stand)

        @invariant()
        def ranks_and_scores_are_equal(self):
            rows = self.rows()
            assert list(self.ours) == rows
            assert len(self.ours) == len(rows)
            assert [self.ours.rank(row[0]) for row in rows] == list(range(1, len(rows) + 1))
            assert all((self.ours.score(player), self.ours.time(player)) == kept for player, kept in self.truth.items())
            assert [player in self.ours for player in range(-1, 42)] == [
                player in self.truth for player in range(-1, 42)
            ]

    run_state_machine_as_test(Beside, settings=settings(max_examples=60, stateful_step_count=30, deadline=None))


def test_ranked_scores_of_fifty_thousand_with_many_ties_rank_exactly():
    rng = np.random.default_rng(1)
    ours, truth = RankedScores(), rng.integers(0, 300, 50_000)
    ours.update_many(np.arange(50_000), truth)
    for _ in range(3):
        some, new = rng.integers(0, 50_000, 5_000), rng.integers(0, 300, 5_000)
        ours.update_many(some, new)
        truth[some] = new
        for player, score in zip(
            rng.integers(0, 50_000, 500).tolist(), rng.integers(0, 300, 500).tolist(), strict=True
        ):
            ours.update(player, score)
            truth[player] = score
    order = np.argsort(-truth, kind="stable")
    assert [player for player, _, _ in ours] == order.tolist()
    assert [ours.rank(player) for player in order.tolist()[::997]] == list(range(1, 50_001, 997))


@pytest.mark.parametrize(
    ("player", "score", "time", "named"),
    [
        (0, -1, 0, "score"),
        (0, 101, 0, "score"),
        (0, 1, -1, "time"),
        (0, 1, MAX_TIME + 1, "time"),
        (-1, 1, 0, "player"),
        (1 << 31, 1, 0, "player"),
    ],
)
def test_ranked_scores_refuse_what_does_not_fit_and_change_nothing(player, score, time, named):
    ours = RankedScores(100)
    ours.update(0, 50, 7)
    with pytest.raises(ValueError, match=named):
        ours.update(player, score, time)
    with pytest.raises(ValueError, match=named):
        ours.update_many([1, player], [2, score], time)
    assert list(ours) == [(0, 50, 7)]


def test_ranked_scores_hold_the_bounds_that_they_name():
    ours = RankedScores()
    ours.update(0, 0, MAX_TIME)
    ours.update(1, MAX_SCORE, 0)
    ours.update(2, MAX_SCORE, MAX_TIME)
    assert list(ours) == [(1, MAX_SCORE, 0), (2, MAX_SCORE, MAX_TIME), (0, 0, MAX_TIME)]
    for wrong in (-1, MAX_SCORE + 1):
        with pytest.raises(ValueError, match=str(wrong)):
            RankedScores(wrong)
    for wrong in (lambda: ours.page(-1, 2), lambda: ours.page(0, -1), lambda: ours.around(0, -1)):
        with pytest.raises(ValueError, match="-1"):
            wrong()
    with pytest.raises(ValueError, match="one score"):
        ours.update_many([1, 2], [3])


def test_chunks_stay_neither_large_nor_many_when_players_crowd_and_leave():
    ours = RankedScores()
    for player in range(20_000):
        ours.update(player, 7)  # all equal: they all come to one end
    assert max(map(len, ours._keys)) <= 2 * ranked_scores.CHUNK
    for player in range(0, 20_000, 2):
        ours.remove(player)
    for player in range(1, 19_000, 2):
        ours.remove(player)
    assert len(ours) == 500
    assert len(ours._keys) <= 4
    assert [player for player, _, _ in ours.top(3)] == [19_001, 19_003, 19_005]


# -- skip list


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 30)), max_size=120), st.integers(0, 5))
def test_a_skip_list_answers_as_a_sorted_list(steps, seed):
    ours, truth = SkipList(Random(seed)), []
    for add, key in steps:
        if add == (key in truth):
            with pytest.raises(ValueError if add else LookupError, match=str(key)):
                (ours.add if add else ours.remove)(key)
        elif add:
            ours.add(key)
            truth = sorted([*truth, key])
        else:
            ours.remove(key)
            truth.remove(key)
        assert (list(ours), len(ours)) == (truth, len(truth))
        assert ours.before(key) == bisect_left(truth, key)
        for first, count in ((0, 3), (key, 2), (len(truth) - 1, 5), (len(truth), 1)):
            if first >= 0:
                assert ours.page(first, count) == truth[first : first + count]


def test_a_skip_list_needs_about_the_links_that_theory_says():
    ours = SkipList(Random(1), p=0.25)
    for key in range(20_000):
        ours.add(key)
    node, links = ours._head.next[0], 0
    while node is not None:
        links, node = links + len(node.next), node.next[0]
    deviation = (0.25 / 0.75**2) ** 0.5  # of a geometric law
    assert abs(links / 20_000 - 1 / 0.75) < 5 * deviation / 20_000**0.5


# -- Fenwick tree


@given(st.lists(st.integers(0, 9), min_size=1, max_size=70), st.lists(st.tuples(st.integers(0, 69), st.integers(0, 5))))
def test_a_fenwick_tree_sums_and_finds_as_a_list_does(counts, additions):
    ours = FenwickTree.of(counts)
    for index, count in additions:
        if index < len(counts):
            ours.add(index, count)
            counts[index] += count
    sums = list(accumulate(counts, initial=0))
    assert [ours.before(index) for index in range(len(counts) + 1)] == sums
    assert ours.total == sums[-1]
    items = [index for index, count in enumerate(counts) for _ in range(count)]
    assert [ours.find(place) for place in range(len(items))] == items


def test_a_fenwick_tree_refuses_what_lies_outside():
    ours = FenwickTree(3)
    for wrong in (lambda: ours.add(3, 1), lambda: ours.add(-1, 1), lambda: ours.before(4), lambda: ours.find(0)):
        with pytest.raises(IndexError):
            wrong()
    with pytest.raises(ValueError, match="not 0"):
        FenwickTree(0)


# -- histogram

held = st.lists(st.integers(0, 99), min_size=1, max_size=200)


def shapes(sample):
    return [ScoreHistogram.even(99, 7), ScoreHistogram.of_sample(sample, 9), ScoreHistogram([0])]


@given(held, held)
def test_the_rank_lies_in_the_range_however_ties_are_broken_and_the_middle_has_the_smallest_bound(scores, sample):
    for histogram in shapes(sample):
        for score in scores:
            histogram.add(score)
        for score in set(scores):
            best = 1 + sum(other > score for other in scores)
            worst = sum(other >= score for other in scores)
            population = histogram.counts[histogram.bucket(score)]
            middle, spread = histogram.rank(score), histogram.interpolated(score)
            for found in (middle, spread):
                assert found.low <= best <= worst <= found.high
                assert max(abs(found.estimate - best), abs(found.estimate - worst)) <= found.error
            assert middle.error == (population - 1) / 2
            assert spread.error <= population - 1


@given(held, held, held)
def test_histograms_of_shards_add_up_to_that_of_all(left, right, sample):
    for one, two, both in zip(shapes(sample), shapes(sample), shapes(sample), strict=True):
        one.add_many(np.array(left))
        for score in right:
            two.add(score)
        both.add_many(np.array(left + right))
        one.merge(two)
        assert one.counts == both.counts
        assert len(one) == len(left + right)
        assert one.rank(left[0]) == both.rank(left[0])


@given(held, st.integers(0, 99))
def test_a_score_that_moves_in_a_histogram_leaves_its_old_bucket(scores, new):
    ours, truth = ScoreHistogram.even(99, 7), ScoreHistogram.even(99, 7)
    for score in scores:
        ours.add(score)
    ours.rank(0)
    ours.move(scores[0], new)
    truth.add_many(np.array([*scores[1:], new]))
    assert ours.counts == truth.counts
    assert ours.rank(new) == truth.rank(new)


def test_quantiles_fill_the_buckets_alike_where_equal_widths_do_not():
    rng = np.random.default_rng(1)
    scores = rng.lognormal(8, 1, 100_000).astype(np.int64)
    even = ScoreHistogram.even(int(scores.max()), 100)
    alike = ScoreHistogram.of_sample(rng.choice(scores, 10_000).tolist(), 100)
    for histogram in (even, alike):
        histogram.add_many(scores)
    assert max(even.counts) > 10_000
    assert max(alike.counts) < 2_000


def test_a_histogram_refuses_what_makes_no_sense_and_changes_nothing():
    ours = ScoreHistogram([10, 20])
    ours.add(15)
    for wrong, named in (
        (lambda: ScoreHistogram([]), "edges"),
        (lambda: ScoreHistogram([1, 1]), "edges"),
        (lambda: ScoreHistogram.even(9, 11), "11"),
        (lambda: ScoreHistogram.of_sample([], 3), "sample"),
        (lambda: ours.add(9), "9"),
        (lambda: ours.add_many(np.array([15, 9])), "9"),
        (lambda: ours.add(15, -2), "too few"),
        (lambda: ours.merge(ScoreHistogram([10, 21])), "same edges"),
        (lambda: ours.merge_counts([1]), "2 buckets"),
    ):
        with pytest.raises(ValueError, match=named):
            wrong()
    assert ours.counts == [1, 0]
