"""Collections of TensorFlow, for one pass of a module with scoped variables."""

from __future__ import annotations

import re
from typing import Any

import torch

from .scoped import current_pass


def add_to_collection(key: str, value: Any) -> None:
    """tf.add_to_collection, for the rest of this pass."""
    run = current_pass()
    name = getattr(value, "name", None)
    if isinstance(value, torch.Tensor):
        # a tensor has no name: it counts as made in the scope that collects it
        name = run.variable_names.get(id(value), run.name_scope and run.name_scope + "/")
    run.collect(key, value, name)


def get_collection(key: str, scope: str | None = None) -> list[Any]:
    """tf.get_collection: what this pass has collected so far, of names that match the scope."""
    found = current_pass().collections.get(key, [])
    if not scope:
        return [value for _, value in found]
    matches = re.compile(scope).match
    return [value for name, value in found if name is not None and matches(name)]


def trainable_variables(scope: str | None = None) -> list[torch.Tensor]:
    """tf.trainable_variables: those this pass has asked for so far."""
    return get_collection("trainable_variables", scope)


def global_variables(scope: str | None = None) -> list[torch.Tensor]:
    """tf.global_variables: those this pass has asked for so far."""
    return get_collection("variables", scope)


def regularization_losses(scope: str | None = None) -> list[torch.Tensor]:
    """tf.losses.get_regularization_losses of this pass."""
    return get_collection("regularization_losses", scope)


def regularization_loss(scope: str | None = None) -> Any:
    """tf.losses.get_regularization_loss of this pass: their sum."""
    losses = regularization_losses(scope)
    return torch.stack(losses).sum() if losses else torch.zeros(())
