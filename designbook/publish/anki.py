"""All cards as one package for Anki: `python -m designbook.publish.anki` writes `_build/system-design.apkg`.

A note is known by its card's id, so that who imports a newer package keeps their progress and gets the new text. The
same cards and time give the same bytes.
"""

import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

from designbook.page.interview import Card, deck
from designbook.publish.practice import chapters, model_of

NAME = "system-design.apkg"
_DECK, _MODEL = 1_745_203_118, 1_320_544_907  # Anki knows deck and kind of note by these: they never change
_STYLE = """.card { font: 20px/1.45 system-ui, sans-serif; max-width: 34rem; margin: 1rem auto; text-align: left; }
.why { color: #5b6573; font-size: 0.9em; } .nightMode .why { color: #9aa4b2; }"""


def main(arguments: list[str]) -> int:
    """Write the package, to the path named or to `_build`; returns the exit code."""
    path = Path(arguments[0]) if arguments else Path("_build") / NAME
    count = write(path, book_cards(), changed(Path.cwd()))
    print(f"-- {count} cards in {path}: import it in Anki with File > Import")
    return 0


def book_cards() -> list[Card]:
    """Every card of every chapter, filled with the numbers of the chapter's model."""
    return [card for each in chapters() for card in deck(each.name, model_of(each.name))]


def changed(root: Path) -> int:
    """When the book at `root` last changed, in Unix seconds: its commit, or outside of a repository its newest card."""
    command = ["git", "log", "-1", "--format=%ct"]
    try:
        return int(subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout)
    except (OSError, subprocess.CalledProcessError, ValueError):
        return max((int(path.stat().st_mtime) for path in root.glob("data/interview/*.yml")), default=0)


def write(path: Path, cards: Iterable[Card], timestamp: int) -> int:
    """Write a package whose notes changed at `timestamp`, in Unix seconds; returns how many cards it holds.

    Anki takes a note over where it is newer than its own, so a later package has a later timestamp.
    """
    import genanki  # only the site and `make anki` need it

    kind = genanki.Model(
        _MODEL,
        "System design",
        fields=[{"name": "Front"}, {"name": "Back"}, {"name": "Why"}],
        templates=[
            {
                "name": "Card",
                "qfmt": "{{Front}}",
                "afmt": '{{FrontSide}}<hr id="answer">{{Back}}<p class="why">{{Why}}</p>',
            }
        ],
        css=_STYLE,
    )
    made = genanki.Deck(_DECK, "System design", "Cards of the executable casebook of system design.")
    for card in cards:
        tags = [f"chapter::{card.key.partition('/')[0]}", f"level::{card.level}"]
        fields = [card.front, card.back, card.why]
        made.add_note(genanki.Note(kind, fields, guid=genanki.guid_for("designbook", card.key), tags=tags))
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        loose = Path(folder) / NAME
        genanki.Package(made).write_to_file(loose, timestamp=timestamp)
        # The same again without the time of day that a zip notes for each file.
        with zipfile.ZipFile(loose) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
            for name in source.namelist():
                target.writestr(zipfile.ZipInfo(name), source.read(name), zipfile.ZIP_DEFLATED)
    return len(made.notes)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
