"""Checkpoints with the names, the rotation and the `checkpoint` file of tf.train.Saver."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping
from glob import escape as glob_escape
from glob import glob
from typing import Any, NamedTuple

import torch

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


def restore_slots(optimizer: torch.optim.Optimizer, state: Mapping[str, Any]) -> None:
    """Load an optimizer's slots from its state dict.

    Its learning rate and other settings stay the program's: in TensorFlow they are no variables.
    """
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state["state"]})
