"""Placeholders in host code: there they are the keys of what is fed, by their names."""

from __future__ import annotations

import libcst as cst

from tf2torch.plan.units import contents
from tf2torch.rewrite.writer import Scope, Writer, parse
from tf2torch.rulebook.values import Value


def form(writer: Writer, node: cst.BaseExpression, scope: Scope) -> cst.BaseExpression | None:
    """``x`` -> ``"x"`` for a placeholder, and for any tensor that is the key of a dictionary."""
    if isinstance(node, (cst.Name, cst.Attribute, cst.Subscript)):
        return _placeholder(writer, node)
    if isinstance(node, cst.Dict):
        return _dictionary(writer, node, scope)
    return None


def _placeholder(writer: Writer, node: cst.BaseExpression) -> cst.BaseExpression | None:
    value = writer.value(node)
    if value.kind == "placeholder":
        return _key(writer, value)
    if isinstance(node, cst.Name) and value.kind in ("sequence", "mapping"):
        unit = writer.plan.graph.definition(node.value, len(writer.plan.graph.units) + 1)
        if unit is not None and unit.kind == "graph" and _are_placeholders(value):
            return _container(writer, value)
    return None


def _are_placeholders(value: Value) -> bool:
    leaves = contents(value)
    return bool(leaves) and all(leaf.kind == "placeholder" for leaf in leaves)


def _container(writer: Writer, value: Value) -> cst.BaseExpression | None:
    """A list or dict of placeholders, written out."""
    if value.kind == "placeholder":
        return _key(writer, value)
    if value.kind == "sequence":
        items = [_container(writer, item) for item in value.detail]
        if any(item is None for item in items):
            return None
        return cst.List([cst.Element(item) for item in items if item is not None])
    pairs = [(key, _container(writer, item)) for key, item in value.detail]
    if any(item is None or not isinstance(key, (str, int)) for key, item in pairs):
        return None
    elements = [cst.DictElement(parse(repr(key)), item) for key, item in pairs if item is not None]
    return cst.Dict(elements)


def _key(writer: Writer, value: Value) -> cst.BaseExpression | None:
    name = writer.plan.tensor_keys.get(value.detail)
    return None if name is None else cst.SimpleString(f'"{name}"')


def _dictionary(writer: Writer, node: cst.Dict, scope: Scope) -> cst.BaseExpression | None:
    from tf2torch.rewrite.expressions import convert

    keys = [e.key for e in node.elements if isinstance(e, cst.DictElement)]
    if not any(writer.value(key).kind == "tensor" for key in keys):
        return None
    elements: list[cst.BaseDictElement] = []
    for element in node.elements:
        if isinstance(element, cst.DictElement):
            key = _key(writer, writer.value(element.key)) or convert(writer, element.key, scope)
            value = convert(writer, element.value, scope)
            elements.append(element.with_changes(key=key, value=value))
        else:
            elements.append(element.with_changes(value=convert(writer, element.value, scope)))
    return node.with_changes(elements=elements)
