"""Sums, means and extremes over rows that share an id, and counts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch


def _reduce(
    data: torch.Tensor, ids: torch.Tensor, count: int, how: str, empty: float
) -> torch.Tensor:
    """Reduce rows of equal id; `empty` for an id without rows, negative ids are left out."""
    rows = data.reshape(ids.numel(), *data.shape[ids.dim() :])
    ids = ids.flatten()
    rows, ids = rows[ids >= 0], ids[ids >= 0]
    places = ids.view(-1, *[1] * (rows.dim() - 1)).expand_as(rows)
    result = torch.full((int(count), *rows.shape[1:]), empty, dtype=data.dtype, device=data.device)
    return result.scatter_reduce(0, places, rows, how, include_self=False)


def _lowest(data: torch.Tensor) -> float:
    kind = torch.finfo if data.is_floating_point() else torch.iinfo
    return kind(data.dtype).min


def _highest(data: torch.Tensor) -> float:
    kind = torch.finfo if data.is_floating_point() else torch.iinfo
    return kind(data.dtype).max


def _ids(data: torch.Tensor, segment_ids: Any) -> torch.Tensor:
    return torch.as_tensor(segment_ids, device=data.device)


def _counts(ids: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """How many rows each segment has, at least one, shaped to divide `like`."""
    flat = ids.flatten()
    counts = torch.bincount(flat[flat >= 0], minlength=like.shape[0]).clamp(min=1)
    return counts.to(like.dtype).view(-1, *[1] * (like.dim() - 1))


def unsorted_segment_sum(data: torch.Tensor, segment_ids: Any, num_segments: int) -> torch.Tensor:
    """Sum of the rows of each id; zero for an id without rows."""
    return _reduce(data, _ids(data, segment_ids), num_segments, "sum", 0)


def unsorted_segment_prod(data: torch.Tensor, segment_ids: Any, num_segments: int) -> torch.Tensor:
    """Product of the rows of each id; one for an id without rows."""
    return _reduce(data, _ids(data, segment_ids), num_segments, "prod", 1)


def unsorted_segment_max(data: torch.Tensor, segment_ids: Any, num_segments: int) -> torch.Tensor:
    """Maximum of the rows of each id; the lowest number for an id without rows."""
    return _reduce(data, _ids(data, segment_ids), num_segments, "amax", _lowest(data))


def unsorted_segment_min(data: torch.Tensor, segment_ids: Any, num_segments: int) -> torch.Tensor:
    """Minimum of the rows of each id; the highest number for an id without rows."""
    return _reduce(data, _ids(data, segment_ids), num_segments, "amin", _highest(data))


def unsorted_segment_mean(data: torch.Tensor, segment_ids: Any, num_segments: int) -> torch.Tensor:
    """Mean of the rows of each id; zero for an id without rows."""
    total = unsorted_segment_sum(data, segment_ids, num_segments)
    return total / _counts(_ids(data, segment_ids), total)


def unsorted_segment_sqrt_n(
    data: torch.Tensor, segment_ids: Any, num_segments: int
) -> torch.Tensor:
    """Sum of the rows of each id divided by the root of their number."""
    total = unsorted_segment_sum(data, segment_ids, num_segments)
    return total / _counts(_ids(data, segment_ids), total).sqrt()


def segment_sum(data: torch.Tensor, segment_ids: Any) -> torch.Tensor:
    """Sum of the rows of each id, ids sorted; zero for an id without rows."""
    ids = _ids(data, segment_ids)
    return _reduce(data, ids, int(ids[-1]) + 1, "sum", 0)


def segment_prod(data: torch.Tensor, segment_ids: Any) -> torch.Tensor:
    """Product of the rows of each id, ids sorted; one for an id without rows."""
    ids = _ids(data, segment_ids)
    return _reduce(data, ids, int(ids[-1]) + 1, "prod", 1)


def segment_max(data: torch.Tensor, segment_ids: Any) -> torch.Tensor:
    """Maximum of the rows of each id, ids sorted; zero for an id without rows."""
    ids = _ids(data, segment_ids)
    return _reduce(data, ids, int(ids[-1]) + 1, "amax", 0)


def segment_min(data: torch.Tensor, segment_ids: Any) -> torch.Tensor:
    """Minimum of the rows of each id, ids sorted; zero for an id without rows."""
    ids = _ids(data, segment_ids)
    return _reduce(data, ids, int(ids[-1]) + 1, "amin", 0)


def segment_mean(data: torch.Tensor, segment_ids: Any) -> torch.Tensor:
    """Mean of the rows of each id, ids sorted; zero for an id without rows."""
    total = segment_sum(data, segment_ids)
    return total / _counts(_ids(data, segment_ids), total)


def histogram_fixed_width_bins(
    values: torch.Tensor, value_range: Sequence[float], nbins: int = 100
) -> torch.Tensor:
    """The bin of each value; values outside the range belong to the end bins."""
    low, high = (float(bound) for bound in value_range)
    place = torch.floor((values.detach() - low) / (high - low) * nbins)
    return place.clamp(0, nbins - 1).long()


def histogram_fixed_width(
    values: torch.Tensor, value_range: Sequence[float], nbins: int = 100
) -> torch.Tensor:
    """Number of values in each bin; values outside the range count in the end bins."""
    bins = histogram_fixed_width_bins(values, value_range, nbins)
    return torch.bincount(bins.flatten(), minlength=nbins)


def confusion_matrix(
    labels: Any, predictions: Any, num_classes: int | None = None, weights: Any = None
) -> torch.Tensor:
    """Counts, or sums of weights, by label (rows) and prediction (columns)."""
    labels, predictions = torch.as_tensor(labels).long(), torch.as_tensor(predictions).long()
    if num_classes is None:
        num_classes = int(torch.maximum(labels.max(), predictions.max())) + 1
    cells = labels.flatten() * num_classes + predictions.flatten()
    counts = torch.bincount(
        cells, None if weights is None else weights.flatten(), minlength=num_classes**2
    )
    return counts.view(math.isqrt(counts.numel()), -1)
