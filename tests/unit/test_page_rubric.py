"""The rubric of an interview: its sums, its scores, and wrong files refused by name and line."""

from pathlib import Path

import pytest

from designbook.data import dataset
from designbook.page import rubric
from designbook.page.interview import InterviewError
from designbook.publish.structure import CASE_STUDY

BOOK = rubric.load_rubric()
TEXT = dataset("interview/rubric").read_text(encoding="utf-8")


def test_the_phases_fill_the_interview_without_a_gap() -> None:
    ends = [0]
    for phase in BOOK.phases:
        assert phase.begins == ends[-1]
        ends.append(phase.begins + phase.minutes)
    assert ends[-1] == 45


def test_every_phase_points_to_sections_that_a_case_study_has() -> None:
    for phase in BOOK.phases:
        assert set(phase.sections) <= set(CASE_STUDY), phase.id


def test_the_worst_candidate_has_no_points_and_the_best_a_hundred() -> None:
    names = [each.id for each in BOOK.criteria]
    assert BOOK.score(dict.fromkeys(names, 0)) == 0
    assert BOOK.score(dict.fromkeys(names, 3)) == pytest.approx(100)
    for each in BOOK.criteria:
        assert BOOK.score(dict.fromkeys(names, 0) | {each.id: 3}) == pytest.approx(each.weight)


def test_a_higher_level_expects_no_less_in_any_criterion() -> None:
    mid, senior, staff = (BOOK.expected[level].bar for level in ("mid", "senior", "staff"))
    for each in BOOK.criteria:
        assert mid[each.id] <= senior[each.id] <= staff[each.id]
    assert BOOK.bar("mid") < BOOK.bar("senior") < BOOK.bar("staff")


def test_grades_that_are_missing_unknown_or_out_of_range_are_refused() -> None:
    grades = dict.fromkeys((each.id for each in BOOK.criteria), 1)
    with pytest.raises(ValueError, match="communication"):
        BOOK.score({name: grade for name, grade in grades.items() if name != "communication"})
    with pytest.raises(ValueError, match="spelling"):
        BOOK.score(grades | {"spelling": 1})
    with pytest.raises(ValueError, match=r"design: .* from 0 to 3, not 4"):
        BOOK.score(grades | {"design": 4})
    with pytest.raises(LookupError, match=r"principal.*mid, senior, staff"):
        BOOK.bar("principal")


@pytest.mark.parametrize(
    ("old", "new", "at", "why"),
    [
        ("minutes: 12", "minutes: 11", "phases:", "minutes add up to 44, not to 45"),
        ("weight: 25", "weight: 30", "criteria:\n", "weight add up to 105, not to 100"),
        ("minutes: 12", "minutes: twelve", "minutes: 12", "twelve"),
        ("criteria: [deep_dive]", "criteria: [depth]", "criteria: [deep_dive]", "no criterion 'depth'"),
        ("- id: close", "- id: design", "- id: close", "a second 'design'"),
        ("points: 2", "points: 0", "grades:", "points begin at 0 and rise"),
        ("{requirements: 2, ", "{", "bar: {requirements: 2", "wants a grade for each criterion and no other: requ"),
        ("      - No numbers, or numbers that nobody could derive.\n", "", "levels:", "3 of them, and 4 is the least"),
        ("asks: Did a number", "says: Did a number", "- id: estimates\n    name: Estimates\n    weight", "says|asks"),
    ],
)
def test_a_mistake_in_the_file_is_named_with_its_line(old: str, new: str, at: str, why: str, tmp_path: Path) -> None:
    assert old in TEXT
    path = tmp_path / "rubric.yml"
    path.write_text(TEXT.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(InterviewError, match=why) as caught:
        rubric.load_rubric(path)
    begins = TEXT.index("estimates\n    name: Estimates\n    weight") if at == "levels:" else 0
    line = TEXT.count("\n", 0, TEXT.index(at, begins)) + 1
    assert f"rubric.yml:{line}: " in str(caught.value)


def test_every_description_of_the_file_is_shown() -> None:
    shown = rubric.rubric_table(BOOK).markup
    assert all(
        level.replace('"', "&quot;") in shown or level in shown for each in BOOK.criteria for level in each.levels
    )
    board = rubric.phases_table(BOOK).markup
    assert all(line in board for phase in BOOK.phases for line in (*phase.writes, phase.late))
    assert "39–45" not in board
    assert "43–45 min" in board
    expected = rubric.levels_table(BOOK).markup
    assert all(line in expected for each in BOOK.expected.values() for line in each.shows)
