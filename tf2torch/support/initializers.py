"""TensorFlow initializers that torch.nn.init lacks; all fill a tensor in place and return it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import nn


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


def glorot_uniform_(tensor: torch.Tensor) -> torch.Tensor:
    """Glorot's uniform draws for a weight in TensorFlow's layout, of any rank."""
    return variance_scaling_(tensor, 1.0, "fan_avg", "uniform", "HWIO")


def fill_(tensor: torch.Tensor, values: Any) -> torch.Tensor:
    """The numbers of a list or array in the order of the shape, the last one for what is left."""
    numbers = torch.as_tensor(np.asarray(values).ravel(), dtype=tensor.dtype, device=tensor.device)
    missing = max(tensor.numel() - len(numbers), 0)
    numbers = torch.cat([numbers[: tensor.numel()], numbers[-1:].expand(missing)])
    with torch.no_grad():
        return tensor.copy_(numbers.view_as(tensor))
