"""What is known of sequences, mappings and other values that hold items."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import libcst as cst

from tf2torch.analyse.facts import Obj
from tf2torch.analyse.state import join_all
from tf2torch.rulebook.values import ANYTHING, UNKNOWN, Dim, Value, constant, tensor

#: Sequences longer than this stay opaque.
LONGEST = 4096


def truth(value: Value) -> bool | None:
    """Truth value in an `if`, None if it is not known."""
    if value.literal is not UNKNOWN:
        return bool(value.literal)
    if value.kind in ("sequence", "mapping"):
        return bool(value.detail)
    if value.kind in ("function", "class", "instance", "symbol", "dtype", "object"):
        return True
    return None


def items_of(value: Value) -> list[Value] | None:
    """The items that iteration gives, None if their number is not known."""
    if value.kind == "sequence":
        return list(value.detail)
    if value.kind == "mapping":
        return [constant(key) for key, _ in value.detail]
    if value.kind == "object" and value.detail.type == "TensorShape":
        return list(value.detail["dims"]) if value.detail["dims"] is not None else None
    if isinstance(value.literal, (tuple, range)) and len(value.literal) <= LONGEST:
        return [constant(item) for item in value.literal]
    if (
        value.is_tensor
        and value.shape
        and value.shape[0].size is not None
        and value.shape[0].size <= 64
    ):
        return [tensor(value.dtype, value.shape[1:]) for _ in range(value.shape[0].size)]
    return None


def element_of(value: Value) -> Value:
    """What is known of any one item."""
    if value.kind == "many":
        return value.detail
    items = items_of(value)
    if items:
        return join_all(items)
    if value.kind == "object" and value.detail.type == "TensorShape":
        return Value("object", detail=Obj("Dimension", {"dim": Dim()}))
    if value.is_tensor:
        return tensor(value.dtype, value.shape[1:] if value.shape else None)
    return Value("python") if value.kind == "python" else ANYTHING


def sequence(items: Sequence[Value]) -> Value:
    """A list or tuple; its literal is known if every item's is."""
    values = tuple(items)
    if all(item.literal is not UNKNOWN and item.kind == "python" for item in values):
        return Value("sequence", literal=tuple(item.literal for item in values), detail=values)
    return Value("sequence", detail=values)


def mapping_key(key: Value) -> Any:
    """A hashable stand-in for a key: its literal, or the identity of the tensor."""
    if key.literal is not UNKNOWN:
        try:
            hash(key.literal)
        except TypeError:
            return object()
        return key.literal
    return ("id", key.detail) if key.is_tensor and key.detail is not None else object()


def shared_among(target: cst.Tuple | cst.List, value: Value) -> Sequence[Value]:
    """What each part of a target takes of a value; a starred part takes a list."""
    items = items_of(value)
    count = len(target.elements)
    starred = [i for i, e in enumerate(target.elements) if isinstance(e, cst.StarredElement)]
    if not starred:
        return items if items is not None and len(items) == count else [element_of(value)] * count
    first = starred[0]
    if items is None or len(items) < count - 1:
        shared = [element_of(value)] * count
        shared[first] = ANYTHING
        return shared
    last = len(items) - (count - 1 - first)
    rest = Value("sequence", detail=tuple(items[first:last]))
    return [*items[:first], rest, *items[last:]]
