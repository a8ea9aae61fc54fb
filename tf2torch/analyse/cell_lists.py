"""Lists of recurrent cells whose length may only be known when the program runs."""

from __future__ import annotations

from typing import Any

import libcst as cst

from tf2torch.analyse.sizes import Size, size_of
from tf2torch.analyse.state import State
from tf2torch.cst.walk import read
from tf2torch.rulebook.apply import Argument
from tf2torch.rulebook.values import Value

Cells = tuple[list[Value], Size | None, bool]


def _is_cell(value: Value | None) -> bool:
    return value is not None and value.kind == "object" and value.detail.type == "RNNCell"


def cells_of(state: State, argument: Argument | None) -> Cells | None:
    """The cells of a list, or one of them, how many there are, and whether all are one object."""
    if argument is None:
        return None
    value = argument.value
    if value.kind == "sequence" and value.detail and all(_is_cell(item) for item in value.detail):
        return list(value.detail), None, False
    node: cst.BaseExpression | None = argument.node
    if isinstance(node, cst.Name):
        return _named(state, node.value)
    return _written(state, node)


def length_of(state: State, argument: Argument | None) -> Size | None:
    """How the program spells the length of a list of cells, if it is made in one expression."""
    node = argument.node if argument is not None else None
    if isinstance(node, cst.Name):
        found = _named(state, node.value)
    else:
        found = _written(state, node)
    return None if found is None else found[1]


def _written(state: State, node: cst.BaseExpression | None) -> Cells | None:
    """``[make_cell() for _ in range(n)]``, ``[cell] * n``"""
    if isinstance(node, cst.ListComp):
        element = state.values.get(node.elt)
        count = _rounds(state, node.for_in.iter)
        simple = not node.for_in.ifs and node.for_in.inner_for_in is None
        if _is_cell(element) and count is not None and simple:
            assert element is not None
            # The element is made anew each round, unless it is a name from outside.
            return [element], count, isinstance(node.elt, cst.Name)
    if isinstance(node, cst.BinaryOperation) and isinstance(node.operator, cst.Multiply):
        value = state.values.get(node.left)
        number = state.values.get(node.right)
        if value is not None and number is not None and value.kind == "sequence":
            if len(value.detail) == 1 and _is_cell(value.detail[0]):
                return [value.detail[0]], size_of(state, node.right, number), True
    return None


def _rounds(state: State, node: cst.BaseExpression) -> Size | None:
    """n of ``range(n)``"""
    if not isinstance(node, cst.Call) or not isinstance(node.func, cst.Name):
        return None
    if node.func.value not in ("range", "xrange") or len(node.args) != 1:
        return None
    value = state.values.get(node.args[0].value)
    return None if value is None else size_of(state, node.args[0].value, value)


def _named(state: State, name: str) -> Cells | None:
    """The list that a name of the current scope stands for."""
    scope: Any = state.stack[-1] if state.stack else state.module
    finder = _Stores(name)
    read(scope.body if isinstance(scope, cst.FunctionDef) else scope, finder)
    if len(finder.assigned) == 1 and not finder.appended:
        return _written(state, finder.assigned[0])
    starts_empty = len(finder.assigned) == 1 and (
        isinstance(finder.assigned[0], cst.List) and not finder.assigned[0].elements
    )
    if starts_empty and len(finder.appended) == 1:
        loop, element = finder.appended[0]
        value = state.values.get(element)
        count = _rounds(state, loop.iter) if loop is not None else None
        if _is_cell(value) and count is not None:
            assert value is not None
            return [value], count, False
    return None


class _Stores(cst.CSTVisitor):
    """Assignments and appends to one name."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.assigned: list[cst.BaseExpression] = []
        self.appended: list[tuple[cst.For | None, cst.BaseExpression]] = []
        self.loops: list[cst.For] = []

    def visit_FunctionDef(self, node: cst.FunctionDef) -> bool:
        return False

    def visit_For(self, node: cst.For) -> None:
        self.loops.append(node)

    def leave_For(self, original_node: cst.For) -> None:
        self.loops.pop()

    def visit_Assign(self, node: cst.Assign) -> None:
        for target in node.targets:
            if isinstance(target.target, cst.Name) and target.target.value == self.name:
                self.assigned.append(node.value)

    def visit_Call(self, node: cst.Call) -> None:
        func = node.func
        if (
            isinstance(func, cst.Attribute)
            and isinstance(func.value, cst.Name)
            and func.value.value == self.name
            and func.attr.value == "append"
            and len(node.args) == 1
        ):
            self.appended.append(
                (self.loops[-1] if len(self.loops) == 1 else None, node.args[0].value)
            )
