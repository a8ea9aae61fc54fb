"""Sparse gradients of embeddings, where their form changes the numbers."""

from __future__ import annotations

import libcst as cst

from tf2torch.rewrite.expressions import Typed
from tf2torch.rewrite.writer import Writer

_NORMS = ("tf.clip_by_global_norm", "tf.global_norm")
_LOOKUPS = ("tf.nn.embedding_lookup",)


def lookup(writer: Writer, node: cst.Call, written: Typed) -> Typed:
    """``F.embedding(ids, table)`` -> ``F.embedding(ids, table, sparse=True)``.

    TensorFlow's norm of a lookup's gradient counts repeated rows one by one, so a program that
    clips by the global norm has to keep these rows apart until the norm is taken.
    """
    call = written.node
    if not isinstance(call, cst.Call) or not isinstance(call.func, cst.Attribute):
        return written
    if call.func.attr.value != "embedding" or not _is_wanted(writer, node):
        return written
    tight = cst.AssignEqual(cst.SimpleWhitespace(""), cst.SimpleWhitespace(""))
    option = cst.Arg(cst.Name("True"), keyword=cst.Name("sparse"), equal=tight)
    args = [*call.args[:-1], call.args[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT), option]
    return Typed(call.with_changes(args=args), written.layout, written.rank)


def _is_wanted(writer: Writer, node: cst.Call) -> bool:
    """Whether gradients are clipped by their norm and only ever applied after that."""
    analysis = writer.analysis
    if not any(symbol in _NORMS for symbol in analysis.symbols.values()):
        return False
    trains = [
        value
        for value in analysis.values.values()
        if value.kind == "operation" and value.detail.type == "Train"
    ]
    table = writer.value(node.args[0].value) if node.args else None
    return not trains and table is not None and table.kind == "variable"
