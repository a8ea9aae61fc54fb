"""Names that cells read when they run, although other statements mention them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import libcst as cst

from tf2torch.analyse import Analysis
from tf2torch.analyse.recurrent import CELLS
from tf2torch.cst.memory import remember
from tf2torch.cst.names import free_names
from tf2torch.plan.units import Unit, contents
from tf2torch.rulebook.values import Value


def pass_names_through_cells(analysis: Analysis, units: Iterable[Unit]) -> None:
    """``cell = DropoutWrapper(cell, keep_prob)``: what runs the cell reads `keep_prob`."""
    units = list(units)
    read = {node.name.value: set(free_names(node)) for node in _makers(analysis)}
    changed = bool(read)
    for unit in units:
        value = analysis.values.get(unit.value) if unit.value is not None else None
        cell_unit = value is not None and makes_cells(value) and value.kind != "symbol"
        appended = _appended(analysis, unit)
        if cell_unit or appended:
            targets = {appended} if appended else unit.names.stores
            names = set(unit.names.loads)
            for name in list(names):
                names |= read.get(name, set())
            for target in targets:
                read[target] = read.get(target, set()) | names
            changed = True
    if not changed:
        return
    for unit in units:
        for name in list(unit.names.loads):
            unit.names.loads |= _closed(read, name, set())


@remember
def _makers(analysis: Analysis) -> list[cst.FunctionDef]:
    """Functions that return cells."""
    return [
        node
        for node, value in analysis.returns.items()
        if isinstance(node, cst.FunctionDef) and makes_cells(value)
    ]


def _closed(read: dict[str, set[str]], name: str, seen: set[str]) -> set[str]:
    if name in seen or name not in read:
        return set()
    seen.add(name)
    found = set(read[name])
    for other in list(found):
        found |= _closed(read, other, seen)
    return found


def _appended(analysis: Analysis, unit: Unit) -> str | None:
    node = unit.value
    if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and len(node.args) == 1:
        added = analysis.values.get(node.args[0].value)
        if node.func.attr.value == "append" and added is not None and makes_cells(added):
            return node.func.value.value if isinstance(node.func.value, cst.Name) else None
    return None


def makes_cells(value: Value) -> bool:
    """Whether a value is a cell, a list of cells or a class of cells."""
    if value.kind == "symbol":
        return value.detail in CELLS
    found = contents(value)
    return bool(found) and all(
        item.kind == "object" and item.detail.type == "RNNCell" for item in found
    )


def lists_in_graph(units: Iterable[Unit]) -> tuple[Unit, ...]:
    """Units, where what graph code fills or goes on from belongs to the graph.

    That is empty lists and dicts, and the numbers that sums and counters of graph code start with.
    """
    units = list(units)
    filled = {
        name for unit in units if unit.kind == "graph" for name in unit.names.attribute_stores
    }
    filled |= {
        name for unit in units if unit.kind == "graph" for name in unit.defines - unit.names.stores
    }
    continued = {
        name
        for unit in units
        if unit.kind in ("graph", "param")
        for name in unit.names.loads & unit.names.stores
    }
    return tuple(
        replace(unit, kind="graph")
        if unit.kind == "host"
        and (
            (_is_empty(unit.value) and unit.names.stores & filled)
            or (_is_plain(unit.value) and unit.names.stores & continued)
        )
        or (
            unit.kind == "alias"
            and isinstance(unit.value, (cst.List, cst.Dict))
            and unit.names.stores & filled
        )
        else unit
        for unit in units
    )


def _is_plain(node: cst.BaseExpression | None) -> bool:
    """Whether a value is written out, or arithmetic with names: ``0``, ``None``, ``-n / 2``."""
    if isinstance(node, cst.UnaryOperation):
        return _is_plain(node.expression)
    if isinstance(node, cst.BinaryOperation):
        return _is_plain(node.left) and _is_plain(node.right)
    return isinstance(node, (cst.BaseNumber, cst.SimpleString, cst.Name))


def _is_empty(node: cst.BaseExpression | None) -> bool:
    if isinstance(node, cst.Tuple):  # ``weights, biases = [], []``
        return all(_is_empty(element.value) for element in node.elements)
    return isinstance(node, (cst.List, cst.Dict)) and not node.elements
