"""Windows of convolution and pooling: TensorFlow's strides, kernels and padding as torch text.

Every function takes abstract values and gives source text, None where torch's default will do
(the argument is dropped), or `CANNOT` where too little is known: the emit then does not apply.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from tf2torch.rulebook.model import Refusal
from tf2torch.rulebook.values import UNKNOWN, Dim, Value
from tf2torch.rulebook.window_sizes import (
    CANNOT,
    NHWC,
    OptionalText,
    Text,
    axis_count,
    ceil_windows,
    channels_first,
    crops_of,
    items,
    kernel_sizes,
    name_of,
    named,
    pads_of,
    same,
    spatial_sizes,
    symmetric,
    tuple_text,
    window_sizes,
)
from tf2torch.rulebook.words import literal


def window(value: Value, count: Value, data_format: Value = NHWC) -> Text:
    """A stride, kernel size or dilation over `count` axes: ``[1, 2, 2, 1]`` -> ``2``."""
    sizes = window_sizes(value, axis_count(count), data_format)
    return CANNOT if sizes is None else tuple_text(sizes)


def step(value: Value, count: Value, data_format: Value = NHWC) -> OptionalText:
    """Like `window`, None where it is 1 on every axis: torch's default for strides."""
    sizes = window_sizes(value, axis_count(count), data_format)
    if sizes is None:
        return CANNOT
    return None if all(d.size == 1 for d in sizes) else tuple_text(sizes)


def kernel(value: Value, count: Value) -> Text:
    """Kernel size from a filter tensor or from a size argument: ``3`` or ``(3, 5)``."""
    sizes = kernel_sizes(value, axis_count(count))
    return CANNOT if sizes is None else tuple_text(sizes)


def conv_padding(
    x: Value,
    filters: Value,
    strides: Value,
    padding: Value,
    dilations: Value,
    data_format: Value,
    count: Value,
) -> OptionalText:
    """``padding=`` of a torch convolution where it is exact: "same", or one number an axis."""
    axes = axis_count(count)
    if literal(padding) is UNKNOWN:
        return CANNOT
    if named(padding, "valid"):
        return None
    if named(padding, "same") and step(strides, count, data_format) is None:
        kernels = kernel_sizes(filters, axes)
        if kernels is not None and all(d.size == 1 for d in kernels):
            return None
        return '"same"'
    return symmetric(pads_of(x, filters, strides, padding, dilations, data_format, axes))


def pool_padding(
    x: Value,
    ksize: Value,
    strides: Value,
    padding: Value,
    data_format: Value,
    count: Value,
) -> OptionalText:
    """``padding=`` of a torch pooling where it is exact, None if nothing is padded."""
    axes = axis_count(count)
    if named(padding, "valid"):
        return None
    return symmetric(pads_of(x, ksize, strides, padding, None, data_format, axes))


def unpadded(
    x: Value,
    ksize: Value,
    strides: Value,
    padding: Value,
    data_format: Value,
    count: Value,
) -> Refusal | None:
    """None where SAME happens to pad nothing."""
    pads = pads_of(x, ksize, strides, padding, None, data_format, axis_count(count))
    return CANNOT if pads is None or any(sum(pair) for pair in pads) else None


def pool_ceil(
    x: Value,
    ksize: Value,
    strides: Value,
    padding: Value,
    data_format: Value,
    count: Value,
) -> Text:
    """``True`` where SAME pads only the far edge, so that ``ceil_mode=True`` is exact."""
    axes = axis_count(count)
    if not named(padding, "same"):
        return CANNOT
    kernels = window_sizes(ksize, axes, data_format)
    steps = window_sizes(strides, axes, data_format)
    if kernels is None or steps is None:
        return CANNOT
    lengths = spatial_sizes(x, data_format, axes) or (Dim(),) * axes
    for n, k, s in zip(lengths, kernels, steps, strict=True):
        if k.size is None or s.size is None:
            return CANNOT
        if n.size is None:
            # Every length has at most one padded cell, at the far end, and one window for it.
            if k.size > 2 or s.size < k.size:
                return CANNOT
        elif same(n.size, k.size, s.size, 1)[0] or ceil_windows(n.size, k.size, s.size) != -(
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
    count: Value,
) -> Text:
    """Argument of `F.pad` for a convolution, last axis first: ``(0, 1, 0, 1)``."""
    axes = axis_count(count)
    pads = pads_of(x, filters, strides, padding, dilations, data_format, axes)
    if pads is None:
        return CANNOT
    return "(" + ", ".join(str(p) for pair in reversed(pads) for p in pair) + ")"


def transpose_whole(
    filters: Value,
    strides: Value,
    padding: Value,
    data_format: Value,
    count: Value,
    x: Value | None = None,
    output_shape: Value | None = None,
) -> OptionalText:
    """``padding=`` of a transposed convolution where it is exact, with `transpose_extra`."""
    crops = crops_of(filters, strides, padding, data_format, axis_count(count), x, output_shape)
    if crops is None or any(c > 0 and c % 2 for c in crops):
        return CANNOT
    return _halves(crops)


def transpose_cropped(
    filters: Value,
    strides: Value,
    padding: Value,
    data_format: Value,
    count: Value,
    x: Value | None = None,
    output_shape: Value | None = None,
) -> OptionalText:
    """``padding=`` where SAME crops one more cell at the far end of every axis."""
    crops = crops_of(filters, strides, padding, data_format, axis_count(count), x, output_shape)
    if crops is None or not all(c > 0 and c % 2 for c in crops):
        return CANNOT
    return _halves(crops)


def transpose_extra(
    filters: Value,
    strides: Value,
    padding: Value,
    data_format: Value,
    count: Value,
    x: Value | None = None,
    output_shape: Value | None = None,
) -> OptionalText:
    """``output_padding=`` where the stride makes more cells than the kernel fills."""
    crops = crops_of(filters, strides, padding, data_format, axis_count(count), x, output_shape)
    if crops is None:
        return CANNOT
    sizes = [max(-c, 0) for c in crops]
    return None if not any(sizes) else tuple_text([Dim(n) for n in sizes])


def _halves(crops: Sequence[int]) -> OptionalText:
    sizes = [max(c, 0) // 2 for c in crops]
    return None if not any(sizes) else tuple_text([Dim(n) for n in sizes])


def spatial_text(output_shape: Value, data_format: Value, count: Value) -> Text:
    """Spatial part of a shape argument: ``[batch, 28, 28, 64]`` -> ``(28, 28)``."""
    axes = axis_count(count)
    sizes = items(output_shape)
    if sizes is None or len(sizes) != axes + 2:
        return CANNOT
    start = 2 if channels_first(data_format) else 1
    texts = [d.text for d in sizes[start : start + axes]]
    if any(t is None for t in texts):
        return CANNOT
    return "(" + ", ".join(str(t) for t in texts) + ("," if axes == 1 else "") + ")"


def channels(x: Value, data_format: Value | None = None) -> Text:
    """Number of channels of an image, or of features of a vector."""
    if x.shape is None or len(x.shape) == 0:
        return CANNOT
    first = data_format is not None and channels_first(data_format)
    dim = x.shape[1 if first and len(x.shape) > 1 else -1]
    return CANNOT if dim.size is None and dim.text is None else str(dim)


def contrib_bias(_: Value, normalizer: Value, initializer: Value) -> OptionalText:
    """``bias=`` of a tf.contrib layer: none beside a normalizer or without an initializer."""
    if normalizer.kind == "unknown" or initializer.kind == "unknown" and initializer.text is None:
        return None if normalizer.literal is None else CANNOT
    return None if normalizer.literal is None and initializer.literal is not None else "False"


def complement(probability: Value) -> Text:
    """1 - p, without the noise of binary fractions where p is a number: 0.9 -> ``0.1``."""
    p, name = probability.literal, name_of(probability)
    if name is not None:
        return f"1 - {name}" if name.isidentifier() else f"1 - ({name})"
    return repr(round(1 - p, 12)) if isinstance(p, (int, float)) else CANNOT


def momentum_of(_: Value, kept: Value) -> OptionalText:
    """`complement` of a layer's momentum, None where that is the default of 0.99."""
    return None if kept.literal == 0.99 and name_of(kept) is None else complement(kept)


def square_root(value: Value) -> Text:
    """Square root of a number."""
    n = value.literal
    return repr(math.sqrt(n)) if isinstance(n, (int, float)) and not name_of(value) else CANNOT


def doubled(value: Value, sign: Value) -> Text:
    """Plus or minus twice a number: 0.1 -> ``0.2``."""
    n, s = value.literal, sign.literal
    if not isinstance(n, (int, float)) or name_of(value) is not None:
        return CANNOT
    return repr(round(2 * n * s, 12))


def twice_plus_one(value: Value) -> Text:
    """2n + 1 of a number n."""
    n = value.literal
    return str(2 * n + 1) if isinstance(n, int) and name_of(value) is None else CANNOT


#: What a template may call, by name.
WINDOW_FUNCTIONS: Final[Mapping[str, Callable[..., OptionalText]]] = {
    "window": window,
    "step": step,
    "kernel": kernel,
    "conv_padding": conv_padding,
    "pool_padding": pool_padding,
    "unpadded": unpadded,
    "pool_ceil": pool_ceil,
    "same_pads": same_pads,
    "transpose_extra": transpose_extra,
    "transpose_whole": transpose_whole,
    "transpose_cropped": transpose_cropped,
    "spatial_text": spatial_text,
    "channels": channels,
    "contrib_bias": contrib_bias,
    "complement": complement,
    "momentum_of": momentum_of,
    "square_root": square_root,
    "doubled": doubled,
    "twice_plus_one": twice_plus_one,
}
