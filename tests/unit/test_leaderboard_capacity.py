"""The leaderboard's model: points computed by hand, laws, and published figures beside it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from designbook.capacity import check_dimensions, compare
from designbook.data import fact, measurement
from designbook.systems.leaderboard.capacity import LeaderboardCapacity

MONTH = 2_629_800
NODE = measurement("leaderboard_sql_ranks", stale=True).results["valkey"]


def close(value: float) -> object:
    return pytest.approx(value, rel=1e-9)


def small() -> LeaderboardCapacity:
    """A million players whose numbers come out round; 40 bytes a place, 20 k updates a second and shard."""
    return LeaderboardCapacity(
        players=1e6, daily=10, weekly=40, scores_each=8.64, peak_to_mean=4, rush=10, counted=50, regions=9,
        submits=1, rank_views=1, around_views=0.5, top_views=0.25, top_lifetime=2, entry=40, replicas=3,
        shard_memory=0.5, shard_rate=20_000, event=100, log_days=100, snapshot=10, buckets=1_000, refresh=10,
        top_bytes=4_000, row_bytes=400, server_rate=1_000, utilisation=50, tournament=10,
        server_price=0.1, memory_price=0.1, log_price=0.02, egress_price=0.1,
    )  # fmt: skip


def test_every_estimate_has_the_dimension_that_it_promises() -> None:
    check_dimensions(LeaderboardCapacity)


def test_traffic_by_hand() -> None:
    model = small()
    # 100,000 players a day make 864,000 scores, which is 10 a second; four times that in the evening, ten times more.
    assert (model.scores, model.evening_scores, model.rush_scores) == (close(10), close(40), close(400))
    assert model.rush_updates == close(400 / 2 * 6), "half of them count, on three boards of the world and of a region"
    assert (model.rank_reads, model.around_reads, model.top_reads) == (close(400), close(200), close(100))
    assert (model.rush_reads, model.exact_ranks, model.rush_requests) == (close(700), close(600), close(1_100))
    assert (model.ingest, model.replication) == (close(1_000), close(10 * 0.5 * 6 * 40 * 2))


def test_memory_and_shards_by_hand() -> None:
    model = small()
    assert model.entries == close(1e6 * 1.5 * 2)
    assert (model.boards, model.memory) == (close(120e6), close(360e6))
    assert model.shards == 1
    # 40 scores a second, half of them on six boards, for ten minutes: 72,000 updates after the snapshot.
    assert model.rebuild == close((3e6 + 72_000) / 20_000)
    assert model.shard_updates == model.rush_updates
    assert model.snapshots == close(120e6 / 600)
    assert model.but(players=10e6).shards == 3, "1.2 GB at 0.5 GB a shard"
    assert model.but(players=10e6, shard_rate=10_000).shards == 3, "12,000 updates at 5,000 a shard"
    assert model.but(players=10e6, rush=50).shards == 6, "60,000 updates at 10,000 a shard outgrow the memory's three"


def test_servers_and_background_traffic_by_hand() -> None:
    model = small()
    # 400 scores and 700 reads a second in the last minute, 110 in the evening, and 500 a server.
    assert (model.servers, model.rush_servers) == (2, 4)
    assert model.but(submits=2).rush_servers == 4, "1,500 requests still go to three and the spare"
    assert model.top_fetches == close((4 + 1) * 30 / 2), "4 servers and 1 shard, 30 boards, every 2 seconds"
    assert model.histograms == close(30 * 1_000 * 4 * 3 / 10), "from 1 shard and to 2 servers, every 10 seconds"


def test_the_bill_by_hand() -> None:
    model = small()
    hours = MONTH / 3_600
    lines = {
        "server_cost": 2 * 0.1 * hours,
        "tournament_cost": 2 * 0.1 * 10,
        "memory_cost": 0.36 * 0.1 * hours,
        "log_cost": 10 * 8_640_000 * 100 / 1e9 * 0.02,
        "egress_cost": 10 * MONTH * (0.25 * 4_000 + 2.5 * 400) / 1e9 * 0.1,
    }
    for name, money in lines.items():
        assert model.value(name, "USD/month") == close(money), name
    assert model.value("cost", "USD/month") == close(sum(lines.values()))
    assert model.value("cost_per_score", "USD/megaevent") == close(sum(lines.values()) / (10 * MONTH / 1e6))


GROWING = ("players", "scores_each", "peak_to_mean", "rush", "rank_views", "entry", "replicas", "server_price")


@given(st.sampled_from(GROWING), st.floats(0, 1), st.floats(0, 1))
def test_more_of_anything_never_needs_less(name: str, first: float, second: float) -> None:
    part = LeaderboardCapacity.inputs[name]
    low, high = (
        LeaderboardCapacity.from_base({name: part.at(share)}) for share in (min(first, second), max(first, second))
    )
    for key in ("scores", "rush_updates", "rush_reads", "memory", "shards", "servers", "histograms", "log", "cost"):
        assert getattr(low, key) <= getattr(high, key) * (1 + 1e-9), key


@given(st.floats(0, 1))
def test_more_shards_never_spare_a_shard_an_exact_rank(share: float) -> None:
    memory = LeaderboardCapacity.inputs["shard_memory"].at(share)
    model = LeaderboardCapacity.from_base({"shard_memory": memory})
    assert model.exact_ranks == LeaderboardCapacity().exact_ranks


def test_a_tournament_without_a_rush_costs_nothing_extra() -> None:
    assert LeaderboardCapacity(rush=1).tournament_cost == 0


def test_each_limit_is_a_measurement_or_a_promise_and_leads_to_a_step_of_the_design() -> None:
    limits = LeaderboardCapacity.limits
    assert limits["one_node_updates"].base == pytest.approx(NODE["updates_per_second"], rel=0.06)
    assert limits["one_node_ranks"].base == pytest.approx(NODE["ranks_per_second"], rel=0.06)
    assert LeaderboardCapacity().entry == pytest.approx(NODE["bytes_per_player"], rel=0.1)
    assert all(limit.then for limit in limits.values())


def test_the_verdict_goes_from_a_single_node_to_shards_and_from_slow_shards_to_smaller_ones() -> None:
    def gives_way(**settings: float) -> tuple[str, bool]:
        verdict = LeaderboardCapacity(**settings).verdict()
        assert verdict.limit is not None
        return verdict.limit.name, verdict.ratio > 1

    assert gives_way(players=1e6)[1] is False
    assert gives_way() == ("one_node_updates", True)
    assert gives_way(counted=5, rank_views=5) == ("one_node_ranks", True)
    assert gives_way(shard_memory=64, counted=5) == ("ten_minutes", True)


def test_beside_a_published_leaderboard_the_model_asks_for_the_same_order_of_requests() -> None:
    model = LeaderboardCapacity(players=fact("dream11-users").value)
    row, cell = compare(
        model, {"rush_reads": "dream11-leaderboard-requests-per-second", "entry": "redis-memory-per-small-key"}
    )
    assert 1 / 3 < row.ratio < 3
    assert 1 / 3 < cell.ratio < 3


def test_a_textbook_s_figures_give_the_textbook_s_rate() -> None:
    monthly, daily = (fact(f"textbook-leaderboard-{name}-users").value for name in ("monthly", "daily"))
    matches = fact("textbook-leaderboard-matches").value
    model = LeaderboardCapacity(players=monthly, daily=100 * daily / monthly, scores_each=matches)
    assert model.scores == close(daily * matches / 86_400)
