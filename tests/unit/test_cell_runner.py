"""What runs a chapter's cells in the browser, here without a browser."""

import asyncio
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from designbook.publish import run_in_place
from designbook.publish.build import ImportGraph
from designbook.publish.cell_runner import LONGEST, Runner, face
from designbook.publish.run_in_place import Distribution, PageDiffers


@dataclass
class Notebook:
    """Cells that run one after another; what each has shown."""

    shown: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.runner = Runner(self.show)
        self.cells = 0

    def show(self, kind: str, text: str) -> None:
        if kind == "stdout" and self.shown and self.shown[-1][0] == kind:  # how prints are cut depends on the time
            text = self.shown.pop()[1] + text
        self.shown.append((kind, text))

    def run(self, source: str) -> str:
        self.shown.clear()
        self.cells += 1
        return asyncio.run(self.runner.run(source, f"cell {self.cells}"))


def test_cells_share_a_namespace_and_show_prints_and_the_last_expression_in_order() -> None:
    notebook = Notebook()
    assert notebook.run("x = 20") == ""
    assert notebook.shown == []
    assert notebook.run("print('x is', x)\ndisplay(x + 1)\nx + 22") == ""
    assert notebook.shown == [("stdout", "x is 20\n"), ("text/plain", "21"), ("text/plain", "42")]
    notebook.run("x;")
    notebook.run("None")
    assert notebook.shown == []


def test_a_cell_may_await_define_records_and_read_its_own_source() -> None:
    notebook = Notebook()
    source = """
import asyncio, inspect, typing
from dataclasses import dataclass

@dataclass
class Link:
    code: "Code"

Code = str
await asyncio.sleep(0)
def double(x):
    return 2 * x
typing.get_type_hints(Link), inspect.getsource(double)"""
    assert notebook.run(source) == ""
    assert notebook.shown == [("text/plain", repr(({"code": str}, "def double(x):\n    return 2 * x\n")))]
    assert sys.modules["__main__"] is not notebook.runner._module, "whoever ran it keeps its own main module"


def test_an_error_is_told_with_the_readers_lines_and_leaves_the_namespace_usable() -> None:
    notebook = Notebook()
    notebook.run("def divide(x):\n    return 1 / x")
    assert notebook.run("print('before')\ndivide(0)") == "ZeroDivisionError: division by zero"
    (kind, printed), (error, told) = notebook.shown
    assert (kind, printed, error) == ("stdout", "before\n", "error")
    lines = [line.strip() for line in told.splitlines() if line.strip().startswith("File")]
    assert lines == ['File "cell 2", line 2, in <module>', 'File "cell 1", line 2, in divide']
    assert notebook.run("x = (") == "SyntaxError: '(' was never closed"
    assert 'File "cell 3", line 1' in notebook.shown[0][1]
    assert notebook.run("raise SystemExit") == "SystemExit"
    assert notebook.run("divide(1)") == ""


def test_a_missing_package_is_named_before_anything_is_shown_so_that_the_cell_can_run_again() -> None:
    notebook = Notebook()
    assert notebook.run("print('on the way')\nimport no_such_package.part") == "missing no_such_package"
    assert notebook.shown == []
    assert notebook.run("import designbook.no_such_module").startswith("ModuleNotFoundError")


def test_what_is_printed_without_end_is_cut() -> None:
    notebook = Notebook()
    notebook.run(f"for _ in range(3): print('x' * {LONGEST})")
    text = "".join(text for _, text in notebook.shown)
    assert LONGEST < len(text) < LONGEST + 100
    assert text.endswith(f"cut here, after {LONGEST:,} characters\n")


def test_matplotlib_waits_until_a_cell_draws_and_then_is_set_up_first() -> None:
    notebook = Notebook()
    first = "import math\nimport matplotlib.pyplot as plt\nfrom designbook.page import figure_style\nfigure_style()"
    assert notebook.runner.imports(first) == "import designbook"
    assert notebook.run(first) == ""
    assert notebook.run("math.floor(2.5)") == ""
    assert "plt" not in notebook.runner._module.__dict__
    draws = "def later():\n    return plt.rcParams['svg.hashsalt']\nlater()"
    assert notebook.runner.imports(draws) == "import matplotlib"
    assert notebook.run(draws) == ""
    assert notebook.shown == [("text/plain", "'designbook'")], "figure_style() has run before"


def test_an_open_figure_is_shown_once_with_its_title_and_closed() -> None:
    notebook = Notebook()
    notebook.run("import matplotlib\nmatplotlib.use('agg')")
    draw = "figure, axes = plt.subplots()\naxes.set_title('It <rises>')\nplt.show()\nprint('after')"
    notebook.run(f"import matplotlib.pyplot as plt\n{draw}")
    (kind, svg), after = notebook.shown
    assert kind == "text/html"
    assert 'aria-label="It &lt;rises&gt;"' in svg
    assert after == ("stdout", "after\n")
    notebook.run("plt.get_fignums()")
    assert notebook.shown == [("text/plain", "[]")]


def test_a_value_is_shown_as_a_notebook_would_show_it() -> None:
    class Shown:
        def __init__(self, **methods: object) -> None:
            for name, value in methods.items():
                setattr(self, name, lambda *_, value=value, **__: value)

        def __repr__(self) -> str:
            return "<shown>"

    assert face(Shown(_repr_mimebundle_={"text/html": "<b>1</b>", "text/plain": "1"})) == ("text/html", "<b>1</b>")
    assert face(Shown(_repr_mimebundle_=({"text/plain": "1"}, {}))) == ("text/plain", "1")
    assert face(Shown(_repr_html_="<i>2</i>")) == ("text/html", "<i>2</i>")
    assert face(Shown(_repr_png_=b"\x89PNG")) == (
        "text/html",
        '<img alt="&lt;shown&gt;" src="data:image/png;base64,iVBORw==">',
    )
    assert face(Shown) == ("text/plain", repr(Shown))
    assert face({"b": 1, "a": 2}) == ("text/plain", "{'b': 1, 'a': 2}")


# -- what the first click costs, and the bars on the page ----------------------------------------------------------


@pytest.fixture
def distribution(tmp_path: Path) -> Distribution:
    """A Pyodide of a few bytes: `one` needs `two`, and both are larger than the core."""
    depends = {"designbook": [], "numpy": [], "matplotlib": ["numpy"]}
    packages = {name: {"file_name": f"{name}.whl", "imports": [name], "depends": on} for name, on in depends.items()}
    (tmp_path / "pyodide-lock.json").write_text(json.dumps({"packages": packages}))
    for name, size in {"designbook": 1e6, "numpy": 3e6, "matplotlib": 7e6}.items():
        (tmp_path / f"{name}.whl").write_bytes(bytes(int(size)))
    for name in set(run_in_place.CORE) - {"pyodide-lock.json"}:
        (tmp_path / name).write_bytes(bytes(100_000))
    return Distribution(tmp_path)


def test_a_package_is_wanted_from_the_first_cell_on_that_needs_it_also_further_in(distribution: Distribution) -> None:
    cells = [
        "import math\nimport matplotlib.pyplot as plt",
        "from designbook.blocks.base62 import encode",
        "from designbook.capacity import monte_carlo",
        "import numpy as np",
        "plt.subplots()",
        "from somewhere import something",
    ]
    reached = ImportGraph().reached
    assert run_in_place.wanted(cells, distribution, reached) == [[], [], ["numpy"], [], ["matplotlib"], []]


def test_the_cost_counts_each_package_once_with_all_that_it_needs(distribution: Distribution) -> None:
    core = distribution.core
    assert 100_000 < core < 200_000, "one archive as it is, the others compressed"
    assert distribution.weight(["matplotlib", "numpy"]) == 10_000_000
    assert run_in_place.cost(distribution, []) == "first run: 1 MB, about 5 s"
    assert run_in_place.cost(distribution, [["numpy"], ["matplotlib"]]) == "first run: 11 MB, about 10 s"


PAGE = (
    '<div class="cell docutils container">\n<div class="cell_input docutils container">\n<div class="highlight-python">'
    '<div class="highlight"><pre><span></span><span class="n">a</span> &lt; 1\n</pre></div>\n</div>\n</div>\n</div>\n'
)


def test_a_bar_stands_under_the_code_of_its_own_cell_or_the_build_fails() -> None:
    page = run_in_place.with_bars(PAGE, ["hidden", "a < 1"], [1], ["", "1 MB"], "a.html")
    assert page.count('data-run="1"') == 1
    assert page.index("</pre>") < page.index('data-run="1"')
    with pytest.raises(PageDiffers, match=r"a\.html: code cell 0 is not as in its notebook"):
        run_in_place.with_bars(PAGE, ["a < 2"], [0], ["1 MB"], "a.html")
    with pytest.raises(PageDiffers, match=r"a\.html: 1 code cells on the page, 2 in its notebook"):
        run_in_place.with_bars(PAGE, ["a < 1", "b"], [0, 1], ["1 MB"] * 2, "a.html")
