"""Each panel of each page, moved as readers move it: by mouse, by key, by finger; over http and from a folder."""

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page

from tests.site.pages import ROOT, pages, visit

EVERY_PAGE = [page for page in pages() if page != "search.html"]


def has_panels(page: str) -> bool:
    """Whether a page is a notebook in which a panel is saved."""
    path = (ROOT / page).with_suffix(".ipynb")
    return path.is_file() and "data-panel=" in path.read_text(encoding="utf-8")


PAGES = [page for page in EVERY_PAGE if has_panels(page)]

SHOWN = """(root) => JSON.stringify([
    [...root.querySelectorAll('[data-output], [data-verdict], [data-readout], td[data-curve]')]
        .map((e) => e.textContent),
    [...root.querySelectorAll('[data-plot]')].map((e) => e.getAttribute('aria-label')),
])"""


# Brings a slider into view; its place, what it says, whether it is awake, and what its panel shows.
PROBE = f"""(slider) => {{
    slider.scrollIntoView({{block: 'center'}});
    const box = slider.getBoundingClientRect();
    return {{
        left: box.left, right: box.right, y: box.top + box.height / 2, awake: !slider.disabled,
        said: slider.getAttribute('aria-valuetext'), shown: ({SHOWN})(slider.closest('figure')),
    }};
}}"""


def panels(page: Page) -> list[Locator]:
    return page.locator("figure[data-panel]").all()


def shown(page: Page) -> list[str]:
    """All results of each panel, as text."""
    texts: list[str] = page.evaluate(f"[...document.querySelectorAll('figure[data-panel]')].map({SHOWN})")
    return texts


def by_mouse(page: Page, slider: Locator, at: dict[str, Any], share: float) -> None:
    page.mouse.move((at["left"] + at["right"]) / 2, at["y"])
    page.mouse.down()
    page.mouse.move(at["left"] + 9 + share * (at["right"] - at["left"] - 18), at["y"], steps=3)
    page.mouse.up()


def by_key(page: Page, slider: Locator, at: dict[str, Any], share: float) -> None:
    slider.press("End" if share > 0.5 else "Home")
    page.keyboard.press("ArrowLeft" if share > 0.5 else "ArrowRight")


def by_finger(page: Page, slider: Locator, at: dict[str, Any], share: float) -> None:
    start, y = (at["left"] + at["right"]) / 2, at["y"]
    end = at["left"] + 9 + share * (at["right"] - at["left"] - 18)
    hand = page.context.new_cdp_session(page)
    hand.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": start, "y": y}]})
    for x in (start + 0.3 * (end - start), end):
        hand.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [{"x": x, "y": y}]})
    hand.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    hand.detach()


def test_the_pages_with_panels_are_these(site: Path) -> None:
    panel = re.compile(r"<figure[^>]* data-panel=")
    assert [page for page in pages() if panel.search((site / page).read_text(encoding="utf-8"))] == PAGES


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize(("move", "by"), [(by_mouse, "http"), (by_key, "file"), (by_finger, "http")])
def test_every_slider_changes_what_its_panel_shows_and_reset_takes_it_back(
    page: str, by: str, move: Any, browser: Browser, served: str, site: Path
) -> None:
    address = f"{served if by == 'http' else site.as_uri()}/{page}"
    with visit(browser, address, touch=move is by_finger, width=390 if move is by_finger else 1280) as seen:
        first = shown(seen.page)
        for panel in panels(seen.page):
            name, sliders = panel.get_attribute("data-panel"), panel.locator("input[type=range]").all()
            assert sliders, f"panel {name} of {page} has no slider"
            for slider in sliders:
                before = slider.evaluate(PROBE)
                assert before["awake"], f"{name}: a slider is asleep"
                move(seen.page, slider, before, 0.97)
                high = slider.evaluate(PROBE)
                move(seen.page, slider, high, 0.03)
                low = slider.evaluate(PROBE)
                assert high["said"] != low["said"], f"{name}: a slider does not move; it says {low['said']}"
                assert high["shown"] != low["shown"], f"{name}: nothing follows a slider that says {low['said']}"
                panel.locator("[data-reset]").click()
                after = slider.evaluate(PROBE)
                for told in ("awake", "said", "shown"):
                    assert after[told] == before[told], f"reset of {name} leaves something changed"
        assert shown(seen.page) == first
        assert not seen.errors


@pytest.mark.parametrize("page", PAGES)
def test_a_setting_can_be_shared_as_an_address(page: str, browser: Browser, site: Path) -> None:
    with visit(browser, f"{site.as_uri()}/{page}") as seen:
        before = shown(seen.page)
        for slider in seen.page.locator("figure[data-panel] input[type=range]").all():
            by_key(seen.page, slider, {}, 0.9)
        moved = shown(seen.page)
        # The address follows a moment after the last move.
        seen.page.wait_for_function(
            "[...document.querySelectorAll('figure[data-panel] input[type=range]')]"
            ".filter((e) => e.value !== e.defaultValue).length === new URLSearchParams(location.search).size"
        )
        shared = ""
        while shared != seen.page.url:  # the last of several moves may still be on its way
            shared = seen.page.url
            seen.page.wait_for_timeout(500)
    assert moved != before or not moved
    with visit(browser, shared) as seen:
        assert shown(seen.page) == moved
        assert not seen.errors


HOSTILE = (
    "1e999",
    "-1e999",
    "NaN",
    "",
    "0x10",
    "1;alert(1)",
    '"><img src=x onerror=alert(1)>',
    "%3Cscript%3Ealert(1)%3C/script%3E",
    "9" * 300,
)


def slider_names(text: str) -> list[str]:
    """The names that the sliders of a page have in its address, from its markup."""
    names, panel = [], ""
    for at, name in re.findall(r'<figure[^>]* data-panel="([^"]+)"|<input type="range" name="([^"]+)"', text):
        panel = at or panel
        names += [f"{panel}.{name}"] if name else []
    return names


@pytest.mark.parametrize("page", EVERY_PAGE)
def test_a_hostile_address_moves_a_slider_within_its_range_at_most(
    page: str, browser: Browser, served: str, site: Path
) -> None:
    names = slider_names((site / page).read_text(encoding="utf-8"))
    hostile = [*names, "__proto__.x", "capacity.constructor"]
    for first in range(0, len(HOSTILE), 3):  # every value on every page, another for each slider
        query = "&".join(f"{name}={HOSTILE[(first + at) % len(HOSTILE)]}" for at, name in enumerate(hostile))
        with visit(browser, f"{served}/{page}?{query}") as seen:
            for text in shown(seen.page):
                assert not [word for word in ("NaN", "undefined", "not a number", "onerror", "alert") if word in text]
            places = seen.page.evaluate(
                "[...document.querySelectorAll('figure[data-panel] input[type=range]')].map((e) => "
                "[`${e.closest('figure').dataset.panel}.${e.name}`, e.min, e.value, e.max])"
            )
            assert [name for name, *_ in places] == names
            assert all(float(low) <= float(at) <= float(high) for _, low, at, high in places)
            assert not seen.errors


def test_the_first_page_has_a_slider_on_its_first_screen(browser: Browser, served: str) -> None:
    for width in (390, 1280):
        with visit(browser, f"{served}/index.html", width=width) as seen:
            box = seen.page.locator("figure[data-panel] input[type=range]").first.bounding_box()
            assert box
            assert box["y"] + box["height"] < (844 if width < 600 else 900), f"at {width} pixels"
