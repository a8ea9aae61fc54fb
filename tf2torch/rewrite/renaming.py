"""Renames in converted code, by the rules of Python's scopes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import libcst as cst

from tf2torch.cst.names import local_names, parameters
from tf2torch.cst.walk import transform, walk

Statements = list[Any]


def renamed(node: Any, names: Mapping[str, cst.BaseExpression], local: frozenset[str]) -> Any:
    """A tree with names replaced where no function binds them itself."""

    def change(item: cst.CSTNode, hidden: frozenset[str]) -> cst.CSTNode:
        if isinstance(item, cst.Name):
            new = names.get(item.value) if item.value not in hidden else None
            if new is None:
                return item
            return new.with_changes(lpar=item.lpar, rpar=item.rpar)
        if isinstance(item, cst.Call) and not item.args and isinstance(item.func, cst.Name):
            new = names.get(f"{item.func.value}()") if item.func.value not in hidden else None
            if new is not None:
                return new.with_changes(lpar=item.lpar, rpar=item.rpar)
        if isinstance(item, (cst.FunctionDef, cst.Lambda)):
            inner = hidden | _binds(item)
            if isinstance(item, cst.FunctionDef):
                params = transform(
                    item.params, _same, descend=lambda child: change(child, hidden | _binds(item))
                )
                body = transform(item.body, _same, descend=lambda child: change(child, inner))
                return item.with_changes(params=params, body=_undeclared(body, set(names)))
            return transform(item, _same, descend=lambda child: change(child, inner))
        if isinstance(item, (cst.ListComp, cst.SetComp, cst.DictComp, cst.GeneratorExp)):
            bound_here = {
                n.value
                for c in walk(item)
                if isinstance(c, cst.CompFor)
                for n in walk(c.target)
                if isinstance(n, cst.Name)
            }
            return transform(item, _same, descend=lambda child: change(child, hidden | bound_here))
        if isinstance(item, cst.Attribute):
            value = change(item.value, hidden)
            return item if value is item.value else item.with_changes(value=value)
        if isinstance(item, cst.Arg):
            value = change(item.value, hidden)
            return item if value is item.value else item.with_changes(value=value)
        if isinstance(item, (cst.ImportAlias, cst.Global)):
            return item
        return transform(item, _same, descend=lambda child: change(child, hidden))

    return change(node, local)


def renamed_anywhere(node: Any, names: Mapping[str, cst.Name]) -> Any:
    def change(item: cst.CSTNode) -> cst.CSTNode:
        if isinstance(item, cst.Name) and item.value in names:
            return item.with_changes(value=names[item.value].value)
        if isinstance(item, (cst.Attribute, cst.Arg)):
            value = change(item.value)
            return item if value is item.value else item.with_changes(value=value)
        return transform(item, _same, descend=change)

    return change(node)


def _same(node: cst.CSTNode) -> cst.CSTNode:
    return node


def _binds(node: cst.FunctionDef | cst.Lambda) -> frozenset[str]:
    if isinstance(node, cst.FunctionDef):
        return local_names(node)
    return frozenset(parameters(node))


def _undeclared(body: Any, names: set[str]) -> Any:
    """A body whose `global` statements leave out names that are attributes now."""
    kept = without_globals(body.body, names)
    if not kept:
        kept = [cst.SimpleStatementLine([cst.Pass()])]
    return body.with_changes(body=kept)


def without_globals(body: Sequence[Any], names: set[str]) -> Statements:
    kept: Statements = []
    for node in body:
        small = node.body[0] if isinstance(node, cst.SimpleStatementLine) else None
        if isinstance(small, cst.Global):
            items = [item for item in small.names if item.name.value not in names]
            if not items:
                continue
            items[-1] = items[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
            node = node.with_changes(body=[small.with_changes(names=items)])
        kept.append(node)
    return kept
