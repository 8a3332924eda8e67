"""The chapters as notebooks in the reader's browser: JupyterLite on the shared distribution.

`prepare` makes both beside the site before its pages, so that a page offers its notebook only where there is one, and
with its true size; `publish` lays them into the site afterwards.
"""

import gzip
import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import nbformat
from packaging.utils import canonicalize_name

from designbook.publish.browser.distribution import NotToBeHad, assemble, tool
from designbook.publish.execute import notebooks

PLACE = Path("_build") / "browser"  # below the root of the book: `lite` and `pyodide`, as the site gets them
PYODIDE = Path("lite") / "static" / "pyodide"  # below the site
EXTENSION = "share/jupyter/labextensions/@jupyterlite/pyodide-kernel-extension/static/pypi"  # below the tools
KERNEL_WHEELS = ("ipykernel", "piplite", "pyodide_kernel")
# Loaded at once, before a cell is read: what the kernel is made of, then what every chapter uses.
AT_THE_START = (
    *("micropip", "piplite", "ssl", "sqlite3", "ipykernel", "comm", "pyodide_kernel", "jedi", "ipython"),
    *("ipywidgets", "designbook"),
)
APPLICATION_BYTES = 2_100_000  # of JupyterLite 0.6.4 itself, to open a notebook; compressed
SECONDS = 20  # from the click to the first output; tests/site/test_in_the_browser.py holds both

INTRODUCTION = """\
**This is the chapter, alive in your browser.** *Run ▸ Run All Cells* starts it; then move the sliders, change any cell
and run on. Nothing is sent anywhere. What needs a database server, processes or threads is left out, and says so."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What a page says of the notebook that it leads to: the address from the site's root, bytes to load, seconds."""

    address: str
    bytes: int
    seconds: int


def prepare(root: Path, say: Callable[[str], None]) -> bool:
    """Make what a browser runs, each part unless it is there as it would be now; False if something cannot be had.

    Half a minute, and as much again the first time, to fetch 90 MB. What cannot be had is named in one line, and then
    the pages offer nothing. A book without a folder `browser/` has no such part.
    """
    place = root / PLACE
    shutil.rmtree(root / "_build" / "html" / "lite", ignore_errors=True)
    if not (root / "browser").is_dir():
        return True
    try:
        once(place / "pyodide", distribution_key(root), lambda folder: distribute(root, folder))
        once(place / "lite", notebooks_key(root), lambda folder: build(root, folder))
    except NotToBeHad as missing:
        say(f"the pages go without “Run in your browser”: {missing}")
        shutil.rmtree(place, ignore_errors=True)
        return False
    found = {name: asdict(offer(place, path)) for name, path in chapters(root).items()}
    (place / "offers.json").write_text(json.dumps(found), encoding="utf-8")
    return True


def publish(root: Path) -> None:
    """Lay what `prepare` made into the site, if it made something."""
    site = root / "_build" / "html"
    for source, target in ((root / PLACE / "lite", site / "lite"), (root / PLACE / "pyodide", site / PYODIDE)):
        if source.is_dir():
            shutil.copytree(source, target, copy_function=_linked)


def offers(root: Path) -> dict[str, Offer]:
    """The offer for each chapter that can be run, by its document's name."""
    path = root / PLACE / "offers.json"
    stored = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return {name: Offer(**fields) for name, fields in stored.items()}


def once(folder: Path, key: str, make: Callable[[Path], None]) -> None:
    """Let `make` fill `folder`, unless it did so for the same key."""
    stamp = folder.with_suffix(".key")
    if not (stamp.is_file() and stamp.read_text() == key and folder.is_dir()):
        stamp.unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
        make(folder)
        stamp.write_text(key)


# -- the parts -----------------------------------------------------------------------------------------------------


def distribute(root: Path, folder: Path) -> None:
    """The distribution in `folder`, with the wheels of JupyterLite's kernel. Raises NotToBeHad."""
    prefix = tool(root, "python").parent.parent
    wheels = [next(prefix.glob(f"{EXTENSION}/{name}-*.whl"), None) for name in KERNEL_WHEELS]
    found = [wheel for wheel in wheels if wheel is not None]
    if len(found) < len(wheels):
        raise NotToBeHad(f"no wheels in {EXTENSION}: remove .venv-browser and try again")
    assemble(root, folder, found)


def build(root: Path, folder: Path) -> None:
    """JupyterLite with the chapters in `folder`, without the distribution. Raises NotToBeHad."""
    source = folder.with_name("source")
    shutil.rmtree(source, ignore_errors=True)
    write_contents(root, source / "files")
    settings = json.dumps(configuration(source / "files"), indent=1)
    (source / "jupyter-lite.json").write_text(settings, encoding="utf-8")
    command = [str(tool(root, "jupyter-lite")), "build", "--lite-dir", str(source), "--output-dir", str(folder)]
    command += ["--apps", "notebooks", "--apps", "lab", "--no-sourcemaps", "--no-unused-shared-packages"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=source)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["it gave no reason"])[-1]
        raise NotToBeHad(f"JupyterLite was not built: {reason}")
    shutil.rmtree(source)


def chapters(root: Path) -> dict[str, Path]:
    """The notebooks that can be run in a browser, relative to the root, by the names of their documents."""
    found = (path.relative_to(root) for path in notebooks(root))
    return {path.with_suffix("").as_posix(): path for path in found if path.parts[0] == "chapters"}


def write_contents(root: Path, folder: Path) -> None:
    """The chapters below `folder`, without outputs, whose panels would be dead until the cells have run."""
    for drawing in (root / "chapters").rglob("diagrams/*"):
        target = folder / drawing.relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(drawing, target)
    for path in chapters(root).values():
        notebook = nbformat.read(root / path, as_version=4)
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
        notebook.cells.insert(1, nbformat.v4.new_markdown_cell(INTRODUCTION, id="in-the-browser"))
        notebook.metadata = {"kernelspec": {"name": "python", "display_name": "Python (Pyodide)"}}
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, folder / path)


def configuration(contents: Path) -> dict[str, Any]:
    """JupyterLite's settings. The browser keeps a reader's edits under a name that changes with the chapters."""
    release = f"{version('designbook')} {hashed(contents)[:12]}"
    kernel = {
        "disablePyPIFallback": True,
        "pyodideUrl": "./static/pyodide/pyodide.js",
        "loadPyodideOptions": {"packages": list(AT_THE_START)},
    }
    data = {
        "appName": "System design, executable",
        "bookRelease": release,
        "contentsStorageName": f"designbook {release}",
        "exposeAppInBrowser": True,
        "litePluginSettings": {"@jupyterlite/pyodide-kernel-extension:kernel": kernel},
    }
    return {"jupyter-lite-schema-version": 0, "jupyter-config-data": data}


# -- what it costs the reader --------------------------------------------------------------------------------------


def offer(place: Path, notebook: Path) -> Offer:
    """What opening and running the notebook loads: JupyterLite, Pyodide, and the packages that its cells import."""
    lock = json.loads((place / "pyodide" / "pyodide-lock.json").read_text(encoding="utf-8"))["packages"]
    source = (place / "lite" / "files" / notebook).read_text(encoding="utf-8")
    mentioned = {word for line in source.split('"') if "import " in line for word in line.replace(".", " ").split()}
    imported = [name for name, entry in lock.items() if mentioned & set(entry["imports"])]
    files = [lock[name]["file_name"] for name in closure(lock, [*AT_THE_START, *imported])]
    files += ["pyodide.js", "pyodide.asm.js", "pyodide.asm.wasm", "python_stdlib.zip", "pyodide-lock.json"]
    total = APPLICATION_BYTES + sum(compressed(place / "pyodide" / name) for name in files)
    return Offer(f"lite/notebooks/index.html?path={notebook.as_posix()}", total, SECONDS)


def closure(packages: dict[str, Any], names: Iterable[str]) -> set[str]:
    """The packages of a lock, with all that they depend on."""
    found: set[str] = set()
    waiting = [canonicalize_name(name) for name in names]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += map(canonicalize_name, packages[name]["depends"])
    return found


def compressed(path: Path) -> int:
    """Bytes of a file on their way: wheels and archives as they are, the rest by gzip, as servers send it."""
    data = path.read_bytes()
    return len(data) if path.suffix in (".whl", ".zip") else len(gzip.compress(data, 6))


# -- what makes a part new -----------------------------------------------------------------------------------------


def distribution_key(root: Path) -> str:
    """A hash over what the distribution is made from."""
    folders = [root / name for name in ("browser", "designbook", "data", "assets")]
    folders += sorted((root / "chapters").rglob("diagrams"))
    return f"{hashed(*folders, tools=root)} {(root / 'pyproject.toml').read_text(encoding='utf-8')}"


def notebooks_key(root: Path) -> str:
    """A hash over what JupyterLite is made from."""
    return hashed(root / "browser", root / "chapters", Path(__file__).parent, tools=root)


def hashed(*folders: Path, tools: Path | None = None) -> str:
    """SHA-256 over the folders' files without hidden ones and caches, and over when the tools were installed."""
    digest = hashlib.sha256()
    if tools is not None:
        digest.update(str(tool(tools, "jupyter-lite").stat().st_mtime_ns).encode())
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            parts = path.relative_to(folder).parts
            if path.is_file() and "__pycache__" not in parts and not any(part.startswith(".") for part in parts):
                digest.update(path.relative_to(folder).as_posix().encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _linked(source: str, target: str) -> None:
    """A second name for a file, or a copy where the system has no such names."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
