"""The line below a chapter's title that leads to its notebook in the browser, with what that costs."""

from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

from designbook.publish.browser.lite import Offer, offers


def link_notebook(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Put the line on the page of a chapter that was built as a notebook for browsers; called at html-page-context."""
    found = offers(Path(app.srcdir)).get(pagename)
    if found and "body" in context:
        address = context["pathto"](found.address, True)
        context["body"] = context["body"].replace("</h1>", f"</h1>\n{line(found, address)}", 1)


def line(offer: Offer, address: str) -> str:
    """The link and the cost, as HTML. From a folder, where no notebook can start, `assets/book.js` says what to do."""
    return (
        f'<p class="db-run"><a href="{address}">Run in your browser</a> <span>as a notebook: '
        f"{offer.bytes / 1e6:.0f} MB to load and about {offer.seconds} seconds, then every cell is yours to change. "
        "Nothing to install, nothing sent.</span></p>"
    )
