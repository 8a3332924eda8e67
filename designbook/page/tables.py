"""Tables of a capacity model: derivation, range, what dominates, comparison with published figures; and the sources."""

import html
import math
import re
from collections.abc import Mapping

from designbook import data
from designbook.capacity import CapacityModel, compare, derivation, monte_carlo, tornado
from designbook.page.markup import Html, inline, table
from designbook.quantities import human

_TIERS = {
    "primary": "published by those who measured it",
    "secondary": "quoted by another",
    "derived": "computed from published figures",
    "textbook": "from a textbook",
}


def derivation_table(model: CapacityModel, *estimates: str, caption: str = "The estimate, step by step") -> Html:
    """One line for each estimate, or for those named and what they need: name, formula, numbers put in, result.

    Formulas are MathML, which browsers draw by themselves.
    """
    rows = [
        [
            f'{html.escape(step.label)}<br><span class="dbk-why">{inline(step.about)}</span>',
            f'<span class="dbk-line">{mathml(step.formula)}</span>'
            f'<span class="dbk-line dbk-soft">= {mathml(step.numbers)}</span>'
            f'<span class="dbk-line">= <b>{html.escape(step.result)}</b></span>',
        ]
        for step in derivation(model, *estimates)
    ]
    return table(caption, ("estimate", "formula, numbers put in, result"), rows)


def band_table(
    model: CapacityModel | type[CapacityModel], *estimates: str, caption: str = "What the inputs’ ranges leave open"
) -> Html:
    """The 10th, 50th and 90th percentile of each estimate, or of those named, over the ranges of all inputs."""
    bands = monte_carlo(model)
    rows = []
    for name in estimates or tuple(model.estimates):
        part, (low, middle, high) = model.estimates[name], bands[name]
        shown = [part.show(value) for value in (low, middle, high)]
        apart = human(high / low, "times") if low > 0 else "–"
        rows.append([html.escape(cell) for cell in (part.label, *shown, apart)])
    heads = ("estimate", "1 in 10 is below", "middle", "1 in 10 is above", "apart")
    return table(caption, heads, rows, right=(1, 2, 3, 4))


def tornado_chart(
    model: CapacityModel | type[CapacityModel], estimate: str, *, most: int = 6, caption: str = ""
) -> Html:
    """Which inputs decide an estimate: it at the low and at the high end of each input, the widest first.

    Each bar runs, on a scale common to all (logarithmic, if all are above 0), from one to the other; the dark line is
    where the model stands.
    """
    centre = model() if isinstance(model, type) else model
    middle = float(getattr(centre, estimate))
    bars = tornado(centre, estimate)[:most]
    ends = [end for bar in bars for end in (bar.low, bar.high)] + [middle]
    scale = math.log if min(ends) > 0 else float
    low, high = scale(min(ends)), scale(max(ends))

    def place(value: float) -> float:
        return 100 * (scale(value) - low) / (high - low) if high > low else 0.0

    rows = []
    for bar in bars:
        left, right = sorted((place(bar.low), place(bar.high)))
        track = (
            f'<span class="dbk-track" aria-hidden="true"><i style="left:{left:.1f}%;width:{right - left:.1f}%"></i>'
            f'<s style="left:{place(middle):.1f}%"></s></span>'
        )
        about = html.escape(centre.inputs[bar.input].about or bar.label)
        named = f'{about}<br><span class="dbk-why">{html.escape(f"{bar.at_low} to {bar.at_high}")}</span>'
        shown = [html.escape(centre.estimates[estimate].show(end)) for end in (bar.low, bar.high)]
        rows.append([named, shown[0], track, shown[1]])
    words = caption or f"What decides {centre.estimates[estimate].label}: each input from its low to its high end"
    return table(words, ("input", "at its low", "", "at its high"), rows, right=(1, 3))


def compare_table(
    model: CapacityModel, published: Mapping[str, str], *, caption: str = "The model beside published figures"
) -> Html:
    """Estimates beside published figures, each with the ratio and in short the source: `{"clicks": "fact-id"}`."""
    rows = []
    for row in compare(model, dict(published)):
        ratio, figure = human(row.ratio, "times"), row.fact
        source = f"{figure.organisation}, {figure.year} ({figure.tier})"
        rows.append([html.escape(cell) for cell in (row.label, row.ours, row.published, ratio, source)])
    return table(caption, ("estimate", "here", "published", "here / published", "source"), rows, right=(1, 2, 3))


def sources() -> Html:
    """The figures that this chapter has used so far, each with its tier, who quotes it, year and address.

    Stands in the last code cell: it lists what was looked up before it ran.
    """
    items = []
    for fact in data.cited():
        via = f", via {html.escape(fact.via)}" if fact.via else ""
        derived = f" Derived: {html.escape(_filled(fact.derivation))}." if fact.derivation else ""
        note = f" {html.escape(fact.note)}" if fact.note else ""
        tier = f'<span class="dbk-tier" title="{_TIERS.get(fact.tier, "")}">{html.escape(fact.tier)}</span>'
        title = html.escape(fact.title)
        if re.match(r"https?://", fact.url):
            title = f'<a href="{html.escape(fact.url)}">{title}</a>'
        items.append(
            f"<li>{html.escape(fact.quantity)}: <b>{html.escape(fact.show())}</b>. "
            f"{html.escape(fact.organisation)}, {title}, {html.escape(fact.year)}{via} {tier}.{derived}{note}</li>"
        )
    return Html(f'<ol class="dbk dbk-sources">{"".join(items)}</ol>', f"[sources: {len(items)}]")


def _filled(derivation: str) -> str:
    """A derivation with what each figure in it is, and its value, in the place of its id."""
    known = data.facts()
    return re.sub(r"\{([^}]+)\}", lambda id: f"{known[id[1]].quantity} ({known[id[1]].show()})", derivation)


def mathml(formula: str) -> str:
    """LaTeX as MathML, which the page shows without a script."""
    from latex2mathml.converter import convert

    markup = str(convert(formula)).replace('display="inline"', 'displaystyle="true"')
    # A row of texts around one operator counts as that operator, and browsers then put its space outside.
    markup = re.sub(r"<mtext>(.*?)</mtext>", r'<mi mathvariant="normal">\1</mi>', markup)
    markup = re.sub(r"\\([$%&#_{}])", r"\1", markup)
    return markup.replace("<mo>&#x000B7;</mo>", '<mo lspace="0.25em" rspace="0.25em">&#x000B7;</mo>')
