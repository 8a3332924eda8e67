"""Drills: filled with the model's numbers, and wrong files refused by name and line."""

import re
from pathlib import Path

import pytest

from designbook.capacity import CapacityModel, Input, estimate
from designbook.page import interview
from designbook.publish import practice
from designbook.publish.sphinx import topics
from tests.conftest import ROOT

GOOD = """\
clarify:
  - {ask: "How many?", answer: "{links} of them.", changes: "{links}, or {links:bare}, make {reads:bare}."}
probes:
  mid: [{phase: design, ask: "Why?", strong: ["Says {reads}."]}]
  senior: [{phase: deep_dive, ask: "How?", strong: ["Says so."]}]
  staff: [{phase: failure, ask: "When?", strong: ["Says `when`."]}]
follow_ups:
  - {level: mid, phase: failure, ask: "And then?", strong: ["More."]}
mistakes:
  - {mistake: "A <b>guess</b>.", instead: "Compute {reads}."}
cards:
  - {id: reads, level: mid, front: "At {links}?", back: "{reads}", why: "**Links** times reads."}
quiz:
  - id: how-many
    level: mid
    question: How many?
    answer: {estimate: reads, tolerance: 2x}
    why: Multiply.
  - id: which
    level: senior
    question: Which?
    options:
      - {text: 301, right: true}
      - {text: 302, why: Is not kept.}
    why: It is kept.
  - id: which-two
    level: senior
    question: Which two?
    options:
      - {text: a, right: true}
      - {text: b, right: true, why: Indeed.}
      - {text: c, why: Never.}
    why: They are.
  - id: share
    level: staff
    question: What share?
    answer: {value: 20, unit: percent, tolerance: 10%}
    why: A fifth.
"""


class Load(CapacityModel):
    links = Input(100e6, "link/month", low=1e6, high=10e9, scale="log")

    @estimate("request/second")
    def reads(self) -> float:
        """Reads."""
        from designbook.capacity import amount

        return self.links * amount(100, "request/link")


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "shop.yml"
    path.write_text(GOOD, encoding="utf-8")
    monkeypatch.setattr(interview, "dataset", lambda name: tmp_path / f"{name.removeprefix('interview/')}.yml")
    return path


def test_numbers_come_from_the_model_that_is_handed_in(file: Path) -> None:
    assert "<summary>At 100 M links/month?</summary><p>3.8 k req/s</p>" in interview.cards("shop", Load()).markup
    assert "<p>7.61 k req/s</p>" in interview.cards("shop", Load(links=200e6)).markup
    assert "100 M links/month, or 100 M, make 3.8 k" in interview.clarify("shop", Load()).markup
    bounds = re.search(r'data-low="([\d.]+)" data-high="([\d.]+)"', interview.quiz("shop", Load()).markup)
    assert bounds
    assert [float(bound) for bound in bounds.groups()] == pytest.approx([1901.285, 7605.14], rel=1e-4)


def test_what_authors_write_is_text_with_code_and_emphasis_and_no_other_markup(file: Path) -> None:
    assert "A &lt;b&gt;guess&lt;/b&gt;." in interview.mistakes("shop", Load()).markup
    assert "<code>when</code>" in interview.probes("shop", Load()).markup
    assert "<b>Links</b> times" in interview.cards("shop", Load()).markup


def test_every_answer_can_be_read_without_a_script(file: Path) -> None:
    page = interview.quiz("shop", Load()).markup
    assert page.count("<details><summary>Answer</summary>") == 4
    assert page.count('type="radio"') == 2
    assert page.count('type="checkbox"') == 3
    for words in ("Is not kept.", "It is kept.", "Indeed.", "Never.", "A fifth.", "3.8 k req/s", "20 %"):
        assert words in page
    assert len(re.findall(r"<button[^>]* hidden>", page)) == 4


@pytest.mark.parametrize(
    ("old", "new", "line", "why"),
    [
        ("why: Is not kept.", "reason: x", 24, "wrong option needs a `why`|'reason'"),
        ("{text: 301, right: true}", "{text: 301, why: x}", 22, "no option is `right: true`"),
        ("tolerance: 2x", "tolerance: about", 17, "about"),
        ("estimate: reads, ", "", 17, "estimate or value and unit"),
        ("  staff:", "  principal:", 3, "principal|staff"),
        ("mid, front", "mid, fron", 12, "front|fron"),
        ("id: reads, ", "", 12, "'id' is a required property"),
        ("id: reads, ", "id: Peak reads, ", 12, "does not match"),
        ("level: senior", "level: principal", 20, "principal"),
        ("id: which-two", "id: which", 26, "a second 'which'"),
        ("clarify:", "clarify: [", 2, "expected"),
        ('answer: "{links} of them.", ', "", 2, "'answer' is a required property"),
        ("{level: mid, phase: failure", "{phase: failure", 8, "'level' is a required property"),
    ],
)
def test_a_mistake_in_the_file_is_named_with_its_line(file: Path, old: str, new: str, line: int, why: str) -> None:
    assert old in GOOD
    file.write_text(GOOD.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(interview.InterviewError, match=rf"shop\.yml:{line}: .*({why})"):
        interview.load("shop")


def test_a_card_keeps_its_key_when_its_text_changes(file: Path) -> None:
    (before,) = interview.deck("shop", Load())
    file.write_text(GOOD.replace("At {links}?", "How many at {links}?"), encoding="utf-8")
    (after,) = interview.deck("shop", Load())
    assert before.key == after.key == "shop/reads"
    assert (before.front, after.front) == ("At 100 M links/month?", "How many at 100 M links/month?")
    assert (
        f'<details data-card="shop/reads" data-level="mid"><summary>{after.front}'
        in interview.cards("shop", Load()).markup
    )


def test_a_number_that_the_model_does_not_have_is_named_with_its_line(file: Path) -> None:
    file.write_text(GOOD.replace("Compute {reads}", "Compute {writes}"), encoding="utf-8")
    with pytest.raises(interview.InterviewError, match=r"shop\.yml:10: Load has no 'writes'; it has links, reads"):
        interview.mistakes("shop", Load())
    with pytest.raises(interview.InterviewError, match="needs the chapter's model"):
        interview.cards("shop")


def test_a_chapter_of_the_method_may_leave_out_what_only_a_case_study_needs(file: Path) -> None:
    file.write_text(GOOD[GOOD.index("mistakes:") :], encoding="utf-8")
    assert set(interview.load("shop").content) == {"mistakes", "cards", "quiz"}
    interview.cards("shop", Load())
    for part in (interview.clarify, interview.probes):
        with pytest.raises(interview.InterviewError, match=r"shop\.yml:1: it has no (clarify|probes)"):
            part("shop", Load())


def test_a_case_study_leaves_out_nothing(file: Path) -> None:
    file.write_text(GOOD[GOOD.index("probes:") :], encoding="utf-8")
    with pytest.raises(interview.InterviewError, match=r"shop\.yml:1: .*'clarify' is a dependency of 'probes'"):
        interview.load("shop")


FILES = sorted(path for path in (ROOT / "data" / "interview").glob("*.yml") if path.stem != "rubric")
CASE_STUDIES = {topic.slug for topic in topics(ROOT) if topic.part == "case-studies"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_drills_of_the_book_are_valid(path: Path) -> None:
    parts = interview.load(path).content
    if path.stem in CASE_STUDIES:
        assert set(parts) == {"clarify", "probes", "follow_ups", "mistakes", "cards", "quiz"}


@pytest.mark.parametrize("name", sorted({path.stem for path in FILES} & CASE_STUDIES))
def test_a_case_study_has_follow_ups_for_each_level_and_failures_to_handle(name: str) -> None:
    asked = interview.load(name).content["follow_ups"]
    assert len(asked) >= 6
    for level in interview.LEVELS:
        own = [each["phase"] for each in asked if each["level"] == level]
        assert len(own) >= 2, f"{level} repeats after one"
        assert "failure" in own, f"{level} has no failure to handle"
    texts = [" ".join(each["ask"].split()) for each in asked]
    texts += [each["ask"] for probes in interview.load(name).content["probes"].values() for each in probes]
    assert len(set(texts)) == len(texts)
    assert all(len(each["strong"]) >= 3 for each in asked)


@pytest.mark.parametrize("name", sorted({path.stem for path in FILES} & CASE_STUDIES))
def test_what_the_interviewer_answers_has_its_numbers_from_the_model(name: str) -> None:
    for each in interview.load(name).content["clarify"]:
        typed = re.sub(r"\{\w+(:bare)?\}", "", each["answer"])
        assert not re.search(r"\d", typed), f"{name}: a typed number in {each['answer']!r}"
    answers = [answer for (answer,) in interview.texts(name, practice.models()[name](), "clarify", ("answer",))]
    assert not any("{" in answer for answer in answers)
    assert sum(bool(re.search(r"\d", answer)) for answer in answers) >= 2, "an interviewer knows numbers"
