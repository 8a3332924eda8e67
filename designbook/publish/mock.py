"""The mock interview: a round against the clock, and an interviewer's sheet for each system.

Both are made from `data/interview/`: the rubric gives phases and grades, a case study's file what is asked and what a
strong answer contains. The sheets stand on the page, folded; `assets/mock.js` takes prompts and answers from them, so
that a round needs nothing but the page.
"""

import html
import json

from designbook.capacity import CapacityModel
from designbook.page.interview import LEVELS, Ask, asks, load, texts
from designbook.page.markup import inline
from designbook.page.rubric import MINUTES, Phase, Rubric, load_rubric
from designbook.publish.practice import Chapter, chapters, model_of

LENGTHS = (20, 30, MINUTES, 60)
"""How long a round may take, in minutes; the phases keep their proportions."""


def systems() -> list[Chapter]:
    """The chapters that can be asked in an interview: those whose file has probes."""
    return [each for each in chapters() if "probes" in load(each.name).content]


def mock_interview() -> str:
    """The round: choose, work, judge yourself, look back. Filled and shown by the script."""
    rubric = load_rubric()
    systems_, levels = (
        "".join(f'<option value="{value}">{html.escape(title)}</option>' for value, title in pairs)
        for pairs in ([(each.name, each.title) for each in systems()], LEVELS.items())
    )
    lengths = "".join(
        f'<option value="{length}"{" selected" if length == MINUTES else ""}>{length} minutes</option>'
        for length in LENGTHS
    )
    return (
        '<section class="dbk dbk-drill" data-practise="mock" aria-label="Mock interview">'
        '<form class="dbk-box dbk-ask" data-setup hidden><p class="dbk-choose">'
        f'<label>System <select name="system"><option value="">draw one</option>{systems_}</select></label>'
        f'<label>Level <select name="level">{levels}</select></label>'
        f'<label>Length <select name="minutes">{lengths}</select></label></p>'
        '<p class="dbk-buttons"><button type="submit">Begin</button></p></form>'
        '<div class="dbk-box dbk-ask" data-round hidden><p class="dbk-choose dbk-stays"><b data-title></b>'
        '<span class="dbk-wrong" data-notice></span><span class="dbk-clock" data-clock></span></p>'
        '<ol class="dbk-phases" data-phases></ol>'
        '<p class="dbk-front" data-phase tabindex="-1"></p><ul data-prompts aria-live="polite"></ul>'
        f'<details class="dbk-facts" data-facts><summary>Ask the interviewer <span class="dbk-why" data-facts-asked>'
        '</span></summary><p class="dbk-why">Say your own question aloud first. If it is one of these, choose it and '
        "you are answered; if it is not, assume something and say so.</p><ul data-facts-list></ul></details>"
        '<label>Your notes<textarea data-notes rows="8" maxlength="20000"></textarea></label>'
        '<p class="dbk-buttons"><button type="button" data-next>Next phase</button>'
        '<button type="button" data-back>Back</button><button type="button" data-more>Ask me more</button>'
        '<button type="button" data-pause>Pause</button><button type="button" data-end>End and judge</button></p></div>'
        '<div class="dbk-box dbk-ask" data-review hidden><p class="dbk-front" data-judged tabindex="-1"></p>'
        f'<div data-compare></div><p class="dbk-why" data-bar></p>{_grades(rubric)}'
        '<p data-points></p><p class="dbk-buttons"><button type="button" data-file>Save as Markdown</button>'
        '<button type="button" data-done>Done</button></p></div>'
        '<p role="status"></p>'
        '<details class="dbk-past" data-past hidden><summary>Your rounds</summary><ul data-rounds></ul>'
        '<p class="dbk-buttons"><button type="button" data-all>Save all as Markdown</button>'
        '<button type="button" data-delete>Delete all</button></p></details>'
        f"{_settings(rubric)}</section>"
    )


def _grades(rubric: Rubric) -> str:
    """The rubric to judge oneself by: a described level to choose for each criterion."""
    fields = []
    for each in rubric.criteria:
        choices = "".join(
            f'<label class="dbk-choice"><input type="radio" name="{each.id}" value="{grade}">'
            f"<span><b>{html.escape(name)}.</b> {inline(each.levels[grade])}</span></label>"
            for grade, (name, _) in enumerate(rubric.grades)
        )
        fields.append(
            f"<fieldset><legend>{html.escape(each.name)}, {each.weight} points: {inline(each.asks)}</legend>"
            f"{choices}</fieldset>"
        )
    return f"<form data-grades>{''.join(fields)}</form>"


def _settings(rubric: Rubric) -> str:
    """What the script needs of the rubric; the texts it takes from the page."""
    settings = {
        "minutes": MINUTES,
        "phases": [
            {"id": each.id, "name": each.name, "minutes": each.minutes, "says": each.interviewer}
            for each in rubric.phases
        ],
        "points": [points for _, points in rubric.grades],
        "grades": [name for name, _ in rubric.grades],
        "criteria": [{"id": each.id, "name": each.name, "weight": each.weight} for each in rubric.criteria],
        "bars": {level: rubric.bar(level) for level in LEVELS},
        "levels": LEVELS,
    }
    body = json.dumps(settings, ensure_ascii=False).replace("</", "<\\/")
    return f'<script type="application/json" data-rubric>{body}</script>'


def sheets() -> str:
    """An interviewer's sheet for each system, folded; the open ones are what is printed."""
    rubric = load_rubric()
    made = [_sheet(each, model_of(each.name), rubric) for each in systems()]
    return f'<section class="dbk dbk-drill" data-sheets aria-label="Interviewer’s sheets">{"".join(made)}</section>'


def _sheet(chapter: Chapter, model: CapacityModel | None, rubric: Rubric) -> str:
    asked = asks(chapter.name, model)
    phases = "".join(_phase(phase, chapter, model, asked) for phase in rubric.phases)
    return (
        f'<details class="dbk-sheet" data-system="{chapter.name}"><summary>{html.escape(chapter.title)}</summary>'
        '<p class="dbk-buttons"><button type="button" data-print hidden>Print this sheet</button></p>'
        f'<p class="dbk-why">Candidate, level, day: <span class="dbk-blank"></span></p>{phases}'
        f"{_judgement(rubric)}</details>"
    )


def _phase(phase: Phase, chapter: Chapter, model: CapacityModel | None, asked: list[Ask]) -> str:
    """A phase on the sheet: the minutes, the prompt, what should stand on the board, and the chapter's own answers."""
    board = "".join(f"<li>{inline(each)}</li>" for each in phase.writes)
    links = ", ".join(
        f'<a href="../case_studies/{chapter.name}.html#{section.lower().replace(" ", "-")}">{html.escape(section)}</a>'
        for section in phase.sections
    )
    there = f'<p class="dbk-why">In the chapter: {links}.</p>' if links else ""
    own = _own(phase, chapter, model) + "".join(
        _ask(each, f"{chapter.name}-{number}") for number, each in enumerate(asked) if each.phase == phase.id
    )
    minutes = f"{phase.begins}–{phase.begins + phase.minutes} min"
    return (
        f'<div class="dbk-part" data-part="{phase.id}"><p class="dbk-front">{minutes}: '
        f"{html.escape(phase.name)}</p><p>“{inline(phase.interviewer)}”</p>"
        f'<div data-own><p class="dbk-why">On the board at its end:</p><ul>{board}</ul>{own}{there}</div></div>'
    )


def _own(phase: Phase, chapter: Chapter, model: CapacityModel | None) -> str:
    """What the chapter has for a phase beside probes: its questions, its numbers, the usual mistakes."""
    if phase.id == "requirements":
        rows = "".join(
            f'<li data-clarify="{chapter.name}-{number}"><b data-words>{ask}</b> <span data-answer>{answer}</span> '
            f'<span class="dbk-why">It changes: {changes}</span></li>'
            for number, (ask, answer, changes) in enumerate(
                texts(chapter.name, model, "clarify", ("ask", "answer", "changes"))
            )
        )
        return f'<p class="dbk-why">Asked by the candidate, and your answer:</p><ul class="dbk-tick">{rows}</ul>'
    if phase.id == "estimates" and model is not None:
        names = dict.fromkeys(limit.estimate for limit in model.limits.values())
        parts = [model.estimates[name] for name in names]
        rows = "".join(
            f"<li>{inline(part.about.rstrip('.'))}: <b>{html.escape(model.show(part.name))}</b></li>" for part in parts
        )
        return f"<ul>{rows}</ul><p>{inline(model.verdict().sentence)}</p>"
    if phase.id == "close":
        mistakes = texts(chapter.name, model, "mistakes", ("mistake", "instead"))
        return f'<p class="dbk-why">Often said, and better:</p>{_listed(mistakes)}'
    return ""


def _listed(rows: list[list[str]]) -> str:
    return f"<ul>{''.join(f'<li><b>{first}</b> {second}</li>' for first, second in rows)}</ul>"


def _judgement(rubric: Rubric) -> str:
    """The rubric on the sheet, with a box to tick for each grade."""
    rows = "".join(
        f"<p><b>{html.escape(each.name)}, {each.weight} points.</b> {inline(each.asks)}</p>"
        + '<ul class="dbk-tick">'
        + "".join(
            f"<li>{html.escape(name)}: {inline(text)}</li>"
            for (name, _), text in zip(rubric.grades, each.levels, strict=True)
        )
        + "</ul>"
        for each in rubric.criteria
    )
    return f'<div class="dbk-part"><p class="dbk-front">The rubric</p>{rows}</div>'


def _ask(each: Ask, key: str) -> str:
    strong = "".join(f"<li>{part}</li>" for part in each.strong)
    follows = " data-follows" if each.follows else ""
    title = LEVELS[each.level]
    return (
        f'<div data-ask="{key}" data-level="{each.level}"{follows}><p><span class="dbk-tier">{title}</span> '
        f'<span data-words>{each.ask}</span></p><ul class="dbk-tick">{strong}</ul></div>'
    )
