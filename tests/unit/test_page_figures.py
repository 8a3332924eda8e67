"""Drawings: the same bytes on every run, in the page's colours, with an alternative in words."""

import re

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure

from designbook.page import figure_style, show
from designbook.page.figures import CYCLE, LIMIT, Drawing


def draw(alt: str = "Waiting grows without bound near full load.") -> Drawing:
    import matplotlib.pyplot as plt

    with mpl.rc_context():
        mpl.use("agg")
        figure_style()
        figure, axes = plt.subplots()
        x = np.linspace(0, 0.95, 50)
        for power in range(1, len(CYCLE) + 1):
            axes.plot(x, x**power / (1 - x), label=f"{power} queues")
        axes.axhline(5, color=LIMIT)
        axes.fill_between(x, 0, x, alpha=0.2)
        axes.set(title="Waiting explodes near full load", xlabel="load (%)", ylabel="wait (ms)")
        axes.legend()
        return show(figure, alt=alt)


def test_a_drawing_is_the_same_on_every_run() -> None:
    assert draw().svg == draw().svg


def test_text_and_axes_take_the_colour_of_the_page() -> None:
    svg = draw().svg
    fixed = set(re.findall(r"(?<!,)#[0-9a-f]{6}\b", svg)) - set(re.findall(r"href=\"(#[^\"]+)", svg))
    assert not {colour for colour in fixed if not re.search(rf"url\({colour}", svg)}, "a colour without its dark twin"
    for number in range(1, len(CYCLE) + 1):
        assert f"var(--c{number}," in svg
    assert "fill: currentColor" in svg


def test_a_drawing_names_itself_and_says_what_it_shows() -> None:
    svg = draw('5 < 6 & "so on"').svg
    assert 'role="img" aria-label="5 &lt; 6 &amp; &quot;so on&quot;"' in svg
    assert "<title>Waiting explodes near full load</title>" in svg
    for text in ("load (%)", "wait (ms)", "2 queues"):
        assert f">{text}</text>" in svg


def test_nothing_of_a_drawing_reaches_the_rest_of_the_page() -> None:
    first, second = draw("one").svg, draw("two").svg
    assert "<style" not in first
    assert "<metadata" not in first
    ids = set(re.findall(r' id="([^"]+)"', first)) & set(re.findall(r' id="([^"]+)"', second))
    assert not ids, "two drawings on one page share element ids"


def test_a_drawing_without_words_is_refused_and_one_with_words_is_closed() -> None:
    import matplotlib.pyplot as plt

    with pytest.raises(ValueError, match="alt text"):
        show(Figure(), alt=" ")
    draw()
    assert not plt.get_fignums()
