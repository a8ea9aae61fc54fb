"""Slices of partitioned variables: their binary keys, and putting them together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tf2torch.weights.wire import View, WireError, fields, message, number, signed


@dataclass(frozen=True)
class Slice:
    """Start and length in each dimension; length -1 is all of it."""

    extents: tuple[tuple[int, int], ...]

    def within(self, shape: Sequence[int]) -> tuple[slice, ...]:
        """Indices into an array of the whole; raises WireError where it does not fit."""
        if len(shape) != len(self.extents):
            raise WireError(f"a slice of {len(self.extents)} dimensions of {list(shape)}")
        found = []
        for size, (start, length) in zip(shape, self.extents):
            stop = size if length == -1 else start + length
            if length < -1 or not 0 <= start <= stop <= size:
                raise WireError(f"slice {self} leaves {list(shape)}")
            found.append(slice(start, stop))
        return tuple(found)

    def __str__(self) -> str:
        return ":".join("-" if n == -1 else f"{s},{n}" for s, n in self.extents)


def slice_of(data: View) -> Slice:
    """A TensorSliceProto."""
    extents = []
    for tag, kind, value in fields(data):
        if tag == 1:
            start, length = 0, -1
            for inner, inner_kind, item in fields(message(kind, value)):
                if inner == 1:
                    start = signed(number(inner_kind, item))
                elif inner == 2:
                    length = signed(number(inner_kind, item))
            extents.append((start, length))
    return Slice(tuple(extents))


def shape_of(data: View) -> list[int]:
    """A TensorShapeProto."""
    sizes = []
    for tag, kind, value in fields(data):
        if tag == 2:
            size = 0
            for inner, inner_kind, item in fields(message(kind, value)):
                if inner == 1:
                    size = signed(number(inner_kind, item))
            sizes.append(size)
        elif tag == 3 and value:
            raise WireError("a shape of unknown rank")
    return sizes


def overlapping(places: Sequence[tuple[slice, ...]]) -> bool:
    """Whether two of the places share an element."""
    ordered = sorted(places, key=lambda place: [(part.start, part.stop) for part in place])
    for at, one in enumerate(ordered):
        for other in ordered[at + 1 :]:
            if one and other[0].start >= one[0].stop:
                break
            if all(a.start < b.stop and b.start < a.stop for a, b in zip(one, other)):
                return True
    return False


def slice_key(name: bytes, part: Slice) -> bytes:
    """The key of a slice: ordered code of 0, name, rank, and start and length of each extent."""
    out = _ordered_number(0) + _ordered_text(name) + _ordered_number(len(part.extents))
    for start, length in part.extents:
        out += _ordered_signed(start) + _ordered_signed(length)
    return out


def _ordered_number(value: int) -> bytes:
    body = value.to_bytes((value.bit_length() + 7) // 8, "big")
    return bytes([len(body)]) + body


def _ordered_text(value: bytes) -> bytes:
    return b"".join(
        b"\x00\xff" if c == 0 else b"\xff\x00" if c == 255 else bytes([c]) for c in value
    ) + (b"\x00\x01")


def _ordered_signed(value: int) -> bytes:
    """Order-preserving signed numbers: the count of leading ones is the length."""
    magnitude = ~value if value < 0 else value
    length = 1
    while magnitude >= 1 << (7 * length - 1):
        length += 1
    bits = 8 * length
    head = ((1 << length) - 1) << (bits - length)
    return ((value & ((1 << bits) - 1)) ^ head).to_bytes(length, "big")
