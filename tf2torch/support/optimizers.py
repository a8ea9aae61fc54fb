"""TensorFlow 1's optimizers where torch.optim's arithmetic differs, and gradient clipping.

Each takes dense gradients and row-sparse ones (nn.Embedding(sparse=True)); TensorFlow updates only
the looked-up rows of the latter, and so do these, unless a class says otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
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


class TFMomentum(TFOptimizer):
    """tf.train.MomentumOptimizer: torch.optim.SGD's arithmetic, rows without gradient untouched.

    accumulator = momentum * accumulator + g; p -= lr * accumulator, or with Nesterov
    lr * (g + momentum * accumulator) (training_ops.cc, ApplyMomentum).
    """

    def __init__(
        self, params: Iterable, lr: float, momentum: float = 0.9, nesterov: bool = False
    ) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "nesterov": nesterov})

    def update(
        self, parameter: Any, rows: Any, gradient: torch.Tensor, group: dict, state: dict
    ) -> None:
        if not state:
            state["momentum_buffer"] = torch.zeros_like(parameter)
        accumulator = group["momentum"] * state["momentum_buffer"][rows] + gradient
        state["momentum_buffer"][rows] = accumulator
        if group["nesterov"]:
            accumulator = gradient + group["momentum"] * accumulator
        parameter[rows] -= group["lr"] * accumulator


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


class TFAdam(TFOptimizer):
    """tf.train.AdamOptimizer: epsilon is added before the bias correction.

    p -= lr * sqrt(1 - beta2 ** t) / (1 - beta1 ** t) * m / (sqrt(v) + epsilon); a row-sparse
    gradient still decays m and v of every row and moves every row (adam.py, _apply_sparse_shared).
    """

    def __init__(
        self,
        params: Iterable,
        lr: float = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
    ) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps})

    def update(
        self, parameter: Any, rows: Any, gradient: torch.Tensor, group: dict, state: dict
    ) -> None:
        if rows is not ...:
            rows, gradient = ..., parameter.grad.to_dense()
        self.update_rows(parameter, rows, gradient, group, state)

    def update_rows(
        self, parameter: Any, rows: Any, gradient: torch.Tensor, group: dict, state: dict
    ) -> None:
        """Update parameter[rows] alone."""
        if not state:
            state["step"] = 0
            state["exp_avg"] = torch.zeros_like(parameter)
            state["exp_avg_sq"] = torch.zeros_like(parameter)
        state["step"] += 1
        beta1, beta2 = group["betas"]
        mean = state["exp_avg"][rows].lerp(gradient, 1 - beta1)
        mean_square = state["exp_avg_sq"][rows].lerp(gradient.square(), 1 - beta2)
        state["exp_avg"][rows] = mean
        state["exp_avg_sq"][rows] = mean_square
        steps = int(state["step"])
        lr = group["lr"] * math.sqrt(1 - beta2**steps) / (1 - beta1**steps)
        parameter[rows] -= lr * mean / (mean_square.sqrt() + group["eps"])


class TFLazyAdam(TFAdam):
    """tf.contrib.opt.LazyAdamOptimizer: Adam that touches only the looked-up rows."""

    def update(
        self, parameter: Any, rows: Any, gradient: torch.Tensor, group: dict, state: dict
    ) -> None:
        self.update_rows(parameter, rows, gradient, group, state)


class TFAdadelta(TFOptimizer):
    """tf.train.AdadeltaOptimizer, also for row-sparse gradients (torch's takes dense ones only).

    update = g * sqrt(mean_update + epsilon) / sqrt(mean_square + epsilon); p -= lr * update.
    """

    def __init__(
        self, params: Iterable, lr: float = 0.001, rho: float = 0.95, eps: float = 1e-8
    ) -> None:
        super().__init__(params, {"lr": lr, "rho": rho, "eps": eps})

    def update(
        self, parameter: Any, rows: Any, gradient: torch.Tensor, group: dict, state: dict
    ) -> None:
        if not state:
            state["square_avg"] = torch.zeros_like(parameter)
            state["acc_delta"] = torch.zeros_like(parameter)
        rho, eps = group["rho"], group["eps"]
        mean_square = rho * state["square_avg"][rows] + (1 - rho) * gradient.square()
        mean_update = state["acc_delta"][rows]
        change = (mean_update + eps).sqrt() * torch.rsqrt(mean_square + eps) * gradient
        state["square_avg"][rows] = mean_square
        state["acc_delta"][rows] = rho * mean_update + (1 - rho) * change.square()
        parameter[rows] -= group["lr"] * change


class TFFtrl(TFOptimizer):
    """tf.train.FtrlOptimizer: FTRL-proximal, which torch lacks.

    The parameter is recomputed from the accumulated linear term, so one with zero gradients
    becomes zero at the first step (training_ops.cc, ApplyFtrl; McMahan et al., 2013).
    """

    def __init__(
        self,
        params: Iterable,
        lr: float,
        learning_rate_power: float = -0.5,
        initial_accumulator_value: float = 0.1,
        l1: float = 0.0,
        l2: float = 0.0,
        l2_shrinkage: float = 0.0,
    ) -> None:
        defaults = {
            "lr": lr,
            "learning_rate_power": learning_rate_power,
            "initial_accumulator_value": initial_accumulator_value,
            "l1": l1,
            "l2": l2,
            "l2_shrinkage": l2_shrinkage,
        }
        super().__init__(params, defaults)

    def update(
        self, parameter: Any, rows: Any, gradient: torch.Tensor, group: dict, state: dict
    ) -> None:
        if not state:
            start = group["initial_accumulator_value"]
            state["accumulator"] = torch.full_like(parameter, start)
            state["linear"] = torch.zeros_like(parameter)
        power, lr = -group["learning_rate_power"], group["lr"]
        old, value = state["accumulator"][rows], parameter[rows]
        new = old + gradient.square()
        pull = gradient + 2 * group["l2_shrinkage"] * value
        linear = state["linear"][rows] + pull - (new**power - old**power) / lr * value
        quadratic = new**power / lr + 2 * group["l2"]
        shrunk = (linear.sign() * group["l1"] - linear) / quadratic
        state["accumulator"][rows] = new
        state["linear"][rows] = linear
        parameter[rows] = torch.where(linear.abs() > group["l1"], shrunk, 0.0)


class TFProximalGradientDescent(TFOptimizer):
    """tf.train.ProximalGradientDescentOptimizer: a gradient step, then the l1/l2 proximal map."""

    def __init__(self, params: Iterable, lr: float, l1: float = 0.0, l2: float = 0.0) -> None:
        super().__init__(params, {"lr": lr, "l1": l1, "l2": l2})

    def update(
        self, parameter: Any, rows: Any, gradient: torch.Tensor, group: dict, state: dict
    ) -> None:
        lr = group["lr"]
        moved = parameter[rows] - lr * gradient
        shrunk = moved.sign() * (moved.abs() - lr * group["l1"]).clamp(min=0)
        parameter[rows] = shrunk / (1 + lr * group["l2"])


class TFProximalAdagrad(TFOptimizer):
    """tf.train.ProximalAdagradOptimizer: Adagrad's step, then the l1/l2 proximal map."""

    def __init__(
        self,
        params: Iterable,
        lr: float,
        initial_accumulator_value: float = 0.1,
        l1: float = 0.0,
        l2: float = 0.0,
    ) -> None:
        start = initial_accumulator_value
        defaults = {"lr": lr, "initial_accumulator_value": start, "l1": l1, "l2": l2}
        super().__init__(params, defaults)

    def update(
        self, parameter: Any, rows: Any, gradient: torch.Tensor, group: dict, state: dict
    ) -> None:
        if not state:
            start = group["initial_accumulator_value"]
            state["sum"] = torch.full_like(parameter, start)
        total = state["sum"][rows] + gradient.square()
        state["sum"][rows] = total
        lr = group["lr"] * torch.rsqrt(total)
        moved = parameter[rows] - lr * gradient
        shrunk = moved.sign() * (moved.abs() - lr * group["l1"]).clamp(min=0)
        parameter[rows] = shrunk / (1 + lr * group["l2"])


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


def clip_by_global_norm(
    gradients: Sequence[torch.Tensor | None],
    clip_norm: float | torch.Tensor,
    use_norm: torch.Tensor | None = None,
    sparse: bool = False,
) -> tuple[list[torch.Tensor | None], torch.Tensor]:
    """tf.clip_by_global_norm: g * clip_norm / max(norm, clip_norm), and the norm.

    torch.nn.utils.clip_grad_norm_ adds 1e-6 to the norm; an infinite norm gives NaN here. Sparse
    gradients become dense after their norm is taken, or stay `sparse`.
    """
    norm = global_norm(gradients) if use_norm is None else use_norm
    scale = clip_norm * torch.minimum(1 / norm, 1 / torch.as_tensor(clip_norm).to(norm))
    scale = torch.where(norm.isfinite(), scale, math.nan)
    clipped = [None if g is None else _each_value(g, lambda v: v * scale) for g in gradients]
    return [g if sparse or g is None else _dense(g) for g in clipped], norm


def _each_value(x: torch.Tensor, change: Callable[[torch.Tensor], torch.Tensor]) -> torch.Tensor:
    """change(x); of a sparse tensor each row by itself, before repeated rows are added up."""
    if not x.is_sparse:
        return change(x)
    return torch.sparse_coo_tensor(x._indices(), change(x._values()), x.shape)


def _dense(x: torch.Tensor) -> torch.Tensor:
    return x.to_dense() if x.is_sparse else x


def clip_gradient_by_value(
    x: torch.Tensor, low: float, high: float, sparse: bool = False
) -> torch.Tensor:
    """tf.clip_by_value of a gradient, which may be sparse; it becomes dense or stays `sparse`."""
    clipped = _each_value(x, lambda values: torch.clamp(values, low, high))
    return clipped if sparse else _dense(clipped)


def clip_by_norm(
    x: torch.Tensor, clip_norm: float, axes: Any = None, sparse: bool = False
) -> torch.Tensor:
    """tf.clip_by_norm: x * clip_norm / max(norm, clip_norm), over all axes or over some.

    A zero norm gets no NaN gradient. Sparse gradients become dense after that, or stay `sparse`.
    """
    if x.is_sparse:
        clipped = _each_value(x, lambda values: clip_by_norm(values, clip_norm, axes))
        return clipped if sparse else _dense(clipped)
    square = x.square().sum() if axes is None else x.square().sum(dim=axes, keepdim=True)
    norm = torch.where(square > 0, torch.where(square > 0, square, 1.0).sqrt(), square)
    return x * clip_norm / torch.where(norm >= clip_norm, norm, clip_norm)
