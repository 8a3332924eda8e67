"""Runs a chapter's code cells in the reader's browser, in one namespace, and hands over what they show.

`assets/run-worker.js` calls this inside Pyodide. It is plain Python without I/O: what a cell prints and shows goes to
a function that is handed in. matplotlib is large (10 MB) and every chapter imports it in its first cell, so its import
and `figure_style()` wait until a cell draws.
"""

import ast
import base64
import contextlib
import inspect
import io
import linecache
import logging
import pprint
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from html import escape
from types import ModuleType
from typing import Any

LONGEST = 100_000
"""Characters of one stream that a cell may print; what comes after is cut, with a line that says so."""

FLUSH_EVERY = 0.1  # seconds
Send = Callable[
    [str, str], object
]  # what kind of output it is, a MIME type or "stdout", "stderr", "error"; and its text


class Runner:
    """A namespace in which cells run one after another, as in a notebook."""

    def __init__(self, send: Send) -> None:
        """`send` gets each output as it comes."""
        self._send = send
        self._module = ModuleType("__main__")
        self._module.__dict__.update(display=self.display)
        self._waiting = Waiting()
        logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)  # it would tell of its cache

    def imports(self, source: str) -> str:
        """What running `source` now would import, as lines of code, package by package; "" if it does not parse."""
        try:
            body = self._waiting.due(ast.parse(source), keep=False)
        except SyntaxError:
            return ""
        return "\n".join(f"import {name}" for name in imported(body))

    async def run(self, source: str, name: str) -> str:
        """Run one cell; `name` stands for it in tracebacks. Returns "" or, if it failed, the error in one line.

        An error is sent with its traceback and never raised; a package that is missing is returned as `missing NAME`,
        before anything is sent, so that the caller can fetch it and run the cell again.
        """
        linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
        previous = sys.modules.get("__main__")
        sys.modules["__main__"] = self._module
        out, err = Stream("stdout", self._send), Stream("stderr", self._send)
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                await self._execute(source, name)
        except ModuleNotFoundError as error:
            if error.name and not error.name.startswith("designbook") and not out.sent:
                out.drop()
                err.drop()
                return f"missing {error.name.partition('.')[0]}"
            return self._failed(error, out, err)
        except BaseException as error:
            return self._failed(error, out, err)
        finally:
            if previous is not None:
                sys.modules["__main__"] = previous
        out.flush()
        err.flush()
        return ""

    async def _execute(self, source: str, name: str) -> None:
        body = self._waiting.due(ast.parse(source, name))
        last = body[-1] if body and isinstance(body[-1], ast.Expr) else None
        body = body[:-1] if last else body
        quiet = source.rstrip().endswith(";")
        for statement in body:
            await self._evaluate(compile(ast.Module([statement], []), name, "exec", _AWAIT))
        if last:
            value = await self._evaluate(compile(ast.Expression(last.value), name, "eval", _AWAIT))
            if value is not None and not quiet:
                self.display(value)
        self._figures()

    async def _evaluate(self, code: Any) -> Any:
        pyplot: Any = sys.modules.get("matplotlib.pyplot")
        if pyplot:
            pyplot.show = lambda *_, **__: self._figures()
        value = eval(code, self._module.__dict__)
        return await value if code.co_flags & inspect.CO_COROUTINE else value

    def _failed(self, error: BaseException, *streams: "Stream") -> str:
        for stream in streams:
            stream.flush()
        if reason := excuse(error):
            self._send("stdout", f"{reason}\n")
            return ""
        self._send("error", told(error))
        return traceback.format_exception_only(error)[-1].strip()

    def display(self, *values: Any) -> None:
        """Show each value as a notebook would: its HTML, its drawing, or its text."""
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        for value in values:
            self._send(*face(value))

    def _figures(self) -> None:
        """Show and close what pyplot has open."""
        pyplot = sys.modules.get("matplotlib.pyplot")
        if pyplot:
            self.display(*map(pyplot.figure, pyplot.get_fignums()))


_AWAIT = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT


class Stream(io.TextIOBase):
    """What a cell prints, sent ten times a second at most, and cut where it gets too long."""

    def __init__(self, kind: str, send: Send) -> None:
        self.kind = kind
        self.sent = 0
        self._send = send
        self._parts: list[str] = []
        self._last = time.monotonic()

    def writable(self) -> bool:
        """True."""
        return True

    def write(self, text: str) -> int:
        """Take `text`; returns its length."""
        self._parts.append(text)
        if time.monotonic() - self._last > FLUSH_EVERY:
            self.flush()
        return len(text)

    def flush(self) -> None:
        """Send what has been written since the last time."""
        text = "".join(self._parts)
        self._parts = []
        left = LONGEST - self.sent
        if text and left > 0:
            cut = f"\n... cut here, after {LONGEST:,} characters\n" if len(text) > left else ""
            self._send(self.kind, text[:left] + cut)
        self.sent += len(text)
        self._last = time.monotonic()

    def drop(self) -> None:
        """Forget what has not been sent."""
        self._parts = []


# -- what a value shows --------------------------------------------------------------------------------------------


def face(value: Any) -> tuple[str, str]:
    """How a value is shown: `text/html` or `text/plain`, and the text."""
    if type(value).__module__ == "matplotlib.figure":
        return "text/html", drawing(value)
    bundle = _called(value, "_repr_mimebundle_")
    bundle = (bundle[0] if isinstance(bundle, tuple) else bundle) or {}
    html = bundle.get("text/html") or _called(value, "_repr_html_")
    svg = bundle.get("image/svg+xml") or _called(value, "_repr_svg_")
    png = bundle.get("image/png") or _called(value, "_repr_png_")
    plain = str(bundle.get("text/plain") or pprint.pformat(value, width=100, compact=True, sort_dicts=False))
    if html or svg:
        return "text/html", html or svg
    if png:
        data = png if isinstance(png, str) else base64.b64encode(png).decode()
        return "text/html", f'<img alt="{escape(plain)}" src="data:image/png;base64,{data}">'
    return "text/plain", plain


def _called(value: Any, method: str) -> Any:
    found = None if isinstance(value, type) else getattr(value, method, None)
    return found() if callable(found) else None


def drawing(figure: Any) -> str:
    """A matplotlib figure as inline SVG in the page's colours; the figure is closed."""
    from matplotlib import pyplot

    from designbook.page.figures import to_svg

    titles = [axes.get_title(place) for axes in figure.axes for place in ("left", "center", "right")]
    title = next(filter(None, [figure.get_suptitle(), *titles]), "")
    svg = to_svg(figure, title=title, alt=title or "A figure that this cell drew")
    pyplot.close(figure)
    return f'<figure class="dbk dbk-drawing">{svg}</figure>'


def excuse(error: BaseException) -> str | None:
    """Why a browser cannot do what failed, in one line, if that is so; this is no failure of the cell."""
    if sys.platform != "emscripten":
        return None
    from designbook.page import browser

    return browser.excuse(error)


def told(error: BaseException) -> str:
    """The traceback without the frames of this file."""

    def trimmed(found: traceback.TracebackException) -> None:
        found.stack = traceback.StackSummary.from_list([x for x in found.stack if x.filename != __file__])
        for below in (found.__cause__, found.__context__):
            if below:
                trimmed(below)

    found = traceback.TracebackException.from_exception(error)
    trimmed(found)
    return "".join(found.format()).rstrip()


# -- what a cell needs ---------------------------------------------------------------------------------------------


class Waiting:
    """The statements that set matplotlib up, put off until a cell draws."""

    def __init__(self) -> None:
        self._statements: list[ast.stmt] = []
        self._names: set[str] = set()
        self._drawn = False

    def due(self, tree: ast.Module, *, keep: bool = True) -> list[ast.stmt]:
        """What to run for the cell `tree`: without set-up if it draws nothing, else all of it after what has waited.

        With `keep=False` only that is said, and nothing changes.
        """
        setup = [statement for statement in tree.body if _sets_up_drawing(statement)]
        rest = [statement for statement in tree.body if statement not in setup]
        names = self._names | {alias.asname or alias.name.partition(".")[0] for alias in _aliases(setup)}
        draws = self._drawn or _uses(rest, names)
        body = [*self._statements, *tree.body] if draws else rest
        if keep:
            self._statements = [] if draws else [*self._statements, *setup]
            self._names, self._drawn = names, draws
        return body


def _aliases(statements: Iterable[ast.stmt]) -> Iterator[ast.alias]:
    for statement in statements:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            yield from statement.names


def _sets_up_drawing(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return set(imported([statement])) == {"matplotlib"}
    called = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(called, ast.Call) and isinstance(called.func, ast.Name) and called.func.id == "figure_style"


def _uses(statements: Sequence[ast.stmt], names: set[str]) -> bool:
    """Whether any of `names` is mentioned, or matplotlib imported further in."""
    every = [node for statement in statements for node in ast.walk(statement)]
    return any(isinstance(node, ast.Name) and node.id in names for node in every) or "matplotlib" in imported(
        statements
    )


def imported(statements: Iterable[ast.AST]) -> list[str]:
    """The top-level packages that the statements import, at any depth, sorted."""
    found: set[str] = set()
    for node in [node for statement in statements for node in ast.walk(statement)]:
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return sorted(found - set(sys.stdlib_module_names))
