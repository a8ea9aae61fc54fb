"""The words of rule conditions: what may be asked of one abstract value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from tf2torch.rulebook.model import freeze
from tf2torch.rulebook.values import UNKNOWN, Shape, Value

#: TensorFlow's named constants that rules compare with.
ENUMERATORS: Final[Mapping[str, Any]] = {
    "tf.image.ResizeMethod.BILINEAR": 0,
    "tf.image.ResizeMethod.NEAREST_NEIGHBOR": 1,
    "tf.image.ResizeMethod.BICUBIC": 2,
    "tf.image.ResizeMethod.AREA": 3,
    "tf.losses.Reduction.NONE": "none",
    "tf.losses.Reduction.SUM": "weighted_sum",
    "tf.losses.Reduction.MEAN": "weighted_mean",
    "tf.losses.Reduction.SUM_OVER_BATCH_SIZE": "weighted_sum_over_batch_size",
    "tf.losses.Reduction.SUM_BY_NONZERO_WEIGHTS": "weighted_sum_by_nonzero_weights",
    "tf.losses.Reduction.SUM_OVER_NONZERO_WEIGHTS": "weighted_sum_by_nonzero_weights",
}


def literal(value: Value) -> Any:
    """The Python constant that a value equals, item by item for sequences."""
    if value.literal is not UNKNOWN:
        return freeze(value.literal)
    if value.kind == "symbol":
        return ENUMERATORS.get(str(value.detail), UNKNOWN)
    if value.kind == "sequence" and isinstance(value.detail, tuple):
        items = tuple(literal(item) for item in value.detail)
        return items if all(i is not UNKNOWN for i in items) else UNKNOWN
    return UNKNOWN


def _rank(value: Value) -> Any:
    if value.is_tensor or value.shape is not None:
        return UNKNOWN if value.rank is None else value.rank
    known = literal(value)
    rank = 0
    while isinstance(known, tuple):
        rank, known = rank + 1, (known[0] if known else UNKNOWN)
    if rank or isinstance(known, (bool, int, float, complex, str)):
        return rank
    return UNKNOWN


def _kind(value: Value) -> Any:
    if value.host:
        return "python"
    if value.is_tensor:
        return UNKNOWN if value.category is None else value.category
    if value.kind in ("python", "mapping", "dtype"):
        return "python"
    if value.kind == "sequence":
        items = {_kind(item) for item in value.detail or ()}
        tensors = items - {"python"}
        return "python" if not tensors else tensors.pop() if len(tensors) == 1 else UNKNOWN
    return UNKNOWN


def _dtype(value: Value) -> Any:
    if value.is_tensor or value.dtype is not None:
        return UNKNOWN if value.dtype is None else value.dtype.removesuffix("_ref")
    if value.kind == "dtype":
        return value.literal
    return literal_dtype(literal(value)) or UNKNOWN


def literal_dtype(known: Any) -> str | None:
    """The dtype that TensorFlow gives a Python constant, None if there is none."""
    while isinstance(known, tuple) and known:
        known = next((item for item in known if isinstance(item, float)), known[0])
    for kind, dtype in (
        (bool, "bool"),
        (int, "int32"),
        (float, "float32"),
        (complex, "complex128"),
        (str, "string"),
    ):
        if isinstance(known, kind):
            return dtype
    return None


def sizes(shape: Shape | None) -> Any:
    """A shape as a tuple of sizes, `UNKNOWN` for those not known."""
    if shape is None:
        return UNKNOWN
    return tuple(UNKNOWN if dim.size is None else dim.size for dim in shape)


def _dim(value: Value, axis: int) -> Any:
    if value.shape is None or not -len(value.shape) <= axis < len(value.shape):
        return UNKNOWN
    size = value.shape[axis].size
    return UNKNOWN if size is None else size


def _length(value: Value) -> Any:
    if value.kind == "sequence" and isinstance(value.detail, tuple):
        return len(value.detail)
    known = literal(value)
    return len(known) if isinstance(known, (tuple, str)) else UNKNOWN


def _layout(value: Value) -> Any:
    known = literal(value)
    if known is UNKNOWN:
        return UNKNOWN
    if known is None or str(known) in ("channels_last", "NHWC", "NWC", "NDHWC"):
        return "channels_last"
    return "channels_first"


def _none(value: Value) -> Any:
    known = literal(value)
    if known is UNKNOWN:
        return UNKNOWN if value.kind in ("python", "unknown") else False
    return known is None


def _ones(value: Value) -> Any:
    known = literal(value)
    if known is UNKNOWN:
        return UNKNOWN
    return all(item == 1 for item in (known if isinstance(known, tuple) else (known,)))


def _differentiable(value: Value) -> Any:
    if value.fixed or value.kind in ("python", "placeholder", "dtype"):
        return False
    if value.is_tensor and value.category in ("int", "bool", "string"):
        return False
    return True if value.kind == "variable" else UNKNOWN


def _is(value: Value) -> Any:
    if value.host:
        return "python" if value.rank == 0 else "sequence"
    return UNKNOWN if value.kind == "unknown" else value.kind


VOCABULARY: Final[Mapping[str, Callable[..., Any]]] = {
    "literal": literal,
    "rank": _rank,
    "kind": _kind,
    "is_": _is,
    "dtype": _dtype,
    "shape": lambda value: sizes(value.shape),
    "dim": _dim,
    "length": _length,
    "layout": _layout,
    "none": _none,
    "ones": _ones,
    "differentiable": _differentiable,
}
