"""The experiment on ranks in SQL runs small, and its stored run shows what the chapter says."""

from benchmarks.leaderboard_sql import leaderboard_sql_ranks
from designbook.data import measurement


def test_the_experiment_runs_small_on_every_engine_and_says_how_far_it_is() -> None:
    said: list[str] = []
    found = leaderboard_sql_ranks(said.append, sizes=(50, 300), seconds=0.01)
    settings = [(point["players"], point["engine"], point["indexed"]) for point in found["points"]]
    assert settings == [
        (n, name, indexed) for n in (50, 300) for name in ("sqlite", "postgresql") for indexed in (0, 1)
    ]
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
