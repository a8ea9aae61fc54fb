"""What slim offers beside layers with variables: pooling, dropout, stacks of layers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F

from .padding import avg_pool_same, max_pool_same
from .scoped import name_scope
from .scoped_arguments import add_arg_scope, collect_named_outputs
from .scoped_initializers import zeros_initializer
from .scoped_layer import channels_second, each_axis
from .scoped_model_variables import slim_finish, slim_model_variable, slim_scope
from .scoped_scopes import variable_scope


@add_arg_scope
def slim_max_pool2d(
    inputs: torch.Tensor,
    kernel_size: Any,
    stride: Any = 2,
    padding: str = "VALID",
    data_format: str = "NHWC",
    outputs_collections: Any = None,
    scope: str | None = None,
) -> torch.Tensor:
    """slim.max_pool2d and max_pool3d: the rank of the inputs tells which."""
    rank = inputs.dim() - 2
    pool: Any = F.max_pool2d if rank == 2 else F.max_pool3d
    pool = max_pool_same if padding.upper() == "SAME" else pool
    with name_scope(scope, f"MaxPool{rank}D") as opened:
        y = _pooled(
            inputs, pool, each_axis(kernel_size, rank), each_axis(stride, rank), data_format
        )
        return collect_named_outputs(outputs_collections, opened, y)


slim_max_pool3d = add_arg_scope(slim_max_pool2d.__wrapped__)


@add_arg_scope
def slim_avg_pool2d(
    inputs: torch.Tensor,
    kernel_size: Any,
    stride: Any = 2,
    padding: str = "VALID",
    data_format: str = "NHWC",
    outputs_collections: Any = None,
    scope: str | None = None,
) -> torch.Tensor:
    """slim.avg_pool2d and avg_pool3d: the rank of the inputs tells which."""
    rank = inputs.dim() - 2
    pool: Any = F.avg_pool2d if rank == 2 else F.avg_pool3d
    pool = avg_pool_same if padding.upper() == "SAME" else pool
    with name_scope(scope, f"AvgPool{rank}D") as opened:
        y = _pooled(
            inputs, pool, each_axis(kernel_size, rank), each_axis(stride, rank), data_format
        )
        return collect_named_outputs(outputs_collections, opened, y)


slim_avg_pool3d = add_arg_scope(slim_avg_pool2d.__wrapped__)


def _pooled(
    inputs: torch.Tensor,
    pool: Callable[..., torch.Tensor],
    size: tuple[int, ...],
    strides: tuple[int, ...],
    data_format: str,
) -> torch.Tensor:
    x, channels_last = channels_second(inputs, data_format)
    y = pool(x, size, strides)
    return y.movedim(1, -1) if channels_last else y


@add_arg_scope
def slim_dropout(
    inputs: torch.Tensor,
    keep_prob: Any = 0.5,
    noise_shape: Any = None,
    is_training: Any = True,
    outputs_collections: Any = None,
    scope: Any = None,
    seed: int | None = None,
) -> torch.Tensor:
    """slim.dropout; a noise_shape has 1 for the axes that share their draws."""
    with variable_scope(scope, "Dropout") as opened:
        rate = 1 - float(keep_prob)
        y = inputs
        if is_training and noise_shape is None:
            y = F.dropout(inputs, rate)
        elif is_training:
            sizes = zip(noise_shape, inputs.shape, strict=True)
            shape = [n if size is None else int(size) for size, n in sizes]
            y = inputs * F.dropout(inputs.new_ones(shape), rate)
        return collect_named_outputs(outputs_collections, opened.name, y)


@add_arg_scope
def slim_flatten(
    inputs: torch.Tensor, outputs_collections: Any = None, scope: str | None = None
) -> torch.Tensor:
    """slim.flatten: one row for each example."""
    with name_scope(scope, "Flatten") as opened:
        y = inputs.reshape(inputs.shape[0], -1)
        return collect_named_outputs(outputs_collections, opened, y)


@add_arg_scope
def slim_one_hot_encoding(
    labels: torch.Tensor,
    num_classes: int,
    on_value: float = 1.0,
    off_value: float = 0.0,
    outputs_collections: Any = None,
    scope: str | None = None,
) -> torch.Tensor:
    """slim.one_hot_encoding; labels outside the classes are off everywhere."""
    with name_scope(scope, "OneHotEncoding") as opened:
        hit = labels.unsqueeze(-1) == torch.arange(int(num_classes), device=labels.device)
        y = torch.where(hit, on_value, off_value).to(torch.get_default_dtype())
        return collect_named_outputs(outputs_collections, opened, y)


@add_arg_scope
def slim_softmax(logits: torch.Tensor, scope: Any = None) -> torch.Tensor:
    """slim.softmax, over the last axis."""
    with variable_scope(scope, "softmax"):
        return F.softmax(logits, -1)


@add_arg_scope
def slim_bias_add(
    inputs: torch.Tensor,
    activation_fn: Any = None,
    initializer: Any = zeros_initializer,
    regularizer: Any = None,
    reuse: Any = None,
    variables_collections: Any = None,
    outputs_collections: Any = None,
    trainable: bool = True,
    data_format: str = "NHWC",
    scope: Any = None,
) -> torch.Tensor:
    """slim.bias_add."""
    with slim_scope(scope, "BiasAdd", reuse, variables_collections) as opened:
        axis = 1 if data_format == "NCHW" else inputs.dim() - 1
        biases = slim_model_variable(
            "biases", [inputs.shape[axis]], inputs.dtype, initializer, regularizer, trainable
        )
        y = inputs + biases.view(-1, *[1] * (inputs.dim() - 1 - axis))
        return slim_finish(y, opened, activation_fn, outputs_collections)


def slim_repeat(
    inputs: Any, repetitions: int, layer: Callable[..., Any], *args: Any, **kwargs: Any
) -> Any:
    """slim.repeat: one layer several times, in scopes that are numbered from 1."""
    scope = kwargs.pop("scope", None)
    with variable_scope(scope, "Repeat"):
        return _on_top(
            scope or _name_of(layer, "repeat"), layer, [args] * repetitions, inputs, kwargs
        )


def slim_stack(
    inputs: Any, layer: Callable[..., Any], stack_args: Sequence[Any], **kwargs: Any
) -> Any:
    """slim.stack: one layer with several arguments, in scopes that are numbered from 1."""
    if not isinstance(stack_args, (list, tuple)):
        raise ValueError("stack_args need to be a list or tuple")
    scope = kwargs.pop("scope", None)
    calls = [args if isinstance(args, (list, tuple)) else [args] for args in stack_args]
    with variable_scope(scope, "Stack"):
        return _on_top(scope or _name_of(layer, "stack"), layer, calls, inputs, kwargs)


def _on_top(name: str, layer: Any, calls: Sequence[Sequence[Any]], x: Any, options: Any) -> Any:
    for number, args in enumerate(calls, 1):
        x = layer(x, *args, **{**options, "scope": f"{name}_{number}"})
    return x


def _name_of(layer: Any, default: str) -> str:
    """The name of a layer's function in slim, which is part of the names of its variables."""
    name = getattr(layer, "__name__", getattr(getattr(layer, "func", None), "__name__", default))
    return _SLIM_NAMES.get(name, str(name).removeprefix("slim_"))


_SLIM_NAMES = {
    "slim_conv2d": "convolution2d",
    "slim_conv2d_transpose": "convolution2d_transpose",
    "slim_separable_conv2d": "separable_convolution2d",
}
