"""TensorFlow 1 behaviour that PyTorch has no call for, for the converted programs beside this file.

Part of the converted program: written once by its conversion, only what the program uses, and
needing nothing but what it imports. Where PyTorch has a call of almost the same meaning, the
function here keeps TensorFlow's arithmetic, so that the numbers stay those of the original.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch


def _rows_and_gradient(gradient: torch.Tensor) -> tuple[Any, torch.Tensor]:
    """The rows that a gradient touches (all of them for a dense one) and its values there.

    Repeated rows are summed first, as TensorFlow does.
    """
    if not gradient.is_sparse:
        return ..., gradient
    gradient = gradient.coalesce()
    return gradient.indices()[0], gradient.values()


class TFOptimizer(torch.optim.Optimizer):
    """Calls update(parameter, rows, gradient, group, state) for each parameter with a gradient."""

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One update of every parameter; parameters without gradient stay, as in TensorFlow."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    rows, gradient = _rows_and_gradient(parameter.grad)
                    self.update(parameter, rows, gradient, group, self.state[parameter])
        return loss

    def update(
        self, parameter: Any, rows: Any, gradient: torch.Tensor, group: dict, state: dict
    ) -> None:
        """Update parameter[rows] in place."""
        raise NotImplementedError


class TFRMSProp(TFOptimizer):
    """tf.train.RMSPropOptimizer: mean square from one, epsilon in the root, lr in the momentum.

    mean_square += (g ** 2 - mean_square) * (1 - decay);
    buffer = momentum * buffer + lr * g / sqrt(mean_square [- mean_gradient ** 2] + epsilon);
    p -= buffer (training_ops.cc, ApplyRMSProp and ApplyCenteredRMSProp).
    """

    def __init__(
        self,
        params: Iterable,
        lr: float,
        decay: float = 0.9,
        momentum: float = 0.0,
        eps: float = 1e-10,
        centered: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "decay": decay,
            "momentum": momentum,
            "eps": eps,
            "centered": centered,
        }
        super().__init__(params, defaults)

    def update(
        self, parameter: Any, rows: Any, gradient: torch.Tensor, group: dict, state: dict
    ) -> None:
        if not state:
            state["mean_square"] = torch.ones_like(parameter)
            state["momentum_buffer"] = torch.zeros_like(parameter)
            if group["centered"]:
                state["mean_gradient"] = torch.zeros_like(parameter)
        fresh = 1 - group["decay"]
        mean_square = state["mean_square"][rows].lerp(gradient.square(), fresh)
        state["mean_square"][rows] = mean_square
        variance = mean_square
        if group["centered"]:
            mean_gradient = state["mean_gradient"][rows].lerp(gradient, fresh)
            state["mean_gradient"][rows] = mean_gradient
            variance = mean_square - mean_gradient.square()
        change = group["lr"] * gradient * torch.rsqrt(variance + group["eps"])
        buffer = group["momentum"] * state["momentum_buffer"][rows] + change
        state["momentum_buffer"][rows] = buffer
        parameter[rows] -= buffer
