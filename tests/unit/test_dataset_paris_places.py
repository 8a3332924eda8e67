"""The committed places are what data/README.md says they are."""

import csv
import hashlib
from pathlib import Path

import pytest

from designbook.blocks.sphere import distance
from designbook.systems.ride_sharing.city import CENTRE, places

DATA = Path(__file__).parents[2] / "data"
README = (DATA / "README.md").read_text(encoding="utf-8").partition("## `paris_places.csv`")[2]


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    return list(csv.DictReader((DATA / "paris_places.csv").read_text(encoding="utf-8").splitlines()))


def test_the_file_is_the_one_whose_hash_the_readme_gives() -> None:
    raw = (DATA / "paris_places.csv").read_bytes()
    assert hashlib.sha256(raw).hexdigest() in README
    assert f"{len(raw):,} bytes" in README


def test_every_column_of_the_file_is_explained(rows: list[dict[str, str]]) -> None:
    assert all(f"`{column}`" in README for column in rows[0])


def test_the_counts_of_the_readme_are_the_counts_of_the_file(rows: list[dict[str, str]]) -> None:
    people = {row["name"]: int(row["population"]) for row in rows}
    assert len(people) == len(rows)
    inner = [count for name, count in people.items() if name.startswith("Paris ")]
    largest, smallest = max(people, key=people.__getitem__), min(people, key=people.__getitem__)
    for name, value in {
        "places": f"{len(rows)}",
        "people": f"{sum(people.values()):,}",
        "arrondissements of Paris": f"{len(inner)}, with {sum(inner):,} people",
        "largest": f"{largest}, {people[largest]:,}",
        "smallest": f"{smallest}, {people[smallest]:,}",
    }.items():
        assert f"| {name} | {value} |" in README


def test_every_place_lies_within_15_km_of_the_centre_the_nearest_first() -> None:
    away = [distance(*CENTRE, place.latitude, place.longitude) for place in places()]
    assert away == sorted(away)
    assert away[-1] < 15_000
    assert min(place.population for place in places()) > 500
