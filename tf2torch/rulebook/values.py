"""Abstract values: what is known of an expression without running the program.

Unknown is a value. Every question a rule or a pass may ask of a value has the answer
`UNKNOWN` (for literals) or `None` (for dtypes, ranks and sizes), never a guess.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final


class Unknown:
    """The type of `UNKNOWN`, the answer to a question that cannot be settled statically."""

    def __repr__(self) -> str:
        return "UNKNOWN"

    def __bool__(self) -> bool:
        raise TypeError("UNKNOWN has no truth value; compare with `is UNKNOWN`")


UNKNOWN: Final = Unknown()

#: Kinds of value the engine tells apart; rules see them through the predicate `is`.
KINDS: Final = frozenset(
    {
        "python",  # a host value: number, string, list, numpy array, anything unknown
        "tensor",  # a graph tensor that is computed at run time
        "placeholder",  # a tensor that is fed
        "variable",  # a tf.Variable
        "symbol",  # a TensorFlow function, class or module; detail: its canonical name
        "dtype",  # tf.float32; literal: "float32"
        "sequence",  # a list or tuple with known items; detail: tuple of Value
        "mapping",  # a dict with known keys; detail: tuple of (key literal, Value)
        "function",  # a function or lambda of the program
        "class",  # a class of the program
        "instance",  # an object of a program class
        "operation",  # a tf.Operation: train op, init op, assign op, group
        "object",  # a TensorFlow object that is no tensor; detail carries which
        "unknown",  # nothing is known, perhaps not even whether it is a tensor
    }
)


@dataclass(frozen=True)
class Dim:
    """Length of one axis: its size in elements if known, and the source text that spells it.

    `text` is an expression over names that are valid where modules are constructed, such as
    ``n_hidden`` or ``7 * 7 * 64``. Both may be None: the length is only known when data arrive.
    """

    size: int | None = None
    text: str | None = None

    def __str__(self) -> str:
        return self.text or ("?" if self.size is None else str(self.size))


Shape = tuple[Dim, ...]


@dataclass(frozen=True)
class Value:
    """What is known of one expression.

    Attributes:
        kind: one of `KINDS`.
        literal: the Python constant it equals, or `UNKNOWN`. Lists and tuples are tuples here.
        dtype: TensorFlow dtype name (``"float32"``) of a tensor, None if unknown.
        shape: one `Dim` an axis in TensorFlow's axis order, None if the rank is unknown.
        text: source that spells a host value where modules are constructed, if there is any.
        detail: payload of the kinds that have one.
        host: whether a tensor of TensorFlow is a host value in torch: a size, a shape.
        fixed: whether a tensor is computed from data alone, so that no gradient flows through it.
    """

    kind: str
    literal: Any = UNKNOWN
    dtype: str | None = None
    shape: Shape | None = None
    text: str | None = None
    detail: Any = None
    host: bool = False
    fixed: bool = False

    @property
    def is_tensor(self) -> bool:
        return self.kind in ("tensor", "placeholder", "variable")

    @property
    def rank(self) -> int | None:
        return None if self.shape is None else len(self.shape)

    @property
    def category(self) -> str | None:
        """`float`, `int`, `bool`, `complex` or `string`; None if the dtype is unknown."""
        return dtype_category(self.dtype)


#: A value of which nothing is known.
ANYTHING: Final = Value("unknown")


def constant(literal: Any, text: str | None = None) -> Value:
    """A host value equal to `literal`."""
    return Value("python", literal=literal, text=text)


def tensor(dtype: str | None = None, shape: Shape | None = None) -> Value:
    """A run-time tensor of a dtype and shape, either of which may be unknown."""
    return Value("tensor", dtype=dtype, shape=shape)


def dims(*sizes: int | None) -> Shape:
    """A shape from sizes: ``dims(None, 28, 28, 1)``."""
    return tuple(Dim(size) for size in sizes)


def product(shape: Shape) -> Dim:
    """Number of elements, spelled as a product: ``7 * 7 * 64``."""
    sizes = [d.size for d in shape]
    size = None if None in sizes else math.prod(s for s in sizes if s is not None)
    if not shape:
        return Dim(1, "1")
    if any(d.text is None and d.size is None for d in shape):
        return Dim(size)
    parts = [str(d) if str(d).isidentifier() or str(d).isdigit() else f"({d})" for d in shape]
    return Dim(size, " * ".join(parts))


def dtype_category(dtype: str | None) -> str | None:
    """Family of a TensorFlow dtype name, None if `dtype` is None or not known here."""
    if dtype is None:
        return None
    name = dtype.removesuffix("_ref")
    for category, prefixes in _CATEGORIES:
        if name.startswith(prefixes):
            return category
    return None


_CATEGORIES: Final = (
    ("float", ("float", "bfloat", "half", "double")),
    ("int", ("int", "uint", "qint", "quint")),
    ("bool", ("bool",)),
    ("complex", ("complex",)),
    ("string", ("string",)),
)
