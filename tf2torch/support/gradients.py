"""Functions with gradients of their own, as custom_gradient and override maps make them."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from types import SimpleNamespace
from typing import Any

import torch


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
