"""Tables of a model: what they say is what the model says; and the sources are the facts that were used."""

import html
import re
import xml.etree.ElementTree as ElementTree

import pytest

from designbook import data
from designbook.capacity import CapacityModel, Input, ceil, estimate, monte_carlo
from designbook.page import band_table, compare_table, derivation_table, sources, tornado_chart
from designbook.page.markup import symbol
from designbook.page.tables import mathml


class Shop(CapacityModel):
    """A shop."""

    links = Input(100e6, "link/month", low=1e6, high=10e9, scale="log", about="links <created>")
    size = Input(500, "byte/link", low=100, high=2_000)
    kept = Input(5, "year", low=1, high=20)
    price = Input(0.1, "USD/gigabyte/month", low=0.09, high=0.11)
    disk = Input(2, "terabyte/server", low=1, high=4)

    @estimate("terabyte")
    def storage(self) -> float:
        """All `links`, and more."""
        return self.links * self.size * self.kept

    @estimate("server")
    def disks(self) -> float:
        """Disks."""
        return ceil(self.storage / self.disk)

    @estimate("USD/month")
    def cost(self) -> float:
        """Money."""
        return self.storage * self.price


def test_a_derivation_gives_formula_numbers_and_result_of_what_was_asked_for_and_what_it_needs() -> None:
    page = derivation_table(Shop(), "cost").markup
    assert page.count('<th scope="row"') == 2
    for words in (
        "All <code>links</code>, and more.",
        "100 M links/month",
        "$ 0.10 / GB / month",
        "<b>$ 300 / month</b>",
    ):
        assert words in html.unescape(page).replace("\u00a0", " "), words
    assert "\\" not in page


def test_formulas_are_well_formed_and_spell_words_whole() -> None:
    markup = mathml(r"\left\lceil \frac{\text{new links}}{\text{a}} \right\rceil \cdot \text{5 \%}")
    words = [element.text for element in ElementTree.fromstring(markup).iter() if element.tag.endswith("}mi")]
    assert [word.replace("\u00a0", " ") for word in words if word] == ["new links", "a", "5 %"]


def test_a_table_can_be_read_by_machine_and_scrolled_by_keyboard() -> None:
    page = band_table(Shop, "storage").markup
    assert 'role="region" tabindex="0" aria-label=' in page
    assert page.count('<th scope="col"') == 5
    assert "<caption>" in page
    band = monte_carlo(Shop)["storage"]
    for value in band:
        assert Shop.estimates["storage"].show(value) in page


def test_the_widest_bar_comes_first_and_every_bar_holds_the_default() -> None:
    page = tornado_chart(Shop, "cost").markup
    assert "links &lt;created&gt;" in page
    rows = re.findall(r"left:([\d.]+)%;width:([\d.]+)%.*?left:([\d.]+)%", page)
    widths = [float(width) for _, width, _ in rows]
    assert len(rows) == 4, "an input that changes nothing has no bar"
    assert widths == sorted(widths, reverse=True)
    assert all(
        float(left) <= float(at) + 0.1 and float(at) <= float(left) + float(width) + 0.1 for left, width, at in rows
    )
    assert Shop(links=1e6).show("cost") in page


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data, "_cited", {})


@pytest.mark.usefixtures("fresh")
def test_a_comparison_gives_the_ratio_and_cites_its_source() -> None:
    figure = data.facts()["bitly-clicks-per-month-2010"]
    model = Shop(links=100e6)
    page = html.unescape(compare_table(model, {"links": figure.id}).markup)
    assert figure.show() in page
    for part in (figure.organisation, figure.year, figure.tier):
        assert part in page
    assert f"{model.links / figure.base:.3g} ×" in page
    assert figure.title in html.unescape(sources().markup)


@pytest.mark.usefixtures("fresh")
def test_the_sources_are_the_facts_used_so_far_with_tier_year_and_address() -> None:
    assert sources().plain == "[sources: 0]"
    used = [data.fact(id) for id in list(data.facts())[:5]]
    page = html.unescape(sources().markup)
    assert page.count("<li>") == 5
    for each in used:
        assert each.title in page
        assert f'href="{each.url}"' in page
        assert each.year in page
        assert f">{each.tier}</span>" in page


@pytest.mark.usefixtures("fresh")
def test_a_derived_figure_says_from_what_in_words() -> None:
    derived = next(each for each in data.facts().values() if each.tier == "derived" and "{" in each.derivation)
    data.fact(derived.id)
    page = html.unescape(sources().markup)
    first = data.facts()[derived.derivation.split("{")[1].split("}")[0]]
    assert f"{first.quantity} ({first.show()})" in page
    assert "{" not in page


@pytest.mark.parametrize(
    ("unit", "shown"),
    [
        ("gigabyte", "GB"),
        ("request/second", "req/s"),
        ("percent", "%"),
        ("", ""),
        ("link", "links"),
        ("USD/month", "$ / month"),
    ],
)
def test_a_unit_has_a_symbol_for_axes(unit: str, shown: str) -> None:
    assert symbol(unit) == shown
