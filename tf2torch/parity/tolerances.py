"""How far two values may be apart, and the words for it when they are further."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

NUMBER = re.compile(r"[-+]?(?:\d+\.\d*|\.\d+|\d+)(?:[eE][-+]?\d+)?|[-+]?\b(?:nan|inf)\b")
SCALAR = re.compile(r"\bnp\.(?:float|int|uint|bool_?)\d*\(([^()]*)\)")
UNKNOWN_LENGTH = re.compile(r"(?<=[( ])\?(?=[,)])")
#: What the frameworks write each in their way: types, shapes, and where in memory an object lies.
SAME = (
    (re.compile(r"<dtype: '(\w+?)(?:_ref)?'>"), r"\1"),
    (re.compile(r"\b(?:tf|torch)\.(?=(?:u?int\d+|b?float\d+|bool)\b)"), ""),
    (re.compile(r"\bDimension\((\w+)\)"), r"\1"),
    (re.compile(r"\b(?:torch\.Size|TensorShape)\(\[([^\]]*)\]\)"), r"(\1)"),
    (re.compile(r"(?<=[\w?]),\)"), ")"),
    (re.compile(r"\bat 0x[0-9a-f]+"), "at 0x"),
)


@dataclass(frozen=True)
class Tolerance:
    """Relative and absolute tolerance at the first run and after training steps.

    Rounding grows with every step of a training run, and the two frameworks round differently: the
    tolerance grows by `growth` of its first value with each step, up to `limit` times. A program
    that is further apart is replayed in double precision to see how much of it is rounding.
    """

    rtol: float = 2e-5
    atol: float = 2e-6
    growth: float = 0.2
    limit: float = 20.0

    def after(self, steps: int) -> tuple[float, float]:
        factor = min(1.0 + self.growth * steps, self.limit)
        return self.rtol * factor, self.atol * factor


#: Both programs in double precision: what is left above this is a difference in meaning.
DOUBLE = Tolerance(rtol=1e-9, atol=1e-11)


def differs(got: Any, wanted: Any, rtol: float, atol: float) -> str | None:
    """What is wrong with `got`, or None. The scale of a tensor is its largest element."""
    got, wanted = np.asarray(got), np.asarray(wanted)
    if got.shape != wanted.shape:
        return f"The shapes differ: {list(got.shape)}, expected {list(wanted.shape)}"
    if got.size == 0:
        return None
    if wanted.dtype.kind in "biu" and got.dtype.kind in "biu":
        wrong = got.astype(np.int64) != wanted.astype(np.int64)
        rtol = atol = 0.0
    else:
        scale = np.abs(wanted[np.isfinite(wanted)]).max(initial=0.0)
        wrong = ~np.isclose(got, wanted, rtol=rtol, atol=atol + rtol * scale, equal_nan=True)
    if not wrong.any():
        return None
    return describe(got.astype(np.float64), wanted.astype(np.float64), wrong, rtol, atol)


def distance(a: Any, b: Any) -> float:
    """The largest difference of two arrays, relative to the largest element."""
    if a.shape != b.shape or a.size == 0:
        return 0.0
    scale = float(np.abs(b).max())
    return (
        float(np.abs(a.astype(np.float64) - b.astype(np.float64)).max()) / scale if scale else 0.0
    )


def error(got: Any, wanted: Any, scale: float = 0.0) -> tuple[float, float]:
    """The largest difference, and the same relative to the largest element, or to a `scale`."""
    got, wanted = np.asarray(got), np.asarray(wanted)
    if got.shape != wanted.shape:
        return np.inf, np.inf
    if got.size == 0:
        return 0.0, 0.0
    x, y = got.astype(np.float64), wanted.astype(np.float64)
    with np.errstate(invalid="ignore"):
        apart = np.where((x == y) | (np.isnan(x) & np.isnan(y)), 0.0, np.abs(x - y))
    absolute = float(np.where(np.isnan(apart), np.inf, apart).max())
    scale = scale or float(np.abs(y[np.isfinite(y)]).max(initial=0.0))
    return absolute, absolute / scale if scale else (0.0 if absolute == 0 else np.inf)


def describe(got: Any, wanted: Any, wrong: Any, rtol: float, atol: float) -> str:
    """The counts and the greatest differences, in the words of torch.testing and numpy.testing."""
    with np.errstate(invalid="ignore", divide="ignore"):
        absolute = np.where(got == wanted, 0.0, np.abs(got - wanted))
        relative = absolute / np.abs(wanted)
    count, share = int(wrong.sum()), 100.0 * wrong.mean()
    lines = [f"Mismatched elements: {count} / {got.size} ({share:.1f}%)"]
    for title, values, allowed in (("absolute", absolute, atol), ("relative", relative, rtol)):
        values = np.where(np.isnan(values), np.inf, values)
        where = np.unravel_index(int(np.argmax(values)), values.shape)
        at = f" at index {tuple(int(i) for i in where)}" if values.ndim else ""
        lines.append(
            f"Greatest {title} difference: {values[where]:.6g}{at} (up to {allowed:.1e} allowed)"
        )
    lines += [*passing(absolute, wanted, rtol, atol), *_units(absolute, wanted)]
    first = tuple(int(i[0]) for i in np.nonzero(wrong)) if got.ndim else ()
    lines.append(f"First difference: got {got[first]:.9g}, expected {wanted[first]:.9g}")
    return "\n".join(lines)


def passing(absolute: Any, wanted: Any, rtol: float, atol: float) -> list[str]:
    """The tolerances that would have passed."""
    if not np.isfinite(absolute).all():
        return []
    size = np.abs(np.where(np.isfinite(wanted), wanted, 0.0))
    size = size + size.max(initial=0.0)
    needed = float((absolute - rtol * size).max())
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = float(np.nan_to_num((absolute - atol) / size, nan=np.inf).max())
    either = f" or rtol={ratio:.2g}" if np.isfinite(ratio) and ratio < 1 else ""
    return [f"Would pass with atol={needed:.2g}{either}"]


def _units(absolute: Any, wanted: Any) -> list[str]:
    """The greatest difference in units of the last place of single precision."""
    with np.errstate(invalid="ignore", over="ignore"):
        units = absolute / np.spacing(np.abs(wanted).astype(np.float32)).astype(np.float64)
    most = float(np.nan_to_num(units, nan=0.0, posinf=0.0).max(initial=0.0))
    return [f"Greatest difference in units of the last place: {most:.3g}"]


def line_differs(got: str, wanted: str, rtol: float, atol: float) -> bool:
    """Whether two lines of output differ in their words, or in a number by more than allowed.

    A printed number may also be off by one in its last digit: both sides were rounded.
    """
    if got == wanted:
        return False
    got, wanted = plain(got), plain(wanted)
    if words(got) != words(wanted):
        return True
    for a, b in zip(NUMBER.findall(got), NUMBER.findall(wanted)):
        x, y = float(a), float(b)
        if not np.isclose(x, y, rtol=rtol, atol=atol + 1.01 * last_place(b), equal_nan=True):
            return True
    return False


def plain(line: str) -> str:
    """A line as older versions print it: ``np.float32(0.5)`` as 0.5, unknown lengths as None."""
    line = UNKNOWN_LENGTH.sub("None", SCALAR.sub(r"\1", line))
    for found, written in SAME:
        line = found.sub(written, line)
    return line


def words(line: str) -> str:
    """A line without its numbers and its spaces; numpy aligns numbers by their length."""
    return "".join(NUMBER.sub("#", line).split())


def last_place(text: str) -> float:
    """The value of one in the last digit of a printed number; none in a whole number."""
    mantissa, _, exponent = text.lower().partition("e")
    _, point, decimals = mantissa.partition(".")
    power = int(exponent or 0)
    if not point and not exponent:
        return 0.0
    return float(10.0 ** (power - len(decimals)))
