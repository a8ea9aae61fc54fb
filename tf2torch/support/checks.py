"""Checks and prints that stand inside a computation."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import torch


def check(condition: Any, message: Any = "") -> None:
    """Raise if the condition does not hold for every element."""
    holds = condition if isinstance(condition, bool) else bool(torch.as_tensor(condition).all())
    if not holds:
        raise ValueError(f"assertion failed: {message}")


def check_numerics(x: torch.Tensor, message: str) -> torch.Tensor:
    """x itself; raises if it holds NaN or infinity."""
    if not torch.isfinite(x).all():
        raise ValueError(f"{message} : Tensor had NaN or Inf values")
    return x


_prints: dict[str, int] = {}


def _number(value: Any, digits: int) -> str:
    """A number as TensorFlow prints it: short if that is exact, else with all its digits."""
    if not isinstance(value, float):
        return str(int(value))
    short = f"{value:.{digits}g}"
    exact = np.float32(short) == np.float32(value) if digits == 6 else float(short) == value
    return short if exact else f"{value:.{digits + 3 if digits == 6 else 17}g}"


def _summary(x: torch.Tensor, limit: int) -> str:
    """The first `limit` elements between the brackets of their axes."""
    digits = 15 if x.dtype == torch.float64 else 6
    left = [limit]

    def rows(part: Any) -> str:
        if not isinstance(part, list):
            left[0] -= 1
            return _number(part, digits)
        leaf = not part or not isinstance(part[0], list)
        shown = []
        for item in part:
            if left[0] <= 0:
                break
            shown.append(rows(item) if leaf else f"[{rows(item)}]")
        return (" " if leaf else "").join(shown)

    text = rows(x.tolist())
    more = "..." if x.numel() > limit else ""
    return f"[{text}{more}]" if x.dim() else text


def print_tensors(
    x: Any,
    data: Any,
    message: str | None = None,
    first_n: int | None = None,
    summarize: int | None = None,
) -> Any:
    """tf.Print: x itself; prints the message and the first elements of data to stderr."""
    key = f"{message} {len(data)}"
    _prints[key] = _prints.get(key, 0) + 1
    if first_n is None or first_n < 0 or _prints[key] <= first_n:
        tensors = [torch.as_tensor(item).detach() for item in data]
        limits = [t.numel() if summarize == -1 else summarize or 3 for t in tensors]
        parts = [_summary(t, limit) for t, limit in zip(tensors, limits, strict=True)]
        print((message or "") + "".join(parts), file=sys.stderr)
    return x
