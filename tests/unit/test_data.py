"""Published figures, data sets and measurements come through one door, and say where they come from."""

import ast
import math
import operator
import re
import sys

import pytest

from designbook import data, quantities
from designbook.data import (
    Fact,
    StaleMeasurement,
    UnknownData,
    UnknownFact,
    cited,
    dataset,
    fact,
    facts,
    machine,
    measurement,
    record,
    urls,
)

FACTS = list(facts().values())
PARTS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}


def compute(derivation):
    """The value, in base units, of arithmetic over numbers and {ids}."""

    def value(node):
        if isinstance(node, ast.BinOp):
            return PARTS[type(node.op)](value(node.left), value(node.right))
        return node.value

    filled = re.sub(r"\{([a-z0-9-]+)\}", lambda match: repr(facts()[match[1]].base), derivation)
    return value(ast.parse(filled, mode="eval").body)


@pytest.mark.parametrize("each", FACTS, ids=lambda each: each.id)
def test_a_fact_has_an_id_a_unit_and_a_source(each):
    assert re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", each.id)
    assert each.tier in {"primary", "secondary", "derived", "textbook"}
    assert each.url.startswith(("https://", "http://"))
    assert " " not in each.url
    assert each.organisation
    assert each.title
    assert each.quantity
    assert re.fullmatch(r"undated|(about )?\d{4}(-\d{4})?", each.year)
    assert " via " not in each.organisation
    assert each.low <= each.value <= each.high
    assert each.base == quantities.to_base(each.value, each.unit)
    assert each.show()
    assert "not a number" not in each.show()


@pytest.mark.parametrize("each", [each for each in FACTS if each.derivation], ids=lambda each: each.id)
def test_a_derived_figure_is_what_its_derivation_gives(each):
    given = f"{each.value:.10g}".rstrip("0").rstrip(".") if "." in f"{each.value:.10g}" else f"{each.value:.10g}"
    decimals = len(given.partition(".")[2])
    computed = quantities.from_base(compute(each.derivation), each.unit)
    assert each.tier == "derived"
    # Published round: 4167 to the unit, 2.04 to the hundredth, 58.0 % to a tenth.
    assert computed == pytest.approx(each.value, abs=0.51 * 10.0**-decimals)


def test_a_derived_figure_says_how_it_was_derived():
    assert [
        each.id for each in FACTS if each.tier == "derived" and not (each.derivation or "median" in each.note)
    ] == []


def test_a_price_says_that_it_is_quoted_or_undated():
    prices = [each for each in FACTS if "USD" in each.unit]
    assert len(prices) > 10
    assert all(("undated" in each.note) == (each.year == "undated") and "price" in each.note for each in prices)


def test_figures_that_mathematics_knows_are_right():
    assert fact("base62-codes-of-6").value == 62**6
    assert fact("base62-codes-of-7").value == 62**7
    assert fact("ulid-ids-per-millisecond").value == pytest.approx(2**80, rel=0.005)
    shares = ["browser-cache", "edge-cache", "origin-cache", "backend"]
    assert math.fsum(fact(f"facebook-photo-{share}").value for share in shares) == pytest.approx(100)


def test_a_range_has_its_middle_as_its_value():
    created = fact("bitly-creations-per-day-2023")
    assert (created.low, created.value, created.high) == (6e6, 6.5e6, 7e6)
    assert created.show() == "6 M links/day to 7 M links/day"


def test_a_figure_quoted_by_another_says_via_whom():
    clicks = fact("bitly-clicks-per-month-2010")
    assert (clicks.organisation, clicks.via, clicks.tier) == ("Bitly", "Gaea Times", "secondary")
    assert clicks.cite().endswith("2010, via Gaea Times (secondary)")


def test_an_unknown_fact_is_an_error_that_names_it_and_its_neighbours():
    with pytest.raises(UnknownFact, match=r"'bitly-click-per-day-2023'.*bitly-clicks-per-day-2023"):
        fact("bitly-click-per-day-2023")
    with pytest.raises(UnknownFact, match="'zzz'"):
        fact("zzz")


def test_facts_are_cited_once_each_in_the_order_of_their_first_use(monkeypatch):
    monkeypatch.setattr(data, "_cited", {})
    for id in ("gfs-copies", "ec2-m7g-large", "gfs-copies"):
        assert isinstance(fact(id), Fact)
    with pytest.raises(UnknownFact):
        fact("nothing")
    assert [each.id for each in cited()] == ["gfs-copies", "ec2-m7g-large"]


def test_the_urls_are_30_088_distinct_ones_and_the_list_is_the_callers_own():
    first = urls()
    assert len(first) == len(set(first)) == 30_088
    assert all("://" in url and url.isascii() and not any(each.isspace() for each in url) for url in first)
    first.clear()
    assert len(urls()) == 30_088


@pytest.mark.parametrize("name", ["nothing", "../pyproject.toml", "/etc/hostname", ""])
def test_an_unknown_data_set_is_an_error_that_names_it(name):
    with pytest.raises(UnknownData, match=re.escape(repr(name))):
        dataset(name)


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A checkout of its own: a package with one source file, beside it a data folder."""
    package = tmp_path / "designbook"
    (package / "blocks").mkdir(parents=True)
    (tmp_path / "data").mkdir()
    (package / "blocks" / "ring.py").write_text("one\ntwo\n")
    monkeypatch.setattr(data, "PACKAGE", package)
    monkeypatch.setattr(data, "_root", data._root.__wrapped__)
    return tmp_path


def test_a_measurement_comes_back_as_it_was_recorded(checkout):
    path = record("ring", {"per_second": 1.5e6, "curve": [1, 2]}, ["blocks/ring.py"], versions=["pint"])
    assert path == checkout / "data" / "measurements" / "ring.json"
    assert path.read_text().endswith("}\n")
    stored = measurement("ring")
    assert stored.results == {"per_second": 1.5e6, "curve": [1, 2]}
    assert stored.machine == machine()
    assert set(stored.versions) == {"python", "pint"}
    assert stored.fresh
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", stored.date)
    assert stored.files == ("blocks/ring.py",)
    assert re.fullmatch(r"[0-9a-f]{64}", stored.code)


def test_numpy_numbers_are_recorded_as_plain_ones(checkout):
    numpy = pytest.importorskip("numpy")
    record("ring", {"mean": numpy.float64(2), "curve": numpy.arange(3)}, ["blocks/ring.py"])
    assert measurement("ring").results == {"mean": 2.0, "curve": [0, 1, 2]}


def test_a_measurement_of_changed_code_is_an_error_that_names_it(checkout):
    record("ring", {"x": 1}, ["blocks/ring.py"])
    source = checkout / "designbook" / "blocks" / "ring.py"
    source.write_text("one\nthree\n")
    with pytest.raises(StaleMeasurement, match=r"'ring'.*blocks/ring\.py"):
        measurement("ring")
    assert measurement("ring", stale=True).fresh is False
    source.unlink()
    with pytest.raises(StaleMeasurement):
        measurement("ring")


def test_the_ends_of_lines_do_not_make_a_measurement_stale(checkout):
    record("ring", {"x": 1}, ["blocks/ring.py"])
    (checkout / "designbook" / "blocks" / "ring.py").write_bytes(b"one\r\ntwo\r\n")
    assert measurement("ring").fresh


@pytest.mark.parametrize("results", [{"x": math.nan}, {"x": math.inf}, {"x": object()}])
def test_a_failed_record_leaves_what_was_there(checkout, results):
    record("ring", {"x": 1}, ["blocks/ring.py"])
    with pytest.raises((ValueError, TypeError)):
        record("ring", results, ["blocks/ring.py"])
    assert measurement("ring").results == {"x": 1}
    assert [path.name for path in (checkout / "data" / "measurements").iterdir()] == ["ring.json"]


def test_unknown_names_in_measurements_are_errors_that_name_them(checkout):
    with pytest.raises(UnknownData, match="'nothing'"):
        measurement("nothing")
    with pytest.raises(UnknownData, match=r"blocks/gone\.py"):
        record("ring", {}, ["blocks/gone.py"])
    with pytest.raises(ValueError, match="list of source files"):
        record("ring", {}, "blocks/ring.py")


def test_data_inside_the_package_comes_before_data_beside_it(checkout):
    assert data._root() == checkout / "data"
    (checkout / "designbook" / "_data").mkdir()
    assert data._root() == checkout / "designbook" / "_data"


def test_compressed_data_sets_are_found_by_their_name(checkout):
    (checkout / "data" / "words.txt.gz").write_bytes(b"")
    assert dataset("words") == checkout / "data" / "words.txt.gz" == dataset("words.txt.gz")


def test_the_machine_is_one_line_without_names_of_hosts_or_paths():
    line = machine()
    assert re.match(r"\d+ \S+ cores?\b", line)
    assert "\n" not in line
    assert "/" not in line.replace("(R)", "")
    assert line.endswith(f"Python {sys.version_info.major}.{sys.version_info.minor}")
