"""Curves that follow sliders: what a simulation or a formula says, at any setting that the reader tries."""

import html
import inspect
import itertools
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from designbook.capacity import Input, translate
from designbook.page import figures
from designbook.page import sliders as parts
from designbook.page.markup import symbol
from designbook.quantities import from_base, human, to_base

_SWATCHES = ("", "9 4", "2 3", "10 3 2 3", "5 2", "2 6")
_ROWS = 7  # lines in the table of numbers


@dataclass(frozen=True, slots=True)
class Axis:
    """The y axis: what it shows, in which unit; `low` and `high`, in that unit, default to what the curves need."""

    about: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    scale: Literal["linear", "log"] = "linear"


@dataclass(frozen=True, slots=True)
class Line:
    """A straight line to compare with, at `value` in the axis's unit, and what it means."""

    value: float
    about: str
    axis: Literal["x", "y"] = "y"


@dataclass(frozen=True, slots=True)
class Output:
    """A number beside the chart: a function of the sliders, in base units, shown in `unit` as `about`."""

    function: Callable[..., float]
    unit: str
    about: str


class ExperimentPanel:
    """Curves of one or more functions of `x` and one or two sliders (three, if translated), and what follows from them.

    A curve is `f(x, *slider_values)` in the order of `sliders`, all in base units; `outputs` and `verdict` are
    functions of the slider values alone. A verdict returns a sentence, in which `{name}` stands for an
    output or a slider.

    With `translate=True` the functions, plain Python with loops, also run as JavaScript on the page. Otherwise they are
    computed ahead at about `grid` steps a slider, and travel as numbers with four digits; `whole=True` hands a curve
    all of x at once, as a list, and takes a list back. With a kernel, Python computes at each move.
    """

    def __init__(
        self,
        curves: Callable[..., Any] | Mapping[str, Callable[..., Any]],
        *,
        name: str,
        title: str,
        x: Input,
        y: Axis,
        sliders: Mapping[str, Input],
        outputs: Mapping[str, Output] | None = None,
        verdict: Callable[..., str] | None = None,
        lines: Sequence[Line] = (),
        note: str = "",
        translate: bool = False,
        whole: bool = False,
        points: int = 60,
        grid: int = 9,
    ) -> None:
        """Raises ValueError for a bad name, too many sliders or curves, or a function of another number of values."""
        self.name = parts.check_name(name)
        self.title = title
        self.curves = dict(curves) if isinstance(curves, Mapping) else {y.about: curves}
        self.x, self.y, self.lines, self.note = x, y, tuple(lines), note
        self.outputs = dict(outputs or {})
        self.verdict = verdict
        self.translate, self.whole, self.points = translate, whole, points
        most = 3 if translate else 2
        if not 1 <= len(sliders) <= most:
            raise ValueError(f"panel {name!r} has {len(sliders)} sliders; 1 to {most} are possible here")
        if not 1 <= len(self.curves) <= len(figures.CYCLE):
            raise ValueError(
                f"panel {name!r} has {len(self.curves)} curves; 1 to {len(figures.CYCLE)} can be told apart"
            )
        if translate and whole:
            raise ValueError(f"panel {name!r}: a translated curve takes one x at a time")
        of_settings = [output.function for output in self.outputs.values()] + ([verdict] if verdict else [])
        for function, wanted in [(f, len(sliders) + 1) for f in self.curves.values()] + [
            (f, len(sliders)) for f in of_settings
        ]:
            if len(inspect.signature(function).parameters) != wanted:
                what = getattr(function, "__name__", repr(function))
                order = ", ".join([*["x"] * (wanted > len(sliders)), *sliders])
                raise ValueError(f"panel {name!r}: {what} must take {wanted} values: {order}")
        self.sliders = [parts.slider(key, part, most=100 if translate else grid) for key, part in sliders.items()]

    # -- numbers

    @cached_property
    def xs(self) -> list[float]:
        """The values of x in its own unit: round ones, with the default among them."""
        x = self.x
        if x.scale == "linear":
            return list(parts.steps(x.low, x.high, "linear", x.default, self.points))
        step = (x.high / x.low) ** (1 / (self.points - 1))
        found = {float(f"{x.low * step**k:.3g}") for k in range(self.points)}
        return sorted({value for value in found if x.low < value < x.high} | {x.low, x.high, x.default})

    @cached_property
    def _base_xs(self) -> list[float]:
        return [to_base(x, self.x.unit) for x in self.xs]

    def curve(self, label: str, values: Sequence[float]) -> list[float]:
        """One curve at these slider values, all in base units."""
        function = self.curves[label]
        if self.whole:
            row = [float(y) for y in function(list(self._base_xs), *values)]
            if len(row) != len(self.xs):
                raise ValueError(f"panel {self.name!r}: curve {label!r} gave {len(row)} values for {len(self.xs)} of x")
        else:
            row = [float(function(x, *values)) for x in self._base_xs]
        return row if self.translate else [_four(y) for y in row]

    def at(self, positions: Mapping[str, int] | None = None) -> "Moment":
        """Everything that the panel shows with its sliders at these steps (default: where they stand first)."""
        at = {s.name: (positions or {}).get(s.name, s.at) for s in self.sliders}
        values = [s.base(at[s.name]) for s in self.sliders]
        outputs = {key: float(output.function(*values)) for key, output in self.outputs.items()}
        if not self.translate:
            outputs = {key: _four(value) for key, value in outputs.items()}
        shown = {key: human(value, self.outputs[key].unit) for key, value in outputs.items()}
        shown |= {s.name: s.said(at[s.name]) for s in self.sliders}
        return Moment(
            [self.curve(label, values) for label in self.curves],
            outputs,
            _fill(self.verdict(*values), shown) if self.verdict else "",
        )

    @cached_property
    def _settings(self) -> list[dict[str, int]]:
        """All steps of all sliders, the last one moving fastest."""
        names = [s.name for s in self.sliders]
        every = itertools.product(*(range(len(s.steps)) for s in self.sliders))
        return [dict(zip(names, steps, strict=True)) for steps in every]

    @cached_property
    def _grid(self) -> "list[Moment]":
        return [self.at(setting) for setting in self._settings]

    @cached_property
    def _first(self) -> "Moment":
        return self.at()

    @cached_property
    def y_range(self) -> tuple[float, float]:
        """The ends of the y axis in its unit, the same for all settings, so that a curve is seen to move."""
        if self.y.low is not None and self.y.high is not None:
            return self.y.low, self.y.high
        if self.translate:
            ends = itertools.product(*((0, s.at, len(s.steps) - 1) for s in self.sliders))
            settings = [{s.name: at for s, at in zip(self.sliders, end, strict=True)} for end in ends]
            moments = [self.at(setting) for setting in settings]
        else:
            moments = self._grid
        log = self.y.scale == "log"
        ys = [from_base(y, self.y.unit) for moment in moments for row in moment.curves for y in row]
        ys = [y for y in ys if math.isfinite(y) and (y > 0 or not log)] + [x.value for x in self.lines if x.axis == "y"]
        low, high = (min(ys), max(ys)) if ys else (0.0, 1.0)
        if log:
            low, high = 10.0 ** math.floor(math.log10(low)), 10.0 ** math.ceil(math.log10(high))
        else:
            low, high = (0.0 if low >= 0 else low * 1.05), (high * 1.05 if high > 0 else high)
        low = self.y.low if self.y.low is not None else low
        high = self.y.high if self.y.high is not None else high
        return float(f"{low:.4g}"), float(f"{high if high > low else low + 1:.4g}")

    # -- the page's face

    @property
    def alt(self) -> str:
        """What the chart is of, in words."""
        about = f"{self.y.about} against {self.x.about or 'x'}"
        return f"{about[:1].upper()}{about[1:]}:"

    def summary(self, moment: "Moment") -> str:
        """The chart in words: its curves at the first, the default and the last x. The page's script says the same."""
        told = []
        for index in (0, self.xs.index(self.x.default), len(self.xs) - 1):
            each = [f"{name} {self._y(row[index])}" for name, row in zip(self.curves, moment.curves, strict=True)]
            told.append(f"at {self._x(index)}: {', '.join(each)}")
        return f"{self.alt} {'; '.join(told)}."

    def _x(self, index: int) -> str:
        return human(self._base_xs[index], self.x.unit)

    def _y(self, value: float) -> str:
        return human(value, self.y.unit)

    def html(self) -> str:
        """The panel as it stands on a page: numbers in a table, which `assets/panel.js` and uPlot turn into curves."""
        moment = self._first
        outputs = "".join(
            f'<div class="dbk-row"><span class="dbk-name">{html.escape(output.about)}</span>'
            f'<span class="dbk-value" data-output="{key}">{html.escape(human(moment.outputs[key], output.unit))}</span>'
            "</div>"
            for key, output in self.outputs.items()
        )
        return (
            f'<figure class="dbk dbk-panel dbk-wide" data-panel="{self.name}" data-needs="uplot">'
            f'<header><b>{html.escape(self.title)}</b><button type="button" data-reset hidden>Reset</button></header>'
            f'<div class="dbk-cols"><div class="dbk-in">{parts.inputs_html(self.sliders)}{outputs}</div>'
            f'<div class="dbk-view">{self._legend(moment)}'
            f'<div class="dbk-plot" data-plot role="img" aria-label="{html.escape(self.summary(moment))}" hidden></div>'
            f"{self._table(moment)}</div></div>{self._caption(moment)}"
            f'<p class="dbk-unseen" aria-live="polite"></p>{self._script()}</figure>'
        )

    def _legend(self, moment: "Moment") -> str:
        at = self.xs.index(self.x.default)
        keys = "".join(
            f'<span class="dbk-key"><svg width="26" height="8" aria-hidden="true"><path d="M1 4H25" fill="none" '
            f'stroke="currentColor" stroke-width="2.5" stroke-dasharray="{_SWATCHES[number]}" '
            f'style="color:var(--c{number + 1})"/></svg> {html.escape(label)} '
            f"<b data-readout>{html.escape(self._y(moment.curves[number][at]))}</b></span> "
            for number, label in enumerate(self.curves)
        )
        about = html.escape(self.x.about or "x")
        return f'<p class="dbk-readout">{keys}<span>at {about} <b data-at>{html.escape(self._x(at))}</b></span></p>'

    def _table(self, moment: "Moment") -> str:
        last = len(self.xs) - 1
        points = sorted({round(k * last / (_ROWS - 1)) for k in range(_ROWS)} | {self.xs.index(self.x.default)})
        heads = "".join(f'<th scope="col" class="dbk-n">{html.escape(label)}</th>' for label in self.curves)
        rows = "".join(
            f'<tr><th scope="row">{html.escape(self._x(point))}</th>'
            + "".join(
                f'<td class="dbk-n" data-curve="{number}" data-point="{point}">{html.escape(self._y(row[point]))}</td>'
                for number, row in enumerate(moment.curves)
            )
            + "</tr>"
            for point in points
        )
        return (
            f'<details class="dbk-numbers" open><summary>Numbers</summary><table><thead><tr><th scope="col">'
            f"{html.escape(self.x.about or 'x')}</th>{heads}</tr></thead><tbody>{rows}</tbody></table></details>"
        )

    def _caption(self, moment: "Moment") -> str:
        lines = [f'<p class="dbk-verdict" data-verdict>{html.escape(moment.verdict)}</p>'] if self.verdict else []
        lines += [f"<p>{html.escape(self.note)}</p>"] if self.note else []
        return f"<figcaption>{''.join(lines)}</figcaption>" if lines else ""

    def _script(self) -> str:
        y_low, y_high = self.y_range
        entries: dict[str, Any] = {
            "panel": self.name,
            "alt": self.alt,
            "sliders": [s.as_json() for s in self.sliders],
            "units": parts.units_json(
                [*(s.unit for s in self.sliders), *(o.unit for o in self.outputs.values()), self.x.unit, self.y.unit]
            ),
            "x": {
                "values": self.xs,
                "at": self.xs.index(self.x.default),
                "unit": self.x.unit,
                "label": _axis_label(self.x.about or "x", self.x.unit),
                "scale": self.x.scale,
                "low": self.xs[0],
                "high": self.xs[-1],
            },
            "y": {
                "unit": self.y.unit,
                "label": _axis_label(self.y.about, self.y.unit),
                "scale": self.y.scale,
                "low": y_low,
                "high": y_high,
            },
            "lines": [{"at": line.value, "about": line.about, "axis": line.axis} for line in self.lines],
        }
        curves = [
            {"label": label, "f": self._js(function, [moment.curves[number] for moment in self._shipped])}
            for number, (label, function) in enumerate(self.curves.items())
        ]
        outputs = [
            {"name": key, "unit": output.unit, "f": self._js(output.function, [m.outputs[key] for m in self._shipped])}
            for key, output in self.outputs.items()
        ]
        code = {"curves": _list(curves), "outputs": _list(outputs)}
        if self.verdict:
            code["verdict"] = self._js(self.verdict, [moment.verdict for moment in self._shipped])
        return parts.script(entries, code)

    @property
    def _shipped(self) -> "list[Moment]":
        """What is computed ahead: nothing, where the page computes it."""
        return [] if self.translate else self._grid

    def _js(self, function: Callable[..., Any], computed: list[Any]) -> str:
        """A function as JavaScript, or what it gives at each setting of the sliders."""
        if self.translate:
            return translate(function)
        return json.dumps(computed, ensure_ascii=False, separators=(",", ":"))

    # -- the kernel's face

    def widget(self) -> Any:
        """The same panel made of ipywidgets, computed and drawn by Python at each move."""
        controls = {s.name: parts.selection(s) for s in self.sliders}
        output = parts.ipywidgets().HTML()

        def redraw(_: Any = None) -> None:
            moment = self.at({name: control.value for name, control in controls.items()})
            numbers = "".join(
                f'<div class="dbk-row"><span class="dbk-name">{html.escape(o.about)}</span>'
                f'<span class="dbk-value">{html.escape(human(moment.outputs[key], o.unit))}</span></div>'
                for key, o in self.outputs.items()
            )
            drawing = self.draw(moment)
            output.value = (
                f'<figure class="dbk dbk-panel"><div class="dbk-drawing">{drawing}</div>'
                f'<div class="dbk-out">{numbers}</div>{self._caption(moment)}</figure>'
            )

        return parts.kernel_panel(self.title, self.sliders, controls, output, redraw)

    def draw(self, moment: "Moment") -> str:
        """The chart as SVG, drawn by matplotlib."""
        import matplotlib as mpl
        from matplotlib.figure import Figure

        with mpl.rc_context():
            figures.figure_style()
            figure = Figure()
            axes = figure.subplots()
            for label, row in zip(self.curves, moment.curves, strict=True):
                axes.plot(self.xs, [from_base(y, self.y.unit) for y in row], label=label)
            for line in self.lines:
                on_x = line.axis == "x"
                (axes.axvline if on_x else axes.axhline)(line.value, color=figures.LIMIT, linewidth=1)
                axes.annotate(
                    line.about,
                    (line.value, 1) if on_x else (0, line.value),
                    xycoords=axes.get_xaxis_transform() if on_x else axes.get_yaxis_transform(),
                    xytext=(4, -10 if on_x else 3),
                    textcoords="offset points",
                    color=figures.LIMIT,
                )
            axes.set(xscale=self.x.scale, yscale=self.y.scale, ylim=self.y_range)
            for axis, scale in ((axes.xaxis, self.x.scale), (axes.yaxis, self.y.scale)):
                if scale == "log":
                    axis.set_major_formatter("{x:g}")
            axes.set_xlabel(_axis_label(self.x.about or "x", self.x.unit))
            axes.set_ylabel(_axis_label(self.y.about, self.y.unit))
            axes.legend()
            return figures.to_svg(figure, title=self.title, alt=self.summary(moment))

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        plain = f"[panel {self.name}] {self.summary(self._first)}"
        return parts.bundle(self.html, self.widget, plain, costly=not self.translate)


@dataclass(frozen=True, slots=True)
class Moment:
    """What a panel shows at one setting: a row for each curve, the outputs, and the verdict with its numbers."""

    curves: list[list[float]]
    outputs: dict[str, float]
    verdict: str


def _fill(sentence: str, shown: Mapping[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda match: shown[match[1]], sentence)


def _four(value: float) -> float:
    """Four significant digits: what a curve needs, in a third of the bytes."""
    return float(f"{value:.4g}")


def _axis_label(about: str, unit: str) -> str:
    """`cache size (GB)`."""
    return f"{about} ({symbol(unit)})" if symbol(unit) else about


def _list(entries: list[dict[str, str]]) -> str:
    """A JavaScript list of objects whose `f` is code already."""
    objects = []
    for entry in entries:
        fields = [
            f"{key}:{value if key == 'f' else json.dumps(value, ensure_ascii=False)}" for key, value in entry.items()
        ]
        objects.append("{" + ",".join(fields) + "}")
    return "[" + ",".join(objects) + "]"
