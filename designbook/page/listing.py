"""Code cells that show the package's own definitions: filled by `make sync`, held equal by a test.

A cell whose first line is a marker is filled with what the marker names, in that order:

    # from designbook.blocks.base62: ALPHABET, encode
    # from designbook.blocks.hash_ring: HashRing.owner

A function, class or assignment stands as it does in the package. A method (`Class.method`) stands as a plain
function, followed by `Class.method = method`: so a long class can be shown one method at a time, the cell runs,
and a reader who edits the method changes what runs below. The class and every name that the code uses come from
the notebook's own import cells. Nothing but the source of marked cells is changed: outputs, metadata and the
order of keys stay as they are.
"""

import argparse
import ast
import inspect
import json
import re
import sys
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import designbook

LONGEST = 60  # lines of code in one cell: more than that nobody reads on a page
MARKER = re.compile(r"# from (designbook(?:\.\w+)+): (\w+(?:\.\w+)?(?:, *\w+(?:\.\w+)?)*)\s*$")


class ListingError(LookupError):
    """A marker that cannot be filled; the message names the marker and says why."""


def definition(what: Any) -> str:
    """The source text of a function, class or method of the package, dedented, without a trailing newline."""
    return textwrap.dedent(inspect.getsource(what)).rstrip()


def fill(marker: str) -> str:
    """The whole source of a cell with this marker as its first line.

    Raises ListingError if the module or a name is missing, if a method cannot stand outside its class
    (it uses `super()` or a name with two leading underscores), or if the cell would be over 60 lines.
    """
    match = MARKER.match(marker)
    if not match:
        raise ListingError(f"{marker!r}: a marker reads `# from designbook.MODULE: NAME, CLASS.METHOD`")
    source = _module_source(match[1], marker)
    tree = ast.parse(source)
    pieces = [_piece(name.strip(), tree, source, marker) for name in match[2].split(",")]
    cell = marker.rstrip() + "\n" + "\n\n\n".join(pieces)
    lines = cell.count("\n") + 1
    if lines > LONGEST:
        raise ListingError(f"{marker}: {lines} lines, and a cell has {LONGEST} at most; show some methods only")
    return cell


def sync(notebook: Path) -> bool:
    """Fill the marked cells of a notebook in place; True if anything changed. A file without change is not written."""
    content = json.loads(notebook.read_text(encoding="utf-8"))
    changed = False
    for cell, marker in _marked(content):
        wanted = fill(marker)
        if _text(cell) != wanted:
            cell["source"] = wanted.splitlines(keepends=True)
            changed = True
    if changed:
        beside = notebook.with_suffix(".ipynb.part")
        beside.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        beside.replace(notebook)
    return changed


def check(notebook: Path) -> list[str]:
    """What is wrong with the marked cells of a notebook, one line each; empty if they equal the package."""
    problems = []
    for cell, marker in _marked(json.loads(notebook.read_text(encoding="utf-8"))):
        try:
            if _text(cell) != fill(marker):
                problems.append(f"{notebook.name}: the cell `{marker}` differs from the package: run `make sync`")
        except ListingError as error:
            problems.append(f"{notebook.name}: {error}")
    return problems


def main(arguments: Sequence[str] | None = None) -> int:
    """Fill the chapters named, or all of them; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m designbook.page.listing", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("notebooks", nargs="*", type=Path, help="default: all under chapters/")
    notebooks = parser.parse_args(arguments).notebooks or _chapters()
    failed = 0
    for notebook in notebooks:
        try:
            print(f"{notebook.name}: {'filled' if sync(notebook) else 'unchanged'}")
        except (ListingError, OSError, ValueError) as error:
            print(f"{notebook.name}: {error}", file=sys.stderr)
            failed = 1
    return failed


def _chapters() -> Iterable[Path]:
    root = Path(designbook.__file__).parent.parent / "chapters"
    return (p for p in sorted(root.rglob("*.ipynb")) if ".ipynb_checkpoints" not in p.parts)


def _marked(content: dict[str, Any]) -> list[tuple[dict[str, Any], str]]:
    """The code cells that carry a marker, each with its first line."""
    marked = []
    for cell in content["cells"]:
        first = _text(cell).split("\n", 1)[0]
        if cell["cell_type"] == "code" and first.startswith("# from designbook."):
            marked.append((cell, first.rstrip()))
    return marked


def _text(cell: dict[str, Any]) -> str:
    source = cell["source"]
    return source if isinstance(source, str) else "".join(source)


def _module_source(module: str, marker: str) -> str:
    """The text of a module of the package, which is not imported for it."""
    base = Path(designbook.__file__).parent.joinpath(*module.split(".")[1:])
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.is_file():
            return path.read_text(encoding="utf-8")
    raise ListingError(f"{marker}: there is no module {module}")


def _piece(name: str, tree: ast.Module, source: str, marker: str) -> str:
    """The text of one definition."""
    owner, _, method = name.rpartition(".")
    scope = tree.body
    if owner:
        holder = _find(owner, scope)
        if not isinstance(holder, ast.ClassDef):
            raise ListingError(f"{marker}: there is no class {owner}")
        scope = holder.body
    node = _find(method, scope)
    if node is None:
        raise ListingError(f"{marker}: there is no definition of {name}")
    first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
    text = textwrap.dedent("\n".join(source.split("\n")[first - 1 : node.end_lineno]))
    if not owner:
        return text
    bound = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
    bound |= {n.attr for n in ast.walk(node) if isinstance(n, ast.Attribute)}
    private = sorted(n for n in bound if n.startswith("__") and not n.endswith("__"))
    if "super" in bound or private:
        raise ListingError(f"{marker}: {name} uses {private[0] if private else 'super()'}: show the whole class")
    return f"{text}\n\n\n{name} = {method}"


def _find(name: str, scope: Iterable[ast.stmt]) -> ast.stmt | None:
    """The last statement of `scope` that defines `name`."""
    found = None
    for node in scope:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        names = [t.id for t in targets if isinstance(t, ast.Name)]
        if getattr(node, "name", None) == name or name in names:
            found = node
    return found


if __name__ == "__main__":
    sys.exit(main())
