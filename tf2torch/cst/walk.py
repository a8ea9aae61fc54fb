"""Fast reading of syntax trees: libcst's own visitors rebuild each node that they pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields
from functools import cache
from typing import Any

import libcst as cst

#: Fields without code of their own: white space, commas, parentheses, comments.
_TRIVIA = frozenset(
    "leading_lines lines_after_decorators lpar rpar lbracket rbracket lbrace rbrace comma semicolon"
    " colon equal dot trailing_whitespace header footer indent newline asynchronous star".split()
)
#: Fields that stand in the source before those that the class lists first.
_FIRST = {"decorators": 0, "returns": 3, "body": 4}
_DEFINITIONS = (cst.FunctionDef, cst.ClassDef)


@cache
def _fields(kind: type[cst.CSTNode]) -> tuple[str, ...]:
    names = [
        field.name
        for field in fields(kind)
        if field.name not in _TRIVIA
        and not field.name.startswith("whitespace")
        and str(field.type) not in ("str", "bool")
    ]
    if issubclass(kind, _DEFINITIONS):
        names.sort(key=lambda name: _FIRST.get(name, 2))
    return tuple(names)


@cache
def _holds(kind: type) -> int:
    """What a value of this type holds: 1 a node, 2 nodes, 0 neither; `isinstance` is slow here."""
    return 1 if issubclass(kind, cst.CSTNode) else 2 if issubclass(kind, (tuple, list)) else 0


def children(node: cst.CSTNode) -> list[cst.CSTNode]:
    """The nodes right below one, in the order of the source, without white space and commas."""
    found: list[cst.CSTNode] = []
    for name in _fields(type(node)):
        value = getattr(node, name)
        holds = _holds(type(value))  # type: ignore[arg-type]
        if holds == 1:
            found.append(value)
        elif holds == 2:
            found += value
    return found


def walk(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """A node and all below it, parents first."""
    stack = [node]
    while stack:
        item = stack.pop()
        yield item
        stack += reversed(children(item))


def read(node: cst.CSTNode, visitor: Any) -> None:
    """Calls `visit_Name(node)` and `leave_Name(node)` of a visitor as libcst does.

    Nothing below a node is read if its `visit_` returns False. Only for reading: what `leave_`
    returns is ignored.
    """
    enter, leave = _methods(type(visitor), type(node))  # type: ignore[arg-type]
    if enter is not None and enter(visitor, node) is False:
        if leave is not None:
            leave(visitor, node)
        return
    for child in children(node):
        read(child, visitor)
    if leave is not None:
        leave(visitor, node)


def transform(
    node: cst.CSTNode,
    change: Callable[[cst.CSTNode], cst.CSTNode],
    descend: Callable[[cst.CSTNode], cst.CSTNode] | None = None,
) -> cst.CSTNode:
    """The tree with `change` applied to each node, inside out; what does not change is kept.

    `descend` does the children instead, where given.
    """
    below = descend if descend is not None else lambda child: transform(child, change)
    changes: dict[str, Any] = {}
    for name in _fields(type(node)):
        value = getattr(node, name)
        holds = _holds(type(value))  # type: ignore[arg-type]
        if holds == 1:
            new = below(value)
            if new is not value:
                changes[name] = new
        elif holds == 2:
            items = [below(item) for item in value]
            if any(one is not other for one, other in zip(items, value)):
                changes[name] = items
    return change(node.with_changes(**changes) if changes else node)


@cache
def _methods(visitor: type, kind: type) -> tuple[Any, Any]:
    names = (f"visit_{kind.__name__}", f"leave_{kind.__name__}")
    enter, leave = (getattr(visitor, name, None) for name in names)
    return tuple(
        None if method is None or method is getattr(cst.CSTVisitor, name, None) else method
        for method, name in zip((enter, leave), names)
    )  # type: ignore[return-value]
