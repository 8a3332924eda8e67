"""The book to take along: nothing that needs a screen is left, nothing is lost, and every link leads somewhere."""

import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from urllib.parse import urljoin
from xml.etree import ElementTree

import nbformat
import pytest
from pypdf import PdfReader

from designbook.publish import offline
from designbook.publish.paper import paper
from tests.conftest import ROOT

PAGE = """\
<section id="drill"><h1>Drill<a class="headerlink" href="#drill">#</a></h1>
<figure class="dbk dbk-panel" data-panel="load"><header><b>How much?</b></header>
<label><span>links</span><output>100 M</output><input type="range" disabled></label></figure>
<div class="cell tag_hide-input"><details class="above-input"><summary>Show</summary><pre>machinery()</pre></details>
<p>shown</p></div>
<section data-quiz="x"><fieldset data-kind="one"><legend>Which?</legend>
<label><input type="radio"><span>this</span></label>
<p><button hidden>Check</button></p><details><summary>Answer</summary><p>It is this.</p></details></fieldset></section>
<section data-cards="x"><details><summary>Front?</summary><p>Back.</p></details></section>
<div class="cell tag_hide-cell"><details class="above-input"><summary>Show</summary><pre>solve()</pre></details></div>
</section>
"""


def test_a_page_on_paper_has_its_answers_at_the_end_and_nothing_to_click() -> None:
    text = paper(PAGE, lambda number: f"picture-{number}.png")
    root = ElementTree.fromstring(f"<body>{text}</body>")  # so it is well-formed
    assert not [
        tag for tag in root.iter() if tag.tag in ("input", "button", "details", "summary", "fieldset", "script")
    ]
    picture = root.find(".//img")
    assert picture is not None
    assert picture.attrib == {"src": "picture-0.png", "alt": "How much? At links 100 M."}
    words = " ".join("".join(root.itertext()).split())
    assert "machinery" not in words
    for kept in ("shown", "1. Which?", "this", "Front?", "Back."):
        assert kept in words
    end = words.index("Answers and solutions")
    assert words.index("Which?") < words.index("Back.") < end
    assert end < words.index("It is this.") < words.index("solve()")
    assert words.count("It is this.") == words.count("solve()") == 1


def test_links_lead_within_the_one_page_or_out_of_the_book_or_nowhere() -> None:
    text = '<p id="a"><a href="#a">1</a><a href="../b.html#c">2</a><a href="b_c.html">3</a><a href="x.html">4</a>'
    text += '<a href="https://d.org">5</a></p>'
    assert offline.rooted(text, "parts/a", {"parts/a", "b", "parts/b_c"}) == (
        '<p id="parts-a--a"><a href="#parts-a--a">1</a><a href="#b--c">2</a><a href="#parts-b-c">3</a><a >4</a>'
        '<a href="https://d.org">5</a></p>'
    )


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small book of two pages with a panel, and its three downloads."""
    root = tmp_path_factory.mktemp("book")
    for name in ("_config.yml", "map.md", "requirements.txt"):
        shutil.copy(ROOT / name, root / name)
    shutil.copytree(ROOT / "assets", root / "assets")
    (root / "data").mkdir()
    shutil.copy(ROOT / "data/topics.csv", root / "data/topics.csv")
    toc = "format: jb-book\nroot: index\nparts:\n  - caption: The book\n    chapters:\n      - file: map\n"
    (root / "_toc.yml").write_text(toc)
    text, end = "# A small book\n\nIt has a [map](map.md).", "## Take it along\n\n```{downloads}\n```"
    panel = nbformat.v4.new_code_cell("1", id="panel")
    saved = json.loads((ROOT / "index.ipynb").read_text(encoding="utf-8"))
    shown = next(cell["outputs"] for cell in saved["cells"] if cell["id"] == "panel")
    panel.outputs = [nbformat.from_dict(output) for output in shown]
    cells = [nbformat.v4.new_markdown_cell(text, id="text"), panel, nbformat.v4.new_markdown_cell(end, id="end")]
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"language_info": {"name": "python"}})
    nbformat.write(notebook, root / "index.ipynb")
    for command in (["build", "--saved"], ["offline", "pdf", "epub", "zip"]):
        step = [sys.executable, "-m", f"designbook.publish.{command[0]}", *command[1:]]
        done = subprocess.run(step, check=False, cwd=root, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    return root


def test_the_pdf_has_all_pages_an_outline_and_contents_that_name_the_right_page(book: Path) -> None:
    path = book / "_build/html/downloads/system-design.pdf"
    reader = PdfReader(path)
    texts = [page.extract_text() for page in reader.pages]
    titles = [str(entry.title) for entry in reader.outline if not isinstance(entry, list)]
    assert [title.strip("#") for title in titles] == ["A small book", "Map of the book"]
    where = max(number for number, text in enumerate(texts, 1) if "Map of the book" in text)
    assert any(re.search(rf"Map of the book\s*{where}\b", text) for text in texts)
    assert b"/Subtype /Image" in path.read_bytes(), "the panel's picture"
    addresses = [str(link.get("/A", {}).get("/URI", "")) for page in reader.pages for link in page.annotations or ()]
    assert not [address for address in addresses if address.startswith(("file:", "http://127."))]


def test_every_page_of_the_epub_is_well_formed_and_every_link_in_it_leads_to_a_file(book: Path) -> None:
    with zipfile.ZipFile(book / "_build/html/downloads/system-design.epub") as epub:
        names = set(epub.namelist())
        pages = {name: ElementTree.fromstring(epub.read(name)) for name in names if name.endswith(".xhtml")}
    assert {"index.xhtml", "map.xhtml", "nav.xhtml"} <= pages.keys()
    assert "pictures/index-0.png" in names
    for name, page in pages.items():
        targets = [tag.get(key, "") for tag in page.iter() for key in ("href", "src") if tag.get(key)]
        inside = [urljoin(name, target).partition("#")[0] for target in targets if ":" not in target]
        assert not set(inside) - names, name


def test_the_zip_is_the_site_in_one_folder_without_the_other_downloads(book: Path) -> None:
    with zipfile.ZipFile(book / "_build/html/downloads/system-design.zip") as archive:
        names = archive.namelist()
    assert {"system-design/index.html", "system-design/map.html", "system-design/_static/panel.js"} <= set(names)
    assert not [name for name in names if "downloads" in name]


def test_the_first_page_lists_what_was_made_with_its_size(book: Path) -> None:
    page = (book / "_build/html/index.html").read_text()
    for kind in ("pdf", "epub", "zip"):
        size = (book / f"_build/html/downloads/system-design.{kind}").stat().st_size
        assert f'href="downloads/system-design.{kind}"' in page
        assert f"({size / 1e6:.1f} MB)" in page
    assert "Not made yet" not in page


def test_the_second_download_takes_the_pictures_of_the_first_until_the_site_is_built_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[str] = []

    def photograph(site: Path, names: list[str], folder: Path) -> None:
        taken.append(stamp.read_text() if stamp.is_file() else "")
        folder.mkdir(exist_ok=True)

    monkeypatch.setattr(offline, "photograph", photograph)
    monkeypatch.setattr(offline, "pages", lambda root: ["index"])
    stamp = tmp_path / "_build" / "built"
    stamp.parent.mkdir()
    for built in ("", "", "one", "one", "two", "two"):
        stamp.write_text(built) if built else stamp.unlink(missing_ok=True)
        offline.pictures(tmp_path)
    assert taken == ["", "", "one", "two"], "without a stamp nobody knows whether the site is the same"


@pytest.mark.parametrize("asked", [[], ["docx"], ["pdf", "doc"]])
def test_what_cannot_be_made_is_named(asked: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert offline.main(asked) == 1
    assert re.search(r"name some of pdf, epub, zip, not .*(nothing|docx|doc)", capsys.readouterr().err)


def test_without_a_site_there_is_nothing_to_print(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert offline.main(["pdf"]) == 1
    assert "run `make book` first" in capsys.readouterr().err
