"""Fast reading of syntax trees: libcst's own visitors rebuild each node that they pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any, TypeVar

import libcst as cst

from tf2torch.cst.memory import remember

N = TypeVar("N", bound=cst.CSTNode)

#: Fields without code of their own: white space, commas, parentheses, comments.
_TRIVIA = frozenset(
    "leading_lines lines_after_decorators lpar rpar lbracket rbracket lbrace rbrace comma semicolon"
    " colon equal dot trailing_whitespace header footer indent newline asynchronous star".split()
)
#: Fields that stand in the source before those that the class lists first.
_FIRST = {"decorators": 0, "returns": 3, "body": 4}
_DEFINITIONS = (cst.FunctionDef, cst.ClassDef)


class _Fields(dict[type, tuple[str, ...]]):
    """The names of the fields of each node class that hold code."""

    def __missing__(self, kind: type) -> tuple[str, ...]:
        names = [
            field.name
            for field in fields(kind)
            if field.name not in _TRIVIA
            and not field.name.startswith("whitespace")
            and str(field.type) not in ("str", "bool")
        ]
        if issubclass(kind, _DEFINITIONS):
            names.sort(key=lambda name: _FIRST.get(name, 2))
        self[kind] = tuple(names)
        return self[kind]


class _Backwards(dict[type, tuple[str, ...]]):
    """The same from last to first."""

    def __missing__(self, kind: type) -> tuple[str, ...]:
        self[kind] = _FIELDS[kind][::-1]
        return self[kind]


class _Holds(dict[type, int]):
    """What a value of a class holds: 1 a node, 2 nodes, 0 neither; `isinstance` is slow here."""

    def __missing__(self, kind: type) -> int:
        holds = 1 if issubclass(kind, cst.CSTNode) else 2 if issubclass(kind, (tuple, list)) else 0
        self[kind] = holds
        return holds


_FIELDS = _Fields()
_BACKWARDS = _Backwards()
_HOLDS = _Holds()


def children(node: cst.CSTNode) -> list[cst.CSTNode]:
    """The nodes right below one, in the order of the source, without white space and commas."""
    found: list[cst.CSTNode] = []
    for name in _FIELDS[type(node)]:
        value = getattr(node, name)
        holds = _HOLDS[type(value)]
        if holds == 1:
            found.append(value)
        elif holds == 2:
            found += value
    return found


#: The classes of statements; `isinstance` is slow for nodes.
STATEMENTS: frozenset[type[cst.CSTNode]] = frozenset(
    {
        cst.SimpleStatementLine,
        cst.FunctionDef,
        cst.ClassDef,
        cst.If,
        cst.For,
        cst.While,
        cst.With,
        cst.Try,
        cst.TryStar,
        cst.Match,
    }
)


def walk(node: cst.CSTNode) -> Sequence[cst.CSTNode]:
    """A node and all below it, parents first."""
    return _statement_nodes(node) if type(node) in _STATEMENTS else _nodes(node)


def below(node: cst.CSTNode, *kinds: type[N]) -> list[N]:
    """A node and those below it that are of some classes (not their subclasses)."""
    return [item for item in walk(node) if type(item) in kinds]  # type: ignore[misc]


#: Passes look at statements again and again, and most of them survive a rewriting.
_STATEMENTS = STATEMENTS | {cst.Module, cst.IndentedBlock}


@remember
def _statement_nodes(node: cst.CSTNode) -> tuple[cst.CSTNode, ...]:
    return tuple(_nodes(node))


def _nodes(node: cst.CSTNode) -> list[cst.CSTNode]:
    found: list[cst.CSTNode] = [node]
    stack = children(node)
    stack.reverse()
    while stack:
        item = stack.pop()
        kind = type(item)
        if kind in _STATEMENTS:
            found += _statement_nodes(item)
            continue
        found.append(item)
        for name in _BACKWARDS[kind]:  # as `children`, without a list of them
            value = getattr(item, name)
            holds = _HOLDS[type(value)]
            if holds == 1:
                stack.append(value)
            elif holds == 2:
                stack += value[::-1]
    return found


def read(node: cst.CSTNode, visitor: Any) -> None:
    """Calls `visit_Name(node)` and `leave_Name(node)` of a visitor as libcst does.

    Nothing below a node is read if its `visit_` returns False. Only for reading: what `leave_`
    returns is ignored.
    """
    enter, leave = _METHODS[type(visitor)][type(node)]
    if enter is not None and enter(visitor, node) is False:
        if leave is not None:
            leave(visitor, node)
        return
    for name in _FIELDS[type(node)]:
        value = getattr(node, name)
        holds = _HOLDS[type(value)]
        if holds == 1:
            read(value, visitor)
        elif holds == 2:
            for item in value:
                read(item, visitor)
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
    return change(with_children(node, descend or (lambda child: transform(child, change))))


def with_children(node: cst.CSTNode, change: Callable[[cst.CSTNode], cst.CSTNode]) -> cst.CSTNode:
    """The node with `change` applied to each node right below; itself if they stay the same.

    `change` may give several nodes in the place of one, in a FlattenSentinel.
    """
    changes: dict[str, Any] = {}
    for name in _FIELDS[type(node)]:
        value = getattr(node, name)
        holds = _HOLDS[type(value)]
        if holds == 1:
            new = change(value)
            if new is not value:
                changes[name] = new
        elif holds == 2:
            items = [change(item) for item in value]
            if any(one is not other for one, other in zip(items, value)):
                changes[name] = [
                    part
                    for item in items
                    for part in (item if type(item) is cst.FlattenSentinel else (item,))
                ]
    return node.with_changes(**changes) if changes else node


class _Methods(dict[type, tuple[Any, Any]]):
    """What a class of visitors defines for each class of nodes."""

    def __init__(self, visitor: type) -> None:
        super().__init__()
        self.visitor = visitor

    def __missing__(self, kind: type) -> tuple[Any, Any]:
        names = (f"visit_{kind.__name__}", f"leave_{kind.__name__}")
        enter, leave = (getattr(self.visitor, name, None) for name in names)
        own = [
            None if method is None or method is getattr(cst.CSTVisitor, name, None) else method
            for method, name in zip((enter, leave), names)
        ]
        self[kind] = (own[0], own[1])
        return self[kind]


class _Visitors(dict[type, _Methods]):
    def __missing__(self, visitor: type) -> _Methods:
        self[visitor] = _Methods(visitor)
        return self[visitor]


_METHODS = _Visitors()
