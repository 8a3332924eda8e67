"""The estimation drill in Chromium: what people type, what is drawn and computed, how it is graded, by every hand."""

import itertools
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from designbook.capacity import CapacityModel, Input, amount, ceil, estimate
from designbook.page.estimation import _Questions, estimation_drill, model_name
from designbook.page.typed import asked as asked_for
from designbook.page.typed import words_script
from designbook.publish import practice
from designbook.quantities import dimension, from_base, to_base
from tests.site.test_panels_standalone import AXE, opened

MODELS = practice.models()
SCRIPTS = ("answer.js", "panel.js", "drill.js")
KEEP = "<script>var kept = [], designbookDrills = {push: (spec) => kept.push(spec), splice: () => kept};</script>"


class StallCapacity(CapacityModel):
    """A stall of links."""

    links = Input(100e6, "link/month", low=1e6, high=10e9, scale="log", about="links created")
    size = Input(500, "byte/link", low=100, high=2_000, about="bytes of one")
    kept = Input(5, "year", low=1, high=20, about="how long")
    nothing = Input(0, "percent", low=0, high=100, about="share of </script> thrown away")
    per_disk = Input(2, "terabyte/server", low=0.5, high=8, about="one disk")

    @estimate("terabyte", asks="How many bytes do all links take?")
    def storage(self) -> float:
        """All `links` kept."""
        return self.links * self.size * self.kept

    @estimate("server")
    def disks(self) -> float:
        """Disks for them."""
        return ceil(self.storage / self.per_disk)

    @estimate("link/second")
    def lost(self) -> float:
        """Links thrown away."""
        part = self.nothing
        return amount(1, "link") * self.links * part / amount(1, "link")


@pytest.fixture(scope="module")
def static() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DESIGNBOOK_STATIC", "1")
        yield


@pytest.fixture(scope="module")
def stall(static: None) -> str:
    return estimation_drill(StallCapacity).markup


@pytest.fixture(scope="module")
def page(browser: Browser, static: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """A page with the drill over all models, for what is asked of its functions."""
    body = KEEP + estimation_drill(*MODELS.values()).markup
    with opened(browser, tmp_path_factory.mktemp("drill"), body, scripts=SCRIPTS) as page:
        page.wait_for_function("!!designbookDrills.grade")
        yield page


# -- what people type, against the units as Python knows them

NUMBERS = [("4", 4.0), ("3.8", 3.8), ("1,200", 1200.0), ("1 200", 1200.0), ("2e3", 2000.0), ("2×10^3", 2000.0)]
NUMBERS += [("10^6", 1e6), (".5", 0.5), ("3,8", 3.8), ("10⁹", 1e9), ("2·10¹²", 2e12), ("~ 40", 40.0), ("2*10**4", 2e4)]
FACTORS = [("", 1.0), ("k", 1e3), (" thousand", 1e3), ("K", 1e3), ("M", 1e6), (" million", 1e6), (" bn", 1e9)]
FACTORS += [(" hundred thousand", 1e5), ("T", 1e12)]
RATES = [("/s", "second"), (" per second", "second"), (" a day", "day"), ("/min", "minute"), (" per hour", "hour")]
RATES += [(" req/s", "second"), (" requests per second", "second"), (" rps", "second"), (" qps", "second")]
RATES += [("/month", "month"), (" requests/ day", "day"), (" requests each week", "week"), (" REQ / SEC", "second")]
SIZES = [
    ("B", 1.0),
    (" bytes", 1.0),
    ("kB", 1e3),
    (" KB", 1e3),
    (" kb", 1e3),
    ("MB", 1e6),
    (" gigabytes", 1e9),
    ("GB", 1e9),
]
SIZES += [("gb", 1e9), (" TB", 1e12), ("PB", 1e15), (" GiB", 2**30), (" kibibytes", 1024.0), (" bits", 1 / 8)]
SIZES += [
    (" Gbit", 1e9 / 8),
    (" Mb", 1e6 / 8),
    (" megabits", 1e6 / 8),
    (" EB", 1e18),
    (" k bytes", 1e3),
    (" million bytes", 1e6),
]
STREAMS = [
    ("Gbit/s", 1e9 / 8),
    (" Mbps", 1e6 / 8),
    (" mbps", 1e6 / 8),
    ("MB/s", 1e6),
    (" MBps", 1e6),
    (" GB/day", 1e9 / 86_400),
]
STREAMS += [
    (" TB a month", to_base(1, "terabyte/month")),
    (" bytes per second", 1.0),
    (" Gb/s", 1e9 / 8),
    ("kb/s", 1e3),
]
MONEY = [
    ("$%s", 1),
    ("$ %s", 1),
    ("%s $", 1),
    ("%s USD", 1),
    ("%s dollars", 1),
    ("%s cents", 0.01),
    ("$%sk", 1e3),
    ("%sM $", 1e6),
]
SPANS = [
    (" ms", 1e-3),
    ("s", 1.0),
    (" min", 60.0),
    (" minutes", 60.0),
    ("h", 3600.0),
    (" hours", 3600.0),
    (" days", 86_400.0),
]
SPANS += [
    (" µs", 1e-6),
    (" microseconds", 1e-6),
    (" ns", 1e-9),
    (" weeks", 604_800.0),
    (" years", to_base(1, "year")),
    (" yr", to_base(1, "year")),
]
SHARES = [("%", 0.01), (" %", 0.01), (" percent", 0.01), ("x", 1.0), (" times", 1.0), (" ×", 1.0)]
COUNTS = [
    ("", 1.0),
    (" servers", 1.0),
    (" server", 1.0),
    (" k servers", 1e3),
    (" million", 1e6),
    (" of the servers", 1.0),
]


def forms() -> list[tuple[str, str, float]]:
    """What is typed, the unit that is asked for, and the value in base units."""
    found = []
    for (number, value), (factor, times), (rate, time) in itertools.product(NUMBERS, FACTORS[:6], RATES[:9]):
        found.append((f"{number}{factor}{rate}", "request/second", value * times * to_base(1.0, f"request/{time}")))
    plain = [each for each in NUMBERS if each[0] != "10⁹"]
    for unit, many in (
        ("terabyte", SIZES),
        ("megabyte/second", STREAMS),
        ("hour", SPANS),
        ("percent", SHARES),
        ("server", COUNTS),
    ):
        found += [
            (f"{number}{words}", unit, value * times)
            for (number, value), (words, times) in itertools.product(plain, many)
        ]
    found += [
        (f"{number}{factor} bytes", "terabyte", value * times)
        for (number, value), (factor, times) in itertools.product(plain, FACTORS)
    ]
    for (number, value), (form, times) in itertools.product([("4", 4.0), ("3.8", 3.8), ("7,600", 7600.0)], MONEY):
        found.append((f"{form % number} per month", "USD/month", value * times / to_base(1.0, "month")))
        found.append((f"{form % number} / million requests", "USD/megarequest", value * times / 1e6))
    found += [
        ("3.8 kB/link", "byte/link", 3800.0),
        ("12k", "connection/server", 12e3),
        ("5 per 10 min", "request/second", 5 / 600),
    ]
    found += [
        ("$5/M req", "USD/kilorequest", 5e-6),
        ("2 B a link", "byte/link", 2.0),
        ("7k/s per server", "request/second/server", 7e3),
    ]
    found += [(f"590 {word}", "server", 590.0) for word in ("machines", "hosts", "nodes", "instances", "Machines")]
    found += [(f"590 {word}", "node", 590.0) for word in ("servers", "machines")]
    found += [(f"7k{rate}", "request/second", 7e3) for rate in (" r/s", " reqs/s", " reads/s", " queries/s")]
    found += [
        ("125000us", "millisecond", 0.125),
        ("125000 us", "millisecond", 0.125),
        ("7 krps", "request/second", 7e3),
        ("0.35 Mqps", "request/second", 350e3),
        ("350 k reads/s", "request/second", 350e3),
        ("0.4/s", "request/second", 0.4),
        ("4 MB/sec", "megabyte/second", 4e6),
        ("about 5 million servers", "server", 5e6),
    ]
    return found


def read(page: Page, typed: list[tuple[str, str]]) -> list[dict[str, Any]]:
    """What the page makes of each text, for the unit that is asked for."""
    asked = [[text, {**asked_for(unit), "example": "this"}] for text, unit in typed]
    result: list[dict[str, Any]] = page.evaluate(
        "(all) => all.map(([text, asked]) => designbookAnswer.read(text, asked))", asked
    )
    return result


def test_hundreds_of_typed_forms_mean_what_they_say(page: Page) -> None:
    cases = forms()
    assert len(cases) > 1000
    found = read(page, [(text, unit) for text, unit, _ in cases])
    wrong = [
        f"{text!r} for {unit}: {got}, not {value}"
        for (text, unit, value), got in zip(cases, found, strict=True)
        if not math.isclose(got.get("value", math.nan), value, rel_tol=1e-12)
    ]
    assert not wrong, f"{len(wrong)} of {len(cases)}: " + "\n".join(wrong[:20])


@pytest.mark.parametrize(
    ("typed", "unit", "why"),
    [
        ("", "server", "Nothing is written"),
        ("lots", "server", "does not begin with a number"),
        ("NaN", "server", "does not begin with a number"),
        ("-4/s", "request/second", "below zero"),
        ("0 servers", "server", "nothing at all"),
        ("1e999", "server", "more than there is"),
        ("4k", "request/second", "In what?"),
        ("3.8", "terabyte", "In what?"),
        ("3.8T", "terabyte", "In what?"),
        ("4 GB", "megabyte/second", "In what time?"),
        ("4 requests", "request/second", "In what time?"),
        ("4 TB", "request/second", "does not measure"),
        ("4/s", "terabyte", "does not measure"),
        ("$ 5", "terabyte", "does not measure"),
        ("5 links/s", "request/second", "You wrote links"),
        ("5 /s/links", "link/second", "You wrote links"),
        ("5 foos/s", "request/second", "“foos” is no unit"),
        ("5 €", "USD/month", "“€” is no unit"),
        ("3-4 TB", "terabyte", "not a range"),
        ("3 to 4 TB", "terabyte", "not a range"),
        ("7k–8k", "request/second", "not a range"),
        ("7 k to 8 k/s", "request/second", "not a range"),
        ("4 b", "terabyte", "bits or bytes"),
        ("4 m", "hour", "minutes, months or milli"),
        ("4k/m", "request/second", "minutes, months or milli"),
        ("30", "percent", "share or in per cent"),
        ("30 cores", "percent", "is no unit"),
        ("30 GB", "", "does not measure"),
        ("30 %", "server", "percentage is not"),
        ("1.500.000 servers", "server", "says nothing here"),
        ("5 servers!", "server", "says nothing here"),
        ("3 4 servers", "server", "is no unit"),
        ("<b>4</b>", "server", "does not begin"),
        ("12 constructor", "server", "is no unit"),
        ("12 toString", "server", "is no unit"),
        ("9" * 80, "terabyte", "In what?"),
    ],
)
def test_nonsense_gets_a_hint_and_no_value(typed: str, unit: str, why: str, page: Page) -> None:
    (found,) = read(page, [(typed, unit)])
    assert why in found["hint"]
    assert found["hint"].endswith("Write it like this.")
    assert "value" not in found


@pytest.mark.parametrize(
    ("typed", "unit", "question", "value"),
    [
        ("4.5M devices", "connection", "How many devices are connected?", 4.5e6),
        ("3.8 devices", "frame/message", "To how many devices does one message go?", 3.8),
        ("2k messages/s", "frame/second", "How many messages a second go out?", 2e3),
        ("3 seconds", "request/second", "How many requests a second?", None),
        ("3 bytes/s", "frame/second", "How many bytes of frames?", None),
    ],
)
def test_an_answer_may_count_in_the_words_of_its_question(
    typed: str, unit: str, question: str, value: float | None, page: Page
) -> None:
    asked = {**asked_for(unit), "question": question}
    found = page.evaluate("([typed, asked]) => designbookAnswer.read(typed, asked)", [typed, asked])
    assert found.get("value") == (pytest.approx(value) if value else None)


def test_the_grade_is_how_many_times_too_much_or_too_little(page: Page) -> None:
    def expected(ratio: float) -> int:
        off = max(ratio, 1 / ratio)
        return 0 if off <= 1.1 else 1 if off <= 2 else 2 if off <= 10 else 3

    ratios = [
        1.0,
        1.0999,
        1.1001,
        0.91,
        0.90,
        1.9999,
        2.0001,
        0.50001,
        0.4999,
        9.999,
        10.001,
        0.10001,
        0.0999,
        1e9,
        1e-9,
    ]
    for right in (3.8e3, 7e-4, 45e12):
        found = page.evaluate(
            "([answers, right]) => answers.map((each) => designbookDrills.grade(each, right))",
            [[ratio * right for ratio in ratios], right],
        )
        assert found == [expected(ratio) for ratio in ratios]
    exact = page.evaluate(
        "[[22, 20], [20, 22], [2, 1], [1, 2], [0.3, 3], [30, 3]].map(([a, b]) => designbookDrills.grade(a, b))"
    )
    assert exact == [0, 0, 1, 1, 2, 2], "a boundary belongs to the better grade"


# -- questions

DRAWN = """([model, asked]) => asked.map(([name, seed]) => {
    const spec = kept.find((each) => model in each.models);
    const { values, at } = designbookDrills.draw(spec, model, name, seed);
    return { values, right: at[name], given: spec.models[model].asked[name].given.map((each) => at[each]) };
})"""


@pytest.mark.parametrize("model", MODELS.values(), ids=model_name)
def test_a_drill_is_right_by_the_python_model_at_random_draws(model: type[CapacityModel], page: Page) -> None:
    questions = _Questions(model)
    asked = [(name, f"s{turn}") for name in questions.given for turn in range(6)]
    for (name, _), drawn in zip(asked, page.evaluate(DRAWN, [model_name(model), asked]), strict=True):
        ours = model.from_base(drawn["values"])
        assert float(getattr(ours, name)) == drawn["right"] > 0
        assert [float(getattr(ours, each)) for each in questions.given[name]] == drawn["given"]
        for each, value in drawn["values"].items():
            part = model.inputs[each]
            assert part.base("low") * (1 - 1e-9) <= value <= part.base("high") * (1 + 1e-9)
            said = from_base(value, part.unit)
            assert part.default == pytest.approx(said) or float(f"{said:.2g}") == pytest.approx(said), "a round number"


def test_draws_spread_evenly_over_half_of_a_logarithmic_range_around_the_default(page: Page) -> None:
    asked = [("reads", f"t{turn}") for turn in range(500)]
    drawn = page.evaluate(DRAWN, ["shortener", asked])
    values = [from_base(each["values"]["new_links"], "link/month") for each in drawn]
    assert min(values) >= 10e6 * 0.9
    assert max(values) <= 1e9 * 1.1, "two of the four decades, with 100 million in the middle"
    for low in (10e6, 32e6, 100e6, 320e6):
        share = sum(low <= value < low * 3.2 for value in values) / len(values)
        assert 0.14 < share < 0.38, f"{share:.2f} of the draws from {low:g} on"


CONTEXT = ("the same", "of these", "of them", "of it", "then", "after that", "such a", "in that")
"""What points at something that a question, drawn alone, does not show."""


@pytest.mark.parametrize("model", MODELS.values(), ids=model_name)
def test_every_estimate_has_a_question_that_can_be_understood_alone(model: type[CapacityModel]) -> None:
    asked = [part.asks for part in model.estimates.values()]
    assert len(set(asked)) == len(asked), "two estimates with one question"
    for part in model.estimates.values():
        first, mark, rest = part.asks.partition("?")
        where = f"{model.__name__}.{part.name}: {part.asks!r}"
        assert mark, f"{where} is no question"
        assert len(first.split()) >= 5, f"{where} is too short to say whose quantity it is"
        assert not rest or rest.endswith((".", ".)")), where
        kind = dimension(part.unit)
        if kind.get("time") == -1 and "currency" not in kind:
            assert re.search(r"\b(second|day|month)\b", first), f"{where} says no time"
        if "currency" in kind:
            assert "dollars" in first, f"{where} says no money"
            assert kind.get("time", 0) == 0 or "a month" in first, f"{where} says no period"
        if "information" in kind:
            assert re.search(r"\b(bytes?|memory)\b", first), f"{where} says no size"
        if part.name.startswith(("peak_", "rush_")):
            assert re.search(r"busiest|last minute", first), f"{where} does not say that it is the peak"


@pytest.mark.parametrize("model", MODELS.values(), ids=model_name)
def test_what_a_question_gives_can_be_understood_alone(model: type[CapacityModel]) -> None:
    questions = _Questions(model)
    for each in dict.fromkeys(given for name in questions.given for given in questions.given[name]):
        about = questions.about(each).lower()
        assert about, each
        assert not about.startswith(CONTEXT), f"{model.__name__}.{each}: {about!r}"


def test_nearly_every_estimate_of_the_book_is_asked_and_none_with_more_than_a_handful_of_numbers() -> None:
    for model in MODELS.values():
        given = _Questions(model).given
        assert len(given) >= 0.9 * len(model.estimates)
        assert all(0 < len(each) <= 7 for each in given.values())


def test_only_estimates_that_are_arithmetic_from_step_to_step_are_drawn(page: Page) -> None:
    known = {model_name(model): list(_Questions(model).given) for model in MODELS.values()}
    hard: list[list[str]] = page.evaluate(
        """(known) => Object.entries(known).flatMap(([model, names]) => {
            const laid = kept.find((each) => model in each.models).models[model];
            return names.filter((name) => !designbookDrills.easy(laid, name)).map((name) => [model, name]);
        })""",
        known,
    )
    # The queue's formula is not in the head; how many followers are pulled comes from a distribution.
    assert hard == [
        ["queue", "pooled_wait"],
        *(["news_feed", name] for name in ("deliveries", "peak_deliveries", "lists")),
    ]


def test_a_new_model_joins_by_existing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "newbook" / "systems" / "kiosk"
    folder.mkdir(parents=True)
    for each in (folder, folder.parent, folder.parent.parent):
        (each / "__init__.py").touch()
    (folder / "service.py").write_text("raise RuntimeError('not imported')")
    (folder / "capacity.py").write_text(
        "from designbook.capacity import CapacityModel, Input, estimate\n"
        "class KioskCapacity(CapacityModel):\n"
        "    sold = Input(3, 'item/day', low=1, high=9)\n"
        "    @estimate('item/second')\n"
        "    def sales(self):\n        '''Sales.'''\n        return self.sold\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    found = practice.models(tmp_path / "newbook")
    assert [model.__name__ for model in found.values()] == ["KioskCapacity"]
    assert list(found) == ["systems"] or list(found) == ["kiosk"]


def test_two_models_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="different names"):
        estimation_drill(StallCapacity, StallCapacity)
    with pytest.raises(ValueError, match="different names"):
        estimation_drill()


# -- by hand

ASKED = "?other=1&drill=stall.storage.abc123"


def given(page: Page) -> list[str]:
    return [" ".join(each.split()) for each in page.locator("[data-given] li").all_text_contents()]


def status(page: Page) -> str:
    return (page.locator("[role=status]").text_content() or "").strip()


def question(page: Page) -> str:
    return " ".join((page.locator("[data-question]").text_content() or "").split())


def storage(page: Page) -> float:
    """The right answer in TB by Python, from what the question gives."""
    found = dict(each.split(": ") for each in given(page))
    model = StallCapacity(
        links=_said(found["links created"]), size=found["bytes of one"], kept=found["how long"].replace("years", "year")
    )
    return model.value("storage")


def _said(text: str) -> float:
    ((number, factor),) = re.findall(r"^([\d.]+) ?(k|M|bn)?", text)
    return float(number) * {"": 1, "k": 1e3, "M": 1e6, "bn": 1e9}[factor]


def test_a_question_is_graded_after_an_answer_and_shows_how_it_comes_about(
    browser: Browser, tmp_path: Path, stall: str
) -> None:
    with opened(browser, tmp_path, stall, scripts=SCRIPTS, query=ASKED) as page:
        form = page.locator("form")
        assert question(page) == "Stall. How many bytes do all links take?"
        right = storage(page)
        assert not page.locator("[data-steps]").is_visible()
        shown = form.inner_text()
        for typed, words in [("plenty", "does not begin with a number"), (f"{right}", "In what?")]:
            form.get_by_label("Your answer").fill(typed)
            form.get_by_role("button", name="Check").click()
            assert words in status(page)
            assert not page.locator("[data-steps]").is_visible(), "no answer before one is given"
            assert page.locator("[data-score]").text_content() == "", "a hint is no grade"
        assert f"{right:.3g}" not in shown
        form.get_by_label("Your answer").fill(f"{right * 1.5:.4g} TB")
        form.get_by_role("button", name="Check").click()
        assert status(page).startswith("Within a factor of two.")
        assert "1.5 × too much" in status(page)
        line = page.locator("[data-steps] li").text_content() or ""
        assert line.startswith("storage = links · size · kept = ")
        assert StallCapacity.from_base({"links": 1.0}).estimates["storage"].show(right * 1e12) in line
        assert "1 within a factor of two" in (page.locator("[data-score]").text_content() or "")


def test_an_address_replays_the_same_question_and_a_stranger_s_is_refused_in_a_line(
    browser: Browser, tmp_path: Path, stall: str
) -> None:
    with opened(browser, tmp_path, stall, scripts=SCRIPTS, query=ASKED) as page:
        own, seen = page.url.split("?")[0], given(page)
        link = page.get_by_role("link", name="Link to this question").get_attribute("href")
        assert link == ASKED, "what else stands in the address stays"
        page.reload()
        assert given(page) == seen
        page.goto(f"{own}?drill=stall.storage.other9")
        assert given(page) != seen
        strangers = ["stall.toString.a", "constructor.storage.a", "stall.storage", "<img src=x onerror=alert(1)>"]
        for hostile in [*strangers, "stall.storage." + "a" * 99]:
            page.goto(f"{own}?drill={hostile}")
            assert "this is another one" in status(page)
            assert given(page)


def test_a_question_whose_answer_is_nothing_is_drawn_again(browser: Browser, tmp_path: Path, static: None) -> None:
    class EmptyCapacity(CapacityModel):
        part = Input(0, "", low=0, high=1)

        @estimate("")
        def left(self) -> float:
            """What is left."""
            return self.part * 1

    with opened(browser, tmp_path, KEEP + estimation_drill(EmptyCapacity).markup, scripts=SCRIPTS) as page:
        page.wait_for_function("!!designbookDrills.grade")
        drawn = page.evaluate(
            """() => {
                const spec = kept[0], seeds = [...Array(300).keys()].map((n) => `z${n}`);
                return [spec.models.empty.inputs.part.steps,
                    seeds.map((seed) => designbookDrills.draw(spec, "empty", "left", seed).at.left)];
            }"""
        )
    assert 0 in drawn[0], "nothing could be drawn"
    assert min(drawn[1]) > 0


class PriceCapacity(CapacityModel):
    """What a user costs."""

    price = Input(10, "USD/month", low=5, high=20)
    users = Input(100, "user", low=50, high=200)
    used = Input(90, "percent", low=80, high=95)

    @estimate("USD/month/user")
    def each(self) -> float:
        """What one costs."""
        return self.price / self.users

    @estimate("percent")
    def left(self) -> float:
        """What is left of it."""
        return self.used * self.used


def test_a_share_ends_at_100_percent_and_a_wide_miss_is_said_in_full(
    browser: Browser, tmp_path: Path, static: None
) -> None:
    drill = estimation_drill(PriceCapacity).markup
    with opened(browser, tmp_path, drill, scripts=SCRIPTS, query="?drill=price.each.a1") as page:
        page.get_by_label("Your answer").fill("$ 5000/month")
        page.get_by_role("button", name="Check").click()
        assert re.search(r"\d,\d{3} times too much\.$", status(page))
    with opened(browser, tmp_path, drill, scripts=SCRIPTS, query="?drill=price.left.a1") as page:
        for typed, answer in [("178%", "more than 100 %"), ("100 %", "Within a factor of two.")]:
            page.get_by_label("Your answer").fill(typed)
            page.get_by_role("button", name="Check").click()
            assert answer in status(page)


def test_the_drill_goes_by_keyboard_alone_and_every_answer_counts_once(
    browser: Browser, tmp_path: Path, stall: str
) -> None:
    with opened(browser, tmp_path, stall, scripts=SCRIPTS, query=ASKED) as page:
        for _ in range(2):
            page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.name") == "answer"
        page.keyboard.type(f"{storage(page):.3g} TB")
        page.keyboard.press("Enter")
        assert status(page).startswith("Spot on.")
        assert page.evaluate("document.activeElement.name") == "next", "the next step has the focus"
        before = given(page)
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.name") == "answer"
        assert (given(page), status(page)) != (before, "")
        assert page.locator("[data-steps]").is_hidden()
        assert "1 spot on" in (page.locator("[data-score]").text_content() or "")


def test_time_running_out_is_said_once_and_the_answer_still_counts(
    browser: Browser, tmp_path: Path, stall: str
) -> None:
    with opened(browser, tmp_path, stall, scripts=(), query=ASKED) as page:
        page.clock.install(time=0)
        page.clock.pause_at(1000)
        page.evaluate(words_script())
        for name in SCRIPTS:
            page.add_script_tag(path=Path(AXE).parents[3] / "assets" / name)
        page.get_by_label("against the clock").check()
        assert page.locator("[data-clock]").text_content() == "1:30"
        page.clock.run_for(31_000)
        assert page.locator("[data-clock]").text_content() == "0:59"
        assert status(page) == ""
        page.clock.run_for(60_000)
        assert status(page).startswith("Time is up.")
        page.get_by_label("Your answer").fill("hm")
        page.get_by_role("button", name="Check").click()
        page.clock.run_for(5_000)
        assert "does not begin" in status(page), "it is said once"
        page.get_by_label("Your answer").fill(f"{storage(page)} TB")
        page.get_by_role("button", name="Check").click()
        assert status(page).startswith("Spot on.")
        assert status(page).endswith("In 96 s.")


@pytest.mark.parametrize(("theme", "width"), [("light", 390), ("dark", 1280)])
def test_the_drill_is_accessible_and_fits(theme: str, width: int, browser: Browser, tmp_path: Path, stall: str) -> None:
    with opened(
        browser, tmp_path, stall, scripts=SCRIPTS, theme=theme, viewport={"width": width, "height": 844}
    ) as page:
        page.get_by_role("button", name="Show the answer").click()
        page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        page.add_script_tag(path=AXE)
        found = page.evaluate("axe.run(document, {preload: false}).then(result => result.violations)")
        assert [(each["id"], each["nodes"][0]["html"]) for each in found] == []


def test_without_a_script_every_question_stands_there_with_its_answer_folded(stall: str) -> None:
    assert "<form" in stall
    assert re.search(r"<form[^>]* hidden>", stall)
    assert "<summary>How many bytes do all links take?</summary>" in stall
    assert "<summary>How much is this: Disks for them?</summary>" in stall, "a model may have no sentence"
    assert f"= {StallCapacity().show('storage')}</li>" in stall
    assert "share of &lt;/script&gt; thrown away" in stall
    assert stall.count("</script>") == 1


def test_in_a_notebook_the_cell_brings_the_same_scripts(
    monkeypatch: pytest.MonkeyPatch, browser: Browser, tmp_path: Path
) -> None:
    monkeypatch.delenv("DESIGNBOOK_STATIC", raising=False)
    face = estimation_drill(StallCapacity)._repr_mimebundle_()
    assert face["text/plain"] == "[estimation drill: 3 questions]"
    with opened(browser, tmp_path, face["text/html"], scripts=(), query=ASKED) as page:
        page.get_by_label("Your answer").fill(f"{storage(page)} TB")
        page.get_by_role("button", name="Check").click()
        assert status(page).startswith("Spot on.")
