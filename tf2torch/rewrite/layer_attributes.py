"""Weights that a program reads from layer objects: ``hidden.kernel``, in TensorFlow's layout."""

from __future__ import annotations

from typing import Any

import libcst as cst

from tf2torch.rewrite.writer import Scope, Unconvertible, Writer, parse


def weight(writer: Writer, node: cst.Attribute, scope: Scope) -> cst.BaseExpression:
    """``hidden.kernel`` -> ``model.hidden.weight.t()``"""
    value = writer.value(node)
    if value.kind != "variable" or value.detail is None:
        raise Unconvertible("layer-object", f"{node.attr.value!r} of a layer object", node)
    from tf2torch.rewrite.weights import weight_map

    entry = weight_map(writer)["variables"].get(value.detail.name)
    suffix = _inverse(entry["layout"]) if isinstance(entry, dict) else None
    if scope.model is None or not isinstance(entry, dict) or suffix is None:
        raise Unconvertible("layer-object", "where the layer's weight is kept is not known", node)
    return parse(f"{scope.model}.{entry['key']}{suffix}")


def _inverse(layout: list[Any]) -> str | None:
    """The method that gives a parameter TensorFlow's layout."""
    if layout == ["identity"]:
        return ""
    if layout == ["transpose"]:
        return ".t()"
    if layout[0] == "permute":
        axes = sorted(range(len(layout[1])), key=lambda axis: layout[1][axis])
        return f".permute({', '.join(map(str, axes))})"
    return None
