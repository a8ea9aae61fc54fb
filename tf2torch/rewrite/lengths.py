"""Lengths of tensors where no tensor is at hand."""

from __future__ import annotations

import libcst as cst

from tf2torch.analyse import tensors
from tf2torch.rewrite.writer import Writer, parse
from tf2torch.rulebook.values import UNKNOWN, Value


def static_length(writer: Writer, node: cst.BaseExpression) -> cst.BaseExpression | None:
    """``x.shape[1].value`` where no tensor is at hand: the length that it is."""
    kind = type(node)  # `isinstance` is slow here
    if kind is not cst.Call and kind is not cst.Attribute and kind is not cst.Subscript:
        return None
    value = tensors.plain(writer.value(node))
    if value.kind not in ("python", "sequence") or not _reads_tensor(writer, node):
        return None
    if value.kind == "sequence":
        sizes = [_size_text(item) for item in value.detail or ()]
        if None in sizes[1:] or not sizes:
            return None
        # Of a placeholder the length that TensorFlow does not know is the first, the batch.
        return parse(_lengths([size or "None" for size in sizes], node))
    if isinstance(value.literal, int):
        return parse(value.text or str(value.literal))
    return parse(value.text) if value.text is not None and value.literal is UNKNOWN else None


def _lengths(sizes: list[str], node: cst.BaseExpression) -> str:
    """``x.shape.as_list()`` is a list; a TensorShape reads and prints like a tuple."""
    inside: cst.CSTNode = node
    while isinstance(inside, (cst.Call, cst.Attribute, cst.Subscript)):
        if isinstance(inside, cst.Attribute) and inside.attr.value == "as_list":
            return f"[{', '.join(sizes)}]"
        inside = inside.func if isinstance(inside, cst.Call) else inside.value
    return f"({', '.join(sizes)}{',' if len(sizes) == 1 else ''})"


def _size_text(value: Value) -> str | None:
    if value.kind != "python" or value.is_tensor:
        return None
    return value.text or (str(value.literal) if isinstance(value.literal, int) else None)


def _reads_tensor(writer: Writer, node: cst.BaseExpression) -> bool:
    while isinstance(node, (cst.Call, cst.Attribute, cst.Subscript)):
        if node in writer.analysis.runs:
            return False  # ``y.eval().shape``: that of an array
        node = node.func if isinstance(node, cst.Call) else node.value
        if writer.value(node).is_tensor:
            return True
    return False
