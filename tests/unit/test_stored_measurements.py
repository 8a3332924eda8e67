import json
from pathlib import Path

import pytest

from designbook.data import measurement

STORED = sorted(Path(__file__).parents[2].glob("data/measurements/*.json"))


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem)
def test_a_stored_measurement_was_made_with_the_code_as_it_is(path):
    found = measurement(path.stem)  # raises StaleMeasurement if one of the files it names has changed since
    assert found.machine
    assert found.date
    assert json.loads(path.read_text(encoding="utf-8"))["code"]["files"]


def test_the_measurements_that_the_chapters_show_are_there():
    assert {"shortener_stores", "shortener_kills", "cache_hit_ratio"} <= {path.stem for path in STORED}
