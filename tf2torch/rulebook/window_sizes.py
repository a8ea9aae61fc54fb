"""Sizes of windows, strides and padding as TensorFlow spells them, read from abstract values."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any, Final

from tf2torch.rulebook.model import Refusal
from tf2torch.rulebook.values import UNKNOWN, Dim, Value, constant
from tf2torch.rulebook.words import literal

CANNOT: Final = Refusal("sizes, strides or padding are not known")

Text = str | Refusal
OptionalText = str | Refusal | None
Sizes = tuple[Dim, ...]
NHWC: Final = constant("NHWC")


def axis_count(value: Value) -> int:
    """Number of spatial axes, a literal in the rule."""
    return int(value.literal)


def items(value: Value) -> tuple[Dim, ...] | None:
    """Items of a list or tuple as sizes with their text; None if their number is unknown."""
    if value.kind == "sequence" and isinstance(value.detail, tuple):
        return tuple(dim(item) for item in value.detail)
    if isinstance(value.literal, tuple):
        return tuple(_size(item) for item in value.literal)
    return None


def dim(value: Value) -> Dim:
    """A number as a size, with the name the user has for it."""
    if value.literal is UNKNOWN:
        return Dim(None, value.text)
    size = _size(value.literal)
    return size if size.size is None or name_of(value) is None else Dim(size.size, value.text)


def name_of(value: Value) -> str | None:
    """The user's spelling of a host value if that is more than a number."""
    text = value.text
    return None if text is None or re.fullmatch(r"-?[\d.]+(e[+-]?\d+)?", text) else text


def _size(literal_item: Any) -> Dim:
    known = isinstance(literal_item, int) and not isinstance(literal_item, bool)
    return Dim(literal_item, str(literal_item)) if known else Dim()


def window_sizes(value: Value | None, count: int, data_format: Value = NHWC) -> Sizes | None:
    """Spatial sizes of a window argument; None if unknown or not only spatial."""
    if value is None or value.literal is None:
        return (Dim(1, "1"),) * count
    sizes = items(value)
    if sizes is None:
        # The text of an unknown host value may spell a list: only a number is safe to repeat.
        one = dim(value) if value.kind == "python" else Dim()
        return None if one.size is None else (one,) * count
    if len(sizes) == 1:
        return sizes * count
    if len(sizes) == count + 2:
        first = channels_first(data_format)
        if sizes[0].size != 1 or sizes[1 if first else -1].size != 1:
            return None
        return sizes[2:] if first else sizes[1:-1]
    return sizes if len(sizes) == count else None


def kernel_sizes(value: Value, count: int, data_format: Value = NHWC) -> Sizes | None:
    if value.is_tensor:
        if value.shape is None or len(value.shape) < count:
            return None
        return value.shape[:count]
    return window_sizes(value, count, data_format)


def spatial_sizes(x: Value, data_format: Value, count: int) -> Sizes | None:
    if x.shape is None or len(x.shape) != count + 2:
        return None
    if data_format.literal is UNKNOWN:
        return None
    return x.shape[2:] if channels_first(data_format) else x.shape[1:-1]


def channels_first(data_format: Value) -> bool:
    name = data_format.literal
    return isinstance(name, str) and (name.startswith("NC") or name == "channels_first")


def named(padding: Value, name: str) -> bool:
    return isinstance(padding.literal, str) and padding.literal.lower() == name


def tuple_text(sizes: Sequence[Dim]) -> Text:
    texts = [d.text or (None if d.size is None else str(d.size)) for d in sizes]
    if any(t is None for t in texts):
        return CANNOT
    if len(set(texts)) == 1:
        return str(texts[0])
    return "(" + ", ".join(str(t) for t in texts) + ")"


def same(n: int, k: int, s: int, d: int) -> tuple[int, int]:
    total = max((math.ceil(n / s) - 1) * s + (k - 1) * d + 1 - n, 0)
    return total // 2, total - total // 2


def ceil_windows(n: int, k: int, s: int) -> int:
    """Number of windows torch makes with ``ceil_mode=True`` and no padding."""
    count = math.ceil(max(n - k, 0) / s) + 1
    return count - 1 if (count - 1) * s >= n else count


def pads_of(
    x: Value,
    filters: Value,
    strides: Value,
    padding: Value,
    dilations: Value | None,
    data_format: Value,
    count: int,
) -> tuple[tuple[int, int], ...] | None:
    """Cells before and after each spatial axis; None if they depend on what is not known."""
    if named(padding, "valid"):
        return ((0, 0),) * count
    if isinstance(literal(padding), tuple):
        pairs = literal(padding)
        if len(pairs) != count + 2 or data_format.literal is UNKNOWN:
            return None
        pairs = pairs[2:] if channels_first(data_format) else pairs[1:-1]
        return tuple((int(before), int(after)) for before, after in pairs)
    if not named(padding, "same"):
        return None
    kernels = kernel_sizes(filters, count, data_format)
    steps = window_sizes(strides, count, data_format)
    gaps = window_sizes(dilations, count, data_format)
    if kernels is None or steps is None or gaps is None:
        return None
    lengths = spatial_sizes(x, data_format, count) or (Dim(),) * count
    pads = []
    for n, k, s, d in zip(lengths, kernels, steps, gaps, strict=True):
        if k.size is None or s.size is None or d.size is None:
            return None
        if k.size == 1:
            pads.append((0, 0))
            continue
        if n.size is None and s.size != 1:
            return None
        pads.append(same(n.size or 1, k.size, s.size, d.size))
    return tuple(pads)


def symmetric(pads: tuple[tuple[int, int], ...] | None) -> OptionalText:
    if pads is None or any(before != after for before, after in pads):
        return CANNOT
    if not any(before for before, _ in pads):
        return None
    return tuple_text([Dim(before) for before, _ in pads])


def crops_of(
    filters: Value,
    strides: Value,
    padding: Value,
    data_format: Value,
    count: int,
    x: Value | None = None,
    output_shape: Value | None = None,
) -> tuple[int, ...] | None:
    """Cells a full transposed convolution has too many (or, negative, too few) on each axis.

    Without `output_shape` the result is as long as the input times the stride.
    """
    kernels = kernel_sizes(filters, count)
    steps = window_sizes(strides, count, data_format)
    same, valid = named(padding, "same"), named(padding, "valid")
    if kernels is None or steps is None or not (same or valid):
        return None
    lengths, outputs = (Dim(),) * count, (Dim(),) * count
    if x is not None and output_shape is not None:
        found, shape = spatial_sizes(x, data_format, count), items(output_shape)
        if found is None or shape is None or len(shape) != count + 2:
            return None
        lengths = found
        outputs = shape[2:] if channels_first(data_format) else shape[1:-1]
    crops = []
    for k, s, n, out in zip(kernels, steps, lengths, outputs, strict=True):
        if k.size is None or s.size is None:
            return None
        crop = k.size - s.size if same else min(k.size - s.size, 0)
        if output_shape is not None:
            if n.size is None or out.size is None:
                return None
            crop = (n.size - 1) * s.size + k.size - out.size
            if crop > 0 and valid or -crop >= s.size:
                return None
        crops.append(crop)
    return tuple(crops)
