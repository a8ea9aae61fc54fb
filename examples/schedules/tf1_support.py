"""TensorFlow 1 behaviour that PyTorch has no call for, for the converted programs beside this file.

Part of the converted program: written once by its conversion, only what the program uses, and
needing nothing but what it imports. Where PyTorch has a call of almost the same meaning, the
function here keeps TensorFlow's arithmetic, so that the numbers stay those of the original.
"""

from __future__ import annotations

import math
import os
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from glob import escape as glob_escape
from glob import glob
from typing import Any, NamedTuple

import torch
from torch import nn

CHECKPOINT_SUFFIX = ".pt"

TRAINING_SUFFIX = ".training.pt"


class CheckpointState(NamedTuple):
    """What a `checkpoint` file says: the latest checkpoint, and all, oldest first."""

    model_checkpoint_path: str
    all_model_checkpoint_paths: list[str]


class CheckpointSaver:
    """tf.train.Saver over state dicts: writes PATH-STEP.pt and keeps the last max_to_keep.

    Paths are given and returned as in TensorFlow, without the suffix. max_to_keep of zero or None
    keeps all.
    """

    def __init__(
        self, max_to_keep: int | None = 5, keep_checkpoint_every_n_hours: float = 10000.0
    ) -> None:
        self.max_to_keep = max_to_keep
        self.last_checkpoints: list[str] = []
        self._times: dict[str, float] = {}
        self._interval = keep_checkpoint_every_n_hours * 3600
        self._next_kept = time.time() + self._interval

    def save(
        self,
        state: Mapping[str, Any],
        save_path: str | os.PathLike[str],
        global_step: Any = None,
        latest_filename: str = "checkpoint",
        training: Mapping[str, Any] | None = None,
    ) -> str:
        """Write a checkpoint and the `checkpoint` file; returns its path.

        training is the state of optimizers and the like; it goes to a file of its own beside.
        """
        path = os.fspath(save_path)
        if global_step is not None:
            path = f"{path}-{int(global_step)}"
        torch.save(dict(state), path + CHECKPOINT_SUFFIX)
        if training is not None:
            torch.save(dict(training), path + TRAINING_SUFFIX)
        if path in self.last_checkpoints:
            self.last_checkpoints.remove(path)
        self.last_checkpoints.append(path)
        self._times[path] = time.time()
        if self.max_to_keep and len(self.last_checkpoints) > self.max_to_keep:
            oldest = self.last_checkpoints.pop(0)
            if self._times.pop(oldest) > self._next_kept:
                self._next_kept += self._interval
            else:
                for suffix in (CHECKPOINT_SUFFIX, TRAINING_SUFFIX):
                    if os.path.exists(oldest + suffix):
                        os.remove(oldest + suffix)
        folder = os.path.dirname(path)
        kept = self.last_checkpoints if self.max_to_keep else [path]
        write_checkpoint_state(folder, path, kept, latest_filename)
        return path

    def restore(self, save_path: str | os.PathLike[str], device: Any = "cpu") -> dict[str, Any]:
        """The state of a checkpoint, by the path that save returned."""
        return load_checkpoint(save_path, device)


def load_checkpoint(path: str | os.PathLike[str], device: Any = "cpu") -> dict[str, Any]:
    """The state of a checkpoint, with or without the suffix."""
    name = os.fspath(path)
    name = name if name.endswith(CHECKPOINT_SUFFIX) else name + CHECKPOINT_SUFFIX
    return torch.load(name, map_location=device, weights_only=True)


def checkpoint_exists(path: str | os.PathLike[str]) -> bool:
    """tf.train.checkpoint_exists."""
    return os.path.exists(os.fspath(path) + CHECKPOINT_SUFFIX)


def write_checkpoint_state(
    folder: str, latest: str, paths: list[str], latest_filename: str = "checkpoint"
) -> None:
    """Write the `checkpoint` file; relative paths are relative to its folder."""

    def shown(path: str) -> str:
        return path if os.path.isabs(path) else os.path.relpath(path, folder or ".")

    paths = paths if latest in paths else [*paths, latest]
    lines = [f'model_checkpoint_path: "{shown(latest)}"']
    lines += [f'all_model_checkpoint_paths: "{shown(path)}"' for path in paths]
    with open(os.path.join(folder, latest_filename), "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


def get_checkpoint_state(
    checkpoint_dir: str | os.PathLike[str], latest_filename: str | None = None
) -> CheckpointState | None:
    """tf.train.get_checkpoint_state: what the `checkpoint` file says, or None.

    Without that file it is the files that are there, the latest last.
    """
    folder = os.fspath(checkpoint_dir)
    try:
        with open(os.path.join(folder, latest_filename or "checkpoint"), encoding="utf-8") as file:
            text = file.read()
    except OSError:
        names = glob(os.path.join(glob_escape(folder), f"*{CHECKPOINT_SUFFIX}"))
        names = [name for name in names if not name.endswith(TRAINING_SUFFIX)]
        paths = [n.removesuffix(CHECKPOINT_SUFFIX) for n in sorted(names, key=os.path.getmtime)]
        return CheckpointState(paths[-1], paths) if paths else None
    found: dict[str, list[str]] = {"model": [], "all_model": []}
    for kind, path in re.findall(r'^(model|all_model)_checkpoint_paths?: "(.*)"$', text, re.M):
        found[kind].append(path if os.path.isabs(path) else os.path.join(folder, path))
    return CheckpointState(found["model"][0], found["all_model"]) if found["model"] else None


def latest_checkpoint(
    checkpoint_dir: str | os.PathLike[str], latest_filename: str | None = None
) -> str | None:
    """tf.train.latest_checkpoint: the path of the latest checkpoint of a folder, or None."""
    state = get_checkpoint_state(checkpoint_dir, latest_filename)
    if state is not None and checkpoint_exists(state.model_checkpoint_path):
        return state.model_checkpoint_path
    return None


def one_hot(
    indices: Any,
    depth: int,
    on_value: Any = None,
    off_value: Any = None,
    axis: int | None = None,
    dtype: torch.dtype | None = None,
) -> torch.Tensor:
    """One-hot vectors along a new axis; an index out of range gives only off_value."""
    indices = torch.as_tensor(indices)
    hit = indices.unsqueeze(-1) == torch.arange(int(depth), device=indices.device)
    if on_value is None and off_value is None:
        result = hit.to(dtype or torch.float32)
    else:
        on, off = 1 if on_value is None else on_value, 0 if off_value is None else off_value
        result = torch.where(hit, on, off)
        result = result if dtype is None else result.to(dtype)
    return result if axis in (None, -1) else result.movedim(-1, axis)


def _fans(tensor: torch.Tensor, layout: str) -> tuple[int, int]:
    """Fan in and fan out of a weight in torch's layout (OIHW) or TensorFlow's (HWIO)."""
    shape = tuple(tensor.shape)
    if len(shape) < 2:
        return (shape or (1,)) * 2  # type: ignore[return-value]
    if layout == "HWIO":
        shape = (shape[-1], shape[-2], *shape[:-2])
    window = math.prod(shape[2:])
    return shape[1] * window, shape[0] * window


def variance_scaling_(
    tensor: torch.Tensor,
    scale: float = 1.0,
    mode: str = "fan_in",
    distribution: str = "truncated_normal",
    layout: str = "OIHW",
    corrected: bool = True,
) -> torch.Tensor:
    """Draws of variance scale / fan, like tf.variance_scaling_initializer.

    A truncated normal is cut at two standard deviations, which shrinks its own by 0.8796;
    TensorFlow's core initializers correct for that, those of tf.contrib do not.
    """
    fan_in, fan_out = _fans(tensor, layout)
    fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[mode]
    variance = scale / max(fan, 1)
    if distribution == "uniform":
        limit = math.sqrt(3 * variance)
        return nn.init.uniform_(tensor, -limit, limit)
    std = math.sqrt(variance)
    if distribution == "untruncated_normal":
        return nn.init.normal_(tensor, std=std)
    if corrected:
        std /= 0.87962566103423978
    return nn.init.trunc_normal_(tensor, std=std, a=-2 * std, b=2 * std)


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
