"""Shapes of tensors that analysis knows nothing of: TensorFlow's words for them are its own."""

from __future__ import annotations

import libcst as cst

from tf2torch.rewrite.expressions import convert
from tf2torch.rewrite.operands import fill_method
from tf2torch.rewrite.writer import Scope, Writer, code, parse


def call(writer: Writer, node: cst.Call, scope: Scope) -> cst.BaseExpression | None:
    """``x.get_shape()`` -> ``x.shape``, ``x.shape.as_list()`` -> ``list(x.shape)``"""
    assert isinstance(node.func, cst.Attribute)
    owner, name = node.func.value, node.func.attr.value
    if node.args:
        return None
    if name == "get_shape":
        return fill_method(convert(writer, owner, scope), "shape")
    if name == "as_list" and _is_shape(owner):
        return parse(f"list({code(convert(writer, owner, scope))})")
    return None


def attribute(writer: Writer, node: cst.Attribute, scope: Scope) -> cst.BaseExpression | None:
    """``x.shape.ndims`` -> ``len(x.shape)``, ``x.shape[1].value`` -> ``x.shape[1]``"""
    name = node.attr.value
    if name in ("ndims", "rank") and _is_shape(node.value):
        return parse(f"len({code(convert(writer, node.value, scope))})")
    if name == "value" and isinstance(node.value, cst.Subscript) and _is_shape(node.value.value):
        return convert(writer, node.value, scope)
    return None


def _is_shape(node: cst.BaseExpression) -> bool:
    """Whether an expression is the shape of something, by how it is written."""
    if isinstance(node, cst.Call):
        return isinstance(node.func, cst.Attribute) and node.func.attr.value == "get_shape"
    return isinstance(node, cst.Attribute) and node.attr.value == "shape"
