"""Windows of convolution and pooling: TensorFlow's strides, kernels and padding as torch text.

Every function takes abstract values and gives source text, None where torch's default will do
(the argument is dropped), or `CANNOT` where too little is known: the emit then does not apply.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final

from tf2torch.rulebook.model import Refusal
from tf2torch.rulebook.values import UNKNOWN, Dim, Value


CANNOT: Final = Refusal("sizes, strides or padding are not known")

Text = str | Refusal
OptionalText = str | Refusal | None


def window(value: Value, count: int) -> Text:
    """A stride, kernel size or dilation over `count` axes: ``[1, 2, 2, 1]`` -> ``2``."""
    sizes = _sizes(value, count)
    return CANNOT if sizes is None else _tuple(sizes)


def step(value: Value, count: int) -> OptionalText:
    """Like `window`, None where it is 1 on every axis: torch's default for strides."""
    sizes = _sizes(value, count)
    if sizes is None:
        return CANNOT
    return None if all(d.size == 1 for d in sizes) else _tuple(sizes)


def kernel(value: Value, count: int) -> Text:
    """Kernel size from a filter tensor or from a size argument: ``3`` or ``(3, 5)``."""
    sizes = _kernel(value, count)
    return CANNOT if sizes is None else _tuple(sizes)


def conv_padding(
    x: Value,
    filters: Value,
    strides: Value,
    padding: Value,
    dilations: Value,
    data_format: Value,
    count: int,
) -> OptionalText:
    """``padding=`` of a torch convolution where it is exact: "same", or one number an axis."""
    if padding.literal is UNKNOWN:
        return CANNOT
    if _named(padding, "valid"):
        return None
    if _named(padding, "same") and step(strides, count) is None:
        kernels = _kernel(filters, count)
        if kernels is not None and all(d.size == 1 for d in kernels):
            return None
        return '"same"'
    return _symmetric(_pads(x, filters, strides, padding, dilations, data_format, count))


def pool_padding(
    x: Value,
    ksize: Value,
    strides: Value,
    padding: Value,
    data_format: Value,
    count: int,
) -> OptionalText:
    """``padding=`` of a torch pooling where it is exact, None if nothing is padded."""
    if _named(padding, "valid"):
        return None
    return _symmetric(_pads(x, ksize, strides, padding, None, data_format, count))


def pool_ceil(
    x: Value,
    ksize: Value,
    strides: Value,
    padding: Value,
    data_format: Value,
    count: int,
) -> Text:
    """``True`` where SAME pads only the far edge, so that ``ceil_mode=True`` is exact."""
    if not _named(padding, "same"):
        return CANNOT
    kernels, steps = _sizes(ksize, count), _sizes(strides, count)
    if kernels is None or steps is None:
        return CANNOT
    lengths = _spatial(x, data_format, count) or (Dim(),) * count
    for n, k, s in zip(lengths, kernels, steps):
        if k.size is None or s.size is None:
            return CANNOT
        if n.size is None:
            # Every length has at most one padded cell, at the far end, and one window for it.
            if k.size > 2 or s.size < k.size:
                return CANNOT
        elif _same(n.size, k.size, s.size, 1)[0] or _ceil(n.size, k.size, s.size) != -(
            -n.size // s.size
        ):
            return CANNOT
    return "True"


def same_pads(
    x: Value,
    filters: Value,
    strides: Value,
    padding: Value,
    dilations: Value,
    data_format: Value,
    count: int,
) -> Text:
    """Argument of `F.pad` for a convolution, last axis first: ``(0, 1, 0, 1)``."""
    pads = _pads(x, filters, strides, padding, dilations, data_format, count)
    if pads is None:
        return CANNOT
    return "(" + ", ".join(str(p) for pair in reversed(pads) for p in pair) + ")"


def transpose_padding(filters: Value, strides: Value, padding: Value, count: int) -> OptionalText:
    """``padding=`` of a transposed convolution with n * stride outputs; see `transpose_whole`."""
    crops = _crops(filters, strides, padding, count)
    if crops is None:
        return CANNOT
    sizes = [max(c, 0) // 2 for c in crops]
    return None if not any(sizes) else _tuple([Dim(n) for n in sizes])


def transpose_extra(filters: Value, strides: Value, padding: Value, count: int) -> OptionalText:
    """``output_padding=`` of a transposed convolution whose kernel is smaller than its stride."""
    crops = _crops(filters, strides, padding, count)
    if crops is None:
        return CANNOT
    sizes = [max(-c, 0) for c in crops]
    return None if not any(sizes) else _tuple([Dim(n) for n in sizes])


def transpose_whole(filters: Value, strides: Value, padding: Value, count: int) -> OptionalText:
    """`transpose_padding` where that alone is exact: no odd cell is left to crop."""
    crops = _crops(filters, strides, padding, count)
    if crops is None or any(c > 0 and c % 2 for c in crops):
        return CANNOT
    return transpose_padding(filters, strides, padding, count)


def transpose_cropped(filters: Value, strides: Value, padding: Value, count: int) -> OptionalText:
    """`transpose_padding` where SAME crops one odd cell at the far end of every axis."""
    crops = _crops(filters, strides, padding, count)
    if crops is None or not all(c > 0 and c % 2 for c in crops):
        return CANNOT
    return transpose_padding(filters, strides, padding, count)


def full_size(
    x: Value, output_shape: Value, strides: Value, data_format: Value, count: int
) -> OptionalText:
    """None (no text) where a transposed convolution's output is its input times the stride."""
    lengths = _spatial(x, data_format, count)
    outputs = _items(output_shape)
    steps = _sizes(strides, count)
    if lengths is None or outputs is None or steps is None or len(outputs) != count + 2:
        return CANNOT
    start = 2 if _channels_first(data_format) else 1
    for n, out, s in zip(lengths, outputs[start : start + count], steps):
        if n.size is None or s.size is None or out.size != n.size * s.size:
            return CANNOT
    return None


def spatial_text(output_shape: Value, data_format: Value, count: int) -> Text:
    """Spatial part of a shape argument: ``[batch, 28, 28, 64]`` -> ``(28, 28)``."""
    items = _items(output_shape)
    if items is None or len(items) != count + 2:
        return CANNOT
    start = 2 if _channels_first(data_format) else 1
    texts = [d.text for d in items[start : start + count]]
    if any(t is None for t in texts):
        return CANNOT
    return "(" + ", ".join(str(t) for t in texts) + ("," if count == 1 else "") + ")"


def channels(x: Value, data_format: Value | None = None) -> Text:
    """Number of channels of an image, or of features of a vector."""
    if x.shape is None or len(x.shape) == 0:
        return CANNOT
    first = data_format is not None and _channels_first(data_format)
    dim = x.shape[1 if first and len(x.shape) > 1 else -1]
    return CANNOT if dim.size is None and dim.text is None else str(dim)


def _items(value: Value) -> tuple[Dim, ...] | None:
    """Items of a list or tuple as sizes with their text; None if their number is unknown."""
    if isinstance(value.literal, tuple):
        if all(isinstance(item, int) for item in value.literal):
            return tuple(Dim(item, str(item)) for item in value.literal)
        return None
    if value.kind == "sequence" and isinstance(value.detail, tuple):
        return tuple(_dim(item) for item in value.detail)
    return None


def _dim(value: Value) -> Dim:
    if isinstance(value.literal, int) and not isinstance(value.literal, bool):
        return Dim(value.literal, str(value.literal))
    return Dim(None, value.text)


def _sizes(value: Value | None, count: int) -> tuple[Dim, ...] | None:
    """Spatial sizes of a window argument; None if unknown or not only spatial."""
    if value is None or value.literal is None:
        return (Dim(1, "1"),) * count
    items = _items(value)
    if items is None:
        if value.kind == "sequence" or value.is_tensor:
            return None
        one = _dim(value)
        if one.size is None and value.literal is not UNKNOWN:
            return None
        # The text of an unknown host value may spell a list: only a number is safe to repeat.
        return None if one.size is None else (one,) * count
    if len(items) == 1:
        items = items * count
    if len(items) == count + 2:
        ones = [d.size for d in (items[0], items[1], items[-1])]
        if ones[0] != 1:
            return None
        if ones[2] == 1:
            return items[1:-1]
        return items[2:] if ones[1] == 1 else None
    return items if len(items) == count else None


def _kernel(value: Value, count: int) -> tuple[Dim, ...] | None:
    if value.is_tensor:
        if value.shape is None or len(value.shape) < count:
            return None
        return value.shape[:count]
    return _sizes(value, count)


def _spatial(x: Value, data_format: Value, count: int) -> tuple[Dim, ...] | None:
    if x.shape is None or len(x.shape) != count + 2:
        return None
    if data_format.literal is UNKNOWN:
        return None
    return x.shape[2:] if _channels_first(data_format) else x.shape[1:-1]


def _channels_first(data_format: Value) -> bool:
    name = data_format.literal
    return isinstance(name, str) and (name.startswith("NC") or name == "channels_first")


def _named(padding: Value, name: str) -> bool:
    return isinstance(padding.literal, str) and padding.literal.lower() == name


def _tuple(sizes: Sequence[Dim]) -> Text:
    texts = [d.text or (None if d.size is None else str(d.size)) for d in sizes]
    if any(t is None for t in texts):
        return CANNOT
    if len(set(texts)) == 1:
        return str(texts[0])
    return "(" + ", ".join(str(t) for t in texts) + ")"


def _same(n: int, k: int, s: int, d: int) -> tuple[int, int]:
    total = max((math.ceil(n / s) - 1) * s + (k - 1) * d + 1 - n, 0)
    return total // 2, total - total // 2


def _ceil(n: int, k: int, s: int) -> int:
    """Number of windows torch makes with ``ceil_mode=True`` and no padding."""
    count = math.ceil(max(n - k, 0) / s) + 1
    return count - 1 if (count - 1) * s >= n else count


def _pads(
    x: Value,
    filters: Value,
    strides: Value,
    padding: Value,
    dilations: Value | None,
    data_format: Value,
    count: int,
) -> tuple[tuple[int, int], ...] | None:
    """Cells before and after each spatial axis; None if they depend on what is not known."""
    if _named(padding, "valid"):
        return ((0, 0),) * count
    if isinstance(padding.literal, tuple):
        pairs = padding.literal
        if len(pairs) != count + 2 or data_format.literal is UNKNOWN:
            return None
        pairs = pairs[2:] if _channels_first(data_format) else pairs[1:-1]
        return tuple((int(before), int(after)) for before, after in pairs)
    if not _named(padding, "same"):
        return None
    kernels, steps = _kernel(filters, count), _sizes(strides, count)
    gaps = _sizes(dilations, count)
    if kernels is None or steps is None or gaps is None:
        return None
    lengths = _spatial(x, data_format, count) or (Dim(),) * count
    pads = []
    for n, k, s, d in zip(lengths, kernels, steps, gaps):
        if k.size is None or s.size is None or d.size is None:
            return None
        if k.size == 1:
            pads.append((0, 0))
            continue
        if n.size is None and s.size != 1:
            return None
        pads.append(_same(n.size or 1, k.size, s.size, d.size))
    return tuple(pads)


def _symmetric(pads: tuple[tuple[int, int], ...] | None) -> OptionalText:
    if pads is None or any(before != after for before, after in pads):
        return CANNOT
    if not any(before for before, _ in pads):
        return None
    return _tuple([Dim(before) for before, _ in pads])


def _crops(filters: Value, strides: Value, padding: Value, count: int) -> tuple[int, ...] | None:
    """Cells a full transposed convolution has too many (or, negative, too few) on each axis."""
    kernels, steps = _kernel(filters, count), _sizes(strides, count)
    if kernels is None or steps is None:
        return None
    crops = []
    for k, s in zip(kernels, steps):
        if k.size is None or s.size is None:
            return None
        crops.append(k.size - s.size)
    if _named(padding, "same"):
        return tuple(crops)
    return tuple(min(c, 0) for c in crops) if _named(padding, "valid") else None


#: What a template may call, by name.
FUNCTIONS: Final[dict[str, Callable[..., OptionalText]]] = {
    "window": window,
    "step": step,
    "kernel": kernel,
    "conv_padding": conv_padding,
    "pool_padding": pool_padding,
    "pool_ceil": pool_ceil,
    "same_pads": same_pads,
    "transpose_padding": transpose_padding,
    "transpose_extra": transpose_extra,
    "transpose_whole": transpose_whole,
    "transpose_cropped": transpose_cropped,
    "full_size": full_size,
    "spatial_text": spatial_text,
    "channels": channels,
}
