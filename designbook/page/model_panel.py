"""A capacity model with its sliders: what must be carried, what gives way first, and which step comes next."""

import ast
import html
import inspect
import math
import textwrap
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any, NamedTuple

from designbook.capacity import CapacityModel, Limit, monte_carlo, to_javascript
from designbook.page import sliders
from designbook.page.sliders import Slider
from designbook.quantities import human


class ModelPanel:
    """Sliders for a capacity model's inputs, its estimates as numbers and bars, and the verdict in words.

    The last expression of a cell, or `display(panel)`. With a kernel it is made of `ipywidgets` and recomputed by
    Python; with `DESIGNBOOK_STATIC=1` it is plain HTML that `assets/panel.js` brings to life. `inputs` and `outputs`
    choose and order what is shown (default: inputs with a range, all estimates); as a mapping they name it too:
    `outputs={"peak_reads": "redirects, peak"}`. `formula` is the estimate spelt out below; without it, the one that
    the verdict is about. `band` shows the 10th to 90th percentile over all inputs' ranges.
    """

    def __init__(
        self,
        model: type[CapacityModel],
        *,
        name: str = "capacity",
        title: str = "What must it carry?",
        inputs: Iterable[str] | Mapping[str, str] | None = None,
        outputs: Iterable[str] | Mapping[str, str] | None = None,
        formula: str | None = None,
        band: bool = True,
    ) -> None:
        """Raises ValueError for a name that is no plain word, LookupError for parts that the model does not have."""
        self.model = model
        self.name = sliders.check_name(name)
        self.title = title
        self.band = band
        movable = [key for key, part in model.inputs.items() if part.bounded and part.low < part.high]
        self.inputs = _named(movable if inputs is None else inputs, model.inputs, model, "input")
        self.outputs = _named(model.estimates if outputs is None else outputs, model.estimates, model, "estimate")
        for key in self.inputs:
            if key not in movable:
                raise LookupError(f"{model.__name__}.{key} has no range (low, high) for a slider to run over")
        spelt = {key: text for key in model.estimates if (text := formula_text(model, key))}
        if formula is not None and formula not in spelt:
            raise LookupError(f"{model.__name__} has no estimate {formula!r} that is one expression")
        self.formula = formula
        self.formulas = spelt

    @cached_property
    def sliders(self) -> list[Slider]:
        """One slider for each input."""
        return [sliders.slider(key, self.model.inputs[key], label) for key, label in self.inputs.items()]

    @cached_property
    def rows(self) -> "list[_Row]":
        """One row for each estimate, with the ends of its bar."""
        bands = monte_carlo(self.model) if self.band else {}
        default = self.model()
        rows = []
        for key, label in self.outputs.items():
            part = self.model.estimates[key]
            limits = sorted((x for x in self.model.limits.values() if x.estimate == key), key=lambda x: x.base)
            low, _, high = bands.get(key, (math.nan,) * 3)
            rows.append(
                _Row(
                    key,
                    label or part.label,
                    part.unit,
                    limits,
                    (low, high),
                    *_ends(getattr(default, key), low, high, limits),
                )
            )
        return rows

    def at(self, positions: Mapping[str, int]) -> CapacityModel:
        """The model with its sliders at these steps."""
        return self.model(**{s.name: s.steps[positions.get(s.name, s.at)] for s in self.sliders})

    def html(self) -> str:
        """The panel as it stands on a page: readable as it is, alive with `assets/panel.js`."""
        model = self.model()
        controls = sliders.inputs_html(self.sliders)
        return (
            f'<figure class="dbk dbk-panel" data-panel="{self.name}">'
            f'<header><b>{html.escape(self.title)}</b><button type="button" data-reset hidden>Reset</button></header>'
            f'<div class="dbk-cols"><div class="dbk-in">{controls}</div>'
            f'<div class="dbk-out">{self._rows_html(model)}</div></div>{self._caption_html(model)}'
            f'<p class="dbk-unseen" aria-live="polite"></p>{self._script()}</figure>'
        )

    def _rows_html(self, model: CapacityModel) -> str:
        return "".join(row.html(getattr(model, row.name)) for row in self.rows)

    def _caption_html(self, model: CapacityModel) -> str:
        verdict = model.verdict()
        shown = self.formula or (verdict.limit.estimate if verdict.limit else next(iter(self.outputs)))
        lines = []
        if verdict.sentence:
            lines.append(f'<p class="dbk-verdict" data-verdict>{html.escape(verdict.sentence)}</p>')
        spelt = html.escape(self._spell(model, shown)) if shown in self.formulas else ""
        lines.append(f"<p><code data-formula{'' if spelt else ' hidden'}>{spelt}</code></p>")
        notes = []
        if self.band:
            notes.append("The pale band is the 10th to 90th percentile over all inputs’ ranges")
        if any(row.limits for row in self.rows):
            notes.append("a red mark is a limit" if notes else "A red mark is a limit")
        if notes:
            lines.append(f"<p>{'; '.join(notes)}.</p>")
        return f"<figcaption>{''.join(lines)}</figcaption>"

    def _spell(self, model: CapacityModel, name: str) -> str:
        formula = self.formulas[name]
        parts = [*self.model.inputs, *self.model.estimates]
        names = formula.format_map({part: part for part in parts})
        numbers = formula.format_map({part: model.show(part) for part in parts if f"{{{part}}}" in formula})
        return f"{name} = {names} = {numbers} = {model.show(name)}"

    def _script(self) -> str:
        shows = {name: part.unit for name, part in self.model.inputs.items()}
        shows |= {name: part.unit for name, part in self.model.estimates.items()}
        used = [s.unit for s in self.sliders] + list(shows.values()) + ["times"]
        entries = {
            "panel": self.name,
            "sliders": [s.as_json() for s in self.sliders],
            "outputs": [row.as_json() for row in self.rows],
            "units": sliders.units_json(used),
            "shows": shows,
            "formulas": self.formulas,
            "shown": self.formula or "",
        }
        return sliders.script(entries, {"model": to_javascript(self.model)})

    def widget(self) -> Any:
        """The same panel made of ipywidgets, recomputed by Python at each move."""
        controls = {s.name: sliders.selection(s) for s in self.sliders}
        output = sliders.ipywidgets().HTML()

        def redraw(_: Any = None) -> None:
            model = self.at({name: control.value for name, control in controls.items()})
            output.value = (
                f'<figure class="dbk dbk-panel"><div class="dbk-out">{self._rows_html(model)}</div>'
                f"{self._caption_html(model)}</figure>"
            )

        return sliders.kernel_panel(self.title, self.sliders, controls, output, redraw)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        model = self.model()
        plain = f"[panel {self.name}] " + "; ".join(f"{row.label}: {model.show(row.name)}" for row in self.rows)
        return sliders.bundle(self.html, self.widget, plain)


class _Row(NamedTuple):
    """An estimate on the panel: `band` and the bar's ends `low` and `high` are in base units."""

    name: str
    label: str
    unit: str
    limits: list[Limit]
    band: tuple[float, float]
    low: float
    high: float

    def html(self, value: float) -> str:
        """The row at this value."""
        marks = f'<i style="width:{self.place(value):g}%"></i>'
        if self.band[0] > 0 and self.band[1] > self.band[0]:
            left, right = map(self.place, self.band)
            marks = f'<u style="left:{left:g}%;width:{right - left:.4g}%"></u>{marks}'
        for limit in self.limits:
            said = html.escape(f"{limit.about}: {limit.show()}")
            marks += f'<s style="left:{self.place(limit.base):g}%" title="{said}"></s>'
        over = self.limits and value > self.limits[0].base
        under = f'<span class="dbk-share">{html.escape(share(value, self.limits[0]))}</span>' if self.limits else ""
        return (
            f'<div class="dbk-row{" dbk-over" if over else ""}"><span class="dbk-name">{html.escape(self.label)}</span>'
            f'<span class="dbk-bar" aria-hidden="true">{marks}</span>'
            f'<span class="dbk-value" data-output="{self.name}">{html.escape(human(value, self.unit))}</span>'
            f"{under}</div>"
        )

    def place(self, value: float) -> float:
        """Where a value stands on the bar's logarithmic scale, in per cent."""
        if not value > 0 or not self.high > self.low > 0:
            return 0.0
        place = 100 * math.log(value / self.low) / math.log(self.high / self.low)
        return math.floor(max(1.0, min(100.0, place)) * 10 + 0.5) / 10

    def as_json(self) -> dict[str, Any]:
        """What the page's script needs."""
        entry = {
            "name": self.name,
            "label": self.label,
            "unit": self.unit,
            "low": self.low,
            "high": self.high,
        }
        if self.limits:
            entry["limit"] = {"value": self.limits[0].base, "about": self.limits[0].about}
        return entry


def share(value: float, limit: Limit) -> str:
    """A load against its limit: `32 % of one Valkey node`, `1.6 × one Valkey node`."""
    ratio = value / limit.base
    if 0 < ratio < 0.01:
        return f"under 1 % of {limit.about}"
    return (
        f"{math.floor(100 * ratio + 0.5)} % of {limit.about}"
        if ratio <= 1
        else f"{human(ratio, 'times')} {limit.about}"
    )


def formula_text(model: type[CapacityModel], name: str) -> str | None:
    """The formula of an estimate as text, `{new_links} · {reads_per_link}`; None if it is more than one expression."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(model.estimates[name].function)))
    except (OSError, TypeError, SyntaxError):
        return None
    function = tree.body[0]
    body = function.body if isinstance(function, ast.FunctionDef) else []
    body = [line for line in body if not (isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant))]
    if len(body) != 1 or not isinstance(body[0], ast.Return) or body[0].value is None:
        return None
    return expression_text(model, body[0].value)


def expression_text(model: type[CapacityModel], expression: ast.expr) -> str | None:
    """An expression of a formula as text, with fields; None if it uses more than inputs and estimates."""
    used = {node.attr for node in ast.walk(expression) if isinstance(node, ast.Attribute)}
    if not used <= {*model.inputs, *model.estimates}:
        return None
    text = ast.unparse(_Fields().visit(expression)).replace("__open__", "{").replace("__close__", "}")
    return text.replace(" * ", " · ")


class _Fields(ast.NodeTransformer):
    """Turns `self.reads` into a field of a format string, and leaves out what only changes a unit."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if isinstance(node.func, ast.Name) and node.func.id in ("amount", "count"):
            kept: ast.AST = self.visit(node.args[0])
            return kept
        return self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        if isinstance(node.value, ast.Name) and node.value.id == "self":
            return ast.Name(f"__open__{node.attr}__close__")
        return node


def _named(
    chosen: Iterable[str] | Mapping[str, str], known: Mapping[str, Any], model: type[CapacityModel], what: str
) -> dict[str, str]:
    """The chosen parts with the labels that were given; "" where the part's own is to stand."""
    named = dict(chosen) if isinstance(chosen, Mapping) and chosen is not known else dict.fromkeys(chosen, "")
    for name in named:
        if name not in known:
            raise LookupError(f"{model.__name__} has no {what} {name!r}; it has {', '.join(known)}")
    return {name: label if isinstance(label, str) else "" for name, label in named.items()}


def _ends(value: float, low: float, high: float, limits: list[Limit]) -> tuple[float, float]:
    """The ends of a bar: a decade around what is known to matter, so that a move shows and a limit is in sight."""
    known = [x for x in (value, low, high, *(limit.base for limit in limits)) if x > 0 and math.isfinite(x)]
    if not known:
        return 0.0, 0.0
    first, last = min(known), max(known)
    room = max(2.0, (last / first) ** 0.25)
    return float(f"{first / room**2:.3g}"), float(f"{last * room:.3g}")
