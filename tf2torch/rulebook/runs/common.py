"""What both sides of a case's run share: the numbers that go in and what comes out."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tf2torch.rulebook.case_inputs import InputSpec
from tf2torch.rulebook.model import Case

Array = np.ndarray[Any, Any]


@dataclass
class Run:
    """Values and gradients of one framework."""

    values: list[Any] = field(default_factory=list)
    gradients: dict[str, Any] = field(default_factory=dict)
    variables: dict[str, Array] = field(default_factory=dict)
    differentiable: bool = True


def make_input(name: str, spec: InputSpec, precision: str) -> Any:
    """The same numbers on every run and in both precisions."""
    if spec.expression is not None:
        return eval(spec.expression, {"np": np, "__builtins__": {}})  # our own cases only
    rng = np.random.default_rng(zlib.crc32(f"{name} {spec.dtype} {spec.shape}".encode()))
    shape, dtype = spec.shape, spec.dtype
    if dtype == "bool":
        return rng.random(shape) < 0.5
    if dtype == "string":
        return np.array(["a", "bc", "def"], dtype=object)[rng.integers(0, 3, shape)]
    if dtype.startswith(("int", "uint")):
        low, high = (spec.low, spec.high) if spec.low is not None else (0, 9)
        assert low is not None and high is not None
        return rng.integers(int(low), int(high) + 1, shape).astype(dtype)
    if dtype.startswith("complex"):
        wide = precision == "float64"
        return (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(
            "complex128" if wide else dtype
        )
    if spec.low is not None and spec.high is not None:
        numbers = rng.uniform(spec.low, spec.high, shape)
    elif dtype == "prob":
        count = shape[-1]  # multiples of 1 / 256, so that rows sum to 1 in every precision
        numbers = (1 + rng.multinomial(256 - count, [1 / count] * count, shape[:-1])) / 256
    elif dtype == "positive":
        numbers = np.abs(rng.normal(size=shape)) + 0.5
    elif dtype == "unit":
        numbers = rng.uniform(0.05, 0.95, shape)
    elif dtype == "distinct":
        count = int(np.prod(shape))
        numbers = (rng.permutation(count).reshape(shape) - count / 2) / 2
    else:
        numbers = rng.normal(size=shape)
    kind = dtype if dtype in ("float16", "float64") else precision
    # numbers that float32 holds exactly: both precisions see the same point
    return np.asarray(numbers, dtype="float32").astype(kind)


def flatten(result: Any) -> list[Any]:
    """The leaves of a nested result, dictionaries in the order of their keys."""
    if isinstance(result, Mapping):
        return [leaf for key in sorted(result) for leaf in flatten(result[key])]
    if isinstance(result, (list, tuple)) and not type(result).__name__.endswith("Size"):
        return [leaf for item in result for leaf in flatten(item)]
    return [result]


def wanted_gradients(case: Case, specs: Mapping[str, InputSpec]) -> list[str]:
    """Names of the inputs whose gradients are compared."""
    if case.grad is not None:
        return list(case.grad)
    kinds = ("float32", "float64", "prob", "positive", "unit", "distinct")
    return [name for name, spec in specs.items() if spec.dtype in kinds]


def incoming_gradient(shape: tuple[int, ...]) -> Array:
    """Gradients that flow into a result, different for each element so that no error cancels."""
    weights: Array = np.cos(np.arange(int(np.prod(shape))) * 0.7 + 0.3).reshape(shape)
    return weights
