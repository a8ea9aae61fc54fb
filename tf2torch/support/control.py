"""TensorFlow's loops over tensors as Python loops; gradients flow through every turn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from .host import flatten_structure, map_structure


def _as_tensors(structure: Any) -> Any:
    """Numbers and arrays as tensors; other things as they are."""

    def convert(value: Any) -> Any:
        is_number = isinstance(value, bool | int | float | np.ndarray | np.generic)
        return torch.as_tensor(value) if is_number else value

    return map_structure(convert, structure)


def while_loop(
    cond: Callable[..., Any],
    body: Callable[..., Any],
    loop_vars: Any,
    maximum_iterations: Any = None,
) -> Any:
    """tf.while_loop: the loop variables after the last turn; a single one comes without a list."""
    values = _as_tensors(loop_vars)
    if not isinstance(values, tuple | list):
        values = [values]
    turns = 0
    while (maximum_iterations is None or turns < int(maximum_iterations)) and bool(cond(*values)):
        result = body(*values)
        if not isinstance(result, tuple | list) or len(result) != len(values):
            result = [result]
        values = _as_tensors(result)
        turns += 1
    return values[0] if len(values) == 1 else values


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


def foldl(fn: Callable[[Any, Any], Any], elems: Any, initializer: Any = None) -> Any:
    """tf.foldl: the last value of a = fn(a, slice), from the first slice to the last."""
    rows = _rows(elems)
    value = rows.pop(0) if initializer is None else _as_tensors(initializer)
    for row in rows:
        value = fn(value, row)
    return value


def foldr(fn: Callable[[Any, Any], Any], elems: Any, initializer: Any = None) -> Any:
    """tf.foldr: the last value of a = fn(a, slice), from the last slice to the first."""
    rows = _rows(elems)
    value = rows.pop() if initializer is None else _as_tensors(initializer)
    for row in reversed(rows):
        value = fn(value, row)
    return value
