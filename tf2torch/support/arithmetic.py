"""Elementwise operations, running sums, padding and matrices with TensorFlow 1's conventions."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F


def div_no_nan(x: Any, y: Any) -> torch.Tensor:
    """tf.div_no_nan: zero where y is zero, in the value and in both gradients."""
    y = torch.as_tensor(y)
    zero = y == 0
    return torch.where(zero, 0.0, x / torch.where(zero, torch.ones_like(y), y)).to(y.dtype)


def maximum(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """tf.maximum: where both are equal the whole gradient goes to x, not half to each."""
    return torch.where(x >= y, x, y)


def minimum(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """tf.minimum: where both are equal the whole gradient goes to x, not half to each."""
    return torch.where(x <= y, x, y)


def clip_by_value(x: torch.Tensor, low: Any, high: Any) -> torch.Tensor:
    """tf.clip_by_value: a value that equals a bound passes its gradient, in every torch version."""
    x = torch.where(x <= high, x, high)
    return torch.where(x >= low, x, low)


def cumsum(
    x: torch.Tensor, axis: int = 0, exclusive: bool = False, reverse: bool = False
) -> torch.Tensor:
    """tf.cumsum: exclusive leaves each element out of its own sum, reverse sums from the end."""
    x = x.flip(axis) if reverse else x
    y = torch.cumsum(x, axis)
    if exclusive:
        y = torch.cat(
            [torch.zeros_like(x.narrow(axis, 0, 1)), y.narrow(axis, 0, x.shape[axis] - 1)], axis
        )
    return y.flip(axis) if reverse else y


def cumprod(
    x: torch.Tensor, axis: int = 0, exclusive: bool = False, reverse: bool = False
) -> torch.Tensor:
    """tf.cumprod: exclusive leaves each element out, reverse multiplies from the end."""
    x = x.flip(axis) if reverse else x
    y = torch.cumprod(x, axis)
    if exclusive:
        y = torch.cat(
            [torch.ones_like(x.narrow(axis, 0, 1)), y.narrow(axis, 0, x.shape[axis] - 1)], axis
        )
    return y.flip(axis) if reverse else y


def split(x: torch.Tensor, num_or_size_splits: Any, axis: int = 0) -> tuple[torch.Tensor, ...]:
    """tf.split: a number is the number of equal pieces, a list gives sizes (-1: the rest)."""
    sizes: Any = torch.as_tensor(num_or_size_splits).tolist()
    if isinstance(sizes, int):
        sizes = [x.shape[axis] // sizes] * sizes
    if -1 in sizes:
        sizes[sizes.index(-1)] = x.shape[axis] - sum(sizes) - 1
    return torch.split(x, sizes, axis)


def pad(x: torch.Tensor, paddings: Any, mode: str = "CONSTANT", value: Any = 0) -> torch.Tensor:
    """tf.pad: [before, after] for each axis, first axis first.

    REFLECT mirrors without the edge, SYMMETRIC with it; no mode of F.pad does the latter.
    """
    pairs = torch.as_tensor(paddings).tolist()
    if mode.upper() == "CONSTANT":
        return F.pad(x, [size for pair in reversed(pairs) for size in pair], value=float(value))
    edge = 0 if mode.upper() == "SYMMETRIC" else 1
    for axis, (before, after) in enumerate(pairs):
        n = x.shape[axis]
        places = [
            *range(before - 1 + edge, edge - 1, -1),
            *range(n),
            *range(n - 1 - edge, n - 1 - edge - after, -1),
        ]
        x = x.index_select(axis, torch.tensor(places, dtype=torch.long, device=x.device))
    return x


def band_part(x: torch.Tensor, num_lower: int, num_upper: int) -> torch.Tensor:
    """tf.matrix_band_part: keep num_lower diagonals below and num_upper above; -1 keeps all."""
    rows = torch.arange(x.shape[-2], device=x.device).unsqueeze(1)
    columns = torch.arange(x.shape[-1], device=x.device)
    outside = torch.zeros(x.shape[-2:], dtype=torch.bool, device=x.device)
    if num_lower >= 0:
        outside |= rows - columns > num_lower
    if num_upper >= 0:
        outside |= columns - rows > num_upper
    return torch.where(outside, torch.zeros_like(x), x)


def svd(
    x: torch.Tensor, full_matrices: bool = False
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """tf.svd: (s, u, v) with x = u diag(s) v^H, where torch gives (u, s, v^H)."""
    u, s, vh = torch.linalg.svd(x, full_matrices=full_matrices)
    return s, u, vh.mH


def stft(
    signals: torch.Tensor, frame_length: int, frame_step: int, fft_length: int | None = None
) -> torch.Tensor:
    """tf.signal.stft: [frames, bins] of uncentred frames under a Hann window.

    TensorFlow's window is periodic for an even frame_length only (tf.signal.hann_window).
    """
    if fft_length is None:
        fft_length = 1 << (frame_length - 1).bit_length()
    window = torch.hann_window(
        frame_length, periodic=frame_length % 2 == 0, dtype=signals.dtype, device=signals.device
    )
    return torch.fft.rfft(signals.unfold(-1, frame_length, frame_step) * window, n=fft_length)


def random_crop(x: torch.Tensor, size: Any) -> torch.Tensor:
    """tf.random_crop: one offset for each axis, uniform over those that fit."""
    for axis, length in enumerate(size):
        if int(length) != -1:
            offset = int(torch.randint(x.shape[axis] - int(length) + 1, ()))
            x = x.narrow(axis, offset, int(length))
    return x
