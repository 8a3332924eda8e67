"""Code cells that show the package: filled from it, held equal to it, and nothing else touched."""

import json
from pathlib import Path
from typing import Any

import pytest

from designbook.blocks import base62
from designbook.page import definition
from designbook.page.listing import LONGEST, ListingError, check, fill, main, sync

MARKER = "# from designbook.blocks.base62: encode"


def notebook(path: Path, *sources: str) -> dict[str, Any]:
    outputs = [{"name": "stdout", "output_type": "stream", "text": ["1 µs\n"]}]
    content = {
        "cells": [
            {
                "cell_type": "code",
                "execution_count": 3,
                "id": f"c{n}",
                "metadata": {},
                "outputs": outputs,
                "source": text.splitlines(keepends=True),
            }
            for n, text in enumerate(sources)
        ],
        "metadata": {"z": 1, "a": 2},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return content


def test_a_marked_cell_is_filled_and_everything_else_stays_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "chapter.ipynb"
    before = notebook(path, MARKER, "x = 1  # encode")
    assert len(check(path)) == 1
    assert "make sync" in check(path)[0]
    assert sync(path)
    assert check(path) == []
    after = json.loads(path.read_text(encoding="utf-8"))
    assert "".join(after["cells"][0]["source"]) == f"{MARKER}\n{definition(base62.encode)}"
    before["cells"][0]["source"] = after["cells"][0]["source"]
    assert path.read_text(encoding="utf-8") == json.dumps(before, indent=1, ensure_ascii=False) + "\n"


def test_a_second_sync_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "chapter.ipynb"
    notebook(path, MARKER)
    assert sync(path)
    stamp = path.stat().st_mtime_ns
    assert not sync(path)
    assert path.stat().st_mtime_ns == stamp


def test_an_edit_of_the_cell_or_of_the_package_is_found(tmp_path: Path) -> None:
    path = tmp_path / "chapter.ipynb"
    notebook(path, MARKER)
    sync(path)
    path.write_text(path.read_text(encoding="utf-8").replace("def encode(", "def encode_(", 1), encoding="utf-8")
    assert check(path) == [f"chapter.ipynb: the cell `{MARKER}` differs from the package: run `make sync`"]


def test_several_definitions_stand_in_the_order_of_the_marker_and_run() -> None:
    source = fill("# from designbook.blocks.base62: ALPHABET, decode, encode")
    assert source.index("ALPHABET") < source.index("def decode") < source.index("def encode")


def test_a_method_shown_alone_takes_effect_on_its_class() -> None:
    source = fill("# from designbook.page.figures: Drawing._repr_mimebundle_")

    class Drawing:
        svg, alt = "<svg/>", "a"

    scope: dict[str, Any] = {"Drawing": Drawing, "Any": Any, "styled": str}
    exec(source.replace("dbk-drawing", "edited"), scope)
    assert "edited" in scope["Drawing"]()._repr_mimebundle_()["text/html"]


@pytest.mark.parametrize(
    ("marker", "why"),
    [
        ("# from designbook.blocks.nowhere: x", "no module"),
        ("# from designbook.blocks.base62: nothing", "no definition of nothing"),
        ("# from designbook.blocks.base62: Nobody.encode", "no class Nobody"),
        ("# from designbook.page.listing encode", "a marker reads"),
        ("# from designbook.page.experiment_panel: ExperimentPanel", f"{LONGEST} at most"),
    ],
)
def test_a_marker_that_cannot_be_filled_says_why(marker: str, why: str) -> None:
    with pytest.raises(ListingError, match=why):
        fill(marker)


def test_one_bad_notebook_is_named_and_does_not_stop_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad, good = tmp_path / "bad.ipynb", tmp_path / "good.ipynb"
    notebook(bad, "# from designbook.blocks.base62: nothing")
    notebook(good, MARKER)
    assert main([str(bad), str(good)]) == 1
    shown = capsys.readouterr()
    assert "good.ipynb: filled" in shown.out
    assert "bad.ipynb: # from designbook.blocks.base62: nothing" in shown.err
