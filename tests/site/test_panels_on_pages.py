"""Each panel of each page, moved as readers move it: by mouse, by key, by finger; over http and from a folder."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page

from tests.site.pages import pages, visit

PAGES = [page for page in pages() if page != "search.html"]

SHOWN = """(root) => JSON.stringify([
    [...root.querySelectorAll('[data-output], [data-verdict], [data-readout], td[data-curve]')]
        .map((e) => e.textContent),
    [...root.querySelectorAll('[data-plot]')].map((e) => e.getAttribute('aria-label')),
])"""


def panels(page: Page) -> list[Locator]:
    return page.locator("figure[data-panel]").all()


def shown(panel: Locator) -> str:
    """All results of a panel, as text."""
    text: str = panel.evaluate(SHOWN)
    return text


def by_mouse(page: Page, slider: Locator, share: float) -> None:
    box = slider.bounding_box()
    assert box
    x, y = box["x"] + 9 + share * (box["width"] - 18), box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, y)
    page.mouse.down()
    page.mouse.move(x, y, steps=3)
    page.mouse.up()


def by_key(page: Page, slider: Locator, share: float) -> None:
    slider.focus()
    page.keyboard.press("End" if share > 0.5 else "Home")
    page.keyboard.press("ArrowLeft" if share > 0.5 else "ArrowRight")


def by_finger(page: Page, slider: Locator, share: float) -> None:
    box = slider.bounding_box()
    assert box
    x, y = box["x"] + 9 + share * (box["width"] - 18), box["y"] + box["height"] / 2
    hand = page.context.new_cdp_session(page)
    start = {"x": box["x"] + box["width"] / 2, "y": y}
    hand.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [start]})
    for part in (0.3, 0.7, 1.0):
        point = {"x": start["x"] + part * (x - start["x"]), "y": y}
        hand.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [point]})
    hand.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    hand.detach()


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("by", ["http", "file"])
@pytest.mark.parametrize("move", [by_mouse, by_key, by_finger])
def test_every_slider_changes_what_its_panel_shows_and_reset_takes_it_back(
    page: str, by: str, move: Any, browser: Browser, served: str, site: Path
) -> None:
    address = f"{served if by == 'http' else site.as_uri()}/{page}"
    with visit(browser, address, touch=move is by_finger, width=390 if move is by_finger else 1280) as seen:
        for panel in panels(seen.page):
            first, name = shown(panel), panel.get_attribute("data-panel")
            sliders = panel.locator("input[type=range]").all()
            assert sliders, f"panel {name} of {page} has no slider"
            for slider in sliders:
                label = slider.get_attribute("name")
                slider.scroll_into_view_if_needed()
                assert slider.is_enabled(), f"{name}.{label} is asleep"
                said = slider.get_attribute("aria-valuetext")
                move(seen.page, slider, 0.97)
                high = shown(panel)
                assert slider.get_attribute("aria-valuetext") != said or high == first, f"{name}.{label} did not move"
                move(seen.page, slider, 0.03)
                low = shown(panel)
                assert high != low, f"{name}.{label} moves, and nothing in its panel follows"
                panel.locator("[data-reset]").click()
                assert shown(panel) == first, f"reset of {name} after {label} leaves something changed"
        assert not seen.errors


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("by", ["http", "file"])
def test_a_setting_can_be_shared_as_an_address(page: str, by: str, browser: Browser, served: str, site: Path) -> None:
    address = f"{served if by == 'http' else site.as_uri()}/{page}"
    with visit(browser, address) as seen:
        before = [shown(panel) for panel in panels(seen.page)]
        for panel in panels(seen.page):
            for slider in panel.locator("input[type=range]").all():
                by_key(seen.page, slider, 0.9)
        moved = [shown(panel) for panel in panels(seen.page)]
        seen.page.wait_for_timeout(600)
        shared = seen.page.url
    assert moved != before or not moved
    with visit(browser, shared) as seen:
        assert [shown(panel) for panel in panels(seen.page)] == moved
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
    "9" * 4000,
)


@pytest.mark.parametrize("page", PAGES)
def test_a_hostile_address_moves_a_slider_within_its_range_at_most(page: str, browser: Browser, served: str) -> None:
    with visit(browser, f"{served}/{page}") as seen:
        names = seen.page.evaluate(
            "[...document.querySelectorAll('figure[data-panel] input[type=range]')]"
            ".map((e) => `${e.closest('figure').dataset.panel}.${e.name}`)"
        )
    for value in HOSTILE if names else ():
        query = "&".join(f"{name}={value}" for name in [*names, "__proto__.x", "capacity.constructor"])
        with visit(browser, f"{served}/{page}?{query}") as seen:
            for panel in panels(seen.page):
                text = shown(panel)
                assert not [word for word in ("NaN", "undefined", "not a number", "onerror", "alert") if word in text]
                for slider in panel.locator("input[type=range]").all():
                    low, at, high = (float(slider.evaluate(f"(e) => e.{part}")) for part in ("min", "value", "max"))
                    assert low <= at <= high
            assert not [error for error in seen.errors if "414" not in error and "431" not in error]


def test_the_first_page_has_a_slider_on_its_first_screen(browser: Browser, served: str) -> None:
    for width in (390, 1280):
        with visit(browser, f"{served}/index.html", width=width) as seen:
            box = seen.page.locator("figure[data-panel] input[type=range]").first.bounding_box()
            assert box
            assert box["y"] + box["height"] < (844 if width < 600 else 900), f"at {width} pixels"
