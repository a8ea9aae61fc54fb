"""`--optimizer`: the optimizer's state dict and the schedule's position as a file."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tf2torch.weights.atomic import replacing
from tf2torch.weights.checkpoint import Checkpoint
from tf2torch.weights.errors import CheckpointError
from tf2torch.weights.maps import WeightMap, root_name
from tf2torch.weights.models import Model
from tf2torch.weights.optimizers import count_of, load_optimizer
from tf2torch.weights.report import Report
from tf2torch.weights.slots import Slots, slots_of
from tf2torch.weights.sources import sources

_HELP = "in Python, tf2torch.weights.load_optimizer takes your own optimizer"
#: TensorFlow's optimizer -> torch's, where the map does not say.
_CLASSES = {
    "Adam": "torch.optim.Adam",
    "Momentum": "torch.optim.SGD",
    "Adagrad": "torch.optim.Adagrad",
    "Adadelta": "torch.optim.Adadelta",
    "RMSProp": "TFRMSProp",
    "Ftrl": "TFFtrl",
}
#: torch's option -> number of the training op.
_OPTIONS = {
    "lr": "lr", "eps": "epsilon", "momentum": "momentum", "nesterov": "nesterov", "rho": "rho",
    "decay": "decay", "l1": "l1", "l2": "l2", "l2_shrinkage": "l2_shrinkage",
    "learning_rate_power": "lr_power",
}  # fmt: skip


def write_optimizer(
    checkpoint: Checkpoint,
    weights: WeightMap,
    model: Model,
    output: Path,
    *,
    module: str | None = None,
    force: bool = False,
    partial: bool = False,
) -> Report:
    """Writes `{"optimizer": state dict, "scheduler": its position}` for a model's parameters.

    The parameters are those that are trained, in the model's order; hyperparameters come from the
    graph beside the checkpoint.
    """
    weights = weights.of_graph(root_name(model.module, weights, module))
    slots = slots_of(checkpoint, sources(checkpoint, weights).variables(weights))
    name = _class_name(checkpoint, weights, slots)
    options = _options(checkpoint, slots, name)
    parameters = [p for p in model.module.parameters() if p.requires_grad]
    optimizer = _class(name, model)(parameters, **options)
    report = load_optimizer(
        optimizer, model.module, checkpoint, weights, name=module, partial=partial
    )
    step = int(checkpoint[slots.step]) if slots.step is not None else None
    if step is None:
        step = count_of(checkpoint, slots, "", optimizer.param_groups[0])
    tree: dict[str, Any] = {"optimizer": optimizer.state_dict()}
    if step is not None:
        tree["scheduler"] = {"last_epoch": step, "_step_count": step + 1}
    with replacing([output], force=force) as temporary:
        torch.save(tree, temporary[0])
    return Report(report.rows, (str(output),))


def _class_name(checkpoint: Checkpoint, weights: WeightMap, slots: Slots) -> str:
    given = {str(o.get("torch")) for o in weights.optimizers if o.get("slots")}
    found = given or {_CLASSES.get(kind, kind) for kind in slots.optimizer.values()}
    if len(found) != 1:
        text = f"{'several optimizers' if found else 'no optimizer state'}: {sorted(found)}"
        raise CheckpointError(checkpoint.path, text if found else text[:-4], help=_HELP)
    return found.pop()


def _class(name: str, model: Model) -> Any:
    owner, _, last = name.rpartition(".")
    if owner == "torch.optim":
        return getattr(torch.optim, last)
    home = Path(str(getattr(sys.modules[type(model.module).__module__], "__file__", "."))).parent
    sys.path.insert(0, str(home))
    try:
        return getattr(import_module("tf1_support"), last)
    except (ImportError, AttributeError):
        raise CheckpointError(home, f"has no tf1_support.py with {last}", help=_HELP) from None
    finally:
        sys.path.remove(str(home))


def _options(checkpoint: Checkpoint, slots: Slots, name: str) -> dict[str, Any]:
    """Constructor arguments from the constants of the graph; they must agree."""
    numbers: dict[str, float] = {}
    for found in slots.numbers.values():
        for label, value in found.items():
            if numbers.setdefault(label, value) != value:
                text = f"several optimizers: {label} is {numbers[label]} and {value}"
                raise CheckpointError(checkpoint.path, text, help=_HELP)
    if "lr" not in numbers:
        text = "the learning rate is no constant of a graph beside the checkpoint"
        raise CheckpointError(checkpoint.path, text, help=_HELP)
    options: dict[str, Any] = {}
    accepted = _accepted(name)
    for option, label in _OPTIONS.items():
        if label in numbers and option in accepted:
            value = numbers[label]
            options[option] = bool(value) if option == "nesterov" else value
    if {"beta1", "beta2"} <= set(numbers) and "betas" in accepted:
        options["betas"] = (numbers["beta1"], numbers["beta2"])
    if name == "torch.optim.Adagrad":
        options.setdefault("eps", 0.0)
    if name == "TFRMSProp":
        options["centered"] = any("mg" in found for found in slots.of.values())
    return {key: _short(value) for key, value in options.items()}


def _accepted(name: str) -> set[str]:
    table: Mapping[str, set[str]] = {
        "torch.optim.Adam": {"lr", "betas", "eps"},
        "torch.optim.AdamW": {"lr", "betas", "eps"},
        "TFAdam": {"lr", "betas", "eps"},
        "TFLazyAdam": {"lr", "betas", "eps"},
        "torch.optim.SGD": {"lr", "momentum", "nesterov"},
        "TFMomentum": {"lr", "momentum", "nesterov"},
        "TFRMSProp": {"lr", "decay", "momentum", "eps"},
        "torch.optim.Adagrad": {"lr", "eps"},
        "torch.optim.Adadelta": {"lr", "rho", "eps"},
        "TFAdadelta": {"lr", "rho", "eps"},
        "TFFtrl": {"lr", "l1", "l2", "l2_shrinkage", "learning_rate_power"},
    }
    return table.get(name, {"lr"})


def _short(value: Any) -> Any:
    """0.1 for the float32 0.10000000149: what the program said."""
    if isinstance(value, tuple):
        return tuple(_short(item) for item in value)
    if isinstance(value, bool):
        return value
    short = float(f"{value:.6g}")
    return short if np.float32(short) == np.float32(value) else value
