"""Rewrites simple statements of graph code."""

from __future__ import annotations

from typing import cast

import libcst as cst

from tf2torch.analyse.facts import Obj
from tf2torch.cst.names import names_in
from tf2torch.cst.walk import children
from tf2torch.diagnostics import Outcome
from tf2torch.rewrite import recording
from tf2torch.rewrite.choice import method_rule
from tf2torch.rewrite.expressions import convert, convert_children, typed
from tf2torch.rewrite.graph_prints import prints_graph
from tf2torch.rewrite.layout import FIRST
from tf2torch.rewrite.operands import Typed, unify
from tf2torch.rewrite.sink import Sink
from tf2torch.rewrite.suites import Statements, line_of
from tf2torch.rewrite.writer import Scope, Unconvertible, Writer


def small_statement(
    writer: Writer, node: cst.BaseSmallStatement, scope: Scope, sink: Sink | None
) -> Statements:
    shown = recording.statement(writer, node, scope)
    if shown is not None:
        return shown
    if isinstance(node, cst.Assign):
        return _assign(writer, node, scope, sink)
    if isinstance(node, cst.AugAssign):
        return [line_of(_augmented(writer, node, scope))]
    if isinstance(node, cst.Expr):
        return _expression(writer, node, scope)
    if isinstance(
        node,
        (cst.Global, cst.Nonlocal, cst.Pass, cst.Break, cst.Continue, cst.Import, cst.ImportFrom),
    ):
        if isinstance(node, (cst.Import, cst.ImportFrom)) and _mentions_tensorflow(writer, node):
            return []
        return [line_of(node)]
    return [line_of(convert_children(writer, node, scope))]  # type: ignore[arg-type]


def _mentions_tensorflow(writer: Writer, node: cst.CSTNode) -> bool:
    symbols = writer.analysis.symbols
    return node in symbols or any(child in symbols for child in children(node))


def _assign(writer: Writer, node: cst.Assign, scope: Scope, sink: Sink | None) -> Statements:
    value = writer.value(node.value)
    target = node.targets[0].target
    if value.kind == "object" and value.detail.type == "Graph":
        writer.settle(node, Outcome.ABSORBED, "graph")
        return []
    if value.kind == "object" and value.detail.type in ("Initializer", "Regularizer"):
        # The variables and layers that get it have it written out.
        if isinstance(target, cst.Name) and node.value not in writer.analysis.callees:
            writer.settle(node, Outcome.ABSORBED, "initializer")
            return []
    if sink is not None and _stores(target) and _stores(target) <= sink.parameters:
        sink.parameter(writer, node, scope)
        return []
    from tf2torch.rewrite import control

    expanded = control.assigned(writer, node, scope)
    if expanded is not None:
        return expanded
    item = typed(writer, node.value, scope)
    keeps = len(node.targets) == 1 and isinstance(target, cst.Name)
    written = item.node if keeps else item.last()
    if keeps:
        assert isinstance(target, cst.Name)
        if item.layout is not None:
            scope.layouts[target.value] = FIRST
        else:
            scope.layouts.pop(target.value, None)
    else:
        for name in names_in(node).stores:
            scope.layouts.pop(name, None)
    if keeps and isinstance(written, cst.Name) and isinstance(target, cst.Name):
        if written.value == target.value and isinstance(node.value, cst.Call):
            return []  # a call that does nothing, such as dropout out of training
    targets = [t.with_changes(target=_target(writer, t.target, scope)) for t in node.targets]
    return [line_of(node.with_changes(targets=targets, value=written))]


def _stores(target: cst.BaseExpression) -> set[str]:
    """Names that an assignment to plain names binds; none for other targets."""
    if isinstance(target, cst.Name):
        return {target.value}
    if isinstance(target, (cst.Tuple, cst.List)):
        inner = [_stores(element.value) for element in target.elements]
        return set().union(*inner) if all(inner) else set()
    return set()


def _target(
    writer: Writer, target: cst.BaseAssignTargetExpression, scope: Scope
) -> cst.BaseAssignTargetExpression:
    if isinstance(target, cst.Attribute):
        return target.with_changes(value=convert(writer, target.value, scope))
    if isinstance(target, cst.Subscript):
        return cast("cst.BaseAssignTargetExpression", convert(writer, target, scope))
    return target


def _augmented(writer: Writer, node: cst.AugAssign, scope: Scope) -> cst.BaseSmallStatement:
    """``net += x``: torch would change the tensor in place, so graph tensors are rebound."""
    if not writer.value(node.target).is_tensor and not writer.value(node.value).is_tensor:
        return convert_children(writer, node, scope)  # type: ignore[return-value]
    left, right = typed(writer, node.target, scope), typed(writer, node.value, scope)
    left, right, order, _ = unify(writer, [node.target, node.value], [left, right])
    operator = getattr(cst, type(node.operator).__name__.removesuffix("Assign"))()
    combined = cst.BinaryOperation(left.node, operator, right.node)
    if isinstance(node.target, cst.Name):
        if order is not None:
            scope.layouts[node.target.value] = FIRST
        else:
            scope.layouts.pop(node.target.value, None)
    elif order is not None:
        return cst.Assign([cst.AssignTarget(node.target)], Typed(combined, order, 4).last())
    return cst.Assign([cst.AssignTarget(_target(writer, node.target, scope))], combined)


def _expression(writer: Writer, node: cst.Expr, scope: Scope) -> Statements:
    if isinstance(node.value, (cst.SimpleString, cst.ConcatenatedString)):
        return [line_of(node)]
    if scope.phase == "forward" and prints_graph(writer, node, inside=True):
        writer.settle(node, Outcome.ABSORBED, "graph-print")
        return []
    symbol = (
        writer.analysis.symbols.get(node.value.func) if isinstance(node.value, cst.Call) else None
    )
    if symbol is not None:
        rule = writer.analysis.rulebook.find(symbol)
        if rule is not None and rule.kind == "remove":
            return []
        if "add_to_collection" in symbol and len(node.value.args) == 2:  # type: ignore[attr-defined]
            if writer.value(node.value.args[1].value).is_tensor:  # type: ignore[attr-defined]
                # Where the collection is read, its losses are written out, or that is refused.
                writer.settle(node, Outcome.ABSORBED, "collection")
                return []
        if writer.value(node.value).kind in ("operation", "object") or "collection" in symbol:
            reason = f"{symbol} inside graph code is not carried over"
            writer.todo(node, Unconvertible("graph-side-effect", reason, node))
            comment = cst.Comment(f"# TODO(tf2torch: graph-side-effect) {reason}")
            return [
                line_of(cst.Pass()).with_changes(leading_lines=[cst.EmptyLine(comment=comment)])
            ]
    elif isinstance(node.value, cst.Call) and isinstance(node.value.func, cst.Attribute):
        owner, name = writer.value(node.value.func.value), node.value.func.attr.value
        kind = owner.detail.type if isinstance(owner.detail, Obj) else "Tensor"
        rule = method_rule(writer, owner, kind, name) if owner.kind != "unknown" else None
        if rule is not None and rule.kind == "remove":
            return []  # x.set_shape(...) says what torch sees by itself
    return [line_of(node.with_changes(value=convert(writer, node.value, scope)))]
