"""tf.layers over variable scopes: channels last, kernels in TensorFlow's layout and names."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

from .padding import conv_transpose
from .scoped import current_pass
from .scoped_initializers import zeros_initializer
from .scoped_layer import channels_second, convolve, each_axis, scoped_layer, separable_convolve
from .scoped_scopes import passed_through


def scoped_dense(
    inputs: torch.Tensor,
    units: int,
    activation: Any = None,
    use_bias: bool = True,
    kernel_initializer: Any = None,
    bias_initializer: Any = zeros_initializer,
    kernel_regularizer: Any = None,
    bias_regularizer: Any = None,
    activity_regularizer: Any = None,
    kernel_constraint: Any = None,
    bias_constraint: Any = None,
    trainable: bool = True,
    name: Any = None,
    reuse: Any = None,
) -> torch.Tensor:
    """tf.layers.dense, over the last axis."""
    with scoped_layer("dense", inputs, name, reuse, trainable) as layer:
        shape = [inputs.shape[-1], int(units)]
        kernel = layer.weight(
            "kernel", shape, kernel_initializer, kernel_regularizer, kernel_constraint
        )
        bias = None
        if use_bias:
            bias = layer.bias(units, bias_initializer, bias_regularizer, bias_constraint)
        y = F.linear(inputs, kernel.t(), bias)
        return layer.output(y, activation, activity_regularizer)


def scoped_conv2d(
    inputs: torch.Tensor,
    filters: int,
    kernel_size: Any,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str = "channels_last",
    dilation_rate: Any = 1,
    activation: Any = None,
    use_bias: bool = True,
    kernel_initializer: Any = None,
    bias_initializer: Any = zeros_initializer,
    kernel_regularizer: Any = None,
    bias_regularizer: Any = None,
    activity_regularizer: Any = None,
    kernel_constraint: Any = None,
    bias_constraint: Any = None,
    trainable: bool = True,
    name: Any = None,
    reuse: Any = None,
) -> torch.Tensor:
    """tf.layers.conv1d, conv2d and conv3d: the rank of the inputs tells which."""
    rank = inputs.dim() - 2
    with scoped_layer(f"conv{rank}d", inputs, name, reuse, trainable) as layer:
        x, channels_last = channels_second(inputs, data_format)
        shape = [*each_axis(kernel_size, rank), x.shape[1], int(filters)]
        kernel = layer.weight(
            "kernel", shape, kernel_initializer, kernel_regularizer, kernel_constraint
        )
        bias = None
        if use_bias:
            bias = layer.bias(filters, bias_initializer, bias_regularizer, bias_constraint)
        weight = kernel.permute(-1, -2, *range(rank))
        y = convolve(x, weight, bias, strides, padding, dilation_rate)
        y = y.movedim(1, -1) if channels_last else y
        return layer.output(y, activation, activity_regularizer)


scoped_conv1d = scoped_conv2d
scoped_conv3d = scoped_conv2d


def scoped_conv2d_transpose(
    inputs: torch.Tensor,
    filters: int,
    kernel_size: Any,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str = "channels_last",
    activation: Any = None,
    use_bias: bool = True,
    kernel_initializer: Any = None,
    bias_initializer: Any = zeros_initializer,
    kernel_regularizer: Any = None,
    bias_regularizer: Any = None,
    activity_regularizer: Any = None,
    kernel_constraint: Any = None,
    bias_constraint: Any = None,
    trainable: bool = True,
    name: Any = None,
    reuse: Any = None,
) -> torch.Tensor:
    """tf.layers.conv2d_transpose and conv3d_transpose: the rank of the inputs tells which."""
    rank = inputs.dim() - 2
    with scoped_layer(f"conv{rank}d_transpose", inputs, name, reuse, trainable) as layer:
        x, channels_last = channels_second(inputs, data_format)
        shape = [*each_axis(kernel_size, rank), int(filters), x.shape[1]]
        kernel = layer.weight(
            "kernel", shape, kernel_initializer, kernel_regularizer, kernel_constraint
        )
        bias = None
        if use_bias:
            bias = layer.bias(filters, bias_initializer, bias_regularizer, bias_constraint)
        weight = kernel.permute(-1, -2, *range(rank))
        y = conv_transpose(x, weight, bias, each_axis(strides, rank), padding)
        y = y.movedim(1, -1) if channels_last else y
        return layer.output(y, activation, activity_regularizer)


scoped_conv3d_transpose = scoped_conv2d_transpose


def scoped_separable_conv2d(
    inputs: torch.Tensor,
    filters: int,
    kernel_size: Any,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str = "channels_last",
    dilation_rate: Any = 1,
    depth_multiplier: int = 1,
    activation: Any = None,
    use_bias: bool = True,
    depthwise_initializer: Any = None,
    pointwise_initializer: Any = None,
    bias_initializer: Any = zeros_initializer,
    depthwise_regularizer: Any = None,
    pointwise_regularizer: Any = None,
    bias_regularizer: Any = None,
    activity_regularizer: Any = None,
    depthwise_constraint: Any = None,
    pointwise_constraint: Any = None,
    bias_constraint: Any = None,
    trainable: bool = True,
    name: Any = None,
    reuse: Any = None,
) -> torch.Tensor:
    """tf.layers.separable_conv1d and separable_conv2d: the rank of the inputs tells which."""
    rank = inputs.dim() - 2
    with scoped_layer(f"separable_conv{rank}d", inputs, name, reuse, trainable) as layer:
        x, channels_last = channels_second(inputs, data_format)
        shape = [*each_axis(kernel_size, rank), x.shape[1], int(depth_multiplier)]
        depthwise = layer.weight(
            "depthwise_kernel",
            shape,
            depthwise_initializer,
            depthwise_regularizer,
            depthwise_constraint,
        )
        shape = [*[1] * rank, x.shape[1] * int(depth_multiplier), int(filters)]
        pointwise = layer.weight(
            "pointwise_kernel",
            shape,
            pointwise_initializer,
            pointwise_regularizer,
            pointwise_constraint,
        )
        bias = None
        if use_bias:
            bias = layer.bias(filters, bias_initializer, bias_regularizer, bias_constraint)
        y = separable_convolve(x, depthwise, pointwise, bias, strides, padding, dilation_rate)
        y = y.movedim(1, -1) if channels_last else y
        return layer.output(y, activation, activity_regularizer)


scoped_separable_conv1d = scoped_separable_conv2d


class ScopedLayerObject:
    """A tf.layers object: the first call in a pass makes its variables, later calls share them.

    `ScopedLayerObject(scoped_dense, "dense", units=3)`; the name is made unique like a default one.
    """

    def __init__(self, function: Any, name: str, *args: Any, **options: Any) -> None:
        self.function, self.name, self.args, self.options = function, name, args, options
        self.token: Any = None

    def __call__(self, inputs: torch.Tensor, **options: Any) -> torch.Tensor:
        run = current_pass()
        is_built = self.token is run.token
        if not is_built:
            self.token, self.scope = run.token, passed_through(None, self.name)
        given = {**self.options, **options, "name": self.scope, "reuse": is_built or None}
        return self.function(inputs, *self.args, **given)
