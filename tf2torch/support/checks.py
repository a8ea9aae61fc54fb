"""Checks and prints that stand inside a computation."""

from __future__ import annotations

from typing import Any

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


def print_tensors(
    x: Any,
    data: Any,
    message: str | None = None,
    first_n: int | None = None,
    summarize: int | None = None,
) -> Any:
    """x itself; prints the message and the first elements of each tensor in data to stderr."""
    import sys

    key = f"{message} {len(data)}"
    _prints[key] = _prints.get(key, 0) + 1
    if first_n is None or first_n < 0 or _prints[key] <= first_n:
        parts = []
        for item in data:
            numbers = torch.as_tensor(item).detach().flatten().tolist()
            count = len(numbers) if summarize == -1 else summarize or 3
            more = "..." if len(numbers) > count else ""
            parts.append("[" + " ".join(f"{n:g}" for n in numbers[:count]) + more + "]")
        print((message or "") + "".join(parts), file=sys.stderr)
    return x
