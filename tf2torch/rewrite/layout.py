"""Axis orders: TensorFlow's (channels last) and torch's for images (channels first)."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

FIRST = "channels first"

_IN = {3: "0, 2, 1", 4: "0, 3, 1, 2", 5: "0, 4, 1, 2, 3"}
_OUT = {3: "0, 2, 1", 4: "0, 2, 3, 1", 5: "0, 2, 3, 4, 1"}


def to_first(node: cst.BaseExpression, rank: int) -> cst.BaseExpression:
    """``x`` -> ``x.permute(0, 3, 1, 2)``"""
    return _permute(node, _IN[rank])


def to_last(node: cst.BaseExpression, rank: int) -> cst.BaseExpression:
    """``x`` -> ``x.permute(0, 2, 3, 1)``"""
    return _permute(node, _OUT[rank])


def _permute(node: cst.BaseExpression, order: str) -> cst.BaseExpression:
    inner = node
    if isinstance(node, (cst.BinaryOperation, cst.UnaryOperation, cst.IfExp, cst.Comparison)):
        inner = node.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
    args = [cst.Arg(cst.Integer(part)) for part in order.split(", ")]
    return cst.Call(cst.Attribute(inner, cst.Name("permute")), args)


def axis_first(axis: int, rank: int) -> int:
    """Where an axis of TensorFlow's order is when channels come first."""
    axis %= rank
    if axis == 0:
        return 0
    return 1 if axis == rank - 1 else axis + 1


def axes_first(axes: Sequence[int], rank: int) -> list[int]:
    return [axis_first(axis, rank) for axis in axes]


def undone(node: cst.BaseExpression) -> tuple[cst.BaseExpression, int] | None:
    """What `to_last` was given, and its rank: ``x.permute(0, 2, 3, 1)`` -> ``x``, 4."""
    if not isinstance(node, cst.Call) or not isinstance(node.func, cst.Attribute):
        return None
    if node.func.attr.value != "permute":
        return None
    order = [arg.value.value for arg in node.args if isinstance(arg.value, cst.Integer)]
    for rank, wanted in _OUT.items():
        if rank > 3 and ", ".join(order) == wanted:
            return node.func.value, rank
    return None
