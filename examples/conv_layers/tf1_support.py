"""TensorFlow 1 behaviour that PyTorch has no call for, for the converted programs beside this file.

Part of the converted program: written once by its conversion, only what the program uses, and
needing nothing but what it imports. Where PyTorch has a call of almost the same meaning, the
function here keeps TensorFlow's arithmetic, so that the numbers stay those of the original.
"""

from __future__ import annotations

import math

import torch
from torch import nn


def boolean_flag(text: str) -> bool:
    """The value of a boolean flag: true, t or 1, false, f or 0."""
    if text.lower() in ("true", "t", "1"):
        return True
    if text.lower() in ("false", "f", "0"):
        return False
    raise ValueError(text)


def _fans(tensor: torch.Tensor, layout: str) -> tuple[int, int]:
    """Fan in and fan out of a weight in torch's layout (OIHW) or TensorFlow's (HWIO)."""
    shape = tuple(tensor.shape)
    if len(shape) < 2:
        return (shape or (1,)) * 2  # type: ignore[return-value]
    if layout == "HWIO":
        shape = (shape[-1], shape[-2], *shape[:-2])
    window = math.prod(shape[2:])
    return shape[1] * window, shape[0] * window


def variance_scaling_(
    tensor: torch.Tensor,
    scale: float = 1.0,
    mode: str = "fan_in",
    distribution: str = "truncated_normal",
    layout: str = "OIHW",
    corrected: bool = True,
) -> torch.Tensor:
    """Draws of variance scale / fan, like tf.variance_scaling_initializer.

    A truncated normal is cut at two standard deviations, which shrinks its own by 0.8796;
    TensorFlow's core initializers correct for that, those of tf.contrib do not.
    """
    fan_in, fan_out = _fans(tensor, layout)
    fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[mode]
    variance = scale / max(fan, 1)
    if distribution == "uniform":
        limit = math.sqrt(3 * variance)
        return nn.init.uniform_(tensor, -limit, limit)
    std = math.sqrt(variance)
    if distribution == "untruncated_normal":
        return nn.init.normal_(tensor, std=std)
    if corrected:
        std /= 0.87962566103423978
    return nn.init.trunc_normal_(tensor, std=std, a=-2 * std, b=2 * std)


def in_top_k(predictions: torch.Tensor, targets: torch.Tensor, k: int) -> torch.Tensor:
    """Whether each target is among the k largest predictions; ties at the boundary are in."""
    target = predictions.gather(1, targets.long()[:, None])
    return ((predictions > target).sum(1) < k) & torch.isfinite(target[:, 0])
