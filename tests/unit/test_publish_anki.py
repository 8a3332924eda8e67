"""The package for Anki, imported with Anki's own library: counts, tags, texts, and ids that outlive a text."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from anki.collection import Collection, ImportAnkiPackageOptions, ImportAnkiPackageRequest

from designbook.page.interview import Card
from designbook.publish import anki, practice

CARDS = [
    Card("chat/order", "mid", "What <b>orders</b> it?", "<code>seq</code> &lt; 5", "So."),
    Card("chat/ties", "staff", "Ties?", "Time.", "Why not."),
    Card("feed/order", "mid", "Another order?", "Yes.", "Other chapter."),
]


def imported(collection: Collection, path: Path) -> Any:
    """What Anki says of an import of the package."""
    options = ImportAnkiPackageOptions(merge_notetypes=True)
    return collection.import_anki_package(ImportAnkiPackageRequest(package_path=str(path), options=options)).log


def notes(collection: Collection) -> dict[str, Any]:
    """All notes by what identifies them across packages."""
    return {note.guid: note for note in map(collection.get_note, collection.find_notes(""))}


@pytest.fixture
def collection(tmp_path: Path) -> Any:
    opened = Collection(str(tmp_path / "collection.anki2"))
    yield opened
    opened.close()


def test_anki_takes_every_card_of_the_book_with_chapter_and_level(collection: Collection, tmp_path: Path) -> None:
    cards = anki.book_cards()
    assert anki.write(tmp_path / "all.apkg", cards, 1_700_000_000) == len(cards)
    log = imported(collection, tmp_path / "all.apkg")
    assert len(log.new) == len(cards) == collection.card_count() == collection.note_count()
    assert not log.conflicting
    tagged = Counter(tag for note in notes(collection).values() for tag in note.tags)
    expected = Counter(f"chapter::{card.key.split('/')[0]}" for card in cards)
    expected += Counter(f"level::{card.level}" for card in cards)
    assert tagged == expected
    assert {name.split("::")[1] for name in expected if name.startswith("chapter")} == {
        chapter.name for chapter in practice.chapters()
    }
    texts = {tuple(note.fields) for note in notes(collection).values()}
    assert texts == {(card.front, card.back, card.why) for card in cards}


def test_a_changed_text_is_the_same_note_and_progress_on_it_stays(collection: Collection, tmp_path: Path) -> None:
    anki.write(tmp_path / "old.apkg", CARDS, 1_700_000_000)
    imported(collection, tmp_path / "old.apkg")
    before = notes(collection)
    (seen,) = collection.find_cards("tag:level::staff")
    card = collection.get_card(seen)
    card.reps, card.ivl = 7, 30
    collection.update_card(card)
    changed = [CARDS[0], CARDS[1]._replace(back="The earlier one."), CARDS[2]]
    anki.write(tmp_path / "new.apkg", changed, 1_700_000_100)
    log = imported(collection, tmp_path / "new.apkg")
    assert (len(log.new), len(log.conflicting)) == (0, 0)
    after = notes(collection)
    assert after.keys() == before.keys()
    assert {tuple(note.fields) for note in after.values()} == {tuple(card[2:]) for card in changed}
    kept = collection.get_card(seen)
    assert (kept.reps, kept.ivl, kept.note().fields[1]) == (7, 30, "The earlier one.")


def test_cards_of_two_chapters_with_one_id_are_two_notes(collection: Collection, tmp_path: Path) -> None:
    anki.write(tmp_path / "cards.apkg", CARDS, 1_700_000_000)
    imported(collection, tmp_path / "cards.apkg")
    assert collection.note_count() == 3
    shown = collection.get_card(collection.find_cards("tag:chapter::chat tag:level::mid")[0])
    assert "What <b>orders</b> it?" in shown.question()
    assert "<code>seq</code> &lt; 5" in shown.answer()


def test_the_same_cards_at_the_same_time_give_the_same_bytes(tmp_path: Path) -> None:
    first, second, later = (tmp_path / name for name in ("a.apkg", "b.apkg", "c.apkg"))
    for path, timestamp in ((first, 1_700_000_000), (second, 1_700_000_000), (later, 1_700_000_001)):
        anki.write(path, CARDS, timestamp)
    assert first.read_bytes() == second.read_bytes() != later.read_bytes()


def test_the_command_writes_the_package_where_it_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert anki.main([str(tmp_path / "deep" / "cards.apkg")]) == 0
    assert (tmp_path / "deep" / "cards.apkg").stat().st_size > 10_000
    assert f"{len(anki.book_cards())} cards in" in capsys.readouterr().out
