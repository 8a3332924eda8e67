"""A capacity model is one definition that gives numbers, arrays, dimensions, a derivation, a band and JavaScript."""

import math
import re
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from designbook import data
from designbook.capacity import (
    CapacityModel,
    CircularEstimate,
    DimensionError,
    Input,
    Limit,
    TranslationError,
    amount,
    ceil,
    check_dimensions,
    compare,
    count,
    derivation,
    estimate,
    exp,
    floor,
    log,
    log2,
    maximum,
    minimum,
    monte_carlo,
    sqrt,
    to_javascript,
    tornado,
    translate,
)
from designbook.data import fact
from designbook.quantities import UnitError, format_value, registry, to_base
from designbook.systems.url_shortener.capacity import ShortenerCapacity

ALPHABET = 62


def digits(codes, alphabet):
    """Characters of an alphabet for so many codes, counted."""
    length = 0
    while codes > 1:
        codes = codes / alphabet
        length += 1
    return length


class Parcels(CapacityModel):
    """A small model with every kind of formula: a product, a condition, a loop, a helper, a constant."""

    orders = Input(10e6, "request/month", low=1e5, high=1e9, scale="log", about="orders placed")
    peak = Input(4, "", low=1, high=10, about="busiest second against the mean")
    record = Input(1, "kilobyte/request", low=0.2, high=5, about="one stored order")
    kept = Input(3, "year", low=1, high=10)
    node_rate = Input(50, "request/second/node", low=5, high=500, scale="log")
    price = Input(0.1, "USD/hour/node", low=0.01, high=1)
    spare = 1

    @estimate("request/second")
    def rate(self):
        """Orders in the busiest second.

        The mean says little.
        """
        return self.orders * self.peak

    @estimate("terabyte")
    def storage(self):
        """All orders kept."""
        orders = self.orders * self.kept
        return orders * self.record

    @estimate("node")
    def nodes(self):
        """Nodes for the busiest second, never less than two."""
        needed = ceil(self.rate / self.node_rate)
        if needed > amount(1, "node"):
            return needed
        return amount(2, "node")

    @estimate("character")
    def code(self):
        """Characters of an order's number."""
        return amount(digits(count(self.orders * self.kept), ALPHABET) + self.spare, "character")

    @estimate("USD/month")
    def cost(self):
        """Rent of the nodes."""
        return self.nodes * self.price

    one_disk = Limit("storage", 2, "terabyte", about="one disk", then="split the orders by month")
    one_node = Limit("rate", 50, "request/second", about="one node")


def inputs_of(model):
    """Settings in base units, anywhere in the ranges of a model's inputs, their ends included."""
    share = st.sampled_from([0.0, 0.5, 1.0]) | st.floats(0, 1)
    return st.fixed_dictionaries({name: share.map(part.at) for name, part in model.inputs.items()})


# --- numbers


def test_settings_and_results_are_in_base_units_and_shown_in_their_own():
    model = Parcels(kept=2)
    assert model.orders == pytest.approx(10e6 / (365.25 * 86400 / 12), rel=1e-15)
    assert model.storage == pytest.approx(10e6 * 24 * 1000)
    assert (model.show("storage"), model.show("rate"), model.show("kept")) == ("240 GB", "15.2 req/s", "2 years")
    assert model.value("storage", "gigabyte") == pytest.approx(240)
    assert model.value("orders") == pytest.approx(10e6)
    assert model.show("rate", "request/day") == "1.31 M req/day"
    assert Parcels.storage.about == "All orders kept."
    assert Parcels.rate.about == "Orders in the busiest second."


def test_a_setting_may_be_a_text_with_a_unit():
    assert Parcels(record="0.002 MB/request").record == pytest.approx(2000)
    assert Parcels(orders="2,000,000 requests/month").value("orders") == pytest.approx(2e6)
    assert Parcels(kept="18 months").show("kept") == "1.5 years"


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"peak": 11}, ValueError, r"Parcels\.peak = 11 is outside of its range, 1 to 10"),
        ({"peak": math.nan}, ValueError, r"Parcels\.peak = nan"),
        ({"kept": "10 days"}, ValueError, r"Parcels\.kept = 0\.0273\d* is outside of its range, 1 to 10 year"),
        ({"kept": "3 TB"}, UnitError, r"Parcels\.kept .*'3 TB'"),
        ({"kept": "long"}, ValueError, r"Parcels\.kept.*'long'"),
        ({"kept": "3 moons"}, UnitError, r"moons"),
        ({"speed": 1}, TypeError, r"Parcels has no input 'speed'; it has orders, peak"),
        ({"orders": np.array([1e6, 2e9])}, ValueError, r"Parcels\.orders = 2e\+09 is outside"),
    ],
)
def test_a_wrong_setting_is_an_error_that_names_it(change, error, words):
    with pytest.raises(error, match=words):
        Parcels(**change)


def test_a_model_does_not_change_but_gives_another():
    model = Parcels(kept=2)
    for name in ("kept", "rate"):
        with pytest.raises(AttributeError, match=name):
            setattr(model, name, 1)
    other = model.but(peak=1)
    assert (other.value("kept"), other.peak, model.peak) == (2, 1, 4)
    assert repr(other) == "Parcels(kept=2, peak=1)"


def test_unknown_names_are_errors_that_say_what_there_is():
    model = Parcels()
    for ask in (model.show, model.value, lambda name: tornado(model, name), lambda name: derivation(model, name)):
        with pytest.raises(AttributeError, match=r"'sped'.*rate"):
            ask("sped")
    with pytest.raises(UnitError, match=r"Parcels\.rate.*'byte'"):
        Parcels().value("rate", "byte")


def test_a_subclass_takes_over_replaces_and_adds():
    class Busy(Parcels):
        peak = Input(8, "", low=1, high=10)
        one_node = Limit("rate", 80, "request/second", about="one larger node")

        @estimate("request/second")
        def mean(self):
            """Orders on average."""
            return self.orders

    assert Busy().rate == 2 * Parcels().rate == 8 * Busy().mean
    assert list(Busy.estimates) == [*Parcels.estimates, "mean"]
    assert "mean" not in Parcels.estimates
    assert Busy.limits["one_node"].base == 80
    assert Parcels.limits["one_node"].base == 50


def test_an_input_or_limit_may_be_a_published_figure_with_its_unit():
    class Priced(CapacityModel):
        price = Input(fact("ec2-m7g-large"), low=0.01, high=1)
        monthly = Input(fact("s3-standard-storage"), "USD/terabyte/month")
        created = Input(fact("bitly-creations-per-day-2023"))

        @estimate("link/second")
        def writes(self):
            return self.created

        most = Limit("writes", fact("bitly-links-per-month-2014"), about="what was seen in 2014")

    assert Priced.price.unit == "USD/hour/server"
    assert Priced.price.source is fact("ec2-m7g-large")
    assert Priced().value("monthly") == pytest.approx(23)
    assert Priced.most.base == fact("bitly-links-per-month-2014").base
    with pytest.raises(UnitError, match="ec2-m7g-large"):
        Input(fact("ec2-m7g-large"), "byte")


@pytest.mark.parametrize(
    "arguments",
    [
        {"low": 5, "high": 9},
        {"low": 1},
        {"low": 0, "high": 9, "scale": "log"},
        {"low": 1, "high": 9, "scale": "square"},
    ],
)
def test_a_range_that_makes_no_sense_is_refused(arguments):
    with pytest.raises(ValueError, match=r"range|low and high|scale"):
        Input(3, "", **arguments)


def test_the_ends_and_the_middle_of_a_range_follow_its_scale():
    assert [Parcels.peak.at(share) for share in (0, 0.5, 1)] == [1, 5.5, 10]
    orders = [Parcels.orders.at(share) * to_base(1, "month") for share in (0, 0.5, 1)]
    assert orders == pytest.approx([1e5, 1e7, 1e9])


# --- dimensions


def declare(unit, formula, name="result"):
    """A model with one formula, and the inputs of Parcels."""
    formula.__name__ = name
    return type("Wrong", (Parcels,), {name: estimate(unit)(formula)})


@pytest.mark.parametrize(
    ("unit", "formula", "words"),
    [
        ("request/second", lambda self: self.rate * self.kept, r"\[request\] / \[time\].*gives \[request\]$"),
        ("byte", lambda self: self.storage + self.rate, r"Wrong\.result: Cannot convert"),
        ("byte", lambda self: self.storage + 1, r"Wrong\.result: Cannot convert"),
        ("node", lambda self: 3, r"promises node \(\[node\]\), but its formula gives dimensionless"),
        ("", lambda self: log(self.kept), r"Wrong\.result: log needs a number, not \[time\]"),
        ("", lambda self: exp(self.rate), r"Wrong\.result: exp needs a number"),
        ("", lambda self: count(self.storage), r"Wrong\.result: count needs things that are counted"),
        ("byte", lambda self: maximum(self.storage, self.kept), r"Wrong\.result: Cannot convert"),
        ("", lambda self: amount(self.kept, "node"), r"Wrong\.result: amount needs a number"),
        ("", lambda self: self.speed, r"Wrong\.result: 'Wrong' object has no attribute 'speed'"),
    ],
)
def test_a_formula_that_breaks_its_promise_is_an_error_with_model_estimate_and_dimensions(unit, formula, words):
    model = declare(unit, formula)
    with pytest.raises(DimensionError, match=words) as caught:
        check_dimensions(model)
    assert "Wrong.result" in str(caught.value)
    with pytest.raises(DimensionError, match=words):
        model()


def test_a_branch_that_the_defaults_do_not_reach_is_checked_at_the_ends_of_the_ranges():
    def result(self):
        return self.storage if self.peak < 10 else self.rate

    with pytest.raises(DimensionError, match=r"Wrong\.result"):
        check_dimensions(declare("byte", result))


def test_an_error_is_told_for_the_formula_in_which_it_happens():
    def result(self):
        return self.storage + self.rate

    model = declare("byte", result)

    class Next(model):
        first = estimate("byte")(lambda self: self.result * 2)

    with pytest.raises(DimensionError, match=r"Next\.result: "):
        Next()


def test_a_correct_model_passes():
    check_dimensions(Parcels)
    check_dimensions(ShortenerCapacity)


def test_estimates_that_need_each_other_are_an_error_that_shows_the_circle():
    class Circle(Parcels):
        @estimate("byte")
        def first(self):
            return self.second * 2

        @estimate("byte")
        def second(self):
            return self.first / 2

    with pytest.raises(CircularEstimate, match=r"Circle: .*first -> second -> first"):
        Circle()


def test_parts_with_reserved_names_and_limits_on_nothing_are_refused():
    with pytest.raises(TypeError, match="'verdict'"):
        type("Odd", (CapacityModel,), {"verdict": Input(1)})
    with pytest.raises(TypeError, match=r"Odd\.top limits 'height'"):
        type("Odd", (CapacityModel,), {"top": Limit("height", 1, about="the roof")})
    with pytest.raises(UnitError, match=r"Odd\.top is in 'byte', but rate is in"):
        type("Odd", (Parcels,), {"top": Limit("rate", 1, "byte", about="the roof")})
    with pytest.raises(ValueError, match="above 0"):
        Limit("rate", 0, about="nothing")


def test_an_error_inside_a_formula_says_where():
    def result(self):
        return self.storage / (self.peak - 4)

    with pytest.raises(ZeroDivisionError) as caught:
        _ = declare("byte", result)().result
    assert caught.value.__notes__ == ["while computing Wrong.result"]


# --- arrays


@settings(max_examples=30)
@given(st.lists(inputs_of(Parcels), min_size=1, max_size=4))
def test_a_sweep_gives_what_each_setting_gives_alone(rows):
    columns = {name: np.array([row[name] for row in rows]) for name in Parcels.inputs}
    sweep = Parcels.from_base(columns)
    for name in Parcels.estimates:
        alone = [getattr(Parcels.from_base(row), name) for row in rows]
        assert list(np.broadcast_to(getattr(sweep, name), len(rows))) == pytest.approx(alone, rel=1e-12)


def test_a_sweep_of_two_inputs_makes_a_grid():
    grid = Parcels(peak=np.array([[1.0], [2.0]]), orders=np.array([1e6, 1e7, 1e8]))
    assert grid.rate.shape == grid.nodes.shape == (2, 3)
    assert grid.nodes[1, 2] == Parcels(peak=2, orders=1e8).nodes


def test_a_real_error_in_a_sweep_is_not_hidden():
    with pytest.raises(TypeError, match="subscript"):
        _ = (
            declare("byte", lambda self: self.storage[0] if self.peak == 4 else self.storage)
            .from_base({"peak": np.array([4.0, 5.0])})
            .result
        )


def test_a_verdict_is_not_taken_from_arrays():
    with pytest.raises(ValueError, match="one setting"):
        Parcels(peak=np.array([1.0, 2.0])).verdict()


# --- the functions


@pytest.mark.parametrize("base", [2, 10, 62])
def test_logarithms_of_whole_powers_are_whole(base):
    for power in range(int(52 / math.log2(base))):
        codes = float(base) ** power
        assert log(codes, base) == power
        # One more code needs one more character, as long as a float can tell the two logarithms apart.
        assert ceil(log(codes * (1 + 1e-12), base)) == power + 1
    powers = float(base) ** np.arange(8)
    assert list(log(powers, base)) == list(range(8))


@given(st.floats(1e-300, 1e300))
def test_functions_agree_with_mathematics_on_floats_and_arrays(x):
    twins = [(ceil, math.ceil), (floor, math.floor), (sqrt, math.sqrt), (log, math.log), (log2, math.log2)]
    for ours, theirs in twins:
        assert ours(x) == pytest.approx(float(theirs(x)), rel=1e-12, abs=1e-12)
        assert isinstance(ours(x), float)
        assert ours(np.array([x]))[0] == pytest.approx(ours(x), rel=1e-12)


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=4))
def test_the_largest_and_the_smallest(values):
    assert (maximum(*values), minimum(*values)) == (max(values), min(values))
    assert list(maximum(np.array(values), 0.0)) == [max(value, 0.0) for value in values]


def test_functions_keep_units_and_whole_numbers_are_floats():
    rate = registry.Quantity(2.5, "request/second")
    assert ceil(rate) == registry.Quantity(3, "request/second")
    assert sqrt(registry.Quantity(4, "byte**2")) == registry.Quantity(2, "byte")
    assert maximum(rate, registry.Quantity(1, "request/second")) == rate
    assert log2(registry.Quantity(8, "key")) == 3
    assert isinstance(ceil(2.1), float)
    assert ceil(math.inf) == math.inf
    assert math.isnan(floor(math.nan))
    assert amount(2, "kilobyte") == 2000
    assert count(5.0) == 5.0


# --- limits


def test_the_verdict_names_what_gives_way_first_and_what_comes_next():
    holds = Parcels().verdict()
    assert holds.limit is Parcels.limits["one_node"]
    assert holds.ratio == pytest.approx(Parcels().rate / 50)
    assert holds.sentence == "One node still carries rate, at 30.4 % of its 50 req/s."
    full = Parcels(orders=1e9, kept=10).verdict()
    assert full.limit is Parcels.limits["one_disk"]
    assert full.ratio == pytest.approx(60)
    assert full.sentence == (
        "One disk gives way first: storage at 60 times its 2 TB. Next step: split the orders by month. "
        "Past their limits too: One node."
    )
    exact = Parcels(orders=2e9 / 60, peak=1, kept=5).verdict()
    assert exact.sentence.startswith("One disk still carries storage, at 100 % of its 2 TB. Beyond that: split")
    past = Parcels(orders=2e9 / 60, peak=1, kept=5.05).verdict()
    assert past.sentence.startswith("One disk gives way first: storage at 101 % of its 2 TB. Next step: split")


@given(inputs_of(Parcels))
def test_the_verdict_is_about_the_limit_with_the_highest_ratio(values):
    model = Parcels.from_base(values)
    ratios = {limit.name: getattr(model, limit.estimate) / limit.base for limit in Parcels.limits.values()}
    verdict = model.verdict()
    assert verdict.ratio == max(ratios.values()) == ratios[verdict.limit.name]
    assert ("gives way first" in verdict.sentence) == (verdict.ratio > 1)


def test_a_model_without_limits_has_no_verdict():
    class Plain(CapacityModel):
        size = Input(1, "byte")

    assert Plain().verdict().limit is None
    assert Plain().verdict().sentence == ""


# --- uncertainty


def test_the_band_is_the_one_of_a_triangular_distribution():
    class Even(CapacityModel):
        x = Input(10, "", low=0, high=20)
        y = Input(100, "", low=1, high=10_000, scale="log")
        z = Input(0, "", low=0, high=20)
        same = estimate("")(lambda self: self.x)
        spread = estimate("")(lambda self: self.y)
        edge = estimate("")(lambda self: self.z)
        fixed = estimate("")(lambda self: 7)

    samples = 20_000
    q10 = math.sqrt(0.05)  # of the even triangle on 0 to 1; its density there is 4 q
    slack = 5 * math.sqrt(0.1 * 0.9 / samples) / (4 * q10)
    for seed in range(3):
        bands = monte_carlo(Even, samples, seed=seed)
        assert bands["same"] == pytest.approx((20 * q10, 10, 20 * (1 - q10)), abs=20 * slack)
        assert [math.log10(each) / 4 for each in bands["spread"]] == pytest.approx([q10, 0.5, 1 - q10], abs=slack)
        # All weight at one end: the density falls from 2 to 0.
        assert bands["edge"].p50 == pytest.approx(20 * (1 - math.sqrt(0.5)), abs=0.3)
        assert bands["fixed"] == (7, 7, 7)


def test_a_band_is_the_same_for_the_same_seed_and_in_order():
    bands = monte_carlo(Parcels, 500, seed=1)
    assert bands == monte_carlo(Parcels(), 500, seed=1) != monte_carlo(Parcels, 500, seed=2)
    assert list(bands) == list(Parcels.estimates)
    assert all(band.p10 <= band.p50 <= band.p90 for band in bands.values())
    with pytest.raises(ValueError, match="samples"):
        monte_carlo(Parcels, 0)


def test_a_band_moves_with_the_settings():
    assert monte_carlo(Parcels(kept=9), 500)["storage"].p50 > monte_carlo(Parcels(kept=1), 500)["storage"].p50


def test_the_tornado_shows_each_input_that_moves_the_estimate_widest_first():
    bars = tornado(Parcels, "storage")
    assert [bar.input for bar in bars] == ["orders", "record", "kept"]
    base = Parcels().storage
    assert [(bar.low / base, bar.high / base) for bar in bars] == [
        (pytest.approx(0.01), pytest.approx(100)),
        (pytest.approx(0.2), pytest.approx(5)),
        (pytest.approx(1 / 3), pytest.approx(10 / 3)),
    ]
    assert (bars[0].label, bars[0].at_low, bars[0].at_high) == ("orders placed", "100 k req/month", "1 bn req/month")
    assert [bar.swing for bar in bars] == sorted((bar.swing for bar in bars), reverse=True)


# --- comparison


def test_an_estimate_stands_beside_a_published_figure_which_is_cited(monkeypatch):
    monkeypatch.setattr(data, "_cited", {})
    model = ShortenerCapacity()
    (row,) = compare(model, {"reads": "bitly-clicks-per-second-2023"})
    assert row.ratio == pytest.approx(model.reads / 4167)
    assert (row.ours, row.published) == (model.show("reads"), "4.17 k clicks/s")
    assert "Bitly" in row.citation
    assert data.cited() == [row.fact]


def test_what_cannot_be_compared_is_an_error_that_names_both():
    with pytest.raises(UnitError, match=r"ShortenerCapacity\.reads.*'bitly-volume-2023'"):
        compare(ShortenerCapacity(), {"reads": "bitly-volume-2023"})


# --- derivation


def test_a_derivation_is_the_formula_the_numbers_put_in_and_the_result():
    rate, nodes, cost = derivation(Parcels(), "cost")
    assert (rate.name, rate.about, rate.result) == ("rate", "Orders in the busiest second.", "15.2 req/s")
    assert rate.formula == r"\text{orders} \cdot \text{peak}"
    assert rate.numbers == r"\text{10 M req/month} \cdot \text{4}"
    assert nodes.formula.startswith(r"\left\{ \begin{array}{ll}")
    assert r"\frac{\text{rate}}{\text{node rate}}" in nodes.formula
    assert r"\text{2 nodes}" in nodes.numbers
    assert cost.numbers == r"\text{2 nodes} \cdot \text{\$ 0.10 / node / h}"
    assert cost.result == "$ 146 / month"


def test_a_local_name_is_replaced_by_what_it_stands_for():
    (storage,) = derivation(Parcels(), "storage")
    assert storage.formula == r"\text{orders} \cdot \text{kept} \cdot \text{record}"


def test_a_helper_is_shown_as_a_function_and_a_loop_by_what_it_uses():
    (code,) = derivation(Parcels(), "code")
    assert code.formula.startswith(r"\operatorname{digits}")
    assert r"\text{spare}" in code.formula

    class Looped(Parcels):
        @estimate("")
        def rounds(self):
            """Doublings until the peak is reached."""
            reached, rounds = 1.0, 0
            while reached < self.peak:
                reached *= 2
                rounds += 1
            return rounds

    (step,) = derivation(Looped(), "rounds")
    assert (step.formula, step.numbers) == (r"\operatorname{rounds}(\text{peak})", r"\operatorname{rounds}(\text{4})")


@pytest.mark.parametrize("model", [Parcels, ShortenerCapacity])
def test_every_estimate_has_a_derivation_after_those_it_needs(model):
    steps = derivation(model())
    assert sorted(step.name for step in steps) == sorted(model.estimates)
    for index, step in enumerate(steps):
        latex = step.formula + step.numbers
        bare = re.sub(r"\\[{}]", "", latex)
        assert bare.count("{") == bare.count("}")
        assert latex.count(r"\left") == latex.count(r"\right")
        assert "mark" not in latex
        assert "self" not in latex
        later = [other.label for other in steps[index + 1 :]]
        assert not [label for label in later if rf"\text{{{label}}}" in step.formula and label not in model.inputs]


# --- JavaScript (tests/models runs it in a browser; here is what it is made of)


def test_a_model_is_one_object_with_inputs_getters_limits_and_a_verdict():
    source = to_javascript(Parcels)
    assert source.startswith("(function () {")
    assert source.endswith("})()")
    for name, part in Parcels.inputs.items():
        assert f"\n{name}: {part.base()!r}," in source
    for name in (*Parcels.estimates, "verdict"):
        assert f"\nget {name}() {{" in source
    assert "return this.orders * this.peak;" in source.replace("(", "").replace(")", "")
    assert '"then": "split the orders by month"' in source
    assert "self." not in source.replace("self[", "")


def test_only_the_runtime_in_use_is_shipped():
    class Small(CapacityModel):
        size = Input(3, "byte", low=1, high=9)

        @estimate("byte")
        def whole(self):
            return ceil(self.size * 2)

    source = to_javascript(Small)
    assert "kit_ceil" in source
    assert "_pyfunc" not in source
    assert "kit_log" not in source
    assert "fn_" not in source
    assert len(source) < 400
    assert len(to_javascript(ShortenerCapacity)) < 15_000


def test_formatting_is_one_source_for_both_languages():
    source = translate(format_value)
    assert "fn__significant" in source
    assert "_pymeth" not in source
    assert len(source) < 7_000


def _lambda(x):
    return (lambda y: y)(x)


def _unknown(x):
    return undefined_name * x  # noqa: F821


def _text(x):
    return f"{x}"


def _keywords(x):
    return _default(x=x)


def _default(x=1):
    return x


def _places(x):
    return round(x, 2)


def _loop(x):
    for i in range(3):
        i = i + 1
    return i


def _dictionary(x):
    return {"x": x}["x"]


def _division_of_text(x):
    return str(x / 3)


def _foreign(x):
    return re.escape(x)


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (_lambda, "lambda"),
        (_unknown, "'undefined_name'"),
        (_text, "f'{x}'"),
        (_keywords, "by position"),
        (_default, "defaults"),
        (_places, "rounding to digits"),
        (_loop, "its own variable 'i'"),
        (_dictionary, "{'x': x}"),
        (_division_of_text, "texts of numbers"),
        (math.hypot, "source"),
    ],
)
def test_what_has_no_equal_in_javascript_is_an_error_that_names_it(function, words):
    with pytest.raises(TranslationError, match=re.escape(words)):
        translate(function)


def test_a_translation_error_names_the_model_and_the_estimate():
    class Odd(Parcels):
        @estimate("")
        def odd(self):
            return min({1, 2})

    with pytest.raises(TranslationError, match=r"Odd\.odd, line 3"):
        to_javascript(Odd)


# --- without NumPy


def test_a_model_runs_where_numpy_is_missing():
    code = """
import sys
for name in ("numpy", "pandas", "matplotlib", "scipy"):
    sys.modules[name] = None
from designbook.systems.url_shortener.capacity import ShortenerCapacity
from designbook.capacity import derivation, to_javascript, tornado
model = ShortenerCapacity()
assert model.show("reads") == "3.8 k req/s", model.show("reads")
assert derivation(model, "reads") and tornado(model, "reads") and to_javascript(ShortenerCapacity)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
