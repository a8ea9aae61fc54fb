"""What the layers with scoped variables share: their scope, their weights, their convolutions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F

from .padding import same_pad
from .scoped import current_pass
from .scoped_scopes import VariableScope, get_variable_scope, passed_through
from .scoped_variables import get_variable


class ScopedLayer:
    """What a layer makes its weights with."""

    def __init__(self, inputs: torch.Tensor, trainable: bool) -> None:
        self.trainable = trainable
        # under autocast the inputs are narrower than the weights should be
        self.dtype = None if torch.is_autocast_enabled(inputs.device.type) else inputs.dtype

    def weight(
        self,
        name: str,
        shape: Sequence[int],
        initializer: Any,
        regularizer: Any = None,
        constraint: Any = None,
        trainable: bool = True,
    ) -> Any:
        """A variable of the layer; a regularizer counts once for each variable."""
        run = current_pass()
        before = len(run.variable_names)
        variable = get_variable(
            name,
            shape,
            self.dtype,
            initializer,
            trainable=trainable and self.trainable,
            constraint=constraint,
        )
        # a custom getter may return what is no variable: that counts as new each time
        is_new = len(run.variable_names) > before or id(variable) not in run.variable_names
        if regularizer is not None and is_new:
            loss = regularizer(variable)
            if loss is not None:
                path = f"{run.name_scope}/{name}/Regularizer/"
                run.collect("regularization_losses", loss, path)
        return variable

    def bias(
        self, size: Any, initializer: Any, regularizer: Any = None, constraint: Any = None
    ) -> Any:
        """The variable of that name, one number for each output."""
        return self.weight("bias", [int(size)], initializer, regularizer, constraint)

    def output(self, y: torch.Tensor, activation: Any, regularizer: Any) -> torch.Tensor:
        """The activated output; a regularizer of activity is averaged over the batch."""
        y = y if activation is None else activation(y)
        if regularizer is not None:
            loss = regularizer(y)
            if loss is not None:
                path = f"{current_pass().name_scope}/ActivityRegularizer/"
                current_pass().collect("regularization_losses", loss / len(y), path)
        return y


class scoped_layer:
    """The scope of a layer: the name it is given, or its kind with a number.

    It is opened and closed, then entered again, which is how TensorFlow numbers what is within.
    """

    def __init__(
        self, kind: str, inputs: torch.Tensor, name: Any, reuse: Any, trainable: bool
    ) -> None:
        self.layer = ScopedLayer(inputs, trainable)
        self.reuse, self.kind = reuse, kind
        if isinstance(name, VariableScope) or name:
            self.name = name
        else:
            self.name = kind if reuse else None

    def __enter__(self) -> ScopedLayer:
        run = self.run = current_pass()
        self.before = get_variable_scope(), run.name_scope
        scope = passed_through(self.name, self.kind)
        run.scope_counts[scope.name] = run.scope_counts.get(scope.name, 0) + 1
        self.counts = dict(run.scope_counts)
        scope = replace(scope, reuse=self.reuse or scope.reuse)
        run.scope, run.name_scope = scope, scope.original_name_scope.removesuffix("/")
        return self.layer

    def __exit__(self, *error: Any) -> None:
        self.run.scope, self.run.name_scope = self.before
        self.run.scope_counts = self.counts


def separable_convolve(
    x: torch.Tensor,
    depthwise: torch.Tensor,
    pointwise: torch.Tensor | None,
    bias: torch.Tensor | None,
    strides: Any,
    padding: str,
    dilation: Any,
) -> torch.Tensor:
    """A convolution of each channel alone, then one of the channels; kernels as TensorFlow's."""
    rank = x.dim() - 2
    weight = depthwise.permute(-2, -1, *range(rank)).flatten(0, 1).unsqueeze(1)
    first = bias if pointwise is None else None
    y = convolve(x, weight, first, strides, padding, dilation, groups=x.shape[1])
    if pointwise is None:
        return y
    return convolve(y, pointwise.permute(-1, -2, *range(rank)), bias, 1, "valid", 1)


def convolve(
    x: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None,
    strides: Any,
    padding: str,
    dilation: Any,
    groups: int = 1,
) -> torch.Tensor:
    """A convolution of channels-first inputs with TensorFlow's padding."""
    rank = x.dim() - 2
    stride, dilation = each_axis(strides, rank), each_axis(dilation, rank)
    size = tuple(weight.shape[2:])
    if padding.upper() == "SAME":
        x = same_pad(x, size, stride, dilation)
    elif padding.upper() == "CAUSAL":
        x = F.pad(x, (dilation[0] * (size[0] - 1), 0))
    elif padding.upper() != "VALID":
        raise ValueError(f"padding {padding!r}")
    function = (F.conv1d, F.conv2d, F.conv3d)[rank - 1]
    return function(x, weight, bias, stride, 0, dilation, groups)


def channels_second(inputs: torch.Tensor, data_format: str | None) -> tuple[torch.Tensor, bool]:
    """The inputs with channels second, and whether they were last."""
    last = not (data_format == "channels_first" or str(data_format).startswith("NC"))
    return (inputs.movedim(-1, 1) if last else inputs), last


def each_axis(value: Any, rank: int) -> tuple[int, ...]:
    """One number for each axis, from one number or one for each."""
    if isinstance(value, (list, tuple)):
        return tuple(int(size) for size in value) if len(value) > 1 else (int(value[0]),) * rank
    return (int(value),) * rank
