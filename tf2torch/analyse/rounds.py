"""Lengths that a loop hands on: what a text meant in the round before is no text of this round."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import libcst as cst

from tf2torch.analyse.facts import Obj
from tf2torch.analyse.names import is_stable, words_in
from tf2torch.analyse.state import PREVIOUS, Frame, State
from tf2torch.cst.names import bound, own_nodes
from tf2torch.rulebook.values import UNKNOWN, Dim, Value


def bound_in(node: cst.For) -> frozenset[str]:
    """Names that a round of a loop binds anew."""
    return frozenset(t.value for t in bound(own_nodes(node)) if isinstance(t, cst.Name))


def spelled_by(node: cst.For) -> frozenset[str]:
    """Names that a loop binds and its body does not bind again."""
    heads = {t.value for t in bound([node]) if isinstance(t, cst.Name)}
    inside = {t.value for t in bound(own_nodes(node.body)) if isinstance(t, cst.Name)}
    return frozenset(heads - inside)


def spelled(state: State, target: cst.CSTNode, element: Value) -> Value:
    """What a loop binds in a round, spelled by the names that it binds."""
    if isinstance(target, cst.Name):
        if target.value not in state.frame.spelled:
            return element
        unknown = element.kind == "python" and element.literal is UNKNOWN
        if unknown and element.text is None and element.detail is None:
            return replace(element, text=target.value)
    elif isinstance(target, (cst.Tuple, cst.List)) and element.kind == "sequence":
        targets = [item.value for item in target.elements]
        if len(targets) == len(element.detail):
            pairs = zip(targets, element.detail, strict=True)
            items = tuple(spelled(state, one, item) for one, item in pairs)
            return Value("sequence", detail=items)
    return element


def text_in_round(state: State, frame: Frame, text: str | None) -> str | None:
    """A text over names that the loops under way bind: valid until the round ends."""
    if text is None or not frame.spelled:
        return None
    words = words_in(text)
    fixed = (word in frame.spelled or is_stable(state, frame, word) for word in words)
    return text if words & frame.spelled and all(fixed) else None


def end_round(state: State, names: frozenset[str]) -> None:
    """Marks the texts of what stays behind of a round: its names mean other things in the next."""
    kept = state.frame.names
    for name, value in list(kept.items()):
        kept[name] = _aged(value, names)


def _aged(value: Value, names: frozenset[str]) -> Value:
    changes: dict[str, Any] = {}
    if value.text is not None:
        text = _aged_text(value.text, names)
        if text != value.text:
            changes["text"] = text
    if value.shape is not None:
        shape = tuple(_aged_dim(dim, names) for dim in value.shape)
        if any(one is not other for one, other in zip(shape, value.shape, strict=True)):
            changes["shape"] = shape
    detail = value.detail
    if value.kind == "sequence":
        items = tuple(_aged(item, names) for item in detail)
        if not _same(items, detail):
            changes["detail"] = items
    elif value.kind == "mapping":
        items = tuple(_aged(item, names) for _, item in detail)
        if not _same(items, [item for _, item in detail]):
            changes["detail"] = tuple((key, item) for (key, _), item in zip(detail, items))
    elif value.kind == "many":
        item = _aged(detail, names)
        if item is not detail:
            changes["detail"] = item
    elif isinstance(detail, Obj) and detail.type == "Dimension":
        dim = _aged_dim(detail["dim"], names)
        if dim is not detail["dim"]:
            changes["detail"] = Obj("Dimension", {"dim": dim})
    return replace(value, **changes) if changes else value


def _same(items: Iterable[Value], others: Iterable[Value]) -> bool:
    return all(one is other for one, other in zip(items, others, strict=True))


def _aged_dim(dim: Dim, names: frozenset[str]) -> Dim:
    text = dim.text and _aged_text(dim.text, names)
    return dim if text == dim.text else Dim(dim.size, text)


def _aged_text(text: str, names: frozenset[str]) -> str | None:
    """`text`, marked if it mentions a name of the round; None for what is two rounds old."""
    words = words_in(text)
    if not words & names:
        return text
    return None if PREVIOUS in words else f"{PREVIOUS}({text})"
