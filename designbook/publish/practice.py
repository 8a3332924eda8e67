"""The pages on which readers practise, over all chapters: estimates, cards and quiz, the mock interview.

They are made from the models and from `data/interview/`: a new model or file joins by existing.
"""

import html
import importlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

import designbook
from designbook.capacity import CapacityModel
from designbook.data import dataset
from designbook.page.estimation import estimation_drill
from designbook.page.interview import LEVELS, cards, load, quiz
from designbook.publish.sphinx import topics

PACKAGE = Path(designbook.__file__).parent


class Chapter(NamedTuple):
    """A chapter with something to practise."""

    name: str
    title: str


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive; designbook.publish.sphinx calls this."""
    app.add_directive("practise", Practise)
    app.connect("build-finished", add_anki)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


@cache
def models(package: Path = PACKAGE) -> dict[str, type[CapacityModel]]:
    """Every capacity model of the book, by the name of its chapter (`news_feed`); in the order of their names.

    A module that defines one says `(CapacityModel)` in its source; no other is imported.
    """
    found: dict[str, type[CapacityModel]] = {}
    for path in sorted(package.rglob("*.py")):
        place = path.relative_to(package).with_suffix("").parts
        if place[0] in ("capacity", "page", "publish") or "(CapacityModel)" not in path.read_text(encoding="utf-8"):
            continue
        module = importlib.import_module(".".join((package.name, *place)))
        for each in vars(module).values():
            own = isinstance(each, type) and each.__module__ == module.__name__
            if own and issubclass(each, CapacityModel) and each.estimates:
                found[place[1]] = each
    return found


def chapters() -> list[Chapter]:
    """The chapters that have a drill file, in the order of the map; what is not on the map comes first."""
    files = sorted(dataset("interview/rubric").parent.glob("*.yml"))
    titles = {topic.slug: topic.title for topic in topics(dataset("topics").parent.parent)}
    order = list(titles)
    found = [
        Chapter(path.stem, titles.get(path.stem, path.stem.replace("_", " ").capitalize()))
        for path in files
        if path.stem != "rubric"
    ]
    return sorted(found, key=lambda each: order.index(each.name) if each.name in order else -1)


def model_of(name: str) -> CapacityModel | None:
    """The model, at its defaults, that fills a chapter's drill; None if there is none. KeyError if it names none."""
    known, named = models(), load(name).content.get("model")
    if named is not None:
        return known[named]()
    return known[name]() if name in known else None


def add_anki(app: Sphinx, failure: Exception | None) -> None:
    """Lay the package for Anki beside the pages, which link to it."""
    from designbook.publish import anki

    if not failure and app.builder.format == "html":
        anki.write(Path(app.outdir) / "_static" / anki.NAME, anki.book_cards(), anki.changed(Path(app.srcdir)))


class Practise(SphinxDirective):
    """`{practise} NAME`: a part of a page that is made from the book's models and files; made anew in each build."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """The part as HTML for the pages, and nothing elsewhere."""
        if self.arguments[0] not in PARTS:
            raise self.error(f"there is no {self.arguments[0]!r} to practise; there are {', '.join(PARTS)}")
        self.env.note_reread()
        return [nodes.raw("", PARTS[self.arguments[0]](), format="html")]


def estimates() -> str:
    """The estimation drill over every model of the book."""
    return estimation_drill(*models().values()).markup


def boxes() -> str:
    """The choice of topic and level, and a card at a time from the boxes of `assets/cards.js`."""
    topic_choices = "".join(f'<option value="{each.name}">{html.escape(each.title)}</option>' for each in chapters())
    level_choices = "".join(f'<option value="{level}">{title}</option>' for level, title in LEVELS.items())
    return (
        '<section class="dbk dbk-drill" data-practise="cards" aria-label="Cards in boxes">'
        '<form class="dbk-box dbk-ask" hidden>'
        f'<p class="dbk-choose"><label>Topic <select name="topic"><option value="">all</option>{topic_choices}</select>'
        f'</label> <label>Up to level <select name="level"><option value="">all</option>'
        f"{level_choices}</select></label></p>"
        '<div class="dbk-card"><p class="dbk-why" data-about></p>'
        '<p class="dbk-front" data-front></p><div data-back hidden></div></div>'
        '<p class="dbk-buttons"><button type="button" name="show">Show the answer</button>'
        '<button type="button" name="knew" hidden>I knew it</button>'
        '<button type="button" name="missed" hidden>Not yet</button>'
        '<button type="button" name="ahead" hidden>Go on all the same</button></p>'
        '<p role="status"></p><p class="dbk-why" data-boxes></p>'
        '<details><summary>Your progress as a file</summary><p class="dbk-buttons">'
        '<button type="button" data-save>Save it</button>'
        '<label>Take it from <input type="file" accept="application/json,.json"></label>'
        '<button type="button" data-delete>Delete it</button></p></details></form></section>'
    )


def every_card() -> str:
    """All cards by chapter, folded."""
    return _by_chapter(lambda name, model: cards(name, model).markup)


def every_quiz() -> str:
    """All quiz questions by chapter."""
    return _by_chapter(lambda name, model: quiz(name, model).markup)


def _by_chapter(part: Callable[[str, CapacityModel | None], str]) -> str:
    sections = []
    for each in chapters():
        title = html.escape(each.title)
        markup = part(each.name, model_of(each.name))
        # In a chapter the label stands alone; here each is told from the others.
        markup = markup.replace(' aria-label="', f' aria-label="{title}: ', 1)
        sections.append(f'<section data-topic="{each.name}"><h3>{title}</h3>{markup}</section>')
    return "".join(sections)


def mock_interview() -> str:
    """A round of the mock interview."""
    from designbook.publish import mock

    return mock.mock_interview()


def sheets() -> str:
    """The interviewer's sheets."""
    from designbook.publish import mock

    return mock.sheets()


PARTS = {
    "estimates": estimates,
    "boxes": boxes,
    "cards": every_card,
    "quiz": every_quiz,
    "mock-interview": mock_interview,
    "sheets": sheets,
}
