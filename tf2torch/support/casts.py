"""Casts and dtypes that torch has no call for."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch


def saturate_cast(x: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Cast that clips to the range of the dtype first."""
    if dtype.is_floating_point:
        return x.to(dtype)
    limits = torch.iinfo(dtype)
    low, high = x >= limits.max, x <= limits.min
    inside = torch.where(low | high, torch.zeros_like(x), x).to(dtype)
    return torch.where(low, limits.max, torch.where(high, limits.min, inside)).to(dtype)


def numpy_dtype(dtype: torch.dtype) -> np.dtype[Any]:
    """The numpy dtype of the same name."""
    return np.dtype(str(dtype).removeprefix("torch."))
