"""TensorProto: values inside of graphs and V1 checkpoints."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from tf2torch.weights import dtypes
from tf2torch.weights.checkpoint import Array, frozen
from tf2torch.weights.slices import shape_of
from tf2torch.weights.wire import (
    BYTES,
    FIXED32,
    FIXED64,
    VARINT,
    View,
    WireError,
    fields,
    message,
    number,
    packed_varints,
)

#: A constant that repeats one value may be larger than its file, but not without end.
LARGEST_REPEATED = 1 << 26
MOST_TEXTS = 1 << 20

_FLOAT, _DOUBLE, _COMPLEX64, _COMPLEX128, _STRING, _CONTENT = 5, 6, 9, 12, 8, 4
#: Fields with varints: int, int64, bool, half (as bits), uint32, uint64.
_VARINTS = (7, 10, 11, 13, 16, 17)
_FIXED = {_FLOAT: "<f4", _DOUBLE: "<f8", _COMPLEX64: "<f4", _COMPLEX128: "<f8"}
#: The field that holds values of a type.
_FIELD = {
    "float32": _FLOAT,
    "float64": _DOUBLE,
    "complex64": _COMPLEX64,
    "complex128": _COMPLEX128,
    "int64": 10,
    "bool": 11,
    "float16": 13,
    "bfloat16": 13,
    "uint32": 16,
    "uint64": 17,
}


def type_and_shape(data: View) -> tuple[int, list[int]]:
    """The number of the type and the sizes of a TensorProto."""
    dtype, sizes = 0, []
    for tag, kind, value in fields(data):
        if tag == 1:
            dtype = number(kind, value)
        elif tag == 2:
            sizes = shape_of(message(kind, value))
    return dtype, sizes


def tensor_of(data: View, known: tuple[int, tuple[int, ...]] | None = None) -> Array:
    """The value of a TensorProto; raises WireError.

    In V1 checkpoints the message has values alone; `known` are type and shape.
    """
    dtype, sizes = type_and_shape(data)
    shape = tuple(sizes)
    if known is not None:
        if dtype not in (0, known[0]):
            raise WireError(f"a value of type {dtypes.NAMES.get(dtype, dtype)}")
        dtype, shape = known
    if any(size < 0 for size in shape):
        raise WireError(f"the shape {list(shape)}")
    if dtype == dtypes.STRING:
        return _strings(data, shape)
    numpy = dtypes.NUMPY.get(dtype)
    if numpy is None:
        raise WireError(f"values of type {dtypes.NAMES.get(dtype, dtype)} cannot be read")
    content = None
    wanted = _FIELD.get(numpy.name, 7)
    parts: list[np.ndarray[Any, Any]] = []
    for tag, kind, value in fields(data):
        if tag == _CONTENT:
            content = message(kind, value)
        elif tag == wanted:
            parts.append(_values(tag, kind, value))
    if content is not None and len(content):
        octets = np.frombuffer(content, np.uint8)
        if octets.size != prod(shape) * numpy.itemsize:
            raise WireError(f"{octets.size} bytes for {numpy.name} {list(shape)}")
        if octets.ctypes.data % numpy.itemsize:
            octets = octets.copy()
        return frozen(octets.view(numpy).reshape(shape))
    values: Array = np.concatenate(parts) if parts else np.zeros(0)
    return _filled(_typed(values, numpy, wanted), shape, numpy)


def _values(tag: int, kind: int, value: Any) -> np.ndarray[Any, Any]:
    if tag in _FIXED:
        if kind not in (BYTES, FIXED32, FIXED64) or len(value) % np.dtype(_FIXED[tag]).itemsize:
            raise WireError("numbers of the wrong size")
        return np.frombuffer(value, _FIXED[tag])
    if kind == VARINT:
        return np.array([value], np.uint64)
    return packed_varints(message(kind, value))


def _typed(values: Array, numpy: np.dtype[Any], field: int) -> Array:
    if field == 13:  # bits of a half, as a number
        return values.astype(np.uint64).astype(np.uint16).view(numpy)
    if field in (_COMPLEX64, _COMPLEX128):
        if values.size % 2:
            raise WireError("half of a complex number")
        return np.ascontiguousarray(values, numpy.name.replace("complex64", "f4")
                                    .replace("complex128", "f8")).view(numpy)  # fmt: skip
    if field in _VARINTS and values.dtype == np.uint64:
        return values.view(np.int64).astype(numpy) if numpy.kind != "u" else values.astype(numpy)
    return values.astype(numpy)


def _filled(values: Array, shape: tuple[int, ...], numpy: np.dtype[Any]) -> Array:
    """The last value given stands for all that follow."""
    count = prod(shape)
    if values.size == count:
        return frozen(values.reshape(shape))
    if values.size > count:
        raise WireError(f"{values.size} values for {list(shape)}")
    if count > LARGEST_REPEATED:
        raise WireError(f"{values.size} values repeated to {list(shape)}")
    if values.size <= 1:
        one = values[0] if values.size else np.zeros((), numpy)[()]
        return np.broadcast_to(np.asarray(one, numpy), shape)
    result = np.full(count, values[-1], numpy)
    result[: values.size] = values
    return frozen(result.reshape(shape))


def _strings(data: View, shape: tuple[int, ...]) -> Array:
    found = [bytes(message(kind, value)) for tag, kind, value in fields(data) if tag == _STRING]
    count = prod(shape)
    if count > max(MOST_TEXTS, len(found)) or len(found) > count:
        raise WireError(f"{len(found)} strings for {list(shape)}")
    if count != len(found) and len(found) <= 1:
        one = np.empty((), object)
        one[()] = found[0] if found else b""
        return np.broadcast_to(one, shape)
    result = np.empty(count, object)
    result[: len(found)] = found
    result[len(found) :] = found[-1] if found else b""
    return frozen(result.reshape(shape))
