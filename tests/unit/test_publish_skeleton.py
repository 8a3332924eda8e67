"""`make chapter` starts a chapter that passes the tests of structure as far as an empty one can."""

import shutil
from pathlib import Path

import pytest
import yaml

from designbook.page import interview
from designbook.publish import skeleton, structure
from tests.conftest import ROOT


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """The parts of a book that a new chapter changes."""
    (tmp_path / "data").mkdir()
    shutil.copy(ROOT / "data/topics.csv", tmp_path / "data/topics.csv")
    shutil.copy(ROOT / "_toc.yml", tmp_path / "_toc.yml")
    return tmp_path


@pytest.mark.parametrize("name", ["rate_limiter", "bloom_filter", "rest"])
def test_a_new_chapter_lacks_content_and_nothing_else(name: str, book: Path) -> None:
    notebook, drill, toc = skeleton.start(name, book)
    words_missing = ("words, and", "code cells that the reader sees", "live panels", "is held by says")
    problems = structure.problems(notebook)
    assert not [problem for problem in problems if not any(part in problem for part in words_missing)]
    interview.load(drill)
    listed = yaml.safe_load(toc.read_text())
    files = [chapter["file"] for part in listed["parts"] for chapter in part["chapters"]]
    assert files.count(notebook.relative_to(book).with_suffix("").as_posix()) == 1


def test_chapters_join_their_part_in_the_order_of_the_book(book: Path) -> None:
    for name in ("rest", "bloom_filter", "dns", "saga"):
        skeleton.start(name, book)
    captions = [part["caption"] for part in yaml.safe_load((book / "_toc.yml").read_text())["parts"]]
    assert captions == ["Method", "Case studies", "Building blocks", "Foundations", "Practise", "The book"]


def test_an_unknown_name_is_refused_with_near_ones_and_nothing_written(book: Path) -> None:
    before = sorted(book.rglob("*"))
    with pytest.raises(skeleton.CannotStart, match="rate_limiter"):
        skeleton.start("rate_limitr", book)
    assert sorted(book.rglob("*")) == before


def test_a_chapter_that_exists_is_left_as_it_is(book: Path) -> None:
    notebook, *_ = skeleton.start("dns", book)
    notebook.write_text("mine")
    toc = (book / "_toc.yml").read_text()
    with pytest.raises(skeleton.CannotStart, match="exists already"):
        skeleton.start("dns", book)
    assert notebook.read_text() == "mine"
    assert (book / "_toc.yml").read_text() == toc


def test_the_command_says_in_one_line_what_is_wrong(
    book: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(book)
    assert skeleton.main(["nonsense_xyz"]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "nonsense_xyz" in said
