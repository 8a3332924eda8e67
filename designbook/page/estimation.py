"""The estimation drill: random settings of a capacity model, one of its estimates asked, a typed answer graded.

The drill itself is `assets/drill.js`, on the published page and in a chapter's cell alike: it draws, computes with the
model's own formulas and grades. Here a model is laid out for it, and for those who read without a script.
"""

import html
import re
from typing import Any

from designbook.capacity import CapacityModel, expression, needs, to_javascript
from designbook.page import sliders
from designbook.page.markup import Html, asset, inline, static
from designbook.page.model_panel import expression_text, formula_text
from designbook.page.typed import asked as asked_for
from designbook.page.typed import words_script

MOST_GIVEN = 7
"""So many numbers a question gives at most. Where it takes more, the estimates before the last step are given."""

MOST_STEPS = 40
"""About so many values of an input are drawn from: few enough to be round."""


def estimation_drill(*models: type[CapacityModel]) -> Html:
    """The drill over one model, or over several among which the reader chooses.

    The last expression of a cell. It needs a script: in a notebook it brings its own, on the site the page loads it.
    Without one, every question stands there at the model's defaults, with its answer folded. Raises ValueError if no
    model is handed in or two have one name.
    """
    named = {model_name(model): model for model in models}
    if not models or len(named) < len(models):
        raise ValueError(f"an estimation drill wants models with different names, not {models}")
    asked = {name: _Questions(model) for name, model in named.items()}
    count = sum(len(each.given) for each in asked.values())
    markup = (
        f'<section class="dbk dbk-drill" data-drill aria-label="Estimation drill">{_form(named)}'
        f"{_folded(asked)}{_script(asked)}</section>"
    )
    brought = () if static() else (words_script(), asset("answer.js"), asset("panel.js"), asset("drill.js"))
    scripts = "".join(f"<script>{each}</script>" for each in brought)
    return Html(scripts + markup, f"[estimation drill: {count} questions]")


def model_name(model: type[CapacityModel]) -> str:
    """What the drill's address calls a model: `news_feed` for NewsFeedCapacity."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", model.__name__.removesuffix("Capacity")).lower()


def model_title(model: type[CapacityModel]) -> str:
    """The model's name in words: `News feed`."""
    return model_name(model).replace("_", " ").capitalize()


class _Questions:
    """What is asked of a model: each estimate that is one formula, what is given for it, and the steps on the way."""

    def __init__(self, model: type[CapacityModel]) -> None:
        self.model = model
        self.formulas = {name: text for name in model.estimates if (text := _formula(model, name))}
        self.given = {name: given for name in self.formulas if (given := self._given(name))}

    def _given(self, name: str) -> list[str]:
        """The inputs that the estimate comes from, or if they are too many, what its own formula names."""
        for found in (self._inputs(name), needs(self.model.estimates[name], self.model)):
            if 0 < len(found) <= MOST_GIVEN:
                return found
        return []

    def _inputs(self, name: str) -> list[str]:
        if name in self.model.inputs:
            return [name]
        below = needs(self.model.estimates[name], self.model)
        return list(dict.fromkeys(leaf for each in below for leaf in self._inputs(each)))

    def steps(self, name: str) -> list[str]:
        """The estimates from what is given to the one that is asked, in an order in which they can be computed."""
        order: dict[str, None] = {}

        def add(each: str) -> None:
            if each in self.model.inputs or (each in self.given[name] and each != name):
                return
            for needed in needs(self.model.estimates[each], self.model):
                add(needed)
            order.setdefault(each)

        add(name)
        return list(order)

    def question(self, name: str) -> str:
        """The question as a sentence, that of the model or else what the estimate is called."""
        part = self.model.estimates[name]
        return part.asks or f"How much is this: {self.about(name)}?"

    def about(self, name: str) -> str:
        """A part of the model in words."""
        if name in self.model.inputs:
            return self.model.inputs[name].about or self.model.inputs[name].label
        return self.model.estimates[name].about.rstrip(".").replace("`", "").replace("_", " ")

    def as_json(self) -> dict[str, Any]:
        """What the page's script needs, except for the formulas that it computes with."""
        leaves = {leaf for name in self.given for leaf in self._inputs(name)}
        inputs = {name: self.model.inputs[name] for name in self.model.inputs if name in leaves}
        return {
            "title": model_title(self.model),
            "inputs": {name: {"unit": part.unit, "steps": round_steps(part)} for name, part in inputs.items()},
            "parts": {name: [self.about(name), part.unit] for name, part in inputs.items()}
            | {name: [self.about(name), part.unit] for name, part in self.model.estimates.items()},
            "asked": {
                name: {
                    "given": given,
                    "steps": self.steps(name),
                    "question": self.question(name),
                    **asked_for(self.model.estimates[name].unit),
                }
                for name, given in self.given.items()
            },
            "formulas": self.formulas,
        }


def _formula(model: type[CapacityModel], name: str) -> str | None:
    """An estimate's formula with fields, local names put in their place; None if it is a procedure."""
    text = formula_text(model, name)
    if text is None:
        returned = expression(model.estimates[name])
        text = None if returned is None else expression_text(model, returned)
    # What is left of amount(1, "user"), which only changes a unit; and the kit's long names.
    return text and re.sub(r" [·/] 1(?![\w.])", "", text).replace("maximum(", "max(").replace("minimum(", "min(")


def round_steps(part: Any) -> list[float]:
    """Values as people say them, two digits at most, from the half of an input's range around its default.

    Evenly on the input's scale. Further out, inputs drawn apart from each other make no system: pages ranked that
    nobody loads.
    """
    if not part.bounded or part.low == part.high:
        return [part.default]
    walked = sliders.steps(part.low, part.high, part.scale, part.default, MOST_STEPS)
    half = max(len(walked) // 2, min(len(walked), 4))
    start = min(max(walked.index(part.default) - half // 2, 0), len(walked) - half)
    return [step for step in walked[start : start + half] if float(f"{step:.2g}") == step] or [part.default]


def _form(named: dict[str, type[CapacityModel]]) -> str:
    """The drill's face, which the script fills and shows."""
    choices = "".join(
        f'<option value="{name}">{html.escape(model_title(model))}</option>' for name, model in named.items()
    )
    choose = (
        f'<label>System <select name="model"><option value="">any of them</option>{choices}</select></label>'
        if len(named) > 1
        else ""
    )
    return (
        '<form class="dbk-box dbk-ask" hidden>'
        f'<p class="dbk-choose">{choose}<label><input type="checkbox" name="timed"> against the clock</label>'
        '<span class="dbk-clock" data-clock></span></p>'
        "<p data-question></p><ul data-given></ul>"
        '<p><label>Your answer <input type="text" name="answer" maxlength="80" autocomplete="off" autocapitalize="off" '
        'spellcheck="false" enterkeyhint="go"></label> <span class="dbk-why" data-example></span></p>'
        '<p class="dbk-buttons"><button type="submit">Check</button>'
        '<button type="button" name="show">Show the answer</button>'
        '<button type="button" name="next">Another</button></p>'
        '<p role="status"></p><ol class="dbk-steps" data-steps hidden></ol>'
        '<p class="dbk-why"><span data-score></span> <a data-link href="">Link to this question</a></p></form>'
    )


def _folded(asked: dict[str, _Questions]) -> str:
    """Every question at the defaults, its answer folded: for those without a script, and for paper."""
    groups = []
    for questions in asked.values():
        model = questions.model()
        rows = []
        for name, given in questions.given.items():
            told = "; ".join(
                f"{html.escape(questions.about(each))}: <b>{html.escape(model.show(each))}</b>" for each in given
            )
            lines = "".join(
                f"<li>{html.escape(_spelt(model, each, questions.formulas))}</li>" for each in questions.steps(name)
            )
            rows.append(
                f"<details><summary>{inline(questions.question(name))}</summary>"
                f'<p class="dbk-why">{told}.</p><details><summary>Answer</summary><ol class="dbk-steps">{lines}</ol>'
                "</details></details>"
            )
        groups.append(f"<p><b>{html.escape(model_title(questions.model))}</b></p>{''.join(rows)}")
    title = "All questions at the chapter’s own numbers"
    return f'<details class="dbk-all"><summary>{title}</summary>{"".join(groups)}</details>'


def _spelt(model: CapacityModel, name: str, formulas: dict[str, str]) -> str:
    """One step of a derivation: what, the formula, the numbers put in, the result."""
    kind = type(model)
    parts = (*kind.inputs, *kind.estimates)
    if name not in formulas:
        return f"{name.replace('_', ' ')} = {model.show(name)}"
    words = formulas[name].format_map({part: part.replace("_", " ") for part in parts})
    numbers = formulas[name].format_map({part: model.show(part) for part in parts if f"{{{part}}}" in formulas[name]})
    return f"{name.replace('_', ' ')} = {words} = {numbers} = {model.show(name)}"


def _script(asked: dict[str, _Questions]) -> str:
    """The inline script that registers the drill."""
    models = [each.model for each in asked.values()]
    laid = {name: each.as_json() for name, each in asked.items()}
    units = [unit for each in laid.values() for _, unit in each["parts"].values()]
    code = ",".join(f"{name}:{to_javascript(model)}" for name, model in zip(asked, models, strict=True))
    entries = {"models": laid, "units": sliders.units_json([*units, "times"])}
    return sliders.script(entries, {"code": f"{{{code}}}"}, to="designbookDrills")
