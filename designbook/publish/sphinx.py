"""The local Sphinx extension: light pages, formulas without a script, the map of the book, buttons that lead somewhere.

What the stock theme of Jupyter Book 1 loads on every page (Font Awesome as a script, icon fonts, MathJax, search index)
makes a page of 2 MB; what is left here is the theme's style sheet, two small scripts and what the page itself uses.
"""

import csv
import html
import json
import os
import re
import subprocess
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from fontTools import subset
from fontTools.ttLib import TTFont
from latex2mathml.converter import convert
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective
from sphinx.writers.html5 import HTML5Translator

from designbook.page.typed import words_script
from designbook.publish.browser.link import link_notebook
from designbook.publish.paper import EPUB, EPUB_STYLES, PLACE, epub_page

HERE = Path(__file__).parent
logger = logging.getLogger(__name__)
PARTS = {
    "method": "Method",
    "case-studies": "Case studies",
    "building-blocks": "Building blocks",
    "foundations": "Foundations",
}


def setup(app: Sphinx) -> dict[str, Any]:
    """Register everything; Sphinx calls this."""
    # Jupyter Book sets this for an extension that the book does without.
    app.add_config_value("comments_config", {}, "env")
    app.add_directive("topics", Topics)
    app.add_directive("downloads", Downloads)
    app.setup_extension("designbook.publish.practice")
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_math_block, None))
    app.connect("config-inited", configure, priority=900)
    app.connect("source-read", lay_outputs)
    app.connect("html-page-context", link_notebook, priority=700)
    app.connect("html-page-context", lighten, priority=900)
    app.connect("html-page-context", on_paper, priority=950)
    app.connect("build-finished", slim, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


# -- settings ------------------------------------------------------------------------------------------------------


def configure(app: Sphinx, config: Config) -> None:
    """Settings that follow from others: assets, templates, formulas, and buttons when the book has an address."""
    assets = Path(app.srcdir) / "assets"
    if assets.is_dir():
        config.html_static_path = [*config.html_static_path, str(assets)]
    config.templates_path = [*config.templates_path, str(HERE / "templates")]
    config.html_math_renderer = "mathml"
    config.version = version("designbook")
    for name, value in EPUB.items():
        setattr(config, name, value)
    config.html_context = {**config.html_context, "book_version": book_version(Path(app.srcdir))}
    options: dict[str, Any] = config.html_theme_options
    address = (os.environ.get("DESIGNBOOK_REPOSITORY") or options.get("repository_url") or "").rstrip("/")
    options["repository_url"] = address
    options["use_fullscreen_button"] = False
    options["footer_content_items"] = "book-footer"
    options["show_toc_level"] = 2
    options["back_to_top_button"] = False
    options["launch_buttons"] = {}
    if address:
        options |= {"use_repository_button": True, "use_edit_page_button": True, "use_issues_button": True}
        options["launch_buttons"] = {"binderhub_url": "https://mybinder.org", "notebook_interface": "jupyterlab"}


def book_version(root: Path) -> str:
    """The package's version, with the commit and its day where the book is built from a repository."""
    number = version("designbook")
    command = ["git", "log", "-1", "--format=%h of %cs"]
    try:
        commit = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return number
    return f"{number}, commit {commit}" if commit else number


# -- executed notebooks --------------------------------------------------------------------------------------------


def lay_outputs(app: Sphinx, docname: str, source: list[str]) -> None:
    """Give a notebook the outputs that the build just computed; without them those saved in the file stay."""
    path = Path(app.env.doc2path(docname))
    executed = Path(app.srcdir) / "_build" / "executed" / path.relative_to(app.srcdir)
    if path.suffix != ".ipynb" or not executed.is_file():
        return
    app.env.note_dependency(str(executed))
    notebook = json.loads(source[0])
    computed_notebook = json.loads(executed.read_text(encoding="utf-8"))
    fresh = [cell for cell in computed_notebook["cells"] if cell["cell_type"] == "code"]
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    if [_text(cell) for cell in fresh] != [_text(cell) for cell in code]:
        return
    for cell, computed in zip(code, fresh, strict=True):
        cell["outputs"] = computed["outputs"]
        cell["execution_count"] = computed["execution_count"]
    notebook["metadata"] = computed_notebook["metadata"]
    source[0] = json.dumps(notebook)


def _text(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])


# -- formulas ------------------------------------------------------------------------------------------------------


def visit_math(translator: HTML5Translator, node: nodes.math) -> None:
    """An inline formula as MathML, which every current browser draws without a script."""
    translator.body.append(convert(node.astext(), display="inline"))
    raise nodes.SkipNode


def visit_math_block(translator: HTML5Translator, node: nodes.math_block) -> None:
    """A displayed formula as MathML; on a narrow screen it scrolls within itself."""
    latex = re.sub(r"\b(aligned|gathered|gather|alignat)\b(?=\*?\})", "align", node.astext().strip())
    if r"\\" in latex and r"\begin" not in latex:
        latex = rf"\begin{{align}}{latex}\end{{align}}"
    identifier = f' id="{node["ids"][0]}"' if node.get("ids") else ""
    number = f'<span class="eqno">({node["number"]})</span>' if node.get("number") else ""
    body = convert(latex, display="block")
    translator.body.append(f'<div class="formula"{identifier}>{number}{body}</div>\n')
    raise nodes.SkipNode


# -- the map of the book -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Topic:
    """One chapter of the book, written or planned."""

    part: str
    slug: str
    title: str
    problem: str

    @property
    def docname(self) -> str:
        """The page that the chapter has, or will have, without its suffix."""
        return f"chapters/{self.part.replace('-', '_')}/{self.slug}"


def topics(root: Path) -> list[Topic]:
    """All chapters of the book at `root`, in order, from its data/topics.csv."""
    with (root / "data" / "topics.csv").open(encoding="utf-8", newline="") as file:
        return [Topic(*row) for row in csv.reader(file)][1:]


class Topics(SphinxDirective):
    """`{topics}`: all chapters by part, the written ones as links; with `:written:` only those."""

    option_spec: ClassVar = {"written": directives.flag}

    def run(self) -> list[nodes.Node]:
        """The sections, or with `:written:` one list."""
        root = Path(self.env.srcdir)
        self.env.note_dependency(str(root / "data" / "topics.csv"))
        self.env.note_reread()
        every = topics(root)
        written = [topic for topic in every if topic.docname in self.env.found_docs]
        if "written" in self.options:
            return [self._list(written, written)]
        found: list[nodes.Node] = []
        for part, title in PARTS.items():
            members = [topic for topic in every if topic.part == part]
            ready = sum(topic in written for topic in members)
            section = nodes.section(ids=[nodes.make_id(title)], names=[title.lower()])
            section += nodes.title(title, title)
            section += nodes.paragraph("", f"{len(members)} chapters, {ready} written.")
            section += self._list(members, written)
            found.append(section)
        return found

    def _list(self, members: list[Topic], written: list[Topic]) -> nodes.bullet_list:
        items = nodes.bullet_list(classes=["topics"])
        for topic in members:
            title: nodes.Node = nodes.strong(topic.title, topic.title)
            if topic in written:
                title = addnodes.pending_xref(
                    "", title, refdomain="std", reftype="doc", reftarget=f"/{topic.docname}", refexplicit=True
                )
                title["refdoc"] = self.env.docname
            line = nodes.paragraph("", "", title, nodes.Text(f" {topic.problem}"))
            if topic not in written:
                line += nodes.inline(" planned", " planned", classes=["planned"])
            items += nodes.list_item("", line, classes=["written" if topic in written else "unwritten"])
        return items


class Downloads(SphinxDirective):
    """`{downloads}`: the place where `designbook.publish.offline` lists what it made; until then, how to make it."""

    def run(self) -> list[nodes.Node]:
        """One block, on screens only."""
        text = f"<div data-screen>{PLACE[0]}<p>Not made yet: <code>make pdf epub zip</code>.</p>{PLACE[1]}</div>"
        return [nodes.raw("", text, format="html")]


# -- pages ---------------------------------------------------------------------------------------------------------

# All style sheets, in this order; `slim` makes one of them, without the rules that no page needs.
_STYLES = (
    "pygments.css",
    "basic.css",
    "styles/pydata-sphinx-theme.css",
    "styles/sphinx-book-theme.css",
    "mystnb*.css",
    "sphinx-design.min.css",
    "togglebutton.css",
    "exercise.css",
    "copybutton.css",
    "vendor/uplot/uPlot.min.css",
    "panel.css",
    "book.css",
    "run.css",
)
_ANSWERED = "data-drill|data-quiz="
# The scripts that a page loads, in this order, when `mark` (a pattern) is found in its text ("" is in every text).
_SCRIPTS = (
    ("book.js", ""),
    ("panel.js", "data-panel=|data-drill"),
    ("answer.js", _ANSWERED),
    ("drill.js", "data-drill"),
    ("keep.js", "data-practise=|data-quiz="),
    ("quiz.js", "data-quiz="),
    ("cards.js", 'data-practise="cards"'),
    ("mock.js", 'data-practise="mock"'),
    ("scripts/pydata-sphinx-theme.js", ""),
    ("scripts/sphinx-book-theme.js", ""),
    ("design-tabs.js", "sd-tab-set"),
    ("togglebutton.js", "dropdown"),
    ("clipboard.min.js", 'class="highlight'),
    ("copybutton.js", 'class="highlight'),
)
_SEARCH_SCRIPTS = ("doctools.js", "sphinx_highlight.js", "language_data.js", "searchtools.js")


# Names, punctuation, operators and spaces have the text's colour: two thirds of a chapter's elements are such spans.
_PLAIN = re.compile(r'<span class="(?:n|nn|nx|o|p|pm|w)">([^<]*)</span>')


def lighten(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Load on a page what the page uses, once, and without blocking it; say in a sentence what the page is about."""
    # MyST-NB's label differs from the words that it hides.
    body = context.get("body", "").replace(' aria-label="Toggle hidden content"', "")
    body = re.sub("(Show|Hide) the content", r"\1 the solution", body)  # only these are folded with their code
    body = context["body"] = _PLAIN.sub(r"\1", body)
    context["page_scripts"] = [name for name, mark in _SCRIPTS if re.search(mark, body)]
    inline = (getattr(file, "attributes", {}).get("body") or "" for file in context["script_files"])
    context["page_settings"] = sorted({text for text in inline if "toggle" in text}) if "dropdown" in body else []
    if re.search(_ANSWERED, body):
        context["page_settings"].append(words_script())
    if pagename == "search":
        context["page_scripts"] += _SEARCH_SCRIPTS
    context["metatags"] = context.get("metatags", "") + description(doctree)
    context["favicon_url"] = context["pathto"]("_static/favicon.svg", True)


def on_paper(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Give a page of the ePub the form that it has on paper, and only the style sheets that are packed with it."""
    if app.builder.name != "epub":
        return
    context["css_files"] = [sheet for sheet in context["css_files"] if Path(str(sheet.filename)).name in EPUB_STYLES]
    if doctree is not None:
        pictures = Path(app.srcdir) / "_build" / "pictures"
        context["body"] = epub_page(context["body"], pagename, pictures, Path(app.outdir))


def description(doctree: nodes.document | None) -> str:
    """The page's meta description: its first paragraph of some length, cut at a word to 160 characters."""
    for paragraph in doctree.findall(nodes.paragraph) if doctree else ():
        text = " ".join(paragraph.astext().split())
        if len(text) > 160:
            text = text[:157].rsplit(" ", 1)[0] + " ..."
        if len(text) > 40:
            return f'\n    <meta name="description" content="{html.escape(text)}" />'
    return ""


# -- after the pages -----------------------------------------------------------------------------------------------

# The theme measures every box of the page at the start and after each change; assets/book.js does it better.
_SCROLL_WATCH = re.compile(
    r'window\.addEventListener\("resize",\w\),new MutationObserver\(\w\)\.observe\('
    r'document\.getElementById\("main-content"\),\{subtree:!0,childList:!0\}\),\w\(\)'
)
# The copy buttons of all code at once are the longest task of a page: each is made when its code is about to be seen.
_COPY_BUTTONS = re.compile(r"codeCells\.forEach\(\(codeCell, index\) => \{(.*?)\n  \}\)\n", re.DOTALL)
_COPY_BUTTONS_WHEN_SEEN = r"""const add = (codeCell, index) => {\1
  };
  const places = new Map([...codeCells].map((cell, index) => [cell, index]));
  const near = new IntersectionObserver((seen) => seen.forEach(({ isIntersecting, target }) => {
    if (!isIntersecting) return;
    near.unobserve(target);
    add(target, places.get(target));
  }), { rootMargin: "50%" });
  codeCells.forEach((cell) => near.observe(cell));
"""
_RULE = re.compile(r"""((?:[^{}"';]|"[^"]*"|'[^']*')*)([{};])""")
_NAME = re.compile(r"[.#]((?:\\.|[\w-])+)")
_GROUPS = ("@media", "@supports", "@container", "@layer")


def slim(app: Sphinx, failure: Exception | None) -> None:
    """Make one style sheet of the rules in use and icon fonts of the icons in use; remove what no page loads."""
    static = Path(app.outdir) / "_static"
    if failure or app.builder.name != "html":
        return
    for path in [*static.glob("scripts/fontawesome.js*"), *static.rglob("*.map"), *static.rglob("fa-*.ttf")]:
        path.unlink(missing_ok=True)
    script = static / "scripts" / "pydata-sphinx-theme.js"
    text, changed = _SCROLL_WATCH.subn("", script.read_text(encoding="utf-8"))
    script.write_text(text, encoding="utf-8")
    if not changed and "new MutationObserver" in text:
        logger.warning("the theme watches for boxes that scroll in another way than before: see _SCROLL_WATCH")
    script = static / "copybutton.js"
    text, changed = _COPY_BUTTONS.subn(_COPY_BUTTONS_WHEN_SEEN, script.read_text(encoding="utf-8"))
    script.write_text(text, encoding="utf-8")
    if not changed and "IntersectionObserver" not in text:
        logger.warning("the copy buttons are made in another way than before: see _COPY_BUTTONS")
    used: set[str] = set()
    for path in Path(app.outdir).rglob("*.html"):
        for names in re.findall(r'\b(?:class|id)="([^"]*)"', path.read_text(encoding="utf-8")):
            used.update(names.split())
    for path in static.rglob("*.js"):
        used.update(re.findall(r"[\w-]+", path.read_text(encoding="utf-8")))
    sheet = "\n".join(
        _rebased(path.read_text(encoding="utf-8"), path.relative_to(static).parent)
        for name in _STYLES
        for path in static.glob(name)
    )
    sheet = purged(sheet, used)
    (static / "styles" / "site.css").write_text(sheet, encoding="utf-8")
    codes = {int(code, 16) for code in re.findall(r'content:\s*"\\([0-9a-f]{4})\s?"', sheet)}
    for path in static.rglob("fa-*.woff2"):
        font = TTFont(path)
        cutter = subset.Subsetter(subset.Options(flavor="woff2", notdef_outline=False, layout_features=[]))
        cutter.populate(unicodes=codes)
        cutter.subset(font)
        font.flavor = "woff2"
        font.save(path)


def _rebased(sheet: str, folder: Path) -> str:
    """A style sheet from `folder` with its addresses as seen from `styles/`."""

    def address(match: re.Match[str]) -> str:
        target = match[1].strip("\"'")
        if target.startswith(("data:", "#", "http:", "https:")):
            return match[0]
        return f"url({Path(os.path.normpath(Path('..') / folder / target)).as_posix()})"

    sheet = re.sub(r",url\([^)]*\.ttf\) format\(\"truetype\"\)", "", sheet).replace(
        "font-display:block", "font-display:swap"
    )
    return re.sub(r"url\(((?:\"[^\"]*\"|'[^']*'|[^)])*)\)", address, sheet)


def purged(sheet: str, used: set[str]) -> str:
    """The style sheet without comments, and without the selectors that name a class or an id outside of `used`."""
    sheet = re.sub(r"/\*.*?\*/", "", sheet, flags=re.DOTALL)
    kept: list[str] = []
    open_groups: list[int] = []
    at = 0
    while match := _RULE.match(sheet, at):
        at = match.end()
        head, mark = match[1].strip(), match[2]
        if mark == ";":
            continue  # @charset and @import stand alone
        if mark == "}":
            start = open_groups.pop()
            if len(kept) == start + 1:
                del kept[start:]  # nothing in the group was kept
            else:
                kept.append("}")
        elif head.startswith(_GROUPS):
            open_groups.append(len(kept))
            kept.append(f"{head}{{")
        else:
            end = _closing(sheet, at)
            selectors = [head] if head.startswith("@") else _split(head)
            wanted = [selector for selector in selectors if head.startswith("@") or _names(selector) <= used]
            if wanted:
                kept.append(f"{','.join(wanted)}{{{' '.join(sheet[at:end].split())}}}")
            at = end + 1
    return "".join(kept)


def _closing(sheet: str, at: int) -> int:
    """Where the block ends whose content begins at `at`."""
    depth = 0
    for match in re.compile(r"""[{}]|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'""").finditer(sheet, at):
        if match[0] == "{":
            depth += 1
        elif match[0] == "}":
            if depth == 0:
                return match.start()
            depth -= 1
    raise ValueError(f"a style sheet has a block without an end: {sheet[at : at + 60]!r}")


def _split(selectors: str) -> list[str]:
    """The selectors of a list; commas within parentheses and brackets do not part them."""
    return [part.strip() for part in re.split(r",(?![^()]*\))(?![^\[\]]*\])", selectors)]


def _names(selector: str) -> set[str]:
    """The classes and ids that an element must have for the selector to match; what parentheses hold is left out."""
    while "(" in selector:
        shorter = re.sub(r"\([^()]*\)", "", selector)
        if shorter == selector:
            break
        selector = shorter
    return {re.sub(r"\\(.)", r"\1", name) for name in _NAME.findall(re.sub(r"\[[^\]]*\]", "", selector))}
