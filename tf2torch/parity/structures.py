"""Nested values: their leaves with paths, and the layouts declared for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np


class LayoutError(ValueError):
    """A declared layout that cannot be understood."""


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """The arrays of a nested value with their places: `['state'][0]`."""
    if isinstance(value, Mapping):
        for key in sorted(value, key=str):
            yield from leaves(value[key], f"{path}[{key!r}]")
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from leaves(item, f"{path}[{index}]")
    elif value is not None:
        yield path, value


def mapped(function: Callable[[Any], Any], value: Any) -> Any:
    """The same structure with every leaf replaced."""
    if isinstance(value, Mapping):
        return {key: mapped(function, value[key]) for key in sorted(value, key=str)}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(mapped(function, item) for item in value))
    if isinstance(value, (list, tuple)):
        return type(value)(mapped(function, item) for item in value)
    return None if value is None else function(value)


def permutation(layout: str) -> tuple[int, ...]:
    """The axes of `nhwc -> nchw`: where each axis of the result comes from."""
    before, arrow, after = (part.strip() for part in layout.partition("->"))
    if not arrow or sorted(before) != sorted(after) or len(set(before)) != len(before):
        raise LayoutError(f"{layout!r} is no layout: write 'nhwc -> nchw'")
    return tuple(before.index(axis) for axis in after)


def arranged(value: Any, layouts: Any) -> Any:
    """TensorFlow's values in torch's layouts; `layouts` is one text, or one for each leaf."""
    if layouts is None:
        return value
    if isinstance(layouts, str):
        axes = permutation(layouts)
        return mapped(
            lambda leaf: np.transpose(leaf, axes) if np.ndim(leaf) == len(axes) else leaf, value
        )
    if isinstance(value, Mapping):
        return {key: arranged(item, layouts.get(key)) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        rest = [*layouts, *([None] * len(value))]
        return type(value)(arranged(item, layout) for item, layout in zip(value, rest))
    raise LayoutError(f"{layouts!r} does not fit a single value")
