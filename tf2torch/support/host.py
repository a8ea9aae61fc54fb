"""Host functions of TensorFlow 1: text, numpy functions, nested structures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch


class Text(bytes):
    """Bytes that equal a str of the same text, as a string in TensorFlow's graph does."""

    def __new__(cls, text: str | bytes) -> Text:
        return super().__new__(cls, text.encode() if isinstance(text, str) else text)

    def __eq__(self, other: object) -> bool:
        return bytes.__eq__(self, other.encode() if isinstance(other, str) else other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = bytes.__hash__


def as_bytes(text: str | bytes) -> bytes:
    """Text as UTF-8 bytes."""
    return text.encode() if isinstance(text, str) else text


def as_text(text: Any) -> str:
    """UTF-8 bytes, or any other value, as text."""
    return text.decode() if isinstance(text, bytes) else str(text)


def read_file(name: str | bytes) -> bytes:
    """The contents of a file, whose name may be an element of a pipeline."""
    return Path(as_text(name)).read_bytes()


def py_func(function: Callable[..., Any], inputs: Sequence[Any], dtypes: Any) -> Any:
    """Call a numpy function with tensors; what it returns becomes tensors of `dtypes`."""
    device = next((x.device for x in inputs if isinstance(x, torch.Tensor)), None)
    arrays = [x.detach().cpu().numpy() if isinstance(x, torch.Tensor) else x for x in inputs]
    results = function(*arrays)
    if isinstance(dtypes, (list, tuple)):
        results = results if isinstance(results, (list, tuple)) else [results]
        pairs = zip(results, dtypes, strict=True)
        return [torch.as_tensor(np.asarray(r), dtype=d, device=device) for r, d in pairs]
    return torch.as_tensor(np.asarray(results), dtype=dtypes, device=device)


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


def pack_sequence_as(structure: Any, leaves: Sequence[Any]) -> Any:
    """Leaves, as `flatten_structure` lists them, in the form of a structure."""
    remaining = iter(leaves)

    def pack(part: Any) -> Any:
        if isinstance(part, dict):
            packed = {key: pack(part[key]) for key in sorted(part)}
            return type(part)({key: packed[key] for key in part})
        if isinstance(part, (list, tuple)):
            parts = [pack(item) for item in part]
            return type(part)(*parts) if hasattr(part, "_fields") else type(part)(parts)
        return next(remaining)

    return pack(structure)
