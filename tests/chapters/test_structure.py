"""Every chapter has what a chapter must have, and each check is shown to fail on a chapter that lacks it."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest

from designbook.publish import execute, structure
from designbook.publish.structure import BUILDING_BLOCK, CASE_STUDY, METHOD
from tests.conftest import CHAPTERS, ROOT


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_chapter_has_what_a_chapter_must_have(chapter: Path) -> None:
    assert not structure.problems(chapter)


def text(source: str) -> nbformat.NotebookNode:
    return nbformat.v4.new_markdown_cell(source)


def code(source: str, html: str = "", **metadata: Any) -> nbformat.NotebookNode:
    outputs = [nbformat.v4.new_output("display_data", {"text/html": html, "text/plain": "[x]"})] if html else []
    return nbformat.v4.new_code_cell(source, outputs=outputs, metadata=metadata)


def toy() -> nbformat.NotebookNode:
    """A case study in which every check is content."""
    cells = [
        text("# Toy\n\n**After this chapter you can** tell.\n\nReading time: 15 minutes. Building blocks: none."),
        text(
            "The toy takes about 4 thousand requests a second.\n\n"
            "![a box with a lid](box.svg)\n\n```\nabout 9 of 10\n```"
        ),
        code('says("about 4 thousand requests a second", 4100)', tags=["hide-input"], jupyter={"source_hidden": True}),
    ]
    for number in range(15):
        panel = '<figure data-panel="p"><svg role="img" aria-label="a line"></svg></figure>' if number < 3 else ""
        cells.append(code(f"{number} + 1", html=panel))
    words = "word " * 260
    cells += [text(f"## {section}\n\n{words}") for section in CASE_STUDY]
    notebook = execute.cleaned(nbformat.v4.new_notebook(cells=cells))
    for count, cell in enumerate((cell for cell in notebook.cells if cell.cell_type == "code"), 1):
        cell.execution_count = count
    return notebook


def problems(notebook: nbformat.NotebookNode, folder: Path, kind: str = "case_studies") -> list[str]:
    path = folder / kind / "toy.ipynb"
    execute.save(notebook, path)
    return structure.problems(path)


def test_a_chapter_in_order_has_no_problem(tmp_path: Path) -> None:
    assert problems(toy(), tmp_path) == []


Break = Callable[[nbformat.NotebookNode], object]


def replace(old: str, new: str) -> Break:
    """Change the words of whichever cells have them."""

    def change(notebook: nbformat.NotebookNode) -> None:
        assert any(old in cell.source for cell in notebook.cells)
        for cell in notebook.cells:
            cell.source = cell.source.replace(old, new)

    return change


def output(data: dict[str, str]) -> Break:
    """Let a cell that shows a panel show something else."""

    def change(notebook: nbformat.NotebookNode) -> None:
        notebook.cells[3].outputs = [nbformat.v4.new_output("display_data", data)]

    return change


def swap(notebook: nbformat.NotebookNode) -> None:
    notebook.cells[-1], notebook.cells[-2] = notebook.cells[-2], notebook.cells[-1]


def raised(notebook: nbformat.NotebookNode) -> None:
    notebook.cells[7].outputs = [nbformat.v4.new_output("error", ename="ValueError", evalue="no", traceback=[])]


def fewer_cells(notebook: nbformat.NotebookNode) -> None:
    notebook.cells = [cell for cell in notebook.cells if cell.source != "9 + 1"]
    for count, cell in enumerate((cell for cell in notebook.cells if cell.cell_type == "code"), 1):
        cell.execution_count = count


BROKEN: list[tuple[str, Break, str]] = [
    ("title", replace("# Toy", "Toy"), "begins with its title"),
    ("second title", replace("## Estimate", "# Estimate"), "begins with its title"),
    ("goals", replace("After this chapter you can", "One may"), "After this chapter you can"),
    ("reading time", replace("Reading time", "Length"), "reading time"),
    *((f"section {name}", replace(f"## {name}", f"### {name}"), f"section '{name}' is missing") for name in CASE_STUDY),
    ("order", swap, "stand in another order"),
    ("too short", replace("word " * 260, "word " * 100), "words"),
    ("too long", replace("word " * 260, "word " * 500), "words"),
    ("few cells", fewer_cells, "code cells that the reader sees"),
    ("few panels", output({"text/html": "<p>none</p>"}), "live panels"),
    ("picture", replace("![a box with a lid]", "![]"), "a picture without alt text"),
    ("figure", replace("```\nabout", "```{figure} x.svg\n:name: x\nabout"), "a picture without alt text"),
    ("image tag", output({"text/html": "<img src='x.png'>"}), "a picture without alt text"),
    ("svg", output({"text/html": "<svg></svg>"}), "a drawing without a text alternative"),
    ("bare plot", output({"image/png": "AAAA", "text/plain": "<Figure>"}), "a drawing without a text alternative"),
    ("phrase", replace("4 thousand requests a second.", "4 thousand requests in a second."), "not in the paragraphs"),
    ("held", replace('says("about 4 thousand requests a second", 4100)', "1"), "held by no says"),
    ("interact", replace("3 + 1", "interact(print, x=1)"), "interact and ipywidgets"),
    ("widgets", replace("3 + 1", "import ipywidgets"), "interact and ipywidgets"),
    ("half folded", lambda notebook: notebook.cells[2].metadata.pop("jupyter"), "fold with both"),
    ("open solution", lambda notebook: notebook.cells[5].metadata.update(tags=["hide-cell"]), "a solution is folded"),
    ("long cell", replace("3 + 1", "\n".join(["1"] * 81)), "is the most"),
    (
        "listing",
        replace("3 + 1", "# from designbook.blocks.base62: encode\ndef encode(): ..."),
        "differs from the package",
    ),
    ("view", output({"application/vnd.jupyter.widget-view+json": "{}"}), "widget state"),
    ("state", lambda notebook: notebook.metadata.update(widgets={}), "widget state"),
    ("kernel", lambda notebook: notebook.metadata.kernelspec.update(display_name="conda-x"), "a machine's kernel"),
    ("times", lambda notebook: notebook.cells[5].metadata.update(execution={"iopub": "12:00"}), "from run to run"),
    ("not run", lambda notebook: notebook.cells[5].update(execution_count=None), "not executed once"),
    ("error", raised, "shows an error: ValueError"),
    ("large", output({"text/html": "x" * 1_000_001}), "bytes"),
]


@pytest.mark.parametrize(("break_it", "message"), [case[1:] for case in BROKEN], ids=[case[0] for case in BROKEN])
def test_a_chapter_that_lacks_something_is_told_what(break_it: Break, message: str, tmp_path: Path) -> None:
    notebook = copy.deepcopy(toy())
    break_it(notebook)
    found = problems(notebook, tmp_path)
    assert any(message in problem for problem in found), found


def test_a_building_block_has_its_own_form(tmp_path: Path) -> None:
    found = problems(toy(), tmp_path, "building_blocks")
    assert all(
        any(f"'{name}' is missing" in problem for problem in found) for name in BUILDING_BLOCK if name != "Sources"
    )


def test_a_chapter_of_the_method_has_its_own_form(tmp_path: Path) -> None:
    notebook = toy()
    shown = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for cell in shown[2:]:
        cell.outputs = []  # one panel is enough
    notebook.cells = [*notebook.cells[:8], *(text(f"## {section}\n\n{'word ' * 800}") for section in METHOD)]
    for count, cell in enumerate((cell for cell in notebook.cells if cell.cell_type == "code"), 1):
        cell.execution_count = count
    assert problems(notebook, tmp_path, "method") == []
    for old, new, message in (
        ("## Drill", "## Practice", "the section 'Drill' is missing"),
        ("word " * 800, "word " * 100, "words, and 1,500 to 3,000 are wanted"),
        ("Reading time", "Length", "reading time"),
    ):
        worse = copy.deepcopy(notebook)
        replace(old, new)(worse)
        assert any(message in problem for problem in problems(worse, tmp_path, "method"))
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = []
    assert any("0 live panels, and 1 is the least" in problem for problem in problems(notebook, tmp_path, "method"))
