"""Picking, placing and ordering elements the way TensorFlow 1 does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch


def _ints(values: Any) -> list[int]:
    """A list of integers from a list or a tensor."""
    return [int(value) for value in values]


def slice_block(x: torch.Tensor, begin: Any, size: Any) -> torch.Tensor:
    """The block that starts at `begin` and has `size`; size -1 is all the rest."""
    parts = zip(_ints(begin), _ints(size), strict=True)
    return x[tuple(slice(b, None if n == -1 else b + n) for b, n in parts)]


def strided_slice(
    x: torch.Tensor,
    begin: Any,
    end: Any,
    strides: Any = None,
    begin_mask: int = 0,
    end_mask: int = 0,
    shrink_axis_mask: int = 0,
) -> torch.Tensor:
    """x[begin:end:strides]; bit i of a mask drops that bound, or keeps only the first element."""
    starts, stops = _ints(begin), _ints(end)
    steps = [1] * len(starts) if strides is None else _ints(strides)
    gone = []
    for axis, (start, stop, step) in enumerate(zip(starts, stops, steps, strict=True)):
        first = None if begin_mask >> axis & 1 else start
        last = None if end_mask >> axis & 1 else stop
        picked = range(x.shape[axis])[first:last:step]
        if shrink_axis_mask >> axis & 1:
            picked = range(x.shape[axis])[start : start + 1 or None]
            gone.append(axis)
        x = x.index_select(axis, torch.tensor(list(picked), dtype=torch.long, device=x.device))
    return x.squeeze(tuple(gone)) if gone else x


def gather(
    params: torch.Tensor, indices: Any, axis: int | None = None, batch_dims: int = 0
) -> torch.Tensor:
    """Slices of params along an axis; the first `batch_dims` axes go together."""
    indices = torch.as_tensor(indices, device=params.device)
    if batch_dims < 0:
        batch_dims += indices.dim()
    if axis is None:
        axis = batch_dims
    axis %= params.dim()
    if batch_dims == 0:
        return params[(slice(None),) * axis + (indices,)]
    grid = [
        torch.arange(n, device=params.device).view(-1, *[1] * (indices.dim() - 1 - i))
        for i, n in enumerate(indices.shape[:batch_dims])
    ]
    moved = params.movedim(axis, batch_dims)
    picked = moved[(*grid, indices)]
    inner, between = indices.dim() - batch_dims, axis - batch_dims
    order = list(range(picked.dim()))
    front, index_axes = order[:batch_dims], order[batch_dims : batch_dims + inner]
    rest = order[batch_dims + inner :]
    return picked.permute(*front, *rest[:between], *index_axes, *rest[between:])


def gather_nd(params: torch.Tensor, indices: Any, batch_dims: int = 0) -> torch.Tensor:
    """Elements or slices of params at the index vectors in the last axis of indices."""
    indices = torch.as_tensor(indices, device=params.device)
    grid = [
        torch.arange(n, device=params.device).view(-1, *[1] * (indices.dim() - 2 - i))
        for i, n in enumerate(indices.shape[:batch_dims])
    ]
    return params[(*grid, *indices.unbind(-1))]


def where(condition: torch.Tensor, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Choose by a condition; a vector condition chooses whole rows of x and y."""
    if condition.dim() == 1 and x.dim() > 1:
        condition = condition.view(-1, *[1] * (x.dim() - 1))
    return torch.where(condition, x, y)


def one_hot(
    indices: Any,
    depth: int,
    on_value: Any = None,
    off_value: Any = None,
    axis: int | None = None,
    dtype: torch.dtype | None = None,
) -> torch.Tensor:
    """One-hot vectors along a new axis; an index out of range gives only off_value."""
    indices = torch.as_tensor(indices)
    hit = indices.unsqueeze(-1) == torch.arange(int(depth), device=indices.device)
    if on_value is None and off_value is None:
        result = hit.to(dtype or torch.float32)
    else:
        on, off = 1 if on_value is None else on_value, 0 if off_value is None else off_value
        result = torch.where(hit, on, off)
        result = result if dtype is None else result.to(dtype)
    return result if axis in (None, -1) else result.movedim(-1, axis)


def sequence_mask(
    lengths: Any, maxlen: Any = None, dtype: torch.dtype = torch.bool
) -> torch.Tensor:
    """True for the first `lengths` places of each row, as many places as the longest row."""
    lengths = torch.as_tensor(lengths)
    count = int(lengths.max() if maxlen is None else maxlen)
    return (torch.arange(count, device=lengths.device) < lengths.unsqueeze(-1)).to(dtype)


def reverse_sequence(
    x: torch.Tensor, lengths: Any, seq_axis: int, batch_axis: int = 0
) -> torch.Tensor:
    """Flip the first `lengths[i]` entries of row i along seq_axis; the rest stays."""
    lengths = torch.as_tensor(lengths, device=x.device)
    rows = x.movedim((batch_axis, seq_axis), (0, 1))
    step = torch.arange(rows.shape[1], device=x.device).expand(rows.shape[0], -1)
    last = lengths.unsqueeze(1) - 1
    order = torch.where(step <= last, last - step, step)
    row = torch.arange(rows.shape[0], device=x.device).unsqueeze(1)
    return rows[row, order].movedim((0, 1), (batch_axis, seq_axis))


class TopK(NamedTuple):
    """The largest values and where they are."""

    values: torch.Tensor
    indices: torch.Tensor


def top_k(x: torch.Tensor, k: int = 1) -> TopK:
    """The k largest along the last axis; of equal values the lower index comes first."""
    values, indices = torch.sort(x, dim=-1, descending=True, stable=True)
    return TopK(values[..., :k], indices[..., :k])


class Unique(NamedTuple):
    """Distinct values, and for each element the place of its value."""

    y: torch.Tensor
    idx: torch.Tensor


def _distinct(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Values in the order in which they first occur, the place of each element's, counts."""
    values, inverse, counts = torch.unique(x, return_inverse=True, return_counts=True)
    place = torch.arange(x.numel(), device=x.device)
    first = torch.full_like(counts, x.numel()).scatter_reduce(0, inverse, place, "amin")
    order = torch.argsort(first)
    return values[order], torch.argsort(order)[inverse], counts[order]


class UniqueWithCounts(NamedTuple):
    """Distinct values, the place of each element's value, and how often each value occurs."""

    y: torch.Tensor
    idx: torch.Tensor
    count: torch.Tensor  # type: ignore[assignment]  # the name that TensorFlow gives it


def unique_with_counts(x: torch.Tensor) -> UniqueWithCounts:
    """Distinct values in the order in which they first occur."""
    return UniqueWithCounts(*_distinct(x))


def unique(x: torch.Tensor) -> Unique:
    """Distinct values in the order in which they first occur."""
    return Unique(*_distinct(x)[:2])


class SetDiff(NamedTuple):
    """The elements that are left and their places."""

    out: torch.Tensor
    idx: torch.Tensor


def setdiff1d(x: torch.Tensor, y: torch.Tensor) -> SetDiff:
    """The elements of x that are not in y."""
    idx = torch.nonzero(~torch.isin(x, y)).squeeze(1)
    return SetDiff(x[idx], idx)


def scatter_nd(indices: Any, updates: torch.Tensor, shape: Sequence[int]) -> torch.Tensor:
    """Zeros of a shape with updates added at the index vectors; repeated indices add up."""
    indices = torch.as_tensor(indices, device=updates.device)
    zeros = torch.zeros(_ints(shape), dtype=updates.dtype, device=updates.device)
    return zeros.index_put(tuple(indices.unbind(-1)), updates, accumulate=True)


def dynamic_stitch(indices: Sequence[Any], data: Sequence[torch.Tensor]) -> torch.Tensor:
    """Rows put at their indices; of repeated indices the last counts."""
    places = [torch.as_tensor(i, device=data[0].device) for i in indices]
    rows = [d.reshape(-1, *d.shape[i.dim() :]) for i, d in zip(places, data, strict=True)]
    place, row = torch.cat([i.flatten() for i in places]), torch.cat(rows)
    last = torch.full((int(place.max()) + 1,), -1, device=row.device)
    last = last.scatter_reduce(0, place, torch.arange(len(place), device=row.device), "amax")
    return row[last.clamp(min=0)]
