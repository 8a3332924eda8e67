"""The committed results are what data/README.md says they are."""

import csv
import hashlib
from collections import Counter
from pathlib import Path

import pytest

DATA = Path(__file__).parents[2] / "data"
README = (DATA / "README.md").read_text(encoding="utf-8").partition("## `baseball_postseason.csv`")[2]
COUNTS = ("year", "games", "hits", "doubles", "triples", "home_runs")
STAGES = ("WC", "D", "CS", "WS")


@pytest.fixture(scope="module")
def raw() -> bytes:
    return (DATA / "baseball_postseason.csv").read_bytes()


@pytest.fixture(scope="module")
def rows(raw: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(raw.decode("ascii").splitlines()))


def bases(row: dict[str, str]) -> int:
    return int(row["hits"]) + int(row["doubles"]) + 2 * int(row["triples"]) + 3 * int(row["home_runs"])


def test_the_file_is_the_one_whose_hash_the_readme_gives(raw: bytes) -> None:
    assert hashlib.sha256(raw).hexdigest() in README
    assert f"{len(raw):,} bytes" in README


def test_every_column_of_the_file_is_explained(rows: list[dict[str, str]]) -> None:
    assert all(f"`{column}`" in README for column in rows[0])


def test_each_row_is_one_player_in_one_series_with_whole_numbers(rows: list[dict[str, str]]) -> None:
    assert len({(row["year"], row["round"], row["player"]) for row in rows}) == len(rows)
    for row in rows:
        assert all(row[name].isdigit() for name in COUNTS), row
        assert int(row["hits"]) >= int(row["doubles"]) + int(row["triples"]) + int(row["home_runs"]), row
        assert int(row["games"]) >= 1


def test_the_series_of_a_year_stand_in_the_order_in_which_they_are_played(rows: list[dict[str, str]]) -> None:
    def played(row: dict[str, str]) -> tuple[int, int]:
        return int(row["year"]), next(n for n, stage in enumerate(STAGES) if stage in row["round"])

    order = [played(row) for row in rows]
    assert order == sorted(order)


def test_the_counts_of_the_readme_are_the_counts_of_the_file(rows: list[dict[str, str]]) -> None:
    series = {(row["year"], row["round"]) for row in rows}
    years = sorted({int(row["year"]) for row in rows})
    played = Counter(row["player"] for row in rows)
    hits = Counter[str]()
    for row in rows:
        hits[row["player"]] += int(row["hits"])
    found = {
        "rows": f"{len(rows):,}",
        "players": f"{len(played):,}",
        "series": f"{len(series)}, in {len(years)} years from {years[0]} to {years[-1]}",
        "teams": f"{len({row['team'] for row in rows})}",
        "players in a single series": f"{sum(count == 1 for count in played.values()):,}",
        "rows without a hit": f"{sum(row['hits'] == '0' for row in rows):,}",
        "players without a hit in any": f"{sum(count == 0 for count in hits.values()):,}",
    }
    for name, value in found.items():
        assert f"| {name} | {value} |" in README
    most = max(rows, key=lambda row: int(row["games"]))
    assert f"{most['year']}'s had {most['games']} games" in README


def test_ties_and_the_tail_are_as_the_readme_says(rows: list[dict[str, str]]) -> None:
    total = Counter[str]()
    for row in rows:
        total[row["player"]] += bases(row)
    ranked = sorted(total.values(), reverse=True)
    assert ranked[0] > ranked[1] == ranked[2] > ranked[3], "the second place is shared"
    assert f"{ranked.count(0):,} of {len(ranked):,} players share the last" in README
    tenth = sum(ranked[: len(ranked) // 10]) / sum(ranked)
    assert 0.55 < tenth < 0.65, "a tenth of the players have three fifths of the bases"
