"""Which graph code is arithmetic on single numbers, such as a learning rate that a step sets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import libcst as cst

from tf2torch.analyse import ANYTHING, Analysis
from tf2torch.analyse.facts import Function
from tf2torch.cst.walk import children
from tf2torch.plan.units import Unit, calls_in

#: Schedules of the support file: TensorFlow's functions over Python numbers.
SCHEDULES = frozenset(
    "exponential_decay natural_exp_decay inverse_time_decay polynomial_decay piecewise_constant"
    " cosine_decay cosine_decay_restarts linear_cosine_decay".split()
)

#: Functions of single numbers: their parameters and their form in Python.
FORMS: dict[str, tuple[str, str]] = {
    "identity": ("input", "{input}"),
    "stop_gradient": ("input", "{input}"),
    "convert_to_tensor": ("value", "{value}"),
    "constant": ("value", "{value}"),
    "to_float": ("x", "{x}"),
    "to_double": ("x", "{x}"),
    "to_int32": ("x", "int({x})"),
    "to_int64": ("x", "int({x})"),
    "minimum": ("x y", "min({x}, {y})"),
    "maximum": ("x y", "max({x}, {y})"),
    "add": ("x y", "{x} + {y}"),
    "subtract": ("x y", "{x} - {y}"),
    "multiply": ("x y", "{x} * {y}"),
    "scalar_mul": ("scalar x", "{scalar} * {x}"),
    "floordiv": ("x y", "{x} // {y}"),
    "mod": ("x y", "{x} % {y}"),
    "floormod": ("x y", "{x} % {y}"),
    "negative": ("x", "-{x}"),
    "square": ("x", "{x} ** 2"),
    "sqrt": ("x", "math.sqrt({x})"),
    "exp": ("x", "math.exp({x})"),
    "log": ("x", "math.log({x})"),
    "cos": ("x", "math.cos({x})"),
    "sin": ("x", "math.sin({x})"),
    "tanh": ("x", "math.tanh({x})"),
    "sigmoid": ("x", "1 / (1 + math.exp(-{x}))"),
    "abs": ("x", "abs({x})"),
    "floor": ("x", "math.floor({x})"),
    "ceil": ("x", "math.ceil({x})"),
    "round": ("x", "round({x})"),
    "clip_by_value": (
        "t clip_value_min clip_value_max", "min(max({t}, {clip_value_min}), {clip_value_max})"
    ),
    "less": ("x y", "{x} < {y}"),
    "less_equal": ("x y", "{x} <= {y}"),
    "greater": ("x y", "{x} > {y}"),
    "greater_equal": ("x y", "{x} >= {y}"),
    "equal": ("x y", "{x} == {y}"),
    "not_equal": ("x y", "{x} != {y}"),
    "logical_and": ("x y", "{x} and {y}"),
    "logical_or": ("x y", "{x} or {y}"),
    "logical_not": ("x", "not {x}"),
    "where": ("condition x y", "{x} if {condition} else {y}"),
}  # fmt: skip

#: Functions with a form of their own.
SPECIAL = frozenset("cast pow truediv div divide cond case".split())


def short_name(symbol: str) -> str:
    """``tf.math.minimum`` -> ``minimum``; empty for what is in another module."""
    module, _, name = symbol.rpartition(".")
    return name if module in ("tf", "tf.math") else ""


def is_schedule(symbol: str | None) -> bool:
    if symbol is None or not symbol.startswith("tf.train."):
        return False
    return symbol.removeprefix("tf.train.") in SCHEDULES


@dataclass(frozen=True, eq=False)
class Numbers:
    """Code over single numbers.

    Attributes:
        names: names that are Python numbers in the output.
        functions: program functions that only compute with such numbers.
        placeholders: identities of placeholders that they read.
    """

    names: frozenset[str] = frozenset()
    functions: frozenset[cst.FunctionDef] = frozenset()
    placeholders: frozenset[Any] = frozenset()


def number_units(
    analysis: Analysis, units: Sequence[Unit], counters: Mapping[str, str]
) -> tuple[tuple[Unit, ...], Numbers]:
    """Units with those that compute numbers as kind `number`.

    They start from a step counter or a schedule; arithmetic that starts from tensors is left as it
    is, and so is what has no form in Python.
    """
    refused: set[cst.CSTNode] = set()
    while True:
        finder = _Finder(analysis, set(counters), refused)
        found = [finder.unit(unit) for unit in units]
        inside = {call for unit in found if unit.kind == "number" for call in calls_in(unit.node)}
        for function in finder.functions:
            inside |= set(calls_in(function.body))
        strays = {
            function
            for function in finder.functions
            if any(call not in inside for call, _ in analysis.calls.get(function, ()))
        }
        if not strays:
            break
        refused |= strays
    names = frozenset(n for u in found if u.kind == "number" for n in u.names.stores)
    read = frozenset(finder.placeholders)
    return tuple(found), Numbers(names, frozenset(finder.functions), read)


def is_number(
    analysis: Analysis, node: cst.BaseExpression, numbers: Numbers, counters: Iterable[str]
) -> bool:
    """Whether an expression has a form over Python numbers that starts from a step or schedule."""
    finder = _Finder(analysis, {*counters, *numbers.names}, set())
    return finder.converts(node) and finder.touched


class _Finder:
    def __init__(self, analysis: Analysis, names: set[str], refused: set[cst.CSTNode]) -> None:
        self.analysis, self.names, self.refused = analysis, names, refused
        self.functions: list[cst.FunctionDef] = []
        self.placeholders: set[Any] = set()
        self.touched = False
        self.local: set[str] | None = None  # names of the function that is looked at

    def unit(self, unit: Unit) -> Unit:
        if unit.kind != "graph" or any(_waits(self.analysis, item) for item in unit.managers):
            self.names -= unit.names.stores if unit.kind in ("graph", "placeholder") else set()
            return unit
        self.touched = False
        before = set(self.placeholders), list(self.functions)
        if self.statement(unit.node) and self.touched:
            self.names |= unit.names.stores
            return replace(unit, kind="number")
        self.placeholders, self.functions = before
        self.names -= unit.names.stores
        return unit

    def statement(self, node: cst.CSTNode) -> bool:
        if isinstance(node, cst.SimpleStatementLine):
            return all(self.small(small) for small in node.body)
        if isinstance(node, cst.If):
            blocks: list[cst.CSTNode] = [*node.body.body]
            if isinstance(node.orelse, cst.If):
                blocks.append(node.orelse)
            elif node.orelse is not None:
                blocks += node.orelse.body.body
            return self.converts(node.test) and all(self.statement(child) for child in blocks)
        return False

    def small(self, node: cst.BaseSmallStatement) -> bool:
        if isinstance(node, cst.Assign):
            named = len(node.targets) == 1 and isinstance(node.targets[0].target, cst.Name)
            if not named or not self.converts(node.value):
                return False
            bound = self.names if self.local is None else self.local
            bound.add(node.targets[0].target.value)  # type: ignore[attr-defined]
            return True
        if isinstance(node, cst.AugAssign):
            return isinstance(node.target, cst.Name) and all(
                self.converts(part) for part in (node.target, node.value)
            )
        if isinstance(node, cst.Return):
            return node.value is not None and self.converts(node.value)
        return isinstance(node, (cst.Pass, cst.Raise)) or (
            isinstance(node, cst.Expr)
            and isinstance(node.value, (cst.SimpleString, cst.ConcatenatedString))
        )

    def converts(self, node: cst.BaseExpression) -> bool:
        if isinstance(node, cst.Name):
            return self.name(node)
        value = self.analysis.values.get(node, ANYTHING)
        if isinstance(node, cst.Call):
            return self.call(node)
        if isinstance(node, cst.BinaryOperation):
            return self.converts(node.left) and self.converts(node.right)
        if isinstance(node, cst.UnaryOperation):
            return self.converts(node.expression)
        if isinstance(node, cst.Comparison):
            parts = [node.left, *(item.comparator for item in node.comparisons)]
            return all(self.converts(part) for part in parts)
        if isinstance(node, cst.BooleanOperation):
            return self.converts(node.left) and self.converts(node.right)
        if isinstance(node, cst.IfExp):
            return all(self.converts(part) for part in (node.test, node.body, node.orelse))
        if isinstance(node, (cst.List, cst.Tuple)):
            return all(self.converts(element.value) for element in node.elements)
        if isinstance(node, cst.Lambda):
            return not node.params.params and self.converts(node.body)
        return not _holds_tensor(self.analysis, node) and value.kind != "unknown"

    def name(self, node: cst.Name) -> bool:
        value = self.analysis.values.get(node, ANYTHING)
        if self.local is not None and node.value in self.local:
            return True  # a number if what the function is given is one
        if node.value in self.names:
            self.touched = True
            return True
        if value.kind == "placeholder" and value.rank in (0, None):
            self.placeholders.add(value.detail)
            return True
        if value.kind == "variable":
            return value.rank == 0
        return not value.is_tensor and value.kind not in ("operation", "object")

    def call(self, node: cst.Call) -> bool:
        symbol = self.analysis.symbols.get(node.func)
        given = [a.value for a in node.args if a.keyword is None or a.keyword.value != "name"]
        if any(argument.star for argument in node.args):
            return False
        if symbol is not None:
            counter = symbol.endswith("global_step")
            if is_schedule(symbol) or counter:
                self.touched = True
            elif short_name(symbol) not in FORMS.keys() | SPECIAL:
                return False
            if short_name(symbol) in ("cast", "constant"):
                given = given[:1]
            return counter or all(self.converts(part) for part in given)
        function = self.analysis.callees.get(node)
        if function is not None:
            return self.function(function) and all(self.converts(part) for part in given)
        return not _holds_tensor(self.analysis, node)

    def function(self, function: Function) -> bool:
        node = function.node
        if isinstance(node, cst.Lambda):
            return False
        if node in self.functions:
            return True
        if node in self.refused or function.owner is not None:
            return False
        if not any(v.is_tensor for v in self.analysis.parameters.get(node, {}).values()):
            returned = self.analysis.returns.get(node)
            if returned is not None and not returned.is_tensor:
                return True  # a function of host values
        outer, self.local = self.local, {p.name.value for p in node.params.params}
        done = all(self.statement(child) for child in node.body.body)
        self.local = outer
        if done:
            self.functions.append(node)
        return done


def _holds_tensor(analysis: Analysis, node: cst.CSTNode) -> bool:
    """Whether an expression of host code reads tensors or TensorFlow objects."""
    value = analysis.values.get(node)
    if value is not None and (value.is_tensor or value.kind in ("operation", "object", "symbol")):
        return not (value.kind == "object" and value.detail.type == "Flags")
    return any(
        _holds_tensor(analysis, child)
        for child in children(node)
        if isinstance(child, (cst.BaseExpression, cst.Arg, cst.SubscriptElement, cst.Index))
    )


def _waits(analysis: Analysis, item: cst.WithItem) -> bool:
    """Whether a `with` item makes what stands under it wait for operations."""
    call = item.item
    value = analysis.values.get(call, ANYTHING)
    return (
        isinstance(call, cst.Call)
        and bool(call.args)
        and value.kind == "object"
        and (value.detail.type == "control_dependencies")
    )
