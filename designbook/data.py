"""The only door to `data/`: published figures with their citation, data sets, and stored measurements.

The files are found beside the package in a checkout, and inside it (`designbook/_data`) in an installed wheel or in the
browser.
"""

from __future__ import annotations

import csv
import datetime
import gzip
import hashlib
import json
import os
import platform
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from designbook import quantities

__all__ = [
    "Fact",
    "Measurement",
    "PackageGraph",
    "StaleMeasurement",
    "UnknownData",
    "UnknownFact",
    "cited",
    "dataset",
    "fact",
    "facts",
    "machine",
    "measurement",
    "packages",
    "record",
    "urls",
]

PACKAGE = Path(__file__).resolve().parent


class UnknownFact(LookupError):
    """No published figure has this id."""


class UnknownData(LookupError):
    """No data set or measurement has this name."""


class StaleMeasurement(LookupError):
    """The code that a stored measurement timed has changed since."""


@cache
def _root() -> Path:
    installed = PACKAGE / "_data"
    return installed if installed.is_dir() else PACKAGE.parent / "data"


@dataclass(frozen=True, slots=True)
class Fact:
    """A published figure: what was measured, by whom, when, and where it can be read.

    `value`, `low` and `high` are in `unit`. A range has the middle as its value; for a single figure all three are
    the same. `tier` is primary, secondary (quoted `via` another), derived (computed from others by `derivation`) or
    textbook. `year` is text, since some are `about 2012` or `undated`. `note` says what was counted, and what was not.
    """

    id: str
    system: str
    quantity: str
    value: float
    low: float
    high: float
    unit: str
    year: str
    organisation: str
    title: str
    url: str
    tier: str
    via: str = ""
    derivation: str = ""
    note: str = ""

    @property
    def base(self) -> float:
        """The value in base units."""
        return quantities.to_base(self.value, self.unit)

    def show(self) -> str:
        """The figure as people say it: `4.17 k clicks/s`, and for a range `6 M links/day to 7 M links/day`."""
        ends = [quantities.human(quantities.to_base(end, self.unit), self.unit) for end in (self.low, self.high)]
        return ends[0] if self.low == self.high else " to ".join(ends)

    def cite(self) -> str:
        """Who published it, where and when, in one line of text."""
        via = f", via {self.via}" if self.via else ""
        return f"{self.organisation}, “{self.title}”, {self.year}{via} ({self.tier})"


@cache
def facts() -> Mapping[str, Fact]:
    """All published figures by id. Looking one up here does not count as citing it: use `fact` for that."""
    found: dict[str, Fact] = {}
    with (_root() / "facts.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            value = float(row["value"])
            numbers = {"value": value, "low": float(row["low"] or value), "high": float(row["high"] or value)}
            if row["id"] in found:
                raise ValueError(f"data/facts.csv has the id {row['id']!r} twice")
            found[row["id"]] = Fact(**{**row, **numbers})  # type: ignore[arg-type]
    return found


_cited: dict[str, Fact] = {}


def fact(id: str) -> Fact:
    """The published figure with this id, which counts as cited from now on.

    Raises UnknownFact, which names the ids that look alike.
    """
    known = facts()
    if id not in known:
        near = [other for other in known if id in other][:3] or get_close_matches(id, known, 3, 0.5)
        raise UnknownFact(f"no fact has the id {id!r}" + (f"; did you mean {' or '.join(near)}?" if near else ""))
    _cited.setdefault(id, known[id])
    return known[id]


def cited() -> list[Fact]:
    """The figures looked up with `fact` so far in this process, in the order of their first use."""
    return list(_cited.values())


_SUFFIXES = (".txt", ".txt.gz", ".csv", ".csv.gz", ".json", ".json.gz", ".yml")


def dataset(name: str) -> Path:
    """The path of a data set: `dataset("debian_homepages")`, `dataset("interview/url_shortener")`, suffix optional.

    Raises UnknownData, which names what there is.
    """
    root = _root()
    for suffix in ("", *_SUFFIXES):
        path = root / (name + suffix)
        if path.is_file() and root in path.parents and ".." not in path.parts:
            return path
    there = sorted(path.relative_to(root).as_posix() for path in root.rglob("*.*") if path.name != "README.md")
    raise UnknownData(f"no data set is called {name!r}; there are {', '.join(there)}")


def _text(name: str) -> str:
    path = dataset(name)
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return data.decode("ascii")


@cache
def _urls() -> tuple[str, ...]:
    return tuple(_text("debian_homepages").split())


def urls() -> list[str]:
    """The 30,088 distinct homepages of Debian's packages, sorted, as they were written. A new list at each call."""
    return list(_urls())


@dataclass(frozen=True, slots=True)
class PackageGraph:
    """Debian's packages, numbered from 0 in the order of their names, and what each needs.

    `needs[n]` are the numbers of the packages that package `n` depends on, ascending.
    """

    names: tuple[str, ...]
    needs: tuple[tuple[int, ...], ...]


@cache
def packages() -> PackageGraph:
    """The 63,666 packages of Debian 12 and the 247,389 dependencies between them: a graph whose tail is heavy."""
    rows = [line.split(" ") for line in _text("debian_dependencies").splitlines()]
    return PackageGraph(tuple(row[0] for row in rows), tuple(tuple(map(int, row[1:])) for row in rows))


@dataclass(frozen=True, slots=True)
class Measurement:
    """What a full-size run gave, and on what: `results` as they were recorded, the machine, the date, the versions.

    `files` are the source files (relative to the package) that were measured, `code` is their hash.
    """

    name: str
    results: dict[str, Any]
    machine: str
    date: str
    versions: dict[str, str]
    files: tuple[str, ...]
    code: str
    fresh: bool = field(default=True, compare=False)


def _hash(files: Sequence[str]) -> str:
    """SHA-256 over the named files and what is in them; the same for each way to end a line. Raises UnknownData."""
    digest = hashlib.sha256()
    for name in sorted(files):
        path = PACKAGE / name
        if not path.is_file():
            raise UnknownData(f"no source file designbook/{name}")
        text = path.read_text(encoding="utf-8")  # universal newlines: CR LF is read as LF
        digest.update(f"{name}\0{text}\0".encode())
    return digest.hexdigest()


def _measurements() -> Path:
    return _root() / "measurements"


def measurement(name: str, *, stale: bool = False) -> Measurement:
    """The stored measurement of this name.

    Raises UnknownData if there is none, and StaleMeasurement if the code that it measured has changed since, unless
    `stale` allows it; `fresh` then tells.
    """
    path = _measurements() / f"{name}.json"
    if not path.is_file():
        there = sorted(other.stem for other in _measurements().glob("*.json"))
        raise UnknownData(f"no measurement is called {name!r}; there are {', '.join(there) or 'none yet'}")
    stored = json.loads(path.read_text(encoding="utf-8"))
    files = tuple(stored["code"]["files"])
    try:
        fresh = _hash(files) == stored["code"]["sha256"]
    except UnknownData:
        fresh = False
    if not fresh and not stale:
        raise StaleMeasurement(
            f"the measurement {name!r} is of {stored['date']}, and the code that it measured has changed since "
            f"({', '.join(files)}): run `make measurements`"
        )
    return Measurement(
        name,
        stored["results"],
        stored["machine"],
        stored["date"],
        stored["versions"],
        files,
        stored["code"]["sha256"],
        fresh,
    )


def _plain(value: Any) -> Any:
    """NumPy's scalars and arrays as JSON knows them."""
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{value!r} cannot be stored in a measurement: use numbers, texts, lists and dictionaries")


def record(name: str, results: Mapping[str, Any], code: Sequence[str], versions: Iterable[str] = ()) -> Path:
    """Stores what a run gave, with the machine, the date, the versions of the named distributions and the code's hash.

    `code` names source files relative to the package (`"blocks/base62.py"`). Writes data/measurements/NAME.json, whole
    or not at all, and returns its path. Raises UnknownData for a missing source file, ValueError for numbers that are
    not finite.
    """
    if isinstance(code, str) or not code:
        raise ValueError(f"code must be a list of source files under designbook/, not {code!r}")
    stored = {
        "name": name,
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "versions": {"python": platform.python_version()} | {each: metadata.version(each) for each in versions},
        "code": {"files": sorted(code), "sha256": _hash(code)},
        "results": dict(results),
    }
    text = json.dumps(stored, indent=2, ensure_ascii=False, allow_nan=False, default=_plain) + "\n"
    folder = _measurements()
    folder.mkdir(exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=folder, suffix=".partial")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        Path(temporary).chmod(0o644)
        path = folder / f"{name}.json"
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return path


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return " ".join(line.partition(":")[2].split())
    except OSError:
        pass
    return platform.processor()


def machine() -> str:
    """The machine in one line: `2 x86_64 cores (CPU model), 24 GiB, Linux, Python 3.11`."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    architecture, processor = platform.machine(), _processor()
    model = f" ({processor})" if processor and processor != architecture else ""
    parts = [f"{cores} {architecture} core{'s' if cores > 1 else ''}{model}"]
    names: Mapping[str, int] = getattr(os, "sysconf_names", {})
    if "SC_PHYS_PAGES" in names and "SC_PAGE_SIZE" in names:
        parts.append(f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.0f} GiB")
    version = ".".join(platform.python_version_tuple()[:2])
    return ", ".join([*parts, platform.system(), f"Python {version}"])
