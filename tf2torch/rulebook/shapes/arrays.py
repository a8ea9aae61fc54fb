"""Shape functions of array creation, host values and linear algebra."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from tf2torch.rulebook.shapes import axes, core
from tf2torch.rulebook.shapes.common import (
    ANY,
    Result,
    as_tensor,
    axes_of,
    broadcast_shapes,
    common_dtype,
    dim_of,
    dims_of,
    dtype_name,
)
from tf2torch.rulebook.values import UNKNOWN, Dim, Shape, Value, tensor
from tf2torch.rulebook.words import literal


def host(dtype: str | None, shape: Shape | None = (), literal: object = UNKNOWN) -> Value:
    """A run-time value that is no tensor in torch but a number or a tuple of numbers."""
    return Value("tensor", literal=literal, dtype=dtype, shape=shape, host=True)


def sizes_of(x: Value) -> Result:
    """tf.shape: a tuple of integers in torch."""
    x = as_tensor(x)
    if x.shape is None:
        return host("int32", (ANY,))
    sizes = tuple(d.size for d in x.shape)
    known = UNKNOWN if None in sizes else sizes
    return host("int32", (Dim(len(x.shape)),), known)


def host_int(*_: Value) -> Result:
    """An integer on the host."""
    return host("int32")


def _on_host(x: Value) -> bool:
    """Whether torch has this value, a number or a list of numbers, on the host."""
    if x.kind == "sequence" and isinstance(x.detail, tuple):
        return bool(x.detail) and all(_on_host(item) for item in x.detail)
    if x.kind == "many":
        return _on_host(x.detail)
    return x.host or x.kind == "python"


def host_cast(x: Value, dtype: Value) -> Result:
    """A cast; a host number stays one."""
    if _on_host(x) and as_tensor(x).shape == ():
        return host(dtype_name(dtype))
    return core.cast(x, dtype)


def host_same(x: Value) -> Result:
    """Dtype and shape of the argument; a host number stays one."""
    if _on_host(x) and as_tensor(x).shape == ():
        return host(as_tensor(x).dtype)
    return core.same(x)


def host_broadcast(x: Value, y: Value) -> Result:
    """Broadcast shape of the operands; of two host numbers a host number."""
    if all(_on_host(v) and as_tensor(v).shape == () for v in (x, y)):
        return host(common_dtype((as_tensor(x), as_tensor(y))))
    return core.broadcast(x, y)


def host_reduce(x: Value, axis: Value, keepdims: Value) -> Result:
    """A reduction; of a whole host list to a host number."""
    whole = literal(axis) is None and literal(keepdims) is None
    if whole and _on_host(x) and as_tensor(x).rank == 1:
        return host(as_tensor(x).dtype)
    return core.reduce(x, axis, keepdims)


def host_concat(values: Value, axis: Value) -> Result:
    """tf.concat; host lists give a host list."""
    result = axes.concat(values, axis)
    if _on_host(values) and isinstance(result, Value):
        return host("int32", result.shape)
    return result


def host_stack(values: Value, axis: Value) -> Result:
    """tf.stack; host numbers give a host list."""
    result = axes.stack(values, axis)
    if _on_host(values) and literal(axis) == 0 and isinstance(result, Value):
        return host("int32", result.shape)
    return result


def same_value(x: Value) -> Result:
    """The very same value."""
    return x


def dtype_of(x: Value) -> Result:
    """The dtype of a tensor, or the one that is named."""
    name = x.dtype if x.is_tensor else literal(x)
    return Value("dtype", literal=name if isinstance(name, str) else UNKNOWN)


def broadcast_all(values: Value) -> Result:
    """Broadcast of the tensors of a list."""
    if values.kind == "sequence" and isinstance(values.detail, tuple) and values.detail:
        return core.broadcast(*values.detail)
    return tensor()


def clipped_list(values: Value) -> Result:
    """tf.clip_by_global_norm: the list and its norm."""
    return Value("sequence", detail=(values, tensor(None, ())))


def unknown_shape(x: Value) -> Result:
    """The dtype of the first argument."""
    return tensor(as_tensor(x).dtype)


def matrix_transpose(x: Value) -> Result:
    """The last two axes swapped."""
    x = as_tensor(x)
    if x.shape is None or len(x.shape) < 2:
        return tensor(x.dtype)
    return tensor(x.dtype, (*x.shape[:-2], x.shape[-1], x.shape[-2]))


def fill_shape(shape: Value, x: Value) -> Result:
    """A shape argument, the dtype of a tensor."""
    return tensor(as_tensor(x).dtype, dims_of(shape))


def gather_axis(params: Value, indices: Value, axis: Value, batch_dims: Value) -> Result:
    """tf.gather with its axis, 0 by default."""
    if literal(batch_dims) != 0:
        return tensor(as_tensor(params).dtype)
    return axes.gather(params, indices, None if literal(axis) is None else axis)


def sequence_mask(lengths: Value, maxlen: Value, dtype: Value) -> Result:
    """One more axis, as long as maxlen."""
    lengths = as_tensor(lengths)
    if lengths.shape is None:
        return tensor(dtype_name(dtype))
    last = ANY if literal(maxlen) is None else dim_of(maxlen)
    return tensor(dtype_name(dtype), (*lengths.shape, last))


def linspace(start: Value, num: Value) -> Result:
    """A vector of num numbers."""
    return tensor(as_tensor(start).dtype, (dim_of(num),))


def eye(rows: Value, columns: Value, batch: Value, dtype: Value) -> Result:
    """Identity matrices."""
    first = dim_of(rows)
    second = first if literal(columns) is None else dim_of(columns)
    front = () if literal(batch) is None else dims_of(batch)
    return tensor(dtype_name(dtype), None if front is None else (*front, first, second))


def matrix_of(diagonal: Value) -> Result:
    """A square matrix for each vector."""
    diagonal = as_tensor(diagonal)
    if not diagonal.shape:
        return tensor(diagonal.dtype)
    return tensor(diagonal.dtype, (*diagonal.shape, diagonal.shape[-1]))


def tensordot(a: Value, b: Value, over: Value) -> Result:
    """The axes that are not summed over, of a and then of b."""
    a, b = as_tensor(a), as_tensor(b)
    dtype, known = common_dtype((a, b)), literal(over)
    if a.shape is None or b.shape is None or known is UNKNOWN:
        return tensor(dtype)
    if isinstance(known, int):
        return tensor(dtype, (*a.shape[: len(a.shape) - known], *b.shape[known:]))
    if not isinstance(known, tuple) or len(known) != 2:
        return tensor(dtype)
    kept: list[Dim] = []
    for x, part in ((a.shape, known[0]), (b.shape, known[1])):
        gone = axes_of(Value("python", literal=part), len(x))
        if gone is None:
            return tensor(dtype)
        kept += [d for i, d in enumerate(x) if i not in gone]
    return tensor(dtype, tuple(kept))


def einsum(equation: Value, inputs: Value) -> Result:
    """Lengths by the letters of the equation."""
    text = literal(equation)
    if not isinstance(inputs.detail, tuple) or inputs.kind != "sequence":
        return tensor()
    operands = [as_tensor(item) for item in inputs.detail]
    dtype = common_dtype(operands)
    if not isinstance(text, str) or "->" not in text or "." in text:
        return tensor(dtype)
    left, right = text.replace(" ", "").split("->")
    lengths: dict[str, Dim] = {}
    for letters, operand in zip(left.split(","), operands, strict=False):
        if operand.shape is not None and len(operand.shape) == len(letters):
            for letter, dim in zip(letters, operand.shape, strict=True):
                if lengths.get(letter, ANY) == ANY:
                    lengths[letter] = dim
    return tensor(dtype, tuple(lengths.get(letter, ANY) for letter in right))


def drawn(logits: Value, count: Value) -> Result:
    """tf.multinomial: int64 [batch, samples]."""
    logits = as_tensor(logits)
    return tensor("int64", (logits.shape[0] if logits.shape else ANY, dim_of(count)))


def segments(data: Value, ids: Value, count: Value) -> Result:
    """One row for each segment."""
    data, ids = as_tensor(data), as_tensor(ids)
    if data.shape is None or ids.rank is None:
        return tensor(data.dtype)
    return tensor(data.dtype, (dim_of(count), *data.shape[ids.rank :]))


def parts(data: Value, count: Value) -> Result:
    """A list of tensors with unknown numbers of rows."""
    data, known = as_tensor(data), literal(count)
    shape = None if not data.shape else (ANY, *data.shape[1:])
    if not isinstance(known, int):
        return Value("python")
    return Value("sequence", detail=(tensor(data.dtype, shape),) * known)


def complex_of(real: Value) -> Result:
    """The complex dtype that holds a real one."""
    real = as_tensor(real)
    names = {"float32": "complex64", "float64": "complex128"}
    return tensor(names.get(real.dtype or ""), real.shape)


def real_of(x: Value) -> Result:
    """The real dtype of a complex one."""
    x = as_tensor(x)
    names = {"complex64": "float32", "complex128": "float64"}
    return tensor(names.get(x.dtype or "", x.dtype), x.shape)


def batch_product(a: Value, b: Value) -> Result:
    """Matrix times vector."""
    a, b = as_tensor(a), as_tensor(b)
    dtype = common_dtype((a, b))
    if a.shape is None or b.shape is None or len(a.shape) < 2:
        return tensor(dtype)
    batch = broadcast_shapes([a.shape[:-2], b.shape[:-1]])
    return tensor(dtype, None if batch is None else (*batch, ANY))


_BY_NAME = (
    sizes_of,
    host_int,
    host_cast,
    host_reduce,
    host_concat,
    host_stack,
    host_same,
    host_broadcast,
    same_value,
    dtype_of,
    broadcast_all,
    clipped_list,
)
_MORE = (unknown_shape, matrix_transpose, fill_shape, gather_axis, sequence_mask, linspace, eye)
_REST = (matrix_of, tensordot, einsum, drawn, segments, parts, complex_of, real_of, batch_product)

SHAPES: Final[Mapping[str, Callable[..., Result]]] = {
    f.__name__: f for f in (*_BY_NAME, *_MORE, *_REST)
}
