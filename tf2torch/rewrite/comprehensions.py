"""Rewrites comprehensions, those over variables too."""

from __future__ import annotations

import libcst as cst

from tf2torch.cst.names import names_in
from tf2torch.diagnostics import Outcome
from tf2torch.rewrite.expressions import convert
from tf2torch.rewrite.operands import Typed
from tf2torch.rewrite.writer import Scope, Writer, parse


def convert_comprehension(writer: Writer, node: cst.BaseComp, scope: Scope) -> Typed:
    """A comprehension in PyTorch."""
    bound: set[str] = set()
    clause: cst.CompFor | None = node.for_in
    while clause is not None:
        bound |= names_in(cst.Assign([cst.AssignTarget(clause.target)], cst.Name("_"))).stores
        clause = clause.inner_for_in
    inner = scope.shadow(bound)
    from tf2torch.rewrite import regularization

    chosen_variables = regularization.selected(writer, node, scope)
    if chosen_variables is not None:
        changes = {
            part: convert(writer, getattr(node, part), inner)
            for part in ("elt", "key", "value")
            if getattr(node, part, None) is not None
        }
        clause = node.for_in.with_changes(iter=chosen_variables[0], ifs=())
        return Typed(node.with_changes(for_in=clause, **changes))
    from tf2torch.rewrite import views

    parts = [getattr(node, part, None) for part in ("elt", "key", "value")]
    bodies = [part for part in (*parts, *node.for_in.ifs) if part is not None]
    clause = node.for_in
    looked = views.looked_at(writer, clause.target, clause.iter, bodies, scope)
    if looked is not None:
        inner = inner.inside(replaced={**inner.replaced, **looked.replaced})
        writer.settle(clause.iter, Outcome.CONVERTED, "variable-list")
        literal = writer.value(node).literal
        if isinstance(node, cst.ListComp) and isinstance(literal, tuple):
            return Typed(parse(repr(list(literal)).replace("'", '"')))
        node = node.with_changes(for_in=clause.with_changes(target=looked.target))
    changes = {}
    for part in ("elt", "key", "value"):
        child = getattr(node, part, None)
        if child is not None:
            changes[part] = convert(writer, child, inner)
    return Typed(node.with_changes(for_in=_clause(writer, node.for_in, inner), **changes))


def _clause(writer: Writer, clause: cst.CompFor, scope: Scope) -> cst.CompFor:
    inner = clause.inner_for_in
    return clause.with_changes(
        iter=convert(writer, clause.iter, scope),
        ifs=[c.with_changes(test=convert(writer, c.test, scope)) for c in clause.ifs],
        inner_for_in=_clause(writer, inner, scope) if inner is not None else None,
    )
