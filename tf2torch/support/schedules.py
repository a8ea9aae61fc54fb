"""Learning-rate schedules as functions of the step, and moving averages, as tf.train has them.

A schedule gives the learning rate itself. torch.optim.lr_scheduler.LambdaLR wants a factor:
LambdaLR(optimizer, lambda step: exponential_decay(0.1, step, 100, 0.9) / 0.1).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import nn


def exponential_decay(
    learning_rate: float,
    global_step: float,
    decay_steps: float,
    decay_rate: float,
    staircase: bool = False,
) -> float:
    """tf.train.exponential_decay: learning_rate * decay_rate ** (global_step / decay_steps)."""
    periods = global_step / decay_steps
    return learning_rate * decay_rate ** (math.floor(periods) if staircase else periods)


def natural_exp_decay(
    learning_rate: float,
    global_step: float,
    decay_steps: float,
    decay_rate: float,
    staircase: bool = False,
) -> float:
    """tf.train.natural_exp_decay: learning_rate * exp(-decay_rate * global_step / decay_steps)."""
    periods = global_step / decay_steps
    return learning_rate * math.exp(-decay_rate * (math.floor(periods) if staircase else periods))


def inverse_time_decay(
    learning_rate: float,
    global_step: float,
    decay_steps: float,
    decay_rate: float,
    staircase: bool = False,
) -> float:
    """tf.train.inverse_time_decay: learning_rate / (1 + decay_rate * global_step / decay_steps)."""
    periods = global_step / decay_steps
    return learning_rate / (1 + decay_rate * (math.floor(periods) if staircase else periods))


def polynomial_decay(
    learning_rate: float,
    global_step: float,
    decay_steps: float,
    end_learning_rate: float = 0.0001,
    power: float = 1.0,
    cycle: bool = False,
) -> float:
    """tf.train.polynomial_decay: down to end_learning_rate; cycle starts over, each time longer."""
    if cycle:
        decay_steps *= max(1, math.ceil(global_step / decay_steps))
    remaining = 1 - min(global_step, decay_steps) / decay_steps
    return (learning_rate - end_learning_rate) * remaining**power + end_learning_rate


def piecewise_constant(
    global_step: float, boundaries: Sequence[float], values: Sequence[float]
) -> float:
    """tf.train.piecewise_constant: values[0] while global_step <= boundaries[0], and so on."""
    return values[sum(global_step > boundary for boundary in boundaries)]


def cosine_decay(
    learning_rate: float, global_step: float, decay_steps: float, alpha: float = 0.0
) -> float:
    """tf.train.cosine_decay: half a cosine, then constant at alpha * learning_rate."""
    cosine = 0.5 * (1 + math.cos(math.pi * min(global_step, decay_steps) / decay_steps))
    return learning_rate * ((1 - alpha) * cosine + alpha)


def cosine_decay_restarts(
    learning_rate: float,
    global_step: float,
    first_decay_steps: float,
    t_mul: float = 2.0,
    m_mul: float = 1.0,
    alpha: float = 0.0,
) -> float:
    """tf.train.cosine_decay_restarts: each period t_mul times longer and m_mul times as high."""
    done = global_step / first_decay_steps
    if t_mul == 1:
        restarts = math.floor(done)
        done -= restarts
    else:
        restarts = math.floor(math.log(1 - done * (1 - t_mul)) / math.log(t_mul))
        done = (done - (1 - t_mul**restarts) / (1 - t_mul)) / t_mul**restarts
    cosine = 0.5 * m_mul**restarts * (1 + math.cos(math.pi * done))
    return learning_rate * ((1 - alpha) * cosine + alpha)


def linear_cosine_decay(
    learning_rate: float,
    global_step: float,
    decay_steps: float,
    num_periods: float = 0.5,
    alpha: float = 0.0,
    beta: float = 0.001,
) -> float:
    """tf.train.linear_cosine_decay: a linear decay times a cosine, plus beta."""
    done = min(global_step, decay_steps) / decay_steps
    cosine = 0.5 * (1 + math.cos(math.pi * 2 * num_periods * done))
    return learning_rate * ((alpha + 1 - done) * cosine + beta)


class ExponentialMovingAverage(nn.Module):
    """tf.train.ExponentialMovingAverage: shadow -= (1 - decay) * (shadow - value).

    The shadow of a parameter starts at its initial value; the shadow of any other tensor starts at
    zero (give it with add). With num_updates the decay is min(decay, (1 + n) / (10 + n)).
    Call update after optimizer.step(). The shadows are buffers: they are saved with the module.
    """

    def __init__(
        self, decay: float, named_parameters: Iterable[tuple[str, torch.Tensor]] = ()
    ) -> None:
        super().__init__()
        self.decay = decay
        self._tracked: dict[str, torch.Tensor] = {}
        for name, parameter in named_parameters:
            self.add(name, parameter.detach().clone())
            self._tracked[name] = parameter

    def add(self, name: str, initial: torch.Tensor) -> None:
        """Make the shadow of a tensor, with its first value."""
        self.register_buffer(name.replace(".", "_"), initial)

    @torch.no_grad()
    def update(
        self, values: Mapping[str, torch.Tensor] | None = None, num_updates: float | None = None
    ) -> None:
        """Move the shadows towards the parameters, or towards the named tensors given."""
        decay = self.decay
        if num_updates is not None:
            decay = min(decay, (1 + num_updates) / (10 + num_updates))
        for name, value in (self._tracked if values is None else values).items():
            shadow = self.average(name)
            shadow -= (shadow - value) * (1 - decay)

    def average(self, key: str | torch.Tensor) -> torch.Tensor:
        """The shadow of a parameter, or of a tensor by its name."""
        if isinstance(key, torch.Tensor):
            key = next(name for name, value in self._tracked.items() if value is key)
        return self.get_buffer(key.replace(".", "_"))

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Put the averages in the place of the parameters for the time of a with block."""
        kept = {name: value.detach().clone() for name, value in self._tracked.items()}
        with torch.no_grad():
            for name, value in self._tracked.items():
                value.copy_(self.average(name))
        try:
            yield
        finally:
            with torch.no_grad():
                for name, value in self._tracked.items():
                    value.copy_(kept[name])


@torch.no_grad()
def assign_moving_average(
    variable: torch.Tensor,
    value: torch.Tensor | float,
    decay: float,
    biased: torch.Tensor | None = None,
    local_step: torch.Tensor | None = None,
) -> torch.Tensor:
    """moving_averages.assign_moving_average, in place; returns the variable.

    zero_debias=True (TensorFlow's default) keeps two more variables, biased and local_step, both
    from zero: give them, and the variable becomes biased / (1 - decay ** local_step).
    """
    if biased is None or local_step is None:
        return variable.sub_((variable - value) * (1 - decay))
    biased.sub_((biased - value) * (1 - decay))
    local_step.add_(1)
    return variable.copy_(biased / (1 - decay**local_step))


def float_power(base: float, exponent: float) -> float:
    """base ** exponent as floating point has it: zero to a negative power is infinite."""
    return math.inf if base == 0 and exponent < 0 else base**exponent


def float_divide(dividend: float, divisor: float) -> float:
    """dividend / divisor as floating point has it: infinite or not a number for a zero divisor."""
    if divisor == 0:
        return math.nan if dividend == 0 else math.copysign(math.inf, dividend)
    return dividend / divisor
