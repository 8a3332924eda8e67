"""How sure an estimate is: a band over the inputs' ranges, and which inputs move it."""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING, Any, NamedTuple

from designbook.capacity.model import CapacityModel, Input

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Band", "Bar", "monte_carlo", "tornado"]


class Band(NamedTuple):
    """The 10th, 50th and 90th percentile of an estimate, in base units."""

    p10: float
    p50: float
    p90: float


def _model(model: CapacityModel | type[CapacityModel]) -> CapacityModel:
    return model() if isinstance(model, type) else model


def _share(part: Input, value: float) -> float:
    """Where in its range, from 0 to 1 on the input's scale, a value in base units lies."""
    low, high = part.base("low"), part.base("high")
    share = log(value / low) / log(high / low) if part.scale == "log" else (value - low) / (high - low)
    return min(max(share, 0.0), 1.0)


def _triangle(uniform: np.ndarray[Any, Any], mode: float) -> np.ndarray[Any, Any]:
    """Triangularly distributed shares from uniform ones: likeliest at `mode`, impossible outside of 0 and 1."""
    import numpy as np

    below = np.sqrt(uniform * mode)
    above = 1 - np.sqrt((1 - uniform) * (1 - mode))
    return np.where(uniform < mode, below, above)


def monte_carlo(model: CapacityModel | type[CapacityModel], samples: int = 10_000, *, seed: int = 0) -> dict[str, Band]:
    """The band of every estimate when all inputs that have a range vary at once, independently of each other.

    An input is drawn from a triangular distribution on its own scale (of logarithms, for a logarithmic one): likeliest
    at the model's setting, less and less likely towards the ends of the range. A uniform one would call the ends as
    likely as the guess, and would move the middle of the band away from it. The same seed gives the same band.

    10,000 samples take milliseconds where the formulas work on arrays; one with a condition or a loop is computed a
    sample at a time. Raises ValueError for less than one sample.
    """
    import numpy as np

    if samples < 1:
        raise ValueError(f"samples must be 1 or more, not {samples}")
    centre = _model(model)
    rng = np.random.default_rng(seed)
    values: dict[str, Any] = {}
    for name, part in type(centre).inputs.items():
        setting = getattr(centre, name)
        uniform = rng.random(samples)  # drawn for each input, so that fixing one leaves the draws of the others alone
        moves = part.bounded and part.low < part.high
        values[name] = part.at(_triangle(uniform, _share(part, setting))) if moves else setting
    trial = type(centre).from_base(values)
    bands = {}
    for name in type(centre).estimates:
        results = np.broadcast_to(np.asarray(getattr(trial, name), dtype=float), (samples,))
        bands[name] = Band(*(float(each) for each in np.percentile(results, [10, 50, 90])))
    return bands


@dataclass(frozen=True, slots=True)
class Bar:
    """What one input does to an estimate: its value (base units) with the input at the low and at the high end."""

    input: str
    label: str
    low: float
    high: float
    at_low: str
    at_high: str

    @property
    def swing(self) -> float:
        """How far the estimate moves, in base units."""
        return abs(self.high - self.low)


def tornado(model: CapacityModel | type[CapacityModel], estimate: str) -> list[Bar]:
    """How far each input alone moves an estimate over its range, the others as they are set; widest first.

    Inputs that do not move it are left out. Raises AttributeError for an estimate that the model does not have.
    """
    centre = _model(model)
    kind = type(centre)
    if estimate not in kind.estimates:
        raise AttributeError(f"{kind.__name__} has no estimate {estimate!r}; it has {', '.join(kind.estimates)}")
    settings = {name: getattr(centre, name) for name in kind.inputs}
    bars = []
    for name, part in kind.inputs.items():
        if not part.bounded or part.low == part.high:
            continue
        low, high = part.base("low"), part.base("high")
        ends = [float(getattr(kind.from_base({**settings, name: end}), estimate)) for end in (low, high)]
        if ends[0] != ends[1]:
            bars.append(Bar(name, part.about or part.label, ends[0], ends[1], part.show(low), part.show(high)))
    return sorted(bars, key=lambda bar: -bar.swing)
