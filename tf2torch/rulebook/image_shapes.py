"""Shape functions of convolution, pooling and layers, in TensorFlow's axis order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from tf2torch.rulebook.model import Refusal
from tf2torch.rulebook.values import Dim, Value, product, tensor
from tf2torch.rulebook.window_sizes import (
    NHWC,
    Sizes,
    channels_first,
    dim,
    items,
    kernel_sizes,
    named,
    spatial_sizes,
    window_sizes,
)

Shaped = Value | Refusal


def conv(
    x: Value,
    filters: Value,
    strides: Value,
    padding: Value,
    dilations: Value,
    data_format: Value = NHWC,
    features: Value | None = None,
) -> Shaped:
    """Convolution with a filter tensor, or with a kernel size and a number of features."""
    if features is not None:
        out = dim(features)
    else:
        out = filters.shape[-1] if filters.shape else Dim()
    return _slide(x, filters, strides, padding, dilations, data_format, out)


def pool(
    x: Value, ksize: Value, strides: Value, padding: Value, data_format: Value = NHWC
) -> Shaped:
    """Pooling: the channels stay."""
    out = _channels(x, data_format)
    return _slide(x, ksize, strides, padding, Value("python", literal=1), data_format, out)


def depthwise(
    x: Value,
    filters: Value,
    strides: Value,
    padding: Value,
    dilations: Value,
    data_format: Value = NHWC,
) -> Shaped:
    """Depthwise convolution: channels times the filter's multiplier."""
    out = Dim()
    if filters.shape is not None and len(filters.shape) == 4:
        out = product(filters.shape[2:])
    return _slide(x, filters, strides, padding, dilations, data_format, out)


def transposed(
    x: Value,
    kernel: Value,
    strides: Value,
    padding: Value,
    data_format: Value,
    features: Value,
) -> Shaped:
    """Transposed convolution of a layer: n * stride, plus kernel - stride if that is not SAME."""
    if x.shape is None:
        return tensor(x.dtype)
    count = len(x.shape) - 2
    lengths = spatial_sizes(x, data_format, count)
    kernels, steps = kernel_sizes(kernel, count), window_sizes(strides, count, data_format)
    if lengths is None or kernels is None or steps is None:
        sizes: Sizes = (Dim(),) * count
    else:
        sizes = tuple(
            Dim()
            if None in (n.size, k.size, s.size)
            else Dim(_grown(n.size or 0, k.size or 0, s.size or 0, named(padding, "same")))
            for n, k, s in zip(lengths, kernels, steps, strict=True)
        )
    return _assemble(x, sizes, dim(features), data_format)


def with_shape(x: Value, shape: Value) -> Shaped:
    """A tensor of x's dtype whose shape is given as an argument."""
    sizes = items(shape)
    return tensor(x.dtype, sizes)


def resized(x: Value, size: Value) -> Shaped:
    """An image of another height and width."""
    if x.shape is None or len(x.shape) not in (3, 4):
        return tensor("float32")
    sizes = items(size)
    if sizes is None or len(sizes) != 2:
        sizes = (Dim(), Dim())
    return tensor("float32", (*x.shape[:-3], *sizes, x.shape[-1]))


def flattened(x: Value) -> Shaped:
    """All axes but the first as one."""
    if x.shape is None:
        return tensor(x.dtype, (Dim(), Dim()))
    return tensor(x.dtype, (x.shape[0] if x.shape else Dim(), product(x.shape[1:])))


def features(x: Value, units: Value) -> Shaped:
    """The last axis replaced by a number of features."""
    if x.shape is None:
        return tensor(x.dtype)
    return tensor(x.dtype, (*x.shape[:-1], dim(units)))


def per_example(x: Value) -> Shaped:
    """The last axis is gone: one loss for each example."""
    return tensor(x.dtype, x.shape[:-1] if x.shape else None)


def loss(x: Value, reduction: Value) -> Shaped:
    """A loss: a number, or as many as there are losses where nothing is reduced."""
    if reduction.literal == "none":
        return tensor("float32")
    return tensor("float32", ()) if isinstance(reduction.literal, str) else tensor("float32")


def _grown(n: int, k: int, s: int, same: bool) -> int:
    return n * s if same else n * s + max(k - s, 0)


def _channels(x: Value, data_format: Value) -> Dim:
    if not x.shape:
        return Dim()
    return x.shape[1 if channels_first(data_format) and len(x.shape) > 1 else -1]


def _slide(
    x: Value,
    kernel: Value,
    strides: Value,
    padding: Value,
    dilations: Value,
    data_format: Value,
    out: Dim,
) -> Shaped:
    if x.shape is None or len(x.shape) < 3:
        if not kernel.is_tensor or kernel.shape is None:
            return tensor(x.dtype)
        return _assemble(tensor(x.dtype), (Dim(),) * (len(kernel.shape) - 2), out, data_format)
    count = len(x.shape) - 2
    lengths = spatial_sizes(x, data_format, count)
    kernels = kernel_sizes(kernel, count, data_format)
    steps = window_sizes(strides, count, data_format)
    gaps = window_sizes(dilations, count, data_format)
    sizes: Sizes = (Dim(),) * count
    if lengths is not None and steps is not None:
        same = named(padding, "same")
        sizes = tuple(
            _slid(n, (kernels or sizes)[i], steps[i], (gaps or sizes)[i], same)
            for i, n in enumerate(lengths)
        )
        if not same and not named(padding, "valid"):
            sizes = (Dim(),) * count
    return _assemble(x, sizes, out, data_format)


def _slid(n: Dim, k: Dim, s: Dim, d: Dim, same: bool) -> Dim:
    if same and s.size == 1:
        return n
    if n.size is None or s.size is None:
        return Dim()
    if same:
        return Dim(-(-n.size // s.size))
    if k.size is None or d.size is None:
        return Dim()
    return Dim((n.size - (k.size - 1) * d.size - 1) // s.size + 1)


def _assemble(x: Value, sizes: Sizes, out: Dim, data_format: Value) -> Value:
    batch = x.shape[0] if x.shape else Dim()
    if channels_first(data_format):
        return tensor(x.dtype, (batch, out, *sizes))
    return tensor(x.dtype, (batch, *sizes, out))


#: What a rule's `result` may call, by name.
IMAGE_SHAPES: Final[Mapping[str, Callable[..., Shaped]]] = {
    "conv": conv,
    "pool": pool,
    "depthwise": depthwise,
    "transposed": transposed,
    "with_shape": with_shape,
    "resized": resized,
    "flattened": flattened,
    "features": features,
    "per_example": per_example,
    "loss": loss,
}
