"""Layers of tf.contrib.layers and slim over variable scopes."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

from .scoped_arguments import add_arg_scope
from .scoped_initializers import xavier_initializer, zeros_initializer
from .scoped_layer import channels_second, each_axis, separable_convolve
from .scoped_layers import (
    scoped_conv2d,
    scoped_conv2d_transpose,
    scoped_dense,
    scoped_separable_conv2d,
)
from .scoped_model_variables import slim_finish, slim_model_variable, slim_scope

_XAVIER = xavier_initializer()


@add_arg_scope
def slim_fully_connected(
    inputs: torch.Tensor,
    num_outputs: int,
    activation_fn: Any = F.relu,
    normalizer_fn: Any = None,
    normalizer_params: Any = None,
    weights_initializer: Any = _XAVIER,
    weights_regularizer: Any = None,
    biases_initializer: Any = zeros_initializer,
    biases_regularizer: Any = None,
    reuse: Any = None,
    variables_collections: Any = None,
    outputs_collections: Any = None,
    trainable: bool = True,
    scope: Any = None,
) -> torch.Tensor:
    """slim.fully_connected."""
    with slim_scope(scope, "fully_connected", reuse, variables_collections) as opened:
        y = scoped_dense(
            inputs,
            num_outputs,
            use_bias=bool(not normalizer_fn and biases_initializer),
            kernel_initializer=weights_initializer,
            bias_initializer=biases_initializer,
            kernel_regularizer=weights_regularizer,
            bias_regularizer=biases_regularizer,
            trainable=trainable,
            name=opened,
            reuse=reuse,
        )
        return slim_finish(
            y, opened, activation_fn, outputs_collections, normalizer_fn, normalizer_params
        )


@add_arg_scope
def slim_conv2d(
    inputs: torch.Tensor,
    num_outputs: int,
    kernel_size: Any,
    stride: Any = 1,
    padding: str = "SAME",
    data_format: str | None = None,
    rate: Any = 1,
    activation_fn: Any = F.relu,
    normalizer_fn: Any = None,
    normalizer_params: Any = None,
    weights_initializer: Any = _XAVIER,
    weights_regularizer: Any = None,
    biases_initializer: Any = zeros_initializer,
    biases_regularizer: Any = None,
    reuse: Any = None,
    variables_collections: Any = None,
    outputs_collections: Any = None,
    trainable: bool = True,
    scope: Any = None,
) -> torch.Tensor:
    """slim.conv1d, conv2d and conv3d: the rank of the inputs tells which."""
    with slim_scope(scope, "Conv", reuse, variables_collections) as opened:
        y = scoped_conv2d(
            inputs,
            num_outputs,
            kernel_size,
            stride,
            padding,
            str(data_format),
            rate,
            use_bias=bool(not normalizer_fn and biases_initializer),
            kernel_initializer=weights_initializer,
            bias_initializer=biases_initializer,
            kernel_regularizer=weights_regularizer,
            bias_regularizer=biases_regularizer,
            trainable=trainable,
            name=opened,
            reuse=reuse,
        )
        return slim_finish(
            y, opened, activation_fn, outputs_collections, normalizer_fn, normalizer_params
        )


# arg_scope tells them apart
slim_conv1d = add_arg_scope(slim_conv2d.__wrapped__)
slim_conv3d = add_arg_scope(slim_conv2d.__wrapped__)


@add_arg_scope
def slim_conv2d_transpose(
    inputs: torch.Tensor,
    num_outputs: int,
    kernel_size: Any,
    stride: Any = 1,
    padding: str = "SAME",
    data_format: str | None = "NHWC",
    activation_fn: Any = F.relu,
    normalizer_fn: Any = None,
    normalizer_params: Any = None,
    weights_initializer: Any = _XAVIER,
    weights_regularizer: Any = None,
    biases_initializer: Any = zeros_initializer,
    biases_regularizer: Any = None,
    reuse: Any = None,
    variables_collections: Any = None,
    outputs_collections: Any = None,
    trainable: bool = True,
    scope: Any = None,
) -> torch.Tensor:
    """slim.conv2d_transpose and conv3d_transpose: the rank of the inputs tells which."""
    kind = f"Conv{inputs.dim() - 2}d_transpose"
    with slim_scope(scope, kind, reuse, variables_collections) as opened:
        y = scoped_conv2d_transpose(
            inputs,
            num_outputs,
            kernel_size,
            stride,
            padding,
            str(data_format),
            use_bias=bool(not normalizer_fn and biases_initializer),
            kernel_initializer=weights_initializer,
            bias_initializer=biases_initializer,
            kernel_regularizer=weights_regularizer,
            bias_regularizer=biases_regularizer,
            trainable=trainable,
            name=opened,
            reuse=reuse,
        )
        return slim_finish(
            y, opened, activation_fn, outputs_collections, normalizer_fn, normalizer_params
        )


slim_conv3d_transpose = add_arg_scope(slim_conv2d_transpose.__wrapped__)


@add_arg_scope
def slim_separable_conv2d(
    inputs: torch.Tensor,
    num_outputs: int | None,
    kernel_size: Any,
    depth_multiplier: int = 1,
    stride: Any = 1,
    padding: str = "SAME",
    data_format: str | None = "NHWC",
    rate: Any = 1,
    activation_fn: Any = F.relu,
    normalizer_fn: Any = None,
    normalizer_params: Any = None,
    weights_initializer: Any = _XAVIER,
    pointwise_initializer: Any = None,
    weights_regularizer: Any = None,
    biases_initializer: Any = zeros_initializer,
    biases_regularizer: Any = None,
    reuse: Any = None,
    variables_collections: Any = None,
    outputs_collections: Any = None,
    trainable: bool = True,
    scope: Any = None,
) -> torch.Tensor:
    """slim.separable_conv2d; without num_outputs the depthwise part alone."""
    has_bias = bool(not normalizer_fn and biases_initializer)
    with slim_scope(scope, "SeparableConv2d", reuse, variables_collections) as opened:
        if num_outputs is not None:
            y = scoped_separable_conv2d(
                inputs,
                num_outputs,
                kernel_size,
                stride,
                padding,
                str(data_format),
                rate,
                depth_multiplier,
                use_bias=has_bias,
                depthwise_initializer=weights_initializer,
                pointwise_initializer=pointwise_initializer or weights_initializer,
                bias_initializer=biases_initializer,
                depthwise_regularizer=weights_regularizer,
                pointwise_regularizer=weights_regularizer,
                bias_regularizer=biases_regularizer,
                trainable=trainable,
                name=opened,
                reuse=reuse,
            )
        else:
            x, channels_last = channels_second(inputs, data_format)
            kernel = slim_model_variable(
                "depthwise_weights",
                [*each_axis(kernel_size, 2), x.shape[1], depth_multiplier],
                inputs.dtype,
                weights_initializer,
                weights_regularizer,
                trainable,
            )
            bias = None
            if has_bias:
                bias = slim_model_variable(
                    "biases",
                    [x.shape[1] * depth_multiplier],
                    inputs.dtype,
                    biases_initializer,
                    biases_regularizer,
                    trainable,
                )
            y = separable_convolve(x, kernel, None, bias, stride, padding, rate)
            y = y.movedim(1, -1) if channels_last else y
        return slim_finish(
            y, opened, activation_fn, outputs_collections, normalizer_fn, normalizer_params
        )
