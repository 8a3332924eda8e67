"""The committed URLs are what data/README.md says they are."""

import hashlib
import re
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

import pytest

DATA = Path(__file__).parents[2] / "data"
README = (DATA / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def raw() -> bytes:
    return (DATA / "debian_homepages.txt").read_bytes()


@pytest.fixture(scope="module")
def urls(raw: bytes) -> list[str]:
    return raw.decode("ascii").splitlines()


def test_the_file_is_the_one_whose_hash_the_readme_gives(raw: bytes) -> None:
    assert hashlib.sha256(raw).hexdigest() in README
    assert f"{len(raw):,} bytes" in README


def test_lines_are_sorted_unique_and_printable_ascii(raw: bytes) -> None:
    lines = raw.removesuffix(b"\n").split(b"\n")
    assert lines == sorted(set(lines))
    assert all(re.fullmatch(rb"[\x21-\x7e]+", line) for line in lines)


def test_the_counts_of_the_readme_are_the_counts_of_the_file(urls: list[str]) -> None:
    split = [urlsplit(url) for url in urls]
    schemes = Counter(part.scheme for part in split)
    hosts = Counter(part.hostname for part in split)
    sizes = sorted(map(len, urls))
    rows = {
        "URLs": f"{len(urls):,}",
        "distinct hosts as written (with port)": f"{len({part.netloc for part in split}):,}",
        "distinct host names, ignoring case and port": f"{len(hosts):,}",
        "hosts with a single URL": f"{sum(count == 1 for count in hosts.values()):,}",
        "busiest hosts": " · ".join(f"{host} {count:,}" for host, count in hosts.most_common(4)),
        "schemes": " · ".join(f"{name} {count:,}" for name, count in schemes.most_common()),
        "length in characters": f"shortest {sizes[0]} · mean {sum(sizes) / len(urls):.1f} · longest {sizes[-1]}",
        "with a fragment (`#`) / a query (`?`)": f"{sum('#' in u for u in urls)} / {sum('?' in u for u in urls)}",
    }
    for name, value in rows.items():
        assert f"| {name} | {value} |" in README


def test_the_readme_counts_how_many_lines_each_normalisation_would_join(urls: list[str]) -> None:
    def joined(normalise: re.Pattern[str] | None, *, slash: bool = False) -> int:
        seen = {(normalise.sub("", u) if normalise else u) for u in urls}
        return len(urls) - len({u.rstrip("/") for u in seen} if slash else seen)

    assert f"{joined(re.compile('^https?'))} lines go away when http and https count as one" in README
    assert f"{joined(None, slash=True)} when a final slash does not count" in README
    assert f"{joined(re.compile('(?<=://)www[.]'))} when `www.` does not" in README
    everything = joined(re.compile(r"^https?://(www\.)?"), slash=True)
    assert f"{everything} lines when all three are ignored" in README


def test_every_data_file_has_its_row_in_the_readme() -> None:
    for path in DATA.iterdir():
        if path.name != "README.md" and not path.name.startswith("."):
            assert f"| `{path.name}" in README, f"{path.name} has no row in data/README.md"
