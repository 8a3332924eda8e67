"""What both kinds of panel share: the steps of a slider, its markup, and the switch between page and kernel."""

import html
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from designbook.capacity import Input
from designbook.page.markup import asset, static
from designbook.quantities import display, human, to_base

NAME = re.compile(r"[a-z][a-z0-9_]*$")
_FINE = (1, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.8, 2, 2.2, 2.5, 2.8, 3, 3.5, 4, 4.5, 5, 5.5, 6, 7, 8, 9)
_COARSE = (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8)


@dataclass(frozen=True, slots=True)
class Slider:
    """A slider that walks over round values; `steps` are in `unit`, and `at` is where it stands first."""

    name: str
    about: str
    unit: str
    steps: tuple[float, ...]
    at: int

    def base(self, index: int) -> float:
        """The value of a step in base units."""
        return to_base(self.steps[index], self.unit)

    def said(self, index: int) -> str:
        """The value of a step as people say it."""
        return human(self.base(index), self.unit)

    def as_json(self) -> dict[str, Any]:
        """What the page's script needs."""
        steps = [int(step) if step == int(step) else step for step in self.steps]
        return {"name": self.name, "unit": self.unit, "steps": steps, "at": self.at}


def slider(name: str, part: Input, about: str = "", most: int = 100) -> Slider:
    """The slider of an input with a range, over `most` steps and a few at most."""
    values = steps(part.low, part.high, part.scale, part.default, most)
    return Slider(name, about or part.about or name.replace("_", " "), part.unit, values, values.index(part.default))


def steps(low: float, high: float, scale: str, value: float, most: int = 100) -> tuple[float, ...]:
    """Round values from `low` to `high`, `most` and a few at most, with `value` among them.

    On a log scale 10 to 22 a decade with two digits; on a linear one multiples of 1, 2 or 5, and whole numbers where
    low, high and value are whole. Raises ValueError unless low <= value <= high and low < high.
    """
    if not (low <= value <= high and low < high) or (scale == "log" and low <= 0):
        raise ValueError(f"a slider from {low} to {high} on a {scale} scale cannot stand at {value}")
    found = {float(low), float(high), float(value)}
    if scale == "log":
        decades = math.log10(high / low)
        mantissas = _FINE if decades * len(_FINE) <= most else _COARSE if decades * len(_COARSE) <= most else (1, 2, 5)
        for power in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1):
            found |= {float(f"{mantissa}e{power}") for mantissa in mantissas}
    else:
        whole = all(float(x).is_integer() for x in (low, high, value)) and high - low >= 3
        power = math.floor(math.log10((high - low) / most))
        step = next(s for s in (float(f"{m}e{power}") for m in (1, 2, 5, 10)) if (high - low) / s <= most)
        step = max(step, 1.0) if whole else step
        first = math.ceil(low / step - 1e-9)
        found |= {float(f"{k * step:.12g}") for k in range(first, math.floor(high / step + 1e-9) + 1)}
    return tuple(sorted(x for x in found if low <= x <= high))


def units_json(units: Iterable[str]) -> dict[str, Any]:
    """The rules by which the page's script shows each unit; what is the same for most units is left to it."""
    usual = {"prefix": "", "digits": 3, "least": 1e-4, "most": 1e3, "near": 0.0, "cents": False}
    shown = {}
    for unit in dict.fromkeys(units):
        rules = dict(display(unit).as_json())
        shown[unit] = {key: rule for key, rule in rules.items() if key != "unit" and usual.get(key) != rule}
    return shown


def inputs_html(sliders: Sequence[Slider]) -> str:
    """The labelled sliders. They are asleep until the script wakes them: a slider that moves nothing is a lie."""
    return "".join(
        f'<label><span>{html.escape(s.about)}</span><output aria-live="off">{html.escape(s.said(s.at))}</output>'
        f'<input type="range" name="{s.name}" min="0" max="{len(s.steps) - 1}" step="1" value="{s.at}" disabled '
        f'aria-label="{html.escape(s.about)}" aria-valuetext="{html.escape(s.said(s.at))}" autocomplete="off"></label>'
        for s in sliders
    )


def script(entries: Mapping[str, Any], code: Mapping[str, str], to: str = "designbook") -> str:
    """The inline script that registers a panel: JSON entries, and code (JavaScript expressions) as it is.

    `to` is the list, a global of the page, that the script of the panel's kind takes them from.
    """
    parts = [f"{key}:{json.dumps(value, ensure_ascii=False, separators=(',', ':'))}" for key, value in entries.items()]
    parts += [f"{key}:{expression}" for key, expression in code.items()]
    body = ",".join(parts).replace("</", "<\\/").replace("<!--", "<\\!--")
    root = "root:document.currentScript&&document.currentScript.parentNode"
    return f"<script>(window.{to}=window.{to}||[]).push({{{root},{body}}})</script>"


def check_name(name: str) -> str:
    """A panel's name goes into the page and the address. Raises ValueError if it is not a plain lower-case word."""
    if not NAME.match(name):
        raise ValueError(f"{name!r} cannot name a panel: use small letters, digits and _, beginning with a letter")
    return name


def bundle(page: Callable[[], str], widget: Callable[[], Any], plain: str, *, costly: bool = False) -> dict[str, Any]:
    """The two faces of a panel: HTML for the page, and with a kernel the ipywidgets view too.

    A page that is `costly` to make is left out where the kernel's view takes its place.
    """
    faces: dict[str, Any] = {"text/plain": plain}
    if static() or not costly:
        faces["text/html"] = page()
    if static():
        return faces
    try:
        faces |= widget()._repr_mimebundle_()
    except ImportError:  # a kernel without ipywidgets shows the page's face
        faces["text/html"] = page()
    return faces | {"text/plain": plain}


def ipywidgets() -> Any:
    """The library, imported when a kernel needs it: a third of a second that a static page does without."""
    import ipywidgets

    return ipywidgets


def selection(of: Slider) -> Any:
    """The ipywidgets slider over the same steps; its value is the index of the step."""
    widgets = ipywidgets()
    return widgets.SelectionSlider(
        options=[(of.said(index), index) for index in range(len(of.steps))],
        index=of.at,
        description=of.about,
        layout=widgets.Layout(width="auto"),
        style={"description_width": "14rem"},
    )


def kernel_panel(
    title: str, sliders: Sequence[Slider], controls: Mapping[str, Any], output: Any, redraw: Callable[[Any], None]
) -> Any:
    """A box of title, sliders, a reset and the output, which `redraw` fills after each move."""
    widgets = ipywidgets()
    quiet = False

    def moved(change: Any) -> None:
        if not quiet:
            redraw(change)

    def reset(_: Any) -> None:
        nonlocal quiet
        quiet = True
        for slider in sliders:
            controls[slider.name].index = slider.at
        quiet = False
        redraw(None)

    for control in controls.values():
        control.observe(moved, names="value")
    button = widgets.Button(description="Reset", layout=widgets.Layout(width="6rem"))
    button.on_click(reset)
    redraw(None)
    head = widgets.HTML(f"<style>{asset('panel.css')}</style><b>{html.escape(title)}</b>")
    return widgets.VBox([widgets.HBox([head, button]), *controls.values(), output])
