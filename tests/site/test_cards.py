"""Cards in boxes and the choice of topic and level, in Chromium: what is kept, lost, given out and taken in."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from designbook.page import interview
from designbook.publish import practice
from tests.site.test_panels_standalone import AXE, opened

SCRIPTS = ("answer.js", "keep.js", "quiz.js", "cards.js")
KEY = "designbook.cards"
CHAPTERS = [chapter for chapter in practice.chapters() if chapter.name in ("chat", "leaderboard")]
TAKEN = "/taken|Nothing/.test(document.querySelector('[data-practise] [role=status]').textContent)"
FORBIDDEN = """<script>Object.defineProperty(window, "localStorage", {
    get() { throw new DOMException("The operation is insecure.", "SecurityError"); }})</script>"""


@pytest.fixture(scope="module")
def body() -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DESIGNBOOK_STATIC", "1")
        patch.setattr(practice, "chapters", lambda: CHAPTERS)
        return practice.boxes() + practice.every_quiz() + practice.every_card()


def everything() -> list[tuple[str, str]]:
    """Topic and level of each card on the page, from the files."""
    found = []
    for chapter in CHAPTERS:
        found += [(chapter.name, card["level"]) for card in interview.load(chapter.name).content["cards"]]
    return found


def up_to(level: str) -> list[str]:
    """The levels up to this one; all of them for ""."""
    levels = list(interview.LEVELS)
    return levels[: levels.index(level) + 1] if level else levels


def status(page: Page) -> str:
    return (page.locator("[data-practise=cards] [role=status]").text_content() or "").strip()


def boxes(page: Page) -> list[int]:
    """To do, of all, new, and in each of the five boxes."""
    return [
        int(each) for each in re.findall(r"(\d+)(?: of|\ to|[;,.])", page.locator("[data-boxes]").text_content() or "")
    ]


def kept(page: Page) -> dict[str, Any] | None:
    text = page.evaluate(f"localStorage.getItem('{KEY}')")
    return None if text is None else json.loads(text)["cards"]


def put(page: Page, cards: dict[str, Any]) -> None:
    text = json.dumps({"format": "designbook-cards", "version": 1, "cards": cards})
    page.evaluate(f"(text) => localStorage.setItem('{KEY}', text)", text)


def answer(page: Page, button: str, times: int = 1) -> None:
    for _ in range(min(times, 2)):
        page.get_by_role("button", name="Show the answer").click()
        page.get_by_role("button", name=button).click()
    if times > 2:
        named = "([...document.querySelectorAll('form button')].find((each) => each.textContent === %r)).click();"
        page.evaluate(f"for (let i = 2; i < {times}; i++) {{ {named % 'Show the answer'} {named % button} }}")


def test_every_card_comes_once_before_it_moves_up_and_its_box_says_when_it_comes_again(
    browser: Browser, tmp_path: Path, body: str
) -> None:
    count = len(everything())
    with opened(browser, tmp_path, body, scripts=SCRIPTS) as page:
        page.clock.set_fixed_time("2026-11-23T12:00:00")
        page.reload()
        assert boxes(page) == [count, count, count, 0, 0, 0, 0, 0]
        answer(page, "I knew it", count)
        assert set(map(tuple, (kept(page) or {}).values())) == {(2, "2026-11-24")}
        assert len(kept(page) or {}) == count, "each card once"
        assert boxes(page)[:2] == [0, count]
        assert "Nothing is due" in (page.locator("[data-front]").text_content() or "")
        for today, box in (("2026-11-24", 3), ("2026-11-27", 4), ("2026-12-04", 5), ("2026-12-25", 5)):
            page.clock.set_fixed_time(f"{today}T23:30:00")
            page.reload()
            assert boxes(page)[0] == count
            answer(page, "I knew it")
            assert f"Box {box}: it comes again in " in status(page)
            moved = [value for value in (kept(page) or {}).values() if value[1] > today]
            assert [value[0] for value in moved] == [box]
            put(page, {key: [box, today] for key in kept(page) or {}})
        page.reload()
        answer(page, "Not yet")
        assert status(page) == "Box 1: it comes again today."
        assert boxes(page)[3] == 1


def test_a_card_that_was_not_known_comes_again_on_the_same_day_but_not_at_once(
    browser: Browser, tmp_path: Path, body: str
) -> None:
    with opened(browser, tmp_path, body, scripts=SCRIPTS) as page:
        page.get_by_label("Topic").select_option("chat")
        page.get_by_label("Level").select_option("staff")
        wanted = sum(topic == "chat" for topic, _ in everything())
        assert boxes(page)[1] == wanted
        before = ""
        page.get_by_label("Level").select_option("mid")
        for _ in range(8):
            front = page.locator("[data-front]").text_content() or ""
            assert front != before
            before = front
            answer(page, "Not yet")
        assert boxes(page)[0] == boxes(page)[1]


def test_practising_ahead_moves_no_card_up_and_comes_to_an_end(browser: Browser, tmp_path: Path, body: str) -> None:
    with opened(browser, tmp_path, body, scripts=SCRIPTS) as page:
        page.get_by_label("Topic").select_option("chat")
        page.get_by_label("Level").select_option("mid")
        count = boxes(page)[1]
        answer(page, "I knew it", count)
        before = kept(page)
        page.get_by_role("button", name="Go on all the same").click()
        assert boxes(page)[0] == count
        answer(page, "I knew it")
        assert status(page) == "It stays in box 2 until its day."
        assert boxes(page)[0] == count - 1
        answer(page, "I knew it", count - 1)
        assert kept(page) == before
        assert boxes(page)[0] == 0
        page.get_by_role("button", name="Go on all the same").click()
        answer(page, "Not yet")
        assert boxes(page)[3] == 1, "one that was not known goes back all the same"


def test_topic_and_level_choose_cards_and_questions_alike(browser: Browser, tmp_path: Path, body: str) -> None:
    with opened(browser, tmp_path, body, scripts=SCRIPTS) as page:
        cards = Counter(everything())
        for topic, level in [("chat", ""), ("", "mid"), ("leaderboard", "senior"), ("", "")]:
            page.get_by_label("Topic").select_option(topic)
            page.get_by_label("Level").select_option(level)
            wanted = sum(n for (part, grade), n in cards.items() if topic in ("", part) and grade in up_to(level))
            assert page.locator("details[data-card]:visible").count() == boxes(page)[1] == wanted
            questions = [
                item
                for chapter in CHAPTERS
                for item in interview.load(chapter.name).content["quiz"]
                if topic in ("", chapter.name) and item["level"] in up_to(level)
            ]
            assert page.locator("[data-quiz] fieldset:visible").count() == len(questions)


def test_progress_survives_a_reload_and_is_deleted_after_being_asked_twice(
    browser: Browser, tmp_path: Path, body: str
) -> None:
    with opened(browser, tmp_path, body, scripts=SCRIPTS) as page:
        answer(page, "I knew it", 3)
        page.reload()
        assert boxes(page)[4] == 3
        page.get_by_text("Your progress as a file").click()
        page.get_by_role("button", name="Delete it").click()
        assert len(kept(page) or {}) == 3, "asked, not deleted"
        page.get_by_role("button", name="Really delete it").click()
        assert kept(page) is None
        assert boxes(page)[4] == 0
        assert status(page) == "Your progress is deleted."


def test_progress_goes_out_as_a_file_and_comes_back(browser: Browser, tmp_path: Path, body: str) -> None:
    with opened(browser, tmp_path, body, scripts=SCRIPTS) as page:
        answer(page, "I knew it", 2)
        before = kept(page)
        page.get_by_text("Your progress as a file").click()
        with page.expect_download() as download:
            page.get_by_role("button", name="Save it").click()
        path = tmp_path / "cards.json"
        download.value.save_as(path)
        assert download.value.suggested_filename == "cards.json"
        page.evaluate("localStorage.clear()")
        page.reload()
        page.locator("input[type=file]").set_input_files(path)
        page.wait_for_function(TAKEN)
        assert status(page) == "Progress on 2 cards was taken from the file."
        assert kept(page) == before


GOOD = {"format": "designbook-cards", "version": 1, "cards": {"chat/fan-out": [3, "2026-11-20"]}}


BAD = [
    ("{", "it is not JSON"),
    ("", "it is not JSON"),
    ("[]", "its “format” is not"),
    ("null", "its “format” is not"),
    (json.dumps({**GOOD, "format": "<img src=x onerror=alert(1)>"}), "its “format” is not"),
    (json.dumps({**GOOD, "version": 2}), "its “version” is not 1"),
    (json.dumps({**GOOD, "cards": [1]}), "its “cards” are no object"),
    (
        json.dumps({**GOOD, "cards": {"chat/fan-out": [3, "2026-11-20"], "x": [6, "2026-11-20"]}}),
        "card 2 has no box from 1 to 5",
    ),
    (json.dumps({**GOOD, "cards": {"chat/fan-out": "3"}}), "card 1 has no box"),
    (json.dumps({**GOOD, "cards": {"chat/fan-out": [1.5, "2026-11-20"]}}), "card 1 has no box"),
    (json.dumps({**GOOD, "cards": {"chat/fan-out": [3, "soon"]}}), "card 1 has no day"),
    (json.dumps({**GOOD, "cards": {"chat/fan-out": [3, "2026-19-39"]}}), "card 1 has no day"),
    (" " * 1_000_001, "it is larger than 1 MB"),
    ('{"__proto__": ' * 20 + "1" + "}" * 20, "its “format” is not"),
]


def test_a_bad_file_is_refused_by_name_and_changes_nothing(browser: Browser, tmp_path: Path, body: str) -> None:
    with opened(browser, tmp_path, body, scripts=SCRIPTS) as page:
        answer(page, "I knew it")
        before = kept(page)
        path = tmp_path / "bad.json"
        for content, why in BAD:
            page.evaluate("document.querySelector('[data-practise] [role=status]').textContent = ''")
            path.write_text(content, encoding="utf-8")
            page.locator("input[type=file]").set_input_files(path)
            page.wait_for_function(TAKEN)
            assert status(page).startswith(f"That file was not taken: {why}"), content[:80]
            assert status(page).endswith("Nothing has changed.")
            assert kept(page) == before


def test_a_file_is_bounded_what_is_not_in_the_book_is_left_out_and_what_is_not_in_the_file_stays(
    browser: Browser, tmp_path: Path, body: str
) -> None:
    with opened(browser, tmp_path, body, scripts=SCRIPTS) as page:
        page.clock.set_fixed_time("2026-11-23T12:00:00")
        page.reload()
        mine = {"chat/order": [2, "2026-11-24"], "chat/fan-out": [2, "2026-11-24"]}
        put(page, mine)
        path = tmp_path / "cards.json"
        cards = {
            "chat/fan-out": [3, "2099-01-01"],
            "<script>alert(1)</script>": [1, "2026-01-01"],
            "__proto__x": [1, "2026-01-01"],
        }
        path.write_text(json.dumps({**GOOD, "cards": cards}), encoding="utf-8")
        page.locator("input[type=file]").set_input_files(path)
        page.wait_for_function(TAKEN)
        assert status(page) == "Progress on 1 card was taken from the file; 2 of it are not in this book."
        assert kept(page) == {"chat/order": [2, "2026-11-24"], "chat/fan-out": [3, "2026-11-26"]}


@pytest.mark.parametrize("why", ["its storage is full", "storage is not allowed"])
def test_without_storage_the_page_says_so_in_a_line_and_goes_on(
    why: str, browser: Browser, tmp_path: Path, body: str
) -> None:
    start = FORBIDDEN if "allowed" in why else "<script>localStorage.setItem('x', 'y'.repeat(5242879))</script>"
    with opened(browser, tmp_path, start + body, scripts=SCRIPTS) as page:
        answer(page, "I knew it", 2)
        assert boxes(page)[4] == 2, "kept as long as the page"
        page.get_by_text("Your progress as a file").click()
        with page.expect_download() as download:
            page.get_by_role("button", name="Save it").click()
        assert len(json.loads(Path(download.value.path()).read_text())["cards"]) == 2
    with opened(browser, tmp_path, start + body, scripts=SCRIPTS) as page:
        said: list[str] = []
        page.expose_function("heard", lambda words: said.append(words))
        page.evaluate(
            "new MutationObserver(() => heard(document.querySelector('[data-practise] [role=status]').textContent))"
            ".observe(document.querySelector('[data-practise] [role=status]'), {childList: true})"
        )
        first = status(page)
        answer(page, "I knew it", 2)
        lines = [first, *said]
        assert sum(why in line for line in lines) == 1, lines


def test_what_was_kept_and_cannot_be_read_is_no_harm(browser: Browser, tmp_path: Path, body: str) -> None:
    with opened(browser, tmp_path, body, scripts=SCRIPTS) as page:
        for left in ("{", '"text"', '{"format": "designbook-cards", "version": 1, "cards": {"chat/order": 5}}', "[]"):
            page.evaluate(f"(left) => localStorage.setItem('{KEY}', left)", left)
            page.reload()
            assert boxes(page)[2] == boxes(page)[1] == len(everything())


def test_cards_go_by_keyboard_alone(browser: Browser, tmp_path: Path, body: str) -> None:
    with opened(browser, tmp_path, body, scripts=SCRIPTS) as page:
        for _ in range(3):
            page.keyboard.press("Tab")
        for expected, key in [
            ("show", "Enter"),
            ("knew", "Enter"),
            ("show", " "),
            ("knew", "Tab"),
            ("missed", "Enter"),
            ("show", "Tab"),
        ]:
            assert page.evaluate("document.activeElement.name") == expected
            page.keyboard.press(key)
        assert sorted(value[0] for value in (kept(page) or {}).values()) == [1, 2]


@pytest.mark.parametrize(("theme", "width"), [("light", 390), ("dark", 1280)])
def test_the_cards_are_accessible_and_fit(theme: str, width: int, browser: Browser, tmp_path: Path, body: str) -> None:
    with opened(
        browser, tmp_path, body, scripts=SCRIPTS, theme=theme, viewport={"width": width, "height": 844}
    ) as page:
        page.get_by_role("button", name="Show the answer").click()
        page.evaluate("document.querySelectorAll('[data-practise] details').forEach(each => each.open = true)")
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        page.add_script_tag(path=AXE)
        found = page.evaluate(
            "axe.run({preload: false, rules: {'heading-order': {enabled: false}}}).then(result => result.violations)"
        )
        assert [(each["id"], each["nodes"][0]["html"]) for each in found] == []


def test_no_answer_shows_before_it_is_asked_for_and_all_read_without_a_script(
    body: str, browser: Browser, tmp_path: Path
) -> None:
    assert re.search(r"<form[^>]* hidden>", body)
    with opened(browser, tmp_path, body, scripts=SCRIPTS) as page:
        assert page.locator("[data-back]").is_hidden()
        backs = page.locator("details[data-card] > p")
        assert backs.count() == 2 * len(everything())
        assert not any(each.is_visible() for each in backs.all()[:6])
