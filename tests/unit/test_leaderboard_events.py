"""The event log and the shards: what was acknowledged comes back, what was torn was never there, sums are exact."""

import os
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from designbook.systems.leaderboard.errors import NotRanked
from designbook.systems.leaderboard.events import EventLog, LogBroken, LoggedStore, replay
from designbook.systems.leaderboard.experiments import (
    STARTS,
    events_twice,
    kill_a_shard,
    memory_of_a_sorted_list,
    memory_of_ranked_scores,
    memory_of_the_service,
    sharded_rank_errors,
    tournament,
)
from designbook.systems.leaderboard.rules import Rules, ScoreEvent
from designbook.systems.leaderboard.shards import ApproximateRanks, ShardedStore
from designbook.systems.leaderboard.stores import MemoryStore
from designbook.systems.leaderboard.windows import WEEK, WORLD

RULES = Rules("sum", windows=(WEEK,))
BOARD = WEEK.board(STARTS, WORLD)


def event(number, player="ann", score=5):
    return ScoreEvent(f"e{number}", player, score, STARTS + number, "eu")


def submit(store, *events):
    return [store.submit(each, RULES.boards(each), RULES.policy) for each in events]


def opened(path, **options):
    return LoggedStore(EventLog(path, **options), RULES)


# -- the log


@pytest.mark.parametrize("flush", ["never", "always"])
def test_a_store_comes_back_from_its_log_with_scores_deletions_and_known_events(tmp_path, flush):
    store = opened(tmp_path / "log", flush=flush)
    submit(store, event(1), event(2, "bob"), event(3, "bob"), event(4, "cid"), event(3, "bob"))
    assert store.delete("ann")
    submit(store, event(5, "ann", 1))
    rows = store.page(BOARD, 0, 10)
    store.close()
    again = opened(tmp_path / "log")
    assert again.replayed == 5
    assert again.page(BOARD, 0, 10) == rows
    assert submit(again, *(event(number) for number in range(1, 7))) == [False] * 5 + [True]
    again.close()
    assert len(list(EventLog(tmp_path / "log"))) == 7, "a known event is not logged again"


@given(cut=st.integers(0, 200), events=st.integers(0, 12))
@settings(max_examples=60, deadline=None)
def test_a_log_cut_anywhere_gives_the_whole_events_before_the_cut_and_goes_on(tmp_path_factory, cut, events):
    path = tmp_path_factory.mktemp("log") / "log"
    log = EventLog(path)
    ends = [0]
    for number in range(events):
        log.append(event(number, score=number))
        ends.append(path.stat().st_size)
    log.close()
    size = min(cut, ends[-1])
    os.truncate(path, size)
    again = EventLog(path)
    whole = sum(end <= size for end in ends) - 1
    assert list(again) == [event(number, score=number) for number in range(whole)]
    again.append(event(99))
    assert list(again)[whole:] == [event(99)]
    again.close()


def test_a_torn_line_longer_than_a_block_is_found_too(tmp_path):
    path = tmp_path / "log"
    path.write_bytes(b"e1 ann 5 7 eu\n" + b"x" * 200_000)
    log = EventLog(path)
    assert list(log) == [ScoreEvent("e1", "ann", 5, 7, "eu")]
    log.close()


@pytest.mark.parametrize("line", [b"e1 ann five 7 eu\n", b"e1 ann 5 7\n", b"\xff\n", b"\n"])
def test_a_line_that_something_else_changed_is_named(tmp_path, line):
    path = tmp_path / "log"
    path.write_bytes(b"e0 ann 5 7 eu\n" + line + b"e2 ann 5 7 eu\n")
    log = EventLog(path)
    with pytest.raises(LogBroken, match="line 2"):
        list(log)
    log.close()


def test_what_could_not_be_logged_was_not_counted_and_leaves_no_half_line(tmp_path, monkeypatch):
    store = opened(tmp_path / "log", flush="always")
    submit(store, event(1))

    def full(*_):
        raise OSError("no space left")

    real = os.write
    for name, fault in (("write", full), ("fsync", full), ("write", lambda file, line: real(file, line[:3]))):
        with monkeypatch.context() as patched:
            patched.setattr(os, name, fault)
            with pytest.raises(OSError, match=r"space|disk full"):
                submit(store, event(2))
            with pytest.raises(OSError, match=r"space|disk full"):
                store.delete("ann")
        assert [row.score for row in store.page(BOARD, 0, 5)] == [5]
    assert submit(store, event(2)) == [True]
    store.close()
    assert list(EventLog(tmp_path / "log")) == [event(1), event(2)]


def test_a_log_has_one_process_at_a_time_and_an_unknown_flush_is_refused(tmp_path):
    log = EventLog(tmp_path / "log")
    with pytest.raises(BlockingIOError, match="of its own"):
        EventLog(tmp_path / "log")
    log.close()
    EventLog(tmp_path / "log").close()
    with pytest.raises(ValueError, match="sometimes"):
        EventLog(tmp_path / "log", flush="sometimes")


def test_a_replay_twice_changes_nothing(tmp_path):
    store = opened(tmp_path / "log")
    submit(store, event(1), event(2, "bob"))
    other = MemoryStore()
    assert (replay(store._log, other, RULES), replay(store._log, other, RULES)) == (2, 0)
    assert other.page(BOARD, 0, 5) == store.page(BOARD, 0, 5)
    store.close()


# -- shards


def shards(names="abcd"):
    return ShardedStore({name: MemoryStore() for name in names}, at_once=False)


def test_a_player_is_on_one_shard_and_every_shard_has_players():
    store = shards()
    submit(store, *tournament(300, 1_000))
    sizes = [shard.size(BOARD) for shard in store.shards.values()]
    assert min(sizes) > 0
    names = {row.player for row in store.page(BOARD, 0, 1_000)}
    assert sum(sizes) == len(names) == store.size(BOARD)
    assert {store.owner(name) for name in names} == set("abcd")


def test_shards_without_one_are_refused():
    with pytest.raises(ValueError, match="one shard"):
        ShardedStore({})


def test_a_shard_more_moves_only_the_players_that_it_gets():
    before, after = shards("abcd"), shards("abcde")
    moved = [name for name in (f"p{i}" for i in range(2_000)) if before.owner(name) != after.owner(name)]
    assert {after.owner(name) for name in moved} == {"e"}
    assert 200 < len(moved) < 700


def test_approximate_ranks_of_shards_lie_within_their_bound_and_age_until_refreshed():
    store, now = shards(), [0.0]
    submit(store, *tournament(500, 2_000))
    top = store.page(BOARD, 0, 1)[0].score
    ranks = ApproximateRanks(store, BOARD, range(0, top + 1, top // 50), seconds=60, clock=lambda: now[0])
    for row in store.page(BOARD, 0, 500):
        found = ranks.rank(row.score)
        assert found.low <= row.rank <= found.high
        assert abs(found.estimate - row.rank) <= found.error
    submit(store, *(event(10_000 + number, f"new{number}", top + 1) for number in range(30)))
    now[0] = 59.0
    assert ranks.rank(0).high == store.size(BOARD) - 30
    now[0] = 60.0
    assert ranks.rank(0).high == store.size(BOARD)
    assert ranks.refreshed == 60.0
    with pytest.raises(ValueError, match="-1"):
        ApproximateRanks(store, BOARD, [0], seconds=-1, clock=lambda: 0.0)


def test_who_has_no_score_is_not_ranked_on_any_shard():
    with pytest.raises(NotRanked, match="nobody"):
        shards().around(BOARD, "nobody", 3)


# -- the experiments, small


@pytest.mark.parametrize("torn", [True, False])
def test_a_shard_killed_in_a_tournament_comes_back_with_every_acknowledged_event_and_rank(tmp_path, torn):
    found = kill_a_shard(tmp_path, players=50, events=600, torn=torn)
    assert 300 <= found.acknowledged <= found.logged <= 600
    assert (found.lost, found.wrong_ranks, found.wrong_at_the_end) == (0, 0, 0)
    assert found.replayed_per_second > 0


def test_events_that_come_twice_double_naive_sums_and_not_ours():
    found = events_twice(tournament(100, 1_000), 0.05)
    assert 0 < found.repeated < 150
    assert 0 < found.wrong_sums <= found.repeated
    assert found.excess > 0
    assert found.wrong_ranks > 0
    assert found.wrong_with_ids == 0
    none = events_twice(tournament(100, 1_000), 0.0)
    assert (none.repeated, none.wrong_sums, none.wrong_ranks, none.excess) == (0, 0, 0, 0)
    with pytest.raises(ValueError, match=r"1\.5"):
        events_twice([], 1.5)


def test_ranks_from_the_shards_histograms_never_leave_their_bound_and_more_buckets_are_closer():
    found = sharded_rank_errors(200_000, 4, (20, 200), asked=500)
    for errors in found.errors:
        assert errors.outside == 0
        assert errors.middle_most <= errors.worst_bound
    quantiles = {errors.buckets: errors for errors in found.errors if errors.kind == "quantiles"}
    assert quantiles[200].worst_bound < quantiles[20].worst_bound / 4
    assert quantiles[20].worst_bound < 200_000 / 20


def test_the_block_takes_less_memory_than_a_sorted_list_and_the_service_more():
    ours, peer, service = (
        peak - empty
        for empty, peak in (
            call(30_000) for call in (memory_of_ranked_scores, memory_of_a_sorted_list, memory_of_the_service)
        )
    )
    assert 0 < ours < 150e6 * 30_000 / 1e6
    assert ours < peer
    assert ours < service


def test_random_tournaments_on_shards_and_on_one_store_have_the_same_rows():
    one, many = MemoryStore(), shards("ab")
    events = tournament(60, 500)
    Random(1).shuffle(events)
    submit(one, *events)
    submit(many, *events)
    rows = one.page(BOARD, 0, 100)
    assert many.page(BOARD, 0, 100) == rows
    for row in rows:
        assert many.standing(BOARD, row.player) == row
        assert many.around(BOARD, row.player, 4) == one.around(BOARD, row.player, 4)
