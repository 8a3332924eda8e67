"""The leaderboard's benchmark and experiments: both sides give the same answers, and small runs have what is shown."""

from benchmarks import __main__  # noqa: F401 (it imports what registers)
from benchmarks.harness import BENCHMARKS, Contest
from tests.engines_here import want


def test_ranked_scores_and_a_sorted_list_agree_on_every_answer_that_is_timed():
    want("valkey")
    seen = []
    for row in BENCHMARKS["leaderboard"].run(2_000):
        seen.append(row.against)
        if isinstance(row, Contest):
            for _ in range(3):
                ours, theirs = row.ours(), row.peer()
                if row.against == "SortedList":
                    assert ours == theirs, row.name
                elif row.name.startswith("rank"):
                    assert [rank - 1 for rank in ours] == theirs
                elif row.name.startswith("top"):
                    assert [(player, score) for player, score, _ in ours] == [
                        (int(player), score) for player, score in theirs[-1]
                    ]
    assert set(seen) == {"SortedList", "Valkey, pipelined", "the budget", "numbered, one board"}
