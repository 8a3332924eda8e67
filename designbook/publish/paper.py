"""A page as it stands on paper: no sliders, no folded machinery, and the answers at the end.

The PDF and the ePub take their pages from here. What Chromium must draw (panels, diagrams, drawings) is a picture by
its number on the page; `designbook.publish.offline` takes the pictures.
"""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from bs4 import BeautifulSoup, Tag

NAME = "system-design"
TITLE = "System design, executable"
# What Chromium must draw; in this order on a page, which is how a picture finds its place again.
PICTURED = "[data-panel], .db-diagram, .dbk-drawing"
# Between these the first page lists the downloads.
PLACE = ("<!--downloads-->", "<!--/downloads-->")


def paper(article: str, picture: Callable[[int], str]) -> str:
    """A page's text as it stands on paper, well-formed as XHTML; `picture(n)` is the address of its nth picture.

    Panels and drawings are pictures, folded code is left out, cards and probes stand open, and the answers of the quiz
    and the exercises are moved to the end.
    """
    soup = BeautifulSoup(article, "html.parser")
    for number, drawn in enumerate(soup.select(PICTURED)):
        label = drawn.get("aria-label") or _title(drawn)
        image = soup.new_tag("img", attrs={"src": picture(number), "alt": str(label)})
        figure = soup.new_tag("figure", attrs={"class": "pictured"})
        figure.append(image)
        drawn.replace_with(figure)
    for gone in soup.select(
        "script, style, .headerlink, .copybtn, .run-bar, section:has(> [data-screen]), [data-screen]"
    ):
        gone.decompose()
    for folded in soup.select(".tag_hide-input details.above-input"):
        folded.decompose()
    answers = [*_answers(soup), *_solutions(soup)]
    for widget in soup.select("button, [role=status]"):
        widget.decompose()
    for choice in soup.select("input"):
        blank = choice.get("type") == "text"
        choice.replace_with("_____" if blank else "\N{WHITE SQUARE} ")
    for opened in soup.select("details"):
        opened.name = "div"
        opened.attrs = {"class": "opened"}
        if summary := opened.find("summary", recursive=False):
            summary.name = "p"
            summary["class"] = "asked"
    if answers:
        end = soup.new_tag("section", attrs={"class": "answers"})
        heading = soup.new_tag("h2", string="Answers and solutions")
        end.append(heading)
        for answer in answers:
            end.append(answer)
        soup.append(end)
    return soup.decode(formatter="minimal")


def _title(drawn: Tag) -> str:
    heading = drawn.select_one("header b, figcaption")
    words = " ".join(heading.get_text().split()) if heading else "A figure"
    shown = [
        f"{_words(label.select_one('span'))} {_words(label.select_one('output'))}" for label in drawn.select("label")
    ]
    return words + (f" At {', '.join(shown)}." if shown else "")


def _words(tag: Tag | None) -> str:
    return " ".join(tag.get_text().split()) if tag else ""


def _answers(soup: BeautifulSoup) -> Iterator[Tag]:
    """The quiz's answers, taken out of their questions, each with the number that its question gets."""
    for number, question in enumerate(soup.select("[data-quiz] fieldset"), 1):
        question.name = "div"
        question.attrs = {"class": "question"}
        legend, answer = question.find("legend"), question.find("details")
        if isinstance(legend, Tag):
            legend.name = "p"
            legend.insert(0, f"{number}. ")
        if isinstance(answer, Tag):
            yield _moved(soup, answer, f"Question {number}")


def _solutions(soup: BeautifulSoup) -> Iterator[Tag]:
    """The exercises' solutions, taken out of the text."""
    for number, cell in enumerate(soup.select(".tag_hide-cell > details"), 1):
        where = f"<p><em>Solution {number} stands at the end of the chapter.</em></p>"
        cell.insert_before(BeautifulSoup(where, "html.parser"))
        yield _moved(soup, cell, f"Solution {number}")


def _moved(soup: BeautifulSoup, details: Tag, heading: str) -> Tag:
    answer = details.extract()
    answer.name = "div"
    answer.attrs = {"class": "answer"}
    if summary := answer.find("summary", recursive=False):
        summary.decompose()
    answer.insert(0, soup.new_tag("h3", string=heading))
    return answer


def picture_name(page: str, number: int) -> str:
    """The file of a page's nth picture."""
    return f"{slug(page)}-{number}.png"


def slug(page: str) -> str:
    """A page's name as one word: `chapters/case_studies/chat` becomes `chapters-case-studies-chat`."""
    return page.replace("/", "-").replace("_", "-")


def epub_page(body: str, page: str, pictures: Path, out: Path) -> str:
    """A page of the ePub in its form for paper; its pictures are copied to where the ePub collects files."""
    depth = len(PurePosixPath(page).parents) - 1

    def picture(number: int) -> str:
        name = picture_name(page, number)
        folder = out / "pictures"
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(pictures / name, folder / name)
        return "../" * depth + f"pictures/{name}"

    return paper(body, picture)


EPUB_STYLES = ("pygments.css", "epub.css", "paper.css")
EPUB: dict[str, Any] = {
    "epub_basename": NAME,
    "epub_uid": NAME,
    "epub_identifier": NAME,
    "epub_scheme": "ID",
    "epub_title": TITLE,
    "epub_description": "A casebook of system design in which every number is computed and every prototype runs.",
    "epub_theme": "epub",
    "epub_show_urls": "no",
    "epub_css_files": [("paper.css", {})],
    "epub_tocscope": "includehidden",
    "epub_use_index": False,
    "epub_exclude_files": ["search.xhtml", "_static/THIRD_PARTY.md", "_static/vendor/uplot/LICENSE"],
}
