"""Matplotlib drawings that follow the page: inline SVG whose text, axes and curves take the page's colours.

`figure_style()` once in a chapter's set-up cell; then each drawing ends in `show(figure, alt="what it shows")`.
The SVG is the same, byte for byte, on every run: its ids come from its name and it holds no date.
"""

import hashlib
import html
import io
import re
from typing import TYPE_CHECKING, Any

from designbook.page.markup import styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK, SOFT, LINE = "#1d2430", "#5b6573", "#dfe3e8"
# Blue, orange, green, purple, olive, grey: told apart by the colour-blind, and by lightness in print.
CYCLE = ("#2563a8", "#b35900", "#1b7f6b", "#9a3b8f", "#6b6f00", "#5b6574")
LIMIT = "#b3261e"
_DASHES = ("-", (0, (6, 2)), (0, (2, 1.5)), (0, (8, 2, 2, 2)), (0, (4, 1, 1, 1)), (0, (1, 2)))
# What a colour is called in assets/panel.css, where it has a second value for dark pages.
_VARIABLES = {
    INK: "currentColor",
    SOFT: "var(--soft,#5b6573)",
    LINE: "var(--line,#dfe3e8)",
    LIMIT: "var(--limit,#b3261e)",
}
_VARIABLES |= {colour: f"var(--c{number},{colour})" for number, colour in enumerate(CYCLE, 1)}


def figure_style() -> None:
    """Set matplotlib's defaults for this chapter: size, type, grid, and a cycle of colours with dashes."""
    import matplotlib as mpl
    from cycler import cycler

    mpl.rcParams.update(
        {
            "svg.fonttype": "none",
            "svg.hashsalt": "designbook",
            "figure.figsize": (5.6, 3.4),
            "figure.constrained_layout.use": True,
            "figure.facecolor": "none",
            "savefig.facecolor": "none",
            "axes.facecolor": "none",
            "legend.frameon": False,
            "font.size": 11.5,
            "axes.titlesize": 12,
            "axes.titleweight": "bold",
            "axes.titlelocation": "left",
            "axes.titlepad": 10,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "axes.axisbelow": True,
            "grid.color": LINE,
            "grid.linewidth": 0.8,
            "axes.edgecolor": SOFT,
            "text.color": INK,
            "axes.labelcolor": INK,
            "axes.titlecolor": INK,
            "xtick.color": SOFT,
            "ytick.color": SOFT,
            "xtick.labelcolor": INK,
            "ytick.labelcolor": INK,
            "lines.linewidth": 2,
            "axes.prop_cycle": cycler(color=CYCLE) + cycler(linestyle=_DASHES),
        }
    )


class Drawing:
    """A finished drawing with its text alternative; the last expression of a cell, or `display(...)`."""

    def __init__(self, svg: str, alt: str) -> None:
        self.svg = svg
        self.alt = alt

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        figure = f'<figure class="dbk dbk-drawing">{self.svg}</figure>'
        return {"text/html": styled(figure), "text/plain": f"[drawing: {self.alt}]"}


def show(figure: "Figure", alt: str) -> Drawing:
    """The figure as inline SVG with `alt`, a sentence that says what it shows; the figure is closed.

    The first axes' title (or the figure's) becomes the SVG's title. Raises ValueError if `alt` is empty.
    """
    import matplotlib.pyplot as plt

    if not alt.strip():
        raise ValueError("a drawing needs an alt text: one sentence that says what it shows")
    suptitle = figure.get_suptitle()
    titles = [suptitle] + [axes.get_title(loc) for axes in figure.axes for loc in ("left", "center", "right")]
    drawing = Drawing(to_svg(figure, title=next(filter(None, titles), ""), alt=alt), alt)
    plt.close(figure)
    return drawing


def to_svg(figure: "Figure", title: str = "", alt: str = "") -> str:
    """An `<svg role="img">` in the page's colours, without a fixed size on the page, the same on every run."""
    import matplotlib as mpl

    buffer = io.StringIO()
    salt = hashlib.blake2b(f"{title}\n{alt}".encode(), digest_size=6).hexdigest()
    with mpl.rc_context({"svg.hashsalt": salt, "svg.fonttype": "none"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None}, transparent=True)
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"\s*<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    # Element ids of two drawings on one page must differ; nothing refers to the ids of groups.
    svg = re.sub(r'<g id="[^"]*">', "<g>", svg)
    svg = re.sub(r"<!--.*?-->\n?", "", svg, flags=re.DOTALL)
    svg = re.sub(r"font-family: [^;\"]+", "font-family: inherit", svg)
    # A style element inside the SVG would reach the whole page: what it says goes on the root instead.
    svg = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", svg, flags=re.DOTALL)
    for colour, variable in _VARIABLES.items():
        svg = re.sub(rf"{colour}\b", variable, svg, flags=re.IGNORECASE)
    # Attributes cannot hold variables, styles can.
    svg = re.sub(r'\b(fill|stroke)="((?:var|currentColor)[^"]*)"', r'style="\1: \2"', svg)
    width, height = (inch * 72 for inch in figure.get_size_inches())
    opening = (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" role="img" '
        f'aria-label="{html.escape(alt)}" viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}" '
        'style="stroke-linejoin:round;stroke-linecap:butt">' + (f"<title>{html.escape(title)}</title>" if title else "")
    )
    svg = re.sub(r"<svg[^>]*>", lambda _: opening, svg, count=1, flags=re.DOTALL)
    svg = re.sub(r'\s*\n"', '"', svg)
    return "\n".join(line.strip() for line in svg.splitlines() if line.strip())
