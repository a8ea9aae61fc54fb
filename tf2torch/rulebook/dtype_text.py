"""Template functions that spell dtypes and numbers that are known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import libcst as cst

from tf2torch.rulebook.model import DTYPES, Refusal
from tf2torch.rulebook.parts import Part, code
from tf2torch.rulebook.values import Value
from tf2torch.rulebook.words import literal

Text = str | Refusal | None

#: Torch's dtypes; int32 is widened, since int64 is torch's index type.
TORCH_DTYPES: Final[Mapping[str, str]] = {
    **{n: n for n in ("float16", "bfloat16", "float32", "float64", "bool", "uint8", "int8")},
    **{n: n for n in ("int16", "int64", "complex64", "complex128")},
    **{"half": "float16", "double": "float64", "int32": "int64"},
    **{"uint16": "int32", "uint32": "int64"},
}
_BUILTINS: Final[Mapping[str, str]] = {"float": "float32", "int": "int32", "bool": "bool"}
_METHODS: Final[Mapping[str, str]] = {
    **{"float32": "float", "float64": "double", "double": "double", "float16": "half"},
    **{"half": "half", "bfloat16": "bfloat16", "int32": "long", "int64": "long", "bool": "bool"},
}


def _name(dtype: Part) -> str | None:
    """TensorFlow's name of a dtype that is written out, None of any other expression."""
    if dtype.node is None:
        return None
    text = code(dtype.node)
    if text in _BUILTINS:
        return _BUILTINS[text]
    module, _, last = text.rpartition(".")
    if module in ("np", "numpy"):
        return last if last in DTYPES else None
    if module in ("torch", "tf") or isinstance(dtype.node, cst.SimpleString):
        known = literal(dtype.value)
        known = _BUILTINS.get(known, known) if isinstance(known, str) else None
        return known if known in DTYPES else None
    return None


def tensor_dtype(dtype: Part) -> Text:
    """``torch.float32`` of a dtype that is written out; another expression stays."""
    if dtype.node is None:
        return None
    name = _name(dtype)
    if name is None:
        return code(dtype.node)
    known = TORCH_DTYPES.get(name)
    return Refusal(f"torch has no dtype {name}") if known is None else f"torch.{known}"


def other_dtype(dtype: Part) -> Text:
    """Like `tensor_dtype`; float32 is torch's default and needs no argument."""
    return None if _name(dtype) == "float32" else tensor_dtype(dtype)


def raw_dtype(dtype: Part) -> Text:
    """Torch's dtype of the same width, for bytes that are read as numbers."""
    return "torch.int32" if _name(dtype) == "int32" else tensor_dtype(dtype)


def cast_method(dtype: Part) -> Text:
    """Name of the tensor method that casts: ``float``, ``long``."""
    method = _METHODS.get(_name(dtype) or "")
    return Refusal("torch has no method for this cast") if method is None else method


def _number(part: Part) -> int | float | None:
    """A number that is written out."""
    if not isinstance(part.node, (cst.Integer, cst.Float, cst.UnaryOperation)):
        return None
    known = literal(part.value)
    return known if isinstance(known, (int, float)) and not isinstance(known, bool) else None


def twice(value: Part) -> Text:
    """A number that is written out, doubled."""
    number = _number(value)
    return Refusal("not a number") if number is None else repr(2 * number)


def minus_twice(value: Part) -> Text:
    """A number that is written out, doubled and negated."""
    number = _number(value)
    return Refusal("not a number") if number is None else repr(-2 * number)


def span(low: Part, high: Part) -> Text:
    """The difference of two numbers that are written out."""
    start, stop = _number(low), _number(high)
    return Refusal("not a number") if start is None or stop is None else repr(stop - start)


def reversed_axes(x: Value) -> Text:
    """All axes of a tensor of known rank, last first: ``2, 1, 0``."""
    if x.rank is None:
        return Refusal("the rank is unknown")
    return ", ".join(str(i) for i in reversed(range(x.rank))) or "()"


#: What a template may call, by name: functions of values, and of expressions.
FUNCTIONS: Final[Mapping[str, Callable[..., Text]]] = {"reversed_axes": reversed_axes}
BUILDERS: Final[Mapping[str, Callable[..., Text]]] = {
    f.__name__: f
    for f in (tensor_dtype, other_dtype, raw_dtype, cast_method, twice, minus_twice, span)
}
