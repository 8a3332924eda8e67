"""The book to take along: a PDF, an ePub, and the site as one zip that opens without a server.

`python -m designbook.publish.offline pdf epub zip` makes what is named from the built site, puts it into
`_build/html/downloads`, and lists it with its size on the first page. Paper has no sliders: panels become pictures at
their defaults, folded machinery goes, and the answers of a chapter's quiz and exercises stand at its end. The PDF is
printed by Chromium from all pages laid into one; the ePub is Sphinx's, whose pages take the same form.
"""

import html
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from io import BytesIO
from pathlib import Path
from urllib.parse import urljoin

import yaml
from bs4 import BeautifulSoup
from PIL import Image
from playwright.sync_api import Page, ViewportSize, sync_playwright
from pypdf import PdfReader

from designbook.publish import chromium
from designbook.publish.paper import NAME, PICTURED, PLACE, TITLE, paper, picture_name, slug

FOOTER = '<p style="width:100%;text-align:center;font:9px sans-serif"><span class="pageNumber"></span></p>'
WIDTH = 720  # CSS pixels of a picture, half of its own
COLOURS = 64  # of a picture: panels are flat, and a quarter of the bytes looks the same
SAID = {"pdf": "PDF", "epub": "ePub", "zip": "The site as a zip: unpack it and open index.html"}


def main(kinds: list[str]) -> int:
    """Make the files that are named ("pdf", "epub", "zip"); returns the exit code."""
    root = Path.cwd()
    site = root / "_build" / "html"
    unknown = [kind for kind in kinds if kind not in MAKERS]
    if unknown or not kinds:
        print(f"offline: name some of {', '.join(MAKERS)}, not {' '.join(unknown) or 'nothing'}", file=sys.stderr)
        return 1
    if not (site / "index.html").is_file():
        print("offline: there is no site yet: run `make book` first", file=sys.stderr)
        return 1
    if set(kinds) & {"pdf", "epub"}:
        pictures(root)
    (site / "downloads").mkdir(exist_ok=True)
    for kind in kinds:
        made = MAKERS[kind](root, site / "downloads" / f"{NAME}.{kind}")
        print(f"-- {made.relative_to(root)}: {made.stat().st_size / 1e6:.1f} MB", flush=True)
    link(site)
    return 0


def pages(root: Path) -> list[str]:
    """The names of the book's pages without suffix, in the order of `_toc.yml`."""
    toc = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))
    return [toc["root"], *(chapter["file"] for part in toc["parts"] for chapter in part["chapters"])]


# -- pictures ------------------------------------------------------------------------------------------------------


@contextmanager
def press() -> Iterator[Page]:
    """A page of a headless Chromium that reaches nothing but files, as wide as a picture."""
    with sync_playwright() as playwright:
        browser = chromium.launch(playwright)
        view = ViewportSize(width=WIDTH + 48, height=1000)
        yield browser.new_page(viewport=view, device_scale_factor=2, color_scheme="light", reduced_motion="reduce")
        browser.close()


def pictures(root: Path) -> None:
    """Have the pictures of the built site in `_build/pictures`: those that are there, unless it was built since."""
    folder, stamp = root / "_build" / "pictures", root / "_build" / "built"
    taken = folder / "built"
    built = stamp.read_text(encoding="utf-8") if stamp.is_file() else None
    if built and taken.is_file() and taken.read_text(encoding="utf-8") == built:
        return
    photograph(root / "_build" / "html", pages(root), folder)
    if built:
        taken.write_text(built, encoding="utf-8")


def photograph(site: Path, names: list[str], folder: Path) -> None:
    """Write a PNG of everything on the pages that Chromium must draw, as `folder/PAGE-0.png`, `-1.png` ..."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with press() as page:
        for name in names:
            page.goto((site / f"{name}.html").as_uri())
            page.add_style_tag(content="[data-reset], .bd-header { visibility: hidden }")
            drawn = page.locator("article.bd-article").first.locator(PICTURED)
            for number in range(drawn.count()):
                drawn.nth(number).scroll_into_view_if_needed()
                shot = Image.open(BytesIO(drawn.nth(number).screenshot(animations="disabled")))
                shot.convert("RGB").quantize(COLOURS).save(folder / picture_name(name, number), optimize=True)


# -- PDF -----------------------------------------------------------------------------------------------------------


def pdf(root: Path, path: Path) -> Path:
    """Print the book: printed once to learn on which pages chapters begin, and again with these in the contents."""
    sheet = root / "_build" / "paper.html"
    names = pages(root)
    numbers: dict[str, int] = {}
    with press() as page:
        for _ in range(2):
            sheet.write_text(one_page(root, names, numbers), encoding="utf-8")
            page.goto(sheet.as_uri())
            page.pdf(
                path=path,
                format="A4",
                scale=0.8,
                print_background=True,
                outline=True,
                tagged=True,
                display_header_footer=True,
                header_template="<span></span>",
                footer_template=FOOTER,
                margin={"top": "18mm", "bottom": "18mm", "left": "18mm", "right": "18mm"},
            )
            numbers = first_pages(path)
    return path


def first_pages(path: Path) -> dict[str, int]:
    """The number, from 1, of the page on which each named place of the PDF stands."""
    reader = PdfReader(path)
    found = {}
    for name, place in reader.named_destinations.items():
        number = reader.get_destination_page_number(place)
        if number is not None:
            found[name.lstrip("/")] = number + 1
    return found


def one_page(root: Path, names: list[str], numbers: dict[str, int]) -> str:
    """All pages as one HTML page, with links within it and a table of contents."""
    site = root / "_build" / "html"
    bodies, contents = [], []
    for name in names:
        source = (site / f"{name}.html").read_text(encoding="utf-8")
        soup = BeautifulSoup(source, "html.parser")
        article = soup.select_one("article.bd-article")
        if article is None:
            raise ValueError(f"{name}.html has no article")
        heading = article.select_one("h1")
        if heading is None:
            raise ValueError(f"{name}.html has no heading")
        text = paper(article.decode_contents(), partial(_picture, name))
        bodies.append(f'<section class="page" id="{slug(name)}">{rooted(text, name, set(names))}</section>')
        title = " ".join(heading.get_text().rstrip("#\N{PILCROW SIGN}").split())
        number = numbers.get(slug(name), "")
        contents.append(f'<li><a href="#{slug(name)}">{html.escape(title)}</a> <span>{number}</span></li>')
    front, *chapters = bodies
    styles = "".join(f'<link rel="stylesheet" href="html/_static/{name}">' for name in ("styles/site.css", "paper.css"))
    toc = f'<nav class="of-the-book"><h2>Contents</h2><ol>{"".join(contents[1:])}</ol></nav>'
    head = f'<html lang="en" data-theme="light"><meta charset="utf-8"><title>{TITLE}</title>{styles}'
    return f'<!doctype html>{head}<body class="paper bd-article">{front}{toc}{"".join(chapters)}</body></html>'


def _picture(page: str, number: int) -> str:
    return f"pictures/{picture_name(page, number)}"


def rooted(text: str, name: str, names: set[str]) -> str:
    """The text of page `name` with ids of its own and with links to the book's pages as links within one page."""
    own = slug(name)
    text = re.sub(r'\b(id|for|aria-labelledby|aria-describedby)="([^"]+)"', rf'\1="{own}--\2"', text)

    def target(match: re.Match[str]) -> str:
        address = html.unescape(match[1])
        if address.startswith(("http:", "https:", "mailto:")):
            return match[0]
        page, _, place = urljoin(f"{name}.html", address).partition("#")
        page = page.removesuffix(".html")
        if page not in names:
            return ""
        return f'href="#{slug(page)}{"--" + place if place else ""}"'

    return re.sub(r'\bhref="([^"]*)"', target, text)


# -- ePub ----------------------------------------------------------------------------------------------------------


def epub(root: Path, path: Path) -> Path:
    """Let Sphinx make the ePub; raises RuntimeError with the log's place if it fails."""
    command = [sys.executable, "-c", "import designbook.publish; from jupyter_book.cli.main import main; main()"]
    command += ["build", str(root), "--builder", "custom", "--custom-builder", "epub", "--quiet", "--all"]
    log = root / "_build" / "epub.txt"
    with log.open("w", encoding="utf-8") as file:
        done = subprocess.run(
            command, check=False, cwd=root, stdout=file, stderr=file, env={**os.environ, "NO_COLOR": "1"}
        )
    if done.returncode:
        raise RuntimeError(f"no ePub was made: {log} says why")
    shutil.copyfile(root / "_build" / "epub" / f"{NAME}.epub", path)
    return path


# -- zip -----------------------------------------------------------------------------------------------------------


def zip_site(root: Path, path: Path) -> Path:
    """Pack the site into a folder of a zip, without what needs a server (`lite`) and without the other downloads."""
    site = root / "_build" / "html"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(site.rglob("*")):
            inside = file.relative_to(site)
            if file.is_file() and inside.parts[0] not in ("lite", "downloads", "_sources"):
                archive.write(file, Path(NAME) / inside)
    return path


MAKERS: dict[str, Callable[[Path, Path], Path]] = {"pdf": pdf, "epub": epub, "zip": zip_site}


# -- the first page ------------------------------------------------------------------------------------------------


def link(site: Path) -> None:
    """List on the first page what `downloads` holds, with sizes; raises ValueError if the page has no place for it."""
    index = site / "index.html"
    lines = []
    for kind, said in SAID.items():
        file = site / "downloads" / f"{NAME}.{kind}"
        if file.is_file():
            lines.append(
                f'<li><a href="downloads/{file.name}" download>{said}</a> ({file.stat().st_size / 1e6:.1f} MB)</li>'
            )
    before, opening, rest = index.read_text(encoding="utf-8").partition(PLACE[0])
    _, closing, after = rest.partition(PLACE[1])
    if not (opening and closing):
        raise ValueError(f"{index} has no place for downloads")
    index.write_text(f"{before}{opening}<ul>{''.join(lines)}</ul>{closing}{after}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
