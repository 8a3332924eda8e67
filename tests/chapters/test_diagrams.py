import re
from pathlib import Path

import pytest

from designbook.page.diagrams import ROLES, Diagram, draw

ROOT = Path(__file__).parents[2]
SOURCES = sorted(ROOT.glob("chapters/**/*.d2"))


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_a_diagram_is_what_its_source_draws(source):
    assert source.with_suffix(".svg").read_text(encoding="utf-8") == draw(source), "run `make diagrams`"


def test_each_drawn_diagram_has_its_source():
    assert SOURCES
    assert sorted(path.with_suffix(".d2") for path in ROOT.glob("chapters/**/diagrams/*.svg")) == SOURCES


def test_a_source_that_d2_cannot_read_is_named(tmp_path):
    source = tmp_path / "broken.d2"
    source.write_text("a -> {", encoding="utf-8")
    with pytest.raises(RuntimeError, match=r"broken\.d2: .*err"):
        draw(source)


def test_a_diagram_needs_a_text_alternative_and_takes_the_colours_of_the_page():
    path = SOURCES[0].with_suffix(".svg")
    with pytest.raises(ValueError, match="needs a text alternative"):
        Diagram(path, alt=" ")
    markup = Diagram(path, alt="A browser & two servers")._repr_html_()
    assert 'role="img" aria-label="A browser &amp; two servers"' in markup
    assert "@font-face" not in markup
    coloured = re.findall(r"<\w+ [^>]*(?:fill|stroke)=\"#[^>]*>", markup)
    assert coloured
    for tag in coloured:  # a class with a rule of ours goes before the colour that D2 gave
        assert set(re.search(r'class="([^"]*)"', tag)[1].split()) & set(ROLES), tag
