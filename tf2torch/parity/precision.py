"""Replay in double precision: torch's single-precision functions and dtypes give doubles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch


def use_double_precision() -> None:
    """From here on float32 means float64; numbers that come in as float32 are widened."""
    for name in ("_dtype_to_storage_type_map", "_storage_type_to_dtype_map"):
        # Saved files name their types by these tables, which must be made of the true dtypes.
        getattr(torch.storage, name, lambda: None)()
    torch.set_default_dtype(torch.float64)
    single = torch.float32
    torch.float32 = torch.float = torch.float64
    torch.FloatTensor = torch.DoubleTensor  # type: ignore[misc, assignment]
    torch.Tensor.float = torch.Tensor.double  # type: ignore[method-assign]
    torch.nn.Module.float = torch.nn.Module.double  # type: ignore[method-assign]
    for name in ("as_tensor", "tensor", "from_numpy"):
        setattr(torch, name, _widened(getattr(torch, name), single))


def _widened(original: Callable[..., Any], single: torch.dtype) -> Callable[..., Any]:
    def make(data: Any, *arguments: Any, **options: Any) -> Any:
        if isinstance(data, (np.ndarray, np.floating)) and data.dtype == np.float32:
            data = np.asarray(data, np.float64)
        elif isinstance(data, torch.Tensor) and data.dtype == single:
            data = data.double()
        return original(data, *arguments, **options)

    make.__name__ = original.__name__
    return make
