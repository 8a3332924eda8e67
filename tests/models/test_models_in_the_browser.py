"""Every capacity model gives in Chromium what it gives in Python, at every point of a grid that has the boundaries."""

import importlib
import itertools
import json
import math
import pkgutil
import random
from typing import Any

import pytest
from playwright.sync_api import Browser

import designbook.method
import designbook.systems
from designbook.capacity import CapacityModel, to_javascript
from designbook.publish import practice
from designbook.quantities import to_base

POINTS = 400


def models() -> list[type[CapacityModel]]:
    """All models of all systems, and of the method."""
    rooms = (designbook.method, designbook.systems)
    for room in rooms:
        for module in pkgutil.walk_packages(room.__path__, f"{room.__name__}."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)

    def below(parent: type[CapacityModel]) -> list[type[CapacityModel]]:
        return [model for child in parent.__subclasses__() for model in (child, *below(child))]

    found = [
        model
        for model in below(CapacityModel)
        if model.__module__.startswith(tuple(f"{room.__name__}." for room in rooms))
    ]
    return sorted(found, key=lambda model: model.__qualname__)


def choices(part: Any) -> list[float]:
    """Values of an input worth trying, in its unit: both ends, the default, the middle, whole and round numbers."""
    if not part.bounded:
        return [part.default]
    low, high = part.low, part.high
    middle = math.sqrt(low * high) if low > 0 else (low + high) / 2
    found = {low, high, part.default, middle, (low + high) / 2, math.floor(middle), math.ceil(middle)}
    found |= (
        {10.0**power for power in range(-3, 13)} | {2.0**power for power in range(40)} | {62.0**n for n in range(8)}
    )
    return sorted(value for value in found if low <= value <= high)


def grid(model: type[CapacityModel]) -> list[dict[str, float]]:
    """Each input over all its choices with the others at their default, then random mixtures of all."""
    tried = {name: choices(part) for name, part in model.inputs.items()}
    found: list[dict[str, float]] = [{}]
    found += [{name: value} for name, values in tried.items() for value in values]
    rng = random.Random(62)
    found += [{name: rng.choice(values) for name, values in tried.items()} for _ in range(POINTS)]
    return found


def base(model: type[CapacityModel], point: dict[str, float]) -> dict[str, float]:
    """All inputs at a point, in base units."""
    parts = model.inputs
    return {name: to_base(point.get(name, part.default), part.unit) for name, part in parts.items()}


def numbers(model: type[CapacityModel], point: dict[str, float]) -> dict[str, float]:
    """All estimates at a point, by Python."""
    made = model(**point)
    return {name: float(getattr(made, name)) for name in model.estimates}


@pytest.mark.parametrize("model", models(), ids=lambda model: model.__qualname__)
def test_a_model_gives_the_same_numbers_in_the_browser(model: type[CapacityModel], browser: Browser) -> None:
    points = grid(model)
    page = browser.new_page()
    source = f"""(given) => {{
        const model = {to_javascript(model)};
        return given.map((values) => {{
            const m = Object.assign(Object.create(model), values);
            return {json.dumps(list(model.estimates))}.map((name) => m[name]);
        }});
    }}"""
    theirs = page.evaluate(source, [base(model, point) for point in points])
    page.close()
    differing = [
        f"{name} at {point}: {ours!r} in Python, {other!r} in the browser"
        for point, row in zip(points, theirs, strict=True)
        for (name, ours), other in zip(numbers(model, point).items(), row, strict=True)
        if not (ours == float(other) or (math.isnan(ours) and math.isnan(other)))
    ]
    assert not differing, f"{len(differing)} of {len(points) * len(model.estimates)}:\n" + "\n".join(differing[:5])


def test_the_grid_stands_on_the_boundaries() -> None:
    for model in models():
        points = grid(model)
        for name, part in model.inputs.items():
            seen = set(itertools.chain.from_iterable([point[name]] for point in points if name in point))
            assert part.default in seen
            assert not part.bounded or {part.low, part.high} <= seen


def test_every_model_of_the_book_is_drilled() -> None:
    assert set(models()) <= set(practice.models().values())
