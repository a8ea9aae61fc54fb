"""Checks and prints that stand inside a computation."""

from __future__ import annotations

import math
import sys
from collections import Counter
from collections.abc import Sequence
from typing import Any

import torch


def check(condition: Any, message: Any = "") -> None:
    """Raise if the condition does not hold for every element."""
    holds = condition if isinstance(condition, bool) else bool(torch.as_tensor(condition).all())
    if not holds:
        raise ValueError(f"assertion failed: {message}")


def check_numerics(x: torch.Tensor, message: str) -> torch.Tensor:
    """x itself; raises if it holds NaN or infinity."""
    for name, found in (("NaN", x.isnan()), ("Inf", x.isinf())):
        if bool(found.any()):
            raise ValueError(f"{message} : Tensor had {name} values")
    return x


_PRINTED: Counter[tuple[str, int]] = Counter()


def print_tensors(
    x: Any,
    data: Sequence[Any],
    message: str | None = None,
    first_n: int | None = None,
    summarize: int | None = None,
) -> Any:
    """x itself, as from tf.Print; writes the message and the first elements of data to stderr.

    first_n counts the calls from one line of the program; summarize is 3 elements by default.
    """
    caller = sys._getframe(1)
    line = (caller.f_code.co_filename, caller.f_lineno)
    _PRINTED[line] += 1
    if first_n is None or first_n < 0 or _PRINTED[line] <= first_n:
        parts = [_summary(torch.as_tensor(item).detach().cpu(), summarize or 3) for item in data]
        print((message or "") + "".join(f"[{part}]" for part in parts), file=sys.stderr)
    return x


def _summary(x: torch.Tensor, limit: int) -> str:
    """The first elements, nested like the tensor; limit -1 is all of them."""
    limit = x.numel() if limit < 0 else limit
    elements = [f"{v:g}" if type(v) is float else str(v) for v in x.reshape(-1)[:limit].tolist()]
    text = _nested(x.shape, elements, "..." if x.dim() > 1 else "") if x.dim() else elements[0]
    return text + ("..." if x.numel() > limit else "")


def _nested(shape: Sequence[int], elements: list[str], cut: str) -> str:
    """Elements in brackets like a tensor of this shape; `cut` marks a row that lacks some."""
    if len(shape) == 1:
        row = elements[: shape[0]]
        return " ".join(row) + (cut if len(row) < shape[0] else "")
    size = math.prod(shape[1:])
    starts = range(0, min(shape[0] * size, len(elements)), size)
    return "".join(f"[{_nested(shape[1:], elements[s : s + size], cut)}]" for s in starts)
