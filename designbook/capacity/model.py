"""Capacity estimates as models: inputs with units and ranges, estimates as formulas, and the limits that decide.

A model's attributes are plain floats in base units (or NumPy arrays, in sweeps), so a formula holds no 86,400 and no
1e12. The same formulas are run on quantities with units, once, before the first model of a class is made.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple, TypedDict, TypeVar, cast, overload

from designbook import quantities
from designbook.capacity.functions import is_array, is_quantity, with_units
from designbook.data import Fact
from designbook.quantities import Rules, UnitError, format_value, human

__all__ = [
    "CapacityModel",
    "CircularEstimate",
    "DimensionError",
    "Estimate",
    "Input",
    "Limit",
    "Verdict",
    "check_dimensions",
    "estimate",
]

Scale = Literal["linear", "log"]
Model = TypeVar("Model", bound="CapacityModel")


class DimensionError(TypeError):
    """An estimate does not give what it promises: it names the model, the estimate and both dimensions."""


class CircularEstimate(ValueError):
    """Estimates that need each other in a circle."""


class Input:
    """A number that the model is given: its default, unit, range, and what it is.

    `low` and `high` bound what the model accepts and where its slider runs; an input without them is not moved. `scale`
    is how the slider, the sweeps and Monte Carlo walk the range. The default may be a `Fact`, whose unit it takes over.
    """

    def __init__(
        self,
        default: float | Fact,
        unit: str | None = None,
        *,
        low: float | None = None,
        high: float | None = None,
        scale: Scale = "linear",
        about: str = "",
    ) -> None:
        """Raises ValueError if the range does not hold the default, UnitError if the unit is unknown."""
        self.source = default if isinstance(default, Fact) else None
        if isinstance(default, Fact):
            unit = default.unit if unit is None else unit
            if not quantities.same_dimension(unit, default.unit):
                raise UnitError(f"the fact {default.id!r} is in {default.unit!r}, which does not convert to {unit!r}")
            default = default.value if unit == default.unit else quantities.from_base(default.base, unit)
        self.name = ""
        self.default = float(default)
        self.unit = unit or ""
        self.about = about
        self.scale: Scale = scale
        if (low is None) != (high is None):
            raise ValueError(f"an input has both low and high, or neither: low={low}, high={high}")
        self.low = self.default if low is None else float(low)
        self.high = self.default if high is None else float(high)
        self.bounded = low is not None
        if not self.low <= self.default <= self.high:
            raise ValueError(f"the default {self.default:g} is outside of its range, {self.low:g} to {self.high:g}")
        if scale not in ("linear", "log"):
            raise ValueError(f"scale is 'linear' or 'log', not {scale!r}")
        if scale == "log" and self.low <= 0:
            raise ValueError(f"a logarithmic range starts above 0, not at {self.low:g}")
        quantities.display(self.unit)

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, model: None, owner: type) -> Input: ...
    @overload
    def __get__(self, model: CapacityModel, owner: type) -> float: ...
    def __get__(self, model: CapacityModel | None, owner: type) -> Input | float:
        return self if model is None else cast(float, model._values[self.name])

    def __set__(self, model: CapacityModel, value: float) -> None:
        raise AttributeError(f"{self.name} is fixed in this model; model.but({self.name}=...) makes another one")

    @property
    def label(self) -> str:
        """Its name in words: `peak to mean`."""
        return self.name.replace("_", " ")

    def show(self, value: float | None = None) -> str:
        """`value` (in base units; the default, if none is given) as people say it."""
        return human(self.base() if value is None else value, self.unit)

    def base(self, which: Literal["default", "low", "high"] = "default") -> float:
        """The default, or an end of the range, in base units."""
        return quantities.to_base(cast(float, getattr(self, which)), self.unit)

    def at(self, share: Any) -> Any:
        """The value at `share` (0 to 1; an array too) of the range, on the input's scale, in base units."""
        low, high = self.base("low"), self.base("high")
        if self.scale == "log":
            return low * (high / low) ** share
        return low + (high - low) * share

    def read(self, value: Any, model: str) -> Any:
        """A setting in base units: a number or array in the input's unit, or a text such as `3 TB`.

        Raises ValueError, which names the input, the value and the range.
        """
        where = f"{model}.{self.name}"
        if isinstance(value, str):
            match = re.fullmatch(r"\s*([-+]?[\d.,_]+(?:[eE][-+]?\d+)?)\s*(.*?)\s*", value)
            if match is None:
                raise ValueError(f"{where}: {value!r} is not a number with a unit, such as '3 {self.unit}'")
            number = float(match[1].replace(",", ""))
            unit = match[2] or self.unit
            if not quantities.same_dimension(unit, self.unit):
                raise UnitError(f"{where} is in {self.unit or 'mere numbers'}, and {value!r} does not convert to that")
            value = quantities.from_base(quantities.to_base(number, unit), self.unit)
        value = value.astype(float) if is_array(value) else float(value)
        slack = 1e-9 * (abs(self.high) + abs(self.low))
        smallest, largest = (value.min(), value.max()) if is_array(value) else (value, value)
        if self.bounded and not (self.low - slack <= smallest and largest <= self.high + slack):
            wrong = largest if largest > self.high else smallest
            raise ValueError(
                f"{where} = {wrong:g} is outside of its range, {self.low:g} to {self.high:g} {self.unit}".rstrip()
            )
        return quantities.to_base(value, self.unit)


class Estimate:
    """A formula of the model: a method that gives a number in base units, and the unit in which people want it."""

    def __init__(self, function: Callable[[Any], float], unit: str, asks: str = "") -> None:
        self.function = function
        self.name = function.__name__
        self.unit = unit
        self.asks = asks
        self.about = (function.__doc__ or "").strip().split("\n\n")[0].replace("\n", " ")
        self.__doc__ = function.__doc__
        quantities.display(unit)

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, model: None, owner: type) -> Estimate: ...
    @overload
    def __get__(self, model: CapacityModel, owner: type) -> float: ...
    def __get__(self, model: CapacityModel | None, owner: type) -> Estimate | float:
        return self if model is None else cast(float, model._result(self))

    def __set__(self, model: CapacityModel, value: float) -> None:
        raise AttributeError(f"{self.name} is computed by the model and cannot be set")

    @property
    def label(self) -> str:
        """Its name in words: `peak reads`."""
        return self.name.replace("_", " ")

    def show(self, value: float) -> str:
        """`value`, in base units, as people say it."""
        return human(value, self.unit)


def estimate(unit: str, *, asks: str = "") -> Callable[[Callable[[Any], float]], Estimate]:
    """Makes a method of a model an estimate, given to people in `unit`. Its docstring says what it is.

    `asks` is the question to which it is the answer, for someone who knows nothing of the model: whose, mean or peak,
    and in what.
    """
    return lambda function: Estimate(function, unit, asks)


class Limit:
    """What one part of the design sustains, and the step of the design that comes after: so a number decides.

    `estimate` names what is limited; the value may be a `Fact`, whose unit it takes over. `about` is the part ("one
    Valkey node, pipelined"), `then` the step ("shard the cache by hash of the code").
    """

    def __init__(
        self, estimate: str, value: float | Fact, unit: str | None = None, *, about: str, then: str = ""
    ) -> None:
        """Raises ValueError if the value is not above 0, UnitError if the unit is unknown."""
        self.source = value if isinstance(value, Fact) else None
        if isinstance(value, Fact):
            unit = value.unit if unit is None else unit
            value = value.value if unit == value.unit else quantities.from_base(value.base, unit)
        if not value > 0:
            raise ValueError(f"a limit is above 0, not {value}")
        self.name = ""
        self.estimate = estimate
        self.value = float(value)
        self.unit = unit or ""
        self.about = about
        self.then = then
        quantities.display(self.unit)

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @property
    def base(self) -> float:
        """The limit in base units."""
        return quantities.to_base(self.value, self.unit)

    def show(self) -> str:
        """The limit as people say it."""
        return human(self.base, self.unit)


class LimitRow(TypedDict):
    """A limit as plain values, for `weigh` and for the page."""

    name: str
    estimate: str
    label: str
    value: float
    shown: str
    about: str
    then: str


def weigh(limits: list[LimitRow], values: list[float], times: Rules, percent: Rules) -> tuple[int, float, str]:
    """Which limit is nearest or furthest passed, by what ratio, in a sentence. Pages run it as JavaScript."""
    worst = -1
    highest = 0.0
    for index in range(len(limits)):
        ratio = values[index] / limits[index]["value"]
        if worst < 0 or ratio > highest:
            worst = index
            highest = ratio
    if worst < 0:
        return (-1, 0.0, "")
    limit = limits[worst]
    if highest > 1:
        load = format_value(highest, percent) + " of" if highest < 2 else format_value(highest, times) + " times"
        sentence = (
            limit["about"] + " gives way first: " + limit["label"] + " at " + load + " its " + limit["shown"] + "."
        )
        if limit["then"] != "":
            sentence = sentence + " Next step: " + limit["then"] + "."
        others = ""
        for index in range(len(limits)):
            if index != worst and values[index] > limits[index]["value"]:
                others = others + ("; " if others != "" else "") + limits[index]["about"]
        if others != "":
            sentence = sentence + " Past their limits too: " + others + "."
        return (worst, highest, sentence)
    sentence = limit["about"] + " still carries " + limit["label"] + ", at " + format_value(highest, percent)
    sentence = sentence + " of its " + limit["shown"] + "."
    if limit["then"] != "":
        sentence = sentence + " Beyond that: " + limit["then"] + "."
    return (worst, highest, sentence)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What gives way first at a model's settings, the ratio of load to limit, and in a sentence what comes next."""

    limit: Limit | None
    ratio: float
    sentence: str


class _Rules(NamedTuple):
    times: Rules
    percent: Rules


def ratio_rules() -> _Rules:
    """How the ratios of a verdict are shown: 3.4 times, 29 %, and 101 % just past the limit."""
    times: Rules = {**quantities.display("").as_json(), "digits": 2}
    return _Rules(times, quantities.display("percent").as_json())


class CapacityModel:
    """What a system must carry: subclass it with inputs, estimates and limits, and call that with settings.

    A setting is a number (or a NumPy array) in its input's unit, or a text with one: `M(kept=3)`, `M(kept="3 years")`.
    Inputs and estimates are attributes: floats or arrays in base units, computed when they are first asked for.
    """

    inputs: ClassVar[Mapping[str, Input]] = {}
    estimates: ClassVar[Mapping[str, Estimate]] = {}
    limits: ClassVar[Mapping[str, Limit]] = {}
    _checked: ClassVar[bool] = False

    def __init_subclass__(cls, **options: Any) -> None:
        """Collects the parts; raises TypeError for a reserved name or a limit on nothing, UnitError for its unit."""
        super().__init_subclass__(**options)
        found: dict[str, Any] = {}
        for base in reversed(cls.__mro__):
            if not issubclass(base, CapacityModel) or base is CapacityModel:
                continue
            found = {name: part for name, part in found.items() if name not in vars(base)}
            found |= {name: part for name, part in vars(base).items() if isinstance(part, Input | Estimate | Limit)}
        for name in found:
            if name in _RESERVED or name.startswith("_"):
                raise TypeError(f"{cls.__name__}: {name!r} cannot name a part of a model; choose another word")
        cls.inputs = {name: part for name, part in found.items() if isinstance(part, Input)}
        cls.estimates = {name: part for name, part in found.items() if isinstance(part, Estimate)}
        cls.limits = {name: part for name, part in found.items() if isinstance(part, Limit)}
        cls._checked = False
        for name, limit in cls.limits.items():
            limited = cls.estimates.get(limit.estimate)
            if limited is None:
                raise TypeError(f"{cls.__name__}.{name} limits {limit.estimate!r}, which is no estimate of the model")
            if not quantities.same_dimension(limit.unit, limited.unit):
                raise UnitError(
                    f"{cls.__name__}.{name} is in {limit.unit!r}, but {limited.name} is in {limited.unit!r}"
                )

    def __init__(self, **settings: Any) -> None:
        """Raises TypeError for an unknown setting, ValueError for one out of range, DimensionError for a formula."""
        cls = type(self)
        for name in settings:
            if name not in cls.inputs:
                raise TypeError(f"{cls.__name__} has no input {name!r}; it has {', '.join(cls.inputs)}")
        if not cls._checked:
            check_dimensions(cls)
        self._values: dict[str, Any] = {
            name: part.read(settings.get(name, part.default), cls.__name__) for name, part in cls.inputs.items()
        }
        self._settings = settings
        self._start()

    def _start(self) -> None:
        self._results: dict[str, Any] = {}
        self._running: list[str] = []
        self._parts: list[CapacityModel] | None = None

    @classmethod
    def from_base(cls: type[Model], values: Mapping[str, Any]) -> Model:
        """A model of values in base units; the other inputs have their defaults. Ranges are not checked."""
        for name in values:
            if name not in cls.inputs:
                raise TypeError(f"{cls.__name__} has no input {name!r}; it has {', '.join(cls.inputs)}")
        model = cls.__new__(cls)
        model._values = {name: values.get(name, part.base()) for name, part in cls.inputs.items()}
        model._settings = {name: quantities.from_base(value, cls.inputs[name].unit) for name, value in values.items()}
        model._start()
        return model

    def but(self: Model, **settings: Any) -> Model:
        """The same model with some settings changed."""
        return type(self)(**{**self._settings, **settings})

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self._settings.items())})"

    def _result(self, part: Estimate) -> Any:
        if part.name in self._results:
            return self._results[part.name]
        name = type(self).__name__
        if part.name in self._running:
            circle = [*self._running[self._running.index(part.name) :], part.name]
            raise CircularEstimate(f"{name}: estimates need each other in a circle: {' -> '.join(circle)}")
        self._running.append(part.name)
        try:
            result = self._compute(part)
        except CircularEstimate:
            raise
        except Exception as error:
            note = f"while computing {name}.{part.name}"
            if note not in getattr(error, "__notes__", []):
                error.add_note(note)
            raise
        finally:
            self._running.pop()
        self._results[part.name] = result
        return result

    def _compute(self, part: Estimate) -> Any:
        arrays = [value for value in self._values.values() if is_array(value)]
        if not arrays:
            result: Any = part.function(self)
            return result if is_quantity(result) else float(result)
        try:
            return part.function(self)
        except (TypeError, ValueError) as error:
            if isinstance(error, CircularEstimate):
                raise
            # A formula with a condition or a loop takes one number at a time.
            return self._one_by_one(part)

    def _one_by_one(self, part: Estimate) -> Any:
        import numpy as np

        names = list(self._values)
        columns = np.broadcast_arrays(*(np.asarray(self._values[name], dtype=float) for name in names))
        if self._parts is None:
            flat = [column.ravel().tolist() for column in columns]
            self._parts = [type(self).from_base(dict(zip(names, row, strict=True))) for row in zip(*flat, strict=True)]
        results = [model._result(part) for model in self._parts]
        return np.array(results, dtype=float).reshape(columns[0].shape)

    def _part(self, name: str) -> Input | Estimate:
        part = type(self).estimates.get(name) or type(self).inputs.get(name)
        if part is None:
            known = ", ".join([*type(self).inputs, *type(self).estimates])
            raise AttributeError(f"{type(self).__name__} has no input or estimate {name!r}; it has {known}")
        return part

    def show(self, name: str, unit: str | None = None) -> str:
        """An input or estimate as people say it: `3.8 k req/s`; in another unit's style, if one is given."""
        part = self._part(name)
        if unit is not None and not quantities.same_dimension(unit, part.unit):
            raise UnitError(f"{type(self).__name__}.{name} is in {part.unit!r}, which does not convert to {unit!r}")
        return human(getattr(self, name), part.unit if unit is None else unit)

    def value(self, name: str, unit: str | None = None) -> float:
        """An input or estimate as a number (or array) of `unit`, or of its own unit."""
        part = self._part(name)
        unit = part.unit if unit is None else unit
        if not quantities.same_dimension(unit, part.unit):
            raise UnitError(f"{type(self).__name__}.{name} is in {part.unit!r}, which does not convert to {unit!r}")
        return quantities.from_base(cast(float, getattr(self, name)), unit)

    @classmethod
    def limit_rows(cls) -> list[LimitRow]:
        """The limits as plain values, in base units."""
        return [
            {
                "name": limit.name,
                "estimate": limit.estimate,
                "label": cls.estimates[limit.estimate].label,
                "value": limit.base,
                "shown": limit.show(),
                "about": limit.about[:1].upper() + limit.about[1:],
                "then": limit.then,
            }
            for limit in cls.limits.values()
        ]

    def verdict(self) -> Verdict:
        """What gives way first at these settings, and the step of the design that comes next."""
        rows = type(self).limit_rows()
        values = [getattr(self, row["estimate"]) for row in rows]
        if any(is_array(value) for value in values):
            raise ValueError("a verdict is about one setting; take one from the arrays")
        rules = ratio_rules()
        index, ratio, sentence = weigh(rows, values, rules.times, rules.percent)
        return Verdict(None if index < 0 else list(type(self).limits.values())[index], ratio, sentence)


_RESERVED = frozenset(name for name in vars(CapacityModel) if not name.startswith("__"))


def check_dimensions(model: type[CapacityModel]) -> None:
    """Runs every estimate on quantities with units: at the defaults, and with all inputs low, then high.

    The three runs reach more branches than one would. Raises DimensionError, which names the model, the estimate and
    both dimensions.
    """
    units: Any = quantities.registry
    for which in ("default", "low", "high"):
        values = {
            name: units.Quantity(part.base(cast(Any, which)), quantities.base_unit(part.unit))
            for name, part in model.inputs.items()
        }
        trial = model.from_base({})
        trial._values = values
        for part in model.estimates.values():
            with with_units():
                result = _run(trial, part)
            promised = units.Quantity(1, quantities.base_unit(part.unit)).dimensionality
            given = result.dimensionality if is_quantity(result) else units.Quantity(1, "").dimensionality
            if given != promised:
                raise DimensionError(
                    f"{model.__name__}.{part.name} promises {part.unit or 'a number'} ({promised}), "
                    f"but its formula gives {given}"
                )
    model._checked = True


def _run(trial: CapacityModel, part: Estimate) -> Any:
    try:
        return trial._result(part)
    except (CircularEstimate, DimensionError):
        raise
    except (ZeroDivisionError, OverflowError):
        # Not a matter of dimensions: the number itself is out of reach at this end of the ranges.
        return quantities.registry.Quantity(math.nan, quantities.base_unit(part.unit))
    except Exception as error:
        where = next((note for note in getattr(error, "__notes__", [])), f"while computing {part.name}")
        name = where.removeprefix("while computing ")
        raise DimensionError(f"{name}: {error}") from error
