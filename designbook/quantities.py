"""Units that keep the book honest, and numbers shown the way people say them.

The book has its own registry: a byte, a request, a link and a server are different dimensions, so that a rate of
requests cannot pass for a rate of bytes. Values are kept in base units (byte, second, and one of each noun) and are
turned into other units at the edge only: `to_base(45, "terabyte")` is 45e12, `human(45e12, "byte")` is `45 TB`.

`format_value` holds the rules of the look. It is written in the part of Python that translates to JavaScript, so that
a published page formats a number with the same code; what depends on the unit is in the `Display` that it is handed.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from math import floor
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict, overload

if TYPE_CHECKING:
    import numpy as np
    import pint

    registry: pint.UnitRegistry[Any]

__all__ = [
    "Display",
    "Rules",
    "Step",
    "UnitError",
    "base_unit",
    "dimension",
    "display",
    "format_value",
    "from_base",
    "human",
    "noun",
    "registry",
    "same_dimension",
    "same_measure",
    "to_base",
    "vocabulary",
]


class UnitError(ValueError):
    """A unit that the registry does not know, or that does not convert to the one that is wanted."""


# Months and years are the Julian ones, so that a year is twelve months and 365.25 days.
_DEFINITIONS = """
pico- = 1e-12 = p-
nano- = 1e-9 = n-
micro- = 1e-6 = µ- = μ- = u-
milli- = 1e-3 = m-
kilo- = 1e3 = k-
mega- = 1e6 = M-
giga- = 1e9 = G-
tera- = 1e12 = T-
peta- = 1e15 = P-
exa- = 1e18 = E-
kibi- = 1024 = Ki-
mebi- = 1048576 = Mi-
gibi- = 1073741824 = Gi-
tebi- = 1099511627776 = Ti-

second = [time] = s = sec
minute = 60 second = min
hour = 3600 second = h = hr
day = 86400 second = d
week = 604800 second
year = 31557600 second = yr
month = 2629800 second

byte = [information] = B
bit = byte / 8

USD = [currency] = _ = dollar

percent = 0.01 = %
times = 1 = ×
"""

# Things that are counted, with their plurals. Each is a dimension of its own.
_NOUNS: dict[str, str] = {
    name: name + "s"
    for name in (
        "request",
        "link",
        "user",
        "message",
        "server",
        "click",
        "key",
        "code",
        "event",
        "character",
        "node",
        "object",
        "item",
        "record",
        "row",
        "id",
        "read",
        "write",
        "visit",
        "host",
        "packet",
        "connection",
        "operation",
        "shard",
        "partition",
        "worker",
        "job",
        "post",
        "follower",
        "domain",
        "page",
        "timestamp",
        "cluster",
        "ECPU",
        "driver",
        "trip",
    )
} | {"copy": "copies", "query": "queries", "delivery": "deliveries", "entry": "entries", "hash": "hashes"}

_SHORT = {"request": "req"}  # where a time follows: req/s

_TIMES = {
    "second": ("s", "s", 1.0),
    "minute": ("min", "min", 60.0),
    "hour": ("h", "h", 3600.0),
    "day": ("day", "days", 86400.0),
    "week": ("week", "weeks", 604800.0),
    "month": ("month", "months", 2629800.0),
    "year": ("year", "years", 31557600.0),
}


def _definition(name: str, plural: str) -> str:
    alias = "" if plural == name + "s" else f" = _ = {plural}"
    return f"{name} = [{name}]{alias}"


@cache
def _registry() -> pint.UnitRegistry[Any]:
    import pint  # takes a third of a second, and most readers of a page of models never need it

    units: pint.UnitRegistry[Any] = pint.UnitRegistry(None)
    units.load_definitions(_DEFINITIONS.splitlines())
    units.load_definitions([_definition(name, plural) for name, plural in _NOUNS.items()])
    units.load_definitions(["req = request"])
    return units


def __getattr__(name: str) -> Any:
    """`registry`, the book's pint registry, made when it is first asked for."""
    if name == "registry":
        return _registry()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def noun(name: str, plural: str = "") -> str:
    """Adds something to count as a dimension of its own: `noun("trip")`, `noun("copy", "copies")`. Returns `name`.

    A noun that is there already stays as it is. Raises UnitError if the name means another unit.
    """
    if name in _NOUNS:
        return name
    if not name.isidentifier():
        raise UnitError(f"{name!r} cannot name a unit: write one word")
    if name in _registry():
        raise UnitError(f"{name!r} is a unit already, and not something to count")
    _NOUNS[name] = plural or name + "s"
    _registry().load_definitions([_definition(name, _NOUNS[name])])
    _parse.cache_clear()
    display.cache_clear()
    return name


class _Part(NamedTuple):
    """One factor of a unit: `terabyte` in `terabyte/month` is ("tera", "byte", 1)."""

    prefix: str
    name: str
    power: int


class _Unit(NamedTuple):
    parts: tuple[_Part, ...]
    multiply: float  # value * multiply / divide is in base units
    divide: float
    dimension: tuple[tuple[str, int], ...]


def _exact(factor: float) -> Fraction:
    """The fraction that a float such as 0.001 was meant to be: it or its reciprocal is whole."""
    if factor < 1 and abs(round(1 / factor) - 1 / factor) < 1e-6 / factor:
        return Fraction(1, round(1 / factor))
    return Fraction(factor).limit_denominator(10**9)


@cache
def _parse(unit: str) -> _Unit:
    units = _registry()
    if "//" in unit:
        raise UnitError(f"unknown unit {unit!r}: one stroke divides")
    try:
        container: dict[str, Any] = dict(units.parse_units(unit)._units) if unit.strip() not in ("", "1") else {}
        dimension: dict[str, Any] = dict(units.get_dimensionality(units.parse_units(unit))) if container else {}
    except Exception as error:  # pint raises a dozen kinds, from its own to tokenize's
        raise UnitError(f"unknown unit {unit!r}: {error}; designbook.quantities.noun adds something to count") from None
    factor = Fraction(1)
    parts = []
    for name, exponent in container.items():
        power = int(exponent)
        if power != exponent:
            raise UnitError(f"unit {unit!r} has a broken power")
        factor *= _exact(float(str(units.get_root_units(name)[0]))) ** power
        prefix, root, _ = units.parse_unit_name(name)[0]
        parts.append(_Part(prefix, "request" if root == "req" else root, power))
    return _Unit(
        tuple(parts),
        float(factor.numerator),
        float(factor.denominator),
        tuple(sorted((str(name), int(power)) for name, power in dimension.items())),
    )


@overload
def to_base(value: float, unit: str) -> float: ...
@overload
def to_base(value: np.ndarray[Any, Any], unit: str) -> np.ndarray[Any, Any]: ...
def to_base(value: Any, unit: str) -> Any:
    """`value` (a float or an array) given in `unit`, in base units: `to_base(3, "terabyte")` is 3e12 bytes.

    Raises UnitError, naming the unit, if it is unknown.
    """
    parsed = _parse(unit)
    return value * parsed.multiply / parsed.divide


@overload
def from_base(value: float, unit: str) -> float: ...
@overload
def from_base(value: np.ndarray[Any, Any], unit: str) -> np.ndarray[Any, Any]: ...
def from_base(value: Any, unit: str) -> Any:
    """`value` (a float or an array) given in base units, in `unit`: the inverse of `to_base`."""
    parsed = _parse(unit)
    return value * parsed.divide / parsed.multiply


def base_unit(unit: str) -> str:
    """The base unit of the same dimension: `base_unit("terabyte/month")` is `byte / second`, `""` if there is none."""
    base = str(_registry().get_base_units(unit)[1]) if _parse(unit).dimension else ""
    return "" if base == "dimensionless" else base


def same_dimension(unit: str, other: str) -> bool:
    """Whether a value in `unit` can be given in `other`. Raises UnitError if either is unknown."""
    return _parse(unit).dimension == _parse(other).dimension


class Rules(TypedDict):
    """A `Display` as plain values; a step is start, scale, suffix for one, suffix for many."""

    unit: str
    multiply: float
    divide: float
    prefix: str
    steps: list[tuple[float, float, str, str]]
    digits: int
    least: float
    most: float
    near: float
    cents: bool


def same_measure(unit: str, other: str) -> bool:
    """Whether both units have the same time, bytes and money, whatever they count: `click/day` and `request/second`."""
    measured = {"[time]", "[information]", "[currency]"}
    first, second = ([each for each in _parse(text).dimension if each[0] in measured] for text in (unit, other))
    return first == second


def dimension(unit: str) -> dict[str, int]:
    """What a unit measures, each with its power: `dimension("GB/link")` is `{"information": 1, "link": -1}`."""
    return {name.strip("[]"): power for name, power in _parse(unit).dimension}


class Vocabulary(TypedDict):
    """Words for units as plain values: prefixes with their factors, units with factor to base units and dimension."""

    prefixes: dict[str, float]
    units: dict[str, tuple[float, dict[str, int]]]


def vocabulary() -> Vocabulary:
    """What the registry calls its prefixes and units and what is counted, with plurals and symbols.

    A page that reads what people type knows the same words as this module.
    """
    prefixes: dict[str, float] = {}
    words: dict[str, str] = {}
    for line in filter(None, _DEFINITIONS.splitlines()):
        name, factor, *others = (part.strip() for part in line.split("="))
        if name.endswith("-"):
            prefixes |= {each.rstrip("-"): float(factor) for each in (name, *others)}
        else:
            known = [each for each in (name, *others) if each != "_"]
            words |= dict.fromkeys(known, name)
            words |= {f"{each}s": name for each in known if len(each) > 1 and each.islower() and each[-1] != "s"}
    for noun_ in _NOUNS:
        words |= dict.fromkeys(filter(None, (noun_, _NOUNS[noun_], _SHORT.get(noun_))), noun_)
    units = {word: (to_base(1.0, name), dimension(name)) for word, name in words.items()}
    return {"prefixes": prefixes, "units": units}


class Step(NamedTuple):
    """One rung of the ladder of a unit: from `start` on, show value / `scale` with a suffix for one or for many."""

    start: float
    scale: float
    one: str
    many: str


@dataclass(frozen=True, slots=True)
class Display:
    """How values of a unit are shown: everything that `format_value` needs, and no more than JSON can carry.

    `value * multiply / divide` turns a value in `unit` into base units. `steps` are in base units, smallest first.
    Below `least` and from `most` on (in the smallest and in the largest step's own numbers) a power of ten is shown.
    `near` is a bound close to which more digits are kept (99.95 %), or 0. `cents` keeps two decimals from 1 to 100.
    """

    unit: str
    multiply: float
    divide: float
    prefix: str
    steps: tuple[Step, ...]
    digits: int = 3
    least: float = 1e-4
    most: float = 1e3
    near: float = 0.0
    cents: bool = False

    def as_json(self) -> Rules:
        """A dictionary of plain values, for `json.dumps` and for `format_value`."""
        return {
            "unit": self.unit,
            "multiply": self.multiply,
            "divide": self.divide,
            "prefix": self.prefix,
            "steps": [(step.start, step.scale, step.one, step.many) for step in self.steps],
            "digits": self.digits,
            "least": self.least,
            "most": self.most,
            "near": self.near,
            "cents": self.cents,
        }


_COUNTS = (("", 1.0), ("k", 1e3), ("M", 1e6), ("bn", 1e9), ("tn", 1e12))
_PREFIXES = {
    "": "",
    "kilo": "k",
    "mega": "M",
    "giga": "G",
    "tera": "T",
    "peta": "P",
    "exa": "E",
    "milli": "m",
    "micro": "µ",
}
_PREFIXES |= {"nano": "n", "pico": "p", "kibi": "Ki", "mebi": "Mi", "gibi": "Gi", "tebi": "Ti"}
_SMALL_TIMES = (("ns", 1e-9), ("µs", 1e-6), ("ms", 1e-3))


def _power(power: int) -> str:
    return "" if power == 1 else "".join("⁰¹²³⁴⁵⁶⁷⁸⁹"[int(digit)] for digit in str(power))


def _below(part: _Part) -> str:
    """A unit as it stands below the line: `s`, `month`, `GB`, `link`, `M requests`."""
    prefix = _PREFIXES[part.prefix]
    if part.name in _TIMES:
        return prefix + _TIMES[part.name][0] + _power(-part.power)
    if part.name in ("byte", "bit"):
        return prefix + {"byte": "B", "bit": "bit"}[part.name] + _power(-part.power)
    if prefix:
        prefix, name = {"G": "bn", "T": "tn"}.get(prefix, prefix) + " ", _NOUNS.get(part.name, part.name)
    else:
        name = part.name
    return prefix + name + _power(-part.power)


def _tail(above: list[_Part], below: list[_Part], money: bool) -> str:
    text = "".join("·" + _below(part._replace(power=-part.power)) for part in above)
    timed = [part for part in below if part.name in _TIMES]
    others = [part for part in below if part.name not in _TIMES]
    if money:
        return text + "".join(" / " + _below(part) for part in others + timed)
    for index, part in enumerate(timed + others):
        text += ("/" if index == 0 else " per ") + _below(part)
    return text


def _time_steps(name: str, tail: str) -> list[Step]:
    """Seconds and parts of one, then larger units; the unit that was asked for is kept while it gives 1 to 1,000."""
    kept = _TIMES[name][2] if name in _TIMES else 0.0
    steps = [Step(scale, scale, f" {text}{tail}", f" {text}{tail}") for text, scale in _SMALL_TIMES]
    for other, (one, many, scale) in _TIMES.items():
        if other in ("week", "month") and other != name:
            continue
        start = max(scale, kept * 1e3) if scale > kept > 0 else scale
        steps.append(Step(start, scale, f" {one}{tail}", f" {many}{tail}"))
    year = _TIMES["year"][2]
    for prefix, factor in _COUNTS[2:]:
        steps.append(Step(year * factor, year * factor, f" {prefix} years{tail}", f" {prefix} years{tail}"))
    # Two units may begin at the same value (1,000 s): the larger one is the one to show.
    return [
        step for step, after in zip(steps, [*steps[1:], None], strict=True) if not after or step.start < after.start
    ]


@cache
def display(unit: str) -> Display:
    """How a value of `unit` is shown. Raises UnitError if the unit is unknown.

    The first unit above the line scales with the value (so `terabyte` and `byte` are shown alike); the units below the
    line stay as they are given (`USD/gigabyte/month` is shown per gigabyte and month).
    """
    parsed = _parse(unit)
    above = [part for part in parsed.parts if part.power > 0]
    below = [part for part in parsed.parts if part.power < 0]
    order = {"USD": 0, "byte": 1, "bit": 1}
    above.sort(key=lambda part: (order.get(part.name, 3 if part.name in _TIMES else 2), part.name))
    # A tail of months means that the numbers shown are per month: its share of the scale goes into every step.
    rest = 1.0
    for part in above[1:] + below + [part._replace(power=part.power - 1) for part in above[:1]]:
        name = _parse(part.prefix + part.name)
        rest *= (name.multiply / name.divide) ** part.power
    ratio = any(part.name == "bit" for part in above[:1])
    first = above[0].name if above else ""
    tail = _tail(above[1:], below, money=first == "USD")
    if above and above[0].power > 1:
        tail = _power(above[0].power) + tail
    timed = any(part.name in _TIMES for part in below)
    extra: dict[str, Any] = {}
    prefix = ""
    if first in ("", "times"):
        sign = " ×" if first else ""
        steps = [
            Step(f, f, (" " + text if text else "") + sign + tail, (" " + text if text else "") + sign + tail)
            for text, f in _COUNTS
        ]
        extra["near"] = 0.0 if first or tail else 1.0
    elif first == "percent":
        steps = [Step(0.01, 0.01, " %" + tail, " %" + tail)]
        extra.update(near=100.0, most=1e6)
    elif first == "USD":
        prefix = "$ "
        steps = [
            Step(f, f, (" " + text if text else "") + tail, (" " + text if text else "") + tail)
            for text, f in _COUNTS
            if f != 1e3
        ]
        extra.update(cents=True, least=1e-7)
    elif first in ("byte", "bit"):
        size = 0.125 if ratio else 1.0
        word = ("bit" if timed else "bits") if ratio else "B"
        steps = [Step(size, size, f" {'bit' if ratio else 'B'}{tail}", f" {word}{tail}")]
        for power, text in enumerate("kMGTPE", 1):
            scale = size * 1000.0**power
            steps.append(
                Step(scale, scale, f" {text}{'bit' if ratio else 'B'}{tail}", f" {text}{'bit' if ratio else 'B'}{tail}")
            )
    elif first in _TIMES:
        steps = _time_steps(first if not above[0].prefix else "", tail)
    else:
        one, many = first, _NOUNS.get(first, first)
        if timed and first in _SHORT:
            one = many = _SHORT[first]
        steps = [
            Step(
                f,
                f,
                f" {text + ' ' if text else ''}{one if f == 1 else many}{tail}",
                f" {text + ' ' if text else ''}{many}{tail}",
            )
            for text, f in _COUNTS
        ]
    steps = [Step(start * rest, scale * rest, one, many) for start, scale, one, many in steps]
    return Display(unit, parsed.multiply, parsed.divide, prefix, tuple(steps), **extra)


# From here to `human`: Python that is also translated to JavaScript. Numbers, strings, lists and loops; no ** and no %.


def _significant(x: float, digits: int) -> list[int]:
    """`x` > 0 rounded to `digits` significant digits, as [n, shift]: n times 10 to the shift."""
    exponent = 0
    power = 1.0
    while power * 10 <= x:
        power = power * 10
        exponent = exponent + 1
    while x * power < 1:
        power = power * 10
        exponent = exponent - 1
    shift = exponent - digits + 1
    power = 1.0
    for _ in range(abs(shift)):
        power = power * 10
    scaled = x / power if shift > 0 else x * power
    return [floor(scaled + 0.5), shift]


def _digits(n: int, shift: int, decimals: int) -> str:
    """The text of n times 10 to the shift, with commas, without the zeros at the end beyond `decimals`."""
    while shift < 0 and -shift > decimals and floor(n / 10) * 10 == n:
        n = floor(n / 10)
        shift = shift + 1
    text = str(n)
    fraction = ""
    if shift < 0:
        while len(text) <= -shift:
            text = "0" + text
        point = len(text) + shift
        fraction = "." + text[point:]
        text = text[:point]
    for _ in range(shift):
        text = text + "0"
    grouped = ""
    while len(text) > 3:
        cut = len(text) - 3
        grouped = "," + text[cut:] + grouped
        text = text[:cut]
    return text + grouped + fraction


def _raised(exponent: int) -> str:
    """A power of ten as it is written: ⁻⁶."""
    text = str(abs(exponent))
    raised = "⁻" if exponent < 0 else ""
    for index in range(len(text)):
        raised = raised + "⁰¹²³⁴⁵⁶⁷⁸⁹"[int(text[index])]
    return raised


def format_value(value: float, display: Rules) -> str:
    """`value` in base units as text, by the rules in `display` (a `Display.as_json()`). Pages run it as JavaScript."""
    if value != value:
        return "not a number"
    sign = ""
    if value < 0:
        sign = "−"
        value = -value
    sign = sign + display["prefix"]
    steps = display["steps"]
    digits = display["digits"]
    plain = value / steps[0][1]
    if plain > 1e300:
        return sign + "∞"
    if plain < 1e-250:
        return sign + "0" + steps[0][3]
    index = 0
    while index + 1 < len(steps) and value >= steps[index + 1][0]:
        index = index + 1
    x = value / steps[index][1]
    rounded = _significant(x, digits)
    # 999.7 k is shown as 1 M, not as 1,000 k.
    shown: float = rounded[0]
    for _ in range(abs(rounded[1])):
        shown = shown * 10 if rounded[1] > 0 else shown / 10
    if index + 1 < len(steps) and shown * steps[index][1] >= steps[index + 1][0] * (1 - 1e-9):
        index = index + 1
        x = value / steps[index][1]
        shown = x
        rounded = _significant(x, digits)
    if x < display["least"] or (index + 1 == len(steps) and shown >= display["most"]):
        # A power of ten, of the plain unit.
        rounded = _significant(plain if x >= 1 else x, digits)
        size = len(str(rounded[0]))
        text = _digits(rounded[0], 1 - size, 0)
        return sign + text + " × 10" + _raised(rounded[1] + size - 1) + steps[0][3]
    if display["cents"] and index == 0 and x >= 1 and x < 100:
        rounded = [floor(x * 100 + 0.5), -2]
        text = _digits(rounded[0], -2, 0 if floor(rounded[0] / 100) * 100 == rounded[0] else 2)
    elif display["cents"] and index == 0 and x < 1:
        text = _digits(rounded[0], rounded[1], 2)
    elif display["near"] > 0 and x > 0.99 * display["near"] and x < display["near"]:
        shift = 0
        power = 1.0
        while shift > -9 and (display["near"] - x) * power < 10:
            power = power * 10
            shift = shift - 1
        text = _digits(floor(x * power + 0.5), shift, 0)
    else:
        text = _digits(rounded[0], rounded[1], 0)
    if text == "1":
        return sign + text + steps[index][2]
    return sign + text + steps[index][3]


def human(value: float, unit: str) -> str:
    """`value`, which is in base units, as people say it: `human(3800, "request/second")` is `3.8 k req/s`.

    Three significant digits at most, no zeros at the end. Bytes are decimal (1 kB is 1,000 B). A time keeps the unit
    that is asked for while that gives 1 to 1,000 of them. Raises UnitError if the unit is unknown.
    """
    return format_value(float(value), _json(unit))


@cache
def _json(unit: str) -> Rules:
    return display(unit).as_json()
