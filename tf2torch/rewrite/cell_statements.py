"""Statements that only make cells: their modules are made in constructors."""

from __future__ import annotations

import libcst as cst

from tf2torch.analyse.cells import CELLS
from tf2torch.cst.memory import remember
from tf2torch.cst.walk import read
from tf2torch.plan.units import contents
from tf2torch.rewrite.writer import Writer
from tf2torch.rulebook.values import Value


def is_cell(value: Value) -> bool:
    return value.kind == "object" and value.detail.type == "RNNCell"


def _makes_cells(value: Value) -> bool:
    if value.kind == "symbol":
        return value.detail in CELLS
    found = contents(value)
    return bool(found) and all(is_cell(item) for item in found)


def absorbed(writer: Writer, node: cst.CSTNode) -> bool:
    """Whether a statement does nothing but make cells: their modules are made in constructors."""
    if isinstance(node, cst.FunctionDef):
        returned = _returned(node)
        return bool(returned) and all(_is_cell_source(writer, value, node) for value in returned)
    if isinstance(node, cst.SimpleStatementLine):
        return all(absorbed(writer, small) for small in node.body)
    if isinstance(node, cst.Assign):
        if _is_cell_source(writer, node.value, None):
            return not isinstance(node.targets[0].target, cst.Attribute)
        empty = isinstance(node.value, cst.List) and not node.value.elements
        target = node.targets[0].target
        return empty and isinstance(target, cst.Name) and target.value in _cell_lists(writer)
    if isinstance(node, cst.Expr):
        return _appends(writer, node.value) is not None or _reuses(writer, node.value)
    if isinstance(node, (cst.For, cst.If, cst.With)):
        inner = list(node.body.body)
        orelse = getattr(node, "orelse", None)
        if isinstance(orelse, cst.If):
            inner.append(orelse)
        elif orelse is not None:
            inner += orelse.body.body
        return bool(inner) and all(absorbed(writer, child) for child in inner)
    return False


def _is_cell_source(
    writer: Writer, node: cst.BaseExpression, function: cst.FunctionDef | None
) -> bool:
    """Whether an expression makes cells, whichever they are."""
    if _makes_cells(writer.value(node)):
        return True
    if isinstance(node, cst.Call):
        if writer.analysis.symbols.get(node.func) in CELLS:
            return True
        callee = writer.analysis.callees.get(node)
        inner = callee.node if callee is not None else None
        return (
            isinstance(inner, cst.FunctionDef) and inner is not function and absorbed(writer, inner)
        )
    if isinstance(node, cst.ListComp):
        return _is_cell_source(writer, node.elt, function)
    if isinstance(node, cst.List):
        return bool(node.elements) and all(
            _is_cell_source(writer, element.value, function) for element in node.elements
        )
    if isinstance(node, cst.Name) and function is not None:
        assigned = _assigned(function, node.value)
        others = [value for value in assigned if not isinstance(value, cst.Name)]
        return bool(others) and all(_is_cell_source(writer, value, function) for value in others)
    return False


def _returned(node: cst.FunctionDef) -> list[cst.BaseExpression]:
    return _results(node).returned


def _assigned(node: cst.FunctionDef, name: str) -> list[cst.BaseExpression]:
    return _results(node).assigned.get(name, [])


@remember
def _results(node: cst.FunctionDef) -> _Results:
    finder = _Results()
    read(node.body, finder)
    return finder


class _Results(cst.CSTVisitor):
    """What a function returns, and what it assigns to each name."""

    def __init__(self) -> None:
        self.returned: list[cst.BaseExpression] = []
        self.assigned: dict[str, list[cst.BaseExpression]] = {}

    def visit_FunctionDef(self, node: cst.FunctionDef) -> bool:
        return False

    def visit_Return(self, node: cst.Return) -> bool:
        self.returned.append(node.value if node.value is not None else cst.Name("None"))
        return False

    def visit_Assign(self, node: cst.Assign) -> bool:
        for target in node.targets:
            if isinstance(target.target, cst.Name):
                self.assigned.setdefault(target.target.value, []).append(node.value)
        return False


def _reuses(writer: Writer, node: cst.CSTNode) -> bool:
    """``tf.get_variable_scope().reuse_variables()``: a module is used again without ado."""
    if not isinstance(node, cst.Call) or not isinstance(node.func, cst.Attribute):
        return False
    owner = writer.value(node.func.value)
    scope = owner.kind == "object" and owner.detail.type == "VariableScope"
    return scope and node.func.attr.value == "reuse_variables"


def _appends(writer: Writer, node: cst.CSTNode) -> str | None:
    """Name of the list in ``cells.append(cell)``."""
    if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and len(node.args) == 1:
        if node.func.attr.value == "append" and isinstance(node.func.value, cst.Name):
            if is_cell(writer.value(node.args[0].value)):
                return node.func.value.value
    return None


@remember
def _cell_lists(writer: Writer) -> set[str]:
    """Names of lists that cells are appended to."""
    return {name for node in writer.analysis.values if (name := _appends(writer, node)) is not None}
