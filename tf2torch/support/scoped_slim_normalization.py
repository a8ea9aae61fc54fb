"""Normalization layers of tf.contrib.layers and slim over variable scopes."""

from __future__ import annotations

from typing import Any

import torch

from .scoped_arguments import add_arg_scope
from .scoped_initializers import ones_initializer, zeros_initializer
from .scoped_model_variables import slim_finish, slim_model_variable, slim_scope
from .scoped_normalization import batch_normalized, scoped_batch_normalization


@add_arg_scope
def slim_batch_norm(
    inputs: torch.Tensor,
    decay: float = 0.999,
    center: bool = True,
    scale: bool = False,
    epsilon: float = 0.001,
    activation_fn: Any = None,
    param_initializers: Any = None,
    param_regularizers: Any = None,
    updates_collections: Any = "update_ops",
    is_training: Any = True,
    reuse: Any = None,
    variables_collections: Any = None,
    outputs_collections: Any = None,
    trainable: bool = True,
    batch_weights: Any = None,
    fused: bool | None = None,
    data_format: str = "NHWC",
    zero_debias_moving_mean: bool = False,
    scope: Any = None,
    renorm: bool = False,
    renorm_clipping: Any = None,
    renorm_decay: float = 0.99,
    adjustment: Any = None,
) -> torch.Tensor:
    """slim.batch_norm; in training the moving averages move at once."""
    if batch_weights is not None or zero_debias_moving_mean or renorm or adjustment is not None:
        raise NotImplementedError("slim.batch_norm with weights, debiasing, renorm or adjustment")
    rank, axis = inputs.dim(), 1 if data_format == "NCHW" else inputs.dim() - 1
    first, regularizers = param_initializers or {}, param_regularizers or {}
    beta_first, gamma_first = first.get("beta", zeros_initializer), first.get("gamma")
    mean_first = first.get("moving_mean", zeros_initializer)
    variance_first = first.get("moving_variance", ones_initializer)
    with slim_scope(scope, "BatchNorm", reuse, variables_collections) as opened:
        if updates_collections == "update_ops" and (rank != 2 or fused is False):
            y = scoped_batch_normalization(
                inputs,
                axis,
                decay,
                epsilon,
                center,
                scale,
                beta_first,
                gamma_first or ones_initializer,
                mean_first,
                variance_first,
                regularizers.get("beta"),
                regularizers.get("gamma"),
                training=is_training,
                trainable=trainable,
                name=opened,
                reuse=reuse,
                fused=fused,
            )
        else:
            # contrib has code of its own here, with another order of the variables
            def variable(name: str, initializer: Any, trainable: bool = trainable) -> Any:
                regularizer = regularizers.get(name)
                shape, dtype = [inputs.shape[axis]], torch.float32
                return slim_model_variable(
                    name, shape, dtype, initializer, regularizer, trainable=trainable
                )

            beta = variable("beta", beta_first) if center else None
            gamma = variable("gamma", gamma_first or ones_initializer) if scale else None
            mean = variable("moving_mean", mean_first, trainable=False)
            variance = variable("moving_variance", variance_first, trainable=False)
            y = batch_normalized(
                inputs,
                [axis],
                mean,
                variance,
                beta,
                gamma,
                epsilon,
                is_training,
                1 - decay,
                fused is not False and rank in (2, 4),
            )
        return slim_finish(y, opened, activation_fn, outputs_collections)


@add_arg_scope
def slim_layer_norm(
    inputs: torch.Tensor,
    center: bool = True,
    scale: bool = True,
    activation_fn: Any = None,
    reuse: Any = None,
    variables_collections: Any = None,
    outputs_collections: Any = None,
    trainable: bool = True,
    begin_norm_axis: int = 1,
    begin_params_axis: int = -1,
    scope: Any = None,
) -> torch.Tensor:
    """slim.layer_norm: over all axes from begin_norm_axis on."""
    with slim_scope(scope, "LayerNorm", reuse, variables_collections) as opened:
        shape, dtype = inputs.shape[begin_params_axis:], inputs.dtype
        beta = gamma = None
        if center:
            beta = slim_model_variable("beta", shape, dtype, zeros_initializer, trainable=trainable)
        if scale:
            gamma = slim_model_variable(
                "gamma", shape, dtype, ones_initializer, trainable=trainable
            )
        axes = tuple(range(begin_norm_axis % inputs.dim(), inputs.dim()))
        y = standardized(inputs, axes, 1e-3 if dtype == torch.float16 else 1e-12, beta, gamma)
        return slim_finish(y, opened, activation_fn, outputs_collections)


@add_arg_scope
def slim_instance_norm(
    inputs: torch.Tensor,
    center: bool = True,
    scale: bool = True,
    epsilon: float = 1e-6,
    activation_fn: Any = None,
    param_initializers: Any = None,
    reuse: Any = None,
    variables_collections: Any = None,
    outputs_collections: Any = None,
    trainable: bool = True,
    data_format: str = "NHWC",
    scope: Any = None,
) -> torch.Tensor:
    """slim.instance_norm: each channel of each example by itself."""
    first, axis = param_initializers or {}, 1 if data_format == "NCHW" else inputs.dim() - 1
    with slim_scope(scope, "InstanceNorm", reuse, variables_collections) as opened:
        shape = [inputs.shape[axis]]
        across = [*shape, *[1] * (inputs.dim() - 2)] if axis == 1 else shape
        beta = gamma = None
        if center:
            initializer = first.get("beta", zeros_initializer)
            beta = slim_model_variable("beta", shape, inputs.dtype, initializer, None, trainable)
            beta = beta.view(across)
        if scale:
            initializer = first.get("gamma", ones_initializer)
            gamma = slim_model_variable("gamma", shape, inputs.dtype, initializer, None, trainable)
            gamma = gamma.view(across)
        axes = tuple(n for n in range(1, inputs.dim()) if n != axis)
        y = standardized(inputs, axes, epsilon, beta, gamma)
        return slim_finish(y, opened, activation_fn, outputs_collections)


def standardized(
    x: torch.Tensor, axes: tuple[int, ...], epsilon: float, beta: Any, gamma: Any
) -> torch.Tensor:
    """Zero mean and unit variance over some axes, then scale and offset."""
    variance, mean = torch.var_mean(x, axes, correction=0, keepdim=True)
    y = (x - mean) * torch.rsqrt(variance + epsilon)
    y = y if gamma is None else y * gamma
    return y if beta is None else y + beta
