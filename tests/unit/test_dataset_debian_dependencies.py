"""The committed graph of packages is what data/README.md says it is."""

import gzip
import hashlib
import re
from collections import Counter
from pathlib import Path

import pytest

from designbook.data import PackageGraph, packages

DATA = Path(__file__).parents[2] / "data"
README = (DATA / "README.md").read_text(encoding="utf-8").partition("## `debian_dependencies.txt.gz`")[2]


@pytest.fixture(scope="module")
def packed() -> bytes:
    return (DATA / "debian_dependencies.txt.gz").read_bytes()


@pytest.fixture(scope="module")
def graph() -> PackageGraph:
    return packages()


@pytest.fixture(scope="module")
def needed_by(graph: PackageGraph) -> Counter[int]:
    return Counter(other for needs in graph.needs for other in needs)


def test_the_file_is_the_one_whose_hash_the_readme_gives(packed: bytes) -> None:
    raw = gzip.decompress(packed)
    assert hashlib.sha256(raw).hexdigest() in README
    assert f"{len(raw):,} bytes of ASCII, compressed to {len(packed):,}." in README


def test_the_reader_gives_the_file_line_by_line(packed: bytes, graph: PackageGraph) -> None:
    rows = zip(graph.names, graph.needs, strict=True)
    lines = [" ".join([name, *map(str, needs)]) for name, needs in rows]
    assert lines == gzip.decompress(packed).decode("ascii").splitlines()


def test_names_are_sorted_and_unique_and_each_needs_others_that_are_there_once(graph: PackageGraph) -> None:
    assert list(graph.names) == sorted(set(graph.names))
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9+.-]+", name) for name in graph.names)
    for package, needs in enumerate(graph.needs):
        assert list(needs) == sorted(set(needs))
        assert package not in needs
        assert not needs or (needs[0] >= 0 and needs[-1] < len(graph.names))


def test_the_counts_of_the_readme_are_the_counts_of_the_file(graph: PackageGraph, needed_by: Counter[int]) -> None:
    count = len(graph.names)
    most = " · ".join(f"{graph.names[package]} {count:,}" for package, count in needed_by.most_common(5))
    needs, name = max(zip(map(len, graph.needs), graph.names, strict=True))
    tail = [f"{sum(found >= least for found in needed_by.values()):,}" for least in (10, 100, 1_000, 10_000)]
    edges = {(package, other) for package, needs in enumerate(graph.needs) for other in needs}
    rows = {
        "packages": f"{count:,}",
        "dependencies": f"{len(edges):,}",
        "needed by most": most,
        "needs most": f"{name} {needs}",
        "needed by 10 / 100 / 1,000 / 10,000 packages or more": " / ".join(tail),
        "needed by no package": f"{count - len(needed_by):,}",
        "needs no package": f"{sum(not needs for needs in graph.needs):,}",
        "neither": f"{sum(not needs and package not in needed_by for package, needs in enumerate(graph.needs)):,}",
        "pairs that need each other": str(sum((b, a) in edges for a, b in edges) // 2),
    }
    for name, value in rows.items():
        assert f"| {name} | {value} |" in README


def test_the_readme_says_how_heavy_the_tail_is(needed_by: Counter[int]) -> None:
    most = [count for _, count in needed_by.most_common(10)]
    assert f"libc6 alone has {most[0] / needed_by.total():.1%}".replace("%", " %") in README
    assert f"the ten most needed have {sum(most) / needed_by.total():.0%}".replace("%", " %") in README
