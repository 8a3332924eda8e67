"""The pages to practise on: what is found, in which order, and what a wrong name is told."""

import re

import pytest
import yaml

from designbook.publish import mock, practice
from tests.conftest import ROOT

PAGES = sorted((ROOT / "chapters" / "practise").glob("*.md"))


def test_every_drill_file_is_practised_under_its_title_and_the_rubric_is_none() -> None:
    found = {chapter.name: chapter.title for chapter in practice.chapters()}
    files = {path.stem for path in (ROOT / "data" / "interview").glob("*.yml")}
    assert found.keys() == files - {"rubric"}
    assert found["url_shortener"] == "URL shortener"
    assert {chapter.name for chapter in mock.systems()} >= {"url_shortener", "chat", "leaderboard"}


def test_every_page_is_in_the_table_of_contents_and_every_part_on_a_page() -> None:
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    (part,) = (part for part in toc["parts"] if part.get("caption") == "Practise")
    assert {each["file"] for each in part["chapters"]} == {f"chapters/practise/{path.stem}" for path in PAGES}
    used = [
        name for path in PAGES for name in re.findall(r"^```\{practise\} (\S+)$", path.read_text("utf-8"), re.MULTILINE)
    ]
    assert sorted(used) == sorted(practice.PARTS)


@pytest.mark.parametrize("name", practice.PARTS)
def test_what_needs_a_script_is_hidden_until_it_comes(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESIGNBOOK_STATIC", "1")
    markup = practice.PARTS[name]()
    assert "<style>" not in markup, "the page has its own style sheet"
    for form in re.findall(r'<form class="dbk-box[^>]*>', markup):
        assert form.endswith(" hidden>")
