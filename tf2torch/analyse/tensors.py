"""Abstract tensors and shapes: making them, operating on them, subscripting them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import libcst as cst

from tf2torch.analyse.facts import Obj
from tf2torch.analyse.state import State
from tf2torch.rulebook.model import DTYPES
from tf2torch.rulebook.values import UNKNOWN, Dim, Shape, Value, constant


def symbol_value(name: str) -> Value:
    """The value of a canonical TensorFlow name."""
    last = name.rpartition(".")[2]
    if name.count(".") == 1 and last in DTYPES:
        return Value("dtype", literal=last, detail=name)
    if name in ("tf.newaxis", "tf.no_regularizer"):
        return constant(None)
    return Value("symbol", detail=name)


def result(state: State, dtype: str | None, shape: Shape | None) -> Value:
    """A tensor that this evaluation makes; `detail` tells it from every other."""
    return Value("tensor", dtype=dtype, shape=shape, detail=state.fresh())


def number(value: Value) -> Any:
    """The literal of a value, looking through tf.Dimension; UNKNOWN otherwise."""
    if value.kind == "object" and value.detail.type == "Dimension":
        size = value.detail["dim"].size
        return UNKNOWN if size is None else size
    return value.literal


def dim_value(dim: Dim) -> Value:
    """A tf.Dimension."""
    return Value("object", detail=Obj("Dimension", {"dim": dim}))


def int_value(dim: Dim) -> Value:
    """The int or None that `Dimension.value` and `as_list` give."""
    if dim.size is not None:
        return constant(dim.size, dim.text or str(dim.size))
    # What has a text is a size of the program's, not the None of an open length.
    return Value("python", dtype="int32" if dim.text else None, text=dim.text)


def shape_value(dims: Sequence[Value] | None) -> Value:
    """A tf.TensorShape."""
    return Value(
        "object", detail=Obj("TensorShape", {"dims": None if dims is None else tuple(dims)})
    )


def shape_from(value: Value | None) -> Shape | None:
    """Shape that a host value (list of ints, None, TensorShape) describes; None if unknown."""
    if value is None or value.literal is None:
        return None
    if value.kind == "object" and value.detail.type == "TensorShape":
        dims = value.detail["dims"]
        return None if dims is None else tuple(dim_from(item) for item in dims)
    if value.kind == "object" and value.detail.type == "Dimension":
        return (value.detail["dim"],)
    if value.kind == "sequence":
        return tuple(dim_from(item) for item in value.detail)
    if isinstance(value.literal, tuple):
        return tuple(Dim(item if isinstance(item, int) else None) for item in value.literal)
    if isinstance(value.literal, int):
        return (Dim(value.literal, value.text),)
    return None


def dim_from(value: Value) -> Dim:
    if value.kind == "object" and value.detail.type == "Dimension":
        return value.detail["dim"]
    size = value.literal
    if isinstance(size, int) and not isinstance(size, bool):
        return Dim(size if size >= 0 else None, value.text if size >= 0 else None)
    if size is None:
        return Dim()
    return Dim(None, value.text)


# -- operators -----------------------------------------------------------------------------------


def operate(state: State, left: Value, right: Value, *, division: bool = False) -> Value:
    """``left + right`` with broadcasting."""
    dtype = left.dtype if left.is_tensor else right.dtype
    if division and dtype is not None and dtype.startswith(("int", "uint")):
        dtype = "float64"
    one = left.shape if left.is_tensor else _host_shape(left)
    other = right.shape if right.is_tensor else _host_shape(right)
    made = result(state, dtype, broadcast(one, other))
    # Torch computes with host numbers as they are, with host vectors only as tensors.
    on_host = all(side.host or not side.is_tensor for side in (left, right))
    return replace(made, host=True) if on_host and made.shape == () else made


def _host_shape(value: Value) -> Shape | None:
    if isinstance(value.literal, (int, float, bool)) or (value.kind == "python" and value.dtype):
        return ()
    if value.kind == "sequence" and not any(item.kind == "sequence" for item in value.detail):
        return (Dim(len(value.detail)),)
    return None


def broadcast(one: Shape | None, other: Shape | None) -> Shape | None:
    if one is None or other is None:
        return None
    length = max(len(one), len(other))
    one = (Dim(1),) * (length - len(one)) + one
    other = (Dim(1),) * (length - len(other)) + other
    merged = []
    for a, b in zip(one, other, strict=True):
        if a.size == 1:
            merged.append(b)
        elif b.size == 1 or a == b:
            merged.append(a)
        else:
            # Both unknown or equal, if the program runs: the one that can be spelled says more.
            merged.append(a if a.size is not None or (b.size is None and a.text) else b)
    return tuple(merged)


def subscript(state: State, owner: Value, node: cst.Subscript) -> Value:
    """``x[:, 0, None, ...]``"""
    part = _subscript(state, owner, node)
    if not owner.host:
        return part
    index = node.slice[0].slice if len(node.slice) == 1 else None
    at = state.values[index.value].literal if isinstance(index, cst.Index) else UNKNOWN
    if (
        isinstance(owner.literal, tuple)
        and isinstance(at, int)
        and -len(owner.literal) <= at < len(owner.literal)
    ):
        return replace(part, host=True, literal=owner.literal[at])
    return replace(part, host=True)


def _subscript(state: State, owner: Value, node: cst.Subscript) -> Value:
    if owner.shape is None:
        return result(state, owner.dtype, None)
    dims = list(owner.shape)
    out: list[Dim] = []
    parts = [element.slice for element in node.slice]
    consumed = 0
    explicit = sum(not _is_new_axis(state, part) and not _is_ellipsis(part) for part in parts)
    for part in parts:
        if _is_ellipsis(part):
            keep = len(dims) - explicit
            out += dims[consumed : consumed + max(keep, 0)]
            consumed += max(keep, 0)
        elif _is_new_axis(state, part):
            out.append(Dim(1))
        elif consumed >= len(dims):
            return result(state, owner.dtype, None)
        elif isinstance(part, cst.Slice):
            out.append(_sliced(state, dims[consumed], part))
            consumed += 1
        else:
            consumed += 1
    return result(state, owner.dtype, (*out, *dims[consumed:]))


def _is_ellipsis(part: cst.BaseSlice) -> bool:
    return isinstance(part, cst.Index) and isinstance(part.value, cst.Ellipsis)


def _is_new_axis(state: State, part: cst.BaseSlice) -> bool:
    if not isinstance(part, cst.Index) or isinstance(part.value, cst.Ellipsis):
        return False
    value = state.values.get(part.value)
    return value is not None and value.literal is None


def _sliced(state: State, dim: Dim, part: cst.Slice) -> Dim:
    bounds = []
    for bound in (part.lower, part.upper, part.step):
        literal = None if bound is None else number(state.values[bound])
        if literal is UNKNOWN:
            upper = state.values[part.upper] if part.upper is not None else None
            if part.lower is None and part.step is None and upper is not None:
                return Dim(None, upper.text)  # a shorter axis would fail loudly in the layer behind
            return Dim()
        bounds.append(literal)
    if bounds == [None, None, None]:
        return dim
    if dim.size is None or not all(b is None or isinstance(b, int) for b in bounds):
        return Dim()
    return Dim(len(range(*slice(*bounds).indices(dim.size))))


def plain(value: Value) -> Value:
    """TensorShape and Dimension as the lists and ints that rules understand."""
    if value.kind != "object":
        return value
    if value.detail.type == "Dimension":
        return int_value(value.detail["dim"])
    if value.detail.type == "TensorShape" and value.detail["dims"] is not None:
        items = tuple(plain(item) for item in value.detail["dims"])
        if all(item.literal is not UNKNOWN for item in items):
            return Value("sequence", literal=tuple(item.literal for item in items), detail=items)
        return Value("sequence", detail=items)
    return value


def result_like(dtype: str | None, shape: Shape | None) -> Value:
    """A tensor without identity, to describe a host value."""
    return Value("tensor", dtype=dtype, shape=shape)
