"""Code cells that run on their page: the buttons, the cells' sources, and what the first click costs.

`publish` works on the built pages, after Pyodide has been laid beside them. Under each code cell it puts a bar with
buttons, which `assets/run.js` wakes, and it writes the chapter's cells to `_static/cells/NAME.json`, which is fetched
at the first click. Without Pyodide the pages get no bars.
"""

import ast
import gzip
import html
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import nbformat

from designbook.publish import execute
from designbook.publish.cell_runner import Waiting, imported

PYODIDE = Path("lite/static/pyodide")
CORE = ("pyodide.js", "pyodide.asm.js", "pyodide.asm.wasm", "python_stdlib.zip", "pyodide-lock.json")
# What modules of the book import further in, where it does not show in a cell. (matplotlib shows there.)
FURTHER_IN = frozenset({"numpy", "pandas", "scipy"})
BYTES_A_SECOND = 50e6 / 8  # a line of 50 Mbit/s
# On a laptop, once all is there: Pyodide with the book's own modules, and each package.
SECONDS_TO_START, SECONDS_A_MEGABYTE = 5.0, 0.25

Reached = Callable[[Iterable[str]], Iterable[Path]]

_BAR = re.compile(r'<div class="run-bar.*?</div>\n?', re.DOTALL)
_SCRIPT = re.compile(r'<script defer[^>]*\brun\.js"[^>]*></script>\n?')
_CELL = re.compile(r'<div class="cell [^"]*docutils container">')
_CODE = re.compile(r"<pre>(.*?)</pre></div>\n</div>\n", re.DOTALL)
_LEFT_OUT = {"remove-cell", "remove-input"}


class PageDiffers(ValueError):
    """A page does not hold its notebook's cells; the message names the page and the cell."""


@dataclass
class Distribution:
    """The Pyodide beside the pages: what each package weighs, and what it brings."""

    folder: Path
    packages: dict[str, dict[str, Any]] = field(init=False)

    def __post_init__(self) -> None:
        """Reads `pyodide-lock.json`."""
        self.packages = json.loads((self.folder / "pyodide-lock.json").read_text(encoding="utf-8"))["packages"]

    @cached_property
    def importable(self) -> dict[str, str]:
        """The package that brings each importable name."""
        return {name: package for package, entry in self.packages.items() for name in entry["imports"]}

    @cached_property
    def core(self) -> int:
        """Bytes of Pyodide itself as a server sends them: compressed, if they are not already."""
        return sum(map(sent, (self.folder / name for name in CORE)))

    def closure(self, packages: Iterable[str]) -> set[str]:
        """The packages with all that they depend on."""
        found: set[str] = set()
        waiting = list(packages)
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting += self.packages[name]["depends"]
        return found

    def weight(self, packages: Iterable[str]) -> int:
        """Bytes of the packages with all that they depend on."""
        return sum((self.folder / self.packages[name]["file_name"]).stat().st_size for name in self.closure(packages))


def sent(path: Path) -> int:
    """The bytes that a server sends for a file: compressed, unless it is an archive."""
    content = path.read_bytes()
    return len(content) if path.suffix in {".zip", ".whl"} else len(gzip.compress(content, 6))


def publish(root: Path, reached: Reached) -> int:
    """Give every built page with code its bars and its script, anew; returns how many pages have them now.

    `reached` names the source files behind dotted names of the book and behind what they import.
    Raises PageDiffers if a page was not made from its notebook as it is now.
    """
    site = root / "_build" / "html"
    there = (site / PYODIDE / "pyodide-lock.json").is_file()
    distribution = Distribution(site / PYODIDE) if there else None
    folder = site / "_static" / "cells"
    folder.mkdir(parents=True, exist_ok=True)
    done = 0
    for notebook in execute.notebooks(root):
        page = site / notebook.relative_to(root).with_suffix(".html")
        text = page.read_text(encoding="utf-8")
        bare = _SCRIPT.sub("", _BAR.sub("", text))
        cells = [cell for cell in nbformat.read(notebook, as_version=4).cells if cell.cell_type == "code"]
        shown = [n for n, cell in enumerate(cells) if not _LEFT_OUT & set(cell.metadata.get("tags", []))]
        if distribution and shown:
            name = "-".join(notebook.relative_to(root).with_suffix("").parts)
            sources = [cell.source for cell in cells]
            needs = wanted(sources, distribution, reached)
            written = [{"source": text, "needs": need} for text, need in zip(sources, needs, strict=True)]
            (folder / f"{name}.json").write_text(json.dumps(written, ensure_ascii=False), encoding="utf-8")
            costs = [cost(distribution, needs[: n + 1]) for n in range(len(cells))]
            above = "../" * len(notebook.relative_to(root).parent.parts)
            script = f'<script defer src="{above}_static/run.js" data-cells="{name}"></script>\n'
            bare = with_bars(bare, sources, shown, costs, page.name).replace("</head>", f"{script}</head>", 1)
            done += 1
        if bare != text:
            page.write_text(bare, encoding="utf-8")
    return done


def wanted(sources: Iterable[str], distribution: Distribution, reached: Reached) -> list[list[str]]:
    """For each cell the packages that it is the first to need, when the cells run in order."""
    waiting = Waiting()
    known: set[str] = set()
    found = []
    for source in sources:
        body = waiting.due(ast.parse(source))
        names = set(imported(body)) - {"designbook"}
        names |= FURTHER_IN & {name for path in reached(_mentioned(body)) for name in _imports(path)}
        new = {distribution.importable[name] for name in names if name in distribution.importable} - known
        known |= new
        found.append(sorted(new))
    return found


@cache
def _imports(path: Path) -> list[str]:
    return imported([ast.parse(path.read_text(encoding="utf-8"))])


def _mentioned(body: Iterable[ast.stmt]) -> list[str]:
    """The dotted names below `designbook` that statements import."""
    froms = [node for statement in body for node in ast.walk(statement) if isinstance(node, ast.ImportFrom)]
    return [
        f"{node.module}.{alias.name}"
        for node in froms
        if (node.module or "").startswith("designbook")
        for alias in node.names
    ]


def cost(distribution: Distribution, needs: Iterable[Iterable[str]]) -> str:
    """What the first run costs, in words; the seconds are for 50 Mbit/s, and what the cells take comes on top."""
    packages = distribution.weight({"designbook", *(name for need in needs for name in need)})
    total = distribution.core + packages
    seconds = SECONDS_TO_START + total / BYTES_A_SECOND + SECONDS_A_MEGABYTE * packages / 1e6
    return f"first run: {total / 1e6:.0f} MB, about {seconds:.0f} s"


def with_bars(page: str, sources: list[str], shown: list[int], costs: list[str], name: str) -> str:
    """The page with a bar under the code of each shown cell. Raises PageDiffers if one is not the notebook's."""
    starts = [match.end() for match in _CELL.finditer(page)]
    if len(starts) != len(shown):
        raise PageDiffers(f"{name}: {len(starts)} code cells on the page, {len(shown)} in its notebook")
    parts: list[str] = []
    last, seen = 0, False
    for start, number in zip(starts, shown, strict=True):
        code = _CODE.search(page, start)
        if not code or plain(code[1]) != sources[number].strip():
            raise PageDiffers(f"{name}: code cell {number} is not as in its notebook")
        folded = "tag_hide-" in page[start - 60 : start].rpartition("<div")[2]
        first, seen = not folded and not seen, seen or not folded
        parts += [page[last : code.end()], bar(number, costs[number], " run-first" if first else "")]
        last = code.end()
    return "".join([*parts, page[last:]])


def plain(markup: str) -> str:
    """The text of highlighted code."""
    return html.unescape(re.sub(r"<[^>]*>", "", markup)).strip()


def bar(number: int, words: str, kind: str) -> str:
    """The buttons of a cell, asleep until the script wakes them."""

    def button(label: str, more: str = "") -> str:
        return f'<button type="button" aria-label="{label} cell {number}" disabled{more}>{label}</button>'

    buttons = button("Run") + button("Edit") + button("Reset", " hidden")
    note = f'<span class="run-note run-cost">{words}</span>'
    return f'<div class="run-bar{kind} pst-js-only" data-run="{number}">{buttons}{note}</div>\n'
