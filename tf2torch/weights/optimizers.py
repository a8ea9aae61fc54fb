"""Optimizer state of a checkpoint in a torch optimizer, so that training goes on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from tf2torch.weights import inverses, layout
from tf2torch.weights.checkpoint import Array, Checkpoint
from tf2torch.weights.convert import FILE, as_checkpoint, as_map
from tf2torch.weights.errors import CheckpointError
from tf2torch.weights.maps import WeightMap, root_name
from tf2torch.weights.report import Report, Row, report_text
from tf2torch.weights.slots import Slots, slots_of
from tf2torch.weights.sources import Sources, sources
from tf2torch.weights.tensors_torch import as_tensor

_ADAM = {"m": "exp_avg", "v": "exp_avg_sq", "adam_m": "exp_avg", "adam_v": "exp_avg_sq"}
_DELTA = {"accum": "square_avg", "accum_update": "acc_delta"}
#: Class of the torch optimizer -> names of its state by TensorFlow's slots, whether it counts.
STATES: dict[str, tuple[dict[str, str], bool]] = {
    "Adam": (_ADAM, True),
    "AdamW": (_ADAM, True),
    "TFAdam": (_ADAM, True),
    "TFLazyAdam": (_ADAM, True),
    "SGD": ({"accum": "momentum_buffer"}, False),
    "TFMomentum": ({"accum": "momentum_buffer"}, False),
    "TFRMSProp": (
        {
            "ms": "mean_square",
            "mom": "momentum_buffer",
            "mg": "mean_gradient",
            "rms": "mean_square",
            "momentum": "momentum_buffer",
        },
        False,
    ),  # fmt: skip
    # Keras's, which adds epsilon outside of the root where it has no momentum.
    "RMSprop": ({"rms": "square_avg", "mg": "grad_avg"}, True),
    "Adagrad": ({"accum": "sum"}, True),
    "TFAdagrad": ({"accum": "sum"}, False),
    "Adadelta": (_DELTA, True),
    "TFAdadelta": (_DELTA, False),
    "TFFtrl": ({"accum": "accumulator", "linear": "linear"}, False),
}
#: The smallest power of a beta that still tells how many factors it has.
SMALLEST_POWER = 1e-30


def load_optimizer(
    optimizer: Any,
    module: Any,
    path: FILE | Checkpoint,
    weights: FILE | WeightMap | Mapping[str, Any],
    *,
    scheduler: Any = None,
    name: str | None = None,
    partial: bool = False,
) -> Report:
    """Gives a torch optimizer the slots and the step count that a checkpoint has.

    `module` holds the parameters; `name` is its name in the map. The optimizer keeps its own
    hyperparameters, but for the rate, which is that of `scheduler` at the checkpoint's step.
    Raises CheckpointError, with nothing changed, where a parameter has no state, or `partial`.
    """
    weights = as_map(weights)
    name = root_name(module, weights, name)
    checkpoint = as_checkpoint(path)
    weights = weights.of_graph(name).with_rounds(checkpoint)
    kind = type(optimizer).__name__
    if kind not in STATES:
        raise CheckpointError(checkpoint.path, f"state for {kind} is not known")
    found = sources(checkpoint, weights)
    slots = slots_of(checkpoint, found.variables(weights))
    keys = weights.of_keys(name)
    own = {id(p): key for key, p in module.named_parameters(remove_duplicate=False)}
    rows: list[Row] = []
    states: list[tuple[Any, dict[str, Any]]] = []
    for group in optimizer.param_groups:
        _refuse(checkpoint, kind, group)
        for parameter in group["params"]:
            key = own.get(id(parameter), "")
            parts = keys.get(key)
            if parts is None:
                rows.append(Row("MISSING", key or "a parameter", "the map has no variable for it"))
                continue
            state = _state(checkpoint, found, slots, kind, group, key, parts, rows)
            if state:
                _check_shapes(checkpoint, key, parameter, state)
                states.append((parameter, state))
    report = Report(tuple(rows))
    if not (report.complete or partial):
        text = f"its optimizer state was not loaded:\n{report_text(report)}"
        raise CheckpointError(checkpoint.path, text)
    step = _steps_taken(checkpoint, slots, optimizer, scheduler)
    for parameter, state in states:
        placed = {
            label: value if label == "step" else value.to(parameter.device, parameter.dtype)
            for label, value in state.items()
        }
        optimizer.state[parameter] = placed
    if scheduler is not None and step is not None:
        move_scheduler(scheduler, step)
    return report


def _refuse(checkpoint: Checkpoint, kind: str, group: Mapping[str, Any]) -> None:
    if group.get("amsgrad"):
        raise CheckpointError(checkpoint.path, f"has no state for {kind} with amsgrad")
    if kind == "RMSprop" and group.get("momentum"):
        text = "TensorFlow's momentum holds the learning rate, that of RMSprop does not"
        raise CheckpointError(checkpoint.path, text, help="TFRMSProp of tf1_support.py has it")


def _state(
    checkpoint: Checkpoint,
    found: Sources,
    slots: Slots,
    kind: str,
    group: Mapping[str, Any],
    key: str,
    parts: list[tuple[str, Any]],
    rows: list[Row],
) -> dict[str, Any]:
    """The state of one parameter, its slots joined and laid out like the variables."""
    names, counts = STATES[kind]
    owners = [found.names.get(name, name) for name, _ in parts]
    kinds = set.intersection(*(set(slots.of.get(owner, ())) for owner in owners))
    wanted = _wanted(kind, group)
    have = {names[slot]: slot for slot in kinds if slot in names}
    lacking = sorted(wanted - set(have))
    if lacking:
        text = f"{owners[0]} has no slot for {', '.join(lacking)}"
        rows.append(Row("MISSING", key, text))
        return {}
    state: dict[str, Any] = {}
    for label, slot in have.items():
        if label not in wanted:
            continue
        values: list[tuple[Any, Array]] = [
            (inverses.without_bias(steps), checkpoint[slots.of[owner][slot]])
            for owner, (_, steps) in zip(owners, parts)
        ]
        try:
            state[label] = as_tensor(layout.join(values))
        except layout.LayoutError as error:
            rows.append(Row("MISMATCH", key, f"slot {slot}: {error}"))
            return {}
    if counts and state:
        steps_taken = count_of(checkpoint, slots, owners[0], group)
        if steps_taken is None:
            rows.append(Row("MISSING", key, "neither beta powers nor a global step"))
            return {}
        state["step"] = torch.tensor(float(steps_taken), dtype=torch.float32)
    if wanted:
        rows.append(Row("OK", key, ", ".join(sorted(state))))
    return state


def _wanted(kind: str, group: Mapping[str, Any]) -> set[str]:
    """State that the optimizer reads with these options."""
    every = set(STATES[kind][0].values())
    if kind == "SGD" and not group.get("momentum"):
        return set()
    if kind == "TFRMSProp" and not group.get("centered"):
        every.discard("mean_gradient")
    if kind == "RMSprop" and not group.get("centered"):
        every.discard("grad_avg")
    return every


def _check_shapes(
    checkpoint: Checkpoint, key: str, parameter: Any, state: Mapping[str, Any]
) -> None:
    for label, value in state.items():
        if label != "step" and value.shape != parameter.shape:
            text = f"its {label} is {list(value.shape)}, the parameter {list(parameter.shape)}"
            raise CheckpointError(checkpoint.path, text, key)


# Steps


def count_of(
    checkpoint: Checkpoint, slots: Slots, variable: str, group: Mapping[str, Any]
) -> int | None:
    """Updates that the optimizer has made: from its beta powers, else from the global step."""
    step = _global_step(checkpoint, slots)
    estimate = None
    for number, beta in enumerate(group.get("betas", ()), 1):
        name = _power_name(checkpoint, slots, variable, f"beta{number}_power")
        if name is None:
            continue
        power = float(checkpoint[name])
        if not 0 < beta < 1 or not SMALLEST_POWER < power < 1:
            continue
        estimate = math.log(power) / math.log(np.float32(beta)) - 1
        break
    if estimate is None:
        powers = slots.powers.get("beta1_power")
        # Powers too small to count mean that bias correction is over.
        return step if step is not None else 1_000_000 if powers else None
    near = step is not None and abs(step - estimate) <= max(1.0, 1e-3 * estimate)
    return step if near and step is not None else max(round(estimate), 0)


def _power_name(checkpoint: Checkpoint, slots: Slots, variable: str, power: str) -> str | None:
    own = slots.power_of.get(variable, {}).get(power)
    if own is not None:
        return own
    names = slots.powers.get(power, [])
    if len({float(checkpoint[name]) for name in names}) > 1:
        text = f"several optimizers: {', '.join(names)}"
        help = "keep the .meta file beside the checkpoint; it tells which is whose"
        raise CheckpointError(checkpoint.path, text, variable, help)
    return names[0] if names else None


def _global_step(checkpoint: Checkpoint, slots: Slots) -> int | None:
    return int(checkpoint[slots.step]) if slots.step is not None else None


def _steps_taken(
    checkpoint: Checkpoint, slots: Slots, optimizer: Any, scheduler: Any
) -> int | None:
    step = _global_step(checkpoint, slots)
    if step is None and scheduler is not None:
        step = count_of(checkpoint, slots, "", optimizer.param_groups[0])
        if step is None:
            text = "has no global step for the scheduler"
            raise CheckpointError(checkpoint.path, text)
    return step


def move_scheduler(scheduler: Any, step: int) -> None:
    """Puts a scheduler where it is after so many steps, and the rates with it."""
    scheduler.last_epoch = step
    scheduler._step_count = step + 1
    if isinstance(scheduler, torch.optim.lr_scheduler.LambdaLR):
        rates = [base * f(step) for base, f in zip(scheduler.base_lrs, scheduler.lr_lambdas)]
    elif hasattr(scheduler, "_get_closed_form_lr"):
        rates = scheduler._get_closed_form_lr()
    else:
        name = type(scheduler).__name__
        raise CheckpointError(name, "cannot be put at a step; only schedules of the step can")
    for group, rate in zip(scheduler.optimizer.param_groups, rates):
        group["lr"] = rate
    scheduler._last_lr = rates
