"""Shape functions of arithmetic, reductions, creation and conditions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from tf2torch.rulebook.model import Refusal
from tf2torch.rulebook.shapes.common import (
    ANY,
    Result,
    as_tensor,
    axes_of,
    axis_of,
    broadcast_shapes,
    common_dtype,
    dim_of,
    dims_of,
    dtype_name,
)
from tf2torch.rulebook.values import UNKNOWN, Dim, Value, product, tensor
from tf2torch.rulebook.words import literal

_FALSE: Final = Value("python", literal=False)


def same(x: Value) -> Result:
    """Dtype and shape of the first argument."""
    x = as_tensor(x)
    return tensor(x.dtype, x.shape)


def broadcast(*values: Value) -> Result:
    """Broadcast shape of the operands, dtype of the tensors among them."""
    return tensor(common_dtype(values), broadcast_shapes([as_tensor(v).shape for v in values]))


def compare(x: Value, y: Value) -> Result:
    """Broadcast shape, dtype bool."""
    return tensor("bool", broadcast_shapes([as_tensor(x).shape, as_tensor(y).shape]))


def cast(x: Value, dtype: Value) -> Result:
    """Same shape, another dtype; the tensor's own where the dtype argument is None."""
    x = as_tensor(x)
    return tensor(x.dtype if literal(dtype) is None else dtype_name(dtype), x.shape)


def reduce(x: Value, axis: Value, keepdims: Value) -> Result:
    """Axes removed, or of length one with keepdims."""
    x = as_tensor(x)
    keep = literal(keepdims)
    if literal(axis) is None and keep in (None, False):
        return tensor(x.dtype, ())
    if x.shape is None or keep is UNKNOWN:
        return tensor(x.dtype)
    axes = axes_of(axis, len(x.shape))
    if axes is None:
        known = literal(axis) if axis.kind == "python" else None
        if isinstance(known, int) and not keep:
            return tensor(x.dtype, (ANY,) * (len(x.shape) - 1))
        return tensor(x.dtype)
    if keep:
        return tensor(x.dtype, tuple(Dim(1) if i in axes else d for i, d in enumerate(x.shape)))
    return tensor(x.dtype, tuple(d for i, d in enumerate(x.shape) if i not in axes))


def argmax(x: Value, axis: Value, dtype: Value) -> Result:
    """One axis removed (0 if None), integer dtype."""
    x = as_tensor(x)
    name = dtype_name(dtype) or "int64"
    if x.shape is None:
        return tensor(name)
    at = 0 if literal(axis) is None else axis_of(axis, len(x.shape))
    if at is None:
        return tensor(name, (ANY,) * max(len(x.shape) - 1, 0))
    return tensor(name, tuple(d for i, d in enumerate(x.shape) if i != at))


def moments(x: Value, axes: Value, keepdims: Value) -> Result:
    """Mean and variance."""
    part = reduce(x, axes, keepdims)
    return part if isinstance(part, Refusal) else Value("sequence", detail=(part, part))


def sequence(*values: Value) -> Result:
    """Several results."""
    return Value("sequence", detail=values)


def several(x: Value, count: Value) -> Result:
    """A number of tensors of unknown shape with the dtype of x."""
    known = literal(count)
    if not isinstance(known, int):
        return Refusal("the number of results is unknown")
    return Value("sequence", detail=(tensor(as_tensor(x).dtype),) * known)


def decomposition(x: Value, compute_uv: Value) -> Result:
    """tf.svd: singular values, and the vectors unless they are not wanted."""
    one = tensor(as_tensor(x).dtype)
    return one if literal(compute_uv) is False else Value("sequence", detail=(one,) * 3)


def scalar(dtype: Value) -> Result:
    """A scalar of a dtype (a name, or a tensor that has it)."""
    return tensor(dtype_name(dtype), ())


def unknown(dtype: Value | None = None) -> Result:
    """A tensor of which at most the dtype is known."""
    return tensor(dtype_name(dtype) if dtype is not None else None)


# ---- linear algebra ----------------------------------------------------------------------------


def matmul(a: Value, b: Value, transpose_a: Value = _FALSE, transpose_b: Value = _FALSE) -> Result:
    """[..., n, k] x [..., k, m]."""
    a, b = as_tensor(a), as_tensor(b)
    dtype = common_dtype((a, b))
    ta, tb = literal(transpose_a), literal(transpose_b)
    if ta is UNKNOWN or tb is UNKNOWN:
        return tensor(dtype)
    if a.shape is None or b.shape is None:
        known = a.shape or b.shape
        return tensor(dtype, (ANY, ANY) if known is not None and len(known) == 2 else None)
    if len(a.shape) < 2 or len(b.shape) < 2:
        return tensor(dtype)
    rows = a.shape[-1] if ta else a.shape[-2]
    columns = b.shape[-2] if tb else b.shape[-1]
    batch = broadcast_shapes([a.shape[:-2], b.shape[:-2]])
    return tensor(dtype, None if batch is None else (*batch, rows, columns))


def dense(x: Value, units: Value) -> Result:
    """The last axis becomes `units`."""
    x = as_tensor(x)
    return tensor(x.dtype, (*x.shape[:-1], dim_of(units)) if x.shape else None)


# ---- creation ----------------------------------------------------------------------------------


def fill(shape: Value, dtype: Value) -> Result:
    """A tensor of a given shape and dtype."""
    return tensor(dtype_name(dtype), dims_of(shape))


def constant(value: Value, dtype: Value, shape: Value) -> Result:
    """tf.constant and tf.convert_to_tensor."""
    known = as_tensor(value)
    name = known.dtype if literal(dtype) is None else dtype_name(dtype)
    return tensor(name, known.shape if literal(shape) is None else dims_of(shape))


def arange(start: Value, limit: Value, delta: Value, dtype: Value) -> Result:
    """tf.range; the first argument is the limit where the second is None."""
    first, last, step = literal(start), literal(limit), literal(delta)
    if last is None:
        first, last = 0, first
    name = dtype_name(dtype) if literal(dtype) is not None else None
    if name is None:
        ends = [v for v in (start, limit, delta) if literal(v) is not None]
        names = {as_tensor(v).dtype for v in ends}
        name = next((n for n in ("float64", "float32", "int64", "int32") if n in names), None)
    count = None
    if all(isinstance(n, int) for n in (first, last, step)) and step:
        count = max(-(-(last - first) // step), 0)
    return tensor(name, (Dim(count),))


def one_hot(indices: Value, depth: Value, axis: Value, dtype: Value) -> Result:
    """A new axis of length `depth`, last by default."""
    indices = as_tensor(indices)
    name = "float32" if literal(dtype) is None else dtype_name(dtype)
    if indices.shape is None:
        return tensor(name)
    rank = len(indices.shape)
    known = literal(axis)
    at = rank if known in (None, -1) else known
    if not isinstance(at, int) or not 0 <= at <= rank:
        return tensor(name, (ANY,) * (rank + 1))
    return tensor(name, (*indices.shape[:at], dim_of(depth), *indices.shape[at:]))


def shape_of(x: Value, dtype: Value | None = None) -> Result:
    """tf.shape: a run-time vector; its detail holds the dimensions."""
    x = as_tensor(x)
    name = (dtype_name(dtype) if dtype is not None else None) or "int32"
    length = Dim(None if x.shape is None else len(x.shape))
    return Value("tensor", dtype=name, shape=(length,), detail=x.shape)


def static_shape(x: Value) -> Result:
    """x.get_shape().as_list(): a host list of the sizes that are known."""
    x = as_tensor(x)
    if x.shape is None:
        return Value("python")
    items = (
        Value("python", literal=UNKNOWN if d.size is None else d.size, text=str(d), detail=d)
        if d.size is not None or d.text
        else Value("python", detail=d)
        for d in x.shape
    )
    return Value("sequence", detail=tuple(items))


# ---- conditions --------------------------------------------------------------------------------


def where(condition: Value, x: Value, y: Value) -> Result:
    """tf.where in both its forms."""
    if literal(x) is None:
        rank = as_tensor(condition).rank
        return tensor("int64", (ANY, ANY if rank is None else Dim(rank)))
    return broadcast(x, y)


def python(*_: Value) -> Result:
    """A host value of which nothing is known."""
    return Value("python")


def operation(*_: Value) -> Result:
    """A tf.Operation."""
    return Value("operation")


def element(values: Value, index: Value) -> Result:
    """One item of a known sequence."""
    at = literal(index)
    if isinstance(values.detail, tuple) and isinstance(at, int) and -len(values.detail) <= at:
        if at < len(values.detail) and isinstance(values.detail[at], Value):
            item: Value = values.detail[at]
            return item
    return tensor()


def flatten(x: Value) -> Result:
    """[batch, everything else], the product kept as text: ``7 * 7 * 64``."""
    x = as_tensor(x)
    if not x.shape:
        return tensor(x.dtype, (ANY, ANY))
    return tensor(x.dtype, (x.shape[0], product(x.shape[1:]) if len(x.shape) > 1 else Dim(1)))


SHAPES: Final[Mapping[str, Callable[..., Result]]] = {
    **{f.__name__: f for f in (same, broadcast, compare, cast, reduce, argmax, moments)},
    **{f.__name__: f for f in (sequence, scalar, unknown, matmul, dense, fill, constant)},
    **{f.__name__: f for f in (one_hot, shape_of, static_shape, where, python, operation)},
    **{f.__name__: f for f in (element, flatten, several, decomposition)},
    "range": arange,
}
