"""The derivation that a reader sees: for each estimate its formula, the numbers put in, and the result."""

from __future__ import annotations

import ast
import copy
import inspect
import re
import textwrap
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from designbook import quantities
from designbook.capacity.model import CapacityModel, Estimate

__all__ = ["Step", "derivation", "expression", "needs"]


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a derivation. `formula` and `numbers` are LaTeX, without the name in front and the result behind."""

    name: str
    label: str
    about: str
    formula: str
    numbers: str
    result: str


class _TooLong(Exception):
    """The estimate is a procedure, not a formula."""


def _source(estimate: Estimate) -> ast.FunctionDef:
    try:
        node = ast.parse(textwrap.dedent(inspect.getsource(estimate.function))).body[0]
    except (OSError, TypeError, SyntaxError) as error:
        raise _TooLong from error
    if not isinstance(node, ast.FunctionDef):
        raise _TooLong
    return node


def needs(estimate: Estimate, model: type[CapacityModel]) -> list[str]:
    """The inputs and estimates that the formula names, each once, in their order in it."""
    return [name for name in _attributes(estimate) if name in model.inputs or name in model.estimates]


@lru_cache(maxsize=1_000)  # a drill asks for those of each estimate again and again, and parsing is slow
def _attributes(estimate: Estimate) -> tuple[str, ...]:
    """The attributes of anything that the formula names, each once, in their order; none if there is no source."""
    try:
        nodes = _in_order(_source(estimate))
    except _TooLong:
        return ()
    return tuple(dict.fromkeys(node.attr for node in nodes if isinstance(node, ast.Attribute)))


def _in_order(node: ast.AST) -> list[ast.AST]:
    return [node, *(each for child in ast.iter_child_nodes(node) for each in _in_order(child))]


class _Replace(ast.NodeTransformer):
    """Puts the values of local names in their place."""

    def __init__(self, values: dict[str, ast.expr]) -> None:
        self.values = values

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return copy.deepcopy(self.values[node.id]) if node.id in self.values else node


def _expression(body: list[ast.stmt], values: dict[str, ast.expr]) -> ast.expr:
    """The one expression that the statements return. Raises _TooLong if they do more than name, choose and return."""
    values = dict(values)
    for index, statement in enumerate(body):
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
            continue
        if isinstance(statement, ast.AnnAssign) and statement.value is not None:
            statement = ast.Assign([statement.target], statement.value)
        if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            target = statement.targets[0]
            if not isinstance(target, ast.Name):
                raise _TooLong
            values[target.id] = _Replace(values).visit(statement.value)
        elif isinstance(statement, ast.Return) and statement.value is not None:
            return _Replace(values).visit(statement.value)  # type: ignore[no-any-return]
        elif isinstance(statement, ast.If):
            test = _Replace(values).visit(statement.test)
            rest = [*statement.orelse, *body[index + 1 :]]
            return ast.IfExp(
                test, _expression([*statement.body, *body[index + 1 :]], values), _expression(rest, values)
            )
        else:
            raise _TooLong
    raise _TooLong


def expression(estimate: Estimate) -> ast.expr | None:
    """The one expression that an estimate returns, with local names put in their place; None if it is a procedure."""
    try:
        return _expression(_source(estimate).body, {})
    except _TooLong:
        return None


def _text(text: str) -> str:
    for character in "\\{}$&#%_~^":
        text = text.replace(character, "\\" + character if character in "{}$&#%_" else " ")
    return rf"\text{{{text}}}"


class _Marks(ast.NodeTransformer):
    """Replaces what has a look of its own by a name, and remembers its LaTeX: as a word, and as a number."""

    def __init__(self, model: CapacityModel, this: str, scope: dict[str, Any]) -> None:
        self.model = model
        self.this = this
        self.scope = scope
        self.words: dict[str, str] = {}
        self.numbers: dict[str, str] = {}

    def mark(self, word: str, number: str) -> ast.Name:
        name = f"mark{len(self.words)}x"
        self.words[name], self.numbers[name] = word, number
        return ast.Name(name, ast.Load())

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        if isinstance(node.value, ast.Name) and node.value.id == self.this:
            kind = type(self.model)
            if node.attr in kind.inputs or node.attr in kind.estimates:
                return self.mark(_text(node.attr.replace("_", " ")), _text(self.model.show(node.attr)))
            value = getattr(kind, node.attr, None)
            return self.mark(_text(node.attr.replace("_", " ")), _text(_plain(value, node.attr)))
        return node

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        if isinstance(node.value, int | float) and not isinstance(node.value, bool):
            return self.mark(_text(_plain(node.value, "")), _text(_plain(node.value, "")))
        return node

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id in self.scope and isinstance(self.scope[node.id], int | float):
            return self.mark(_text(node.id.replace("_", " ").lower()), _text(_plain(self.scope[node.id], node.id)))
        return node

    def visit_Call(self, node: ast.Call) -> ast.expr:
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        if name == "count":
            return self.visit(node.args[0])  # type: ignore[no-any-return]
        if name == "amount":
            unit = getattr(node.args[1], "value", "") if len(node.args) > 1 else ""
            if isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, int | float):
                shown = _text(quantities.human(quantities.to_base(node.args[0].value, unit), unit))
                return self.mark(shown, shown)
            return self.visit(node.args[0])  # type: ignore[no-any-return]
        arguments = [self.visit(argument) for argument in node.args]
        if name in ("log", "log2", "log10"):
            base = {"log": r"\ln", "log2": r"\log_{2}", "log10": r"\log_{10}"}[name]
            marked = self.mark(base, base)
            if len(arguments) == 2 and isinstance(arguments[1], ast.Name) and arguments[1].id in self.words:
                second = arguments[1].id
                self.words[marked.id] = rf"\log_{{{self.words[second]}}}"
                self.numbers[marked.id] = rf"\log_{{{self.numbers[second]}}}"
            return ast.Call(marked, arguments[:1], [])
        if name in ("max", "maximum", "min", "minimum"):
            look = rf"\{name[:3]}"
            return ast.Call(self.mark(look, look), arguments, [])
        if name in ("ceil", "floor", "sqrt", "exp", "abs"):
            return ast.Call(ast.Name(name, ast.Load()), arguments, [])
        look = rf"\operatorname{{{name.replace('_', ' ')}}}"
        return ast.Call(self.mark(look, look), arguments, [])


def _plain(value: Any, name: str) -> str:
    return quantities.human(value, "") if isinstance(value, int | float) else name.replace("_", " ")


def _fill(latex: str, marks: dict[str, str]) -> str:
    for name, look in sorted(marks.items(), key=lambda item: -len(item[0])):
        latex = latex.replace(rf"\mathrm{{{name}}}", look)
    latex = latex.replace(r"\mathopen{}", "").replace(r"\mathclose{}", "")
    # latexify leaves the sign out after a bracket; between words and numbers it is needed.
    return re.sub(r"(\\right(?:\)|\\rceil|\\rfloor|\|)) (?=\\text|\\left|\\frac|\\sqrt)", r"\1 \\cdot ", latex)


def _latex(estimate: Estimate, model: CapacityModel) -> tuple[str, str]:
    from latexify.codegen import ExpressionCodegen

    definition = _source(estimate)
    returned = _expression(definition.body, {})
    scope = dict(getattr(estimate.function, "__globals__", {}))
    marks = _Marks(model, definition.args.args[0].arg, scope)
    tree = ast.fix_missing_locations(ast.Expression(marks.visit(returned)))
    try:
        latex = ExpressionCodegen().visit(tree.body)
    except Exception as error:  # latexify names what it cannot show by a class of its own
        raise _TooLong from error
    return _fill(latex, marks.words), _fill(latex, marks.numbers)


def _step(model: CapacityModel, estimate: Estimate) -> Step:
    try:
        formula, numbers = _latex(estimate, model)
    except _TooLong:
        needed = needs(estimate, type(model))
        name = rf"\operatorname{{{estimate.label}}}"
        formula = rf"{name}({', '.join(_text(each.replace('_', ' ')) for each in needed)})"
        numbers = rf"{name}({', '.join(_text(model.show(each)) for each in needed)})"
    return Step(estimate.name, estimate.label, estimate.about, formula, numbers, model.show(estimate.name))


def derivation(model: CapacityModel, *names: str) -> list[Step]:
    """How the named estimates (all, if none is named) come about at the model's settings, what they need first.

    A formula is shown as such, with local names put in their place; a procedure (a loop, say) as a function of what it
    uses. Raises AttributeError for an estimate that the model does not have.
    """
    kind = type(model)
    for name in names:
        if name not in kind.estimates:
            raise AttributeError(f"{kind.__name__} has no estimate {name!r}; it has {', '.join(kind.estimates)}")
    order: dict[str, None] = {}

    def add(name: str) -> None:
        if name in kind.estimates and name not in order:
            getattr(model, name)  # a circle ends here, with its own error
            for needed in needs(kind.estimates[name], kind):
                add(needed)
            order.setdefault(name)

    for name in names or kind.estimates:
        add(name)
    return [_step(model, kind.estimates[name]) for name in order]
