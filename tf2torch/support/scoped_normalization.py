"""Batch normalization over variable scopes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F

from .scoped import current_pass
from .scoped_initializers import ones_initializer, zeros_initializer
from .scoped_layer import scoped_layer


def scoped_batch_normalization(
    inputs: torch.Tensor,
    axis: int | Sequence[int] = -1,
    momentum: float = 0.99,
    epsilon: float = 1e-3,
    center: bool = True,
    scale: bool = True,
    beta_initializer: Any = zeros_initializer,
    gamma_initializer: Any = ones_initializer,
    moving_mean_initializer: Any = zeros_initializer,
    moving_variance_initializer: Any = ones_initializer,
    beta_regularizer: Any = None,
    gamma_regularizer: Any = None,
    beta_constraint: Any = None,
    gamma_constraint: Any = None,
    training: Any = False,
    trainable: bool = True,
    name: Any = None,
    reuse: Any = None,
    renorm: bool = False,
    renorm_clipping: Any = None,
    renorm_momentum: float = 0.99,
    fused: bool | None = None,
    virtual_batch_size: int | None = None,
    adjustment: Any = None,
) -> torch.Tensor:
    """tf.layers.batch_normalization; in training the moving averages move at once."""
    if renorm or virtual_batch_size is not None or adjustment is not None:
        raise NotImplementedError("batch normalization with renorm, virtual batches or adjustment")
    axes = [axis] if isinstance(axis, int) else list(axis)
    axes = [number % inputs.dim() for number in axes]
    shape = [size if n in axes else 1 for n, size in enumerate(inputs.shape)]
    shape = [inputs.shape[axes[0]]] if len(axes) == 1 else shape
    with scoped_layer("batch_normalization", inputs, name, reuse, trainable) as layer:
        if layer.dtype in (torch.float16, torch.bfloat16):
            layer.dtype = torch.float32
        gamma = beta = None
        if scale:
            gamma = layer.weight(
                "gamma", shape, gamma_initializer, gamma_regularizer, gamma_constraint
            )
        if center:
            beta = layer.weight("beta", shape, beta_initializer, beta_regularizer, beta_constraint)
        mean = layer.weight("moving_mean", shape, moving_mean_initializer, trainable=False)
        variance = layer.weight(
            "moving_variance", shape, moving_variance_initializer, trainable=False
        )
    is_fused = fused is not False and inputs.dim() == 4 and axes in ([1], [3])
    # TensorFlow has no updates for a frozen layer, which still takes the batch's moments
    rate = 1 - momentum if trainable else 0.0
    return batch_normalized(
        inputs, axes, mean, variance, beta, gamma, epsilon, training, rate, is_fused
    )


def batch_normalized(
    inputs: torch.Tensor,
    axes: Sequence[int],
    mean: torch.Tensor,
    variance: torch.Tensor,
    beta: torch.Tensor | None,
    gamma: torch.Tensor | None,
    epsilon: float,
    training: Any,
    rate: float,
    is_fused: bool,
) -> torch.Tensor:
    """Inputs normalized by the batch's moments, or by the averages that these move in training."""
    others = [n for n in range(inputs.dim()) if n not in axes]
    epsilon = max(epsilon, 1.001e-5) if is_fused else epsilon
    if training:
        update_moving_averages(inputs, others, mean, variance, rate, is_fused)
        if len(axes) == 1:
            x = inputs.movedim(axes[0], 1)
            y = F.batch_norm(x, None, None, gamma, beta, training=True, eps=epsilon)
            return y.movedim(1, axes[0])
        variance, mean = torch.var_mean(inputs, others, correction=0, keepdim=True)
    else:
        # copies, because a training call of this pass may move the averages before the gradients
        mean, variance = mean.clone(), variance.clone()
    factor = torch.rsqrt(variance + epsilon)
    factor = factor if gamma is None else factor * gamma
    offset = -mean * factor if beta is None else beta - mean * factor
    sizes = [size if n in axes else 1 for n, size in enumerate(inputs.shape)]
    factor, offset = factor.to(inputs.dtype).view(sizes), offset.to(inputs.dtype).view(sizes)
    return inputs * factor + offset


def update_moving_averages(
    inputs: torch.Tensor,
    axes: Sequence[int],
    mean: torch.Tensor,
    variance: torch.Tensor,
    rate: float,
    is_fused: bool,
) -> None:
    """Move the averages towards the batch's; the fused kernel takes the unbiased variance."""
    if rate == 0 or current_pass().module.momentum == 0:
        return
    with torch.no_grad():
        values = inputs.to(mean.dtype)
        batch_variance, batch_mean = torch.var_mean(values, tuple(axes), correction=0)
        if is_fused:
            count = values.numel() // batch_mean.numel()
            batch_variance *= count / max(count - 1, 1)
        mean.lerp_(batch_mean.view(mean.shape), rate)
        variance.lerp_(batch_variance.view(variance.shape), rate)
