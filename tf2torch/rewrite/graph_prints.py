"""Prints of the graph: TensorFlow describes its nodes, and torch has none to describe."""

from __future__ import annotations

import libcst as cst

from tf2torch.cst.walk import walk
from tf2torch.plan.units import contains_run
from tf2torch.rewrite.writer import Writer
from tf2torch.rulebook.values import Value


def prints_graph(writer: Writer, node: cst.BaseSmallStatement, inside: bool = False) -> bool:
    """``print(logits)``, where `logits` is a tensor that no run has computed.

    `inside` of a function that builds graph TensorFlow prints once, when it is built; torch would
    do so at every call. There what is printed about a tensor goes as well.
    """
    if not isinstance(node, cst.Expr) or not isinstance(node.value, cst.Call):
        return False
    function = node.value.func
    if not isinstance(function, cst.Name) or function.value != "print":
        return False
    if contains_run(writer.analysis, node):
        return False
    shows = _mentions_graph if inside else _shows_graph
    if not any(shows(writer, arg.value) for arg in node.value.args):
        return False
    writer.note(node, "graph-print", "TensorFlow prints its graph's nodes here; there are none")
    return True


def _shows_graph(writer: Writer, node: cst.BaseExpression) -> bool:
    """Whether a graph node itself is printed, not just something known about it."""
    if isinstance(node, cst.BinaryOperation) and isinstance(node.operator, (cst.Modulo, cst.Add)):
        return _shows_graph(writer, node.left) or _shows_graph(writer, node.right)
    if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute):
        if node.func.attr.value == "format":
            return any(_shows_graph(writer, arg.value) for arg in node.args)
    if isinstance(node, cst.Call) and isinstance(node.func, cst.Name):
        if node.func.value in ("str", "repr"):
            return any(_shows_graph(writer, arg.value) for arg in node.args)
    if isinstance(node, (cst.Tuple, cst.List)):
        return any(_shows_graph(writer, element.value) for element in node.elements)
    if isinstance(node, cst.FormattedString):
        parts = (part for part in node.parts if isinstance(part, cst.FormattedStringExpression))
        return any(_shows_graph(writer, part.expression) for part in parts)
    if isinstance(node, cst.Attribute) and node.attr.value in ("dtype", "op", "graph", "device"):
        return _is_graph(writer.value(node.value))
    return _is_graph(writer.value(node))


def _mentions_graph(writer: Writer, node: cst.BaseExpression) -> bool:
    return any(_is_graph(writer.value(item)) for item in walk(node))


def _is_graph(value: Value) -> bool:
    if value.kind == "sequence":
        return any(_is_graph(item) for item in value.detail or ())
    return value.kind == "operation" or value.is_tensor
