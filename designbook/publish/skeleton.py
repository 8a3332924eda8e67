"""Starts a chapter: `make chapter NAME=rate_limiter` writes its notebook, its drill file and its line in _toc.yml.

What it writes passes the tests of structure as far as an empty chapter can; each text says what belongs in its place.
"""

import difflib
import hashlib
import sys
from pathlib import Path

import nbformat
import yaml

from designbook.publish import execute
from designbook.publish.sphinx import PARTS, Topic, topics
from designbook.publish.structure import SECTIONS

HINTS = {
    "Clarify the requirements": "The questions to ask, what each answer would change, and what is out of scope.",
    "Estimate": "The capacity model with its sliders, the derivation, the input that dominates, the range, and one "
    "published figure beside it. Hold each number of the text with `says(...)`.",
    "Interface and data model": "The calls, the records with their sizes, the access patterns that choose the store.",
    "The design": "A diagram, then the path of one write and one read through it.",
    "Build it": "The naive version, the failure that the reader sees measured, then the better one.",
    "Deep dive": "One to three of the problems that make this system this system.",
    "Run it for real": "The same prototype on a real engine, with the prediction beside the measurement.",
    "Break it": "A named fault or load, seeded: what breaks first, what cascades, what the fix costs.",
    "Trade-offs": "| choice | because | instead | changes when |\n|---|---|---|---|\n| | | | |",
    "Interview drill": "Probes by level, quiz, cards, and exercises with folded solutions that run.",
    "Sources": "Generated from the facts that the chapter used.",
    "The problem": "What goes wrong without it, in a number.",
    "The naive version": "The first thing one would write.",
    "The measured failure": "The load or fault under which it fails, seeded, and by how much.",
    "The mechanism": "The idea in a sentence, then the code that mirrors it.",
    "Theory check": "The closed form beside the measurement.",
    "Peer check": "The library that one would use instead, in the same run, with the ratio.",
    "Where it is used": "The chapters and the known systems that rest on it.",
    "Drill": "Quiz, cards, and exercises with folded solutions.",
}


class CannotStart(ValueError):
    """The chapter is unknown or exists already; the message is one line."""


def start(name: str, root: Path) -> list[Path]:
    """Write the skeleton of the chapter with the slug `name` into the book at `root`; returns what was written.

    Raises CannotStart, with nothing written, for a slug that data/topics.csv lacks and for a chapter that exists.
    """
    topic = find(name, topics(root))
    notebook = root / f"{topic.docname}.ipynb"
    drill = root / "data" / "interview" / f"{topic.slug}.yml"
    for path in (notebook, drill):
        if path.exists():
            raise CannotStart(f"{path.relative_to(root).as_posix()} exists already, and is left as it is")
    toc = root / "_toc.yml"
    listed = with_entry(toc.read_text(encoding="utf-8"), topic)
    execute.save(execute.cleaned(skeleton(topic)), notebook)
    drill.parent.mkdir(parents=True, exist_ok=True)
    drill.write_text(DRILL.format(title=topic.title), encoding="utf-8")
    toc.write_text(listed, encoding="utf-8")
    return [notebook, drill, toc]


def find(name: str, known: list[Topic]) -> Topic:
    """The topic with this slug. Raises CannotStart naming near slugs."""
    by_slug = {topic.slug: topic for topic in known}
    if name not in by_slug:
        near = difflib.get_close_matches(name, by_slug, 3, 0.5) or [s for s in by_slug if name and name in s][:3]
        hint = f"did you mean {', '.join(near)}?" if near else "the slugs are in data/topics.csv"
        raise CannotStart(f"there is no topic {name!r}: {hint}")
    return by_slug[name]


def skeleton(topic: Topic) -> nbformat.NotebookNode:
    """The notebook with all headings in place, executed as far as there is something to execute."""
    folder = topic.docname.split("/")[1]
    sections = SECTIONS.get(folder, ("Sources",))
    opening = (
        f"# {topic.title}\n\nTwo or three sentences: what it does, and the one thing that makes it hard "
        f"({topic.problem}).\n\n**After this chapter you can** say in four or five sentences what can be tested.\n\n"
        "*Reading time: MINUTES. Building blocks used: NAMES.*"
    )
    setup = "from designbook.page import figure_style\n\nfigure_style()"
    cells = [_text(opening), _code(setup, hidden=True)]
    for section in sections:
        cells.append(_text(f"## {section}\n\n{HINTS[section]}"))
    notebook: nbformat.NotebookNode = nbformat.v4.new_notebook(cells=cells)
    return notebook


def _text(source: str) -> nbformat.NotebookNode:
    cell: nbformat.NotebookNode = nbformat.v4.new_markdown_cell(source, id=_id(source))
    return cell


def _code(source: str, *, hidden: bool) -> nbformat.NotebookNode:
    metadata = {"tags": ["hide-input"], "jupyter": {"source_hidden": True}} if hidden else {}
    cell: nbformat.NotebookNode = nbformat.v4.new_code_cell(
        source, id=_id(source), metadata=metadata, execution_count=1
    )
    return cell


def _id(source: str) -> str:
    return hashlib.sha256(source.encode()).hexdigest()[:8]


def with_entry(toc: str, topic: Topic) -> str:
    """The text of _toc.yml with the chapter at the end of its part, which is added if need be."""
    content = yaml.safe_load(toc)
    part = next((part for part in content["parts"] if part.get("caption") == PARTS[topic.part]), None)
    if part is None:
        part = {"caption": PARTS[topic.part], "chapters": []}
        content["parts"].append(part)
        order = [*PARTS.values(), "Practise", "The book"]
        content["parts"].sort(key=lambda part: order.index(part["caption"]) if part["caption"] in order else len(order))
    part["chapters"].append({"file": topic.docname})
    text: str = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
    return text


DRILL = """\
# The interview side of the chapter "{title}"; designbook/page/interview.schema.json says what each part holds.
clarify:
  - ask: A question to ask first.
    answer: What the interviewer answers.
    changes: What its answer would change in the design.
probes:
  mid:
    - phase: design
      ask: What the interviewer asks.
      strong: [What a strong answer contains.]
  senior:
    - phase: design
      ask: What the interviewer asks.
      strong: [What a strong answer contains.]
  staff:
    - phase: design
      ask: What the interviewer asks.
      strong: [What a strong answer contains.]
follow_ups:
  - level: mid
    phase: failure
    ask: What comes next.
    strong: [What a strong answer contains.]
mistakes:
  - mistake: What candidates often say.
    instead: What to say instead.
cards:
  - id: question
    level: mid
    front: A question.
    back: Its answer.
    why: Why it matters.
quiz:
  - id: which
    level: mid
    question: Which of these is right?
    options:
      - text: This one
        right: true
        why: The reason.
      - text: That one
        why: Why not.
    why: What to remember.
"""


def main(arguments: list[str]) -> int:
    """Start the chapter that is named; returns the exit code."""
    root = Path.cwd()
    if len(arguments) != 1 or not (root / "_toc.yml").is_file():
        print(
            "chapter: run this from the root of the book with one name: make chapter NAME=rate_limiter", file=sys.stderr
        )
        return 1
    try:
        written = start(arguments[0], root)
    except CannotStart as error:
        print(f"chapter: {error}", file=sys.stderr)
        return 1
    for path in written:
        print(f"-- wrote {path.relative_to(root).as_posix()}")
    print("-- next: CONTRIBUTING.md, 'Add a chapter'")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
