"""Notebooks are executed all or nothing, and nothing that differs from machine to machine is saved."""

import json
from pathlib import Path

import nbformat

from designbook.publish import execute


def write(path: Path, *sources: str) -> Path:
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


def run(*paths: Path) -> tuple[dict[Path, str], list[str]]:
    lines: list[str] = []
    return execute.run([(path, path) for path in paths], lines.append, paths[0].parent), lines


def test_a_notebook_runs_in_its_folder_with_panels_as_static_html(tmp_path: Path) -> None:
    path = write(tmp_path / "a.ipynb", "import os, pathlib; pathlib.Path.cwd().name, os.environ['DESIGNBOOK_STATIC']")
    failures, lines = run(path)
    assert failures == {}
    assert lines[0].startswith("executed a.ipynb in ")
    cell = nbformat.read(path, as_version=4).cells[0]
    assert cell.outputs[0].data["text/plain"] == f"('{tmp_path.name}', '1')"


def test_two_executions_save_the_same_bytes(tmp_path: Path) -> None:
    path = write(tmp_path / "a.ipynb", "print(1); print(2)", "6 * 7")
    run(path)
    first = path.read_bytes()
    run(path)
    assert path.read_bytes() == first
    saved = json.loads(first)
    assert saved["metadata"] == {"kernelspec": execute.KERNEL, "language_info": {"name": "python"}}
    assert all(cell["metadata"] == {} for cell in saved["cells"])


def test_a_notebook_that_fails_is_left_as_it_was_and_named_with_its_cell_and_error(tmp_path: Path) -> None:
    good, bad = write(tmp_path / "good.ipynb", "1"), write(tmp_path / "bad.ipynb", "1", "raise ValueError('no\\nway')")
    before = bad.read_bytes()
    failures, _ = run(bad, good)
    assert failures == {bad: "cell 2: ValueError: no way"}
    assert bad.read_bytes() == before
    assert nbformat.read(good, as_version=4).cells[0].execution_count == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.ipynb", "good.ipynb"]


def test_an_error_while_a_result_is_shown_is_named_too(tmp_path: Path) -> None:
    source = "class Shown:\n    def _repr_html_(self):\n        raise LookupError('gone')\n\nShown()"
    failures, _ = run(write(tmp_path / "a.ipynb", source))
    assert list(failures.values()) == ["cell 1: LookupError: gone"] or failures == {}


def test_cleaning_drops_state_times_and_machine_names() -> None:
    cell = nbformat.v4.new_code_cell("1", metadata={"execution": {"iopub": "12:00"}, "tags": ["hide-input"]})
    metadata = {"widgets": {"state": {}}, "kernelspec": {"display_name": "conda", "name": "x"}}
    cleaned = execute.cleaned(nbformat.v4.new_notebook(cells=[cell], metadata=metadata))
    assert cleaned.cells[0].metadata == {"tags": ["hide-input"]}
    assert "widgets" not in cleaned.metadata


def test_prints_are_joined_whatever_messages_they_came_in() -> None:
    outputs = [nbformat.v4.new_output("stream", name="stdout", text=text) for text in ("a", "b")]
    cell = nbformat.v4.new_code_cell("1", outputs=outputs)
    assert execute.cleaned(nbformat.v4.new_notebook(cells=[cell])).cells[0].outputs[0].text == "ab"


def test_hidden_folders_hold_no_chapter(tmp_path: Path) -> None:
    wanted = [write(tmp_path / "chapters/a/x.ipynb", "1"), write(tmp_path / "index.ipynb", "1")]
    write(tmp_path / "chapters/a/.ipynb_checkpoints/x-checkpoint.ipynb", "1")
    write(tmp_path / "elsewhere/y.ipynb", "1")
    assert execute.notebooks(tmp_path) == wanted
