"""numpy arrays as torch tensors, for types that numpy lacks too."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from tf2torch.weights.checkpoint import Array


def as_tensor(array: Array) -> torch.Tensor:
    """A tensor with the same bits, of its own memory."""
    copied = np.array(array, order="C")
    try:
        return torch.from_numpy(copied)
    except TypeError:
        bits: Any = np.dtype(f"u{copied.dtype.itemsize}")
        return torch.from_numpy(copied.view(bits)).view(getattr(torch, copied.dtype.name))
