"""Panels and quizzes as files of their own, in Chromium, without the site around them and without a network."""

import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from designbook import quantities
from designbook.capacity import CapacityModel, Input, Limit, amount, ceil, estimate
from designbook.page import Axis, ExperimentPanel, Line, ModelPanel, Output, interview
from designbook.page.markup import table
from designbook.page.typed import words_script

ROOT = Path(__file__).resolve().parent.parent.parent
ASSETS = ROOT / "assets"
AXE = ROOT / "tests" / "site" / "vendor" / "axe.min.js"


class Shop(CapacityModel):
    """A shop of links."""

    links = Input(100e6, "link/month", low=1e6, high=10e9, scale="log", about="links created")
    size = Input(500, "byte/link", low=100, high=2_000)
    kept = Input(5, "year", low=1, high=20)
    per_disk = Input(2, "terabyte/server", low=0.5, high=8)
    price = Input(70, "USD/month/server", low=10, high=400, scale="log")

    @estimate("terabyte")
    def storage(self) -> float:
        """All links."""
        return self.links * self.size * self.kept

    @estimate("server")
    def disks(self) -> float:
        """Disks for them."""
        return ceil(self.storage / self.per_disk)

    @estimate("USD/month")
    def cost(self) -> float:
        """What they cost."""
        return self.disks * self.price

    one_disk = Limit("storage", 8, "terabyte", about="one disk", then="partition by code")
    budget = Limit("cost", 5_000, "USD/month", about="the budget", then="keep links for less long")


def harmonic(x: float, exponent: float) -> float:
    total = 0.0
    for k in range(1, 201):
        if k <= x * 200:
            total = total + 1 / k**exponent
    return total


def hits(x: float, exponent: float, most: float) -> float:
    return most * harmonic(x, exponent) / harmonic(1.0, exponent)


def none(x: float, exponent: float, most: float) -> float:
    return most * x


def half(exponent: float, most: float) -> float:
    return hits(0.5, exponent, most)


def verdict(exponent: float, most: float) -> str:
    if half(exponent, most) > 0.7:
        return "Half of the links answer {half}: cache them."
    return "At exponent {exponent} a cache of half the links answers only {half}."


def experiment(name: str, translate: bool) -> ExperimentPanel:
    return ExperimentPanel(
        {"most popular": hits, "at random": none},
        name=name,
        title="A small cache answers most readers",
        x=Input(10, "percent", low=1, high=100, scale="log", about="share of links cached"),
        y=Axis("hit ratio", "percent", low=0, high=100),
        sliders={
            "exponent": Input(0.9, "", low=0.5, high=1.5, about="Zipf exponent"),
            "most": Input(100, "percent", low=50, high=100, about="of them cacheable"),
        },
        outputs={"half": Output(half, "percent", "with half of the links")},
        verdict=verdict,
        lines=[Line(90, "90 % of readers"), Line(50, "half of the links", axis="x")],
        translate=translate,
    )


HEAD = """<!doctype html><html lang="en" data-theme="{theme}"><head><meta charset="utf-8"><title>Panels</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="{assets}/panel.css"><link rel="stylesheet" href="{assets}/vendor/uplot/uPlot.min.css">
{scripts}<style>html {{ background: {ground}; color: {ink} }}</style></head>
<body><main><h1>Panels</h1>{body}</main></body></html>"""
SCRIPTS = ("panel.js", "answer.js", "keep.js", "quiz.js")
LIBRARY = "uPlot.iife.min.js"

QUIZ = """
clarify: [{ask: a, answer: b, changes: c}]
probes:
  mid: [{phase: design, ask: a, strong: [b]}]
  senior: [{phase: design, ask: a, strong: [b]}]
  staff: [{phase: design, ask: a, strong: [b]}]
follow_ups: [{level: mid, phase: failure, ask: a, strong: [b]}]
mistakes: [{mistake: a, instead: b}]
cards: [{id: much, level: mid, front: "How much is {storage}?", back: This., why: So.}]
quiz:
  - {id: much, level: mid, question: "How much?", answer: {estimate: storage, tolerance: 2x}, why: Multiply.}
  - id: one
    level: mid
    question: Which one?
    options: [{text: first, why: Because it is not.}, {text: second, right: true}]
    why: It is.
  - id: two
    level: mid
    question: Which two?
    options: [{text: a, right: true}, {text: b, why: No.}, {text: c, right: true}]
    why: They are.
"""


@pytest.fixture(scope="module")
def body(tmp_path_factory: pytest.TempPathFactory) -> str:
    drill = tmp_path_factory.mktemp("drill") / "shop.yml"
    drill.write_text(QUIZ, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(interview, "dataset", lambda name: drill)
        drills = interview.quiz("shop", Shop()).markup + interview.cards("shop", Shop()).markup
    panels = [ModelPanel(Shop, name="shop"), ModelPanel(Shop, name="twin", inputs=["kept"], outputs=["storage"])]
    return (
        "".join(panel.html() for panel in panels)
        + experiment("live", translate=True).html()
        + experiment("ahead", translate=False).html()
        + drills
        + table("A table", ("name", "value"), [["one", "1"]], right=(1,)).markup
    )


@contextmanager
def opened(
    browser: Browser,
    tmp_path: Path,
    body: str,
    *,
    query: str = "",
    scripts: tuple[str, ...] = SCRIPTS,
    theme: str = "light",
    missing: str = "nothing",
    **options: Any,
) -> Iterator[Page]:
    """The page as a file, in a browser that fails the test on any error and any request beyond the files.

    The file called `missing` cannot be loaded, and the complaint about it is expected.
    """
    tags = "".join(f'<script defer src="{ASSETS.as_uri()}/{name}"></script>' for name in scripts)
    tags += f"<script>{words_script()}</script>" if "answer.js" in scripts else ""
    ground, ink = ("#fff", "#1d2430") if theme == "light" else ("#14181d", "#e6e9ee")
    path = tmp_path / "page.html"
    path.write_text(
        HEAD.format(theme=theme, assets=ASSETS.as_uri(), scripts=tags, ground=ground, ink=ink, body=body),
        encoding="utf-8",
    )
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if said.type in ("error", "warning") else None)
    page.on(
        "request", lambda request: wrong.append(request.url) if not request.url.startswith(("file:", "data:")) else None
    )
    page.route(f"**/{missing}", lambda route: route.abort())
    page.goto(path.as_uri() + query)
    if "panel.js" in scripts:
        page.wait_for_function("!document.querySelector('input[type=range]:disabled')")
    yield page
    context.close()
    assert not [words for words in wrong if missing == "nothing" or "net::ERR_FAILED" not in words]


def results(page: Page, panel: str) -> dict[str, str]:
    found: dict[str, str] = page.eval_on_selector_all(
        f'[data-panel="{panel}"] [data-output]',
        "all => Object.fromEntries(all.map(e => [e.dataset.output, e.textContent]))",
    )
    return found


def text(page: Page, panel: str, part: str) -> str:
    return page.locator(f'[data-panel="{panel}"] [data-{part}]').first.text_content() or ""


def set_steps(page: Page, panel: str, **steps: int) -> None:
    page.evaluate(
        """([panel, steps]) => Object.entries(steps).forEach(([name, step]) => {
            const slider = document.querySelector(`[data-panel="${panel}"] input[name="${name}"]`);
            slider.value = step;
            slider.dispatchEvent(new Event('input', {bubbles: true}));
        })""",
        [panel, steps],
    )


def test_waking_up_changes_nothing_that_the_page_said_before(browser: Browser, tmp_path: Path, body: str) -> None:
    read = """() => [...document.querySelectorAll(`output, .dbk-share, td[data-curve], [data-output], [data-verdict],
            [data-formula], [data-readout]`)].map(e => e.textContent)
        .concat([...document.querySelectorAll('[data-plot]')].map(e => e.getAttribute('aria-label')))
        .concat([...document.querySelectorAll('.dbk-bar i')].map(e => e.style.width))"""
    with opened(browser, tmp_path, body, scripts=()) as page:
        asleep = page.evaluate(read)
        assert page.locator("input[type=range]:enabled").count() == 0
    with opened(browser, tmp_path, body) as page:
        assert page.evaluate(read) == asleep
        assert page.locator("input[type=range]:disabled").count() == 0


class Stepwise(CapacityModel):
    """One limit on a formula, and one on an estimate that takes several steps."""

    load = Input(10, "request/second", low=1, high=100)

    @estimate("request/second")
    def peak(self) -> float:
        """The peak."""
        return self.load * 2

    @estimate("request/second")
    def spare(self) -> float:
        """What is left of a hundred, counted double."""
        left = amount(100, "request") / amount(1, "second") - self.load
        return left * 2

    crowded = Limit("peak", 150, "request/second", about="one server", then="take two")
    roomy = Limit("spare", 100, "request/second", about="a small server", then="take a smaller one")


def test_a_formula_stands_only_beside_its_own_verdict(browser: Browser, tmp_path: Path) -> None:
    with opened(browser, tmp_path, ModelPanel(Stepwise, name="stepwise").html()) as page:
        panel = ModelPanel(Stepwise, name="stepwise")
        formula = page.locator("[data-formula]")
        for step in (0, len(panel.sliders[0].steps) - 1, 0):
            set_steps(page, "stepwise", load=step)
            shown = panel.at({"load": step}).verdict().limit.estimate
            assert shown == ("spare" if step == 0 else "peak")
            assert formula.is_visible() == (shown == "peak")


def test_a_model_panel_shows_what_python_computes_at_random_settings(
    browser: Browser, tmp_path: Path, body: str
) -> None:
    panel = ModelPanel(Shop, name="shop")
    rng = random.Random(7)
    with opened(browser, tmp_path, body) as page:
        for _ in range(25):
            at = {s.name: rng.choice([0, len(s.steps) - 1, rng.randrange(len(s.steps))]) for s in panel.sliders}
            set_steps(page, "shop", **at)
            model = panel.at(at)
            assert results(page, "shop") == {name: model.show(name) for name in Shop.estimates}
            assert text(page, "shop", "verdict") == model.verdict().sentence
            rows = page.locator('[data-panel="shop"] .dbk-row').evaluate_all("all => all.map(e => e.outerHTML)")
            for row, shown in zip(panel.rows, rows, strict=True):
                expected = row.html(getattr(model, row.name))
                assert _normal(shown) == _normal(expected)


def _normal(markup: str) -> str:
    """Markup without what a browser writes in its own way: spaces in styles."""
    return markup.replace(": ", ":").replace("; ", ";").replace(';"', '"')


def test_an_experiment_shows_what_python_computes_translated_or_ahead(
    browser: Browser, tmp_path: Path, body: str
) -> None:
    rng = random.Random(11)
    with opened(browser, tmp_path, body) as page:
        for name, translate in (("live", True), ("ahead", False)):
            panel = experiment(name, translate)
            for _ in range(12):
                at = {s.name: rng.randrange(len(s.steps)) for s in panel.sliders}
                set_steps(page, name, **at)
                moment = panel.at(at)
                assert text(page, name, "verdict") == moment.verdict
                plot = page.locator(f'[data-panel="{name}"] [data-plot]')
                assert plot.get_attribute("aria-label") == panel.summary(moment)


def test_numbers_are_written_alike_in_both_languages(browser: Browser, tmp_path: Path, body: str) -> None:
    units = ["", "times", "percent", "byte", "terabyte", "bit/second", "request/second", "link/month", "second", "year"]
    units += ["USD/month", "USD/gigabyte", "character", "request/second/server", "millisecond", "USD/request"]
    rng = random.Random(3)
    values = [
        0.0,
        1.0,
        999.4999,
        999.5,
        1e3,
        99.95,
        0.99951,
        1e-300,
        1e300,
        float("inf"),
        -3.2,
        59.96,
        3599.0,
        0.1 + 0.2,
    ]
    values += [10 ** rng.uniform(-12, 18) for _ in range(300)] + [-(10 ** rng.uniform(-3, 9)) for _ in range(20)]
    values += [float(f"{rng.randint(1, 9999)}e{rng.randint(-9, 15)}") for _ in range(200)]
    with opened(browser, tmp_path, body) as page:
        for unit in units:
            rules = quantities.display(unit).as_json()
            source = json.dumps(values)
            shown = page.evaluate(f"rules => {source}.map(value => window.designbook.human(value, rules))", rules)
            assert shown == [quantities.human(value, unit) for value in values], unit


def test_a_setting_stands_in_the_address_and_comes_back_from_it(browser: Browser, tmp_path: Path, body: str) -> None:
    with opened(browser, tmp_path, body, query="?q=kept&twin.kept=9#here") as page:
        assert results(page, "twin")["storage"] == Shop(kept=9).show("storage")
        assert results(page, "shop")["storage"] == Shop().show("storage")
        set_steps(page, "shop", kept=0)
        set_steps(page, "live", exponent=3)
        page.wait_for_function("location.search.includes('live.exponent')")
        assert page.url.endswith("?q=kept&twin.kept=9&shop.kept=1&live.exponent=0.53#here")
        for name in ("twin", "shop", "live"):
            page.locator(f'[data-panel="{name}"] [data-reset]').click()
        page.wait_for_function("location.search === '?q=kept'")
        assert results(page, "twin")["storage"] == Shop().show("storage")


@pytest.mark.parametrize(
    ("asked", "kept"),
    [
        ("1e99", 20),
        ("-5", 1),
        ("7.4", 7),
        ("0x10", 16),
        ("NaN", 5),
        ("Infinity", 5),
        ("", 5),
        ("%20", 5),
        ("<script>alert(1)</script>", 5),
        ("1;2", 5),
    ],
)
def test_an_address_from_a_stranger_is_bounded_and_escaped(
    asked: str, kept: int, browser: Browser, tmp_path: Path, body: str
) -> None:
    with opened(browser, tmp_path, body, query=f"?shop.kept={asked}") as page:
        assert results(page, "shop")["storage"] == Shop(kept=kept).show("storage")
        written = (tmp_path / "page.html").read_text(encoding="utf-8").count("<script>")
        assert page.locator("script:not([src])").count() == written > 0


def test_keys_move_a_slider_and_its_spoken_value_and_the_summary_follow(
    browser: Browser, tmp_path: Path, body: str
) -> None:
    with opened(browser, tmp_path, body) as page:
        slider = page.locator('[data-panel="shop"] input[name="kept"]')
        slider.focus()
        page.keyboard.press("ArrowRight")
        assert slider.get_attribute("aria-valuetext") == "6 years"
        assert results(page, "shop")["storage"] == Shop(kept=6).show("storage")
        page.keyboard.press("End")
        live = '[data-panel="shop"] [aria-live="polite"]'
        # On a busy machine the first move may have been spoken of already: wait for the second.
        start = f"storage: {Shop(kept=20).show('storage')}; "
        page.wait_for_function(f"(start) => document.querySelector('{live}').textContent.startsWith(start)", arg=start)
        said = page.locator(live).text_content() or ""
        assert said.endswith(Shop(kept=20).verdict().sentence)


def test_a_move_updates_the_page_within_a_frame(browser: Browser, tmp_path: Path, body: str) -> None:
    measure = """async ([panel, name]) => {
        const slider = document.querySelector(`[data-panel="${panel}"] input[name="${name}"]`), times = [];
        for (let turn = 0; turn < 60; turn++) {
            slider.value = (turn * 7) % (+slider.max + 1);
            const started = performance.now();
            slider.dispatchEvent(new Event('input'));
            await Promise.resolve();
            document.body.offsetHeight;
            times.push(performance.now() - started);
        }
        return times.sort((a, b) => a - b)[56];
    }"""
    with opened(browser, tmp_path, body) as page:
        for panel, slider in (("shop", "links"), ("live", "exponent"), ("ahead", "exponent")):
            # The budget is 16 ms; a shared machine may stop us at any time, so the best of five runs counts.
            best = min(page.evaluate(measure, [panel, slider]) for _ in range(5))
            assert best < 16, f"{panel}: {best:.1f} ms"


def test_the_chart_is_drawn_and_read_where_the_pointer_is(browser: Browser, tmp_path: Path, body: str) -> None:
    with opened(browser, tmp_path, body) as page:
        plot = page.locator('[data-panel="live"] [data-plot]')
        plot.scroll_into_view_if_needed()
        plot.locator("canvas").wait_for()
        assert plot.locator("canvas").count() == 1
        inked = "c => new Set(c.getContext('2d').getImageData(0, 0, c.width, c.height).data).size"
        assert plot.locator("canvas").evaluate(inked) > 20
        before = text(page, "live", "at")
        box = plot.locator(".u-over").bounding_box()
        assert box
        page.mouse.move(box["x"] + box["width"] - 2, box["y"] + 20)
        page.wait_for_function("document.querySelector('[data-panel=live] [data-at]').textContent === '100 %'")
        page.mouse.move(0, 0)
        page.wait_for_function(f"document.querySelector('[data-panel=live] [data-at]').textContent === '{before}'")


def test_the_chart_library_comes_when_a_chart_comes_near(browser: Browser, tmp_path: Path, body: str) -> None:
    far = f'<section style="content-visibility:auto;margin-top:9000px">{body}</section>'
    with opened(browser, tmp_path, far) as page:
        page.wait_for_timeout(300)
        assert not page.evaluate("'uPlot' in window")
        set_steps(page, "live", exponent=0)
        page.locator('[data-panel="live"]').scroll_into_view_if_needed()
        page.locator('[data-panel="live"] canvas').wait_for()
        assert page.evaluate("'uPlot' in window")
        assert text(page, "live", "verdict") == experiment("live", True).at({"exponent": 0, "most": 50}).verdict


def test_on_paper_a_chart_that_was_not_drawn_is_its_table(browser: Browser, tmp_path: Path, body: str) -> None:
    far = f'<section style="content-visibility:auto;margin-top:9000px">{body}</section>'
    with opened(browser, tmp_path, far) as page:
        table, plot = (page.locator(f'[data-panel="live"] {part}') for part in (".dbk-numbers", "[data-plot]"))
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert (table.evaluate("e => e.open"), plot.evaluate("e => e.hidden")) == (True, True)
        page.evaluate("dispatchEvent(new Event('afterprint'))")
        assert (table.evaluate("e => e.open"), plot.evaluate("e => e.hidden")) == (False, False)
        plot.scroll_into_view_if_needed()
        plot.locator("canvas").wait_for()


def test_without_the_chart_library_the_table_follows_the_sliders(browser: Browser, tmp_path: Path, body: str) -> None:
    with opened(browser, tmp_path, body, missing=LIBRARY) as page:
        cell = page.locator('[data-panel="live"] td[data-curve="0"]').nth(2)
        cell.wait_for()
        before = cell.text_content()
        set_steps(page, "live", exponent=0)
        assert cell.text_content() != before


def test_a_quiz_checks_answers_and_explains_wrong_ones(browser: Browser, tmp_path: Path, body: str) -> None:
    with opened(browser, tmp_path, body) as page:
        number, one, many = (page.locator("[data-quiz] fieldset").nth(n) for n in range(3))
        for words, answer in [
            ("3e6", "Not yet. That is too little."),
            ("lots", "does not begin with a number"),
            ("20", "Not yet. That is too much."),
            ("3", "Right."),
        ]:
            number.locator("input").fill(words)
            number.locator("input").press("Enter")
            if words != "3e6":
                assert answer in (number.locator("[role=status]").text_content() or "")
        assert number.locator("details").evaluate("e => e.open")
        one.get_by_label("first").check()
        one.get_by_role("button").click()
        assert "Because it is not." in (one.locator(".dbk-choice").first.text_content() or "")
        assert not one.locator("details").evaluate("e => e.open")
        one.get_by_label("second").check()
        one.get_by_role("button").click()
        assert "Right." in (one.locator("[role=status]").text_content() or "")
        many.get_by_label("a", exact=True).check()
        many.get_by_role("button").click()
        assert "1 more to find" in (many.locator("[role=status]").text_content() or "")
        many.get_by_label("c", exact=True).check()
        many.get_by_role("button").click()
        assert "Right." in (many.locator("[role=status]").text_content() or "")


TYPED = {
    "terabyte": [
        *((right, "Right.") for right in ("36.5", "36.5 TB", "36,4", "0.036 PB", "36,500 GB", "292 Tbit", "33.2 TiB")),
        *((little, "too little") for little in ("36 GB", "3.6 TB", "36 MB")),
        *((wrong, "does not measure") for wrong in ("36 TB/s", "36 s", "$ 36/month")),
        *((strange, "is no unit that fits here") for strange in ("36 foos", "36 constructor")),
        ("36 servers", "You wrote servers"),
        ("36 %", "percentage is not"),
        ("30-40", "One number"),
    ],
    "request/second": [
        *((right, "Right.") for right in ("36.5", "36 req/s", "36 rps", "3.2 million a day", "2.2k requests/min")),
        ("36k", "too much"),
        ("36 a day", "too little"),
        ("36 requests/day", "too little"),
        *((wrong, "does not measure") for wrong in ("36 MB/s", "36 ms")),
        ("36 requests", "In what time?"),
        ("36 %", "percentage is not"),
    ],
    "minute": [
        ("36", "Right."),
        ("2190 s", "Right."),
        ("0.6 h", "Right."),
        ("36 h", "too much"),
        ("36 m", "minutes, months or"),
    ],
    "percent": [
        ("36", "Right."),
        ("36 %", "Right."),
        ("36 percent", "Right."),
        ("360 %", "too much"),
        ("36 s", "measure"),
    ],
    "": [
        ("36", "Right."),
        ("36 servers", "Right."),
        ("36 loads", "Right."),
        ("0.036k", "Right."),
        ("36 GB", "not measure"),
    ],
}


def test_a_quiz_converts_units_of_the_kind_that_is_asked_for_and_refuses_others(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = "".join(
        f"  - {{id: q{n}, level: mid, question: Much, why: So., "
        f'answer: {{value: 36.5, unit: "{unit}", tolerance: 10%}}}}\n'
        for n, unit in enumerate(TYPED)
    )
    drill = tmp_path / "units.yml"
    drill.write_text(QUIZ[: QUIZ.index("quiz:")] + f"quiz:\n{rows}", encoding="utf-8")
    monkeypatch.setattr(interview, "dataset", lambda name: drill)
    with opened(browser, tmp_path, interview.quiz("units", Shop()).markup, scripts=SCRIPTS[1:]) as page:
        for n, (unit, cases) in enumerate(TYPED.items()):
            field = page.locator("[data-quiz] fieldset").nth(n)
            for words, answer in cases:
                field.locator("input").fill(words)
                field.locator("input").press("Enter")
                assert answer in (field.locator("[role=status]").text_content() or ""), (unit, words)


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_panels_are_accessible_and_fit_in_light_and_dark_on_phone_and_desktop(
    theme: str, width: int, browser: Browser, tmp_path: Path, body: str
) -> None:
    with opened(browser, tmp_path, body, theme=theme, viewport={"width": width, "height": 844}) as page:
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        page.add_script_tag(path=AXE)
        page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        found = page.evaluate("axe.run(document, {preload: false}).then(result => result.violations)")
        assert [(each["id"], each["nodes"][0]["html"]) for each in found] == []


def test_reduced_motion_stops_the_bars_from_gliding(browser: Browser, tmp_path: Path, body: str) -> None:
    glide = "getComputedStyle(document.querySelector('.dbk-bar i')).transitionDuration"
    with opened(browser, tmp_path, body) as page:
        assert page.evaluate(glide) != "0s"
    with opened(browser, tmp_path, body, reduced_motion="reduce") as page:
        assert page.evaluate(glide) == "0s"


def test_panels_that_come_after_the_script_wake_up_too(browser: Browser, tmp_path: Path) -> None:
    with opened(browser, tmp_path, "<div id=late></div>") as page:
        page.wait_for_function("!!(window.designbook && window.designbook.human)")
        page.evaluate(
            "markup => document.getElementById('late').append(document.createRange().createContextualFragment(markup))",
            ModelPanel(Shop, name="late").html(),
        )
        set_steps(page, "late", kept=0)
        assert results(page, "late")["storage"] == Shop(kept=1).show("storage")


def test_the_scripts_are_small_and_plain() -> None:
    assert (ASSETS / "panel.js").stat().st_size < 16_000
    assert (ASSETS / "quiz.js").stat().st_size < 8_000
    for name in ("panel.js", "answer.js", "quiz.js", "panel.css"):
        source = (ASSETS / name).read_text(encoding="utf-8")
        for forbidden in ("fetch(", "import ", "http://", "https://", "innerHTML", "eval("):
            assert forbidden not in source, f"{name} holds {forbidden}"
