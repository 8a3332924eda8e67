"""Runs chapters on their own pages, each to its last cell.

`python -m tests.in_place`, after `make book`, does so with every chapter, or with those that it is given, like
`python -m tests.in_place chat`: that takes minutes, so `make test` does so with one long chapter. Cells that compare
times may fail on a machine that is busy with something else.
"""

import functools
import http.server
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from playwright.sync_api import Browser, expect, sync_playwright

from designbook.publish import chromium
from tests.conftest import CHAPTERS, ROOT
from tests.site.pages import strangers
from tests.site.test_in_the_browser import LEFT_OUT

PATIENCE = 400_000  # milliseconds
# The page hears what its worker says, and so does this: also of the cells above, which show nothing on the page.
LISTEN = """
window.heard = [];
window.Worker = class extends Worker {
  constructor(address) { super(address); this.addEventListener("message", ({ data }) => window.heard.push(data)); }
};
"""


@dataclass(frozen=True)
class Run:
    """How many cells of a chapter ran, in how many seconds, and what went wrong: a line each."""

    cells: int
    seconds: float
    wrong: list[str]


def run(browser: Browser, served: str, notebook: Path) -> Run:
    """Press Run at the last cell of a chapter's page, and listen until it has run.

    It is wrong if a cell does not run, fails or warns, or if another one is left out than a browser cannot run.
    """
    name = notebook.relative_to(ROOT).with_suffix("").as_posix()
    ids = [cell.id for cell in nbformat.read(notebook, as_version=4).cells if cell.cell_type == "code"]
    page = browser.new_page()
    requests, wrong = list[str](), list[str]()
    page.on("request", lambda request: requests.append(request.url))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.add_init_script(LISTEN)
    page.goto(f"{served}/{name}.html")
    page.evaluate("for (const folded of document.querySelectorAll('details')) folded.open = true")
    cell, began = page.locator("div.cell", has=page.locator(".run-bar")).last, time.monotonic()
    cell.get_by_role("button", name="Run").click()
    expect(cell).not_to_have_attribute("aria-busy", "true", timeout=PATIENCE)
    seconds, note = time.monotonic() - began, cell.locator(".run-note").inner_text()
    heard: list[dict[str, Any]] = page.evaluate("window.heard")
    page.close()
    ran, left_out = list[str](), set[str]()
    for said in heard:
        now = ids[min(len(ran), len(ids) - 1)]
        if "done" in said:
            ran.append(ids[said["done"]])
        elif said.get("kind") in ("error", "stderr"):
            wrong.append(f"{now}: {said['text'].strip().splitlines()[-1]}")
        elif said.get("kind") == "stdout" and "Left out here" in said["text"]:
            left_out.add(now)
    wrong += [f"asked for {url}" for url in strangers(requests, served)]
    if ran != ids:
        wrong.append(f"{len(ran)} of {len(ids)} cells ran: {note}")
    if left_out != (known := LEFT_OUT.get(notebook.stem, set())):
        wrong.append(f"left out {sorted(left_out)} instead of {sorted(known)}")
    return Run(len(ran), seconds, wrong)


def main() -> int:
    """Run the chapters that are named, or all; returns 1 after a line for each that is wrong."""
    site = ROOT / "_build" / "html"
    if not (site / "lite").is_dir():
        print("in place: no site with Python beside it here: run `make book` first", file=sys.stderr)
        return 1
    chosen = [path for path in CHAPTERS if path.stem in sys.argv[1:] or not sys.argv[1:]]
    bad = 0
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(site))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with sync_playwright() as playwright:
            browser = chromium.launch(playwright)
            for notebook in chosen:
                found = run(browser, f"http://127.0.0.1:{server.server_address[1]}", notebook)
                print(f"{notebook.stem}: {found.cells} cells in {found.seconds:.0f} s", *found.wrong, sep="\n  ")
                bad += bool(found.wrong)
            browser.close()
        server.shutdown()
    return 1 if bad else 0


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A server that says nothing."""

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing."""


if __name__ == "__main__":
    sys.exit(main())
