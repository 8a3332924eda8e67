"""What every part of a page is made of: a piece of HTML with a plain text twin, and tables."""

import html
import os
import re
from collections.abc import Collection, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import designbook
from designbook.quantities import human, to_base


class Html:
    """A piece of a page: `text/html` for the page, one line of `text/plain` for a terminal and for comparison."""

    def __init__(self, markup: str, plain: str) -> None:
        self.markup = markup
        self.plain = plain

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/html": styled(self.markup), "text/plain": self.plain}


def static() -> bool:
    """Whether panels are to be plain HTML: in the notebooks that are committed, tested and published."""
    return os.environ.get("DESIGNBOOK_STATIC", "") not in ("", "0")


@cache
def asset(name: str) -> str:
    """The text of a file of `assets/`, in a checkout or in an installed package."""
    package = Path(designbook.__file__).parent
    installed = package / "_assets" / name
    return (installed if installed.is_file() else package.parent / "assets" / name).read_text(encoding="utf-8")


def styled(markup: str) -> str:
    """The markup as it is for a page, which brings its own style sheet; with the style sheet, in a live notebook."""
    return markup if static() else f"<style>{asset('panel.css')}</style>{markup}"


def table(
    caption: str, heads: Sequence[str], rows: Sequence[Sequence[str]], *, right: Collection[int] = (), note: str = ""
) -> Html:
    """A table with a caption, in a box that scrolls on a phone and can be reached with the keyboard.

    Cells are HTML already: escape what comes from elsewhere. The first cell of a row is its head; the columns in
    `right` hold numbers.
    """
    aligned = [' class="dbk-n"' if column in right else "" for column in range(len(heads))]
    # A column without a name has no head: an empty one would be read out as such.
    head = "".join(
        f'<th scope="col"{kind}>{cell}</th>' if cell else "<td></td>" for cell, kind in zip(heads, aligned, strict=True)
    )
    body = "".join(
        "<tr>"
        + "".join(
            f"<td{kind}>{cell}</td>" if column else f'<th scope="row"{kind}>{cell}</th>'
            for column, (cell, kind) in enumerate(zip(row, aligned, strict=True))
        )
        + "</tr>"
        for row in rows
    )
    label = html.escape(caption)
    after = f'<p class="dbk-why">{note}</p>' if note else ""
    return Html(
        f'<div class="dbk"><div class="dbk-scroll" role="region" tabindex="0" aria-label="{label}"><table>'
        f"<caption>{label}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>{after}</div>",
        f"[table: {caption}, {len(rows)} rows]",
    )


def symbol(unit: str) -> str:
    """A unit as it is written after two of it: `GB`, `req/s`, `links`, `%`; "" for mere numbers."""
    return " ".join(human(to_base(2.0, unit), unit).replace("2", "", 1).split())


def inline(text: str) -> str:
    """A line of text as HTML: escaped, with `code` and **bold**."""
    escaped = html.escape(" ".join(text.split()), quote=False)
    return re.sub(r"\*\*([^*]+)\*\*", r"<b>\1</b>", re.sub(r"`([^`]+)`", r"<code>\1</code>", escaped))
