"""The pages of the built site, opened as readers meet them: by http or from a folder, wide or narrow, light or dark."""

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import yaml
from playwright.sync_api import Browser, Page

ROOT = Path(__file__).resolve().parent.parent.parent


def pages(root: Path = ROOT) -> list[str]:
    """The path of each page below the site, from the table of contents, and the search page."""

    def documents(node: Any) -> Iterator[str]:
        if isinstance(node, dict):
            yield from (str(value) for key, value in node.items() if key in ("root", "file"))
            node = list(node.values())
        if isinstance(node, list):
            for below in node:
                yield from documents(below)

    toc = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))
    return [f"{name}.html" for name in [*documents(toc), "search"]]


@dataclass
class Visit:
    """One opened page with all that it asked for and complained of."""

    page: Page
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


@contextmanager
def visit(
    browser: Browser, address: str, *, width: int = 1280, dark: bool = False, touch: bool = False
) -> Iterator[Visit]:
    """Open `address` and wait until it has loaded and its panels have started."""
    context = browser.new_context(
        viewport={"width": width, "height": 844 if width < 600 else 900},
        color_scheme="dark" if dark else "light",
        has_touch=touch,
        is_mobile=touch,
    )
    seen = Visit(context.new_page())
    seen.page.on("request", lambda request: seen.requests.append(request.url))
    seen.page.on("requestfailed", lambda request: seen.errors.append(f"request failed: {request.url}"))
    seen.page.on("pageerror", lambda error: seen.errors.append(str(error)))
    seen.page.on("console", lambda said: seen.errors.append(said.text) if said.type in ("error", "warning") else None)
    seen.page.on("dialog", lambda dialog: (seen.errors.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    seen.page.goto(address, wait_until="load")
    seen.page.wait_for_function("!document.querySelector('figure[data-panel] input[type=range]:disabled')")
    # Sections are drawn as the reader comes to them: here all are looked at.
    seen.page.add_style_tag(content="* { content-visibility: visible !important; }")
    try:
        yield seen
    finally:
        context.close()


def strangers(requests: list[str], own: str) -> list[str]:
    """The requests that lead away from the site at `own`; data and blob addresses stay within the page."""
    return [url for url in requests if not url.startswith((own, "data:", "blob:"))]


def weight(requests: list[str], served: str, site: Path) -> dict[str, int]:
    """Bytes over the wire for each file that a page asked for: text compressed, fonts and pictures as they are."""
    sizes = {}
    for url in set(requests):
        if url.startswith(served):
            path = site / unquote(urlsplit(url).path).lstrip("/")
            content = path.read_bytes()
            packed = path.suffix not in {".woff2", ".png", ".jpg", ".webp"}
            sizes[path.relative_to(site).as_posix()] = len(gzip.compress(content, 6)) if packed else len(content)
    return sizes
