"""The service on the memory store: what is refused, which board an event goes to, seasons that follow each other."""

from datetime import UTC, datetime
from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from designbook.systems.leaderboard.errors import NotRanked, Refused
from designbook.systems.leaderboard.rules import MAX_SCORE, Rules
from designbook.systems.leaderboard.service import Leaderboard
from designbook.systems.leaderboard.stores import MemoryStore
from designbook.systems.leaderboard.windows import DAY, MAX_PERIOD, SEASON, WEEK, Window

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp()  # a Sunday


class Clock:
    now = NOW

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def board(clock):
    return Leaderboard(MemoryStore(), Rules(max_score=1_000), clock=clock)


GOOD = {"event": "e1", "player": "ann", "score": 5, "region": "eu", "time": NOW}


@pytest.mark.parametrize(
    ("field", "value", "because"),
    [
        ("score", nan, "finite"),
        ("score", inf, "finite"),
        ("score", -inf, "finite"),
        ("score", -1, "negative"),
        ("score", 1_001, "above 1000"),
        ("score", 10**400, "above 1000"),
        ("score", 0.5, "whole"),
        ("score", True, "finite"),
        ("score", "5", "finite"),
        ("score", None, "finite"),
        ("player", "", "1 to 64"),
        ("player", "a b", "1 to 64"),
        ("player", "ann\n", "1 to 64"),
        ("player", "é", "1 to 64"),
        ("player", "x" * 65, "1 to 64"),
        ("player", 7, "1 to 64"),
        ("event", "", "1 to 64"),
        ("event", None, "1 to 64"),
        ("region", "world", "world"),
        ("region", "EU", "a-z"),
        ("region", "", "a-z"),
        ("region", None, "a-z"),
        ("time", NOW + 61, "future"),
        ("time", NOW - 86_401, "ago"),
        ("time", nan, "finite"),
        ("time", inf, "finite"),
        ("time", "now", "finite"),
    ],
)
def test_what_cannot_be_is_refused_by_its_field_and_leaves_no_trace(board, field, value, because):
    with pytest.raises(Refused, match=because) as refused:
        board.submit(**GOOD | {field: value})
    assert refused.value.field == field
    assert str(refused.value).startswith(f"{field}: ")
    assert board.top() == []
    assert board.submit(**GOOD), "the same event is still new"


@pytest.mark.parametrize("value", [0, 1_000, 5.0])
def test_the_bounds_themselves_are_scores(board, value):
    assert board.submit(**GOOD | {"score": value})
    assert board.rank("ann").score == value
    assert type(board.rank("ann").score) is int


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda board: board.top(-1), "count"),
        (lambda board: board.top(1_001), "count"),
        (lambda board: board.top(first=-1), "first"),
        (lambda board: board.top(window="month"), "window"),
        (lambda board: board.top(region="E U"), "region"),
        (lambda board: board.rank("a b"), "player"),
        (lambda board: board.rank("ann", "month"), "window"),
        (lambda board: board.around("ann", -1), "each_side"),
        (lambda board: board.around("ann", 501), "each_side"),
        (lambda board: board.delete(""), "player"),
    ],
)
def test_questions_that_make_no_sense_are_refused_by_their_field(board, call, field):
    board.submit(**GOOD)
    with pytest.raises(Refused) as refused:
        call(board)
    assert refused.value.field == field


def test_rules_that_cannot_be_are_refused():
    for wrong in ({"policy": "worst"}, {"max_score": -1}, {"max_score": MAX_SCORE + 1}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            Rules(**wrong)
    for seconds in (0, MAX_PERIOD + 1):
        with pytest.raises(ValueError, match=str(seconds)):
            Window("long", seconds)


def test_an_event_counts_in_the_period_of_its_own_time_even_if_it_comes_late(board):
    board.submit("e1", "ann", 5, "eu", NOW - 13 * 3600)  # yesterday, the same week
    board.submit("e2", "bob", 3, "eu", NOW)
    assert [row.player for row in board.top(window="day")] == ["bob"]
    assert [row.player for row in board.top(window="day", at=NOW - 86_400)] == ["ann"]
    assert [row.player for row in board.top(window="week")] == ["ann", "bob"]


def test_weeks_begin_on_monday_and_keys_name_the_day():
    assert WEEK.board(int(NOW), "eu").key == "week:2026-11-16:eu"
    assert WEEK.board(int(NOW) + 12 * 3600, "eu").key == "week:2026-11-23:eu"
    assert DAY.board(int(NOW), "world").key == "day:2026-11-22:world"
    assert Window("hour", 3600).board(int(NOW), "eu").key == "hour:2026-11-22T120000:eu"


@given(st.sampled_from([DAY, WEEK, SEASON, Window("odd", 12_345, 67)]), st.integers(0, 2**32))
def test_every_second_is_in_one_period_and_the_next_begins_where_it_ends(window, time):
    board = window.board(time, "eu")
    assert board.starts <= time < board.ends
    assert window.board(board.starts, "eu") == window.board(board.ends - 1, "eu") == board
    assert window.board(board.ends, "eu").starts == board.ends
    assert window.board(board.ends, "eu").key != board.key


def test_a_new_season_begins_empty_by_itself_and_the_old_one_can_still_be_read(board, clock):
    board.submit("e1", "ann", 5, "eu")
    ends = board.board().ends
    clock.now = ends - 0.5
    assert board.rank("ann").rank == 1
    clock.now = ends
    with pytest.raises(NotRanked, match="ann has no score on season:"):
        board.rank("ann")
    assert board.top() == []
    board.submit("e2", "bob", 1, "eu")
    board.submit("e3", "cid", 9, "eu", ends - 1)  # late: still the old season's
    assert [row.player for row in board.top()] == ["bob"]
    assert [row.player for row in board.top(at=ends - 1)] == ["cid", "ann"]
    board.store.drop(board.board(at=ends - 1))
    assert board.top(at=ends - 1) == []
    assert [row.player for row in board.top()] == ["bob"]


def test_an_event_whose_id_was_forgotten_is_too_old_to_come_again(board, clock):
    board.submit("e1", "ann", 5, "eu", NOW)
    clock.now = NOW + 86_400
    board.forget_old_events()
    assert not board.submit("e1", "ann", 5, "eu", NOW)
    clock.now += 1
    board.forget_old_events()
    with pytest.raises(Refused, match="time"):
        board.submit("e1", "ann", 5, "eu", NOW)


def test_numbers_of_deleted_players_serve_again_without_a_trace_of_them(board):
    for number in range(50):
        board.submit(f"in-{number}", f"p{number}", number, "eu")
        board.delete(f"p{number}")
    board.submit("last", "ann", 5, "eu")
    assert [(row.player, row.score) for row in board.top()] == [("ann", 5)]
    assert len(board.store._names) == 1
