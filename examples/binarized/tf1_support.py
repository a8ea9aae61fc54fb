"""TensorFlow 1 behaviour that PyTorch has no call for, for the converted programs beside this file.

Part of the converted program: written once by its conversion, only what the program uses, and
needing nothing but what it imports. Where PyTorch has a call of almost the same meaning, the
function here keeps TensorFlow's arithmetic, so that the numbers stay those of the original.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from types import SimpleNamespace
from typing import Any

import torch


def boolean_flag(text: str) -> bool:
    """The value of a boolean flag: true, t or 1, false, f or 0."""
    if text.lower() in ("true", "t", "1"):
        return True
    if text.lower() in ("false", "f", "0"):
        return False
    raise ValueError(text)


def custom_gradient(function: Callable[..., Any]) -> Callable[..., Any]:
    """tf.custom_gradient: function returns its value and the function that gives the gradients."""

    class Gradient(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, *inputs: Any) -> Any:
            value, ctx.gradient = function(*inputs)
            ctx.differentiable = [isinstance(item, torch.Tensor) for item in inputs]
            return value if isinstance(value, torch.Tensor) else tuple(value)

        @staticmethod
        def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
            given = ctx.gradient(*gradients)
            remaining = iter(given if isinstance(given, (list, tuple)) else [given])
            return tuple(next(remaining) if tensor else None for tensor in ctx.differentiable)

    @wraps(function)
    def call(*inputs: Any) -> Any:
        return Gradient.apply(*inputs)

    return call


def override_gradient(
    function: Callable[..., torch.Tensor], gradient: Callable[..., Any]
) -> Callable[..., Any]:
    """function with gradient(op, grad) for its gradient, as under gradient_override_map."""

    @custom_gradient
    def overridden(*inputs: Any) -> Any:
        value = function(*inputs)
        op = SimpleNamespace(inputs=inputs, outputs=[value])
        return value, lambda *gradients: gradient(op, *gradients)

    return overridden


def compute_gradients(
    loss: torch.Tensor, parameters: Iterable[torch.Tensor], create_graph: bool = False
) -> list[tuple[torch.Tensor | None, torch.Tensor]]:
    """tf.train.Optimizer.compute_gradients: pairs of a gradient and its parameter.

    The gradient is None where the loss does not depend on the parameter.
    """
    kept = list(parameters)
    gradients = torch.autograd.grad(
        loss, kept, retain_graph=True, create_graph=create_graph, allow_unused=True
    )
    return list(zip(gradients, kept, strict=True))


def global_norm(gradients: Iterable[torch.Tensor | None]) -> torch.Tensor:
    """tf.global_norm: the 2-norm of all gradients together; None counts as nothing.

    The repeated rows of a sparse gradient count one by one, as in TensorFlow's IndexedSlices.
    """
    values = [g._values() if g.is_sparse else g for g in gradients if g is not None]
    return torch.stack([value.square().sum() for value in values]).sum().sqrt()
