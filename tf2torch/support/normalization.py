"""Batch normalization with TensorFlow's moving averages and optional scale or offset."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn


class BatchNorm(nn.Module):
    """Batch normalization over axis 1 of inputs of any rank.

    Unlike nn.BatchNorm2d it can do without scale (gamma) or offset (beta), and the batch variance
    that goes into the moving variance divides by n, as TensorFlow's does outside its fused kernel;
    unbiased=True takes n - 1, as the fused kernel and torch do.
    """

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-3,
        momentum: float = 0.01,
        center: bool = True,
        scale: bool = True,
        unbiased: bool = False,
    ) -> None:
        super().__init__()
        self.eps, self.momentum, self.unbiased = eps, momentum, unbiased
        self.weight = nn.Parameter(torch.ones(num_features)) if scale else None
        self.bias = nn.Parameter(torch.zeros(num_features)) if center else None
        self.running_mean: torch.Tensor
        self.running_var: torch.Tensor
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training:
            mean, variance = self.running_mean, self.running_var
            return F.batch_norm(x, mean, variance, self.weight, self.bias, eps=self.eps)
        if self.momentum != 0:
            with torch.no_grad():
                axes = [axis for axis in range(x.dim()) if axis != 1]
                variance, mean = torch.var_mean(x, axes, correction=int(self.unbiased))
                self.running_mean.lerp_(mean, self.momentum)
                self.running_var.lerp_(variance, self.momentum)
        return F.batch_norm(x, None, None, self.weight, self.bias, training=True, eps=self.eps)


class LayerNorm(nn.Module):
    """Normalization over all axes from begin_norm_axis on, scale and offset along the last one."""

    def __init__(
        self,
        num_features: int,
        begin_norm_axis: int = 1,
        center: bool = True,
        scale: bool = True,
        eps: float = 1e-12,
    ) -> None:
        super().__init__()
        self.begin_norm_axis, self.eps = begin_norm_axis, eps
        self.weight = nn.Parameter(torch.ones(num_features)) if scale else None
        self.bias = nn.Parameter(torch.zeros(num_features)) if center else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = F.layer_norm(x, x.shape[self.begin_norm_axis :], eps=self.eps)
        y = y if self.weight is None else y * self.weight
        return y if self.bias is None else y + self.bias


def fused_batch_norm(
    x: torch.Tensor,
    scale: torch.Tensor,
    offset: torch.Tensor,
    mean: torch.Tensor | None = None,
    variance: torch.Tensor | None = None,
    epsilon: float = 1e-3,
    is_training: bool = True,
) -> tuple[torch.Tensor, Any, Any]:
    """Normalized NCHW images with the mean and the unbiased variance of the batch."""
    epsilon = max(epsilon, 1.001e-5)
    if not is_training:
        return F.batch_norm(x, mean, variance, scale, offset, eps=epsilon), mean, variance
    y = F.batch_norm(x, None, None, scale, offset, training=True, eps=epsilon)
    variance, mean = torch.var_mean(x, dim=(0, 2, 3))
    return y, mean, variance


@contextmanager
def frozen_statistics(*modules: nn.Module) -> Iterator[None]:
    """Batch normalization in training mode that leaves its moving statistics alone.

    TensorFlow updates them only when the ops in ``UPDATE_OPS`` are run.
    """
    layers: list[Any] = [
        layer for module in modules for layer in module.modules() if hasattr(layer, "momentum")
    ]
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.momentum = 0.0
    try:
        yield
    finally:
        for layer, momentum in zip(layers, momenta):
            layer.momentum = momentum
