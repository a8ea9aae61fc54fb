"""A module around a function whose variables TensorFlow's scopes make."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from .normalization import frozen_statistics
from .scoped import ScopedModule, current_pass
from .scoped_scopes import variable_scope


class Scoped(ScopedModule):
    """A module around a function whose variables are scoped; the arguments here come first.

    `within` is the variable scope that is open around it.
    """

    def __init__(
        self, function: Callable[..., Any], *args: Any, within: str = "", **kwargs: Any
    ) -> None:
        super().__init__()
        self.function, self.args, self.kwargs, self.within = function, args, kwargs, within

    def build(self, *args: Any, **kwargs: Any) -> Scoped:
        """Makes all variables by one call, of which nothing else is left; returns this module."""
        self.building = True
        try:
            with torch.no_grad(), frozen_statistics(self):
                self(*args, **kwargs)
        finally:
            self.building = False
        return self

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        arguments = {**self.kwargs, **kwargs}
        if not self.within:
            return self.function(*self.args, *args, **arguments)
        with variable_scope(self.within):
            return self.function(*self.args, *args, **arguments)


def in_training() -> bool:
    """Whether the module that runs is in training mode."""
    return current_pass().module.training
