"""TensorFlow 1 behaviour that PyTorch has no call for, for the converted programs beside this file.

Part of the converted program: written once by its conversion, only what the program uses, and
needing nothing but what it imports. Where PyTorch has a call of almost the same meaning, the
function here keeps TensorFlow's arithmetic, so that the numbers stay those of the original.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch


def maximum(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """tf.maximum: where both are equal the whole gradient goes to x, not half to each."""
    return torch.where(x >= y, x, y)


def _as_tensors(structure: Any) -> Any:
    """Numbers and arrays as tensors; other things as they are."""

    def convert(value: Any) -> Any:
        is_number = isinstance(value, bool | int | float | np.ndarray | np.generic)
        return torch.as_tensor(value) if is_number else value

    return map_structure(convert, structure)


def _rows(elems: Any) -> list[Any]:
    """The slices of tensors, nested like them, along the first axis."""
    elems = _as_tensors(elems)
    return [
        map_structure(lambda tensor, n=n: tensor[n], elems)
        for n in range(len(flatten_structure(elems)[0]))
    ]


def _stack(results: list[Any]) -> Any:
    return map_structure(lambda *parts: torch.stack(parts), *(_as_tensors(r) for r in results))


def map_fn(fn: Callable[[Any], Any], elems: Any) -> Any:
    """tf.map_fn: fn of each slice, stacked."""
    return _stack([fn(row) for row in _rows(elems)])


def scan(
    fn: Callable[[Any, Any], Any], elems: Any, initializer: Any = None, reverse: bool = False
) -> Any:
    """tf.scan: every value of a = fn(a, slice), stacked; a is the first slice at first."""
    rows = _rows(elems)[:: -1 if reverse else 1]
    if initializer is None:
        value, rows = rows[0], rows[1:]
        found = [value]
    else:
        value, found = _as_tensors(initializer), []
    for row in rows:
        value = fn(value, row)
        found.append(value)
    return _stack(found[:: -1 if reverse else 1])


def map_structure(function: Callable[..., Any], *structures: Any) -> Any:
    """A structure of the same form whose leaves are function(leaf, ...) of the given ones."""
    first = structures[0]
    if isinstance(first, dict):
        return type(first)(
            {key: map_structure(function, *(s[key] for s in structures)) for key in first}
        )
    if isinstance(first, (list, tuple)):
        parts = [map_structure(function, *part) for part in zip(*structures, strict=True)]
        return type(first)(*parts) if hasattr(first, "_fields") else type(first)(parts)
    return function(*structures)


def flatten_structure(structure: Any) -> list[Any]:
    """The leaves of nested lists, tuples and dicts; dicts in the order of their sorted keys."""
    if isinstance(structure, dict):
        return [leaf for key in sorted(structure) for leaf in flatten_structure(structure[key])]
    if isinstance(structure, (list, tuple)):
        return [leaf for part in structure for leaf in flatten_structure(part)]
    return [structure]
