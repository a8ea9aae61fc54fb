"""TensorFlow 1 behaviour that PyTorch has no call for, for the converted programs beside this file.

Part of the converted program: written once by its conversion, only what the program uses, and
needing nothing but what it imports. Where PyTorch has a call of almost the same meaning, the
function here keeps TensorFlow's arithmetic, so that the numbers stay those of the original.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn


@contextmanager
def frozen_statistics(*modules: nn.Module) -> Iterator[None]:
    """Batch normalization in training mode that leaves its moving statistics alone.

    TensorFlow updates them only when the ops in ``UPDATE_OPS`` are run.
    """
    layers: list[Any] = [
        layer for module in modules for layer in module.modules() if hasattr(layer, "momentum")
    ]
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.momentum = 0.0
    try:
        yield
    finally:
        for layer, momentum in zip(layers, momenta):
            layer.momentum = momentum
