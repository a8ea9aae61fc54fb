"""Shape functions of convolution, pooling and resizing; shapes are in TensorFlow's axis order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from tf2torch.rulebook.functions import spatial
from tf2torch.rulebook.model import Refusal
from tf2torch.rulebook.shapes.common import ANY, Result, as_tensor, dim_of, dims_of
from tf2torch.rulebook.values import UNKNOWN, Dim, Shape, Value, constant, product, tensor
from tf2torch.rulebook.words import literal

_ONE: Final = constant(1)


def _first(data_format: Value | None) -> bool | None:
    known = None if data_format is None else literal(data_format)
    if known is UNKNOWN:
        return None
    return known is not None and str(known).startswith(("channels_first", "NC"))


def _windows(x: Shape, kernel: Value, strides: Value, padding: Value, dilation: Value) -> Shape:
    """Spatial lengths after a window slides over `x`, unknown where anything is unknown."""
    rank = len(x)
    window, step, rate = (spatial(v, rank) for v in (kernel, strides, dilation))
    mode = str(literal(padding)).upper()
    if isinstance(step, Refusal) or mode not in ("SAME", "VALID"):
        return (ANY,) * rank
    if mode == "SAME":
        return tuple(_ceil(d, s) for d, s in zip(x, step, strict=True))
    if isinstance(window, Refusal) or isinstance(rate, Refusal):
        return (ANY,) * rank
    return tuple(
        d
        if w == 1 and s == 1
        else Dim(None if d.size is None else max(-(-(d.size - (w - 1) * r) // s), 0))
        for d, w, s, r in zip(x, window, step, rate, strict=True)
    )


def _ceil(dim: Dim, step: int) -> Dim:
    if step == 1:
        return dim
    return ANY if dim.size is None else Dim(-(-dim.size // step))


def _slid(
    x: Value,
    channels: Dim | None,
    kernel: Value,
    strides: Value,
    padding: Value,
    dilation: Value,
    data_format: Value | None,
) -> Result:
    x = as_tensor(x)
    first = _first(data_format)
    if x.shape is None or len(x.shape) < 3 or first is None:
        return tensor(x.dtype, None if x.shape is None else (ANY,) * len(x.shape))
    inner = x.shape[2:] if first else x.shape[1:-1]
    depth = channels if channels is not None else x.shape[1 if first else -1]
    size = _windows(inner, kernel, strides, padding, dilation)
    return tensor(x.dtype, (x.shape[0], depth, *size) if first else (x.shape[0], *size, depth))


def conv(
    x: Value,
    filters: Value,
    strides: Value,
    padding: Value,
    dilations: Value | None = None,
    data_format: Value | None = None,
) -> Result:
    """tf.nn.conv*d with a filter tensor of spatial + [in, out] axes."""
    shape = as_tensor(filters).shape
    channels = shape[-1] if shape else ANY
    window = _sizes(shape[:-2]) if shape else Value("python")
    x = _image(x, shape)
    return _slid(x, channels, window, strides, padding, dilations or _ONE, data_format)


def _image(x: Value, filters: Shape | None) -> Value:
    x = as_tensor(x)
    if x.shape is None and filters is not None:
        return tensor(x.dtype, (ANY,) * len(filters))
    return x


def _sizes(shape: Shape) -> Value:
    if any(d.size is None for d in shape):
        return Value("python")
    return constant(tuple(d.size for d in shape))


def conv_layer(
    x: Value,
    filters: Value,
    kernel_size: Value,
    strides: Value,
    padding: Value,
    dilation: Value | None = None,
    data_format: Value | None = None,
) -> Result:
    """tf.layers.conv*d: number of filters and window size as numbers."""
    return _slid(x, dim_of(filters), kernel_size, strides, padding, dilation or _ONE, data_format)


def depthwise(
    x: Value,
    filters: Value,
    strides: Value,
    padding: Value,
    rate: Value | None = None,
    data_format: Value | None = None,
) -> Result:
    """tf.nn.depthwise_conv2d: filters [height, width, in, multiplier]."""
    shape = as_tensor(filters).shape
    channels = product(shape[2:4]) if shape else ANY
    window = _sizes(shape[:2]) if shape else Value("python")
    rate = _ONE if rate is None or literal(rate) is None else rate
    return _slid(x, channels, window, strides, padding, rate, data_format)


def conv_transpose(x: Value, output_shape: Value) -> Result:
    """tf.nn.conv*d_transpose: the shape is given."""
    return tensor(as_tensor(x).dtype, dims_of(output_shape))


def conv_transpose_layer(
    x: Value,
    filters: Value,
    kernel_size: Value,
    strides: Value,
    padding: Value,
    data_format: Value | None = None,
) -> Result:
    """tf.layers.conv*d_transpose: n * s under SAME, n * s + max(k - s, 0) under VALID."""
    x = as_tensor(x)
    first = _first(data_format)
    if x.shape is None or len(x.shape) < 3 or first is None:
        return tensor(x.dtype, None if x.shape is None else (ANY,) * len(x.shape))
    inner = x.shape[2:] if first else x.shape[1:-1]
    window, step = spatial(kernel_size, len(inner)), spatial(strides, len(inner))
    mode = str(literal(padding)).upper()
    size: Shape = (ANY,) * len(inner)
    if not isinstance(window, Refusal) and not isinstance(step, Refusal):
        size = tuple(
            Dim(
                None
                if d.size is None or mode not in ("SAME", "VALID")
                else d.size * s + (max(w - s, 0) if mode == "VALID" else 0)
            )
            for d, w, s in zip(inner, window, step, strict=True)
        )
    depth = dim_of(filters)
    return tensor(x.dtype, (x.shape[0], depth, *size) if first else (x.shape[0], *size, depth))


def pool(
    x: Value, ksize: Value, strides: Value, padding: Value, data_format: Value | None = None
) -> Result:
    """Pooling keeps the channels."""
    return _slid(x, None, ksize, strides, padding, _ONE, data_format)


def resize(x: Value, size: Value, dtype: Value | None = None) -> Result:
    """tf.image.resize_*: [.., height, width, ..] of a batch or of one image."""
    x = as_tensor(x)
    target = dims_of(size) or (ANY, ANY)
    name = literal(dtype) if dtype is not None else "float32"
    name = x.dtype if name is None else str(name)
    if x.shape is None:
        return tensor(name)
    return tensor(name, (*x.shape[:-3], *target, x.shape[-1]))


SHAPES: Final[Mapping[str, Callable[..., Result]]] = {
    **{f.__name__: f for f in (conv, conv_layer, depthwise, conv_transpose)},
    **{f.__name__: f for f in (conv_transpose_layer, pool, resize)},
}
