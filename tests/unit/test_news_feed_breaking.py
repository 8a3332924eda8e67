"""What is broken for real, small: a worker killed, a queue that lags, a cache that is lost; and the benchmark."""

import pytest

from benchmarks import __main__  # noqa: F401 (it imports what registers)
from benchmarks.harness import BENCHMARKS, Contest
from benchmarks.news_feed import BUDGETS, Batches, PerDelivery, followers
from designbook.engines import available, nats, sqlite, valkey
from designbook.systems.news_feed import worker
from designbook.systems.news_feed.breaking import kill_a_worker, lose_the_cache, queue_lag

pytestmark = pytest.mark.skipif(not available("valkey"), reason="valkey cannot run here")


@pytest.mark.parametrize("queue", ["sqlite", "jetstream"])
def test_a_worker_killed_in_the_middle_of_a_fan_out_loses_nothing_and_nothing_comes_twice(queue, tmp_path):
    with valkey() as feeds, nats(jetstream=True) as broker:
        url = broker if queue == "jetstream" else f"sqlite:///{tmp_path}/queue.db"
        found = kill_a_worker(f"sqlite:///{tmp_path}/posts.db", feeds, url, followers=2_000, lease=1.0)
    assert found.missing == found.twice == 0
    assert 0 < found.at_kill < found.followers
    assert found.seconds > found.lease / 2
    if queue == "sqlite":
        assert found.again <= found.followers // 40, "it went on after the last checkpoint"
    else:
        assert found.pushed == found.followers, "JetStream knows of no checkpoint"


def test_a_burst_twice_as_fast_as_the_worker_falls_behind_for_as_long_as_it_lasts():
    with valkey() as feeds, sqlite() as queue:
        found = queue_lag(feeds, queue, followers=300, seconds=1.0)
    assert len(found.lags) == found.burst
    assert found.longest == max(found.lags)
    assert found.predicted > 0.3
    assert 0.3 < found.ratio < 10
    assert found.waiting > 0


def test_feeds_rebuilt_after_the_cache_was_lost_are_what_they_were():
    engine = valkey()
    with engine, sqlite() as posts:
        found = lose_the_cache(engine, posts, users=20, followees=5, each=10)
    assert found.different == 0
    assert found.rebuilt > 0
    assert found.entries == 50


def test_a_worker_with_nothing_to_talk_to_says_so(capsys):
    nowhere = ["--posts", "sqlite:////nowhere/p.db", "--feeds", "unix:///nowhere", "--queue", "memory://"]
    assert worker.main(nowhere) == 1
    assert "nowhere" in capsys.readouterr().err
    assert worker.main(["--posts", "memory://", "--feeds", "memory://", "--queue", "kafka://x"]) == 1
    assert "kafka://x" in capsys.readouterr().err


def test_both_sides_of_each_contest_do_the_same_work():
    seen = []
    for row in BENCHMARKS["news_feed"].run(600):
        seen.append(row.against)
        if isinstance(row, Contest) and row.unit == "pages":
            ours, theirs = row.ours(), row.peer()
            assert ours == theirs, row.name
    assert {"a list a user", "Valkey, pipelined", "heapq.merge", "the budget", "800 slots"} == set(seen)
    assert BUDGETS == {"deliveries": 3_000_000, "pages": 50_000}


def test_the_peer_that_pushes_one_by_one_holds_the_same_feeds():
    from designbook.blocks.feeds import Feeds

    graph = followers()
    users = len(graph.degrees)
    feeds, plain = Feeds(users), PerDelivery(users)
    posts, authors = Batches(users, 2_000, 5).arrays()
    assert feeds.fan_out(posts, authors, graph.first, graph.targets) == graph.degrees[authors].sum()
    plain.fan_out(posts.tolist(), authors.tolist(), [graph.of(node).tolist() for node in range(users)])
    assert all(feeds.page(user, 800) == plain._feeds[user][::-1] for user in range(0, users, 50))
