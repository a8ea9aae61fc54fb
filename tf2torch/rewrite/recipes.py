"""Initializers that functions of the program take or give: functions that fill a tensor."""

from __future__ import annotations

import libcst as cst

from tf2torch.cst.names import parameters
from tf2torch.cst.walk import walk
from tf2torch.rewrite.choice import chosen
from tf2torch.rewrite.writer import Writer, code, parse
from tf2torch.rulebook.apply import Bound, fill
from tf2torch.rulebook.model import Rule
from tf2torch.rulebook.values import ANYTHING


def is_given(writer: Writer, node: cst.BaseExpression) -> bool:
    """Whether an initializer comes from elsewhere: a parameter, or a function that returns it."""
    value = writer.value(node)
    known = value.kind == "object" and getattr(value.detail, "type", "") == "Initializer"
    if isinstance(node, cst.Call):
        return known and node in writer.analysis.callees
    if not isinstance(node, cst.Name) or not (known or value.kind == "unknown"):
        return False
    return any(
        node.value in parameters(function) and any(item is node for item in walk(function.body))
        for function in writer.plan.roles
    )


def function(
    writer: Writer, rule: Rule, bound: Bound, node: cst.BaseExpression
) -> cst.BaseExpression:
    """``tf.constant_initializer(0.1)`` -> ``lambda tensor: nn.init.constant_(tensor, 0.1)``"""
    bound = Bound(bound.rule, bound.nodes, {**bound.values, "shape": ANYTHING})
    text = chosen(writer, rule, bound, node).init
    if text is None:
        return parse("lambda tensor: tensor")
    written = code(fill(text, bound, {"tensor": cst.Name("tensor")}))
    name = written.removesuffix("(tensor)")
    return parse(name if name.replace(".", "").isidentifier() else f"lambda tensor: {written}")
