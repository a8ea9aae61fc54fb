"""Elements of data sets: structures of tensors, sliced, batched and drawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import libcst as cst

from tf2torch.analyse import tensors
from tf2torch.analyse.calls import GraphCall
from tf2torch.analyse.facts import Obj
from tf2torch.analyse.state import State
from tf2torch.rulebook.values import UNKNOWN, Dim, Value

#: Modules of TensorFlow that data sets come from.
MODULES = ("tf.data", "tf.contrib.data", "tf.data.experimental")

#: A tensor of which nothing is known.
SOMETHING = Value("tensor")
TEXT = Value("tensor", dtype="string", shape=())


def make(kind: str, call: GraphCall, element: Value, **fields: Any) -> Value:
    record = {"symbol": call.symbol, "call": call, "element": element, **fields}
    return Value("object", detail=Obj(kind, record, call.node))


def dataset(call: GraphCall, element: Value) -> Value:
    return make("Dataset", call, element)


def convert_leaves(value: Value, change: Callable[[Value], Value]) -> Value:
    """The same structure of tuples, lists and dicts with every leaf changed."""
    if value.kind == "sequence":
        return Value("sequence", detail=tuple(convert_leaves(v, change) for v in value.detail))
    if value.kind == "mapping":
        pairs = tuple((key, convert_leaves(item, change)) for key, item in value.detail)
        return Value("mapping", detail=pairs)
    return change(value)


def as_tensors(value: Value, node: cst.CSTNode | None = None) -> Value:
    """A host structure as the tensors that TensorFlow makes of it; lists of numbers are tensors."""
    if value.kind == "mapping":
        return Value("mapping", detail=tuple((key, as_tensors(item)) for key, item in value.detail))
    if value.kind == "sequence" and (isinstance(node, cst.Tuple) or not is_array_literal(value)):
        return Value("sequence", detail=tuple(as_tensors(item) for item in value.detail))
    if value.is_tensor:
        return tensors.result_like(value.dtype, value.shape)
    if value.kind == "sequence":
        dtype = literal_dtype(value.literal)
        return tensors.result_like(dtype, _literal_shape(value))
    literal = value.literal
    if isinstance(literal, (int, float, str, bytes)):
        return tensors.result_like(literal_dtype(literal), ())
    if value.kind == "python" and value.shape is not None:
        return tensors.result_like(value.dtype, value.shape)
    return SOMETHING


def is_array_literal(value: Value) -> bool:
    return value.literal is not UNKNOWN and bool(value.detail)


def literal_dtype(literal: Any) -> str | None:
    while isinstance(literal, tuple) and literal:
        literal = literal[0]
    if isinstance(literal, bool):
        return "bool"
    kinds = {int: "int32", float: "float32", str: "string", bytes: "string"}
    return kinds.get(type(literal))


def _literal_shape(value: Value) -> tuple[Dim, ...]:
    shape, literal = [], value.literal
    while isinstance(literal, tuple) and literal:
        shape.append(Dim(len(literal)))
        literal = literal[0]
    return tuple(shape)


def slices(value: Value, node: cst.CSTNode | None = None) -> Value:
    """What is left of tensors when they are cut along their first axis."""

    def cut(leaf: Value) -> Value:
        shape = leaf.shape[1:] if leaf.shape else None
        return tensors.result_like(leaf.dtype, shape)

    return convert_leaves(as_tensors(value, node), cut)


def batched(element: Value, size: Dim) -> Value:
    """Tensors of batches of an element."""

    def stack(leaf: Value) -> Value:
        shape = None if leaf.shape is None else (size, *leaf.shape)
        return tensors.result_like(leaf.dtype, shape)

    return convert_leaves(element, stack)


def fresh(state: State, element: Value) -> Value:
    """Tensors of an element with identities of their own."""
    return convert_leaves(
        element, lambda leaf: replace(leaf, kind="tensor", detail=state.fresh(), fixed=True)
    )


def element_of(value: Value | None) -> Value:
    """Structure of what a data set, iterator or queue gives."""
    if value is not None and value.kind == "object" and value.detail["element"] is not None:
        return value.detail["element"]
    return SOMETHING


def batch_dim(value: Value | None, drop: object) -> Dim:
    known = drop is True and value is not None and isinstance(value.literal, int)
    return Dim(value.literal, value.text) if known and value is not None else Dim()


def typed_structure(types: Value | None, shapes: Value | None) -> Value:
    """Tensors of the given dtypes and shapes, nested like the dtypes."""
    if types is None:
        return SOMETHING
    if types.kind in ("sequence", "mapping"):
        parts = types.detail if types.kind == "sequence" else [item for _, item in types.detail]
        inner = shapes.detail if shapes is not None and shapes.kind == types.kind else None
        if inner is not None and types.kind == "mapping":
            inner = [item for _, item in inner]
        given = inner if inner is not None and len(inner) == len(parts) else [None] * len(parts)
        made = [typed_structure(a, b) for a, b in zip(parts, given, strict=True)]
        if types.kind == "mapping":
            keys = [key for key, _ in types.detail]
            return Value("mapping", detail=tuple(zip(keys, made, strict=True)))
        return Value("sequence", detail=tuple(made))
    dtype = types.literal if isinstance(types.literal, str) else None
    return tensors.result_like(dtype, tensors.shape_from(shapes))
