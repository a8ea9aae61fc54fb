"""Reductions that torch has for one axis only."""

from __future__ import annotations

from collections.abc import Sequence

import torch


def reduce_prod(x: torch.Tensor, axis: Sequence[int], keepdims: bool = False) -> torch.Tensor:
    """Product over several axes."""
    for dim in sorted((a % x.dim() for a in axis), reverse=True):
        x = torch.prod(x, dim=dim, keepdim=keepdims)
    return x
