"""Shape functions of losses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from tf2torch.rulebook.shapes.common import Result, as_tensor
from tf2torch.rulebook.values import UNKNOWN, Value, tensor
from tf2torch.rulebook.words import literal


def per_example(logits: Value) -> Result:
    """The last axis, that of the classes, is gone."""
    logits = as_tensor(logits)
    return tensor(logits.dtype, logits.shape[:-1] if logits.shape else None)


def loss(losses: Value, reduction: Value) -> Result:
    """A number, or the losses themselves where nothing is reduced."""
    known = literal(reduction)
    if known == "none":
        return tensor("float32", as_tensor(losses).shape)
    return tensor("float32") if known is UNKNOWN else tensor("float32", ())


SHAPES: Final[Mapping[str, Callable[..., Result]]] = {"per_example": per_example, "loss": loss}
