"""Lookups in tables that are split in several parts or bounded in norm."""

from __future__ import annotations

from collections.abc import Sequence

import torch


def embedding_lookup(tables: Sequence[torch.Tensor], ids: torch.Tensor) -> torch.Tensor:
    """Rows of a table split by partition_strategy="mod": row i is row i // n of part i % n."""
    count = len(tables)
    rows = torch.stack([table[ids // count % len(table)] for table in tables])
    part = (ids % count).reshape(1, *ids.shape, *(1,) * (tables[0].dim() - 1))
    return rows.gather(0, part.expand(1, *rows.shape[1:]))[0]


def clip_rows(rows: torch.Tensor, max_norm: float) -> torch.Tensor:
    """Rows scaled down to a largest 2-norm, as max_norm of tf.nn.embedding_lookup does."""
    norm = rows.norm(dim=-1, keepdim=True)
    return rows * (max_norm / norm.clamp(min=max_norm))
