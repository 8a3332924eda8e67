#!/usr/bin/env python3
"""Everything one does with this book, with nothing but Python: `python make.py book`, `python make.py test` ...

The Makefile calls the same commands. Only the standard library is used here, because this file makes
the virtual environment in which everything else lives.
"""

import argparse
import hashlib
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
SCRIPTS = "Scripts" if os.name == "nt" else "bin"
BIN = VENV / SCRIPTS
BROWSER_VENV = ROOT / ".venv-browser"
SITE = ROOT / "_build" / "html"
SUPPORTED = ((3, 11), (3, 13))
UV = "uv==0.13.9"


def main() -> None:
    """Parse the command line and run one command."""
    parser = argparse.ArgumentParser(prog="make.py", description="Build, test and serve the book.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("book", help="execute the chapters and build the site into _build/html")
    commands.add_parser("test", help="run every test").add_argument("arguments", nargs="*", help="passed on to pytest")
    for name, what in (("serve", "show the built site"), ("lab", "open JupyterLab on the chapters")):
        command = commands.add_parser(name, help=what)
        command.add_argument("--port", type=int, default=8000 if name == "serve" else 8888)
    commands.add_parser("pdf", help="print the whole book into one PDF")
    commands.add_parser("epub", help="make an ePub of the whole book")
    commands.add_parser("zip", help="pack the site into a zip that opens without a server")
    commands.add_parser("sync", help="fill the marked cells of the chapters from the package")
    commands.add_parser("diagrams", help="draw the chapters' diagrams from their sources")
    commands.add_parser("execute", help="execute the chapters in place, as they are committed")
    commands.add_parser("measurements", help="run the full-size experiments").add_argument("names", nargs="*")
    commands.add_parser("bench", help="measure the prototypes beside their peers").add_argument("names", nargs="*")
    commands.add_parser("chapter", help="start a new chapter").add_argument("name")
    commands.add_parser("anki", help="write the cards of all chapters as one package for Anki")
    commands.add_parser("pins", help="compile requirements.in into requirements.txt")
    commands.add_parser("clean", help="remove what was built")
    options, passed_on = parser.parse_known_args()
    if passed_on and options.command != "test":
        parser.error(f"unknown argument: {' '.join(passed_on)}")
    if options.command == "test":
        options.arguments += passed_on
    started = time.monotonic()
    COMMANDS[options.command](options)
    if options.command in ("book", "test", "measurements", "bench"):
        say(f"{options.command} took {time.monotonic() - started:.0f} s")


def book(options: argparse.Namespace) -> None:
    """Execute the chapters (those whose code changed) and build the site."""
    environment()
    browser_environment()
    python("-m", "designbook.publish.build", failure="the book was not built: the lines above say why")
    say(f"the book is in {SITE.relative_to(ROOT)}: open {SITE / 'index.html'}, or run `make serve`")


def test(options: argparse.Namespace) -> None:
    """Install what the tests need, a browser included, and run them all."""
    environment()
    browser_environment()
    browser()
    python("-m", "pytest", *options.arguments, failure="tests failed")


def serve(options: argparse.Namespace) -> None:
    """Serve `_build/html` on 127.0.0.1 until interrupted."""
    if not (SITE / "index.html").exists():
        stop("there is no site yet: run `make book` first")
    want_free_port(options.port, "serve")
    say(f"http://127.0.0.1:{options.port}/ (stop with Ctrl-C)")
    command = [sys.executable, "-m", "http.server", str(options.port), "--bind", "127.0.0.1", "--directory", str(SITE)]
    try:
        subprocess.run(command, check=False)
    except KeyboardInterrupt:
        say("stopped")


def lab(options: argparse.Namespace) -> None:
    """Open JupyterLab on the chapters."""
    environment()
    want_free_port(options.port, "lab")
    try:
        flags = [f"--port={options.port}", "--port-retries=0"]
        if hasattr(os, "geteuid") and os.geteuid() == 0:  # as in a container; it listens on loopback only
            flags.append("--allow-root")
        python("-m", "jupyterlab", *flags, "chapters", failure="JupyterLab stopped")
    except KeyboardInterrupt:
        say("stopped")


def pdf(options: argparse.Namespace) -> None:
    """Print the whole book into `_build/html/downloads/system-design.pdf`."""
    offline("pdf")


def epub(options: argparse.Namespace) -> None:
    """Make `_build/html/downloads/system-design.epub`."""
    offline("epub")


def zip(options: argparse.Namespace) -> None:
    """Pack the site into `_build/html/downloads/system-design.zip`."""
    offline("zip")


def offline(kind: str) -> None:
    """Build what is not built, and make one of the downloads from it; the first page then lists it."""
    book(argparse.Namespace())
    if kind != "zip":
        browser()
    python("-m", "designbook.publish.offline", kind, failure=f"the {kind} was not made: the lines above say why")


def sync(options: argparse.Namespace) -> None:
    """Fill the chapters' marked cells from the package."""
    environment()
    python("-c", "from designbook.page import listing; listing.main()", failure="the cells were not filled")


def diagrams(options: argparse.Namespace) -> None:
    """Draw the chapters' diagrams from their sources."""
    environment()
    python("-c", "from designbook.page import diagrams; diagrams.main()", failure="a diagram was not drawn")


def execute(options: argparse.Namespace) -> None:
    """Execute every chapter in place, with panels as static HTML: the form in which notebooks are committed."""
    environment()
    python("-m", "designbook.publish.execute", failure="a chapter failed: nothing of it was saved")


def measurements(options: argparse.Namespace) -> None:
    """Run the full-size experiments whose results the chapters show."""
    environment()
    python("-m", "benchmarks.measurements", *options.names, failure="a measurement failed")


def bench(options: argparse.Namespace) -> None:
    """Measure the prototypes beside the libraries that a user would pick instead."""
    environment()
    python("-m", "benchmarks", *options.names, failure="a benchmark failed")


def chapter(options: argparse.Namespace) -> None:
    """Write the skeleton of a new chapter."""
    environment()
    python("-m", "designbook.publish.skeleton", options.name, failure="no chapter was written")


def anki(options: argparse.Namespace) -> None:
    """Write `_build/system-design.apkg`, the cards of all chapters for Anki."""
    environment()
    python("-m", "designbook.publish.anki", failure="the package for Anki was not written")


def pins(options: argparse.Namespace) -> None:
    """Pin every requirement, direct and indirect, for all supported Pythons and systems."""
    environment()
    command = [str(BIN / "uv"), "pip", "compile", "--universal", "--python-version", "3.11", "--upgrade", "--quiet"]
    command += ["--no-emit-index-url", "--no-annotate", "--no-header", "requirements.in"]
    resolved = run(command, failure="requirements.in could not be resolved", stdout=subprocess.PIPE, text=True)
    (ROOT / "requirements.txt").write_text(resolved.stdout + "-e .\n")


def clean(options: argparse.Namespace) -> None:
    """Remove the built site and its caches; the virtual environments stay."""
    for folder in ("_build", ".browser"):
        shutil.rmtree(ROOT / folder, ignore_errors=True)


COMMANDS = {
    f.__name__: f
    for f in (
        book,
        test,
        serve,
        lab,
        pdf,
        epub,
        zip,
        sync,
        diagrams,
        execute,
        measurements,
        bench,
        chapter,
        anki,
        pins,
        clean,
    )
}


def environment() -> None:
    """Make `.venv` with the pinned requirements, unless it already holds exactly these."""
    first, last = SUPPORTED
    if not first <= sys.version_info[:2] <= last:
        running = ".".join(map(str, sys.version_info[:2]))
        wanted = f"{first[0]}.{first[1]} to {last[0]}.{last[1]}"
        stop(f"Python {wanted} is needed, and this is {running}: install one, then `make PYTHON=python3.12 book`")
    made_from = (ROOT / "requirements.txt", ROOT / "pyproject.toml")
    what = "making .venv and installing the pinned requirements (1.2 GB; half a minute to three)"
    if not install(VENV, made_from, what):
        stop("the requirements could not be installed: is there a network?")


def browser_environment() -> None:
    """Make `.venv-browser`, whose tools build what runs in a browser; without a network the book goes without."""
    requirements = ROOT / "browser" / "requirements.txt"
    if not install(BROWSER_VENV, (requirements,), "making .venv-browser, for what runs in the browser (120 MB)"):
        say("the tools in browser/requirements.txt could not be installed: the book goes without “Run in your browser”")


def install(venv: Path, made_from: "tuple[Path, ...]", what: str) -> bool:
    """Make a virtual environment with the first of these files as its requirements; False if they cannot be had.

    Does nothing if it already holds exactly these.
    """
    content = b"".join(path.read_bytes() for path in made_from)
    wanted = hashlib.sha256(content + sys.version.encode()).hexdigest()
    stamp, interpreter = venv / "installed", venv / SCRIPTS / "python"
    if stamp.exists() and stamp.read_text() == wanted:
        return True
    say(what)
    new = [sys.executable, "-m", "venv", "--clear", str(venv)]
    run(new, failure="no virtual environment: is python3-venv installed?")
    # uv installs in seconds what takes pip two minutes; where it cannot be had or fails, pip does the same.
    steps = [[interpreter, "-m", "pip", "install", "--quiet", UV]] if venv == VENV else []
    steps += [[str(BIN / "uv"), "pip", "install", "--python", interpreter, "-r", str(made_from[0])]]
    fast = all(succeeds(step) for step in steps)
    if not fast:
        say("installing with pip instead")
        if not succeeds([interpreter, "-m", "pip", "install", "-r", str(made_from[0])]):
            return False
    stamp.write_text(wanted)
    return True


def succeeds(command: "list[str | Path]") -> bool:
    """Whether a command, run in the project's folder, is there and exits with 0."""
    try:
        return subprocess.run(command, check=False, cwd=ROOT).returncode == 0
    except FileNotFoundError:
        return False


def browser() -> None:
    """Find a Chromium, or install one."""
    python(
        "-m", "designbook.publish.chromium", failure="no browser for the tests: set DESIGNBOOK_BROWSER to a Chromium"
    )


def python(*arguments: str, failure: str) -> None:
    """Run the virtual environment's Python in the project's folder."""
    run([str(BIN / "python"), *arguments], failure=failure)


def run(command: "list[str]", failure: str, **options: object) -> subprocess.CompletedProcess:
    """Run a command in the project's folder; on failure, say what that means in one line and exit with 1."""
    try:
        done = subprocess.run(command, check=False, cwd=ROOT, **options)
    except FileNotFoundError:
        stop(f"{failure} ({command[0]} is missing: remove .venv and try again)")
    if done.returncode:
        stop(failure)
    return done


def want_free_port(port: int, command: str) -> None:
    """Exit with one line if somebody listens on `port` already."""
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            stop(f"port {port} is in use: take another with `python make.py {command} --port {port + 1}`")


def say(text: str) -> None:
    """Print a line of progress."""
    print(f"-- {text}", flush=True)


def stop(text: str) -> None:
    """Exit with 1 and one line."""
    sys.exit(f"make: {text}")


if __name__ == "__main__":
    main()
