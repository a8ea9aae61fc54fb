"""Shape functions of operations that move, join, cut or index axes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

from tf2torch.rulebook.model import Refusal
from tf2torch.rulebook.shapes.common import (
    ANY,
    Result,
    as_tensor,
    axis_of,
    common_dtype,
    dim_of,
    dims_of,
    same_length,
)
from tf2torch.rulebook.values import Dim, Shape, Value, product, tensor
from tf2torch.rulebook.words import literal


def reshape(x: Value, shape: Value) -> Result:
    """The target shape with -1 resolved, products kept as text."""
    x = as_tensor(x)
    target = dims_of(shape)
    if target is None:
        return tensor(x.dtype)
    if all(d.size != -1 for d in target):
        return tensor(x.dtype, target)
    return tensor(x.dtype, tuple(_rest(x.shape, target) if d.size == -1 else d for d in target))


def _rest(source: Shape | None, target: Shape) -> Dim:
    """The length that -1 stands for."""
    others = [d for d in target if d.size != -1]
    if source is None:
        return ANY
    left = list(source)
    unmatched = []
    for dim in others:  # lengths that stand on both sides cancel
        if dim in left and (dim.size is not None or dim.text is not None):
            left.remove(dim)
        elif dim.size is not None and any(d.size == dim.size for d in left):
            left.remove(next(d for d in left if d.size == dim.size))
        else:
            unmatched.append(dim)
    if not unmatched:
        return left[0] if len(left) == 1 else product(tuple(left))
    if any(d.size is None for d in unmatched):
        return ANY
    divisor = math.prod(d.size or 1 for d in unmatched)
    known = math.prod(d.size for d in left if d.size is not None)
    open_dims = [d for d in left if d.size is None]
    if not divisor or known % divisor:
        return ANY
    if not open_dims:
        return Dim(known // divisor)
    return open_dims[0] if len(open_dims) == 1 and known == divisor else ANY


def transpose(x: Value, perm: Value) -> Result:
    """Axes in another order; reversed where perm is None."""
    x = as_tensor(x)
    order = literal(perm)
    if x.shape is None:
        return tensor(x.dtype, (ANY,) * len(order) if isinstance(order, tuple) else None)
    if order is None:
        return tensor(x.dtype, x.shape[::-1])
    if not isinstance(order, tuple) or sorted(order) != list(range(len(x.shape))):
        return tensor(x.dtype, (ANY,) * len(x.shape))
    return tensor(x.dtype, tuple(x.shape[i] for i in order))


def _items(values: Value) -> list[Value] | None:
    if values.kind == "sequence" and isinstance(values.detail, tuple):
        return [as_tensor(item) for item in values.detail]
    return None


def concat(values: Value, axis: Value) -> Result:
    """Lengths along the axis added up, as a sum in the text."""
    if values.kind == "many":
        return _joined(values, axis)
    items = _items(values)
    if not items:
        return tensor(as_tensor(values).dtype)
    dtype = common_dtype(items)
    shapes = [item.shape for item in items if item.shape is not None]
    if not shapes:
        return tensor(dtype)
    at = axis_of(axis, len(shapes[0]))
    if at is None:
        return tensor(dtype, (ANY,) * len(shapes[0]))
    result = list(shapes[0])
    for shape in shapes[1:]:
        if len(shape) != len(result):
            return tensor(dtype)
        result = [same_length(a, b) for a, b in zip(result, shape, strict=True)]
    result[at] = _sum([s[at] for s in shapes]) if len(shapes) == len(items) else ANY
    return tensor(dtype, tuple(result))


def _joined(values: Value, axis: Value) -> Result:
    """A list of unknown length, joined along an axis."""
    item = as_tensor(values.detail)
    if item.shape is None:
        return tensor(item.dtype)
    at = axis_of(axis, len(item.shape))
    if at is None:
        return tensor(item.dtype, (ANY,) * len(item.shape))
    return tensor(item.dtype, (*item.shape[:at], ANY, *item.shape[at + 1 :]))


def _sum(parts: list[Dim]) -> Dim:
    if all(d.size is not None for d in parts):
        size = sum(d.size or 0 for d in parts)
        named = any(d.text is not None for d in parts)
        return Dim(size, " + ".join(map(str, parts)) if named else None)
    if any(d.size is None and d.text is None for d in parts):
        return ANY
    return Dim(None, " + ".join(map(str, parts)))


def stack(values: Value, axis: Value) -> Result:
    """A new axis as long as the list."""
    if values.kind == "many":
        item = as_tensor(values.detail)
        at = None if item.shape is None else axis_of(axis, len(item.shape) + 1)
        if item.shape is None or at is None:
            return tensor(item.dtype)
        return tensor(item.dtype, (*item.shape[:at], ANY, *item.shape[at:]))
    items = _items(values)
    if not items:
        whole = as_tensor(values)
        return tensor(whole.dtype, whole.shape if literal(axis) == 0 else None)
    dtype = common_dtype(items)
    inner = next((item.shape for item in items if item.shape is not None), None)
    if inner is None:
        return tensor(dtype)
    at = axis_of(axis, len(inner) + 1)
    if at is None:
        return tensor(dtype, (ANY,) * (len(inner) + 1))
    return tensor(dtype, (*inner[:at], Dim(len(items)), *inner[at:]))


def unstack(value: Value, num: Value, axis: Value) -> Result:
    """One tensor for each index of the axis."""
    value = as_tensor(value)
    at = None if value.shape is None else axis_of(axis, len(value.shape))
    count = literal(num)
    if not isinstance(count, int):
        count = value.shape[at].size if value.shape is not None and at is not None else None
    if count is None:
        return Value("python")
    inner = None
    if value.shape is not None and at is not None:
        inner = (*value.shape[:at], *value.shape[at + 1 :])
    return Value("sequence", detail=(tensor(value.dtype, inner),) * count)


def split(value: Value, parts: Value, axis: Value) -> Result:
    """Equal parts by number, or parts of given lengths."""
    value = as_tensor(value)
    known = literal(parts)
    at = None if value.shape is None else axis_of(axis, len(value.shape))
    if isinstance(known, int):
        whole = ANY if value.shape is None or at is None else value.shape[at]
        lengths = [_divided(whole, known)] * known
    elif parts.kind == "sequence" or isinstance(known, tuple):
        lengths = list(dims_of(parts) or ())
    else:
        return Value("python")
    results = []
    for length in lengths:
        shape = value.shape
        if shape is not None:
            shape = (ANY,) * len(shape) if at is None else (*shape[:at], length, *shape[at + 1 :])
        results.append(tensor(value.dtype, shape))
    return Value("sequence", detail=tuple(results))


def _divided(dim: Dim, parts: int) -> Dim:
    if dim.size is not None:
        return Dim(dim.size // parts)
    text = dim.text
    if text is None:
        return ANY
    return Dim(None, f"{text} // {parts}" if text.isidentifier() else f"({text}) // {parts}")


def expand_dims(x: Value, axis: Value) -> Result:
    """A new axis of length one."""
    x = as_tensor(x)
    if x.shape is None:
        return tensor(x.dtype)
    at = axis_of(axis, len(x.shape) + 1)
    if at is None:
        return tensor(x.dtype, (ANY,) * (len(x.shape) + 1))
    return tensor(x.dtype, (*x.shape[:at], Dim(1), *x.shape[at:]))


def squeeze(x: Value, axis: Value) -> Result:
    """Axes of length one removed."""
    x = as_tensor(x)
    if x.shape is None:
        return tensor(x.dtype)
    known = literal(axis)
    if known is None or known == ():
        if any(d.size is None for d in x.shape):
            return tensor(x.dtype)
        return tensor(x.dtype, tuple(d for d in x.shape if d.size != 1))
    axes = (known,) if isinstance(known, int) else known
    if not isinstance(axes, tuple):
        return tensor(x.dtype)
    gone = {a % len(x.shape) for a in axes if isinstance(a, int)}
    return tensor(x.dtype, tuple(d for i, d in enumerate(x.shape) if i not in gone))


def tile(x: Value, multiples: Value) -> Result:
    """Each length times its multiple."""
    x = as_tensor(x)
    times = dims_of(multiples)
    if x.shape is None or times is None or len(times) != len(x.shape):
        return tensor(x.dtype, None if times is None else (ANY,) * len(times))
    return tensor(x.dtype, tuple(_times(d, t) for d, t in zip(x.shape, times, strict=True)))


def _times(dim: Dim, times: Dim) -> Dim:
    if times.size == 1:
        return dim
    return times if dim.size == 1 else product((dim, times))


def gather(params: Value, indices: Value, axis: Value | None = None) -> Result:
    """The axis replaced by the shape of the indices."""
    params, indices = as_tensor(params), as_tensor(indices)
    if params.shape is None or indices.shape is None:
        return tensor(params.dtype)
    at = 0 if axis is None else axis_of(axis, len(params.shape))
    if at is None:
        return tensor(params.dtype)
    return tensor(params.dtype, (*params.shape[:at], *indices.shape, *params.shape[at + 1 :]))


def gather_nd(params: Value, indices: Value) -> Result:
    """The last axis of the indices names leading axes of params."""
    params, indices = as_tensor(params), as_tensor(indices)
    if params.shape is None or not indices.shape or indices.shape[-1].size is None:
        return tensor(params.dtype)
    return tensor(params.dtype, (*indices.shape[:-1], *params.shape[indices.shape[-1].size :]))


def pad(x: Value, paddings: Value) -> Result:
    """Each length grown by its padding."""
    x = as_tensor(x)
    known = literal(paddings)
    if x.shape is None or not isinstance(known, tuple) or len(known) != len(x.shape):
        return tensor(x.dtype, None if x.shape is None else (ANY,) * len(x.shape))
    return tensor(x.dtype, tuple(_grown(d, p) for d, p in zip(x.shape, known, strict=True)))


def _grown(dim: Dim, padding: Any) -> Dim:
    if not isinstance(padding, tuple) or not all(isinstance(n, int) for n in padding):
        return ANY
    extra = sum(padding)
    if not extra or dim.size is None:
        return dim if not extra else ANY
    return Dim(dim.size + extra)


def slice_(x: Value, begin: Value, size: Value) -> Result:
    """tf.slice: lengths of `size`, -1 up to the end."""
    x = as_tensor(x)
    lengths, starts = dims_of(size), literal(begin)
    if lengths is None:
        return tensor(x.dtype, None if x.shape is None else (ANY,) * len(x.shape))
    result = []
    for i, length in enumerate(lengths):
        if length.size != -1:
            result.append(length)
            continue
        whole = x.shape[i] if x.shape is not None and i < len(x.shape) else ANY
        start = starts[i] if isinstance(starts, tuple) and i < len(starts) else None
        if start == 0:
            result.append(whole)
        elif isinstance(start, int) and whole.size is not None:
            result.append(Dim(whole.size - start))
        else:
            result.append(ANY)
    return tensor(x.dtype, tuple(result))


def strided(x: Value, begin: Value, end: Value, strides: Value) -> Result:
    """tf.strided_slice without masks."""
    x = as_tensor(x)
    first, last, step = literal(begin), literal(end), literal(strides)
    step = (1,) * len(first) if step is None and isinstance(first, tuple) else step
    known = (first, last, step)
    if x.shape is None or not all(isinstance(k, tuple) and len(k) == len(first) for k in known):
        return tensor(x.dtype)
    result = list(x.shape)
    for i, (a, b, s) in enumerate(zip(first, last, step, strict=True)):
        size = result[i].size
        result[i] = ANY if size is None or not s else Dim(len(range(*slice(a, b, s).indices(size))))
    return tensor(x.dtype, tuple(result))


def top_k(x: Value, k: Value) -> Result:
    """Values and int32 indices of the k largest along the last axis."""
    x = as_tensor(x)
    shape = None if not x.shape else (*x.shape[:-1], dim_of(k))
    return Value("sequence", detail=(tensor(x.dtype, shape), tensor("int32", shape)))


def mask(x: Value) -> Result:
    """tf.boolean_mask with a vector mask: the first length is unknown."""
    x = as_tensor(x)
    return tensor(x.dtype, (ANY, *x.shape[1:]) if x.shape else None)


def ranked(dtype_of: Value, rank: Value) -> Result:
    """A tensor of known rank and otherwise unknown shape."""
    known = literal(rank)
    if not isinstance(known, int):
        return Refusal("the rank is unknown")
    return tensor(as_tensor(dtype_of).dtype, (ANY,) * known)


SHAPES: Final[Mapping[str, Callable[..., Result]]] = {
    **{f.__name__: f for f in (reshape, transpose, concat, stack, unstack, split, expand_dims)},
    **{f.__name__: f for f in (squeeze, tile, gather, gather_nd, pad, strided, top_k, mask)},
    "ranked": ranked,
    "slice": slice_,
}
