"""What every chapter must have: its sections in order, its size, a text for each picture, numbers that are held.

`problems(path)` reads a committed notebook and says in one line each what is missing or wrong.
"""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from designbook.page import listing, prose
from designbook.publish import execute

CASE_STUDY = (
    "Clarify the requirements",
    "Estimate",
    "Interface and data model",
    "The design",
    "Build it",
    "Deep dive",
    "Run it for real",
    "Break it",
    "Trade-offs",
    "Interview drill",
    "Sources",
)
BUILDING_BLOCK = (
    "The problem",
    "The naive version",
    "The measured failure",
    "The mechanism",
    "Theory check",
    "Peer check",
    "Where it is used",
    "Drill",
    "Sources",
)
METHOD = ("Drill", "Sources")
SECTIONS = {"method": METHOD, "case_studies": CASE_STUDY, "building_blocks": BUILDING_BLOCK}
"""The second-level headings of a chapter, by its folder; one may go on after a colon ("Deep dive: the cache")."""

WORDS = {"method": (1_500, 3_000), "case_studies": (2_500, 4_500), "building_blocks": (1_500, 3_000)}
CELLS = {"method": (1, 20), "case_studies": (15, 40)}
PANELS = {"method": 1, "case_studies": 3}
LARGEST = 1_000_000
LONGEST_CELL = 80  # of the chapter's own code; what it shows of the package has a tighter limit (listing.LONGEST)

Cell = dict[str, Any]
_HEADING = re.compile(r"^(#{1,6})\s+(.+?)\s*$", re.MULTILINE)
_FENCE = re.compile(r"^(`{3,}|~{3,}).*?^\1\s*$", re.MULTILINE | re.DOTALL)
_ABOUT = re.compile(
    r"\babout (\$ ?)?\d[\d,.]*\d?(?: ?%| (?:hundred|thousand|million|billion|trillion)\b)?", re.IGNORECASE
)
_STATE = "application/vnd.jupyter.widget"


def problems(path: Path) -> list[str]:
    """What is wrong with the chapter at `path`, one line each, with the number of the cell (counted from 1)."""
    text = path.read_text(encoding="utf-8")
    notebook = json.loads(text)
    cells: list[Cell] = [{**cell, "source": "".join(cell["source"])} for cell in notebook["cells"]]
    kind = path.parent.name
    found = [
        *_sections(cells, kind),
        *_size(text, cells, kind),
        *_pictures(cells),
        *_numbers(path, cells, kind),
        *_code(cells),
        *_saved(notebook, cells),
        *listing.check(path),
    ]
    return [f"{path.name}: {problem.removeprefix(f'{path.name}: ')}" for problem in found]


def _text(cells: list[Cell]) -> list[tuple[int, str]]:
    """The text cells, each with its number, without fenced code."""
    return [(i, _FENCE.sub("", cell["source"])) for i, cell in enumerate(cells, 1) if cell["cell_type"] == "markdown"]


def headings(cells: list[Cell]) -> list[tuple[int, str]]:
    """The headings of the text cells in order: level and words."""
    return [(len(match[1]), match[2]) for _, text in _text(cells) for match in _HEADING.finditer(text)]


def _sections(cells: list[Cell], kind: str) -> Iterator[str]:
    found = headings(cells)
    if not found or found[0][0] != 1 or sum(level == 1 for level, _ in found) != 1:
        yield "it begins with its title, the only first-level heading"
    opening = " ".join(text for _, text in _text(cells[:3]))
    if "After this chapter you can" not in opening:
        yield "the opening has no 'After this chapter you can'"
    if kind in SECTIONS and not re.search(r"\breading time\b", opening, re.IGNORECASE):
        yield "the opening does not give the reading time"
    names = [words.split(":")[0].strip() for level, words in found if level == 2]
    wanted = SECTIONS.get(kind, ("Sources",))
    missing = [name for name in wanted if name not in names]
    yield from (f"the section '{name}' is missing" for name in missing)
    order = [name for name in names if name in wanted]
    if not missing and order != list(wanted):
        yield f"the sections stand in another order: {', '.join(order)}"


def _size(text: str, cells: list[Cell], kind: str) -> Iterator[str]:
    if len(text.encode()) > LARGEST:
        yield f"the file has {len(text.encode()):,} bytes, and {LARGEST:,} is the most"
    words = sum(len(re.findall(r"\w[\w'’.,/-]*", part)) for _, part in _text(cells))
    low, high = WORDS.get(kind, (0, 10_000))
    if not low <= words <= high:
        yield f"it has {words:,} words, and {low:,} to {high:,} are wanted"
    visible = sum(cell["cell_type"] == "code" and not _hidden(cell) for cell in cells)
    low, high = CELLS.get(kind, (0, 100))
    if not low <= visible <= high:
        yield f"it has {visible} code cells that the reader sees, and {low} to {high} are wanted"
    panels = sum(html.count('data-panel="') for _, html in _shown(cells))
    if panels < PANELS.get(kind, 0):
        yield f"it has {panels} live panels, and {PANELS[kind]} is the least"


def _hidden(cell: Cell) -> bool:
    tags = cell["metadata"].get("tags", [])
    return "remove-input" in tags or "remove-cell" in tags or "hide-input" in tags or "hide-cell" in tags


def _outputs(cells: list[Cell]) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, cell in enumerate(cells, 1):
        for output in cell.get("outputs", []):
            yield number, output


def _shown(cells: list[Cell]) -> Iterator[tuple[int, str]]:
    """The HTML that each cell shows."""
    for number, output in _outputs(cells):
        html = "".join(output.get("data", {}).get("text/html", ""))
        if html:
            yield number, html


def _pictures(cells: list[Cell]) -> Iterator[str]:
    for number, text in _text(cells):
        if re.search(r"!\[\s*\]\(", text):
            yield f"cell {number}: a picture without alt text"
    for number, cell in enumerate(cells, 1):
        if cell["cell_type"] == "markdown":
            for figure in re.finditer(
                r"^(`{3,}|:{3,})\{(?:figure|image)\}.*?^\1", cell["source"], re.MULTILINE | re.DOTALL
            ):
                if not re.search(r":alt:\s*\S", figure[0]):
                    yield f"cell {number}: a picture without alt text"
    for number, html in _shown(cells):
        for tag in re.findall(r"<img\b[^>]*>", html):
            if not re.search(r'\balt="[^"]+"', tag):
                yield f"cell {number}: a picture without alt text"
        # What stands in an element that has a text of its own, or is hidden from a screen reader, needs none.
        if re.search(r'role="img"[^>]*aria-label="[^"]+"|aria-label="[^"]+"[^>]*role="img"', html):
            continue
        for tag in re.findall(r"<svg\b[^>]*>", html):
            if not re.search(r'aria-label="[^"]+"|aria-hidden="true"', tag):
                yield f"cell {number}: a drawing without a text alternative"
    for number, output in _outputs(cells):
        data = output.get("data", {})
        if "text/html" not in data and any(kind.startswith("image/") for kind in data):
            yield f"cell {number}: a drawing without a text alternative: end the cell with show(figure, alt=...)"


def _numbers(path: Path, cells: list[Cell], kind: str) -> Iterator[str]:
    yield from prose.says_in(path)
    held = " \n ".join(_said(cells))
    if kind in SECTIONS and not held:
        yield "no number in its text is held by says(...)"
    for number, text in _text(cells):
        plain = " ".join(re.sub(r"[*_`]", "", text).replace("\u00a0", " ").split())
        for match in _ABOUT.finditer(plain):
            if match[0].rstrip(".,").lower() not in held.lower():
                yield f"cell {number}: '{match[0].rstrip('.,')}' is held by no says(...)"


def _said(cells: list[Cell]) -> Iterator[str]:
    """The phrases of the notebook's says(...) calls."""
    for cell in cells:
        if cell["cell_type"] == "code" and "says(" in cell["source"]:
            for node in ast.walk(_parsed(cell)):
                if (
                    isinstance(node, ast.Call)
                    and isinstance(node.func, ast.Name)
                    and node.func.id == "says"
                    and node.args
                ):
                    phrase = node.args[0]
                    if isinstance(phrase, ast.Constant) and isinstance(phrase.value, str):
                        yield " ".join(phrase.value.split())


def _parsed(cell: Cell) -> ast.Module:
    """The syntax tree of a cell, magic lines left out."""
    lines = cell["source"].splitlines()
    return ast.parse("\n".join("" if line.lstrip().startswith(("%", "!")) else line for line in lines))


def _code(cells: list[Cell]) -> Iterator[str]:
    for number, cell in enumerate(cells, 1):
        if cell["cell_type"] != "code":
            continue
        if re.search(
            r"\b(interact|interactive|interact_manual|interactive_output)\s*\(|\bipywidgets\b", cell["source"]
        ):
            yield f"cell {number}: interact and ipywidgets stand in panels only: the cell is dead on the page"
        folded = "hide-input" in cell["metadata"].get("tags", [])
        if folded != bool(cell["metadata"].get("jupyter", {}).get("source_hidden")) and not _removed(cell):
            yield f"cell {number}: fold with both the hide-input tag and jupyter.source_hidden"
        jupyter = cell["metadata"].get("jupyter", {})
        if "hide-cell" in cell["metadata"].get("tags", []) and not (
            jupyter.get("source_hidden") and jupyter.get("outputs_hidden")
        ):
            yield f"cell {number}: a solution is folded by hide-cell, jupyter.source_hidden and jupyter.outputs_hidden"
        if not _hidden(cell) and len(cell["source"].splitlines()) > LONGEST_CELL:
            yield f"cell {number}: {len(cell['source'].splitlines())} lines, and {LONGEST_CELL} is the most"


def _removed(cell: Cell) -> bool:
    return bool({"remove-input", "remove-cell", "hide-cell"} & set(cell["metadata"].get("tags", [])))


def _saved(notebook: dict[str, Any], cells: list[Cell]) -> Iterator[str]:
    if "widgets" in notebook["metadata"] or any(
        kind.startswith(_STATE) for _, output in _outputs(cells) for kind in output.get("data", {})
    ):
        yield "widget state is saved in it: run `make execute`"
    if notebook["metadata"].get("kernelspec") != execute.KERNEL or notebook["metadata"].get("language_info") != {
        "name": "python"
    }:
        yield "its metadata names a machine's kernel: run `make execute`"
    for number, cell in enumerate(cells, 1):
        if execute.VOLATILE & cell["metadata"].keys():
            yield f"cell {number}: metadata that changes from run to run: run `make execute`"
    counts = [cell["execution_count"] for cell in cells if cell["cell_type"] == "code" and cell["source"].strip()]
    if counts != list(range(1, len(counts) + 1)):
        yield "its cells were not executed once from top to bottom: run `make execute`"
    for number, output in _outputs(cells):
        if output["output_type"] == "error":
            yield f"cell {number}: shows an error: {output['ename']}"
