"""Weights: TensorFlow's checkpoints, read without TensorFlow, as PyTorch state dicts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tf2torch.weights.convert import convert_checkpoint, load_into
    from tf2torch.weights.opening import load
    from tf2torch.weights.optimizers import load_optimizer

__all__ = ["convert_checkpoint", "load", "load_into", "load_optimizer"]

_PLACES = {
    "convert_checkpoint": "convert",
    "load_into": "convert",
    "load": "opening",
    "load_optimizer": "optimizers",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
