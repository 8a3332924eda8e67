"""A model's estimates beside published figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from designbook import quantities
from designbook.capacity.model import CapacityModel
from designbook.data import Fact, fact
from designbook.quantities import UnitError, human

__all__ = ["Comparison", "compare"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One estimate beside one figure: both as people say them, and the model's value over the published one."""

    estimate: str
    label: str
    ours: str
    published: str
    ratio: float
    fact: Fact

    @property
    def citation(self) -> str:
        """Who published the figure, where and when."""
        return self.fact.cite()


def compare(model: CapacityModel, figures: Mapping[str, str | Fact]) -> list[Comparison]:
    """The model's estimates (or inputs) beside the published figures with these ids, which count as cited.

    Both must measure the same: bytes with bytes, a rate with a rate. What is counted may differ in name (a model's
    requests, a company's clicks), and the row shows each with its own. Raises UnknownFact, AttributeError or UnitError.
    """
    rows = []
    for name, each in figures.items():
        figure = fact(each) if isinstance(each, str) else each
        part = model._part(name)
        if not quantities.same_measure(part.unit, figure.unit):
            raise UnitError(
                f"{type(model).__name__}.{name} is in {part.unit!r}, "
                f"and the fact {figure.id!r} in {figure.unit!r}: they cannot be compared"
            )
        ours = float(getattr(model, name))
        rows.append(Comparison(name, part.label, human(ours, part.unit), figure.show(), ours / figure.base, figure))
    return rows
