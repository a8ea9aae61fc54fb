"""Lists of lengths in constructors: ``shape = [n, size]`` of which only ``shape[1]`` is read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import libcst as cst

from tf2torch.cst.walk import transform, walk


def without_lists(body: Sequence[Any]) -> list[Any]:
    """``shape = [n, size]``, ``f(shape[1])`` -> ``f(size)``"""
    done = list(body)
    for statement in body:
        listed = _listed(statement)
        if listed is None:
            continue
        name, items = listed
        rest = [other for other in done if other is not statement]
        nodes = [node for other in rest for node in walk(other)]
        uses = sum(isinstance(node, cst.Name) and node.value == name for node in nodes)
        read = [node for node in nodes if _item(node, name, items) is not None]
        if uses and uses == len(read):
            done = [_replaced(other, name, items) for other in rest]
    return done


def _listed(statement: Any) -> tuple[str, list[cst.BaseExpression]] | None:
    """Name and items of ``name = [a, b, 3]``."""
    small = statement.body[0] if isinstance(statement, cst.SimpleStatementLine) else None
    if not isinstance(small, cst.Assign) or len(small.targets) != 1:
        return None
    target, value = small.targets[0].target, small.value
    if not isinstance(target, cst.Name) or not isinstance(value, (cst.List, cst.Tuple)):
        return None
    items = [element.value for element in value.elements]
    if not all(isinstance(item, (cst.Name, cst.Integer)) for item in items):
        return None
    return target.value, items


def _item(
    node: cst.CSTNode, name: str, items: Sequence[cst.BaseExpression]
) -> cst.BaseExpression | None:
    """What ``name[1]`` or ``name[-1]`` is."""
    if not isinstance(node, cst.Subscript) or len(node.slice) != 1:
        return None
    index = node.slice[0].slice
    if not isinstance(node.value, cst.Name) or node.value.value != name:
        return None
    if not isinstance(index, cst.Index):
        return None
    sign, number = 1, index.value
    if isinstance(number, cst.UnaryOperation) and isinstance(number.operator, cst.Minus):
        sign, number = -1, number.expression
    if not isinstance(number, cst.Integer):
        return None
    position = sign * number.evaluated_value
    return items[position] if -len(items) <= position < len(items) else None


def _replaced(node: Any, name: str, items: Sequence[cst.BaseExpression]) -> Any:
    def change(item: cst.CSTNode) -> cst.CSTNode:
        return _item(item, name, items) or item

    return transform(node, change)
