"""TensorFlow 1's resizing of images, and the moves between space and channels.

All of them take and give channels before height and width: NCHW, or CHW for one image.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F

from .padding import same_pad


def _source_positions(
    count: int, size: int, align_corners: bool, half_pixel_centers: bool, like: torch.Tensor
) -> torch.Tensor:
    """Where each of `size` output cells lies among `count` input cells, in float32 like TensorFlow.

    By default cell i lies at i * count / size, the legacy grid of TensorFlow 1.
    """
    cells = torch.arange(size, dtype=torch.float32, device=like.device)
    aligned = align_corners and size > 1
    scale = torch.tensor(
        (count - 1) / (size - 1) if aligned else count / size, dtype=torch.float32
    ).to(like.device)
    return (cells + 0.5) * scale - 0.5 if half_pixel_centers else cells * scale


def resize_bilinear(
    x: torch.Tensor,
    size: Sequence[int],
    align_corners: bool = False,
    half_pixel_centers: bool = False,
) -> torch.Tensor:
    """tf.image.resize_bilinear (resize_bilinear_op.cc); no mode of F.interpolate has its grid."""
    for axis, length in ((-2, int(size[0])), (-1, int(size[1]))):
        n = x.shape[axis]
        places = _source_positions(n, length, align_corners, half_pixel_centers, x)
        lower = places.floor()
        weight = (places - lower).to(x.dtype)
        weight = weight.unsqueeze(1) if axis == -2 else weight
        before = x.index_select(axis, lower.clamp(min=0).long())
        after = x.index_select(axis, places.ceil().clamp(0, n - 1).long())
        x = before + (after - before) * weight
    return x


def resize_nearest_neighbor(
    x: torch.Tensor,
    size: Sequence[int],
    align_corners: bool = False,
    half_pixel_centers: bool = False,
) -> torch.Tensor:
    """tf.image.resize_nearest_neighbor: rounds down, or to the nearest with align_corners."""
    for axis, length in ((-2, int(size[0])), (-1, int(size[1]))):
        n = x.shape[axis]
        places = _source_positions(n, length, align_corners, half_pixel_centers, x)
        if align_corners or half_pixel_centers:
            places = places + 0.5
        x = x.index_select(axis, places.floor().clamp(0, n - 1).long())
    return x


def resize_bicubic(
    x: torch.Tensor,
    size: Sequence[int],
    align_corners: bool = False,
    half_pixel_centers: bool = False,
) -> torch.Tensor:
    """tf.image.resize_bicubic (resize_bicubic_op.cc): four taps, weights from a table of 1024.

    The legacy form has a = -0.75 and repeats the edge; with half_pixel_centers a = -0.5 and taps
    outside the image are dropped.
    """
    a = -0.5 if half_pixel_centers else -0.75
    for axis, length in ((-2, int(size[0])), (-1, int(size[1]))):
        n = x.shape[axis]
        places = _source_positions(n, length, align_corners, half_pixel_centers, x)
        lower = places.floor()
        part = torch.round((places - lower) * 1024) / 1024
        distance = torch.stack([1 + part, part, 1 - part, 2 - part], 1).double()
        near = ((a + 2) * distance - (a + 3)) * distance * distance + 1
        far = ((a * distance - 5 * a) * distance + 8 * a) * distance - 4 * a
        weights = torch.where(distance <= 1, near, far)
        taps = lower.long().unsqueeze(1) + torch.arange(-1, 3, device=x.device)
        if half_pixel_centers:
            weights = weights * ((taps >= 0) & (taps < n))
            weights = weights / weights.sum(1, keepdim=True)
        weights, taps = weights.to(x.dtype), taps.clamp(0, n - 1)
        columns = [weights[:, k].unsqueeze(1) if axis == -2 else weights[:, k] for k in range(4)]
        x = torch.stack([x.index_select(axis, taps[:, k]) * columns[k] for k in range(4)]).sum(0)
    return x


def resize_area(x: torch.Tensor, size: Sequence[int], align_corners: bool = False) -> torch.Tensor:
    """tf.image.resize_area: the mean over each output cell's area, edges counted by their part."""

    def overlaps(count: int, length: int) -> torch.Tensor:
        aligned = align_corners and length > 1
        scale = (count - 1) / (length - 1) if aligned else count / length
        starts = torch.arange(length, dtype=torch.float64).unsqueeze(1) * scale
        cells = torch.arange(count, dtype=torch.float64)
        covered = torch.minimum(starts + scale, cells + 1) - torch.maximum(starts, cells)
        return (covered.clamp(min=0) / scale).to(x)

    rows, columns = (overlaps(n, int(m)) for n, m in zip(x.shape[-2:], size, strict=True))
    return rows @ x @ columns.T


def crop_and_resize(
    image: torch.Tensor,
    boxes: torch.Tensor,
    box_ind: torch.Tensor,
    crop_size: Sequence[int],
    method: str = "bilinear",
    extrapolation_value: float = 0.0,
) -> torch.Tensor:
    """tf.image.crop_and_resize: boxes (y1, x1, y2, x2) in units of height - 1 and width - 1.

    The corners of a box are sampled; cells outside the image get extrapolation_value.
    """

    def positions(low: torch.Tensor, high: torch.Tensor, n: int, length: int) -> torch.Tensor:
        if length == 1:
            return (0.5 * (low + high) * (n - 1)).unsqueeze(1)
        step = (high - low) * (n - 1) / (length - 1)
        cells = torch.arange(length, dtype=boxes.dtype, device=boxes.device)
        return (low * (n - 1)).unsqueeze(1) + cells * step.unsqueeze(1)

    height, width = image.shape[-2:]
    y1, x1, y2, x2 = boxes.unbind(1)
    y = positions(y1, y2, height, int(crop_size[0]))
    x = positions(x1, x2, width, int(crop_size[1]))
    inside = ((y >= 0) & (y <= height - 1)).unsqueeze(2) & ((x >= 0) & (x <= width - 1)).unsqueeze(
        1
    )
    batch = box_ind.long().view(-1, 1, 1)

    def at(rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
        rows, columns = rows.clamp(0, height - 1).long(), columns.clamp(0, width - 1).long()
        return image[batch, :, rows.unsqueeze(2), columns.unsqueeze(1)]

    if method == "nearest":
        crops = at((y + 0.5).floor(), (x + 0.5).floor())
    else:
        down = (y - y.detach().floor()).unsqueeze(2).unsqueeze(3).to(image.dtype)
        right = (x - x.detach().floor()).unsqueeze(1).unsqueeze(3).to(image.dtype)
        top, bottom, left, end = y.floor(), y.ceil(), x.floor(), x.ceil()
        upper = at(top, left) + (at(top, end) - at(top, left)) * right
        lower = at(bottom, left) + (at(bottom, end) - at(bottom, left)) * right
        crops = upper + (lower - upper) * down
    crops = torch.where(inside.unsqueeze(3), crops, extrapolation_value)
    return crops.movedim(3, 1)


def extract_patches(
    x: torch.Tensor,
    ksizes: Sequence[int],
    strides: Sequence[int],
    rates: Sequence[int] = (1, 1),
    padding: str = "VALID",
) -> torch.Tensor:
    """tf.extract_image_patches: the windows as channels, in the order row, column, channel.

    F.unfold puts the channel first.
    """
    kernel, stride, dilation = tuple(ksizes), tuple(strides), tuple(rates)
    if padding == "SAME":
        x = same_pad(x, kernel, stride, dilation)
    n, channels = x.shape[:2]
    sizes = [
        (m - (k - 1) * d - 1) // s + 1
        for m, k, s, d in zip(x.shape[2:], kernel, stride, dilation, strict=True)
    ]
    windows = F.unfold(x, kernel, dilation=dilation, stride=stride)
    windows = windows.view(n, channels, kernel[0] * kernel[1], *sizes)
    return windows.transpose(1, 2).reshape(n, -1, *sizes)


def space_to_depth(x: torch.Tensor, block_size: int) -> torch.Tensor:
    """tf.space_to_depth: channel (row * block + column) * C + c; pixel_unshuffle puts c first."""
    n, channels, height, width = x.shape
    b = block_size
    blocks = x.reshape(n, channels, height // b, b, width // b, b).permute(0, 3, 5, 1, 2, 4)
    return blocks.reshape(n, b * b * channels, height // b, width // b)


def depth_to_space(x: torch.Tensor, block_size: int) -> torch.Tensor:
    """tf.depth_to_space: the inverse of space_to_depth; pixel_shuffle orders channels otherwise."""
    n, channels, height, width = x.shape
    b = block_size
    cells = x.reshape(n, b, b, channels // (b * b), height, width).permute(0, 3, 4, 1, 5, 2)
    return cells.reshape(n, channels // (b * b), height * b, width * b)


def max_pool_with_argmax(
    x: torch.Tensor, kernel_size: Any, stride: Any, padding: str = "VALID"
) -> tuple[torch.Tensor, torch.Tensor]:
    """tf.nn.max_pool_with_argmax: places count as in an NHWC image, (y * W + x) * C + c."""
    if padding != "VALID":
        raise NotImplementedError("max_pool_with_argmax with SAME padding")
    values, places = F.max_pool2d(x, kernel_size, stride, return_indices=True)
    channels = x.shape[1]
    return values, places * channels + torch.arange(channels, device=x.device).view(-1, 1, 1)
