"""The pages on which readers practise, over all chapters: estimates, cards and quiz, the mock interview.

They are made from the models and from `data/interview/`: a new model or file joins by existing.
"""

import importlib
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

import designbook
from designbook.capacity import CapacityModel
from designbook.page.estimation import estimation_drill
from designbook.page.markup import Html

PACKAGE = Path(designbook.__file__).parent


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives; designbook.publish.sphinx calls this."""
    app.add_directive("estimation-drill", EstimationDrill)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


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


class _Made(SphinxDirective):
    """A directive whose whole content is made from the book's models and files; read again in each build."""

    def made(self) -> Html:
        """What stands on the page."""
        raise NotImplementedError

    def run(self) -> list[nodes.Node]:
        """The content, as HTML for the pages, and nothing elsewhere."""
        self.env.note_reread()
        return [nodes.raw("", self.made().markup, format="html")]


class EstimationDrill(_Made):
    """`{estimation-drill}`: the estimation drill over every model of the book."""

    def made(self) -> Html:
        """The drill."""
        return estimation_drill(*models().values())
