"""The house keeps its rules: floors, style, types, one set of pins, figures of the first page that hold."""

import csv
import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import nbformat
import pytest
import yaml

from designbook.publish.build import ImportGraph
from tests.conftest import NOTEBOOKS, ROOT

BIN = Path(sys.executable).parent


def run(*command: str) -> None:
    done = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command[:3])}:\n{done.stdout}{done.stderr}"


def test_a_floor_imports_only_what_is_below_it() -> None:
    run(str(BIN / "lint-imports"), "--no-cache")


def test_ruff_finds_nothing() -> None:
    run(str(BIN / "ruff"), "check", "--quiet", ".")


def test_everything_is_formatted() -> None:
    run(str(BIN / "ruff"), "format", "--check", "--quiet", ".")


def test_the_types_of_the_package_hold() -> None:
    run(str(BIN / "mypy"))


def pins(path: str) -> dict[str, set[str]]:
    """The pinned versions of each package in a requirements file."""
    found: dict[str, set[str]] = {}
    for line in (ROOT / path).read_text(encoding="utf-8").splitlines():
        match = re.match(r"([A-Za-z0-9._-]+)(?:\[\w+\])?==([^ ;]+)", line)
        if match:
            found.setdefault(match[1].lower().replace("_", "-"), set()).add(match[2])
    return found


def test_binder_installs_the_versions_that_are_tested() -> None:
    tested = pins("requirements.txt")
    for name, versions in pins(".binder/requirements.txt").items():
        assert versions <= tested.get(name, set()), f"{name} is pinned otherwise in .binder/requirements.txt"


def test_binder_has_all_that_the_chapters_import() -> None:
    lean, belongs = pins(".binder/requirements.txt"), packages_distributions()
    graph = ImportGraph()
    for path in NOTEBOOKS:
        cells = nbformat.read(path, as_version=4).cells
        code = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
        sources = [code, *(p.read_text() for p in graph.reached(re.findall(r"\bdesignbook(?:\.\w+)*", code)))]
        # Imports at the margin only: what stands deeper is asked for where it is there, as engines are.
        names = {name for text in sources for name in re.findall(r"^(?:import|from) (\w+)", text, re.MULTILINE)}
        for name in names - sys.stdlib_module_names - {"designbook", "IPython"}:
            packages = {package.lower().replace("_", "-") for package in belongs.get(name, [name])}
            assert packages & lean.keys(), f"{path.name} needs {name}, which .binder/requirements.txt lacks"


def test_every_direct_requirement_is_pinned() -> None:
    direct = re.findall(r"^([A-Za-z0-9._-]+)", (ROOT / "requirements.in").read_text(), re.MULTILINE)
    missing = {name.lower().replace("_", "-") for name in direct} - pins("requirements.txt").keys()
    assert not missing, f"run `make pins`: {missing}"


def test_the_workflow_tests_every_python_that_the_book_claims() -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/book.yml").read_text())
    tested = workflow["jobs"]["test"]["strategy"]["matrix"]["python"]
    claimed = re.search(r'requires-python = ">=3\.(\d+),<3\.(\d+)"', (ROOT / "pyproject.toml").read_text())
    assert claimed
    assert tested == [f"3.{minor}" for minor in range(int(claimed[1]), int(claimed[2]))]


def test_the_readme_lists_exactly_the_written_chapters() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    linked = set(re.findall(r"\]\((chapters/[\w/]+)\.ipynb\)", readme))
    written = {path.relative_to(ROOT).with_suffix("").as_posix() for path in NOTEBOOKS if "chapters" in path.parts}
    assert linked == written


def test_every_chapter_is_in_the_table_of_contents_and_a_topic_of_the_map() -> None:
    toc = (ROOT / "_toc.yml").read_text(encoding="utf-8")
    with (ROOT / "data/topics.csv").open(encoding="utf-8", newline="") as file:
        topics = {(row["part"].replace("-", "_"), row["slug"]) for row in csv.DictReader(file)}
    for path in NOTEBOOKS:
        if "chapters" in path.parts:
            name = path.relative_to(ROOT).with_suffix("").as_posix()
            assert f"file: {name}" in toc, f"{name} is not in _toc.yml"
            assert path.parent.name == "method" or (path.parent.name, path.stem) in topics


def tracked() -> list[str]:
    """The files that belong to the project, by git; empty outside of a repository."""
    done = subprocess.run(["git", "ls-files"], check=False, cwd=ROOT, capture_output=True, text=True)
    return done.stdout.splitlines() if done.returncode == 0 else []


def test_the_repository_stays_small() -> None:
    files = [ROOT / name for name in tracked() if (ROOT / name).is_file()]
    if not files:
        pytest.skip("not a repository: there is nothing to weigh")
    assert sum(path.stat().st_size for path in files) < 30_000_000
    large = [path.name for path in files if path.stat().st_size > 1_500_000]
    assert not large, f"over 1.5 MB: {large}"


def test_the_readme_shows_the_two_commands_within_its_first_screen() -> None:
    first = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()[:30]
    assert any("make book" in line for line in first)
    assert any("make test" in line for line in first)


def test_the_ci_runs_the_test_command_of_the_readme() -> None:
    assert "make test" in (ROOT / ".ci/run").read_text()
    assert "make test" in (ROOT / "README.md").read_text()
