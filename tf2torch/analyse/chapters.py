"""Divides the code of a scope where it begins another graph: there names start anew."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import libcst as cst

from tf2torch.analyse.wording import called, names_below
from tf2torch.cst.walk import below

Divide = Callable[[Sequence[cst.CSTNode]], list[list[cst.CSTNode]]]


def whole(body: Sequence[cst.CSTNode]) -> list[list[cst.CSTNode]]:
    """The statements of a scope in one list."""
    return [list(body)]


def chapters(body: Sequence[cst.CSTNode]) -> list[list[cst.CSTNode]]:
    """The statements of a scope, one list for each graph that comes after another.

    Where code returns to an earlier graph, everything is one list.
    """
    names = _graph_names(body)
    found: list[list[cst.CSTNode]] = [[]]
    current: str | None = None
    left: set[str] = set()
    for node in body:
        opened = _opened(node, names)
        if (opened is not None and opened != current) or _resets(node):
            found.append([])
            left |= {current} if current is not None else set()
            current = opened
        if left & names_below(node):
            return [list(body)]
        found[-1].append(node)
    return found


def _graph_names(body: Sequence[cst.CSTNode]) -> set[str]:
    """``g = tf.Graph()``"""
    return {
        target.target.value
        for node in body
        for made in below(node, cst.Assign)
        if called(made.value) == "Graph"
        for target in made.targets
        if isinstance(target.target, cst.Name)
    }


def _opened(node: cst.CSTNode, names: set[str]) -> str | None:
    """The graph of ``with g.as_default():``; one without a name is new."""
    for item in node.items if isinstance(node, cst.With) else ():
        call = item.item
        if called(call) == "as_default" and isinstance(call, cst.Call):
            func = call.func
            owner = func.value if isinstance(func, cst.Attribute) else None
            if owner is not None and called(owner) == "Graph":
                return f"graph {id(node)}"
            if isinstance(owner, cst.Name) and owner.value in names:
                return owner.value
    return None


def _resets(node: cst.CSTNode) -> bool:
    if not isinstance(node, cst.SimpleStatementLine):
        return False
    return any(
        isinstance(small, cst.Expr) and called(small.value) == "reset_default_graph"
        for small in node.body
    )
