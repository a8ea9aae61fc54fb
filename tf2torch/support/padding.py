"""TensorFlow's SAME padding for convolution, pooling and transposed convolution of any size."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F


def _per_axis(value: int | tuple[int, ...], count: int) -> tuple[int, ...]:
    """One number for each spatial axis, from one number or one for each axis."""
    return (value,) * count if isinstance(value, int) else tuple(value)


def same_pad(
    x: torch.Tensor,
    kernel_size: int | tuple[int, ...],
    stride: int | tuple[int, ...] = 1,
    dilation: int | tuple[int, ...] = 1,
    value: float = 0.0,
) -> torch.Tensor:
    """Pad the spatial axes of NCL, NCHW or NCDHW like TensorFlow's padding="SAME".

    TensorFlow pads max((ceil(n / stride) - 1) * stride + effective_kernel - n, 0) cells in all;
    an odd cell goes to the bottom and the right, so the padding depends on the size of the input.
    """
    axes = x.dim() - 2
    kernels, strides = _per_axis(kernel_size, axes), _per_axis(stride, axes)
    padding: list[int] = []
    sizes = zip(x.shape[2:], kernels, strides, _per_axis(dilation, axes), strict=True)
    for n, k, s, d in sizes:
        total = max((math.ceil(n / s) - 1) * s + (k - 1) * d + 1 - n, 0)
        padding = [total // 2, total - total // 2, *padding]
    return F.pad(x, padding, value=value) if any(padding) else x


def max_pool_same(
    x: torch.Tensor, kernel_size: int | tuple[int, ...], stride: int | tuple[int, ...]
) -> torch.Tensor:
    """Max pooling with padding="SAME": the padded cells never win."""
    pool = {3: F.max_pool1d, 4: F.max_pool2d, 5: F.max_pool3d}[x.dim()]
    return pool(same_pad(x, kernel_size, stride, value=-math.inf), kernel_size, stride)


def avg_pool_same(
    x: torch.Tensor, kernel_size: int | tuple[int, ...], stride: int | tuple[int, ...]
) -> torch.Tensor:
    """Average pooling with padding="SAME": each window divides by the number of its real cells."""
    pool = {3: F.avg_pool1d, 4: F.avg_pool2d, 5: F.avg_pool3d}[x.dim()]
    real_cells = same_pad(torch.ones_like(x[:1, :1]), kernel_size, stride)
    padded = same_pad(x, kernel_size, stride)
    return pool(padded, kernel_size, stride) / pool(real_cells, kernel_size, stride)


def conv_transpose(
    x: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None = None,
    stride: int | tuple[int, ...] = 1,
    padding: str = "SAME",
    output_size: Sequence[int] | None = None,
) -> torch.Tensor:
    """Transposed convolution with TensorFlow's padding; weight is [in, out, *kernel].

    It is the gradient of a forward convolution, so SAME crops what that convolution would have
    padded: the odd cell goes from the bottom and the right. Without output_size the result has
    n * stride cells (SAME) or n * stride + max(kernel - stride, 0) cells (VALID) for each axis,
    like tf.layers; output_size gives the spatial sizes of tf.nn.conv2d_transpose's output_shape.
    """
    convolve = {3: F.conv_transpose1d, 4: F.conv_transpose2d, 5: F.conv_transpose3d}[x.dim()]
    axes = x.dim() - 2
    strides = _per_axis(stride, axes)
    same = padding.upper() == "SAME"
    crop: list[int] = []
    extend: list[int] = []
    sizes: list[Any] = [...]
    for axis, (n, k, s) in enumerate(zip(x.shape[2:], weight.shape[2:], strides, strict=True)):
        full = (n - 1) * s + k
        size = n * s + (0 if same else max(k - s, 0))
        if output_size is not None:
            size = int(output_size[axis])
        before = max(full - size, 0) // 2 if same else 0
        crop.append(before)
        extend = [0, max(size - (full - 2 * before), 0), *extend]
        sizes.append(slice(size))
    # Cells beyond the last input are zeros: output_padding would do, but gives wrong weight
    # gradients for 1x1 kernels on channels-last tensors (torch 2.13, oneDNN).
    y = convolve(x, weight, None, strides, crop)
    y = F.pad(y[tuple(sizes)], extend) if any(extend) else y[tuple(sizes)]
    return y if bias is None else y + bias.view(-1, *[1] * axes)
