"""What a quiz keeps in the browser: answers and their verdicts over a reload, forgotten, given out and taken in."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page

from designbook.page import interview
from designbook.publish import practice
from tests.site.test_cards import FORBIDDEN
from tests.site.test_panels_standalone import opened

SCRIPTS = ("answer.js", "keep.js", "quiz.js")
KEY = "designbook.quiz"
QUIZ = interview.load("chat").content["quiz"]
NUMBER, ONE = "chat/heartbeats", "chat/when-safe"


@pytest.fixture(scope="module")
def body() -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DESIGNBOOK_STATIC", "1")
        return interview.quiz("chat", practice.models()["chat"]()).markup


@pytest.fixture
def page(browser: Browser, tmp_path: Path, body: str) -> Iterator[Page]:
    with opened(browser, tmp_path, body, scripts=SCRIPTS) as page:
        yield page


def field(page: Page, key: str) -> Locator:
    return page.locator(f"fieldset[data-question='{key}']")


def verdict(page: Page, key: str) -> str:
    return field(page, key).locator("> p [role=status]").text_content() or ""


def kept(page: Page) -> dict[str, Any] | None:
    text = page.evaluate(f"localStorage.getItem('{KEY}')")
    return None if text is None else json.loads(text)["answers"]


def put(page: Page, left: str) -> None:
    page.evaluate(f"(left) => localStorage.setItem('{KEY}', left)", left)


def answer(page: Page) -> None:
    """A number, wrong, and a choice, right."""
    field(page, NUMBER).locator("input").fill("53 /s")
    field(page, NUMBER).get_by_role("button", name="Check").click()
    field(page, ONE).locator("input").first.check()
    field(page, ONE).get_by_role("button", name="Check").click()


def test_answers_and_verdicts_are_there_after_a_reload_with_the_solution_folded(page: Page) -> None:
    answer(page)
    before = [verdict(page, key) for key in (NUMBER, ONE)]
    assert before == ["Not yet. That is too little.", "Right. All of it."]
    page.reload()
    assert [verdict(page, key) for key in (NUMBER, ONE)] == before
    assert field(page, NUMBER).locator("input").input_value() == "53 /s"
    assert field(page, ONE).locator("input").first.is_checked()
    assert field(page, ONE).locator("details").evaluate("each => !each.open")
    assert verdict(page, "chat/gap") == "", "what was not answered is untouched"


def test_what_is_no_answer_is_not_kept(page: Page) -> None:
    field(page, NUMBER).locator("input").fill("many")
    field(page, NUMBER).get_by_role("button", name="Check").click()
    field(page, ONE).get_by_role("button", name="Check").click()
    assert kept(page) is None
    assert page.get_by_role("button", name="Forget my answers").is_hidden()


def test_answers_are_forgotten_after_being_asked_twice_those_of_other_pages_stay(page: Page) -> None:
    put(page, json.dumps({"format": "designbook-quiz", "version": 1, "answers": {"x/y": "z"}}))
    page.reload()
    answer(page)
    page.get_by_role("button", name="Forget my answers").click()
    assert len(kept(page) or {}) == 3, "asked, not deleted"
    page.get_by_role("button", name="Really forget them").click()
    assert kept(page) == {"x/y": "z"}
    assert [verdict(page, key) for key in (NUMBER, ONE)] == ["", ""]
    assert page.locator("fieldset input:checked").count() == 0
    assert page.get_by_text("Your answers are forgotten.").is_visible()


@pytest.mark.parametrize(
    "left",
    [
        "{",
        "[]",
        '{"format": "designbook-quiz", "version": 1, "answers": 5}',
        '{"format": "designbook-quiz", "version": 1, "answers": {"chat/heartbeats": {}, "chat/when-safe": [-1, "a"]}}',
        '{"format": "designbook-quiz", "version": 1, "answers": {"chat/heartbeats": [1], "chat/when-safe": "1"}}',
        '{"format": "designbook-quiz", "version": 1, "answers": {"chat/when-safe": [77]}}',
        '{"format": "other", "version": 1, "answers": {"chat/heartbeats": "5 /s"}}',
    ],
)
def test_what_was_kept_and_cannot_be_read_is_no_harm(left: str, page: Page) -> None:
    put(page, left)
    page.reload()
    assert [verdict(page, item) for item in (NUMBER, ONE)] == ["", ""]
    answer(page)
    assert verdict(page, ONE) == "Right. All of it."


@pytest.mark.parametrize("why", ["its storage is full", "storage is not allowed"])
def test_without_storage_the_quiz_says_so_in_a_line_and_goes_on(
    why: str, browser: Browser, tmp_path: Path, body: str
) -> None:
    start = FORBIDDEN if "allowed" in why else "<script>localStorage.setItem('x', 'y'.repeat(5242879))</script>"
    with opened(browser, tmp_path, start + body, scripts=SCRIPTS) as page:
        answer(page)
        assert verdict(page, ONE) == "Right. All of it."
        assert page.locator("[role=status]", has_text=why).count() == 1


def test_answers_go_out_and_come_back_with_the_cards_and_are_deleted_with_them(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DESIGNBOOK_STATIC", "1")
    monkeypatch.setattr(practice, "chapters", lambda: [practice.Chapter("chat", "Chat")])
    whole = practice.boxes() + practice.every_quiz() + practice.every_card()
    with opened(browser, tmp_path, whole, scripts=(*SCRIPTS, "cards.js")) as page:
        answer(page)
        page.get_by_text("Your progress as a file").click()
        with page.expect_download() as download:
            page.get_by_role("button", name="Save it").click()
        path = tmp_path / "cards.json"
        download.value.save_as(path)
        assert json.loads(path.read_text())["answers"] == {NUMBER: "53 /s", ONE: [0]}
        page.get_by_role("button", name="Delete it").click()
        page.get_by_role("button", name="Really delete it").click()
        assert kept(page) is None
        assert verdict(page, ONE) == ""
        page.locator("input[type=file]").set_input_files(path)
        said = page.locator("[data-practise=cards] [role=status]")
        page.wait_for_function("/taken/.test(document.querySelector('[data-practise] [role=status]').textContent)")
        assert said.text_content() == "Progress on 0 cards and 2 quiz answers was taken from the file."
        assert verdict(page, ONE) == "Right. All of it."
        hostile = {"chat/heartbeats": "<img src=x onerror=alert(1)>", "__proto__": [1], "chat/when-safe": "x" * 81}
        path.write_text(json.dumps({"format": "designbook-cards", "version": 1, "cards": {}, "answers": hostile}))
        page.locator("input[type=file]").set_input_files(path)
        page.wait_for_function("/1 quiz/.test(document.querySelector('[data-practise] [role=status]').textContent)")
        assert verdict(page, ONE) == "Right. All of it.", "what is no answer is left out"
        assert page.locator("img").count() == 0
