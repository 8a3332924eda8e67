"""What the Sphinx extension does to pages: rules that are used stay, icons stay, a page says what it is about."""

import re

import pytest
from docutils import nodes

from designbook.publish import sphinx
from tests.conftest import ROOT


@pytest.mark.parametrize(
    ("sheet", "kept"),
    [
        (".a{color:red}.b{color:blue}", ".a{color:red}"),
        (".a,.b{x:y}", ".a{x:y}"),
        (".a .b{x:y}", ""),
        ("#a.a>p::before{content:'}'}", "#a.a>p::before{content:'}'}"),
        ("p:not(.b){x:y}", "p:not(.b){x:y}"),
        ("p:is(.a, .b) i{x:y}", "p:is(.a, .b) i{x:y}"),
        ('i[data-x="a.b,c"]{x:y}', 'i[data-x="a.b,c"]{x:y}'),
        (r".a\:x{x:y}", ""),
        ("@media print{.b{x:y}}@media print{.a{x:y}.b{x:y}}", "@media print{.a{x:y}}"),
        ("@supports (x:y){@media print{.b{x:y}}}p{x:y}", "p{x:y}"),
        ("@import 'x.css';@charset \"utf-8\";/* .c{} */@font-face{src:url(a.woff2)}", "@font-face{src:url(a.woff2)}"),
        ("@keyframes b{from{x:y}to{x:z}}", "@keyframes b{from{x:y}to{x:z}}"),
    ],
)
def test_rules_for_what_no_page_has_are_left_out_and_no_others(sheet: str, kept: str) -> None:
    assert sphinx.purged(sheet, {"a"}) == kept


def test_a_sheet_whose_names_are_all_used_keeps_every_declaration() -> None:
    sheet = (ROOT / "assets" / "book.css").read_text(encoding="utf-8")
    used = set(sphinx._NAME.findall(sheet))
    kept = sphinx.purged(sheet, used)
    assert kept.count("{") == re.sub(r"/\*.*?\*/", "", sheet, flags=re.DOTALL).count("{")
    assert sphinx.purged(kept, used) == kept


def test_a_block_without_an_end_is_an_error_that_shows_it() -> None:
    with pytest.raises(ValueError, match="color"):
        sphinx.purged(".a{color:red", {"a"})


def test_a_page_is_described_by_its_first_paragraph_cut_at_a_word() -> None:
    from docutils.utils import new_document

    document = new_document("x")
    document += nodes.paragraph("", "Short.")
    document += nodes.paragraph("", 'A "quoted" word, ' + "then many more " * 20)
    text = sphinx.description(document)
    assert "&quot;quoted&quot;" in text
    assert text.endswith(' ..." />')
    assert 100 < len(text) - len('<meta name="description" content="" />') < 180


def test_every_topic_belongs_to_a_part_and_none_is_there_twice() -> None:
    found = sphinx.topics(ROOT)
    assert len(found) == len({topic.docname for topic in found}) == 71
    assert {topic.part for topic in found} == set(sphinx.PARTS)
