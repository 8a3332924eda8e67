"""The same formulas in JavaScript: a model as one object whose estimates are getters, a function as a function.

pscript translates; before it, the formulas are held to the part of Python that means the same in both languages, and
the rest (floor division, remainders, rounding to even, constants of the module, helpers) is put in terms of that.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import json
import math
import re
import textwrap
from collections.abc import Callable, Iterable
from types import FunctionType, ModuleType
from typing import Any

from designbook import quantities
from designbook.capacity import functions as kit
from designbook.capacity.model import CapacityModel, Estimate, Input, ratio_rules, weigh

__all__ = ["TranslationError", "to_javascript", "translate"]


class TranslationError(ValueError):
    """A formula uses something that has no equal in JavaScript: it names the formula and what it is."""


# What the kit's functions are on the page. Each gives the same double as its Python twin.
_RUNTIME = {
    "kit_ceil": "var kit_ceil = Math.ceil;",
    "kit_floor": "var kit_floor = Math.floor;",
    "kit_sqrt": "var kit_sqrt = Math.sqrt;",
    "kit_exp": "var kit_exp = Math.exp;",
    "kit_maximum": """function kit_maximum() {
    var result = arguments[0];
    for (var i = 1; i < arguments.length; i++) { if (arguments[i] > result) { result = arguments[i]; } }
    return result;
}""",
    "kit_minimum": """function kit_minimum() {
    var result = arguments[0];
    for (var i = 1; i < arguments.length; i++) { if (arguments[i] < result) { result = arguments[i]; } }
    return result;
}""",
    "kit_log": """function kit_log(x, base) {
    if (base === undefined) { return Math.log(x); }
    var ratio = Math.log(x) / Math.log(base), whole = Math.floor(ratio + 0.5);
    return Math.abs(whole) < 64 && Math.pow(base, whole) === x ? whole : ratio;
}""",
    "kit_log2": "function kit_log2(x) { return kit_log(x, 2); }",
    "kit_ln": "function kit_ln(x, base) { return base === undefined ? Math.log(x) : Math.log(x) / Math.log(base); }",
    "kit_mod": """function kit_mod(a, b) {
    var rest = a % b;
    return rest !== 0 && (rest < 0) !== (b < 0) ? rest + b : rest;
}""",
    "kit_floordiv": """function kit_floordiv(a, b) {
    var rest = a % b, quotient = (a - rest) / b;
    if (rest !== 0 && (rest < 0) !== (b < 0)) { quotient -= 1; }
    var whole = Math.floor(quotient);
    return quotient - whole > 0.5 ? whole + 1 : whole;
}""",
    "kit_round": """function kit_round(x) {
    var whole = Math.floor(x), rest = x - whole;
    return rest > 0.5 || (rest === 0.5 && whole % 2 !== 0) ? whole + 1 : whole;
}""",
}
_NEEDS = {"kit_log2": ["kit_log"]}

_NATIVE: dict[Any, str] = {
    kit.ceil: "kit_ceil",
    kit.floor: "kit_floor",
    kit.sqrt: "kit_sqrt",
    kit.exp: "kit_exp",
    kit.maximum: "kit_maximum",
    kit.minimum: "kit_minimum",
    kit.log: "kit_log",
    kit.log2: "kit_log2",
    math.ceil: "Math.ceil",
    math.floor: "Math.floor",
    math.sqrt: "Math.sqrt",
    math.exp: "Math.exp",
    math.log: "kit_ln",
    math.log2: "Math.log2",
    math.log10: "Math.log10",
    math.pow: "Math.pow",
    math.trunc: "Math.trunc",
    builtins.int: "Math.trunc",
    builtins.round: "kit_round",
}
_SAME = {abs, enumerate, len, max, min, range, str, sum, zip}

_ALLOWED: tuple[type[ast.AST], ...] = (
    *(ast.Return, ast.Assign, ast.AugAssign, ast.If, ast.For, ast.While, ast.Break, ast.Continue, ast.Pass, ast.Expr),
    *(ast.BoolOp, ast.BinOp, ast.UnaryOp, ast.Compare, ast.Call, ast.IfExp, ast.Constant, ast.Name, ast.Attribute),
    *(ast.Subscript, ast.Slice, ast.List, ast.Tuple, ast.ListComp, ast.GeneratorExp, ast.comprehension),
    *(ast.expr_context, ast.operator, ast.boolop, ast.unaryop, ast.cmpop),
)

# Words that JavaScript keeps for itself but Python lets a variable have, and names that the translation uses.
_TAKEN = frozenset(
    """arguments await case catch const debugger default delete do enum eval export extends f false function implements
    instanceof interface let new null package private protected public static super switch this throw true typeof
    undefined var void window yield Infinity Math NaN""".split()  # noqa: SIM905
)
_MISSING = object()


class _Program:
    """Collects translated pieces and what they need of the runtime."""

    def __init__(self) -> None:
        self.standard: set[str] = set()
        self.methods: set[str] = set()
        self.runtime: set[str] = set()
        self.helpers: dict[FunctionType, str] = {}
        self.sources: list[str] = []

    def helper(self, function: FunctionType) -> str:
        """The name in JavaScript of a helper function, which is translated at its first use."""
        if function not in self.helpers:
            name = f"fn_{function.__name__}"
            while name in self.helpers.values():
                name += "_"
            self.helpers[function] = name
            parameters, body = self.function(function, function.__qualname__, None)
            self.sources.append(f"function {name}({', '.join(parameters)}) {{\n{body}}}")
        return self.helpers[function]

    def function(
        self, function: Callable[..., Any], where: str, model: type[CapacityModel] | None
    ) -> tuple[list[str], str]:
        """Parameters and body of a function in JavaScript. With a model, its first parameter becomes `this`."""
        from pscript.functions import py2js

        definition = _definition(function, where)
        translator = _Translator(self, function, definition, where, model)
        tree = translator.tree()
        try:
            source: Any = py2js(ast.unparse(tree), inline_stdlib=False)  # type: ignore[no-untyped-call]
        except Exception as error:
            raise TranslationError(f"{where}: {str(error).splitlines()[-1]}") from error
        body = str(source).split("{\n", 1)[1].rsplit("};", 1)[0]
        # pscript asks at run time whether a sum or product is of lists. Here, products never are, and sums only where
        # a list is in sight.
        body = _infix(body, "_pyfunc_op_mult", "*")
        if not any(isinstance(node, ast.List | ast.ListComp | ast.Tuple) for node in ast.walk(tree)):
            body = _infix(body, "_pyfunc_op_add", "+")
        self.standard |= {name for name in source.meta["std_functions"] if f"_pyfunc_{name}(" in body}
        self.methods |= {name for name in source.meta["std_methods"] if f"_pymeth_{name}." in body}
        return [argument.arg for argument in tree.args.args], body

    def prelude(self) -> str:
        """The runtime functions and helpers in use, and no others."""
        from pscript.stdlib import get_partial_std_lib

        standard = get_partial_std_lib(self.standard, self.methods, 0).strip()  # type: ignore[no-untyped-call]
        names = sorted(self.runtime | {needed for name in self.runtime for needed in _NEEDS.get(name, [])})
        return "\n".join([piece for piece in (standard, *(_RUNTIME[name] for name in names), *self.sources) if piece])


def _definition(function: Callable[..., Any], where: str) -> ast.FunctionDef:
    try:
        source = textwrap.dedent(inspect.getsource(function))
        node = ast.parse(source).body[0]
    except (OSError, TypeError, SyntaxError) as error:
        raise TranslationError(f"{where}: its source cannot be read ({error})") from error
    if not isinstance(node, ast.FunctionDef):
        raise TranslationError(f"{where}: only a function made with def can be translated")
    return node


class _Translator(ast.NodeTransformer):
    """Rewrites one function in the part of Python that pscript translates faithfully."""

    def __init__(
        self,
        program: _Program,
        function: Callable[..., Any],
        definition: ast.FunctionDef,
        where: str,
        model: type[CapacityModel] | None,
    ) -> None:
        self.program = program
        self.definition = definition
        self.where = where
        self.model = model
        self.scope = _scope(function)
        arguments = definition.args
        if arguments.vararg or arguments.kwarg or arguments.kwonlyargs or arguments.posonlyargs or arguments.defaults:
            raise self.error(definition, "parameters with defaults, or any number of them")
        self.parameters = [argument.arg for argument in arguments.args]
        self.this = self.parameters[0] if model is not None else None
        self.locals = _stored(definition.body) | set(self.parameters)
        self.bounds = 0

    def error(self, node: ast.AST, what: str) -> TranslationError:
        line = getattr(node, "lineno", 0)
        return TranslationError(f"{self.where}, line {line}: no JavaScript for {what}")

    def tree(self) -> ast.FunctionDef:
        """The rewritten function, named f, without docstring, annotations and decorators."""
        body = self.definition.body
        if isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
            body = body[1:] or [ast.Pass()]
        parameters = self.parameters[1:] if self.model is not None else self.parameters
        return ast.fix_missing_locations(
            ast.FunctionDef(
                name="f",
                args=ast.arguments([], [ast.arg(_local(name)) for name in parameters], None, [], [], None, []),
                body=self.block(body),
                decorator_list=[],
            )
        )

    def block(self, body: Iterable[ast.stmt]) -> list[ast.stmt]:
        result: list[ast.stmt] = []
        for statement in body:
            rewritten = self.visit(statement)
            result.extend(rewritten if isinstance(rewritten, list) else [rewritten])
        return result

    def visit(self, node: ast.AST) -> Any:
        if isinstance(node, ast.AnnAssign):
            if node.value is None or not node.simple:
                raise self.error(node, "an annotation without a value")
            return self.visit(ast.copy_location(ast.Assign([node.target], node.value), node))
        if not isinstance(node, _ALLOWED):
            raise self.error(node, f"`{_short(node)}`")
        return super().visit(node)

    def resolve(self, node: ast.AST) -> Any:
        """The object outside of the function that a name or `module.name` stands for."""
        if isinstance(node, ast.Name) and node.id not in self.locals:
            return self.scope.get(node.id, _MISSING)
        if isinstance(node, ast.Attribute):
            root = self.resolve(node.value)
            return getattr(root, node.attr, _MISSING) if isinstance(root, ModuleType) else _MISSING
        return _MISSING

    def constant(self, node: ast.AST, value: Any) -> ast.expr:
        if isinstance(value, float) and not math.isfinite(value):
            if math.isnan(value):
                return _name("NaN")
            return _name("Infinity") if value > 0 else ast.UnaryOp(ast.USub(), _name("Infinity"))
        if isinstance(value, bool | int | float | str):
            return ast.parse(repr(value), mode="eval").body
        if isinstance(value, list | tuple):
            return ast.List([self.constant(node, each) for each in value], ast.Load())
        raise self.error(node, f"`{_short(node)}`, which is {type(value).__name__}")

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id == self.this:
            return _name("this")
        if node.id in self.locals:
            return ast.Name(_local(node.id), node.ctx)
        value = self.resolve(node)
        if value is _MISSING:
            raise self.error(node, f"the name {node.id!r}, which is not defined")
        return self.constant(node, value)

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        if isinstance(node.value, ast.Name) and node.value.id == self.this and self.model is not None:
            part = inspect.getattr_static(self.model, node.attr, _MISSING)
            if isinstance(part, Input | Estimate):
                return ast.Attribute(_name("this"), node.attr, node.ctx)
            if part is _MISSING or callable(part):
                raise self.error(node, f"`{_short(node)}`, which is no input or estimate")
            return self.constant(node, part)
        value = self.resolve(node)
        if value is _MISSING:
            raise self.error(node, f"`{_short(node)}`")
        return self.constant(node, value)

    def visit_Call(self, node: ast.Call) -> ast.expr:
        if node.keywords:
            raise self.error(node, f"`{_short(node)}`: hand the values over by position")
        target = node.func
        if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name):
            if target.value.id == self.this and self.model is not None:
                method = inspect.getattr_static(self.model, target.attr, None)
                if isinstance(method, FunctionType):
                    return ast.Call(ast.Attribute(_name("this"), target.attr, ast.Load()), self.arguments(node), [])
            elif target.value.id in self.locals and target.attr == "append":
                call = ast.Attribute(ast.Name(_local(target.value.id), ast.Load()), "append", ast.Load())
                return ast.Call(call, self.arguments(node), [])
        called = self.resolve(target)
        if called is _MISSING and isinstance(target, ast.Name) and target.id not in self.locals:
            called = getattr(builtins, target.id, _MISSING)
        if called is kit.amount:
            return self.amount(node)
        if called is kit.count or called is float:
            return self.visit(node.args[0])  # type: ignore[no-any-return]
        if _hashable(called) and called in _NATIVE:
            if called is round and len(node.args) > 1:
                raise self.error(node, "rounding to digits")
            return ast.Call(self.native(_NATIVE[called]), self.arguments(node), [])
        if _hashable(called) and called in _SAME:
            if called is str and not isinstance(node.args[0], ast.Name | ast.Call | ast.Subscript):
                raise self.error(node, f"`{_short(node)}`: the texts of numbers differ; format them instead")
            return ast.Call(_name(called.__name__), self.arguments(node), [])
        if isinstance(called, FunctionType):
            return ast.Call(_name(self.program.helper(called)), self.arguments(node), [])
        raise self.error(node, f"calling `{_short(target)}`")

    def arguments(self, node: ast.Call) -> list[ast.expr]:
        return [self.visit(argument) for argument in node.args]

    def native(self, name: str) -> ast.expr:
        if "." in name:
            owner, _, attribute = name.partition(".")
            return ast.Attribute(_name(owner), attribute, ast.Load())
        self.program.runtime.add(name)
        return _name(name)

    def amount(self, node: ast.Call) -> ast.expr:
        value, unit = (*node.args, None)[:2]
        if not (isinstance(unit, ast.Constant) and isinstance(unit.value, str)):
            raise self.error(node, "an amount whose unit is not written out")
        shown = quantities.display(unit.value)
        result: ast.expr = self.visit(value)  # type: ignore[arg-type]
        if shown.multiply != 1:
            result = ast.BinOp(result, ast.Mult(), ast.Constant(shown.multiply))
        if shown.divide != 1:
            result = ast.BinOp(result, ast.Div(), ast.Constant(shown.divide))
        return result

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        left, right = self.visit(node.left), self.visit(node.right)
        if isinstance(node.op, ast.FloorDiv | ast.Mod):
            if isinstance(node.left, ast.Constant) and isinstance(node.left.value, str):
                raise self.error(node, "formatting with %")
            name = "kit_floordiv" if isinstance(node.op, ast.FloorDiv) else "kit_mod"
            return ast.Call(self.native(name), [left, right], [])
        if not isinstance(node.op, ast.Add | ast.Sub | ast.Mult | ast.Div | ast.Pow):
            raise self.error(node, f"`{_short(node)}`")
        return ast.BinOp(left, node.op, right)

    def visit_AugAssign(self, node: ast.AugAssign) -> Any:
        if not isinstance(node.target, ast.Name):
            raise self.error(node, f"`{_short(node)}`")
        value = ast.BinOp(ast.Name(node.target.id, ast.Load()), node.op, node.value)
        return self.visit(ast.copy_location(ast.Assign([node.target], ast.copy_location(value, node)), node))

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        values = [self.visit(value) for value in (node.left, *node.comparators)]
        for operator in node.ops:
            if isinstance(operator, ast.In | ast.NotIn | ast.Is | ast.IsNot):
                raise self.error(node, f"`{_short(node)}`")
        pairs: list[ast.expr] = [
            ast.Compare(values[index], [operator], [values[index + 1]]) for index, operator in enumerate(node.ops)
        ]
        return pairs[0] if len(pairs) == 1 else ast.BoolOp(ast.And(), pairs)

    def visit_For(self, node: ast.For) -> list[ast.stmt]:
        if node.orelse:
            raise self.error(node, "else after for")
        before: list[ast.stmt] = []
        over = self.visit(node.iter)
        if isinstance(over, ast.Call) and isinstance(over.func, ast.Name) and over.func.id == "range":
            # In Python the bounds are taken once; in JavaScript the loop asks for them at each turn.
            if len(over.args) == 3 and not re.fullmatch(r"-?\d+", ast.unparse(over.args[2])):
                raise self.error(node, "a step that is not written out")
            for index, bound in enumerate(over.args[:2]):
                if not isinstance(bound, ast.Constant):
                    self.bounds += 1
                    name = f"bound{self.bounds}_"
                    before.append(ast.Assign([ast.Name(name, ast.Store())], bound))
                    over.args[index] = _name(name)
            changed = _stored(node.body)
            if isinstance(node.target, ast.Name) and node.target.id in changed:
                raise self.error(node, f"a loop that sets its own variable {node.target.id!r}")
        return [*before, ast.For(self.visit(node.target), over, self.block(node.body), [])]

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> ast.expr:
        return self.visit(ast.copy_location(ast.ListComp(node.elt, node.generators), node))  # type: ignore[no-any-return]

    def visit_While(self, node: ast.While) -> ast.stmt:
        if node.orelse:
            raise self.error(node, "else after while")
        return ast.While(self.visit(node.test), self.block(node.body), [])

    def visit_If(self, node: ast.If) -> ast.stmt:
        return ast.If(self.visit(node.test), self.block(node.body), self.block(node.orelse))


def _infix(source: str, function: str, operator: str) -> str:
    """`function(a, b)` written as `(a operator b)`, inner calls too."""
    start = source.find(function + "(")
    while start >= 0:
        position = start + len(function) + 1
        depth, comma, quote = 1, 0, ""
        index = position
        while depth:
            character = source[index]
            if quote:
                index += character == "\\"
                quote = "" if character == quote else quote
            elif character in "'\"":
                quote = character
            elif character in "([{":
                depth += 1
            elif character in ")]}":
                depth -= 1
            elif character == "," and depth == 1:
                comma = index
            index += 1
        left, right = source[position:comma].strip(), source[comma + 1 : index - 1].strip()
        source = f"{source[:start]}({left} {operator} {right}){source[index:]}"
        start = source.find(function + "(")
    return source


def _stored(body: list[ast.stmt]) -> set[str]:
    nodes = (node for statement in body for node in ast.walk(statement) if isinstance(node, ast.Name))
    return {node.id for node in nodes if isinstance(node.ctx, ast.Store)}


def _hashable(value: Any) -> bool:
    return callable(value) and getattr(type(value), "__hash__", None) is not None


def _name(name: str) -> ast.Name:
    return ast.Name(name, ast.Load())


def _local(name: str) -> str:
    return name + "_" if name in _TAKEN or name.startswith(("kit_", "fn_", "stub")) else name


def _short(node: ast.AST) -> str:
    try:
        text = ast.unparse(node).splitlines()[0]
    except (AttributeError, ValueError):
        text = type(node).__name__
    return text if len(text) < 60 else text[:57] + "..."


def _scope(function: Callable[..., Any]) -> dict[str, Any]:
    scope = dict(getattr(function, "__globals__", {}))
    names = getattr(getattr(function, "__code__", None), "co_freevars", ())
    for name, cell in zip(names, getattr(function, "__closure__", None) or (), strict=False):
        try:
            scope[name] = cell.cell_contents
        except ValueError:
            continue
    return scope


def _number(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return repr(float(value)) if math.isfinite(value) else ("Infinity" if value > 0 else "-Infinity")


def _closed(program: _Program, result: str) -> str:
    return f'(function () {{\n"use strict";\n{program.prelude()}\nreturn {result};\n}})()'


def translate(function: Callable[..., Any]) -> str:
    """JavaScript source of an expression that is `function`, its helpers and what it needs of the runtime included.

    Numbers, texts, lists, tuples, conditions, loops, comprehensions, helper functions, constants of the module and the
    functions of `designbook.capacity` and `math` translate. Raises TranslationError, which names the line.
    """
    program = _Program()
    parameters, body = program.function(function, function.__qualname__, None)
    return _closed(program, f"function ({', '.join(parameters)}) {{\n{body}}}")


def _methods(model: type[CapacityModel]) -> dict[str, FunctionType]:
    found: dict[str, FunctionType] = {}
    for base in reversed(model.__mro__):
        if issubclass(base, CapacityModel) and base is not CapacityModel:
            found |= {name: part for name, part in vars(base).items() if isinstance(part, FunctionType)}
    return {name: part for name, part in found.items() if not name.startswith("__")}


def to_javascript(model: type[CapacityModel]) -> str:
    """JavaScript source of an expression that is the model: one object that computes what the Python model computes.

    Inputs are plain properties in base units, at their defaults; estimates are getters in base units. `limits` is a
    list of {name, estimate, label, value, shown, about, then}, and `verdict` gives {limit, ratio, sentence} at the
    object's settings. Raises TranslationError, which names the model, the estimate and the line.
    """
    program = _Program()
    members = [f"{name}: {_number(part.base())}" for name, part in model.inputs.items()]
    for name, estimate in model.estimates.items():
        _, body = program.function(estimate.function, f"{model.__name__}.{name}", model)
        members.append(f"get {name}() {{\n{body}}}")
    for name, method in _methods(model).items():
        parameters, body = program.function(method, f"{model.__name__}.{name}", model)
        members.append(f"{name}({', '.join(parameters)}) {{\n{body}}}")
    rows = model.limit_rows()
    members.append(f"limits: {json.dumps(rows, ensure_ascii=False)}")
    if rows:
        name = program.helper(weigh)  # type: ignore[arg-type]
        rules = ratio_rules()
        times, percent = (json.dumps(rule, ensure_ascii=False) for rule in rules)
        members.append(f"""get verdict() {{
    var self = this, values = this.limits.map(function (limit) {{ return self[limit.estimate]; }});
    var found = {name}(this.limits, values, {times}, {percent});
    return {{limit: this.limits[found[0]].name, ratio: found[1], sentence: found[2]}};
}}""")
    else:
        members.append('get verdict() { return {limit: null, ratio: 0, sentence: ""}; }')
    return _closed(program, "{\n" + ",\n".join(members) + "\n}")
