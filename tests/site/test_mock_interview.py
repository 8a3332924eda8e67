"""The mock interview in Chromium: clock and prompts, nothing lost, judged by the rubric, kept and given out."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from designbook.page import interview
from designbook.page.rubric import Rubric, load_rubric
from designbook.publish import mock, practice
from tests.site.test_cards import FORBIDDEN
from tests.site.test_panels_standalone import AXE, opened

SCRIPTS = ("keep.js", "mock.js")
KEY = "designbook.rounds"
CHAPTERS = [chapter for chapter in practice.chapters() if chapter.name in ("chat", "url_shortener")]
RUBRIC: Rubric = load_rubric()


@pytest.fixture(scope="module")
def body() -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DESIGNBOOK_STATIC", "1")
        patch.setattr(mock, "chapters", lambda: CHAPTERS)
        return mock.mock_interview() + mock.sheets()


def status(page: Page) -> str:
    return page.locator("[data-practise=mock] > [role=status]").text_content() or ""


def prompts(page: Page) -> list[str]:
    return [" ".join(each.split()) for each in page.locator("[data-prompts] li").all_text_contents()]


def stopped(page: Page) -> None:
    """A clock that moves only when it is told to, from a day that is known."""
    page.clock.install(time="2026-11-23T10:00:00")
    page.clock.pause_at("2026-11-23T10:00:01")
    page.reload()


def begin(page: Page, system: str = "chat", level: str = "senior", minutes: str = "45") -> None:
    page.get_by_label("System").select_option(system)
    page.get_by_label("Level").select_option(level)
    page.get_by_label("Length").select_option(minutes)
    page.get_by_role("button", name="Begin").click()


def grade(page: Page, grades: list[int]) -> None:
    for criterion, value in zip(RUBRIC.criteria, grades, strict=True):
        page.locator(f"[data-grades] input[name={criterion.id}][value='{value}']").check()


def words(html: str) -> str:
    return " ".join(
        re.sub(r"<[^>]+>", "", html).replace("&#x27;", "'").replace("&quot;", '"').replace("&amp;", "&").split()
    )


def test_a_round_goes_through_the_phases_with_their_minutes_and_prompts_in_their_time(
    browser: Browser, tmp_path: Path, body: str
) -> None:
    asked = {each.phase: [] for each in interview.asks("chat", practice.models()["chat"]())}
    for each in interview.asks("chat", practice.models()["chat"]()):
        asked[each.phase].append(each)
    with opened(browser, tmp_path, body, scripts=SCRIPTS) as page:
        stopped(page)
        begin(page)
        for number, phase in enumerate(RUBRIC.phases, 1):
            assert page.locator("[data-phase]").text_content() == f"{number}. {phase.name}"
            assert page.locator("[data-phases] [aria-current]").text_content() == phase.name
            assert f"{phase.minutes}:00 left here" in (page.locator("[data-clock]").text_content() or "")
            first = prompts(page)
            if phase.id == "failure":
                assert first[0] in [words(each.ask) for each in asked["failure"] if each.level], "a failure with a name"
            else:
                assert first == [*(["Today’s system: Chat."] if number == 1 else []), phase.interviewer]
            assert len(first) == (2 if number == 1 else 1), "the rest comes later"
            page.clock.run_for(phase.minutes * 45_000)
            assert prompts(page)[: len(first)] == first
            more = prompts(page)[0 if phase.id == "failure" else len(first) :]
            known = [words(each.ask) for each in asked.get(phase.id, [])]
            assert len(more) == {"design": 1, "deep_dive": 3, "failure": 2}.get(phase.id, 0)
            assert set(more) <= set(known)
            if phase.id == "deep_dive":
                assert words(next(each.ask for each in asked["deep_dive"] if each.level == "senior")) == more[0]
            page.get_by_role("button", name="Next phase" if number < len(RUBRIC.phases) else "End and judge").click()
        assert page.locator("[data-review]").is_visible()


def test_time_running_out_is_announced_once_for_the_phase_and_once_for_the_whole_and_stops_nothing(
    browser: Browser, tmp_path: Path, body: str
) -> None:
    with opened(browser, tmp_path, body, scripts=SCRIPTS) as page:
        stopped(page)
        begin(page, minutes="20")
        share = 20 / 45
        assert "2:40 left here" in (page.locator("[data-clock]").text_content() or ""), "phases keep their proportions"
        page.clock.run_for(int(RUBRIC.phases[0].minutes * share * 60_000) - 3_000)
        assert status(page) == ""
        page.clock.run_for(5_000)
        assert status(page).startswith("The time for “Requirements” is over.")
        page.evaluate("document.querySelector('[data-practise=mock] > [role=status]').textContent = ''")
        page.clock.run_for(60_000)
        assert status(page) == "", "said once"
        assert "over here" in (page.locator("[data-clock]").text_content() or "")
        notice, clock = page.locator("[data-notice]"), page.locator("[data-clock]")
        assert notice.text_content() == "The time for this phase is over."
        page.set_viewport_size({"width": 390, "height": 320})
        page.locator("[data-notes]").evaluate("(each) => window.scrollTo(0, each.getBoundingClientRect().bottom - 200)")
        for each in (notice, clock):
            box = each.bounding_box()
            assert box
            assert 0 <= box["y"] < 100, "in sight while one writes"
        page.clock.run_for(17 * 60_000)
        assert status(page).startswith("The 20 minutes are over.")
        assert notice.text_content() == "The 20 minutes are over."
        page.locator("[data-notes]").fill("still writing")
        page.get_by_role("button", name="Next phase").click()
        assert page.locator("[data-phase]").text_content() == "2. Estimates"


def test_a_reload_in_the_middle_loses_nothing(browser: Browser, tmp_path: Path, body: str) -> None:
    with opened(browser, tmp_path, body, scripts=SCRIPTS) as page:
        stopped(page)
        begin(page, level="staff")
        page.locator("[data-notes]").fill("Who <b>reads</b>?\n10 M users")
        for _ in range(4):
            page.get_by_role("button", name="Next phase").click()
        page.clock.run_for(6 * 60_000)
        page.locator("[data-notes]").press_sequentially("half a wor")
        before = [
            prompts(page),
            page.locator("[data-clock]").text_content(),
            page.locator("[data-title]").text_content(),
        ]
        page.reload()
        assert [
            prompts(page),
            page.locator("[data-clock]").text_content(),
            page.locator("[data-title]").text_content(),
        ] == before
        assert page.locator("[data-notes]").input_value() == "half a wor"
        assert status(page) == "Your round goes on where you left it."
        for _ in range(4):
            page.get_by_role("button", name="Back").click()
        assert page.locator("[data-notes]").input_value() == "Who <b>reads</b>?\n10 M users"
        page.get_by_role("button", name="End and judge").click()
        grade(page, [3, 2, 2, 1, 0, 3])
        page.reload()
        assert page.locator("[data-review]").is_visible()
        assert page.locator("[data-grades] input:checked").count() == 6


def test_a_pause_stops_the_clock_and_time_away_does_not_count(browser: Browser, tmp_path: Path, body: str) -> None:
    with opened(browser, tmp_path, body, scripts=SCRIPTS) as page:
        stopped(page)
        begin(page)
        page.clock.run_for(60_000)
        page.get_by_role("button", name="Pause").click()
        page.clock.run_for(600_000)
        assert "· 1:00 of 45:00" in (page.locator("[data-clock]").text_content() or "")
        page.reload()
        assert status(page) == "Your round is where you left it. The clock stands."
        page.clock.run_for(60_000)
        assert "· 1:00 of 45:00" in (page.locator("[data-clock]").text_content() or ""), "a reload starts no clock"
        page.get_by_role("button", name="Go on").click()
        page.clock.run_for(30_000)
        assert "· 1:30 of 45:00" in (page.locator("[data-clock]").text_content() or "")


@pytest.mark.parametrize("level", ["mid", "staff"])
def test_points_are_those_of_the_rubric_and_stand_beside_the_bar_of_the_level(
    level: str, browser: Browser, tmp_path: Path, body: str
) -> None:
    with opened(browser, tmp_path, body, scripts=SCRIPTS) as page:
        begin(page, level=level)
        page.get_by_role("button", name="End and judge").click()
        assert page.locator("[data-points]").text_content() == "6 of 6 criteria are not judged yet."
        told = page.locator("[data-bar]").text_content() or ""
        assert told.startswith(f"The bar of this level is {RUBRIC.bar(level):.0f} of 100 points.")
        most = RUBRIC.grades[-1][1]
        assert all(f"{name} gives {100 * points / most:.0f} %" in told for name, points in RUBRIC.grades)
        for grades in ([0, 1, 2, 3, 2, 1], [3, 3, 3, 3, 3, 3], [1, 1, 2, 1, 1, 2]):
            grade(page, grades)
            given = {criterion.id: value for criterion, value in zip(RUBRIC.criteria, grades, strict=True)}
            points, bar = RUBRIC.score(given), RUBRIC.bar(level)
            said = page.locator("[data-points]").text_content() or ""
            assert said.startswith(f"{points:.0f} of 100 points. The bar of this level is {bar:.0f}")
            assert ("at or above" in said) == (points >= bar - 0.5)


def test_the_chapter_s_own_answers_stand_beside_the_notes_those_that_were_asked_first(
    browser: Browser, tmp_path: Path, body: str
) -> None:
    with opened(browser, tmp_path, body, scripts=SCRIPTS) as page:
        stopped(page)
        begin(page, level="staff")
        page.locator("[data-notes]").fill("my question")
        for _ in range(5):
            page.get_by_role("button", name="Next phase").click()
        asked = prompts(page)[0]
        page.get_by_role("button", name="Ask me more").click()
        assert len(prompts(page)) == 2
        page.get_by_role("button", name="End and judge").click()
        parts = page.locator(".dbk-compare")
        assert parts.count() == len(RUBRIC.phases)
        assert parts.nth(0).locator("textarea").input_value() == "my question"
        assert parts.nth(0).locator("details").evaluate("each => !each.open"), "nothing shows before it is asked for"
        for each in interview.load("chat").content["clarify"]:
            assert words(interview.inline(each["ask"])) in " ".join((parts.nth(0).text_content() or "").split())
        failure = " ".join((parts.nth(5).locator("details").text_content() or "").split())
        assert failure.index("You were asked:") < failure.index(asked)
        others = [
            words(each.ask) for each in interview.asks("chat", practice.models()["chat"]()) if each.phase == "failure"
        ]
        assert all(failure.index(asked) <= failure.index(each) for each in others)
        model = practice.models()["chat"]()
        for limit in model.limits.values():
            assert model.show(limit.estimate) in (parts.nth(1).text_content() or "")


def test_a_question_to_the_interviewer_is_answered_and_noted_in_the_record(
    browser: Browser, tmp_path: Path, body: str
) -> None:
    pairs = interview.texts("chat", practice.models()["chat"](), "clarify", ("ask", "answer"))
    (first, said), (second, _) = [[words(each) for each in pair] for pair in pairs[:2]]
    with opened(browser, tmp_path, body, scripts=SCRIPTS) as page:
        begin(page)
        facts = page.locator("[data-facts]")
        assert facts.locator("li").first.is_hidden(), "one thinks before one looks"
        facts.locator("summary").click()
        assert facts.get_by_role("button").count() == len(pairs)
        assert said not in (facts.text_content() or ""), "an answer comes after its question"
        facts.get_by_role("button", name=first).focus()
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.textContent") == f"{first} {said}", "read out, and where one was"
        page.get_by_role("button", name="Next phase").click()
        page.reload()
        assert facts.locator("summary").text_content() == "Ask the interviewer (1 asked)"
        facts.locator("summary").click()
        assert facts.locator("li").first.text_content() == f"{first} {said}", "what one was told stays at hand"
        page.get_by_role("button", name="End and judge").click()
        part = page.locator(".dbk-compare").first.text_content() or ""
        assert f"You asked 1 of {len(pairs)} questions. Not asked: {second}" in part
        with page.expect_download() as one:
            page.get_by_role("button", name="Save as Markdown").click()
        assert f"- You asked: {first} {said}\n" in Path(one.value.path()).read_text(encoding="utf-8")


def test_who_asks_nothing_is_told_so_in_the_review_and_in_the_record(
    browser: Browser, tmp_path: Path, body: str
) -> None:
    with opened(browser, tmp_path, body, scripts=SCRIPTS) as page:
        begin(page)
        page.get_by_role("button", name="End and judge").click()
        assert "You asked the interviewer none of 7 questions" in (
            page.locator(".dbk-compare").first.text_content() or ""
        )
        with page.expect_download() as one:
            page.get_by_role("button", name="Save as Markdown").click()
        assert "- You asked the interviewer nothing.\n" in Path(one.value.path()).read_text(encoding="utf-8")
        kept = json.loads(page.evaluate(f"localStorage.getItem('{KEY}')"))
        del kept["current"]["clarified"]
        page.evaluate(f"(text) => localStorage.setItem('{KEY}', text)", json.dumps(kept))
        page.reload()
        assert page.locator("[data-review]").is_visible(), "a round from before one could ask is whole"


def test_a_further_round_brings_other_failures_until_all_were_met(browser: Browser, tmp_path: Path, body: str) -> None:
    known = {words(each.ask) for each in interview.asks("chat", practice.models()["chat"]()) if each.phase == "failure"}
    assert len(known) >= 5
    with opened(browser, tmp_path, body, scripts=SCRIPTS) as page:
        met: list[str] = []
        for _ in range(len(known) // 2):
            begin(page)
            for _ in range(5):
                page.get_by_role("button", name="Next phase").click()
            page.get_by_role("button", name="Ask me more").click()
            met += prompts(page)
            page.get_by_role("button", name="End and judge").click()
            page.get_by_role("button", name="Done").click()
        assert len(set(met)) == len(met) == len(known) // 2 * 2


def test_the_sheets_with_their_answers_fold_when_a_phase_begins(browser: Browser, tmp_path: Path, body: str) -> None:
    with opened(browser, tmp_path, body, scripts=SCRIPTS) as page:
        page.locator(".dbk-sheet summary").first.click()
        assert page.locator(".dbk-sheet[open]").count() == 1
        begin(page)
        assert page.locator(".dbk-sheet[open]").count() == 0


def test_notes_are_quoted_in_the_file_whatever_they_begin_with(browser: Browser, tmp_path: Path, body: str) -> None:
    with opened(browser, tmp_path, body, scripts=SCRIPTS) as page:
        begin(page)
        page.reload()
        assert "goes on" in status(page)
        page.locator("[data-notes]").fill("```\ncode\n\n## Rubric")
        page.get_by_role("button", name="End and judge").click()
        assert status(page) == "", "nothing goes on here"
        grade(page, [2, 2, 2, 2, 2, 2])
        page.evaluate("localStorage.clear()")
        with page.expect_download() as one:
            page.get_by_role("button", name="Save as Markdown").click()
        lines = Path(one.value.path()).read_text(encoding="utf-8").splitlines()
        assert [line for line in lines if line.startswith(">")] == ["> ```", "> code", "> ", "> ## Rubric"]
        assert lines.count("## Rubric") == 1
        assert lines.count("(no notes)") == len(RUBRIC.phases) - 1


def test_rounds_are_kept_exported_as_markdown_and_deleted_after_being_asked_twice(
    browser: Browser, tmp_path: Path, body: str
) -> None:
    with opened(browser, tmp_path, body, scripts=SCRIPTS) as page:
        stopped(page)
        for system in ("chat", "url_shortener"):
            begin(page, system)
            page.locator("[data-notes]").fill(f"notes on {system} # <script>alert(1)</script>")
            page.get_by_role("button", name="End and judge").click()
            grade(page, [2, 2, 2, 2, 2, 2])
            with page.expect_download() as one:
                page.get_by_role("button", name="Save as Markdown").click()
            assert one.value.suggested_filename == f"mock-{system}-2026-11-23.md"
            page.get_by_role("button", name="Done").click()
        page.reload()
        page.get_by_text("Your rounds", exact=True).click()
        rows = page.locator("[data-rounds] li").all_text_contents()
        assert [row.split(":")[1].split(",")[0].strip() for row in rows] == ["URL shortener", "Chat"], (
            "the latest first"
        )
        assert all("67 of 100 points" in row for row in rows)
        with page.expect_download() as every:
            page.get_by_role("button", name="Save all as Markdown").click()
        text = Path(every.value.path()).read_text(encoding="utf-8")
        assert text.count("# Mock interview: ") == 2
        assert "notes on chat # <script>alert(1)</script>" in text
        assert text.count("## Requirements (0:00 of 6:00)") == 2
        assert text.count("| Estimates | Solid |") == 2
        page.get_by_role("button", name=re.compile("Look at .*Chat")).click()
        assert "notes on chat" in page.locator(".dbk-compare textarea").first.input_value()
        page.get_by_role("button", name="Done").click()
        assert page.locator("[data-rounds] li").count() == 2, "looking adds none"
        page.get_by_role("button", name="Delete all").click()
        assert page.locator("[data-rounds] li").count() == 2
        page.get_by_role("button", name="Really delete all").click()
        assert status(page) == "Your rounds are deleted."
        page.reload()
        assert page.locator("[data-past]").is_hidden()


@pytest.mark.parametrize("why", ["its storage is full", "storage is not allowed"])
def test_without_storage_a_round_is_said_to_last_as_long_as_the_page_and_goes_on(
    why: str, browser: Browser, tmp_path: Path, body: str
) -> None:
    start = FORBIDDEN if "allowed" in why else "<script>localStorage.setItem('x', 'y'.repeat(5242879))</script>"
    with opened(browser, tmp_path, start + body, scripts=SCRIPTS) as page:
        if "allowed" in why:
            assert why in status(page)
        begin(page)
        page.locator("[data-notes]").fill("kept on the page")
        page.get_by_role("button", name="End and judge").click()
        grade(page, [1, 1, 1, 1, 1, 1])
        with page.expect_download() as one:
            page.get_by_role("button", name="Save as Markdown").click()
        assert "kept on the page" in Path(one.value.path()).read_text(encoding="utf-8")
        page.get_by_role("button", name="Done").click()
        assert page.locator("[data-rounds] li").count() == 1


def test_what_was_kept_and_cannot_be_read_is_no_harm(browser: Browser, tmp_path: Path, body: str) -> None:
    partial = '{"past": [{"system": "x"}], "current": {"system": "chat"}}'
    with opened(browser, tmp_path, body, scripts=SCRIPTS) as page:
        for left in ("{", "5", '{"past": 5}', partial, '{"past": [], "current": "x"}'):
            page.evaluate(f"(left) => localStorage.setItem('{KEY}', left)", left)
            page.reload()
            assert page.locator("[data-setup]").is_visible(), left
        begin(page)
        assert json.loads(page.evaluate(f"localStorage.getItem('{KEY}')"))["current"]["system"] == "chat"


def test_a_whole_round_goes_by_keyboard_alone(browser: Browser, tmp_path: Path, body: str) -> None:
    def tab_to(name: str) -> None:
        for _ in range(40):
            page.keyboard.press("Tab")
            if page.evaluate("(document.activeElement.textContent || document.activeElement.name)") == name:
                return
        raise AssertionError(f"no way to {name!r} by Tab")

    with opened(browser, tmp_path, body, scripts=SCRIPTS) as page:
        tab_to("Begin")
        page.keyboard.press("Enter")
        for number in range(1, len(RUBRIC.phases) + 1):
            page.keyboard.press("Tab")
            assert page.evaluate("document.activeElement.matches('[data-facts] summary')"), "to ask, and then to write"
            page.keyboard.press("Tab")
            assert page.evaluate("document.activeElement.matches('[data-notes]')")
            page.keyboard.type(f"note {number}")
            page.keyboard.press("Tab")
            page.keyboard.press("Enter")
        kept: dict[str, Any] = json.loads(page.evaluate(f"localStorage.getItem('{KEY}')"))["current"]
        assert kept["notes"] == [f"note {number}" for number in range(1, len(RUBRIC.phases) + 1)]
        for _ in RUBRIC.criteria:
            for _ in range(30):
                page.keyboard.press("Tab")
                if page.evaluate("document.activeElement.type") == "radio":
                    break
            page.keyboard.press("Space")
        assert "of 100 points" in (page.locator("[data-points]").text_content() or "")
        tab_to("Done")
        page.keyboard.press("Enter")
        assert page.locator("[data-rounds] li").count() == 1
        assert page.evaluate("document.activeElement.name") == "system"


@pytest.mark.parametrize(("theme", "width"), [("light", 390), ("dark", 1280)])
def test_every_step_is_accessible_and_fits(theme: str, width: int, browser: Browser, tmp_path: Path, body: str) -> None:
    with opened(
        browser, tmp_path, body, scripts=SCRIPTS, theme=theme, viewport={"width": width, "height": 844}
    ) as page:
        page.add_script_tag(path=AXE)

        def sound() -> None:
            assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
            found = page.evaluate("axe.run('[data-practise]', {preload: false}).then(result => result.violations)")
            assert [(each["id"], each["nodes"][0]["html"]) for each in found] == []

        sound()
        begin(page, "")
        sound()
        page.get_by_role("button", name="End and judge").click()
        page.evaluate("document.querySelectorAll('[data-practise] details').forEach(each => each.open = true)")
        sound()
        page.get_by_role("button", name="Done").click()
        sound()
        page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        found = page.evaluate("axe.run('.dbk-sheet', {preload: false}).then(result => result.violations)")
        assert [(each["id"], each["nodes"][0]["html"]) for each in found] == []
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_a_sheet_has_every_prompt_with_its_strong_answer_and_the_rubric_without_a_script(body: str) -> None:
    text = words(body)
    for chapter in CHAPTERS:
        for each in interview.asks(chapter.name, practice.models()[chapter.name]()):
            assert words(each.ask) in text
            assert all(words(part) in text for part in each.strong)
    for criterion in RUBRIC.criteria:
        assert all(words(interview.inline(level)) in text for level in criterion.levels)


def test_every_system_has_a_design_a_deep_dive_and_a_failure_to_ask_for() -> None:
    for chapter in mock.systems():
        phases = {each.phase for each in interview.asks(chapter.name, practice.models()[chapter.name]()) if each.level}
        assert phases == {"design", "deep_dive", "failure"}, chapter.name


def test_only_open_sheets_are_printed(browser: Browser, tmp_path: Path, body: str) -> None:
    with opened(browser, tmp_path, body, scripts=SCRIPTS) as page:
        page.locator(".dbk-sheet summary").first.click()
        page.emulate_media(media="print")
        assert page.locator(".dbk-sheet:visible").count() == 1
        assert page.get_by_role("button", name="Print this sheet").count() == 0
