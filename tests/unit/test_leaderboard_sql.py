"""The experiments on ranks in SQL and on the stores run small, and their stored runs show what the chapter says."""

from benchmarks.leaderboard_sql import leaderboard_sql_ranks
from benchmarks.leaderboard_stores import leaderboard_store_costs
from designbook.data import measurement


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


def test_counting_a_rank_grows_with_the_players_and_an_index_only_delays_it() -> None:
    stored = measurement("leaderboard_sql_ranks").results
    for engine in ("sqlite", "postgresql"):
        for indexed in (False, True):
            rank = {
                p["players"]: p["rank"] for p in stored["points"] if (p["engine"], p["indexed"]) == (engine, indexed)
            }
            assert set(rank) == {1_000, 10_000, 100_000, 1_000_000}
            assert rank[1_000_000] > 20 * rank[1_000], "a thousand times the players"
        top = {p["players"]: p["top"] for p in stored["points"] if p["engine"] == engine and p["indexed"]}
        assert top[1_000_000] < 10 * top[1_000], "the index does find the top"
    slowest = min(p["rank"] for p in stored["points"] if p["players"] == 1_000_000)
    assert stored["valkey"]["rank"] < slowest / 10


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


def test_the_stored_predictions_are_within_a_factor_of_two_and_a_count_grows_where_a_sorted_set_does_not() -> None:
    stored = measurement("leaderboard_store_costs").results["stores"]
    rows = {(row["store"], row["players"]): row for row in stored}
    for row in stored:
        assert 0.5 < row["submit_to_predicted"] < 2
        assert 0.5 < row["rank_to_predicted"] < 2
    assert rows["postgresql", 20_000]["rank"] > 3 * rows["postgresql", 2_000]["rank"]
    assert rows["valkey", 20_000]["rank"] < 2 * rows["valkey", 2_000]["rank"]
