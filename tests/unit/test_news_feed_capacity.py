"""The news feed's model: points computed by hand, laws, and published figures beside it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from designbook.capacity import check_dimensions, compare
from designbook.data import fact, measurement
from designbook.simulation.graphs import followers_above
from designbook.systems.news_feed.capacity import NewsFeedCapacity
from designbook.systems.news_feed.hybrid import best_threshold

DAY, MONTH = 86_400, 2_629_800
RATES = measurement("news_feed_costs", stale=True).results["rates"]


def close(value: float) -> object:
    return pytest.approx(value, rel=1e-9)


def small() -> NewsFeedCapacity:
    """A day's 864,000 users whose numbers come out round; nobody is above the threshold."""
    return NewsFeedCapacity(
        daily_users=864_000, posts_each=1, loads_each=10, ranked_each=2, polls_each=20, peak_to_mean=4, follows=30,
        fan_out=50, largest=1e5, tail=1.5, threshold=1e6, page=10, candidates=100, score_time=100, hit_ratio=90,
        cached=2, monthly=5, entries=100, entry=10, replicas=3, node_memory=1, delivery_rate=10_000,
        worker_rate=1_000, returning=10, outage=20, record=1_000, wire=500, hot=10, kept=1, copies=2,
        server_rate=1_000, server_cores=2, utilisation=50, server_price=0.1, memory_price=0.1, disk_price=0.1,
        archive_price=0.02, egress_price=0.1,
    )  # fmt: skip


def test_every_estimate_has_the_dimension_that_it_promises() -> None:
    check_dimensions(NewsFeedCapacity)


def test_traffic_by_hand() -> None:
    model = small()
    # A user a tenth of a second: 10 posts, 100 pages and 200 questions a second, four times that at the peak.
    assert (model.posts, model.peak_posts) == (close(10), close(40))
    assert (model.loads, model.peak_loads, model.polls) == (close(100), close(400), close(800))
    assert (model.requests, model.asked_reads) == (close(1_240), close(300))
    assert (model.asked_deliveries, model.deliveries, model.peak_deliveries) == (close(500), close(500), close(2_000))
    assert model.naive_lists == close(400 * 30)
    assert model.lists == 2, "the feed and one's own"


def test_fan_out_and_its_queue_by_hand() -> None:
    model = small()
    assert model.workers == 5, "2,000 deliveries at 500 a worker, and one to spare"
    assert model.largest_push == close(1e5 / 3_000)
    assert model.longest_push == model.largest_push, "nobody is above the threshold"
    assert model.but(threshold=6_000).longest_push < 6_000 / 3_000 + 1
    assert model.backlog == close(40 * 1_200)
    assert model.catch_up == close(2_000 * 1_200 / 3_000)


def test_above_the_threshold_deliveries_become_lists() -> None:
    model = small().but(threshold=5_000)
    share = followers_above(5_000, 50, 1e5, 1.5)
    assert 0.02 < share < 0.2
    assert model.pulled == close(share)
    assert model.deliveries == close(500 * (1 - share))
    assert model.lists == close(2 + 30 * share)


def test_memory_by_hand() -> None:
    model = small()
    assert model.feeds == close(4_320_000)
    assert model.feed_memory == close(4.32e9)
    assert model.feed_nodes == 5, "4.32 GB at 1 GB a node"
    assert model.but(node_memory=500).feed_nodes == 1
    assert model.but(node_memory=500, delivery_rate=1e4, daily_users=8_640_000).feed_nodes == 4, "20,000 at 5,000"
    assert model.depth == close(100 * 4_320_000 / 500)
    assert model.rebuild == close(432e6 / 5 / 10_000)
    assert model.replication == close(500 * 10 * 2)
    assert model.post_cache == close(10 * 2 * DAY * 1_000)


def test_posts_read_by_hand() -> None:
    model = small()
    assert model.shown == close(1_000)
    assert model.hydrated == close(80 * 10 + 20 * 100), "two pages of ten are ranked, of a hundred candidates each"
    assert model.missed == close(2_800 * 4 * 0.1)
    assert model.read_share == close(2_800 / 2_810)
    assert model.ranking_cores == close(20 * 4 * 100 * 100e-6)
    assert model.rebuild_reads == close(86_400 / DAY * 4 * 100)


def test_the_bill_by_hand() -> None:
    model = small()
    hours = MONTH / 3_600
    assert model.servers == 4, "1,240 requests at 500 a server, and one"
    lines = {
        "server_cost": 4 * 0.1 * hours,
        "worker_cost": 3 * 0.1 * hours,
        "ranking_cost": 1 * 0.1 * hours,
        "feed_cost": 3 * 4.32 * 0.1 * hours,
        "cache_cost": 1.728 * 0.1 * hours,
        "storage_cost": 10 * 10 * DAY * 1_000 * 2 / 1e9 * 0.1 + 10 * 12 * MONTH * 1_000 / 1e9 * 0.02,
        "egress_cost": 1_000 * MONTH * 500 / 1e9 * 0.1,
    }
    for name, money in lines.items():
        assert model.value(name, "USD/month") == close(money), name
    assert model.value("cost", "USD/month") == close(sum(lines.values()))
    assert model.value("cost_per_load", "USD/kilorequest") == close(sum(lines.values()) / (100 * MONTH / 1_000))


GROWING = ("daily_users", "posts_each", "loads_each", "peak_to_mean", "fan_out", "entries", "candidates", "record")


@given(st.sampled_from(GROWING), st.floats(0, 1), st.floats(0, 1))
def test_more_of_anything_never_needs_less(name: str, first: float, second: float) -> None:
    part = NewsFeedCapacity.inputs[name]
    low, high = (NewsFeedCapacity.from_base({name: part.at(share)}) for share in sorted((first, second)))
    for key in ("posts", "asked_deliveries", "loads", "hydrated", "feed_memory", "servers", "disks", "cost"):
        assert getattr(low, key) <= getattr(high, key) * (1 + 1e-9), key


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_higher_threshold_pushes_more_and_merges_less(first: float, second: float) -> None:
    part = NewsFeedCapacity.inputs["threshold"]
    low, high = (NewsFeedCapacity.from_base({"threshold": part.at(share)}) for share in sorted((first, second)))
    assert low.deliveries <= high.deliveries * (1 + 1e-12) <= high.asked_deliveries * (1 + 2e-12)
    assert low.lists >= high.lists * (1 - 1e-12)


def test_the_busier_the_workers_the_longer_they_take_to_catch_up() -> None:
    times = [NewsFeedCapacity(utilisation=busy).catch_up for busy in (40, 60, 80, 90)]
    assert times == sorted(times)
    assert NewsFeedCapacity(utilisation=60).catch_up == pytest.approx(1.5 * 600, rel=0.15), "60 % busy, 40 % to spare"


def test_each_limit_is_a_measurement_or_a_promise_and_leads_to_a_step_of_the_design() -> None:
    limits = NewsFeedCapacity.limits
    assert limits["one_feed_node"].base == pytest.approx(RATES["deliveries_per_second"], rel=0.06)
    assert limits["one_post_store"].base == pytest.approx(RATES["posts_read_per_second"], rel=0.06)
    assert NewsFeedCapacity().value("entry") == pytest.approx(RATES["feed_bytes_per_entry"], rel=0.3)
    assert all(limit.then for limit in limits.values())


def test_the_verdict_goes_from_one_node_to_shards_and_from_a_high_threshold_to_a_lower_one() -> None:
    def gives_way(**settings: float) -> tuple[str, bool]:
        verdict = NewsFeedCapacity(**settings).verdict()
        assert verdict.limit is not None
        return verdict.limit.name, verdict.ratio > 1

    assert gives_way(daily_users=1e6, largest=3e5, threshold=1e4)[1] is False
    assert gives_way(daily_users=1e6, threshold=1e9) == ("five_seconds", True)
    assert gives_way(daily_users=1e6, largest=3e5, threshold=1e4, outage=600)[0] == "half_an_hour"
    assert gives_way(ranked_each=0, posts_each=20)[0] == "one_feed_node"


def test_beside_twitter_s_timelines_of_2013_the_model_asks_for_the_same_order() -> None:
    model = NewsFeedCapacity(daily_users=fact("twitter-active-users-2013").value)
    figures = {
        "posts": "twitter-posts-per-day-2013",
        "asked_deliveries": "twitter-deliveries-per-day-2013",
        "asked_reads": "twitter-timeline-reads-2013",
        "largest_push": "twitter-largest-delivery-2013",
    }
    for row in compare(model, figures):
        assert 1 / 5 < row.ratio < 5, row


def test_twitter_s_own_figures_give_its_deliveries() -> None:
    users, a_day = fact("twitter-active-users-2013").value, fact("twitter-posts-per-day-2013").value
    model = NewsFeedCapacity(daily_users=users, posts_each=a_day / users)
    assert model.asked_deliveries == close(fact("twitter-deliveries-per-day-2013").base)


def test_the_cheapest_threshold_exceeds_the_default_so_that_the_promise_decides() -> None:
    model = NewsFeedCapacity()
    cheapest = best_threshold(model.posts_each, model.loads_each, 5e-6, 5e-6, 1e-7, model.servers, 5)
    assert cheapest > model.threshold
    assert model.longest_push < NewsFeedCapacity.limits["five_seconds"].base
