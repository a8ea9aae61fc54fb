"""The protobuf wire format over a buffer: fields as views, with strict limits and no recursion."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
View = memoryview


class WireError(ValueError):
    """Bytes that are no message."""


def varint(data: View | bytes, at: int) -> tuple[int, int]:
    """The unsigned number at a place, and the place behind it."""
    result = shift = 0
    end = len(data)
    while True:
        if at >= end:
            raise WireError("ends inside a number")
        byte = data[at]
        at += 1
        result |= (byte & 0x7F) << shift
        if byte < 0x80:
            return result & 0xFFFFFFFFFFFFFFFF, at
        shift += 7
        if shift > 63:
            raise WireError("a number of more than ten bytes")


def fields(data: View) -> Iterator[tuple[int, int, Any]]:
    """(field number, wire type, value) of each field; lengths never leave the message."""
    at, end = 0, len(data)
    while at < end:
        tag, at = varint(data, at)
        number, kind = tag >> 3, tag & 7
        if not 0 < number < 1 << 29:
            raise WireError(f"field number {number}")
        if kind == VARINT:
            value, at = varint(data, at)
            yield number, kind, value
            continue
        if kind == BYTES:
            size, at = varint(data, at)
        elif kind in (FIXED32, FIXED64):
            size = 4 if kind == FIXED32 else 8
        else:
            raise WireError(f"wire type {kind}")
        if size > end - at:
            raise WireError("a field is longer than its message")
        yield number, kind, data[at : at + size]
        at += size


def signed(value: int) -> int:
    """An int64 from its varint."""
    return value - (1 << 64) if value >= 1 << 63 else value


def number(kind: int, value: Any) -> int:
    """A field that must be a varint."""
    if kind != VARINT:
        raise WireError("a number was expected")
    return int(value)


def message(kind: int, value: Any) -> View:
    """A field that must be bytes: a message or text."""
    if kind != BYTES:
        raise WireError("a message was expected")
    assert isinstance(value, memoryview)
    return value


def text(kind: int, value: Any) -> str:
    """A field that must be text; broken UTF-8 survives as surrogates."""
    return bytes(message(kind, value)).decode("utf-8", "surrogateescape")


def fixed32(kind: int, value: Any) -> int:
    if kind != FIXED32:
        raise WireError("a fixed32 was expected")
    return int.from_bytes(value, "little")


def packed_varints(data: View) -> np.ndarray[Any, Any]:
    """All numbers of a packed field as uint64, without a Python loop over them."""
    octets = np.frombuffer(data, np.uint8)
    if octets.size == 0:
        return np.zeros(0, np.uint64)
    last = octets < 0x80
    if not last[-1]:
        raise WireError("ends inside a number")
    ends = np.flatnonzero(last)
    starts = np.concatenate([[0], ends[:-1] + 1])
    lengths = ends - starts + 1
    if lengths.max() > 10:
        raise WireError("a number of more than ten bytes")
    result = np.zeros(len(ends), np.uint64)
    for position in range(int(lengths.max())):
        rows = lengths > position
        part = (octets[starts[rows] + position] & 0x7F).astype(np.uint64)
        result[rows] |= part << np.uint64(7 * position)
    return result


# Writing


def encoded(value: int) -> bytes:
    """A varint."""
    value &= 0xFFFFFFFFFFFFFFFF
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def put(number: int, value: int | bytes) -> bytes:
    """A field: a varint, or bytes with their length."""
    if isinstance(value, int):
        return encoded(number << 3) + encoded(value)
    return encoded(number << 3 | BYTES) + encoded(len(value)) + value
