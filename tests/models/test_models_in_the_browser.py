"""Every capacity model gives the same numbers, the same verdict and the same texts in Python and in a browser."""

import importlib
import math
import pkgutil
import random

import pytest

from designbook import systems
from designbook.capacity import CapacityModel, log, log2, to_javascript, translate
from designbook.quantities import display, format_value, human


def models():
    for module in pkgutil.walk_packages(systems.__path__, "designbook.systems."):
        if module.name.endswith(".capacity"):
            for value in vars(importlib.import_module(module.name)).values():
                if isinstance(value, type) and issubclass(value, CapacityModel) and value.__module__ == module.name:
                    yield value


MODELS = list(models())


@pytest.fixture(scope="module")
def page(browser):
    page = browser.new_page()
    yield page
    page.close()


def points(model):
    """The defaults, every input alone at each end of its range, all low, all high, and a seeded crowd between."""
    inputs = model.inputs
    middle = {name: part.base() for name, part in inputs.items()}
    rows = [middle, *({name: part.base(end) for name, part in inputs.items()} for end in ("low", "high"))]
    rows += [{**middle, name: part.base(end)} for name, part in inputs.items() for end in ("low", "high")]
    rng = random.Random(2026)
    for _ in range(500):
        shares = {name: rng.choice([0, 1, rng.random(), rng.random()]) for name in inputs}
        rows.append({name: part.at(shares[name]) for name, part in inputs.items()})
    return rows


def test_there_are_models_to_compare():
    assert MODELS


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_a_model_computes_the_same_in_the_browser(page, model):
    rows, names = points(model), list(model.estimates)
    script = f"""([rows, names]) => {{
        const model = {to_javascript(model)};
        return rows.map(row => {{
            Object.assign(model, row);
            return [names.map(name => model[name]), model.verdict];
        }});
    }}"""
    for row, (values, verdict) in zip(rows, page.evaluate(script, [rows, names]), strict=True):
        ours = model.from_base(row)
        # Browsers and C libraries round powers and logarithms differently in the last bits, and in no others.
        assert values == pytest.approx([getattr(ours, name) for name in names], rel=1e-12, abs=0), row
        expected = ours.verdict()
        assert verdict["sentence"] == expected.sentence
        assert verdict["limit"] == (expected.limit and expected.limit.name)
        assert verdict["ratio"] == pytest.approx(expected.ratio, rel=1e-12)


def both_logarithms(x):
    return [log(x, 62), log(x, 10), log2(x)]


def test_whole_logarithms_are_whole_in_the_browser_too(page):
    powers = [float(base) ** power for base in (2, 10, 62) for power in range(1, 8)]
    near = [math.nextafter(x, end) for x in powers for end in (0.0, math.inf)]
    script = f"xs => xs.map({translate(both_logarithms)})"
    for x, found in zip(powers + near, page.evaluate(script, powers + near), strict=True):
        assert [math.ceil(each) for each in found] == [math.ceil(each) for each in both_logarithms(x)], x


UNITS = ["byte", "bit/second", "request/second", "USD/month", "USD/gigabyte/month", "percent", "", "times", "second"]
UNITS += ["year", "millisecond", "character", "byte/link", "request/second/server"]


@pytest.mark.parametrize("unit", UNITS)
def test_a_number_is_shown_by_the_same_text_in_the_browser(page, unit):
    rng = random.Random(unit)
    values = [rng.choice([1, -1]) * 10 ** rng.uniform(-12, 22) for _ in range(500)]
    values += [0.0, 5e-324, 1e-300, 1e308, 59.949999, 59.95, 999.4999, 999.5, 9995.0, 0.9995, 0.99995, 9.995e17]
    script = f"([values, rules]) => values.map(value => ({translate(format_value)})(value, rules))"
    shown = page.evaluate(script, [values, display(unit).as_json()])
    assert shown == [human(value, unit) for value in values]
