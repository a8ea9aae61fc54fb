"""Shape functions: what the result of an operation is, by TensorFlow's rules."""

from __future__ import annotations
from collections.abc import Callable, Mapping
from typing import Final
from tf2torch.rulebook.model import Refusal
from tf2torch.rulebook.values import Value, tensor


def same(x: Value) -> Value | Refusal:
    return tensor(x.dtype, x.shape)


SHAPES: Final[Mapping[str, Callable[..., Value | Refusal]]] = {"same": same}
