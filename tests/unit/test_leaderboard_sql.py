"""The experiments on ranks in SQL and on the stores run small."""

from benchmarks.leaderboard_sql import leaderboard_sql_ranks
from benchmarks.leaderboard_stores import leaderboard_store_costs


def test_the_experiment_runs_small_on_every_engine_and_says_how_far_it_is() -> None:
    said: list[str] = []
    found = leaderboard_sql_ranks(said.append, sizes=(300,), seconds=0.01)
    settings = [(point["players"], point["engine"], point["indexed"]) for point in found["points"]]
    assert settings == [(n, name, indexed) for n in (300,) for name in ("sqlite", "postgresql") for indexed in (0, 1)]
    for point in found["points"]:
        assert all(point[key] > 0 for key in ("rank", "top", "update", "bytes_per_player"))
    assert found["valkey"]["players"] == 300
    assert min(found["valkey"].values()) > 0
    assert len(said) == len(settings) + 1


def test_a_submit_and_a_rank_are_predicted_from_parts_measured_in_the_same_rounds() -> None:
    said: list[str] = []
    found = leaderboard_store_costs(said.append, sizes=(60,), operations=20, rounds=1)
    assert [row["store"] for row in found["stores"]] == ["valkey", "postgresql"]
    assert len(said) == 2
    for row in found["stores"]:
        assert 0 < row["ahead"] < 60
        for what in ("submit", "rank"):
            assert row[f"{what}_predicted"] > row["round_trip"]
            assert row[f"{what}_to_predicted"] == row[what] / row[f"{what}_predicted"]
