"""What is in a checkpoint: names, types, shapes, sizes, and statistics where they are wanted."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tf2torch.weights import dtypes
from tf2torch.weights.checkpoint import Array, Checkpoint, Entry
from tf2torch.weights.errors import printable
from tf2torch.weights.readers.graphs import graph_beside
from tf2torch.weights.slots import owners_of, slots_of

#: Elements that statistics look at once.
CHUNK = 1 << 20


@dataclass(frozen=True)
class Statistics:
    """Of the finite values; NaN and infinite ones are counted."""

    least: float
    greatest: float
    mean: float
    deviation: float
    broken: int


def chosen(checkpoint: Checkpoint, globs: Sequence[str]) -> list[Entry]:
    """Entries of which the name or the key matches one of the patterns; all without patterns."""
    return [
        entry
        for entry in checkpoint.entries.values()
        if not globs
        or any(fnmatch.fnmatchcase(n, g) for n in (entry.name, entry.key) for g in globs)
    ]


def statistics(array: Array) -> Statistics | None:
    """Statistics of numbers, in pieces; None for text, complex numbers and empty arrays."""
    if array.dtype.kind not in "biuf" and not dtypes.is_float(array.dtype) or not array.size:
        return None
    flat = array.reshape(-1)
    least, greatest, count = np.inf, -np.inf, 0
    mean = squares = 0.0
    for start in range(0, flat.size, CHUNK):
        part = flat[start : start + CHUNK].astype(np.float64)
        part = part[np.isfinite(part)]
        if part.size:
            least, greatest = min(least, part.min()), max(greatest, part.max())
            own = part.mean()
            total = count + part.size
            squares += ((part - own) ** 2).sum() + (own - mean) ** 2 * count * part.size / total
            mean += (own - mean) * part.size / total
            count = total
    if not count:
        return Statistics(np.nan, np.nan, np.nan, np.nan, flat.size)
    spread = float(np.sqrt(squares / count))
    return Statistics(float(least), float(greatest), float(mean), spread, flat.size - count)


def list_text(checkpoint: Checkpoint, entries: Sequence[Entry], with_statistics: bool) -> str:
    """A table with a sum."""
    rows = []
    for entry in entries:
        row = [printable(entry.name), entry.dtype, str(list(entry.shape)), size_text(entry.bytes)]
        if with_statistics:
            row += _numbers(checkpoint, entry)
        rows.append(row)
    head = ["name", "type", "shape", "size"]
    head += ["least", "greatest", "mean", "deviation", "not finite"] if with_statistics else []
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    lines = ["  ".join(f"{text:<{w}}" for text, w in zip(row, widths)).rstrip() for row in
             [head, *rows]]  # fmt: skip
    total = sum(entry.bytes for entry in entries)
    lines.append(f"{len(entries)} variables, {size_text(total)}, {checkpoint.kind}")
    return "\n".join(lines) + "\n"


def _numbers(checkpoint: Checkpoint, entry: Entry) -> list[str]:
    found = statistics(checkpoint[entry.name]) if entry.numpy is not None else None
    if found is None:
        return [""] * 5
    numbers = (found.least, found.greatest, found.mean, found.deviation)
    return [*(f"{number:.6g}" for number in numbers), str(found.broken)]


def list_json(checkpoint: Checkpoint, entries: Sequence[Entry], with_statistics: bool) -> str:
    """The same as JSON, with what a graph beside the checkpoint adds."""
    graph = graph_beside(checkpoint)
    state = slots_of(checkpoint, owners_of(checkpoint))
    slots = {name: (owner, slot) for owner, own in state.of.items() for slot, name in own.items()}
    rows = []
    for entry in entries:
        row: dict[str, Any] = {
            "name": entry.name,
            "key": entry.key,
            "dtype": entry.dtype,
            "shape": list(entry.shape),
            "bytes": entry.bytes,
        }
        if entry.slices:
            row["slices"] = entry.slices
        if graph is not None and entry.name in graph.variables:
            row["trainable"] = graph.variables[entry.name].trainable
        if entry.name in slots:
            row["variable"], row["slot"] = slots[entry.name]
        elif entry.name in state.names():
            row["slot"] = "of the optimizer"
        if with_statistics and entry.numpy is not None:
            found = statistics(checkpoint[entry.name])
            row["statistics"] = None if found is None else _finite(found)
        rows.append(row)
    data = {"path": checkpoint.path, "kind": checkpoint.kind, "variables": rows}
    return json.dumps(data, indent=1) + "\n"


def _finite(found: Statistics) -> dict[str, float | None]:
    numbers = {
        "least": found.least,
        "greatest": found.greatest,
        "mean": found.mean,
        "deviation": found.deviation,
    }
    result = {k: v if np.isfinite(v) else None for k, v in numbers.items()}
    return {**result, "not_finite": found.broken}


def size_text(size: int) -> str:
    """1536 as 1.5 KiB."""
    value = float(size)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} TiB"
