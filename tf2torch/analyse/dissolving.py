"""Drops arg_scopes that have nothing left to say, and what only they read."""

from __future__ import annotations

import libcst as cst

from tf2torch.analyse.state import State
from tf2torch.cst.walk import transform, walk


def dissolve(
    module: cst.Module, state: State, origins: dict[cst.CSTNode, cst.CSTNode]
) -> cst.Module:
    """The program without its arg_scopes, and without what only they read."""

    def is_scope(item: cst.WithItem) -> bool:
        value = state.values.get(item.item)
        found = value is not None and value.kind == "object" and value.detail.type == "arg_scope"
        return found and item.asname is None

    def visit(node: cst.CSTNode) -> cst.CSTNode:
        if isinstance(node, (cst.Module, cst.IndentedBlock)):
            body = [new for item in node.body for new in statements(item)]
            same = len(body) == len(node.body) and all(a is b for a, b in zip(body, node.body))
            return node if same else kept(node.with_changes(body=body), node)
        return kept(transform(node, lambda new: new, descend=visit), node)

    def kept(new: cst.CSTNode, node: cst.CSTNode) -> cst.CSTNode:
        if new is not node:
            origins.setdefault(new, origins.get(node, node))
        return new

    def statements(node: cst.CSTNode) -> list[cst.CSTNode]:
        if isinstance(node, cst.With) and any(is_scope(item) for item in node.items):
            items = [item for item in node.items if not is_scope(item)]
            if items:
                items[-1] = items[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
                return [visit(kept(node.with_changes(items=items), node))]
            body = [new for item in node.body.body for new in statements(item)]
            first = body[0]
            lines = [*node.leading_lines, *getattr(first, "leading_lines", ())]
            return [kept(first.with_changes(leading_lines=lines), first), *body[1:]]
        return [visit(node)]

    before = _loads(module)
    changed = visit(module)
    if changed is module:
        return module
    assert isinstance(changed, cst.Module)
    unread = before - _loads(changed)
    return _without(changed, unread, origins) if unread else changed


def _loads(module: cst.CSTNode) -> set[str]:
    stored = {
        id(node.target)
        for node in walk(module)
        if isinstance(node, cst.AssignTarget) and isinstance(node.target, cst.Name)
    }
    return {
        node.value for node in walk(module) if isinstance(node, cst.Name) and id(node) not in stored
    }


def _without(
    module: cst.Module, names: set[str], origins: dict[cst.CSTNode, cst.CSTNode]
) -> cst.Module:
    """Drops assignments of plain values to names that nothing reads any more."""

    def unread(node: cst.CSTNode) -> bool:
        if not isinstance(node, cst.SimpleStatementLine) or len(node.body) != 1:
            return False
        small = node.body[0]
        if not isinstance(small, cst.Assign) or len(small.targets) != 1:
            return False
        target = small.targets[0].target
        plain = isinstance(small.value, (cst.Dict, cst.Name, cst.SimpleString, cst.Attribute))
        return plain and isinstance(target, cst.Name) and target.value in names

    def visit(node: cst.CSTNode) -> cst.CSTNode:
        new = transform(node, lambda item: item, descend=visit)
        if isinstance(new, (cst.Module, cst.IndentedBlock)):
            body = [item for item in new.body if not unread(item)]
            if body and len(body) < len(new.body):
                new = new.with_changes(body=body)
        if new is not node:
            origins.setdefault(new, origins.get(node, node))
        return new

    return visit(module)  # type: ignore[return-value]
