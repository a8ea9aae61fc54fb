"""Statements with runs in them: what a run computes takes its place."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import cast

import libcst as cst

from tf2torch.cst.names import names_in
from tf2torch.cst.walk import children
from tf2torch.diagnostics import Outcome
from tf2torch.plan.sites import Site, Tree
from tf2torch.plan.units import Unit, calls_in
from tf2torch.rewrite import counting, deferred, operations, savers, summaries, views
from tf2torch.rewrite.copying import without_results
from tf2torch.rewrite.expressions import convert
from tf2torch.rewrite.host import Host
from tf2torch.rewrite.host_numbers import numpy_scalar
from tf2torch.rewrite.lowering import lower
from tf2torch.rewrite.statements import write_statement
from tf2torch.rewrite.suites import Statements
from tf2torch.rewrite.writer import Unconvertible, code, lines, parse


def around_runs(host: Host, small: cst.BaseSmallStatement) -> Statements:
    """``saver.save(sess, path, sess.run(step))``: the runs, and then the statement without them."""
    outer = host.scope
    before, replaced = _done_before(host, small)
    try:
        host.scope = outer.inside(replaced=replaced)
        for call in savers.nested_saves(host, small):
            name = host.writer.plan.root.free_name("save_path")
            target = cst.AssignTarget(cst.Name(name))
            owner = host.writer.value(call.func.value).detail  # type: ignore[attr-defined]
            before += savers.save(host, cst.Assign([target], call), call, owner)
            host.scope = host.scope.inside(replaced={**host.scope.replaced, call: cst.Name(name)})
        done = summaries.host_statement(host, small)
        if done is None:
            line = cst.SimpleStatementLine([small])
            done = write_statement(host.writer, line, host.scope.inside(keys=True), None)
    finally:
        host.scope = outer
    return [*before, *done]


def statement_run(host: Host, small: cst.BaseSmallStatement, run: cst.Call) -> Statements:
    """``a, b = sess.run([x, y])`` or a bare ``sess.run(train_op)``."""
    site, needed = host.writer.plan.sites[run]
    single = isinstance(small, cst.Assign) and len(small.targets) == 1
    target = small.targets[0].target if single else None  # type: ignore[attr-defined]
    calls = deferred.called(host, site)
    if calls is not None:
        if not isinstance(small, cst.Expr):
            message = "values of assignments that host code has made"
            raise Unconvertible("assignments", message, run)
        host.writer.settle(small, Outcome.CONVERTED, "session-run")
        return calls
    if isinstance(small, cst.Expr):
        return _unread_run(host, small, site, needed)
    before, results = lower(host, site, needed, target)
    host.writer.settle(small, Outcome.CONVERTED, "session-run")
    assert isinstance(small, cst.Assign)
    target = small.targets[0].target
    tree = site.tree
    if (
        len(small.targets) == 1
        and isinstance(target, (cst.Tuple, cst.List))
        and tree.kind in ("list", "tuple")
        and len(target.elements) == len(tree.items)
    ):
        after: Statements = []
        for element, (_, item) in zip(target.elements, tree.items, strict=True):
            after += _bind(host, element.value, item, results)
        return [*before, *after]
    if len(small.targets) == 1:
        return [*before, *_bind(host, target, tree, results)]
    value = _structure(host, tree, results)
    return [*before, cst.SimpleStatementLine([small.with_changes(value=value)])]


def _unread_run(host: Host, small: cst.Expr, site: Site, needed: Sequence[Unit]) -> Statements:
    """A run whose results nobody takes."""
    outer = host.scope
    host.scope = outer.inside(unread=True)
    try:
        before, _ = lower(host, site, needed)
        host.writer.settle(small, Outcome.CONVERTED, "session-run")
        return without_results([*before, *_effects(host, site)])
    finally:
        host.scope = outer


def _effects(host: Host, site: Site) -> Statements:
    """Fetched expressions that change something although nobody takes their value."""
    written: Statements = []
    for leaf in site.tree.leaves():
        if leaf.record is None and not isinstance(leaf.node, (cst.Name, cst.Attribute)):
            if counting.assignment(host.writer, leaf.node, host.scope) is not None:
                continue  # done with the run
            value = convert(host.writer, leaf.node, host.scope)
            written.append(cst.SimpleStatementLine([cst.Expr(value)]))
    return written


def _changes(host: Host, tree: Tree, results: dict[int, str]) -> Statements:
    """``_ = sess.run(tf.assign(v, x))``: nobody takes the value, and the variable changes."""
    written: Statements = []
    for leaf in tree.leaves():
        if not isinstance(leaf.node, (cst.Name, cst.Attribute)):
            made = convert(host.writer, leaf.node, host.scope) if id(leaf) in results else None
            statement: Statements = []
            if made is not None:
                statement = [cst.SimpleStatementLine([cst.Expr(made)])]
            written += statement if operations.assigns(statement) else []
    return written


def _bind(
    host: Host, target: cst.BaseExpression, tree: Tree, results: dict[int, str]
) -> Statements:
    record = tree.leaf.record if tree.leaf is not None else None
    if tree.leaf is not None and record is not None and record.type != "MetricUpdate":
        if id(tree.leaf) in results:  # a recorded summary, which has its name already
            return []
        if isinstance(target, cst.Name) and record.type in ("Summary", "MergedSummary"):
            host.summaries[target.value] = summaries.members(record)
        return []
    if isinstance(target, cst.Name) and target.value == "_":
        return _changes(host, tree, results)
    if isinstance(target, (cst.Tuple, cst.List)) and len(target.elements) == len(tree.items):
        done: Statements = []
        for element, (_, item) in zip(target.elements, tree.items, strict=True):
            done += _bind(host, element.value, item, results)
        return done
    value = _structure(host, tree, results)
    if isinstance(target, cst.Name):
        value = numpy_scalar(host.writer, target.value, value)
    written = (
        convert(host.writer, target, host.scope) if not isinstance(target, cst.Name) else target
    )
    stored = cst.AssignTarget(cast("cst.BaseAssignTargetExpression", written))
    return [cst.SimpleStatementLine([cst.Assign([stored], value)])]


def _structure(host: Host, tree: Tree, results: dict[int, str]) -> cst.BaseExpression:
    """The fetched structure as an expression over host values."""
    if tree.leaf is not None:
        return parse(results.get(id(tree.leaf), "None"))
    items = [_structure(host, item, results) for _, item in tree.items]
    if tree.kind == "dict":
        pairs = [
            cst.DictElement(convert(host.writer, key, host.scope), value)
            for (key, _), value in zip(tree.items, items, strict=True)
            if key is not None
        ]
        return cst.Dict(pairs)
    elements = [cst.Element(item) for item in items]
    return (
        cst.List(elements)
        if tree.kind == "list"
        else cst.Tuple(elements, lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
    )


def with_runs(host: Host, node: cst.BaseExpression) -> tuple[Statements, cst.BaseExpression]:
    """An expression with the runs in it done before."""
    before, replaced = _done_before(host, node)
    return before, convert(host.writer, node, host.scope.inside(replaced=replaced, keys=True))


def _done_before(
    host: Host, node: cst.CSTNode
) -> tuple[Statements, dict[cst.CSTNode, cst.BaseExpression]]:
    """The runs in some code, and what stands in their places then."""
    before: Statements = []
    made: dict[cst.CSTNode, cst.BaseExpression] = {}
    for call in _outermost_runs(host, node):
        _do_before(host, call, before, made)
    return before, {**host.scope.replaced, **made}


def _do_before(
    host: Host,
    call: cst.Call,
    before: Statements,
    made: dict[cst.CSTNode, cst.BaseExpression],
    in_place: Collection[cst.CSTNode] = (),
) -> None:
    """Adds a run to those that are done before a statement, and what stands in its place.

    What stands for an earlier run gets a name if this one changes what it reads.
    """
    site, needed = host.writer.plan.sites[call]
    more, results = lower(host, site, needed)
    changed = names_in(more)
    names = changed.stores | changed.attribute_stores
    model = host.of_run(call).writer.plan.instance
    if ".step()" in (text := "".join(map(code, more))) or ".data.copy_(" in text:
        names = names | {model}
    for other, expression in list(made.items()):
        if not names & names_in(expression).loads:
            continue
        if other in in_place:
            message = "runs of one statement, of which a later one changes what an earlier reads"
            raise Unconvertible("session-run", message, call)
        taken = names_in(before).stores
        free = (f"result_{n}" if n > 1 else "result" for n in range(1, 99))
        name = next(n for n in free if n not in taken and n not in host.writer.plan.root.names)
        before += lines(f"{name} = {code(expression)}\n")
        made[other] = cst.Name(name)
    before += more
    made[call] = _structure(host, site.tree, results)
    host.writer.settle(call, Outcome.CONVERTED, "session-run")


def _outermost_runs(host: Host, node: cst.CSTNode) -> list[cst.Call]:
    return [call for call in calls_in(node) if call in host.writer.plan.sites]


def nested_runs(host: Host, small: cst.BaseSmallStatement) -> Statements:
    """A statement with runs inside its expressions: they are done before it."""
    read = views.reads(host.writer, small)
    if any(call not in read for call in _deferred(small, host)):
        raise Unconvertible("session-run", "a run inside a lambda or comprehension", small)
    before: Statements = []
    made: dict[cst.CSTNode, cst.BaseExpression] = {}
    for call in _outermost_runs(host, small):
        if call in read:
            made[call] = read[call]
            host.writer.settle(call, Outcome.CONVERTED, "session-run")
        else:
            _do_before(host, call, before, made, read)
    scope = host.scope.inside(replaced={**host.scope.replaced, **made}, keys=True)
    line = cst.SimpleStatementLine([small])
    return [*before, *write_statement(host.writer, line, scope, None)]


def _deferred(node: cst.CSTNode, host: Host) -> list[cst.Call]:
    """Runs that are not done once, when the statement is reached."""
    if isinstance(node, cst.Lambda):
        return [call for call in calls_in(node) if call in host.writer.plan.sites]
    if isinstance(node, (cst.ListComp, cst.SetComp, cst.DictComp, cst.GeneratorExp)):
        first = node.for_in.iter  # what the rounds go over is computed before them
        now = set(calls_in(first))
        found = [call for call in calls_in(node) if call not in now]
        runs = [call for call in found if call in host.writer.plan.sites]
        return [*runs, *_deferred(first, host)]
    return [call for child in children(node) for call in _deferred(child, host)]
