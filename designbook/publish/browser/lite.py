"""The chapters as notebooks in the reader's browser: JupyterLite, built on the distribution.

`prepare` builds it beside the site before the pages are made, so that they offer it only where it is there, and with its
true size; `publish` lays it into the site afterwards.
"""

import gzip
import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import nbformat

from designbook.publish.browser.distribution import NotToBeHad, assemble, canonicalize_name, tool
from designbook.publish.execute import notebooks

FOLDER = "lite"  # below the site
EXTENSION = "share/jupyter/labextensions/@jupyterlite/pyodide-kernel-extension/static/pypi"  # below the tools
KERNEL = ("ipykernel", "piplite", "pyodide_kernel")  # the wheels in there that are needed
STARTS_WITH = ("micropip", "piplite", "ssl", "sqlite3", "ipykernel", "comm", "pyodide_kernel", "jedi", "ipython")
WIDGETS = ("ipywidgets", "designbook")  # loaded with the kernel too: no cell of a chapter goes without
# What opening a notebook loads of JupyterLite 0.6.4 itself, compressed; a test holds the sum that a page promises.
APPLICATION_BYTES = 3_600_000
SECONDS = 20  # from the click to the first output, as the same test holds it

INTRODUCTION = """\
**This is the chapter, alive in your browser.** *Run ▸ Run All Cells* starts it; change any cell and run on. Nothing is
sent anywhere. What needs a database server, processes or threads is left out here and says so in one line."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What a page says of the notebook that it leads to: the address from the site's root, bytes to load, seconds."""

    address: str
    bytes: int
    seconds: int


def prepare(root: Path, release: str) -> bool:
    """Build JupyterLite into `_build/browser`, unless it is there as it would be now, and say whether it is there.

    Takes half a minute, and some more the first time, to fetch 90 MB. What cannot be had is named in one line.
    """
    place = root / "_build" / "browser"
    stamp = place / "built"
    try:
        wanted = fingerprint(root, release)
        if stamp.is_file() and stamp.read_text() == wanted:
            return True
        shutil.rmtree(place, ignore_errors=True)
        build(root, place, release)
    except NotToBeHad as missing:
        print(f"build: the pages go without “Run in your browser”: {missing}", flush=True)
        shutil.rmtree(place, ignore_errors=True)
        return False
    stamp.write_text(wanted)
    return True


def publish(root: Path) -> None:
    """Lay what `prepare` built into the site; without it take an old one out."""
    built, there = root / "_build" / "browser" / "site", root / "_build" / "html" / FOLDER
    shutil.rmtree(there, ignore_errors=True)
    if built.is_dir():
        shutil.copytree(built, there, copy_function=_linked)


def offers(root: Path) -> dict[str, Offer]:
    """The offer for each chapter that can be run, by its document's name."""
    path = root / "_build" / "browser" / "offers.json"
    if not path.is_file():
        return {}
    stored = json.loads(path.read_text(encoding="utf-8"))
    return {name: Offer(**fields) for name, fields in stored.items()}


# -- building ------------------------------------------------------------------------------------------------------


def build(root: Path, place: Path, release: str) -> None:
    """Build the site of JupyterLite into `place/site`. Raises NotToBeHad."""
    source = place / "source"
    wheels = [next(_tools(root).glob(f"{EXTENSION}/{name}-*.whl"), None) for name in KERNEL]
    if None in wheels:
        raise NotToBeHad("the tools lack the kernel's own wheels: remove .venv-browser and try again")
    assemble(root, source / "static" / "pyodide", filter(None, wheels))
    chapters = write_contents(root, source / "files")
    (source / "jupyter-lite.json").write_text(json.dumps(configuration(release, source / "files"), indent=1))
    command = [tool(root, "jupyter-lite"), "build", "--lite-dir", source, "--output-dir", place / "site"]
    command += ["--apps", "notebooks", "--apps", "lab", "--no-sourcemaps", "--no-unused-shared-packages"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=source)
    if done.returncode:
        raise NotToBeHad(f"JupyterLite was not built: {(done.stderr.strip().splitlines() or ['no reason given'])[-1]}")
    found = {name: asdict(offer(place / "site", path)) for name, path in chapters.items()}
    (place / "offers.json").write_text(json.dumps(found), encoding="utf-8")
    shutil.rmtree(source)


def write_contents(root: Path, folder: Path) -> dict[str, Path]:
    """Write the chapters' notebooks without outputs, and their drawings; the paths below `folder` by document name."""
    found = {}
    for path in sorted((root / "chapters").rglob("diagrams/*")):
        target = folder / path.relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    for path in notebooks(root):
        place = path.relative_to(root)
        if place.parts[0] == "chapters":
            notebook = nbformat.read(path, as_version=4)
            for cell in notebook.cells:
                if cell.cell_type == "code":
                    cell.outputs, cell.execution_count = [], None
            notebook.cells.insert(1, nbformat.v4.new_markdown_cell(INTRODUCTION, id="in-the-browser"))
            notebook.metadata["kernelspec"] = {"name": "python", "display_name": "Python (Pyodide)", "language": "python"}
            (folder / place).parent.mkdir(parents=True, exist_ok=True)
            nbformat.write(notebook, folder / place)
            found[place.with_suffix("").as_posix()] = place
    return found


def configuration(release: str, contents: Path) -> dict[str, Any]:
    """The settings of JupyterLite. A reader's edits are kept by the browser under a name that changes with the chapters."""
    digest = hashlib.sha256()
    for path in sorted(contents.rglob("*")):
        if path.is_file():
            digest.update(path.relative_to(contents).as_posix().encode() + path.read_bytes())
    kernel = {
        "disablePyPIFallback": True,
        "loadPyodideOptions": {"packages": [*STARTS_WITH, *WIDGETS]},
    }
    data = {
        "appName": "System design, executable",
        "bookRelease": release,
        "contentsStorageName": f"designbook {release.split(',')[0]} {digest.hexdigest()[:12]}",
        "litePluginSettings": {"@jupyterlite/pyodide-kernel-extension:kernel": kernel},
    }
    return {"jupyter-lite-schema-version": 0, "jupyter-config-data": data}


def offer(site: Path, notebook: Path) -> Offer:
    """What a reader loads who runs the notebook: JupyterLite, Pyodide, and the packages that its cells import."""
    folder = site / "static" / "pyodide"
    packages = json.loads((folder / "pyodide-lock.json").read_text(encoding="utf-8"))["packages"]
    names = {name: key for key, entry in packages.items() for name in entry["imports"]}
    text = (site / "files" / notebook).read_text(encoding="utf-8")
    imported = [names[name] for name in names if f"import {name}" in text or f"from {name}" in text]
    needed = closure(packages, [*STARTS_WITH, *WIDGETS, *imported])
    files = [folder / packages[name]["file_name"] for name in needed]
    files += [folder / name for name in ("pyodide.js", "pyodide.asm.js", "pyodide.asm.wasm", "python_stdlib.zip")]
    total = APPLICATION_BYTES + sum(map(compressed, files))
    return Offer(f"{FOLDER}/notebooks/index.html?path={notebook.as_posix()}", total, SECONDS)


def closure(packages: dict[str, Any], names: Iterable[str]) -> set[str]:
    """The packages with all that they depend on."""
    found: set[str] = set()
    waiting = [canonicalize_name(name) for name in names]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += map(canonicalize_name, packages[name]["depends"])
    return found


def compressed(path: Path) -> int:
    """Bytes of a file as a server sends it: wheels and archives as they are, the rest by gzip."""
    data = path.read_bytes()
    return len(data) if path.suffix in (".whl", ".zip") else len(gzip.compress(data, 6))


def fingerprint(root: Path, release: str) -> str:
    """A hash over all that the browser's part is made from."""
    digest = hashlib.sha256(release.encode())
    digest.update(str(tool(root, "jupyter-lite").stat().st_mtime_ns).encode())
    folders = [root / name for name in ("browser", "designbook", "data", "assets", "chapters")]
    for path in sorted(path for folder in folders for path in folder.rglob("*") if path.is_file()):
        if "__pycache__" not in path.parts and not any(part.startswith(".") for part in path.relative_to(root).parts):
            digest.update(path.relative_to(root).as_posix().encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _tools(root: Path) -> Path:
    return tool(root, "python").parent.parent


def _linked(source: str, target: str) -> None:
    """A second name for a file, or a copy where the system has no such names."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
