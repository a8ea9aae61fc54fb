"""Initializers and regularizers of TensorFlow as objects that get_variable and layers call.

Initializers are classes, because TensorFlow lets one be given with or without a call.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from .initializers import fill_, variance_scaling_


class FillingInitializer:
    """What the initializers share that fill a tensor: a subclass has `dtype` and `fill`."""

    dtype: Any

    def __call__(self, shape: Sequence[int], dtype: torch.dtype | None = None) -> torch.Tensor:
        return self.fill(torch.empty(tuple(shape), dtype=dtype or self.dtype))

    def fill(self, tensor: torch.Tensor) -> torch.Tensor:
        """The tensor, with first values."""
        raise NotImplementedError


@dataclass
class zeros_initializer:
    """tf.zeros_initializer."""

    dtype: torch.dtype | None = None

    def __call__(self, shape: Sequence[int], dtype: torch.dtype | None = None) -> torch.Tensor:
        return torch.zeros(tuple(shape), dtype=dtype or self.dtype)


@dataclass
class ones_initializer:
    """tf.ones_initializer."""

    dtype: torch.dtype | None = None

    def __call__(self, shape: Sequence[int], dtype: torch.dtype | None = None) -> torch.Tensor:
        return torch.ones(tuple(shape), dtype=dtype or self.dtype)


@dataclass
class constant_initializer(FillingInitializer):
    """tf.constant_initializer: one number, or numbers in the order of the shape."""

    value: Any = 0
    dtype: torch.dtype | None = None
    verify_shape: bool = False

    def fill(self, tensor: torch.Tensor) -> torch.Tensor:
        return fill_(tensor, self.value)


@dataclass
class random_normal_initializer(FillingInitializer):
    """tf.random_normal_initializer."""

    mean: float = 0.0
    stddev: float = 1.0
    seed: int | None = None
    dtype: torch.dtype | None = None

    def fill(self, tensor: torch.Tensor) -> torch.Tensor:
        return nn.init.normal_(tensor, self.mean, self.stddev)


@dataclass
class truncated_normal_initializer(FillingInitializer):
    """tf.truncated_normal_initializer: cut at two standard deviations."""

    mean: float = 0.0
    stddev: float = 1.0
    seed: int | None = None
    dtype: torch.dtype | None = None

    def fill(self, tensor: torch.Tensor) -> torch.Tensor:
        low, high = self.mean - 2 * self.stddev, self.mean + 2 * self.stddev
        return nn.init.trunc_normal_(tensor, self.mean, self.stddev, low, high)


@dataclass
class random_uniform_initializer(FillingInitializer):
    """tf.random_uniform_initializer; integers need a maxval."""

    minval: float = 0
    maxval: float | None = None
    seed: int | None = None
    dtype: torch.dtype | None = None

    def fill(self, tensor: torch.Tensor) -> torch.Tensor:
        high = 1.0 if self.maxval is None else self.maxval
        if tensor.is_floating_point():
            return nn.init.uniform_(tensor, self.minval, high)
        return torch.randint(int(self.minval), int(high), tensor.shape, dtype=tensor.dtype)


@dataclass
class variance_scaling_initializer(FillingInitializer):
    """tf.variance_scaling_initializer: draws of variance scale / fan."""

    scale: float = 1.0
    mode: str = "fan_in"
    distribution: str = "truncated_normal"
    seed: int | None = None
    dtype: torch.dtype | None = None

    def fill(self, tensor: torch.Tensor) -> torch.Tensor:
        name = "truncated_normal" if self.distribution == "normal" else self.distribution
        return variance_scaling_(tensor, self.scale, self.mode, name, "HWIO")


@dataclass
class glorot_uniform_initializer(FillingInitializer):
    """tf.glorot_uniform_initializer."""

    seed: int | None = None
    dtype: torch.dtype | None = None

    def fill(self, tensor: torch.Tensor) -> torch.Tensor:
        return variance_scaling_(tensor, 1.0, "fan_avg", "uniform", "HWIO")


@dataclass
class glorot_normal_initializer(FillingInitializer):
    """tf.glorot_normal_initializer."""

    seed: int | None = None
    dtype: torch.dtype | None = None

    def fill(self, tensor: torch.Tensor) -> torch.Tensor:
        return variance_scaling_(tensor, 1.0, "fan_avg", "truncated_normal", "HWIO")


@dataclass
class contrib_variance_scaling_initializer(FillingInitializer):
    """tf.contrib.layers.variance_scaling_initializer; with its defaults, He's initialization."""

    factor: float = 2.0
    mode: str = "FAN_IN"
    uniform: bool = False
    seed: int | None = None
    dtype: torch.dtype | None = None

    def fill(self, tensor: torch.Tensor) -> torch.Tensor:
        name = "uniform" if self.uniform else "truncated_normal"
        # 1.3: contrib widens a normal that is cut at two deviations by its square root
        factor = self.factor if self.uniform else self.factor * 1.3
        return variance_scaling_(tensor, factor, self.mode.lower(), name, "HWIO", corrected=False)


@dataclass
class orthogonal_initializer:
    """tf.orthogonal_initializer: the last axis against all others."""

    gain: float = 1.0
    seed: int | None = None
    dtype: torch.dtype | None = None

    def __call__(self, shape: Sequence[int], dtype: torch.dtype | None = None) -> torch.Tensor:
        # torch takes the first axis against the others
        turned = torch.empty((shape[-1], *shape[:-1]), dtype=dtype or self.dtype)
        return nn.init.orthogonal_(turned, self.gain).movedim(0, -1)


@dataclass
class identity_initializer:
    """tf.initializers.identity: a matrix."""

    gain: float = 1.0
    dtype: torch.dtype | None = None

    def __call__(self, shape: Sequence[int], dtype: torch.dtype | None = None) -> torch.Tensor:
        rows, columns = shape
        return torch.eye(rows, columns, dtype=dtype or self.dtype) * self.gain


def xavier_initializer(
    uniform: bool = True, seed: int | None = None, dtype: torch.dtype | None = None
) -> contrib_variance_scaling_initializer:
    """tf.contrib.layers.xavier_initializer."""
    return contrib_variance_scaling_initializer(1.0, "FAN_AVG", uniform, seed, dtype)


def l1_regularizer(scale: float, scope: str | None = None) -> Callable[[torch.Tensor], Any]:
    """tf.contrib.layers.l1_regularizer; none at all if the scale is 0."""
    return lambda weights: weights.abs().sum() * scale if scale else None


def l2_regularizer(scale: float, scope: str | None = None) -> Callable[[torch.Tensor], Any]:
    """tf.contrib.layers.l2_regularizer: half the sum of squares; none at all if the scale is 0."""
    return lambda weights: weights.square().sum() / 2 * scale if scale else None


def l1_l2_regularizer(
    scale_l1: float = 1.0, scale_l2: float = 1.0, scope: str | None = None
) -> Callable[[torch.Tensor], Any]:
    """tf.contrib.layers.l1_l2_regularizer."""
    return sum_regularizer([l1_regularizer(scale_l1), l2_regularizer(scale_l2)])


def sum_regularizer(
    regularizers: Sequence[Callable[[torch.Tensor], Any] | None], scope: str | None = None
) -> Callable[[torch.Tensor], Any]:
    """tf.contrib.layers.sum_regularizer: those that give a loss."""

    def regularizer(weights: torch.Tensor) -> Any:
        losses = [r(weights) for r in regularizers if r is not None]
        losses = [loss for loss in losses if loss is not None]
        return torch.stack(losses).sum() if losses else None

    return regularizer
