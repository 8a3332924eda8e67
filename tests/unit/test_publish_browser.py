"""What the browser gets: files whose hash is named, whole or not at all; pages that promise no more than there is."""

import errno
import io
import json
import sys
import time
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

from designbook.engines import EngineMissing
from designbook.page.browser import excuse, settle
from designbook.publish.browser import distribution, lite
from designbook.publish.browser.distribution import NotToBeHad
from designbook.publish.browser.link import line
from tests.conftest import ROOT

FROM_PYODIDE_SITE = distribution.from_pyodide_site
SOURCES = ("from_pip", "from_npm", "from_pypi_copy", "from_pyodide_site")


def wheel(folder: Path, name: str, needs: str = "", files: tuple[str, ...] = ()) -> Path:
    """A wheel with these files, and with `needs` in its metadata."""
    distribution_name = name.split("-")[0]
    path = folder / name
    with zipfile.ZipFile(path, "w") as members:
        for file in files or (f"{distribution_name}/__init__.py",):
            members.writestr(file, "")
        members.writestr(f"{distribution_name}-1.0.dist-info/METADATA", f"Name: {distribution_name}\n{needs}\n")
    return path


@pytest.fixture
def book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A book that wants one file of Pyodide and one wheel, with no source that has them."""
    for source in SOURCES:
        monkeypatch.setattr(distribution, source, lambda root, folder, missing: None)
    (tmp_path / "browser").mkdir()
    (tmp_path / "core.js").write_text("the core")
    (tmp_path / "pint.whl").write_text("the wheel")
    hashes = [distribution.sha256(tmp_path / name) for name in ("core.js", "pint.whl")]
    pins = {"info": {"version": "1"}, "core": {"core.js": hashes[0]}, "packages": {}}
    (tmp_path / "browser" / "pyodide.json").write_text(json.dumps(pins))
    (tmp_path / "browser" / "wheels.txt").write_text(f"# a comment\npint==1.0 --hash=sha256:{hashes[1]}\n")
    return tmp_path


def test_a_file_that_no_source_has_is_named_and_nothing_is_written(book: Path) -> None:
    with pytest.raises(NotToBeHad, match=r"core\.js, pint==1\.0 could not be had"):
        distribution.assemble(book, book / "there")
    assert not (book / "there").exists()


def test_a_file_with_another_content_than_the_named_one_is_not_taken(book: Path) -> None:
    (book / ".browser").mkdir()
    (book / ".browser" / "core.js").write_text("something else")
    with pytest.raises(NotToBeHad, match=r"core\.js"):
        distribution.fetched(book, distribution.pinned(book))


def test_what_a_source_has_is_kept_and_not_fetched_again(book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def source(root: Path, folder: Path, missing: set[str]) -> None:
        asked.append(missing)
        for name in ("core.js", "pint.whl"):
            (folder / name).write_bytes((root / name).read_bytes())
        (folder / "stray.js").write_text("nobody named it")

    monkeypatch.setattr(distribution, "from_pip", source)
    for _ in range(2):
        distribution.fetched(book, distribution.pinned(book))
    assert asked == [{"core.js", "pint==1.0"}]
    assert sorted(path.name for path in (book / ".browser").iterdir()) == ["core.js", "pint.whl"]


def test_a_file_that_a_source_hands_out_with_another_content_is_not_kept(
    book: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def source(root: Path, folder: Path, missing: set[str]) -> None:
        (folder / "core.js").write_text("something else")

    monkeypatch.setattr(distribution, "from_npm", source)
    with pytest.raises(NotToBeHad, match=r"core\.js"):
        distribution.fetched(book, distribution.pinned(book))
    assert not list((book / ".browser").iterdir())


@pytest.mark.parametrize("answer", [b"something else", OSError("no network")])
def test_the_book_is_built_without_the_offer_where_pyodides_own_site_has_not_what_was_named(
    book: Path, monkeypatch: pytest.MonkeyPatch, answer: bytes | OSError
) -> None:
    asked = []

    def urlopen(address: str, timeout: float) -> io.BytesIO:
        asked.append(address)
        if isinstance(answer, OSError):
            raise answer
        return io.BytesIO(answer)

    monkeypatch.setattr(distribution, "from_pyodide_site", FROM_PYODIDE_SITE)
    monkeypatch.setattr(distribution.urllib.request, "urlopen", urlopen)
    monkeypatch.setattr(lite, "distribution_key", lambda root: "a key")
    monkeypatch.setattr(lite, "distribute", lambda root, folder: distribution.assemble(root, folder))
    said: list[str] = []
    assert not lite.prepare(book, said.append)
    assert asked == ["https://cdn.jsdelivr.net/pyodide/v1/full/core.js"], "the release, its full set, the file's name"
    assert said == [
        "the pages go without “Run in your browser”: core.js, pint==1.0 could not be had: is there a network?"
    ]
    assert lite.offers(book) == {}
    assert not (book / lite.PLACE).exists()


def test_the_book_is_built_without_the_offer_where_the_tools_are_missing(tmp_path: Path) -> None:
    (tmp_path / "browser").mkdir()
    said: list[str] = []
    assert not lite.prepare(tmp_path, said.append)
    assert said == [
        "the pages go without “Run in your browser”: "
        ".venv-browser has no jupyter-lite: `make book` installs it where there is a network"
    ]
    assert lite.offers(tmp_path) == {}


def test_a_lock_entry_says_what_can_be_imported_and_what_a_browser_needs(tmp_path: Path) -> None:
    needs = "Requires-Dist: Typing_Extensions>=4\nRequires-Dist: widgetsnbextension\nRequires-Dist: extra; extra == 'x'"
    path = wheel(tmp_path, "six_pack-1.0-py3-none-any.whl", needs, ("six_pack/a.py", "single.py"))
    entry = distribution.lock_entry(path)
    assert (entry["name"], entry["version"], entry["file_name"]) == ("six-pack", "1.0", path.name)
    assert entry["imports"] == ["single", "six_pack"]
    assert entry["depends"] == ["typing-extensions"]
    assert entry["sha256"] == distribution.sha256(path)


def test_a_package_that_needs_one_which_is_not_there_is_refused() -> None:
    with pytest.raises(NotToBeHad, match="a needs b, which browser/ does not name"):
        distribution.checked({"a": {"depends": ["B"]}})


def test_a_compiled_part_is_taken_out_of_a_wheel(tmp_path: Path) -> None:
    path = wheel(tmp_path, "fast-1.0-cp312-cp312-linux_x86_64.whl", "", ("fast/__init__.py", "fast/speed.so"))
    (tmp_path / "out").mkdir()
    copy = distribution.plain(path, tmp_path / "out")
    assert copy.name == "fast-1.0-py3-none-any.whl"
    assert [name for name in zipfile.ZipFile(copy).namelist() if name.startswith("fast/")] == ["fast/__init__.py"]


def test_every_package_of_pyodide_finds_what_it_depends_on() -> None:
    distribution.checked(distribution.pinned(ROOT)["packages"])


@pytest.mark.parametrize(
    ("error", "lacking"),
    [
        (EngineMissing("valkey cannot run on emscripten"), "no processes"),
        (OSError(errno.EOPNOTSUPP, "emscripten does not support processes."), "no processes"),
        (RuntimeError("can't start new thread"), "no threads"),
        (OSError(errno.EOPNOTSUPP, "Not supported"), "no servers"),
        (ModuleNotFoundError("No module named 'psycopg'", name="psycopg"), "no use for the package psycopg"),
    ],
)
def test_what_a_browser_cannot_do_is_said_in_one_line(error: Exception, lacking: str) -> None:
    said = excuse(error) or ""
    assert said.startswith(f"Left out here: a browser has {lacking}.")
    assert "\n" not in said


@pytest.mark.parametrize(
    "error",
    [RuntimeError("a mistake"), OSError(errno.ENOENT, "no file"), ModuleNotFoundError("x", name="x"), TypeError()],
)
def test_an_error_like_any_other_has_no_excuse(error: Exception) -> None:
    assert excuse(error) is None


def test_the_clock_that_a_first_cell_has_imported_before_runs_once_the_page_has_settled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped, cells = time.process_time, ModuleType("__main__")
    monkeypatch.setattr(time, "process_time", stopped)  # puts it back afterwards
    monkeypatch.setitem(sys.modules, "__main__", cells)
    monkeypatch.chdir(tmp_path)
    cells.__dict__.update(process_time=stopped, other=len)
    settle()
    assert time.process_time is time.perf_counter
    assert (cells.__dict__["process_time"], cells.__dict__["other"]) == (time.perf_counter, len)


def test_the_line_says_the_cost_before_the_click() -> None:
    shown = line(lite.Offer("lite/index.html", 31_535_727, 20), "../../lite/index.html")
    assert '<a href="../../lite/index.html">Run in your browser</a>' in shown
    assert "32 MB to load and about 20 seconds" in shown
