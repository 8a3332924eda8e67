"""Every notebook, run again from top to bottom, gives what is saved in it: nbval, strict."""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from tests.conftest import NOTEBOOKS, ROOT


def compared(notebook: Path) -> subprocess.CompletedProcess[str]:
    """Run nbval over one notebook, panels as static HTML."""
    start = "import sys, designbook.publish, pytest; sys.exit(pytest.main(sys.argv[1:]))"
    command = [sys.executable, "-c", start, "-p", "nbval.plugin", "--nbval", "--nbval-cell-timeout=120"]
    command += [f"--nbval-sanitize-with={ROOT / 'tests/chapters/sanitize.cfg'}", "--nbval-current-env"]
    command += [
        "-p",
        "no:cacheprovider",
        "-c",
        os.devnull,
        "--rootdir",
        str(notebook.parent),
        "-q",
        "--tb=short",
        str(notebook),
    ]
    environment = {**os.environ, "DESIGNBOOK_STATIC": "1", "NO_COLOR": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    environment.pop("PYTEST_ADDOPTS", None)
    return subprocess.run(command, check=False, capture_output=True, text=True, env=environment, cwd=notebook.parent)


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_notebook_gives_again_what_is_saved_in_it(notebook: Path) -> None:
    done = compared(notebook)
    assert done.returncode == 0, f"run `make execute` if the change is meant:\n{done.stdout[-6000:]}"


def test_an_output_that_differs_is_noticed_and_one_that_does_not_passes(tmp_path: Path) -> None:
    def cell(saved: str) -> nbformat.NotebookNode:
        output = nbformat.v4.new_output("execute_result", {"text/plain": saved}, execution_count=1)
        return nbformat.v4.new_code_cell("2 + 2", execution_count=1, outputs=[output])

    path = tmp_path / "toy.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[cell("4"), cell("5")]), path)
    done = compared(path)
    assert done.returncode == 1
    assert "1 failed, 1 passed" in done.stdout
    assert "toy.ipynb::Cell 1" in done.stdout, "the second cell"
