"""Code cells that are edited and run on their page, as readers do it: by mouse, by key, on a phone, from a folder."""

import html
import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from designbook.page import quiz
from designbook.publish import run_in_place
from designbook.systems.url_shortener.capacity import ShortenerCapacity
from tests.conftest import ROOT
from tests.in_place import Quiet, run
from tests.site.pages import Visit, strangers, visit, weight
from tests.site.test_pages import violations

CORE_BUDGET, READY_BUDGET, SCRIPT_BUDGET = 8_000_000, 5.0, 6_000
PATIENCE = 90_000  # milliseconds: what a busy machine may take; what it took is printed
CHAPTER, LONG_CHAPTER = "chapters/case_studies/url_shortener", "chapters/case_studies/chat"

# What a panel brings, and a quiz, whose script is the page's.
SHOWN = f"<b>bold</b><script>window.alive = 7</script>{quiz('url_shortener', ShortenerCapacity()).markup}"
SETUP, GROW, USE, BROKEN, PANEL, ENDLESS, FIGURE = range(7)
CELLS = {
    SETUP: "factor = 2\nprint('set up')",
    GROW: "def grow(x):\n    return factor * x",
    USE: "print('grown to', grow(21))",
    BROKEN: "def third(values):\n    return values[2]\n\n\nthird([1, 2, 3])",
    PANEL: f"from designbook.page.markup import Html\n\nHtml({SHOWN!r}, 'plain')",
    ENDLESS: "rounds = 0\nwhile rounds < 1:\n    rounds += 1\nprint('rounds', rounds)",
    FIGURE: "import matplotlib.pyplot as plt\n\nfigure, axes = plt.subplots()\naxes.set_title('It rises')\nplt.show()",
}
PUBLISHED = {USE: "as published", ENDLESS: "rounds as published"}


@dataclass
class Lab:
    """An open page with cells; each is addressed by its number."""

    page: Page

    def cell(self, number: int) -> Locator:
        return self.page.locator("div.cell", has=self.page.locator(f'.run-bar[data-run="{number}"]'))

    def button(self, number: int, name: str) -> Locator:
        return self.cell(number).get_by_role("button", name=f"{name} cell {number}", exact=True)

    def output(self, number: int) -> Locator:
        return self.cell(number).locator(".cell_output")

    def note(self, number: int) -> Locator:
        return self.cell(number).locator(".run-note")

    def start(self, number: int) -> None:
        self.button(number, "Run").click()

    def run(self, number: int) -> str:
        """Run a cell to its end; returns what then stands beside the buttons."""
        self.start(number)
        return self.ended(number)

    def ended(self, number: int) -> str:
        expect(self.cell(number)).not_to_have_attribute("aria-busy", "true", timeout=PATIENCE)
        return self.note(number).inner_text()

    def edit(self, number: int, source: str) -> Locator:
        """Put other code into a cell, as by pasting it."""
        self.button(number, "Edit").click()
        editor = self.cell(number).get_by_role("textbox")
        expect(editor).to_be_focused()
        self.page.keyboard.press("ControlOrMeta+a")
        self.page.keyboard.insert_text(source)
        return editor


def markup(number: int, source: str) -> str:
    """A cell as the book's pages have it."""
    code = (
        '<div class="cell_input docutils container">\n<div class="highlight-python notranslate"><div class="highlight">'
        f"<pre><span></span>{html.escape(source)}\n</pre></div>\n</div>\n</div>\n"
    )
    if number == SETUP:
        code = f'<details class="hide above-input"><summary><p>Show the code</p></summary>{code}</details>'
    output = PUBLISHED.get(number)
    shown = f'<div class="cell_output docutils container"><pre>{output}</pre></div>' if output else ""
    return f'<div class="cell {"tag_hide-input " * (number == SETUP)}docutils container">\n{code}{shown}</div>\n'


@pytest.fixture(scope="module")
def folder(site: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small site of one page with `CELLS`, with the scripts, the style and the Pyodide of the built one."""
    if not (site / run_in_place.PYODIDE / "pyodide-lock.json").is_file():
        pytest.skip("the site was built without Pyodide beside it, and says so")
    place = tmp_path_factory.mktemp("site")
    (place / "_static" / "cells").mkdir(parents=True)
    for entry in (site / "_static").iterdir():
        if entry.name != "cells":
            (place / "_static" / entry.name).symlink_to(entry)
    (place / "lite").symlink_to(site / "lite")
    written = [{"source": source, "needs": []} for source in CELLS.values()]
    (place / "_static" / "cells" / "small.json").write_text(json.dumps(written))
    page = (
        '<!doctype html><html lang="en" data-theme="light"><head><title>Cells</title><meta charset="utf-8">'
        '<link rel="icon" href="_static/favicon.svg"><meta name="viewport" content="width=device-width">'
        '<link rel="stylesheet" href="_static/styles/site.css">'
        '<script defer src="_static/book.js"></script><script defer src="_static/answer.js"></script>'
        '<script defer src="_static/keep.js"></script><script defer src="_static/quiz.js"></script>'
        '<script defer src="_static/run.js" data-cells="small"></script></head>'
        '<body><main class="bd-main"><div class="bd-content"><div class="bd-article-container">'
        f'<article class="bd-article"><h1>Cells</h1>{"".join(markup(*cell) for cell in CELLS.items())}</article>'
        "</div></div></main></body></html>"
    )
    costs = ["first run: 9 MB, about 5 s"] * len(CELLS)
    text = run_in_place.with_bars(page, list(CELLS.values()), list(CELLS), costs, "small.html")
    (place / "small.html").write_text(text, encoding="utf-8")
    return place


@pytest.fixture(scope="module")
def small(folder: Path) -> Iterator[str]:
    """The address of the small site."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture(scope="module")
def seen(browser: Browser, small: str) -> Iterator[Visit]:
    """The small page, open throughout this module: a reader who tries one thing after another."""
    with visit(browser, f"{small}/small.html") as seen:
        seen.page.set_default_timeout(10_000)
        yield seen


@pytest.fixture
def lab(seen: Visit) -> Iterator[Lab]:
    lab = Lab(seen.page)
    yield lab
    left = seen.page.get_by_role("button", name=re.compile("^Reset cell"))
    while left.count():
        left.first.click()


def test_nothing_is_loaded_before_the_click_and_then_only_from_the_site(
    lab: Lab, seen: Visit, small: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scripts = [url for url in seen.requests if "run" in url.rsplit("/", 1)[-1] or "lite/" in url or "cells/" in url]
    assert scripts == [f"{small}/_static/run.js"]
    assert weight(scripts, small, folder)["_static/run.js"] < SCRIPT_BUDGET
    assert lab.note(GROW).inner_text() == "first run: 9 MB, about 5 s"
    before = len(seen.requests)
    assert lab.run(USE).startswith("Done in")
    assert not strangers(seen.requests, small)
    assert not seen.errors
    distribution = run_in_place.Distribution(folder / run_in_place.PYODIDE)
    book = distribution.weight(["designbook"])
    ready = float(seen.page.evaluate("document.documentElement.dataset.python"))
    parts = f"Pyodide {distribution.core / 1e6:.1f} MB (budget {CORE_BUDGET / 1e6:g}), the book {book / 1e6:.1f} MB"
    files = len(seen.requests) - before
    with capsys.disabled():
        print(f"\nrun in place: ready in {ready:.1f} s (budget {READY_BUDGET:g}); {files} files: {parts}")
    assert distribution.core < CORE_BUDGET
    assert not any("numpy" in url or "matplotlib" in url for url in seen.requests), "no cell so far needs them"


def test_the_first_run_runs_the_cells_above_and_shows_text_where_the_published_output_was(lab: Lab) -> None:
    assert lab.output(USE).inner_text() == "as published"
    lab.run(USE)
    expect(lab.output(USE).locator("pre")).to_have_text("grown to 42\n")
    expect(lab.output(USE).locator(".run-mark")).to_have_text(f"Cell {USE}, run here")
    assert lab.output(ENDLESS).inner_text() == "rounds as published", "cells below have not run"
    assert lab.output(SETUP).count() == 0, "what is folded above runs silently"
    lab.button(USE, "Reset").click()
    assert lab.output(USE).inner_text() == "as published"


def test_an_edited_prototype_changes_the_experiment_below_and_reset_takes_it_back(lab: Lab) -> None:
    lab.edit(GROW, "def grow(x):\n    return factor * x + 0.5")
    lab.run(USE)
    expect(lab.output(USE).locator("pre")).to_have_text("grown to 42.5\n")
    lab.button(GROW, "Reset").click()
    expect(lab.cell(GROW).locator("pre")).to_have_text(CELLS[GROW] + "\n")
    lab.run(USE)
    expect(lab.output(USE).locator("pre")).to_have_text("grown to 42\n")


def test_an_error_names_the_line_and_an_edited_cell_that_fails_stops_what_is_below(lab: Lab) -> None:
    lab.edit(BROKEN, CELLS[BROKEN].replace("values[2]", "values[3]"))
    assert "IndexError" in lab.run(BROKEN)
    traceback = lab.output(BROKEN).locator(".error pre").inner_text()
    assert f'File "cell {BROKEN}", line 2, in third' in traceback
    assert "return values[3]" in traceback
    assert "cell_runner" not in traceback, "the reader's own frames only"
    lab.edit(GROW, "def grow(x:")
    assert "SyntaxError" in lab.run(USE)
    assert "line 1" in lab.output(GROW).locator(".error pre").inner_text()
    assert lab.output(USE).inner_text() == "as published"


def test_html_comes_alive_and_a_figure_brings_matplotlib_and_is_drawn_as_svg(lab: Lab, seen: Visit) -> None:
    lab.run(PANEL)
    assert lab.output(PANEL).locator("b").first.inner_text() == "bold"
    assert seen.page.evaluate("window.alive") == 7
    question = lab.output(PANEL).locator("[data-quiz] fieldset").first
    question.get_by_role("button").click()
    expect(question.get_by_role("status")).not_to_be_empty()
    svg = lab.output(FIGURE).locator("svg[role=img]")
    lab.run(FIGURE)
    expect(svg).to_have_attribute("aria-label", "It rises")
    assert any("matplotlib" in url for url in seen.requests)


def test_an_endless_loop_is_stopped_and_the_page_runs_again_from_the_first_cell(lab: Lab) -> None:
    lab.edit(ENDLESS, "while True:\n    print('again')")
    lab.start(ENDLESS)
    expect(lab.output(ENDLESS).locator("pre")).to_contain_text("again", timeout=PATIENCE)
    lab.start(USE)
    expect(lab.note(USE)).to_have_text(f"Cell {ENDLESS} is running: wait for it, or stop it.")
    lab.button(ENDLESS, "Stop").click()
    expect(lab.note(ENDLESS)).to_have_text(
        "Stopped. What was computed is gone: the next run begins with the first cell."
    )
    assert lab.run(USE).startswith("Done")
    expect(lab.output(USE).locator("pre")).to_have_text("grown to 42\n")


def test_the_keyboard_alone_edits_runs_and_leaves(lab: Lab) -> None:
    keyboard = lab.page.keyboard
    lab.button(USE, "Run").focus()
    keyboard.press("Tab")
    expect(lab.button(USE, "Edit")).to_be_focused()
    keyboard.press("Enter")
    editor = lab.cell(USE).get_by_role("textbox")
    expect(editor).to_be_focused()
    keyboard.press("ControlOrMeta+End")
    keyboard.press("Enter")
    keyboard.press("Tab")
    keyboard.type("x = grow(4)")
    keyboard.press("Shift+Tab")
    keyboard.press("Enter")
    keyboard.type("print(x)")
    assert editor.input_value() == f"{CELLS[USE]}\nx = grow(4)\nprint(x)"
    keyboard.press("Shift+Enter")
    lab.ended(USE)
    expect(lab.output(USE).locator("pre")).to_have_text("grown to 42\n8\n")
    expect(lab.page.get_by_role("status")).to_contain_text("Done in")
    keyboard.press("Escape")
    expect(lab.button(USE, "Run")).to_be_focused()
    for name in ("Edit", "Reset"):
        keyboard.press("Tab")
        expect(lab.button(USE, name)).to_be_focused()
    keyboard.press("Enter")
    expect(lab.cell(USE).locator("pre").first).to_have_text(CELLS[USE] + "\n")


def test_the_page_fits_a_phone_and_axe_finds_nothing_with_an_editor_and_an_error_open(lab: Lab) -> None:
    lab.edit(BROKEN, CELLS[BROKEN].replace("values[2]", "values[3]  # " + "a long line " * 12))
    lab.run(BROKEN)
    lab.run(USE)
    page = lab.page
    for width in (390, 1280):
        page.set_viewport_size({"width": width, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        for name in ("Run", "Edit", "Reset"):
            box = lab.button(BROKEN, name).bounding_box()
            assert box
            assert box["height"] >= 24
            assert box["x"] + box["width"] <= width
        for theme in ("light", "dark"):
            page.evaluate("(theme) => { document.documentElement.dataset.theme = theme; }", theme)
            assert not violations(page)


def test_from_a_folder_the_button_says_why_nothing_runs_and_what_to_do(browser: Browser, folder: Path) -> None:
    with visit(browser, (folder / "small.html").as_uri()) as seen:
        lab = Lab(seen.page)
        assert lab.note(GROW).inner_text() == "runs after make serve"
        for name in ("Run", "Edit"):
            lab.button(USE, name).click()
            expect(lab.note(USE)).to_contain_text("Run make serve in the book's folder")
        assert lab.output(USE).inner_text() == "as published"
        assert not seen.errors


def test_without_a_connection_the_page_says_so_and_stays_as_it_was(browser: Browser, small: str, folder: Path) -> None:
    with visit(browser, f"{small}/small.html") as seen:
        lab = Lab(seen.page)
        seen.page.context.set_offline(True)
        assert lab.run(USE) == "Python could not be loaded: is there a connection? Then run it again."
        seen.page.context.set_offline(False)
        (folder / "lite").rename(folder / "elsewhere")
        try:
            assert lab.run(USE) == "Python could not be loaded: is there a connection? Then run it again."
        finally:
            (folder / "elsewhere").rename(folder / "lite")
        assert lab.output(USE).inner_text() == "as published"


def test_in_a_chapter_an_edit_changes_the_experiment_below_and_a_panel_is_drawn_anew_and_alive(
    browser: Browser, served: str, folder: Path, site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with visit(browser, f"{served}/{CHAPTER}.html") as seen:
        lab = Lab(seen.page)
        sources = json.loads((site / "_static" / "cells" / f"{CHAPTER.replace('/', '-')}.json").read_text())
        number = next(n for n, cell in enumerate(sources) if cell["source"].startswith("def cut_hash"))
        published = lab.output(number).inner_text()
        began = time.monotonic()
        lab.cell(0).locator("summary").click()
        lab.edit(0, sources[0]["source"].replace('title="What must it carry?"', 'title="Mine"'))
        lab.edit(number, sources[number]["source"].replace("url.encode()", "url[::-1].encode()"))
        note = lab.run(number)
        assert lab.output(number).locator("table").inner_text() not in published
        panel = lab.output(0).locator("figure[data-panel=capacity]")
        assert "Mine" in panel.inner_text()
        shown = panel.locator("[data-output=storage]").inner_text()
        panel.locator("input[name=kept]").press("Home")
        expect(panel.locator("[data-output=storage]")).not_to_have_text(shown)
        with capsys.disabled():
            ready = float(seen.page.evaluate("document.documentElement.dataset.python"))
            took = time.monotonic() - began
            print(f"\nrun in place: {CHAPTER}: ready in {ready:.1f} s, all in {took:.1f} s; {note}")
        assert not strangers(seen.requests, served)
        assert not any("matplotlib" in url for url in seen.requests), "no cell so far draws"


def test_a_long_chapter_runs_on_its_page_to_its_last_cell(
    browser: Browser, served: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = run(browser, served, ROOT / f"{LONG_CHAPTER}.ipynb")
    with capsys.disabled():
        print(f"\nrun in place: {LONG_CHAPTER}: all {found.cells} cells in {found.seconds:.0f} s")
    assert not found.wrong
