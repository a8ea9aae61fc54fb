"""Hypothesis strategies for inputs; needs the package `hypothesis`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import strategies as st

from tf2torch.parity.specs import Spec, parse


def inputs(described: Any, batch: tuple[int, int] | None = None) -> st.SearchStrategy[Any]:
    """Values for an input description, or for a nested structure of them.

    With `batch`, the first axis of every input has one size in this range, the same for all.
    """
    sizes = st.none() if batch is None else st.integers(*batch)
    seeds = st.integers(0, 2**32 - 1)
    return st.builds(lambda size, seed: _with(described, size, seed), sizes, seeds)


def _with(described: Any, size: int | None, seed: int) -> Any:
    random = np.random.RandomState(seed)

    def made(value: Any) -> Any:
        if isinstance(value, str):
            value = parse(value)
        if isinstance(value, Spec):
            if size is not None and value.shape:
                value = replace(value, shape=(size, *value.shape[1:]))
            return value.draw(random)
        if isinstance(value, Mapping):
            return {key: made(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return type(value)(made(item) for item in value)
        return value

    return made(described)
