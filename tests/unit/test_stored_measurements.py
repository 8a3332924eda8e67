import json
import re
from pathlib import Path

import pytest

from benchmarks import __main__, measurements  # noqa: F401 (they import what registers)
from benchmarks.experiment import EXPERIMENTS
from benchmarks.harness import BENCHMARKS
from designbook.data import measurement

ROOT = Path(__file__).parents[2]
STORED = sorted(ROOT.glob("data/measurements/*.json"))


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem)
def test_a_stored_measurement_was_made_with_the_code_as_it_is(path):
    found = measurement(path.stem)  # raises StaleMeasurement if one of the files it names has changed since
    assert found.machine
    assert found.date
    assert json.loads(path.read_text(encoding="utf-8"))["code"]["files"]


def test_each_measurement_that_is_read_is_stored_and_each_that_is_stored_is_read_and_can_be_made_again():
    sources = [*ROOT.glob("designbook/**/*.py"), *ROOT.glob("chapters/**/*.ipynb")]
    code = "".join(path.read_text(encoding="utf-8") for path in sources)
    read = {name.removeprefix("bench_") for name in re.findall(r'measurement\(\\?"(\w+)\\?"', code)}
    stored = {path.stem for path in STORED if not path.stem.startswith("bench_")}
    benchmarks = {path.stem.removeprefix("bench_") for path in STORED if path.stem.startswith("bench_")}
    assert read <= stored | benchmarks
    assert stored <= read
    assert stored <= EXPERIMENTS.keys()
    assert benchmarks <= BENCHMARKS.keys()
