"""Builds the book: executes what changed, hands it to Jupyter Book, and turns every warning into an error.

`python -m designbook.publish.build` from the root of a checkout writes the site to `_build/html`. A notebook is
executed again when its own cells, a module that it reaches, a data file or a pinned requirement changed; when nothing
at all changed since the last good build, nothing is done. With `--saved` nothing is executed: the pages show the
outputs that are saved in the notebooks, which the tests hold against an execution of their own.
"""

import ast
import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import nbformat

import designbook
from designbook.publish import execute, run_in_place
from designbook.publish.browser import lite
from designbook.publish.browser.distribution import TOOLS

PACKAGE = Path(designbook.__file__).parent
_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_MENTION = re.compile(r"\bdesignbook(?:\.\w+)*")


def main(arguments: list[str] | None = None) -> int:
    """Build the book in the current folder (or in the one named); returns the exit code."""
    arguments = list(arguments or ())
    saved = "--saved" in arguments
    root = Path(next((given for given in arguments if given != "--saved"), ".")).resolve()
    if not (root / "_config.yml").is_file():
        print(f"build: no _config.yml in {root}: run this from the root of the book", file=sys.stderr)
        return 1
    return build(root, saved)


def build(root: Path, saved: bool = False) -> int:
    """Build the book at `root` into `root/_build/html`; returns 0, or 1 after one line for each thing that is wrong.

    `saved`: show the outputs that are saved in the notebooks, and execute none.
    """
    stamp = root / "_build" / "built"
    wanted = fingerprint(root) + (" saved" if saved else "")
    if stamp.is_file() and stamp.read_text() == wanted and (root / "_build" / "html" / "index.html").is_file():
        say("nothing changed since the last build")
        return 0
    stamp.unlink(missing_ok=True)
    wanted_keys = keys(root)
    stale = {path: key for path, key in wanted_keys.items() if kept_key(root, path) != key}
    if saved:
        for path in stale:
            executed_path(root, path).unlink(missing_ok=True)
        stale = {}
    if stale:
        say(f"executing {len(stale)} of {len(wanted_keys)} notebooks")
    failures = execute.run([(path, executed_path(root, path)) for path in stale], say, root)
    for path in stale.keys() - failures.keys():
        executed_path(root, path).with_suffix(".key").write_text(stale[path])
    for path, reason in failures.items():
        print(f"build: {path.relative_to(root).as_posix()}, {reason}", file=sys.stderr)
    if failures:
        return 1
    complete = lite.prepare(root, say)
    say("building the pages")
    if jupyter_book(root):
        print(
            "build: the lines above are errors, warnings too; all of the output is in _build/log.txt", file=sys.stderr
        )
        return 1
    lite.publish(root)
    try:
        pages = run_in_place.publish(root, ImportGraph().reached)
    except run_in_place.PageDiffers as error:
        print(f"build: {error}", file=sys.stderr)
        return 1
    say(f"the code of {pages} pages runs where it stands" if pages else "without Pyodide beside them no page runs code")
    if complete:
        stamp.write_text(wanted)
    return 0


def jupyter_book(root: Path) -> int:
    """Run Jupyter Book with warnings as errors and unresolved references as warnings; returns its exit code."""
    command = [
        sys.executable,
        "-c",
        "import designbook.publish; from jupyter_book.cli.main import main; main()",
        "build",
        str(root),
    ]
    command += ["-W", "-n", "--keep-going", "--quiet"]
    plain = {**os.environ, "NO_COLOR": "1", "PYTHONWARNINGS": "ignore"}
    log = root / "_build" / "log.txt"
    log.parent.mkdir(exist_ok=True)
    with log.open("w", encoding="utf-8") as file:
        code = subprocess.run(
            command, check=False, cwd=root, env=plain, stdout=file, stderr=subprocess.STDOUT
        ).returncode
    if code:
        lines = _ANSI.sub("", log.read_text(encoding="utf-8")).replace(f"{root}/", "").splitlines()
        at = [number for number, line in enumerate(lines) if re.search(r"\b(WARNING|ERROR|CRITICAL|[Ee]rror):", line)]
        first_trace = next((number for number, line in enumerate(lines) if line.startswith("Traceback")), len(lines))
        shown = [lines[number] for number in at if number < first_trace] or lines[-20:]
        print("\n".join(shown), file=sys.stderr)
    return code


def executed_path(root: Path, notebook: Path) -> Path:
    """Where the executed copy of a notebook is kept."""
    return root / "_build" / "executed" / notebook.relative_to(root)


def kept_key(root: Path, notebook: Path) -> str | None:
    """The key under which a notebook was last executed, if its executed copy is still there."""
    copy = executed_path(root, notebook)
    kept = copy.with_suffix(".key")
    return kept.read_text() if copy.is_file() and kept.is_file() else None


def keys(root: Path) -> dict[Path, str]:
    """For each notebook a hash over all that its execution depends on.

    That is the code cells, the modules that they reach, everything in data/, the pinned requirements and this Python.
    Text cells don't count: the outputs are laid over the notebook as it is now.
    """
    graph = ImportGraph()
    common = hashlib.sha256(sys.version.encode())
    for path in [*files(root / "data"), root / "requirements.txt"]:
        if path.is_file():
            common.update(path.name.encode() + path.read_bytes())
    found = {}
    for notebook in execute.notebooks(root):
        digest = common.copy()
        cells = [cell for cell in nbformat.read(notebook, as_version=4).cells if cell.cell_type == "code"]
        for cell in cells:
            digest.update(f"{sorted(cell.metadata.get('tags', []))} {cell.source}\n".encode())
        for path in graph.reached(_MENTION.findall("\n".join(cell.source for cell in cells))):
            digest.update(path.name.encode() + path.read_bytes())
        found[notebook] = digest.hexdigest()
    return found


class ImportGraph:
    """Which of the package's source files a set of dotted names leads to."""

    def __init__(self, package: Path = PACKAGE) -> None:
        """`package` is the folder of `designbook`."""
        self.package = package
        self._imports: dict[Path, list[str]] = {}

    def reached(self, names: Iterable[str]) -> list[Path]:
        """The source files behind `names` and behind what they import, at any depth, in order.

        A name that is a package stands for everything below it, because a subprocess (`-m designbook.systems.x`) or an
        import inside a function may use any of it.
        """
        found: set[Path] = set()
        waiting, seen = list(names), set()
        while waiting:
            name = waiting.pop()
            if name not in seen:
                seen.add(name)
                for path in self.files(name) - found:
                    found.add(path)
                    waiting += self.imports(path)
        return sorted(found)

    def files(self, name: str) -> set[Path]:
        """The files behind a dotted name, which may end in an attribute; with the packages above it."""
        place = self.package
        found = {place / "__init__.py"}
        for part in name.split(".")[1:]:
            if (place / f"{part}.py").is_file():
                return found | {place / f"{part}.py"}
            if not (place / part).is_dir():
                return found
            place /= part
            found.add(place / "__init__.py")
        below = set(place.rglob("*.py")) if place != self.package else set()
        return {path for path in found | below if path.is_file()}

    def imports(self, path: Path) -> list[str]:
        """The dotted names below `designbook` that a file imports, at any depth of its code."""
        if path not in self._imports:
            names: list[str] = []
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    names += [alias.name for alias in node.names]
                elif isinstance(node, ast.ImportFrom):
                    module = node.module or ""
                    if node.level:
                        package = ("designbook", *path.relative_to(self.package).parent.parts)
                        module = ".".join([*package[: len(package) - node.level + 1], *filter(None, [module])])
                    names += [f"{module}.{alias.name}" for alias in node.names]
            self._imports[path] = [name for name in names if name.split(".")[0] == "designbook"]
        return self._imports[path]


def fingerprint(root: Path) -> str:
    """A hash over every file that the site is made from, and the settings from outside."""
    tools = (root / TOOLS).exists()  # with them come notebooks for the browser
    digest = hashlib.sha256(f"{sys.version} {os.environ.get('DESIGNBOOK_REPOSITORY')} {tools}".encode())
    folders = [path for name in ("chapters", "assets", "data", "browser") for path in files(root / name)]
    folders += files(PACKAGE)
    for path in sorted([*folders, *(p for p in root.iterdir() if p.suffix in {".yml", ".md", ".ipynb", ".txt"})]):
        digest.update(str(path).encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def files(folder: Path) -> Iterable[Path]:
    """The files below `folder` in order, without caches and hidden ones."""
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if path.is_file() and "__pycache__" not in parts and not any(part.startswith(".") for part in parts):
            yield path


def say(text: str) -> None:
    """Print a line of progress."""
    print(f"-- {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
