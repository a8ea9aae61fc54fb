"""Inputs for a comparison, drawn by a seed from a description: `float32[8, 28, 28, 1]`.

float32[8, 28]                standard normal
float32[8, 28] in [0, 1)      uniform in a range
int64[8] < 10                 whole numbers from 0 to 9
int32[4] in [1, 6)            whole numbers in a range
bool[4, 7]                    true or false
lengths[4] <= 7               sequence lengths from 1 to 7
mask[4, 7]                    rows of ones, of random lengths, filled up with zeros
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

FORM = re.compile(
    r"(?P<kind>[a-z]+\d*)\s*\[(?P<shape>[\d,\s]*)\]\s*"
    r"(?:in\s*\[(?P<low>[-+.\de]+)\s*,\s*(?P<high>[-+.\de]+)\s*\)"
    r"|(?P<relation><=?)\s*(?P<bound>\d+))?"
)
FLOATS = ("float16", "float32", "float64")
INTEGERS = ("int8", "uint8", "int16", "int32", "int64")


class SpecError(ValueError):
    """A description of an input that cannot be understood."""


@dataclass(frozen=True)
class Spec:
    """One input: what it holds, its shape and its range."""

    kind: str
    shape: tuple[int, ...]
    low: float | None = None
    high: float | None = None

    def draw(self, random: np.random.RandomState) -> Any:
        """One value."""
        if self.kind in FLOATS:
            if self.low is None or self.high is None:
                return np.asarray(random.randn(*self.shape)).astype(self.kind)
            return random.uniform(self.low, self.high, self.shape).astype(self.kind)
        if self.kind == "bool":
            return random.rand(*self.shape) < 0.5
        low, high = int(self.low or 0), int(self.high if self.high is not None else 2)
        if self.kind == "mask":
            lengths = random.randint(1, self.shape[-1] + 1, self.shape[:-1])
            return (np.arange(self.shape[-1]) < lengths[..., None]).astype(np.float32)
        kind = "int32" if self.kind == "lengths" else self.kind
        return random.randint(low, high, self.shape).astype(kind)


def parse(text: str) -> Spec:
    """Reads a description; what it cannot be is said."""
    found = FORM.fullmatch(text.strip())
    if found is None:
        raise SpecError(f"{text!r} is no input: write 'float32[8, 28]' or 'int64[8] < 10'")
    kind = found["kind"]
    shape = tuple(int(size) for size in found["shape"].split(",") if size.strip())
    if kind not in (*FLOATS, *INTEGERS, "bool", "lengths", "mask"):
        known = ", ".join(FLOATS + INTEGERS)
        raise SpecError(f"{kind!r} in {text!r} is no dtype; there are {known}")
    low = float(found["low"]) if found["low"] else None
    high = float(found["high"]) if found["high"] else None
    if found["bound"]:
        if kind in (*FLOATS, "bool", "mask"):
            raise SpecError(f"{text!r}: only whole numbers have a bound; write 'in [0, 1)'")
        low, high = 0.0, float(found["bound"]) + (found["relation"] == "<=")
    if kind == "lengths":
        if high is None:
            raise SpecError(f"{text!r}: lengths need a bound: 'lengths[4] <= 7'")
        low = 1.0 if low is None or low == 0 else low
    elif kind in INTEGERS and high is None:
        raise SpecError(f"{text!r}: whole numbers need a range: '{kind}[...] < 10'")
    if low is not None and high is not None and low >= high:
        raise SpecError(f"{text!r}: the range is empty")
    return Spec(kind, shape, low, high)


def drawn(inputs: Any, seed: int = 0) -> Any:
    """Inputs with every description replaced by values; arrays stay as they are."""
    return _drawn(inputs, np.random.RandomState(seed))


def _drawn(value: Any, random: np.random.RandomState) -> Any:
    if isinstance(value, str):
        return parse(value).draw(random)
    if isinstance(value, Spec):
        return value.draw(random)
    if isinstance(value, Mapping):
        return {key: _drawn(item, random) for key, item in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(_drawn(item, random) for item in value))
    if isinstance(value, (list, tuple)):
        return type(value)(_drawn(item, random) for item in value)
    return np.asarray(value)
