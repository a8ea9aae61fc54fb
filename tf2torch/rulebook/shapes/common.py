"""What shape functions share: values as tensors, axes, dimensions, broadcasting."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tf2torch.rulebook.model import Refusal
from tf2torch.rulebook.values import UNKNOWN, Dim, Shape, Value, tensor
from tf2torch.rulebook.words import literal, literal_dtype

Result = Value | Refusal

ANY: Final = Dim()


def as_tensor(value: Value) -> Value:
    """The tensor that TensorFlow makes of a value: dtype and shape of constants included."""
    if value.is_tensor:
        return value
    known = literal(value)
    if known is not UNKNOWN and known is not None:
        return tensor(literal_dtype(known), _literal_shape(known))
    if value.kind == "sequence" and isinstance(value.detail, tuple) and value.detail:
        items = [as_tensor(item) for item in value.detail]
        dtype = next((item.dtype for item in items if item.dtype), None)
        inner = next((item.shape for item in items if item.shape is not None), None)
        if inner is None:
            inner = () if all(item.kind == "python" for item in value.detail) else None
        return tensor(dtype, None if inner is None else (Dim(len(items)), *inner))
    return tensor(value.dtype, value.shape)


def _literal_shape(known: object) -> Shape:
    if isinstance(known, tuple):
        return (Dim(len(known)), *(_literal_shape(known[0]) if known else ()))
    return ()


def dim_of(value: Value) -> Dim:
    """A host or run-time number as the length of an axis."""
    known = literal(value)
    if isinstance(known, int) and not isinstance(known, bool):
        return Dim(known, value.text if value.text and not value.text.isdigit() else None)
    if isinstance(value.detail, Dim):
        return value.detail
    return Dim(None, value.text) if value.kind == "python" else ANY


def dims_of(value: Value) -> Shape | None:
    """A shape argument as dimensions, None if not even its rank is known."""
    if value.kind == "sequence" and isinstance(value.detail, tuple):
        return tuple(dim_of(item) for item in value.detail)
    known = literal(value)
    if isinstance(known, tuple):
        return tuple(Dim(n) if isinstance(n, int) else ANY for n in known)
    if isinstance(known, int):
        return (dim_of(value),)
    if isinstance(value.detail, tuple) and all(isinstance(d, Dim) for d in value.detail):
        return value.detail
    if value.is_tensor and value.shape and value.shape[0].size is not None:
        return (ANY,) * value.shape[0].size
    return None


def same_length(left: Dim, right: Dim) -> Dim:
    """The better known of two lengths that must be equal."""
    if left.size is None and right.size is not None:
        return right
    if left.size is None and left.text is None:
        return right
    return left


def axis_of(value: Value, rank: int) -> int | None:
    known = literal(value)
    if not isinstance(known, int) or not -rank <= known < rank:
        return None
    return known % rank


def axes_of(value: Value, rank: int) -> tuple[int, ...] | None:
    """Axis numbers counted from the front, None if unknown; None as value means all."""
    known = literal(value)
    if known is None:
        return tuple(range(rank))
    known = (known,) if isinstance(known, int) else known
    if not isinstance(known, tuple) or not all(
        isinstance(a, int) and -rank <= a < rank for a in known
    ):
        return None
    return tuple(a % rank for a in known)


def common_dtype(values: Sequence[Value]) -> str | None:
    """The dtype of operands: a tensor decides, constants follow it."""
    for value in values:
        if value.is_tensor and value.dtype:
            return value.dtype
    if any(value.is_tensor or literal(value) is UNKNOWN for value in values):
        return None
    return as_tensor(values[0]).dtype if values else None


def dtype_name(value: Value) -> str | None:
    known = literal(value)
    if isinstance(known, str):
        name = known.removesuffix("_ref")
        return _NAMES.get(name, name)
    return value.dtype if value.is_tensor else None


#: Names that tf.as_dtype takes besides the canonical ones.
_NAMES: Final = {"float": "float32", "double": "float64", "half": "float16"}


def broadcast_shapes(shapes: Sequence[Shape | None]) -> Shape | None:
    result: Shape = ()
    for shape in shapes:
        if shape is None:
            return None
        longer, shorter = (result, shape) if len(result) >= len(shape) else (shape, result)
        offset = len(longer) - len(shorter)
        result = longer[:offset] + tuple(
            b
            if a.size == 1
            else a
            if b.size == 1
            else same_length(a, b)
            if a.size is not None or b.size is not None or a == b
            else ANY
            for a, b in zip(longer[offset:], shorter, strict=True)
        )
    return result
