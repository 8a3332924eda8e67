"""The functions that an estimate may use: the same on floats, NumPy arrays, quantities with units, and in JavaScript.

Results are floats also where Python's own would be integers, so that the page computes the same number.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, cast

from designbook import quantities

__all__ = ["amount", "ceil", "count", "exp", "floor", "log", "log2", "maximum", "minimum", "sqrt"]

_checking: ContextVar[bool] = ContextVar("_checking", default=False)

# What is measured, not counted: these dimensions do not fall away in `count`, and have no logarithm.
_MEASURED = frozenset({"[time]", "[information]", "[currency]"})


class WrongDimension(ValueError):
    """A function was handed a quantity for which it has no meaning."""


@contextmanager
def with_units() -> Iterator[None]:
    """While this lasts, `amount` gives quantities with units: the algebra of the dimension check."""
    token = _checking.set(True)
    try:
        yield
    finally:
        _checking.reset(token)


def is_array(value: Any) -> bool:
    """Whether `value` is a NumPy array, without importing NumPy."""
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(value, numpy.ndarray)


def is_quantity(value: Any) -> bool:
    """Whether `value` carries units."""
    return hasattr(value, "dimensionality")


def _number(value: Any, what: str) -> Any:
    """The number of a quantity that is one, or a mere count of things."""
    if not is_quantity(value):
        return value
    measured = _MEASURED & set(value.dimensionality)
    if measured or any(power != 1 for power in value.dimensionality.values()):
        raise WrongDimension(f"{what} needs a number, not {value.dimensionality}")
    return value.magnitude


def _apply(scalar: Callable[[float], float], name: str, x: Any) -> Any:
    if is_array(x):
        return getattr(sys.modules["numpy"], name)(x)
    return scalar(float(x))


def _whole(scalar: Callable[[float], int], name: str, x: Any) -> Any:
    if is_quantity(x):
        return type(x)(_whole(scalar, name, x.magnitude), x.units)
    return _apply(lambda value: float(scalar(value)) if math.isfinite(value) else value, name, x)


def ceil(x: float) -> float:
    """`x` rounded up to a whole number, in its own base unit."""
    return cast(float, _whole(math.ceil, "ceil", x))


def floor(x: float) -> float:
    """`x` rounded down to a whole number, in its own base unit."""
    return cast(float, _whole(math.floor, "floor", x))


def _choose(name: str, values: tuple[Any, ...]) -> Any:
    if not values:
        raise TypeError(f"{name} needs at least one value")
    result = values[0]
    for value in values[1:]:
        if is_array(result) or is_array(value):
            result = getattr(sys.modules["numpy"], name)(result, value)
        elif (value > result) if name == "maximum" else (value < result):
            result = value
    return result


def maximum(*values: float) -> float:
    """The largest of the values, element by element on arrays."""
    return cast(float, _choose("maximum", values))


def minimum(*values: float) -> float:
    """The smallest of the values, element by element on arrays."""
    return cast(float, _choose("minimum", values))


def sqrt(x: float) -> float:
    """The square root of `x`; it halves the powers of a unit."""
    if is_quantity(x):
        return cast(float, cast(Any, x) ** 0.5)
    return cast(float, _apply(math.sqrt, "sqrt", x))


def exp(x: float) -> float:
    """Euler's number to the power of `x`, which must be a number without a unit."""
    if is_quantity(x) and cast(Any, x).dimensionality:
        raise WrongDimension(f"exp needs a number, not {cast(Any, x).dimensionality}")
    return cast(float, _apply(math.exp, "exp", _number(x, "exp")))


def _snap(ratio: Any, x: Any, base: float) -> Any:
    """The ratio of two logarithms; the whole number where `x` is exactly that power of `base`."""
    if is_array(x):
        numpy: Any = sys.modules["numpy"]
        whole = numpy.round(ratio)
        return numpy.where((abs(whole) < 64) & (numpy.power(base, whole) == x), whole, ratio)
    whole = math.floor(ratio + 0.5)
    return float(whole) if abs(whole) < 64 and math.pow(base, whole) == x else ratio


def log(x: float, base: float | None = None) -> float:
    """The natural logarithm of a number or a count, or the one to `base`, exact where `x` is a whole power of it.

    So `ceil(log(62**7, 62))` is 7, where `ceil(log(62**7) / log(62))` may be 8 for want of the last bit.
    """
    x = _number(x, "log")
    natural = _apply(math.log, "log", x)
    if base is None:
        return cast(float, natural)
    if is_array(base):
        raise TypeError("log needs one base, not an array of them")
    base = float(_number(base, "log"))
    return cast(float, _snap(natural / math.log(base), x, base))


def log2(x: float) -> float:
    """The logarithm of a number or a count to base 2, exact where `x` is a power of two."""
    return log(x, 2.0)


def amount(value: float, unit: str) -> float:
    """A number as so many of `unit`: `amount(7, "character")`, `amount(1, "server")`, `amount(30, "day")`.

    It is how a formula brings in a unit that no input has. Raises UnitError for an unknown unit.
    """
    if _checking.get():
        units: Any = quantities.registry
        number = _number(value, "amount")
        return cast(float, units.Quantity(quantities.to_base(number, unit), quantities.base_unit(unit)))
    return quantities.to_base(value, unit)


def count(value: float) -> float:
    """How many, without saying of what: links, or codes, as a mere number. Time, bytes and money are not counted."""
    if is_quantity(value):
        units: Any = quantities.registry
        measured = _MEASURED & set(cast(Any, value).dimensionality)
        if measured:
            raise WrongDimension(f"count needs things that are counted, not {cast(Any, value).dimensionality}")
        return cast(float, units.Quantity(cast(Any, value).magnitude, ""))
    return value
