"""Each chapter, opened by its button as a notebook in the browser, runs to its last cell and asks no other host."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from designbook.publish.browser.lite import SECONDS, compressed, offers
from tests.conftest import CHAPTERS, ROOT
from tests.site.pages import strangers

pytestmark = pytest.mark.timeout(600)
NAMES = [path.relative_to(ROOT).with_suffix("").as_posix() for path in CHAPTERS]
# The cells that a browser cannot run, by chapter. Nothing else may be left out.
LEFT_OUT = {
    "url_shortener": {"real-run", "break-kill-run"},
    "leaderboard": {"break-shard"},
    "chat": {"transports-live", "real-run", "kill-run"},
    "news_feed": set(),
    "ride_sharing": {"accept-naive-run", "accept-run"},
}
# The notebook in the tab: its cells' ids, whether the last one has run, the texts printed, and errors.
STATE = """() => {
  const cells = window.jupyterapp?.shell?.currentWidget?.content?.model?.sharedModel?.cells ?? [];
  const code = [...cells].filter((cell) => cell.cell_type === "code");
  const outputs = code.flatMap((cell) => cell.outputs.map((output) => ({ ...output, id: cell.id })));
  return {
    cells: code.length,
    ran: code.filter((cell) => cell.execution_count !== null).length,
    errors: outputs.filter((o) => o.output_type === "error").map((o) => `${o.id}: ${o.ename}: ${o.evalue}`),
    shown: outputs.length,
    left_out: outputs.filter((o) => String(o.text ?? "").includes("Left out here")).map((o) => o.id),
  };
}"""


@pytest.fixture(scope="module")
def context(browser: Browser, site: Path) -> Iterator[BrowserContext]:
    """One profile for all chapters, as one reader has it: what is loaded once is not loaded again."""
    if not offers(ROOT):
        _fail_or_skip()
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    yield context
    context.close()


def _fail_or_skip() -> None:
    """There is nothing to test: an excuse only where no package can be had at all."""
    probe = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", "_build/probe", "comm==0.2.3"]
    if subprocess.run(probe, check=False, cwd=ROOT, capture_output=True).returncode:
        pytest.skip("no network: JupyterLite and Pyodide cannot be fetched")
    pytest.fail("the site has no notebooks for browsers although there is a network: see the lines of `make book`")


def state(page: Page) -> dict[str, Any]:
    found: dict[str, Any] = page.evaluate(STATE)
    return found


def run_all(page: Page) -> float:
    """Choose Run All Cells and wait for the last cell, or for an error; the time of the first output."""
    # Who is faster than the kernel's start is asked which kernel to take.
    page.wait_for_function(
        "window.jupyterapp.shell.currentWidget.sessionContext.session?.kernel?.status === 'idle'", timeout=240_000
    )
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    first, found = 0.0, state(page)
    deadline = time.monotonic() + 400
    while found["ran"] < found["cells"] and not found["errors"]:
        assert time.monotonic() < deadline, f"only {found['ran']} of {found['cells']} cells have run after 400 s"
        page.wait_for_timeout(500)
        found = state(page)
        first = first or (found["shown"] and time.monotonic())
    return first


@pytest.mark.parametrize("name", NAMES)
def test_a_chapter_opened_by_its_button_runs_to_the_end_and_its_sliders_move(
    name: str, context: BrowserContext, served: str, site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page, requests, offered = context.new_page(), list[str](), offers(ROOT)[name]
    context.on("request", lambda request: requests.append(request.url))
    page.goto(f"{served}/{name}.html")
    assert not [url for url in requests if "/lite/" in url], "nothing is loaded before the click"
    assert f"{offered.bytes / 1e6:.0f} MB" in page.locator(".db-run").inner_text()
    page.locator(".db-run a").click()
    clicked = time.monotonic()
    page.wait_for_function(f"({STATE})().cells > 0", timeout=120_000)

    first = run_all(page)
    seconds, ended = first - clicked, time.monotonic() - clicked
    found = state(page)
    assert not found["errors"]
    assert set(found["left_out"]) == LEFT_OUT.get(name.rpartition("/")[2], set())
    assert not strangers(requests, served)
    with capsys.disabled():
        print(f"\n{name}: first output after {seconds:.0f} s (budget {SECONDS}), all of it after {ended:.0f} s")

    move_a_slider(page)
    # The service worker answers other addresses, for which there are no files.
    files = {site / urlsplit(url).path.lstrip("/") for url in requests}
    loaded = sum(compressed(file) for file in files if file.is_file() and "lite" in file.relative_to(site).parts)
    assert 0.9 < loaded / offered.bytes < 1.1, f"{loaded} bytes, and the page promises {offered.bytes}"
    page.close()


def move_a_slider(page: Page) -> None:
    """Pull the first slider of the first panel to its other half, and wait until what it computes has changed."""
    page.evaluate("window.jupyterapp.shell.currentWidget.content.scrollToItem(0)")
    panel = page.locator(".jp-OutputArea-output:has(.widget-slider)").first
    panel.wait_for(timeout=60_000)
    before, handle = panel.inner_text(), panel.locator(".noUi-handle").first
    handle.scroll_into_view_if_needed()
    box, track = handle.bounding_box(), panel.locator(".noUi-base").first.bounding_box()
    assert box is not None
    assert track is not None
    share = 0.1 if box["x"] + box["width"] / 2 > track["x"] + track["width"] / 2 else 0.9
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(track["x"] + share * track["width"], box["y"] + box["height"] / 2, steps=5)
    page.mouse.up()
    page.wait_for_function("([panel, before]) => panel.innerText !== before", arg=[panel.element_handle(), before])


def test_a_page_read_from_a_folder_says_how_to_serve_it_instead_of_a_dead_link(
    context: BrowserContext, site: Path
) -> None:
    page = context.new_page()
    page.goto(f"{site.as_uri()}/{NAMES[0]}.html")
    line = page.locator(".db-run")
    assert "python -m http.server" in line.inner_text()
    assert not line.locator("a").count()
    page.close()


def test_the_settings_name_the_release_and_keep_edits_apart_from_other_releases(
    context: BrowserContext, site: Path
) -> None:
    settings = json.loads((site / "lite" / "jupyter-lite.json").read_text())["jupyter-config-data"]
    assert settings["bookRelease"].startswith("0.1.0 ")
    assert settings["contentsStorageName"] == f"designbook {settings['bookRelease']}"
