"""Every page of the site: alone on its host, quiet, within its bytes, readable by all, as wide as the screen."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Page

from tests.site.pages import ROOT, Visit, pages, strangers, visit, weight

AXE = (ROOT / "tests/site/vendor/axe.min.js").read_text(encoding="utf-8")
BUDGET = 400_000
PHONE, WIDE = 390, 1280
PAGES = pages()


@pytest.fixture(scope="module")
def opened(request: pytest.FixtureRequest, browser: Browser, served: str) -> Iterator[Visit]:
    """A page by http, opened once for all that is asked of it: on a wide screen in the light, on a phone in the dark.

    The tests on it follow each other in the order in which they stand here; only the last one touches the page.
    """
    page, width = request.param
    with visit(browser, f"{served}/{page}", width=width, dark=width == PHONE) as seen:
        yield seen


OPENED = [pytest.param((page, width), id=f"{page}-{width}") for page in PAGES for width in (PHONE, WIDE)]
each_page = pytest.mark.parametrize("opened", OPENED, indirect=True, scope="module")


@each_page
def test_a_page_asks_no_other_host_and_complains_of_nothing(opened: Visit, served: str) -> None:
    assert not strangers(opened.requests, served)
    assert not opened.errors


@pytest.mark.parametrize("page", PAGES)
def test_a_page_in_a_folder_asks_no_host_and_complains_of_nothing(page: str, browser: Browser, site: Path) -> None:
    with visit(browser, f"{site.as_uri()}/{page}") as seen:
        assert not strangers(seen.requests, site.as_uri())
        assert not seen.errors


@each_page
def test_a_page_weighs_less_than_its_budget(opened: Visit, served: str, site: Path) -> None:
    sizes = weight(opened.requests, served, site)
    heaviest = sorted(sizes.items(), key=lambda item: -item[1])[:5]
    assert opened.page.url.removeprefix(f"{served}/") in sizes
    assert sum(sizes.values()) < BUDGET, f"{sum(sizes.values())} bytes, most of them {heaviest}"


def violations(page: Page) -> list[str]:
    """What axe finds wrong with the page, one line an element."""
    if not page.evaluate("Boolean(window.axe)"):
        page.evaluate(AXE)
    found: list[dict[str, Any]] = page.evaluate("axe.run({resultTypes: ['violations']}).then((r) => r.violations)")
    return [
        f"{rule['id']} ({rule['help']}): {node['html'][:120]} {json.dumps(node.get('failureSummary', ''))[:300]}"
        for rule in found
        for node in rule["nodes"]
    ]


@each_page
def test_a_page_is_accessible_and_no_wider_than_the_screen_light_and_dark(opened: Visit) -> None:
    page, width = opened.page, (opened.page.viewport_size or {})["width"]
    at_first: Literal["light", "dark"] = "dark" if width == PHONE else "light"
    assert page.evaluate("document.documentElement.dataset.theme") == at_first
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    # Folded parts are pages too, once they are opened.
    page.evaluate("document.querySelectorAll('details').forEach((fold) => (fold.open = true))")
    # Colours are judged as they are in the end, and not while one fades into the other.
    page.add_style_tag(content="*, *::before, *::after { transition: none !important; }")
    for theme in (at_first, "light" if at_first == "dark" else "dark"):
        page.emulate_media(color_scheme=theme)
        page.wait_for_function("(theme) => document.documentElement.dataset.theme === theme", arg=theme)
        page.wait_for_timeout(100)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert not violations(page), theme
    assert not opened.errors


def test_the_checks_notice_a_bad_page(browser: Browser, tmp_path: Path) -> None:
    bad = tmp_path / "bad.html"
    bad.write_text(
        "<!doctype html><html><body><img src='https://example.org/x.png'><div style='width:900px;color:#bbb'>pale</div>"
        "<script>console.error('broken')</script></body></html>"
    )
    with visit(browser, bad.as_uri(), width=390) as seen:
        assert strangers(seen.requests, tmp_path.as_uri()) == ["https://example.org/x.png"]
        assert "broken" in seen.errors
        assert seen.page.evaluate("document.documentElement.scrollWidth") > 390
        found = " ".join(violations(seen.page))
        assert "color-contrast" in found
        assert "image-alt" in found


def test_the_search_finds_a_word_also_without_a_server(browser: Browser, site: Path) -> None:
    with visit(browser, f"{(site / 'search.html').as_uri()}?q=casebook") as seen:
        seen.page.wait_for_selector("#search-results ul.search li a")
        assert not seen.errors


def test_the_map_shows_every_topic_and_links_the_written_ones(browser: Browser, served: str) -> None:
    topics = (ROOT / "data/topics.csv").read_text(encoding="utf-8").splitlines()[1:]
    written = [page for page in PAGES if page.startswith("chapters/") and "/practise/" not in page]
    with visit(browser, f"{served}/map.html") as seen:
        assert seen.page.locator("ul.topics > li").count() == len(topics) == 71
        links = seen.page.locator("ul.topics a").evaluate_all("(links) => links.map((a) => a.getAttribute('href'))")
        assert set(links) == set(written)
        assert seen.page.locator("ul.topics .planned").count() == len(topics) - len(links)


def served_file(served: str, target: str) -> str:
    return target.removeprefix(f"{served}/")


def test_no_button_leads_nowhere_while_the_book_has_no_address(browser: Browser, served: str) -> None:
    with visit(browser, f"{served}/index.html") as seen:
        targets = seen.page.locator(".article-header-buttons a").evaluate_all(
            "(links) => links.map((a) => a.getAttribute('href'))"
        )
        assert targets, "the notebook can be downloaded all the same"
        assert all((served_file(served, target)).startswith("_sources/") for target in targets)


def test_code_has_a_copy_button_once_it_is_seen(browser: Browser, served: str) -> None:
    chapter = next(page for page in pages() if "case_studies" in page)
    with visit(browser, f"{served}/{chapter}") as seen:
        code = seen.page.locator("div.highlight pre:visible")
        assert seen.page.locator(".copybtn").count() < code.count() / 2
        code.last.scroll_into_view_if_needed()
        code.last.locator("xpath=following-sibling::button[contains(@class, 'copybtn')]").wait_for(state="attached")


def test_the_menu_of_a_page_brings_its_script_when_it_is_asked_for(browser: Browser, site: Path) -> None:
    with visit(browser, (site / "chapters/case_studies/url_shortener.html").as_uri()) as seen:
        menu = seen.page.locator("[data-bs-toggle=dropdown]").first
        assert not any("bootstrap" in request for request in seen.requests)
        menu.dispatch_event("click")  # neither pointer nor focus came first
        seen.page.wait_for_selector(".dropdown-menu.show")
        seen.page.keyboard.press("Escape")
        seen.page.wait_for_selector(".dropdown-menu.show", state="hidden")
        menu.focus()
        seen.page.keyboard.press("Enter")
        seen.page.wait_for_selector(".dropdown-menu.show")
        assert not seen.errors
