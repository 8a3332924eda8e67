"""Numbers in prose that cannot drift: `says("about 4 thousand redirects a second", model.reads)`.

A number in a phrase reads, in this order:

- an optional `$`, digits with commas and a point (`1,900`, `3.8`), or a word from `one` to `twelve`, `a third`,
  `a quarter`, `half`; words count only where the digits alone do not account for all values;
- an optional multiplier: `hundred`, `thousand`, `million`, `billion`, `trillion`, or `k`, `M`, `bn`, `tn`;
- an optional unit: `%`, `×` or `times`; `B`, `kB` ... `PB` and the words for them; `ns` ... `s`, minutes, hours, days,
  weeks, months, years;
- an optional time, after at most three words: `/s`, `a second`, `per month`, `every day`.

The phrase promises its digits and no more. `3.8` holds from 3.75 to 3.85, and `4 thousand` from 3.5 to 4.5 thousand.
Zeros at the end are not taken for precision beyond two digits: `100 million` holds from 95 to 105 million.
"""

import ast
import json
import re
from pathlib import Path
from typing import NamedTuple

from designbook.quantities import to_base

_WORDS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_WHOLE = {word: float(number) for number, word in enumerate(_WORDS, 1)}
_PARTS = {"half": 1 / 2, "a third": 1 / 3, "a quarter": 1 / 4}
_MULTIPLIERS = {"hundred": 1e2, "thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12}
_MULTIPLIERS |= {"k": 1e3, "M": 1e6, "bn": 1e9, "tn": 1e12}
_UNITS = {"%": 0.01, "per cent": 0.01, "percent": 0.01, "×": 1.0, "times": 1.0}
for _power, _letter, _word in (
    (0, "", ""),
    (3, "k", "kilo"),
    (6, "M", "mega"),
    (9, "G", "giga"),
    (12, "T", "tera"),
    (15, "P", "peta"),
):
    _UNITS |= {f"{_letter}B": 10.0**_power, f"{_word}byte": 10.0**_power, f"{_word}bytes": 10.0**_power}
_TIMES = {name: to_base(1.0, name) for name in ("second", "minute", "hour", "day", "week", "month", "year")}
_UNITS |= _TIMES | {f"{name}s": factor for name, factor in _TIMES.items()}
_UNITS |= {"ns": 1e-9, "µs": 1e-6, "us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0}
_PER = {"s": 1.0, "min": 60.0, "h": 3600.0} | _TIMES


def _either(words: dict[str, float]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


_REST = (
    rf"(?:\s*(?P<multiplier>{_either(_MULTIPLIERS)})(?!\w))?"
    rf"(?:\s*(?P<unit>{_either(_UNITS)})(?!\w))?"
    rf"(?:(?:\s+[^\W\d][\w-]*){{0,3}}?\s*(?:/\s*|\b(?:an?|per|every|each)\s+)(?P<per>{_either(_PER)})(?!\w))?"
)
_DIGITS = re.compile(r"(?<![\w.,])(?P<minus>[-−])?\$?\s*(?P<number>\d[\d,]*(?:\.\d+)?)" + _REST)
_ANY = re.compile(
    rf"(?<![\w.,])(?P<minus>[-−])?\$?\s*(?P<number>\d[\d,]*(?:\.\d+)?|(?:{_either(_WHOLE | _PARTS)})(?!\w))" + _REST
)


class Said(NamedTuple):
    """A number as a phrase says it, in base units, and how far a value may be from it."""

    text: str
    value: float
    margin: float


def numbers(phrase: str, *, words: bool = False) -> list[Said]:
    """The numbers of a phrase in order; those written as words too, if `words`."""
    found = []
    for match in (_ANY if words else _DIGITS).finditer(phrase):
        value, margin = _precision(match["number"])
        factor = _MULTIPLIERS.get(match["multiplier"] or "", 1.0) * _UNITS.get(match["unit"] or "", 1.0)
        factor /= _PER.get(match["per"] or "", 1.0)
        found.append(Said(match[0].strip(), (-value if match["minus"] else value) * factor, margin * factor))
    return found


def _precision(number: str) -> tuple[float, float]:
    """The value of the digits and half of the last one that counts."""
    if number in _WHOLE:
        return _WHOLE[number], 0.5
    if number in _PARTS:
        return _PARTS[number], 0.15 * _PARTS[number]
    digits = number.replace(",", "")
    if "." in digits:
        return float(digits), 0.5 * 10.0 ** -len(digits.split(".")[1])
    zeros = len(digits) - len(digits.rstrip("0"))
    return float(digits), 0.5 * 10.0 ** min(zeros, max(0, len(digits) - 2))


def says(phrase: str, *values: float) -> None:
    """Hold the numbers of `phrase`, in order, to `values` in base units; nothing appears on the page.

    Raises AssertionError, naming the phrase, the value and what the phrase allows, if a value is not the number at
    the phrase's precision, or if there are not as many numbers as values. This module's docstring has the grammar.
    """
    said = numbers(phrase)
    if len(said) != len(values):
        said = numbers(phrase, words=True)
    if len(said) != len(values):
        raise AssertionError(f"{phrase!r} holds {[n.text for n in said]}, and {len(values)} values were given")
    for number, value in zip(said, values, strict=True):
        # Written so that NaN fails too; the tiny part lets a value on the very edge pass.
        if not abs(float(value) - number.value) <= number.margin + 1e-9 * abs(number.value):
            low, high = number.value - number.margin, number.value + number.margin
            raise AssertionError(
                f"{phrase!r}: the value is {float(value):.6g}, and {number.text!r} allows {low:.6g} to {high:.6g} "
                "(in base units)"
            )


def says_in(notebook: Path) -> list[str]:
    """What is wrong with the `says(...)` of a notebook, one line each: phrases that the text beside them lacks.

    A phrase stands, word for word (emphasis, escapes and line breaks aside), in the markdown cell that comes next
    before or after the cell with its `says`.
    """
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    texts = [cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"]) for cell in cells]
    prose = [index for index, cell in enumerate(cells) if cell["cell_type"] == "markdown"]
    problems = []
    for index, cell in enumerate(cells):
        if cell["cell_type"] != "code" or "says(" not in texts[index]:
            continue
        before = [texts[i] for i in prose if i < index][-1:]
        after = [texts[i] for i in prose if i > index][:1]
        beside = " ".join(map(_plain, before + after))
        for phrase in _phrases(texts[index]):
            if phrase is None:
                problems.append(f"{notebook.name}, cell {index}: the phrase of says() must be a plain string")
            elif _plain(phrase) not in beside:
                problems.append(f"{notebook.name}, cell {index}: {phrase!r} is not in the paragraphs beside it")
    return problems


def _phrases(source: str) -> list[str | None]:
    """The first arguments of the calls of `says`; None for one that is not a plain string."""
    lines = (line for line in source.split("\n") if not line.lstrip().startswith(("%", "!")))
    phrases: list[str | None] = []
    for node in ast.walk(ast.parse("\n".join(lines))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "says":
            first = node.args[0] if node.args else None
            plain = isinstance(first, ast.Constant) and isinstance(first.value, str)
            phrases.append(first.value if plain else None)  # type: ignore[union-attr]
    return phrases


def _plain(text: str) -> str:
    return " ".join(re.sub(r"[*_`\\]", "", text).replace("\u00a0", " ").replace("\u202f", " ").split())
