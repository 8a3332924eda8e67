"""Panels without a browser: their HTML, their steps, and their face in a kernel."""

import math
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from designbook.capacity import CapacityModel, Input, Limit, amount, ceil, count, estimate
from designbook.page import Axis, ExperimentPanel, Line, ModelPanel, Output
from designbook.page.model_panel import formula_text
from designbook.page.sliders import steps


class Shop(CapacityModel):
    """A shop of links."""

    links = Input(100e6, "link/month", low=1e6, high=10e9, scale="log", about="links <created>")
    size = Input(500, "byte/link", low=100, high=2_000)
    kept = Input(5, "year", low=1, high=20)
    fixed = Input(3, "")
    per_disk = Input(2, "terabyte/server", low=0.5, high=8)

    @estimate("terabyte")
    def storage(self) -> float:
        """All links."""
        return self.links * self.size * self.kept

    @estimate("server")
    def disks(self) -> float:
        """Disks for them."""
        return ceil(self.storage * self.fixed / self.per_disk)

    @estimate("terabyte")
    def branched(self) -> float:
        """More than one expression."""
        if self.storage > amount(1, "terabyte"):
            return self.storage
        return self.storage * 2

    one_disk = Limit("storage", 8, "terabyte", about="one disk", then="partition")


@pytest.fixture(autouse=True)
def _static(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESIGNBOOK_STATIC", "1")


def curve(x: float, a: float) -> float:
    return x * a


def total(a: float) -> float:
    return a * 10


def verdict(a: float) -> str:
    return "At {a} it makes {total}."


def experiment(**changes: object) -> ExperimentPanel:
    options: dict[str, object] = {
        "name": "lines",
        "title": "Steeper is more",
        "x": Input(5, "second", low=1, high=11, about="time"),
        "y": Axis("way"),
        "sliders": {"a": Input(2, "", low=1, high=9)},
        "outputs": {"total": Output(total, "", "in all")},
        "verdict": verdict,
        "lines": [Line(50, "half way")],
    }
    return ExperimentPanel(curve, **(options | changes))  # type: ignore[arg-type]


@given(st.floats(1e-3, 1e6), st.floats(1.5, 1e9), st.floats(0, 1), st.sampled_from(["linear", "log"]))
def test_a_slider_has_both_ends_and_the_default_and_at_most_a_hundred_odd_steps(
    low: float, ratio: float, share: float, scale: str
) -> None:
    high = low * ratio
    default = min(high, low + share * (high - low))
    found = steps(low, high, scale, default)
    assert list(found) == sorted(set(found))
    assert found[0] == low
    assert found[-1] == high
    assert default in found
    assert 3 <= len(found) + (default in (low, high)) <= 104
    for step in set(found) - {low, high, default}:
        assert float(f"{step:.4g}") == pytest.approx(step, rel=1e-9) or scale == "linear"


def test_whole_inputs_have_whole_steps() -> None:
    assert steps(1, 20, "linear", 5) == tuple(range(1, 21))
    assert all(step.is_integer() for step in steps(100, 2_000, "linear", 500))
    with pytest.raises(ValueError, match="cannot stand at 9"):
        steps(1, 5, "linear", 9)


def test_the_page_shows_defaults_labels_and_results_without_a_script() -> None:
    page = ModelPanel(Shop, name="shop").html()
    model = Shop()
    assert page.startswith('<figure class="dbk dbk-panel" data-panel="shop">')
    assert re.findall(r'<input type="range" name="(\w+)"', page) == ["links", "size", "kept", "per_disk"]
    assert page.count("aria-valuetext=") == page.count("aria-label=") == 4
    for name in Shop.estimates:
        assert f'data-output="{name}">{model.show(name)}<' in page
    assert f"data-verdict>{model.verdict().sentence}<" in page
    assert "storage = links · size · kept = 100 M links/month · 500 B/link · 5 years = 3 TB" in page
    assert "links &lt;created&gt;" in page
    assert "<created>" not in page.split("<script>")[0]


def test_what_is_shown_can_be_chosen_named_and_refused() -> None:
    page = ModelPanel(Shop, inputs=["kept"], outputs={"disks": "drives"}, formula="disks", band=False).html()
    assert re.findall(r'name="(\w+)"', page.split("<script>")[0]) == ["kept"]
    assert ">drives<" in page
    assert "disks = ceil(storage · fixed / per_disk) = ceil(3 TB · 3 / 2 TB/server) = 5 servers" in page
    assert "percentile" not in page
    for wrong, why in [
        ({"inputs": ["nothing"]}, "no input 'nothing'; it has links"),
        ({"inputs": ["fixed"]}, "fixed has no range"),
        ({"outputs": ["nothing"]}, "no estimate 'nothing'"),
        ({"formula": "branched"}, "one expression"),
    ]:
        with pytest.raises(LookupError, match=why):
            ModelPanel(Shop, **wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="small letters"):
        ModelPanel(Shop, name='x"><script>')


def test_a_formula_is_spelt_out_only_where_it_is_one_expression() -> None:
    assert formula_text(Shop, "storage") == "{links} · {size} · {kept}"
    assert formula_text(Shop, "branched") is None


def test_a_formula_is_spelt_out_without_what_only_changes_a_unit() -> None:
    class Counted(Shop):
        """With changes of units."""

        @estimate("server")
        def spread(self) -> float:
            """One a thousand links, and one more."""
            return amount(ceil((count(self.links) + 1) / 1000), "server") + amount(1, "server")

    assert formula_text(Counted, "spread") == "ceil(({links} + 1) / 1000) + 1"


def test_static_panels_carry_no_widget_state_and_are_the_same_on_every_run() -> None:
    for make in (lambda: ModelPanel(Shop), experiment, lambda: experiment(translate=True)):
        bundle = make()._repr_mimebundle_()
        assert set(bundle) == {"text/html", "text/plain"}
        assert bundle == make()._repr_mimebundle_()


def test_with_a_kernel_the_sliders_are_widgets_and_a_move_takes_less_than_150_ms(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("DESIGNBOOK_STATIC")
    panel = ModelPanel(Shop)
    assert "application/vnd.jupyter.widget-view+json" in panel._repr_mimebundle_()
    box = panel.widget()
    slider, output = box.children[1], box.children[-1]
    times = []
    for index in range(len(slider.options)):
        started = time.perf_counter()
        slider.index = index
        times.append(time.perf_counter() - started)
    assert f">{Shop(links=10e9).show('storage')}<" in output.value
    assert sorted(times)[int(0.95 * len(times))] < 0.150
    box.children[0].children[1].click()
    assert f">{Shop().show('storage')}<" in output.value


def test_with_a_kernel_an_experiment_is_computed_and_drawn_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DESIGNBOOK_STATIC")
    box = experiment().widget()
    before = box.children[-1].value
    box.children[1].index = 0
    assert box.children[-1].value != before
    assert "At 1 it makes 10." in box.children[-1].value


def test_an_experiment_reads_as_a_table_without_a_script() -> None:
    page = experiment().html()
    assert 'data-needs="uplot"' in page
    assert "Way against time: at 1 s: way 2; at 5 s: way 10; at 11 s: way 22." in page
    assert re.findall(r'data-point="\d+">(\d+)<', page) == ["2", "6", "8", "10", "12", "16", "18", "22"]
    assert "At 2 it makes 20." in page
    assert 'data-output="total">20<' in page


def test_curves_computed_ahead_are_those_of_the_function_at_each_step() -> None:
    panel = experiment()
    shipped = panel._grid
    assert len(shipped) == len(panel.sliders[0].steps)
    for step, moment in zip(panel.sliders[0].steps, shipped, strict=True):
        assert moment.curves[0] == pytest.approx([curve(x, step) for x in panel.xs], rel=1e-3)
    assert panel.y_range == (0, pytest.approx(104, abs=0.5))


def test_two_sliders_are_walked_with_the_last_one_moving_fastest() -> None:
    panel = ExperimentPanel(
        lambda x, a, b: a * 100 + b,
        name="two",
        title="Two",
        x=Input(1, "", low=0, high=3),
        y=Axis("y"),
        sliders={"a": Input(1, "", low=1, high=5), "b": Input(1, "", low=1, high=4)},
    )
    values = [moment.curves[0][0] for moment in panel._grid]
    assert values == [a * 100 + b for a in range(1, 6) for b in range(1, 5)]


def test_a_curve_can_take_all_of_x_at_once() -> None:
    panel = experiment()
    whole = ExperimentPanel(
        lambda xs, a: [x * a for x in xs],
        name="w",
        title="W",
        x=panel.x,
        y=panel.y,
        sliders={"a": Input(2, "", low=1, high=9)},
        whole=True,
    )
    assert whole.at().curves == panel.at().curves
    short = ExperimentPanel(
        lambda xs, a: [1.0],
        name="w",
        title="W",
        x=panel.x,
        y=panel.y,
        sliders={"a": Input(2, "", low=1, high=9)},
        whole=True,
    )
    with pytest.raises(ValueError, match="gave 1 values for"):
        short.at()


def test_an_experiment_that_cannot_work_says_why() -> None:
    a = Input(2, "", low=1, high=9)
    for changes, why in [
        ({"sliders": {"a": a, "b": a}}, "curve must take 3 values: x, a, b"),
        ({"sliders": {"a": a, "b": a, "c": a}}, "3 sliders; 1 to 2"),
        ({"verdict": curve}, "curve must take 1 values: a"),
        ({"translate": True, "whole": True}, "one x at a time"),
        ({"name": "A"}, "small letters"),
    ]:
        with pytest.raises(ValueError, match=why):
            experiment(**changes)


def test_numbers_that_are_not_finite_do_not_break_the_page() -> None:
    page = ExperimentPanel(
        lambda x, a: math.inf if x > 5 else math.nan,
        name="odd",
        title="Odd",
        x=Input(5, "", low=0, high=10),
        y=Axis("y"),
        sliders={"a": Input(2, "", low=1, high=9)},
    ).html()
    assert "not a number" in page
    assert "∞" in page
