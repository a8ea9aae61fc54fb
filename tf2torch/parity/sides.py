"""Run one side of a comparison: values, gradients and variables of a function or a model."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tf2torch.parity.devices import prepare
from tf2torch.parity.structures import leaves, mapped
from tf2torch.weights import layout


@dataclass
class Side:
    """What one side has computed; arrays in its own layouts."""

    outputs: Any
    input_gradients: list[Any] = field(default_factory=list)
    variables: dict[str, Any] = field(default_factory=dict)
    gradients: dict[str, Any] = field(default_factory=dict)


def cotangents(outputs: Any, seed: int) -> list[Any]:
    """One weight for every number of every floating output; their sum is differentiated."""
    random = np.random.RandomState(seed + 1)
    found = []
    for _, leaf in leaves(outputs):
        array = np.asarray(leaf)
        found.append(random.randn(*array.shape) if array.dtype.kind == "f" else None)
    return found


def called(function: Any, given: Any) -> Any:
    """The result for inputs in a row, or by name."""
    return function(**given) if isinstance(given, Mapping) else function(*given)


def tensorflow_side(
    function: Any, inputs: Any, gradients: bool, seed: int, double: bool, isolated: bool = True
) -> Side:
    """Runs whatever TensorFlow has: a graph function, a Keras model, a SavedModel, a checkpoint."""
    from tf2torch.parity import eager, graph_sides

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if isinstance(function, (str, Path)):
        path = Path(function)
        if path.suffix == ".npz":
            return saved(path)
        if Path(f"{path}.meta").exists():
            raise ValueError(f"{path} is a checkpoint: name its tensors, as MetaGraph(...) does")
        if not path.is_dir():
            raise ValueError(f"{path} is no folder of a SavedModel")
        if graph_sides.is_exported_graph(path):
            function = graph_sides.Exported(path)
        else:
            function = eager.loaded_signature(path)
            return eager.eager_side(function, inputs, gradients, seed, double)
    if eager.is_eager(function):
        return eager.eager_side(function, inputs, gradients, seed, double)
    return graph_sides.graph_side(function, inputs, gradients, seed, double, isolated)


def saved(path: Path) -> Side:
    """A side that was kept by `--parity-save`."""
    data = np.load(path, allow_pickle=False)

    def part(name: str) -> dict[str, Any]:
        return {key[len(name) + 1 :]: data[key] for key in data if key.startswith(name + ":")}

    outputs = [data[f"output:{index}"] for index in range(len(part("output")))]
    gradients = part("input_gradient")
    return Side(
        outputs[0] if len(outputs) == 1 else outputs,
        [gradients[str(index)] for index in range(len(gradients))],
        part("variable"), part("gradient"),
    )  # fmt: skip


def save(side: Side, path: Path) -> None:
    """Keeps a side, so that a later comparison needs no TensorFlow."""
    arrays = {f"output:{i}": leaf for i, (_, leaf) in enumerate(leaves(side.outputs))}
    arrays |= {
        f"input_gradient:{i}": g for i, g in enumerate(side.input_gradients) if g is not None
    }
    arrays |= {f"variable:{name}": value for name, value in side.variables.items()}
    arrays |= {f"gradient:{name}": value for name, value in side.gradients.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **arrays)


# torch


def torch_side(
    function: Any,
    inputs: Any,
    entries: Mapping[str, list[tuple[str, Any]]],
    values: Mapping[str, Any],
    gradients: bool,
    weights: list[Any],
    device: str,
    double: bool,
) -> Side:
    """Runs a module or a function; its parameters first get the values of the variables."""
    import torch

    prepare(device)
    kind = torch.float64 if double else torch.float32
    if double:
        torch.set_default_dtype(torch.float64)
    if isinstance(function, torch.nn.Module):
        function = function.to(device).to(kind)
        state = function.state_dict(keep_vars=True)
        missing = [key for key in entries if key not in state]
        if missing:
            raise KeyError(f"the module has no {', '.join(missing)}")
        with torch.no_grad():
            for key, parts in entries.items():
                value = layout.join([(steps, values[name]) for name, steps in parts])
                state[key].copy_(torch.as_tensor(np.array(value)))

    def tensor(value: Any) -> Any:
        made = torch.as_tensor(np.asarray(value), device=device)
        if made.is_floating_point():
            made = made.to(kind if made.dtype in (torch.float32, torch.float64) else made.dtype)
            made.requires_grad_(gradients)
        return made

    given = mapped(tensor, inputs)
    outputs = called(function, given)
    side = Side(mapped(lambda t: torch.as_tensor(t).detach().cpu().numpy(), outputs))
    if not gradients:
        return side
    total: Any = 0.0
    for (_, leaf), weight in zip(leaves(outputs), weights):
        if weight is not None and leaf.requires_grad:
            total = total + (leaf * torch.as_tensor(weight, device=device).to(leaf.dtype)).sum()
    if isinstance(total, torch.Tensor):
        total.backward()
    flat = [leaf for _, leaf in leaves(given) if leaf.is_floating_point()]
    side.input_gradients = [None if x.grad is None else x.grad.cpu().numpy() for x in flat]
    if isinstance(function, torch.nn.Module):
        side.gradients = {
            name: p.grad.cpu().numpy()
            for name, p in function.named_parameters()
            if p.grad is not None
        }
    return side
