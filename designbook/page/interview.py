"""Drills of a chapter, from `data/interview/NAME.yml`: quiz, cards, probes, clarifying questions, mistakes.

Texts may name the chapter's model: `{reads}` becomes the estimate as people say it, and `{reads:bare}` the number
without its unit, so that no number in a drill can rot. The form of the file is in `interview.schema.json`; an error
names the file and the line. Everything reads without JavaScript: answers stand in `<details>`.
"""

import html
import json
import re
import sys
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from designbook.capacity import CapacityModel
from designbook.data import dataset
from designbook.page.markup import Html, inline, symbol, table
from designbook.page.typed import asked, example
from designbook.quantities import from_base, human, to_base

LEVELS = {"mid": "Mid level", "senior": "Senior", "staff": "Staff"}


class InterviewError(ValueError):
    """A drill file that cannot be used; each line of the message names the file and the line."""


class Interview(NamedTuple):
    """A validated file, and the line on which each part of it begins (by its path, like `("quiz", 0)`)."""

    path: Path
    content: dict[str, Any]
    lines: dict[tuple[str | int, ...], int]


def load(source: str | Path) -> Interview:
    """The validated content of a file, or of `data/interview/NAME.yml`.

    Raises InterviewError with one line for each mistake.
    """
    path = source if isinstance(source, Path) else dataset(f"interview/{source}")
    found = checked(path, "interview.schema.json")
    problems = [
        (found.lines[kind, index], f"{path.name}:{found.lines[kind, index]}: {kind}.{index}: a second {each['id']!r}")
        for kind in ("cards", "quiz")
        for index, each in enumerate(found.content[kind])
        if each["id"] in (earlier["id"] for earlier in found.content[kind][:index])
    ]
    if problems:
        raise InterviewError("\n".join(message for _, message in sorted(problems)))
    return found


def checked(path: Path, schema: str) -> Interview:
    """The content of a YAML file that follows a schema of this folder. Raises InterviewError, a line a mistake."""
    # jsonschema compiles a grammar for internationalised addresses (3 s) that the schema does not ask for, unless that
    # package is missing.
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
    import jsonschema

    text = path.read_text(encoding="utf-8")
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        content = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise InterviewError(f"{path.name}:{line}: {error.problem}") from None
    lines: dict[tuple[str | int, ...], int] = {(): 1}
    if node is not None:
        _number(node, (), lines)
    problems = []
    for found in jsonschema.Draft202012Validator(_schema(schema)).iter_errors(content):
        at = tuple(found.absolute_path)
        while at not in lines:
            at = at[:-1]
        problems.append(
            (lines[at], f"{path.name}:{lines[at]}: {'.'.join(map(str, at)) or 'the file'}: {_short(found)}")
        )
    if problems:
        raise InterviewError("\n".join(message for _, message in sorted(problems)))
    return Interview(path, content, lines)


def quiz(name: str, model: CapacityModel | None = None) -> Html:
    """The questions of a chapter, each checked in the page, with every wrong answer explained."""
    source = load(name)
    questions = []
    for index, item in enumerate(source.content["quiz"]):
        fill = _Filler(source, ("quiz", index), model)
        legend, why = fill(item["question"]), fill(item["why"])
        key = f"{source.path.stem}/{item['id']}"
        body = (
            _options(item["options"], why, fill, f"{name}-{item['id']}")
            if "options" in item
            else _numeric(item["answer"], why, fill, model)
        )
        body = body.replace("<fieldset", f'<fieldset data-question="{key}" data-level="{item["level"]}"', 1)
        questions.append(body.replace("<!--legend-->", f"<legend>{legend}</legend>", 1))
    inside = "".join(questions)
    return Html(
        f'<section class="dbk dbk-drill" data-quiz="{html.escape(name)}" aria-label="Quiz">{inside}</section>',
        f"[quiz: {len(questions)} questions]",
    )


def cards(name: str, model: CapacityModel | None = None) -> Html:
    """The cards of a chapter: the front shows, back and reason open."""
    shown = [
        f'<details data-card="{card.key}" data-level="{card.level}"><summary>{card.front}</summary><p>{card.back}</p>'
        f'<p class="dbk-why">{card.why}</p></details>'
        for card in deck(name, model)
    ]
    return _drill("cards", name, "Cards", shown)


class Card(NamedTuple):
    """A card with its texts as HTML; `key` (`chat/fan-out`) stays the same when they change."""

    key: str
    level: str
    front: str
    back: str
    why: str


def deck(name: str, model: CapacityModel | None = None) -> list[Card]:
    """The cards of a chapter, filled with the numbers of its model."""
    source = load(name)
    found = []
    for index, card in enumerate(source.content["cards"]):
        fill = _Filler(source, ("cards", index), model)
        sides = (fill(card[side]) for side in ("front", "back", "why"))
        found.append(Card(f"{source.path.stem}/{card['id']}", card["level"], *sides))
    return found


def probes(name: str, model: CapacityModel | None = None) -> Html:
    """What an interviewer asks at each level, and what may come next; what a strong answer contains opens."""
    shown = []
    for each in asks(name, model):
        strong = "".join(f"<li>{part}</li>" for part in each.strong)
        tier = f"{LEVELS[each.level]}{', next' if each.follows else ''}"
        shown.append(
            f'<details><summary><span class="dbk-tier">{tier}</span> {each.ask}</summary>'
            f'<p class="dbk-why">A strong answer:</p><ul>{strong}</ul></details>'
        )
    return _drill("probes", name, "What the interviewer probes", shown)


class Ask(NamedTuple):
    """What an interviewer asks, and what a strong answer contains, as HTML.

    `phase` is the id of the phase of the rubric in which it is asked; `follows` says that it comes after the probes.
    """

    level: str
    phase: str
    ask: str
    strong: tuple[str, ...]
    follows: bool


def asks(name: str, model: CapacityModel | None = None) -> list[Ask]:
    """The probes of a case study by level, and then what comes next, filled with the numbers of its model."""
    source = _having(name, "probes")
    found = []
    probed = [
        (("probes", level, index), {**item, "level": level})
        for level in LEVELS
        for index, item in enumerate(source.content["probes"][level])
    ]
    following = [(("follow_ups", index), item) for index, item in enumerate(source.content["follow_ups"])]
    for at, item in probed + following:
        fill = _Filler(source, at, model)
        strong = tuple(map(fill, item["strong"]))
        found.append(Ask(item["level"], item["phase"], fill(item["ask"]), strong, at[0] == "follow_ups"))
    return found


def clarify(name: str, model: CapacityModel | None = None) -> Html:
    """The questions to ask first and what each answer would change, as a table."""
    rows = texts(name, model, "clarify", ("ask", "changes"))
    return table("Questions to ask first", ("Ask", "What the answer changes"), rows)


def mistakes(name: str, model: CapacityModel | None = None) -> Html:
    """What candidates often say, and what to say instead, as a table."""
    rows = texts(name, model, "mistakes", ("mistake", "instead"))
    return table("Common mistakes", ("Often said", "Better"), rows)


def _having(name: str, part: str) -> Interview:
    """The file, which must have a part that only case studies must have."""
    source = load(name)
    if part not in source.content:
        raise InterviewError(f"{source.path.name}:1: it has no {part}; a chapter of the method may leave it out")
    return source


def texts(name: str, model: CapacityModel | None, key: str, fields: tuple[str, ...]) -> list[list[str]]:
    """The texts of each item in a part (`key`) of the file, by the names of their `fields`, as HTML."""
    source = _having(name, key)
    rows = []
    for index, item in enumerate(source.content[key]):
        fill = _Filler(source, (key, index), model)
        rows.append([fill(item[field]) for field in fields])
    return rows


def _drill(kind: str, name: str, label: str, shown: list[str]) -> Html:
    opening = f'<section class="dbk dbk-drill" data-{kind}="{html.escape(name)}" aria-label="{label}">'
    return Html(f"{opening}{''.join(shown)}</section>", f"[{label.lower()}: {len(shown)}]")


def _options(options: list[dict[str, Any]], why: str, fill: "_Filler", group: str) -> str:
    many = sum("right" in option for option in options) > 1
    kind = "checkbox" if many else "radio"
    choices, answers = [], []
    for number, option in enumerate(options):
        words = fill(option["text"])
        choices.append(
            f'<label class="dbk-choice"><input type="{kind}" name="{html.escape(group)}" value="{number}">'
            f'<span>{words}</span><span class="dbk-why" hidden></span></label>'
        )
        verdict, style = ("Right", "dbk-right") if "right" in option else ("Not this", "dbk-wrong")
        reason = f" {fill(option['why'])}" if "why" in option else ""
        answers.append(f'<li class="{style}"><b>{verdict}:</b> {words}.<span>{reason}</span></li>')
    hint = '<p class="dbk-why">More than one is right.</p>' if many else ""
    return (
        f'<fieldset data-kind="{"many" if many else "one"}"><!--legend-->{hint}{"".join(choices)}{_BUTTON}'
        f"<details><summary>Answer</summary><ul>{''.join(answers)}</ul><p>{why}</p></details></fieldset>"
    )


def _numeric(answer: dict[str, Any], why: str, fill: "_Filler", model: CapacityModel | None) -> str:
    if "estimate" in answer:
        value, unit = fill.value(answer["estimate"])
    else:
        unit = answer["unit"]
        value = to_base(answer["value"], unit)
    tolerance = answer["tolerance"]
    if tolerance.endswith("x"):
        low, high = value / float(tolerance[:-1]), value * float(tolerance[:-1])
        counts = f"within {tolerance[:-1]} × either way"
    else:
        part = float(tolerance[:-1]) / 100
        low, high = value * (1 - part), value * (1 + part)
        counts = f"within {tolerance[:-1]} %"
    # A number without a unit is taken to be in the unit that the question names.
    typed = html.escape(json.dumps({**asked(unit), "one": to_base(1.0, unit)}, ensure_ascii=False))
    bounds = f'data-low="{low:.9g}" data-high="{high:.9g}" data-asked="{typed}"'
    shown = html.escape(human(value, unit))
    wanted = f"your answer, in {symbol(unit)}" if symbol(unit) else "your answer"
    return (
        f'<fieldset data-kind="number" {bounds}><!--legend--><label><span class="dbk-why">{html.escape(wanted)} '
        f"({counts} counts; {html.escape(example(unit))} is understood)</span><br>"
        f'<input type="text" inputmode="text" autocomplete="off"></label>{_BUTTON}'
        f"<details><summary>Answer</summary><p><b>{shown}</b></p><p>{why}</p></details></fieldset>"
    )


_BUTTON = '<p><button type="button" hidden>Check</button> <span class="dbk-why" role="status"></span></p>'


class _Filler:
    """Turns a text of the file into HTML: escaped, with the model's numbers, `code` and **bold**."""

    def __init__(self, source: Interview, at: tuple[str | int, ...], model: CapacityModel | None) -> None:
        self.where = f"{source.path.name}:{source.lines[at]}"
        self.model = model

    def value(self, name: str) -> tuple[float, str]:
        if self.model is None:
            raise InterviewError(f"{self.where}: {{{name}}} needs the chapter's model, and none was handed in")
        kind = type(self.model)
        part = kind.estimates.get(name) or kind.inputs.get(name)
        if part is None:
            known = ", ".join([*kind.inputs, *kind.estimates])
            raise InterviewError(f"{self.where}: {kind.__name__} has no {name!r}; it has {known}")
        return float(getattr(self.model, name)), part.unit

    def shown(self, name: str, bare: bool) -> str:
        """The number with its unit, or, `bare`, without."""
        value, unit = self.value(name)
        return human(from_base(value, unit), "") if bare else human(value, unit)

    def __call__(self, text: str | int) -> str:
        """`{links}` becomes 100 M links/month, and `{links:bare}` 100 M."""
        field = re.compile(r"\{(\w+)(:bare)?\}")
        return field.sub(lambda match: html.escape(self.shown(match[1], bool(match[2]))), inline(str(text)))


@cache
def _schema(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(Path(__file__).with_name(name).read_text(encoding="utf-8"))
    return schema


def _number(node: yaml.Node, at: tuple[str | int, ...], lines: dict[tuple[str | int, ...], int]) -> None:
    """Note the line of every part of a YAML document."""
    lines[at] = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            _number(value, (*at, key.value), lines)
            lines[(*at, key.value)] = key.start_mark.line + 1
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            _number(item, (*at, index), lines)


def _short(error: Any) -> str:
    """What is wrong, in words that the author of a file understands."""
    if error.validator == "anyOf" and error.schema is _schema("interview.schema.json")["$defs"]["option"]:
        return "a wrong option needs a `why`"
    if error.validator == "contains":
        return "no option is `right: true`"
    if error.validator == "oneOf":
        choices = " or ".join(" and ".join(choice["required"]) for choice in error.validator_value)
        return f"wants {choices}, and exactly one of these"
    if error.validator in ("minItems", "maxItems") and isinstance(error.instance, list):
        most = "least" if error.validator == "minItems" else "most"
        return f"{len(error.instance)} of them, and {error.validator_value} is the {most}"
    message = str(error.message)
    return message if len(message) < 160 else message[:157] + "..."
