"""The PyTorch side of a case's run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tf2torch.rulebook.case_inputs import InputSpec
from tf2torch.rulebook.cases import Conversion
from tf2torch.rulebook.model import Case, WeightRow
from tf2torch.rulebook.predicates import Facts, holds
from tf2torch.rulebook.runs.common import Array, Run, flatten, incoming_gradient, wanted_gradients


def run_torch(
    case: Case,
    found: Conversion,
    specs: Mapping[str, InputSpec],
    arrays: Mapping[str, Any],
    expected: Run,
    precision: str,
) -> Run:
    import torch

    before = torch.get_default_dtype()
    torch.set_default_dtype(getattr(torch, precision))
    try:
        torch.manual_seed(1)
        names = _namespace(found)
        inputs: dict[str, Any] = {}
        for name, spec in specs.items():
            inputs[name] = _to_torch(arrays[name], spec)
            tracked = name in wanted_gradients(case, specs) and inputs[name].is_floating_point()
            leaf = inputs[name].requires_grad_() if tracked else inputs[name]
            names[name] = _channels_first(leaf) if name in found.image_inputs else leaf
        module = _module(found, names, expected.variables)
        if module is not None:
            names["self"] = module
        assert found.torch is not None
        result = eval(found.torch, names)
        run = Run()
        run.values = flatten(result)
        ranks = {inputs[n].dim() for n in found.image_inputs}
        if ranks:
            run.values = [
                _channels_last(v) if isinstance(v, torch.Tensor) and v.dim() in ranks else v
                for v in run.values
            ]
        leaves = {n: inputs[n] for n in wanted_gradients(case, specs)}
        if module is not None:
            leaves.update({f"parameter {n}": p for n, p in module.named_parameters()})
        run.gradients = _torch_gradients(run.values, leaves)
        if module is not None:
            run.gradients = _named_like_tf(found, run.gradients, expected)
        return run
    finally:
        torch.set_default_dtype(before)


def _namespace(found: Conversion) -> dict[str, Any]:
    import math

    import torch
    import torch.nn as nn
    import torch.nn.functional as F

    names: dict[str, Any] = {"torch": torch, "nn": nn, "F": F, "np": np, "math": math}
    names["device"] = torch.device("cpu")
    for line in found.imports:
        exec(line, names)
    for name in found.support:
        names[name] = support_function(name)
    return names


def support_function(name: str) -> Any:
    """A function of the support library, wherever in it."""
    import importlib
    import pkgutil

    package = importlib.import_module("tf2torch.support")
    for info in pkgutil.iter_modules(package.__path__):
        module = importlib.import_module(f"tf2torch.support.{info.name}")
        if hasattr(module, name):
            return getattr(module, name)
    raise LookupError(f"tf2torch.support has no {name!r}")


def _to_torch(array: Any, spec: InputSpec) -> Any:
    import torch

    if spec.kind == "python" or spec.dtype == "string":
        return array
    # integers are int64 in converted code, whatever TensorFlow had
    wide = spec.dtype in ("int32", "int64")
    return torch.tensor(np.asarray(array, dtype="int64") if wide else array)


def _channels_first(x: Any) -> Any:
    return x.movedim(-1, 1)


def _channels_last(x: Any) -> Any:
    return x.movedim(1, -1)


def _module(found: Conversion, names: dict[str, Any], variables: Mapping[str, Array]) -> Any:
    import torch
    from torch import nn

    if found.init is None or found.layer is None:
        return None
    module = nn.Module()
    setattr(module, found.attribute, eval(found.init, {**names, "self": module}))
    child = getattr(module, found.attribute)
    state = {}
    for row in active_rows(found):
        value = variables[_variable_name(row, variables)]
        state[row.torch] = torch.tensor(apply_steps(value, row.steps))
    if isinstance(child, nn.Module):
        bookkeeping = {k: v for k, v in child.state_dict().items() if "num_batches" in k}
        child.load_state_dict({**bookkeeping, **state}, strict=True)
        child.to(torch.get_default_dtype())
    return module


def active_rows(found: Conversion) -> list[WeightRow]:
    """Weight rows of the layer whose condition holds."""
    assert found.layer is not None
    bound = found.layer
    facts = Facts(bound.values, frozenset(bound.nodes))
    return [row for row in bound.rule.weights if holds(row.when, facts) is True]


def _variable_name(row: WeightRow, variables: Mapping[str, Array]) -> str:
    found = [name for name in variables if name == row.tf or name.endswith("/" + row.tf)]
    if len(found) != 1:
        raise LookupError(f"the weight row {row.tf!r} names {found} of {sorted(variables)}")
    return found[0]


def apply_steps(value: Array, steps: Sequence[Any]) -> Array:
    """A TF value in the parameter's layout: the steps of a weight map that cases need."""
    for step in steps:
        kind, *rest = step if isinstance(step, tuple) else (step,)
        if kind == "transpose":
            value = value.T
        elif kind == "permute":
            value = value.transpose(rest[0])
        elif kind == "reshape":
            value = value.reshape(rest[0])
        elif kind != "identity":
            raise ValueError(f"unknown layout step {kind!r}")
    return np.ascontiguousarray(value)


def _torch_gradients(values: Sequence[Any], leaves: Mapping[str, Any]) -> dict[str, Any]:
    import torch

    targets = [
        v
        for v in values
        if isinstance(v, torch.Tensor) and v.is_floating_point() and v.requires_grad
    ]
    wanted = {n: p for n, p in leaves.items() if isinstance(p, torch.Tensor) and p.requires_grad}
    if not targets or not wanted:
        return {}
    incoming = [torch.from_numpy(incoming_gradient(tuple(t.shape))).to(t.dtype) for t in targets]
    found = torch.autograd.grad(targets, list(wanted.values()), incoming, allow_unused=True)
    pairs = zip(wanted, found, strict=True)
    return {name: g.detach().resolve_conj().numpy() for name, g in pairs if g is not None}


def _named_like_tf(
    found: Conversion, gradients: Mapping[str, Any], expected: Run
) -> dict[str, Any]:
    """Parameters' gradients under the TF variable's name; the TF side moves to torch's layout."""
    result = {n: g for n, g in gradients.items() if not n.startswith("parameter ")}
    for row in active_rows(found):
        name = _variable_name(row, expected.variables)
        gradient = gradients.get(f"parameter {found.attribute}.{row.torch}")
        if gradient is not None:
            result[name] = gradient
        if name in expected.gradients:
            expected.gradients[name] = apply_steps(expected.gradients[name], row.steps)
    return result
