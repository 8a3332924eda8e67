"""A notebook is executed again when what it reaches changed, and only then; a build that fails says why in a line."""

import contextlib
import io
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest

from designbook.publish import build
from designbook.publish.build import ImportGraph
from designbook.publish.sphinx import visit_math_block
from tests.conftest import ROOT


def package(root: Path, **files: str) -> Path:
    for name, text in files.items():
        path = root / "designbook" / (name.replace("__", "/") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        for folder in path.relative_to(root).parents[:-1]:
            (root / folder / "__init__.py").touch()
        path.write_text(text)
    return root / "designbook"


def names(paths: list[Path], root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in paths}


def test_imports_are_followed_at_any_depth_and_others_are_not(tmp_path: Path) -> None:
    root = package(
        tmp_path,
        blocks__ring="from designbook.quantities import human",
        blocks__bloom="import designbook.data",
        quantities="def f():\n    from designbook import late",
        late="",
        data="",
    )
    reached = names(ImportGraph(root).reached(["designbook.blocks.ring.HashRing"]), root)
    assert reached == {"__init__.py", "blocks/__init__.py", "blocks/ring.py", "quantities.py", "late.py"}


def test_a_package_that_is_named_stands_for_all_below_it(tmp_path: Path) -> None:
    root = package(tmp_path, systems__x__store="from . import service", systems__x__service="", systems__y__store="")
    reached = names(ImportGraph(root).reached(["designbook.systems.x"]), root)
    assert {"systems/x/store.py", "systems/x/service.py"} <= reached
    assert not any(name.startswith("systems/y") for name in reached)


def small_book(root: Path) -> Path:
    """A small book with one notebook."""
    for name in ("_config.yml", "map.md", "requirements.txt"):
        shutil.copy(ROOT / name, root / name)
    (root / "data").mkdir()
    shutil.copy(ROOT / "data/topics.csv", root / "data/topics.csv")
    (root / "_toc.yml").write_text("format: jb-book\nroot: index\nchapters:\n  - file: map\n")
    write(root / "index.ipynb", "# A small book\n\nWith one page, which has one formula: $x^2$.", "6 * 7")
    return root


@pytest.fixture
def book(tmp_path: Path) -> Path:
    return small_book(tmp_path)


@dataclass
class Build:
    """What one build of a book gave: its code, what it said, its first page."""

    code: int
    said: str
    page: str


def built(root: Path) -> Build:
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        code = build.build(root)
    return Build(code, said.getvalue(), (root / "_build/html/index.html").read_text())


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Build, Build, Build]]:
    """A small book is built without an address, left as it is, and changed in its words and given an address."""
    root = small_book(tmp_path_factory.mktemp("book"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DESIGNBOOK_REPOSITORY", "")
        first, second, before = built(root), built(root), build.fingerprint(root)
        write(root / "index.ipynb", "# A small book\n\nA sentence that is new on its first page.", "6 * 7")
        assert build.fingerprint(root) != before, "new words alone are a change"
        patch.setenv("DESIGNBOOK_REPOSITORY", "https://github.com/someone/fork")
        yield first, second, built(root)


def write(path: Path, text: str, code: str) -> None:
    cells = [nbformat.v4.new_markdown_cell(text, id="text"), nbformat.v4.new_code_cell(code, id="code")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)


def test_a_key_changes_with_code_data_and_pins_and_not_with_words(book: Path) -> None:
    index = book / "index.ipynb"
    first = build.keys(book)[index]
    write(index, "# A small book\n\nIn other words.", "6 * 7")
    assert build.keys(book)[index] == first
    write(index, "# A small book", "6 * 8")
    second = build.keys(book)[index]
    assert second != first
    (book / "data/x.csv").write_text("1")
    third = build.keys(book)[index]
    assert third != second
    (book / "requirements.txt").write_text("")
    assert build.keys(book)[index] != third


def test_a_book_is_built_then_left_alone_then_built_again_where_it_changed(
    history: tuple[Build, Build, Build],
) -> None:
    first, second, third = history
    assert first.code == second.code == third.code == 0
    assert ">42<" in first.page.replace("\n", "") or "42" in first.page
    assert "<math" in first.page
    assert "executed index.ipynb" in first.said
    assert second.said == "-- nothing changed since the last build\n"
    assert "executed" not in third.said
    assert "A sentence that is new" in third.page


def test_outputs_that_are_saved_are_shown_without_an_execution(book: Path, capfd: pytest.CaptureFixture[str]) -> None:
    notebook = nbformat.read(book / "index.ipynb", as_version=4)
    notebook.cells[1].outputs = [nbformat.v4.new_output("execute_result", {"text/plain": "'saved'"}, execution_count=1)]
    notebook.metadata.language_info = {"name": "python"}
    nbformat.write(notebook, book / "index.ipynb")
    assert build.main([str(book), "--saved"]) == 0
    assert "executed" not in capfd.readouterr().out
    page = (book / "_build/html/index.html").read_text()
    assert "saved" in page
    assert "42" not in page


def reported(captured: pytest.CaptureFixture[str]) -> list[str]:
    """What the build itself said; a busy machine's kernel may log around it."""
    return [line for line in captured.readouterr().err.splitlines() if line.startswith("build: ")]


def test_a_warning_fails_the_build_in_a_line_that_names_the_file(
    book: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(book / "index.ipynb", "# A small book\n\n[nowhere](missing.md)", "6 * 7")
    assert build.build(book) == 1
    said = capfd.readouterr().err.splitlines()
    assert [line for line in said if "WARNING" in line and "index.ipynb" in line and "missing.md" in line]
    assert said[-1].startswith("build: the lines above are errors")
    tried: list[Path] = []
    monkeypatch.setattr(build, "jupyter_book", lambda root: tried.append(root) or 1)
    assert build.build(book) == 1
    assert tried == [book], "what failed is not taken for built"


def test_a_cell_that_raises_fails_the_build_in_one_line(book: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write(book / "index.ipynb", "# A small book", "1 / 0")
    assert build.build(book) == 1
    assert reported(capfd) == ["build: index.ipynb, cell 2: ZeroDivisionError: division by zero"]


def test_outside_of_a_book_the_build_says_where_to_run_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert build.main([str(tmp_path)]) == 1
    assert "root of the book" in capsys.readouterr().err


def test_buttons_lead_to_the_repository_that_is_named_and_to_none_without(history: tuple[Build, Build, Build]) -> None:
    without, _, with_address = history
    for page, named in ((without.page, False), (with_address.page, True)):
        assert ("mybinder.org/v2/gh/someone/fork/main" in page) is named
        assert ("https://github.com/someone/fork/edit/main/index.ipynb" in page) is named
        assert "_sources/index.ipynb" in page, "the notebook can be downloaded in any case"
    assert "mybinder.org" not in without.page


def test_formulas_of_several_lines_become_rows() -> None:
    class Node(dict[str, list[str]]):
        def astext(self) -> str:
            return r"a &= b \\ c &= d"

    class Translator:
        body: list[str] = []  # noqa: RUF012

    from docutils.nodes import SkipNode

    with pytest.raises(SkipNode):
        visit_math_block(Translator(), Node())  # type: ignore[arg-type]
    assert Translator.body[0].count("<mtr") == 2
