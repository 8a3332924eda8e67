"""Executes notebooks as they are committed, tested and built: panels as static HTML, nothing volatile saved.

`python -m designbook.publish.execute [NOTEBOOK ...]` executes in place, all chapters when none is named. A notebook
that fails is left as it was.
"""

import asyncio
import hashlib
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

CELL_TIMEOUT = 120
"""Seconds that one cell may run; a whole notebook's budget is 20."""

KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
VOLATILE = frozenset({"execution", "ExecuteTime", "collapsed", "trusted", "scrolled"})
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


class NotebookFailed(RuntimeError):
    """A cell raised, ran too long or took the kernel down; the message is one line that says which and how."""


def notebooks(root: Path) -> list[Path]:
    """Every notebook of the book at `root`: the first page and the chapters, in the order of their names."""
    found = [*root.glob("*.ipynb"), *root.glob("chapters/**/*.ipynb")]
    return sorted(path for path in found if not any(part.startswith(".") for part in path.relative_to(root).parts))


async def executed(path: Path) -> NotebookNode:
    """A copy of the notebook at `path`, executed in its own folder with panels as static HTML; the file stays as it is.

    Raises NotebookFailed with the cell's number (counted from 1, text cells included) and the error.
    """
    notebook = nbformat.read(path, as_version=4)
    notebook.metadata["kernelspec"] = dict(KERNEL)
    # An own, empty IPython folder: neither the reader's start-up files nor their history take part.
    with tempfile.TemporaryDirectory() as profile:
        client = NotebookClient(
            notebook,
            timeout=CELL_TIMEOUT,
            kernel_name=KERNEL["name"],
            record_timing=False,
            resources={"metadata": {"path": str(path.parent)}},
        )
        if os.name == "posix":
            # A socket in the file system: no port is taken, and nobody else on the machine can listen in.
            manager = client.create_kernel_manager()
            manager.transport, manager.ip = "ipc", str(Path(profile) / "kernel")
        environment = {**os.environ, "DESIGNBOOK_STATIC": "1", "IPYTHONDIR": profile}
        try:
            await client.async_execute(env=environment)
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            raise NotebookFailed(_reason(notebook, error)) from error
    return cleaned(notebook)


def _reason(notebook: NotebookNode, error: Exception) -> str:
    """One line: the failing cell's number and what it raised."""
    if isinstance(error, CellExecutionError):
        what = f"{error.ename}: {_ANSI.sub('', error.evalue)}"
        if error.ename == "NoneType":  # raised while a result was shown: only the traceback says what
            what = _ANSI.sub("", error.traceback).strip().splitlines()[-1]
    elif isinstance(error, CellTimeoutError):
        what = f"still running after {CELL_TIMEOUT} s"
    else:
        what = "its kernel died"
    started = [i for i, cell in enumerate(notebook.cells, 1) if cell.cell_type == "code" and cell.execution_count]
    failed = [
        i
        for i, cell in enumerate(notebook.cells, 1)
        if any(output.output_type == "error" for output in cell.get("outputs", []))
    ]
    number = failed[0] if failed else max(started, default=0) + 1
    return f"cell {number}: {' '.join(what.split())}"


def cleaned(notebook: NotebookNode) -> NotebookNode:
    """The notebook without what differs from run to run or from machine to machine: times, versions, widget state."""
    notebook.metadata = NotebookNode(kernelspec=NotebookNode(KERNEL), language_info=NotebookNode(name="python"))
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    taken: set[str] = set()
    for cell in notebook.cells:
        cell.metadata = NotebookNode({key: value for key, value in cell.metadata.items() if key not in VOLATILE})
        if not cell.get("id") or cell.id in taken:
            cell["id"] = hashlib.sha256(f"{len(taken)} {cell.source}".encode()).hexdigest()[:8]
        taken.add(cell.id)
        outputs: list[NotebookNode] = []
        for output in cell.get("outputs", []):
            output.get("metadata", {}).pop("isolated", None)
            # How the kernel cut its prints into messages depends on timing.
            if output.output_type == "stream" and outputs and outputs[-1].get("name") == output.name:
                outputs[-1].text += output.text
            else:
                outputs.append(output)
        if cell.cell_type == "code":
            cell.outputs = outputs
    return notebook


def save(notebook: NotebookNode, path: Path) -> None:
    """Write the notebook in one step: a reader of `path` sees the old file or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = nbformat.writes(notebook, version=nbformat.NO_CONVERT)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_text(text if text.endswith("\n") else text + "\n", encoding="utf-8")
    partial.replace(path)


def run(jobs: Iterable[tuple[Path, Path]], say: Callable[[str], None], root: Path) -> dict[Path, str]:
    """Execute each (notebook, destination) pair and save it there; returns the reason for each notebook that failed.

    One notebook runs at a time for every two cores, because a chapter is written to use two.
    """
    # In a thread of its own, so that it also works where a loop runs already: in a kernel, in a browser test.
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, _run(list(jobs), say, root)).result()


async def _run(jobs: list[tuple[Path, Path]], say: Callable[[str], None], root: Path) -> dict[Path, str]:
    turn = asyncio.Semaphore(max(1, (os.cpu_count() or 1) // 2))
    failures: dict[Path, str] = {}
    done = 0

    async def one(source: Path, destination: Path) -> None:
        nonlocal done
        name = source.relative_to(root).as_posix()
        async with turn:
            started = time.monotonic()
            try:
                save(await executed(source), destination)
            except NotebookFailed as error:
                failures[source] = str(error)
            done += 1
            outcome = "failed" if source in failures else "executed"
            say(f"{outcome} {name} in {time.monotonic() - started:.1f} s ({done} of {len(jobs)})")

    await asyncio.gather(*(one(*job) for job in jobs))
    return failures


def main(arguments: list[str]) -> int:
    """Execute the named notebooks in place, or all; returns the exit code."""
    root = Path.cwd()
    chosen = [Path(argument).resolve() for argument in arguments] or notebooks(root)
    missing = [path for path in chosen if not path.is_file()]
    if missing:
        print(f"execute: no such notebook: {missing[0]}", file=sys.stderr)
        return 1
    if not chosen:
        print("execute: there is no notebook here: run this from the root of the book", file=sys.stderr)
        return 1
    base = root if all(path.is_relative_to(root) for path in chosen) else Path(os.path.commonpath(chosen)).parent
    failures = run([(path, path) for path in chosen], lambda line: print(f"-- {line}", flush=True), base)
    for path, reason in failures.items():
        print(f"execute: {path.relative_to(base).as_posix()}, {reason}", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
