"""The method of an interview, from `data/interview/rubric.yml`: phases by the minute, a rubric, what levels show.

The form of the file is in `rubric.schema.json`; an error names the file and the line.
"""

import html
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from designbook.data import dataset
from designbook.page.interview import LEVELS, Interview, InterviewError, checked
from designbook.page.markup import Html, inline, table

MINUTES = 45
"""How long the interview takes: what the phases add up to."""

FULL = 100
"""What the weights add up to, and the points of a candidate who is strong in everything."""


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of the interview: when it begins and how many minutes it takes, what is said in it and written down.

    `criteria` are mostly judged here. `sections` are the headings of a case study that hold its own answer. `late` is
    what goes wrong where the phase is left out.
    """

    id: str
    name: str
    begins: int
    minutes: int
    criteria: tuple[str, ...]
    sections: tuple[str, ...]
    interviewer: str
    goal: str
    writes: tuple[str, ...]
    phrase: str
    late: str


@dataclass(frozen=True, slots=True)
class Criterion:
    """What is judged, with its weight in a hundred and a description for each grade, from the worst."""

    id: str
    name: str
    weight: int
    asks: str
    levels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Expected:
    """What a level of seniority is expected to show; `bar` is the least grade (from 0) for each criterion."""

    in_short: str
    shows: tuple[str, ...]
    bar: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Rubric:
    """The whole method; `grades` are names with their points, from the worst, and `expected` is by level."""

    phases: tuple[Phase, ...]
    grades: tuple[tuple[str, int], ...]
    criteria: tuple[Criterion, ...]
    expected: Mapping[str, Expected]

    def score(self, grades: Mapping[str, int]) -> float:
        """Points of 100 for a grade (from 0) in each criterion. Raises ValueError if one is missing or unknown."""
        names = [criterion.id for criterion in self.criteria]
        if set(grades) != set(names):
            raise ValueError(f"a grade is needed for each of {', '.join(names)}, got {', '.join(grades) or 'none'}")
        for name, grade in grades.items():
            if not 0 <= grade < len(self.grades):
                raise ValueError(f"{name}: a grade is a whole number from 0 to {len(self.grades) - 1}, not {grade}")
        best = self.grades[-1][1]
        return sum(criterion.weight * self.grades[grades[criterion.id]][1] / best for criterion in self.criteria)

    def bar(self, level: str) -> float:
        """Points of someone who just shows what is expected at this level. Raises LookupError for an unknown one."""
        if level not in self.expected:
            raise LookupError(f"no level {level!r}; there are {', '.join(self.expected)}")
        return self.score(self.expected[level].bar)


def load_rubric(path: Path | None = None) -> Rubric:
    """The book's rubric, or that of a file. Raises InterviewError, whose lines name the file and the line."""
    source = checked(path or dataset("interview/rubric"), "rubric.schema.json")
    problems = [f"{source.path.name}:{line}: {message}" for line, message in sorted(_problems(source))]
    if problems:
        raise InterviewError("\n".join(problems))
    phases, begins = [], 0
    for phase in source.content["phases"]:
        lists = {key: tuple(phase[key]) for key in ("criteria", "sections", "writes")}
        phases.append(Phase(**phase | lists, begins=begins))
        begins += phase["minutes"]
    return Rubric(
        tuple(phases),
        tuple((grade["name"], grade["points"]) for grade in source.content["grades"]),
        tuple(Criterion(**each | {"levels": tuple(each["levels"])}) for each in source.content["criteria"]),
        {
            level: Expected(each["in_short"], tuple(each["shows"]), each["bar"])
            for level, each in source.content["expected"].items()
        },
    )


def _problems(source: Interview) -> list[tuple[int, str]]:
    """What a schema cannot say: sums, and names that must exist; each with its line."""
    content, lines, found = source.content, source.lines, []

    def wrong(at: tuple[str | int, ...], message: str) -> None:
        found.append((lines[at], f"{'.'.join(map(str, at))}: {message}"))

    for key, part, wanted in (("phases", "minutes", MINUTES), ("criteria", "weight", FULL)):
        total = sum(each[part] for each in content[key])
        if total != wanted:
            wrong((key,), f"the {part} add up to {total}, not to {wanted}")
        names = [each["id"] for each in content[key]]
        for index, name in enumerate(names):
            if name in names[:index]:
                wrong((key, index), f"a second {name!r}")
    points = [grade["points"] for grade in content["grades"]]
    if points[0] != 0 or points != sorted(set(points)):
        wrong(("grades",), f"points begin at 0 and rise, not {points}")
    known = {criterion["id"] for criterion in content["criteria"]}
    for index, phase in enumerate(content["phases"]):
        for name in sorted(set(phase["criteria"]) - known):
            wrong(("phases", index, "criteria"), f"there is no criterion {name!r}")
    judged = {name for phase in content["phases"] for name in phase["criteria"]}
    for index, criterion in enumerate(content["criteria"]):
        if criterion["id"] not in judged:
            wrong(("criteria", index), f"no phase judges {criterion['id']!r}")
    for level, expected in content["expected"].items():
        if set(expected["bar"]) != known:
            off = ", ".join(sorted(known ^ set(expected["bar"])))
            wrong(("expected", level, "bar"), f"wants a grade for each criterion and no other: {off}")
    return found


def phases_table(rubric: Rubric) -> Html:
    """The phases with their minutes, what stands on the board after each, and what happens without it."""
    rows = [
        [
            f"{html.escape(phase.name)}<br><small>{phase.begins}–{phase.begins + phase.minutes} min</small>",
            f"{inline(phase.goal)}<ul>{_items(phase.writes)}</ul>"
            f'<p class="dbk-why">Left out or late: {inline(phase.late)}</p>',
        ]
        for phase in rubric.phases
    ]
    return table(f"{MINUTES} minutes, phase by phase", ("Phase", "On the board at its end"), rows)


def rubric_table(rubric: Rubric) -> Html:
    """The criteria by weight, with a description for each grade."""
    rows = [
        [
            f"{html.escape(each.name)}<br><small>{each.weight} points</small>",
            f'<p class="dbk-why">{inline(each.asks)}</p><ul>'
            + "".join(
                f"<li><b>{html.escape(name)}.</b> {inline(text)}</li>"
                for (name, _), text in zip(rubric.grades, each.levels, strict=True)
            )
            + "</ul>",
        ]
        for each in rubric.criteria
    ]
    return table("The rubric", ("Criterion", "From the worst grade to the best"), rows)


def levels_table(rubric: Rubric) -> Html:
    """What each level is expected to show, with the least grade in each criterion."""
    rows = []
    for level, title in LEVELS.items():
        expected = rubric.expected[level]
        bar = "; ".join(f"{each.name.lower()} {_grade(rubric, expected.bar[each.id])}" for each in rubric.criteria)
        rows.append(
            [
                f"{title}<br><small>{rubric.bar(level):.0f} points</small>",
                f"{inline(expected.in_short)}<ul>{_items(expected.shows)}</ul>"
                f'<p class="dbk-why">At least: {inline(bar)}.</p>',
            ]
        )
    return table(f"What each level shows, and the points of {FULL} that it comes to", ("Level", "Shows"), rows)


def _items(texts: tuple[str, ...]) -> str:
    return "".join(f"<li>{inline(text)}</li>" for text in texts)


def _grade(rubric: Rubric, grade: int) -> str:
    return rubric.grades[grade][0].lower()
