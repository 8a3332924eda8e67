"""One contract, every store of the leaderboard: memory, memory with a log, shards of memory, Valkey, PostgreSQL."""

import time
from itertools import count
from random import Random

import psycopg
import pytest
import valkey as valkey_client

from designbook.engines import postgres, valkey
from designbook.systems.leaderboard.errors import NotRanked, StoreDown
from designbook.systems.leaderboard.events import EventLog, LoggedStore
from designbook.systems.leaderboard.experiments import differences
from designbook.systems.leaderboard.rules import MAX_SCORE, Rules, ScoreEvent
from designbook.systems.leaderboard.service import Leaderboard
from designbook.systems.leaderboard.shards import ShardedStore
from designbook.systems.leaderboard.stores import MemoryStore, Standing, open_store, place
from designbook.systems.leaderboard.windows import MAX_PERIOD, Board
from tests.engines_here import want
from tests.together import at_once

ENGINES = {"valkey": valkey, "postgres": postgres}
NOW = 1_800_000_000
WEEK = Board("week:test:world", NOW, NOW + 604_800)
OTHER = Board("week:test:eu", NOW, NOW + 604_800)
EMPTY = Board("week:test:none", NOW, NOW + 604_800)


@pytest.fixture(scope="module", params=["memory", "logged", "shards", *ENGINES])
def kind(request):
    """Each kind of store; one engine for all tests of this file."""
    if request.param not in ENGINES:
        yield request.param
        return
    want(request.param)
    with ENGINES[request.param]() as url:
        yield url


def wipe(url):
    if url.startswith("unix"):
        with valkey_client.from_url(url) as client:
            client.flushall()
    elif url.startswith("postgres"):
        with psycopg.connect(url) as database:
            database.execute("drop table if exists standing, board, event")


@pytest.fixture
def make(kind, tmp_path):
    """A function that gives an empty store of this kind, for rules."""
    opened, number = [], count()

    def fresh(rules=None):
        if kind == "memory":
            store = MemoryStore()
        elif kind == "logged":
            store = LoggedStore(EventLog(tmp_path / f"{next(number)}.log"), rules or Rules())
        elif kind == "shards":
            store = ShardedStore({name: MemoryStore() for name in "abc"})
        else:
            wipe(kind)
            store = open_store(kind)
        opened.append(store)
        return store

    yield fresh
    for store in opened:
        store.close()


@pytest.fixture
def store(make):
    return make()


numbers = count()


def score(store, player, points, at=0, policy="best", boards=(WEEK, OTHER), event=None):
    return store.submit(ScoreEvent(event or f"event-{next(numbers)}", player, points, NOW + at, "eu"), boards, policy)


def rows(store, board=WEEK):
    return [(row.player, row.score, row.achieved - NOW) for row in store.page(board, 0, 100)]


# -- each call by itself


def test_the_higher_score_stands_first_then_the_earlier_second_then_the_lower_id_by_bytes(store):
    for player, points, at in (
        ("b", 5, 3),
        ("a", 5, 3),
        ("Z", 5, 3),
        ("~", 5, 2),
        ("c", 7, 9),
        ("d", 0, 0),
        ("a1", 5, 3),
    ):
        assert score(store, player, points, at)
    wanted = [("c", 7, 9), ("~", 5, 2), ("Z", 5, 3), ("a", 5, 3), ("a1", 5, 3), ("b", 5, 3), ("d", 0, 0)]
    assert rows(store) == rows(store, OTHER) == wanted
    for rank, (player, points, at) in enumerate(wanted, 1):
        assert store.standing(WEEK, player) == Standing(rank, player, points, NOW + at)


def test_the_largest_and_the_smallest_that_fit_are_kept_exactly(store):
    season = Board("season:test:world", NOW, NOW + MAX_PERIOD)
    last = MAX_PERIOD - 1
    for player, points, at in (("a", MAX_SCORE, last), ("b", MAX_SCORE, last - 1), ("c", 0, last), ("d", 0, 0)):
        score(store, player, points, at, boards=[season])
    wanted = [("b", MAX_SCORE, last - 1), ("a", MAX_SCORE, last), ("d", 0, 0), ("c", 0, last)]
    assert rows(store, season) == wanted
    score(store, "a", 5, 0, "sum", boards=[season])
    assert rows(store, season) == wanted, "a sum stays at the largest score"


def test_a_page_is_cut_where_the_board_ends(store):
    for player in "abcde":
        score(store, player, 5)
    assert [row[:2] for row in store.page(WEEK, 3, 5)] == [(4, "d"), (5, "e")]
    assert [row[:2] for row in store.page(WEEK, 1, 2)] == [(2, "b"), (3, "c")]
    assert store.page(WEEK, 5, 5) == store.page(WEEK, 0, 0) == store.page(EMPTY, 0, 5) == []
    assert (store.size(WEEK), store.size(EMPTY)) == (5, 0)


def test_around_is_cut_at_both_ends(store):
    for player in "abcdefg":
        score(store, player, 5)
    for player, each_side, wanted in (
        ("a", 2, "abc"),
        ("d", 1, "cde"),
        ("f", 3, "cdefg"),
        ("d", 0, "d"),
        ("b", 9, "abcdefg"),
    ):
        found = store.around(WEEK, player, each_side)
        assert "".join(row.player for row in found) == wanted
        assert [row.rank for row in found] == [ord(letter) - ord("a") + 1 for letter in wanted]


def test_who_has_no_score_is_not_ranked_and_the_error_says_who_and_where(store):
    score(store, "ann", 5)
    for call in (
        lambda: store.standing(WEEK, "bob"),
        lambda: store.around(WEEK, "bob", 2),
        lambda: store.standing(EMPTY, "ann"),
        lambda: store.around(EMPTY, "ann", 2),
    ):
        with pytest.raises(NotRanked, match=r"(ann|bob) has no score on week:test"):
            call()


def test_ahead_counts_those_before_a_place_that_need_not_be_taken(store):
    for player, points, at in (("b", 5, 3), ("d", 5, 3), ("a", 9, 0), ("c", 1, 8)):
        score(store, player, points, at)
    for points, at, player, wanted in (
        (10, 0, "", 0),
        (9, 0, "a", 0),
        (9, 0, "b", 1),
        (5, 2, "z", 1),
        (5, 3, "b", 1),
        (5, 3, "c", 2),
        (5, 3, "e", 3),
        (5, -NOW, "", 1),
        (5, -NOW, "z", 1),
        (5, MAX_PERIOD, "", 3),
        (0, 0, "", 4),
        (-1, 0, "", 4),
    ):
        assert store.ahead(WEEK, (-points, NOW + at, player)) == wanted, (points, at, player)
    assert store.ahead(EMPTY, (-5, NOW, "a")) == 0
    for row in store.page(WEEK, 0, 10):
        assert store.ahead(WEEK, place(row)) == row.rank - 1


def test_counts_say_how_many_have_each_edge_or_more(store):
    for player, points in zip("abcde", (0, 3, 3, 8, MAX_SCORE), strict=True):
        score(store, player, points)
    assert store.counts(WEEK, [0, 1, 3, 4, 8, 9, MAX_SCORE]) == [5, 4, 4, 2, 2, 1, 1]
    assert store.counts(WEEK, []) == []
    assert store.counts(EMPTY, [0, 5]) == [0, 0]


@pytest.mark.parametrize("policy", ["best", "last", "sum"])
def test_an_event_counts_once_however_often_it_comes(store, policy):
    assert not store.seen("e1")
    assert score(store, "ann", 5, 1, policy, event="e1")
    assert store.seen("e1")
    assert not score(store, "ann", 5, 1, policy, event="e1")
    assert not score(store, "ann", 9, 2, policy, event="e1")
    assert rows(store) == [("ann", 5, 1)]


@pytest.mark.parametrize(
    ("policy", "wanted"), [("best", ("ann", 7, 20)), ("last", ("ann", 4, 40)), ("sum", ("ann", 28, 40))]
)
def test_events_come_to_the_same_in_any_order(make, policy, wanted):
    events = [(5, 10), (7, 20), (7, 30), (2, 40), (4, 40), (3, 0)]
    for seed in range(4):
        store = make()
        for points, at in Random(seed).sample(events, len(events)):
            score(store, "ann", points, at, policy)
        assert rows(store) == [wanted]


def test_a_deleted_player_is_off_every_board_and_their_events_stay_known(store):
    score(store, "ann", 5, event="e1")
    score(store, "bob", 4)
    score(store, "ann", 3, boards=[EMPTY])
    assert store.delete("ann")
    assert not store.delete("ann")
    assert rows(store) == rows(store, OTHER) == [("bob", 4, 0)]
    assert rows(store, EMPTY) == []
    assert store.standing(WEEK, "bob").rank == 1
    assert not score(store, "ann", 5, event="e1")
    assert rows(store) == [("bob", 4, 0)]
    score(store, "cid", 9)
    assert score(store, "ann", 2)
    assert rows(store) == [("cid", 9, 0), ("bob", 4, 0), ("ann", 2, 0)]


def test_a_dropped_board_is_empty_and_the_others_stay(store):
    score(store, "ann", 5)
    store.drop(WEEK)
    assert (rows(store), rows(store, OTHER)) == ([], [("ann", 5, 0)])
    score(store, "ann", 2)
    assert (rows(store), rows(store, OTHER)) == ([("ann", 2, 0)], [("ann", 5, 0)])


def test_only_the_ids_of_older_events_are_forgotten(store):
    score(store, "ann", 5, 1, event="old")
    score(store, "ann", 5, 2, event="new")
    store.forget(NOW + 2)
    assert (store.seen("old"), store.seen("new")) == (False, True)
    assert rows(store) == [("ann", 5, 1)]


# -- many at once


def test_of_scores_that_come_at_once_none_is_lost_and_none_counts_twice(store):
    """Twenty clients send a hundred events for four players, each event four times."""

    def client(i):
        return sum(score(store, f"p{e % 4}", e, 0, "sum", event=f"once-{e}") for e in range(i % 5, 100, 5))

    assert sum(at_once(20, client)) == 100
    assert [(player, points) for player, points, _ in rows(store)] == [
        (f"p{i}", sum(range(i, 100, 4))) for i in (3, 2, 1, 0)
    ]


def test_deletions_among_scores_leave_the_boards_alike(store):
    def client(i):
        for k in range(10):
            if i == 0:
                store.delete("p1")
            else:
                score(store, f"p{k % 3}", 1, 0, "sum")

    at_once(6, client)
    assert rows(store) == rows(store, OTHER)
    assert {player: points for player, points, _ in rows(store)}["p0"] == 5 * 4


def test_two_clients_see_one_store(kind, store):
    if kind in ("memory", "logged", "shards"):
        pytest.skip("memory is each client's own")
    other = open_store(kind)
    score(store, "ann", 5, event="e1")
    assert rows(other) == [("ann", 5, 0)]
    assert not score(other, "ann", 5, event="e1")
    assert other.delete("ann")
    assert rows(store) == []
    other.close()


# -- any sequence of calls


@pytest.mark.parametrize("policy", ["best", "last", "sum"])
def test_random_operations_get_the_answers_that_sorting_anew_gives(make, policy):
    """Submits, repeats, reads, deletions, drops: the memory store and a plain dictionary beside each store."""
    rules = Rules(policy)
    assert differences(make(rules), 500, rules=rules, seed=1) == []


# -- engines that go away


@pytest.mark.parametrize("engine", [lambda: valkey("always"), postgres], ids=["valkey", "postgres"])
def test_a_store_says_that_its_engine_is_down_and_has_what_it_acknowledged_when_it_is_back(engine):
    running = engine()
    with running as url:
        store = open_store(url)
        score(store, "ann", 5, event="e1")
        running.kill()
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                store.size(WEEK)
            except StoreDown:
                break
        for call in (
            lambda: score(store, "ann", 5),
            lambda: store.seen("e1"),
            lambda: store.standing(WEEK, "ann"),
            lambda: store.page(WEEK, 0, 3),
            lambda: store.around(WEEK, "ann", 3),
            lambda: store.ahead(WEEK, (-5, NOW, "ann")),
            lambda: store.counts(WEEK, [0]),
            lambda: store.delete("ann"),
            lambda: store.drop(WEEK),
            lambda: store.forget(NOW),
            lambda: open_store(url),
        ):
            with pytest.raises(StoreDown):
                call()
        running.restart()
        assert rows(store) == [("ann", 5, 0)]
        assert not score(store, "ann", 5, event="e1")
        store.close()


def test_an_address_that_names_no_store_is_told_what_does():
    assert isinstance(open_store("memory://"), MemoryStore)
    with pytest.raises(ValueError, match="expected memory://"):
        open_store("mysql://x")
    for url in ("valkey://localhost:1/0", "postgresql://localhost:1/x"):
        with pytest.raises(StoreDown):
            open_store(url)


def test_a_service_on_any_store_ranks_by_window_and_region(make):
    board = Leaderboard(make(), clock=lambda: NOW)
    board.submit("e1", "ann", 5, "eu")
    board.submit("e2", "bob", 7, "us", NOW - 3600)
    assert [row.player for row in board.top()] == ["bob", "ann"]
    assert [row.player for row in board.top(window="day", region="eu")] == ["ann"]
    assert board.rank("ann", "week").rank == 2
