"""What the inputs of a rule's case are: ``float32[2, ?3]``, ``int32[5] in -9..9``, ``python 3``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from tf2torch.rulebook.values import Dim, Value

_SPEC: Final = re.compile(
    r"(?:(placeholder|variable) )?(\w+)\[([^\]]*)\](?: in (-?[\d.]+)\.\.(-?[\d.]+))?"
)


@dataclass(frozen=True)
class InputSpec:
    """An input of a case: ``float32[2, ?3]``, ``int32[5] in -9..9``, ``python 0.5``."""

    kind: str
    dtype: str
    shape: tuple[int, ...] = ()
    known: tuple[bool, ...] = ()
    low: float | None = None
    high: float | None = None
    expression: str | None = None

    @property
    def value(self) -> Value:
        """What the rules may know of the input."""
        if self.expression is not None:
            return Value("python")
        shape = tuple(
            Dim(size if known else None) for size, known in zip(self.shape, self.known, strict=True)
        )
        names = {"prob": "float32", "positive": "float32", "unit": "float32", "distinct": "float32"}
        return Value(self.kind, dtype=names.get(self.dtype, self.dtype), shape=shape)


def parse_spec(text: str) -> InputSpec:
    """Read an input specification that the loader has accepted."""
    if text.startswith("python "):
        return InputSpec("python", "", expression=text[len("python ") :])
    match = _SPEC.fullmatch(text)
    if match is None:
        raise ValueError(f"not an input: {text}")
    kind, dtype, shape, low, high = match.groups()
    sizes = [part.strip() for part in shape.split(",") if part.strip()]
    return InputSpec(
        kind or "tensor",
        dtype,
        tuple(int(s.lstrip("?")) for s in sizes),
        tuple(not s.startswith("?") for s in sizes),
        None if low is None else float(low),
        None if high is None else float(high),
    )
