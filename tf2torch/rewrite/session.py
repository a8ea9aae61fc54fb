"""Session code: statements with runs in them become statements around model calls."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from tf2torch.cst.names import local_names, names_in, parameters
from tf2torch.cst.walk import below
from tf2torch.diagnostics import Outcome
from tf2torch.plan.units import contains_run, dissolves
from tf2torch.rewrite import deferred, live, overrides, savers, sources, summaries, views
from tf2torch.rewrite.cell_statements import absorbed
from tf2torch.rewrite.expressions import convert
from tf2torch.rewrite.feeds import feed_dictionary
from tf2torch.rewrite.graph_prints import prints_graph
from tf2torch.rewrite.host import Host
from tf2torch.rewrite.run_statements import around_runs, nested_runs, statement_run, with_runs
from tf2torch.rewrite.session_arguments import without_session_parameters
from tf2torch.rewrite.statements import kept, write_statement
from tf2torch.rewrite.suites import Statements, block, todo, with_leading
from tf2torch.rewrite.writer import Unconvertible, lines


def write_host(host: Host, node: cst.BaseStatement) -> Statements:
    """A statement of host code."""
    writer = host.writer
    try:
        if absorbed(writer, node) or kept(writer, node):
            return write_statement(writer, node, host.scope, None)
        if isinstance(node, cst.SimpleStatementLine):
            return with_leading(_simple(host, node), node)
        if isinstance(node, cst.With) and contains_run(writer.analysis, node):
            return _with(host, node)
        if isinstance(node, cst.FunctionDef):
            return [host_function(host, node)]
        if isinstance(node, cst.ClassDef):
            local = {n for method in below(node, cst.FunctionDef) for n in local_names(method)}
            return write_statement(writer, node, host.scope.shadow(local), None)
        if contains_suites(node):
            return _compound(host, node)
        return write_statement(writer, node, host.scope, None)
    except Unconvertible as problem:
        writer.todo(node, problem)
        return todo(writer, node, problem)


def contains_suites(node: cst.BaseStatement) -> bool:
    return isinstance(node, (cst.If, cst.For, cst.While, cst.Try, cst.With))


def write_hosts(host: Host, body: Sequence[cst.CSTNode]) -> Statements:
    """A block of host code. What it feeds is not there for the code after it."""
    written: Statements = []
    before = dict(host.live)
    later = deferred.made_later(host, body)
    for node in body:
        if node in later:
            written += deferred.function(host, later[node])
            continue
        if isinstance(node, cst.BaseSmallStatement):
            node = cst.SimpleStatementLine([node])
        assert isinstance(node, cst.BaseStatement)
        done = write_host(host, node)
        written += done
        live.forget(host, done)
    host.live = {name: text for name, text in before.items() if host.live.get(name) == text}
    return written


def host_function(host: Host, node: cst.FunctionDef) -> cst.FunctionDef:
    """A function of host code; its runs are converted in place."""
    scope = host.scope.shadow(set(parameters(node)))
    inner = Host(host.writer, scope, host.optimizers, host.counters, host.scalars, {})
    inner.draws, inner.streams, inner.nested = host.draws, host.streams, True
    inner.saver_keys, inner.average_names = host.saver_keys, host.average_names
    inner.deferred = host.deferred
    inner.constructor, inner.beside = host.constructor, host.beside
    body = write_hosts(inner, node.body.body)
    decorators = overrides.decorators_of(host.writer, node)
    counted = names_in(body).stores & set(host.writer.plan.counters.variables.values())
    if counted:
        inside = host.writer.plan.root.function is not None
        inside = inside and node not in host.writer.analysis.source.module.body
        word = "nonlocal" if inside else "global"
        body = [*lines(f"{word} {', '.join(sorted(counted))}\n"), *body]
    params = without_session_parameters(host.writer, node)
    return node.with_changes(body=block(body, node.body), params=params, decorators=decorators)


# -- compound statements -------------------------------------------------------------------------


def _with(host: Host, node: cst.With) -> Statements:
    if dissolves(host.writer.analysis, node):
        for item in node.items:
            host.writer.settle(item, Outcome.ABSORBED, "session")
        return with_leading(write_hosts(host, node.body.body), node)
    items = [i.with_changes(item=convert(host.writer, i.item, host.scope)) for i in node.items]
    body = write_hosts(host, node.body.body)
    return [node.with_changes(items=items, body=block(body, node.body))]


def _compound(host: Host, node: cst.BaseStatement) -> Statements:
    writer, scope = host.writer, host.scope
    before: Statements = []
    changes: dict[str, object] = {}
    if isinstance(node, (cst.If, cst.While)):
        before, test = with_runs(host, node.test)
        if before and isinstance(node, cst.While):
            raise Unconvertible("session-run", "a run in the condition of a while loop", node)
        changes["test"] = test
    outer = host.scope
    if isinstance(node, (cst.For, cst.While)):
        live.forget_before_loop(host, node)
    if isinstance(node, cst.For):
        looked = views.looked_at(writer, node.target, node.iter, [node.body], scope)
        if looked is not None:
            writer.settle(node.iter, Outcome.CONVERTED, "variable-list")
            changes["target"] = looked.target
            host.scope = scope.inside(replaced={**scope.replaced, **looked.replaced})
        before, changes["iter"] = with_runs(host, node.iter)
    if isinstance(node, cst.With):
        if _dissolves(host, node):
            return with_leading(write_hosts(host, node.body.body), node)
        changes["items"] = [i.with_changes(item=convert(writer, i.item, scope)) for i in node.items]
    changes["body"] = block(write_hosts(host, node.body.body), node.body)  # type: ignore[attr-defined]
    host.scope = outer
    if isinstance(node, cst.Try):
        changes["handlers"] = [
            h.with_changes(
                type=convert(writer, h.type, scope) if h.type is not None else None,
                body=block(write_hosts(host, h.body.body), h.body),
            )
            for h in node.handlers
        ]
        if node.finalbody is not None:
            inner = block(write_hosts(host, node.finalbody.body.body), node.finalbody.body)
            changes["finalbody"] = node.finalbody.with_changes(body=inner)
    orelse = getattr(node, "orelse", None)
    if isinstance(orelse, cst.If):
        other = _compound(host, orelse)
        if len(other) == 1:
            changes["orelse"] = other[0]
        else:
            changes["orelse"] = cst.Else(cst.IndentedBlock(other))
    elif orelse is not None:
        changes["orelse"] = orelse.with_changes(
            body=block(write_hosts(host, orelse.body.body), orelse.body)
        )
    return (
        with_leading([*before, node.with_changes(leading_lines=(), **changes)], node)
        if before
        else [node.with_changes(**changes)]
    )


def _dissolves(host: Host, node: cst.With) -> bool:
    if dissolves(host.writer.analysis, node):
        for item in node.items:
            host.writer.settle(item, Outcome.ABSORBED, "scope")
        return True
    return False


# -- simple statements ---------------------------------------------------------------------------


def _simple(host: Host, node: cst.SimpleStatementLine) -> Statements:
    writer = host.writer
    written: Statements = []
    for small in node.body:
        if _is_dropped(host, small):
            writer.settle(small, Outcome.ABSORBED, "session")
            continue
        if prints_graph(writer, small):
            writer.settle(small, Outcome.ABSORBED, "graph-print")
            continue
        if savers.call_with_runs(host, small):
            written += around_runs(host, small)
            continue
        special = summaries.host_statement(host, small)
        if special is not None:
            written += special
            writer.settle(small, Outcome.CONVERTED, "summary")
            continue
        if not contains_run(writer.analysis, small):
            fed = feed_dictionary(host, small)
            if fed is not None:
                written += fed
                continue
            sources.check_host(host, small)
            written += write_statement(
                writer,
                cst.SimpleStatementLine([small]),
                host.scope.inside(keys=not sources.makes_data(writer, small)),
                None,
            )
            continue
        run = small.value if isinstance(small, (cst.Assign, cst.Expr)) else None
        if run is not None and run in writer.plan.sites:
            written += statement_run(host, small, run)  # type: ignore[arg-type]
        else:
            written += nested_runs(host, small)
    if len(node.body) == 1 and written and isinstance(written[-1], cst.SimpleStatementLine):
        written[-1] = written[-1].with_changes(trailing_whitespace=node.trailing_whitespace)
    return written


def _is_dropped(host: Host, small: cst.BaseSmallStatement) -> bool:
    """Sessions, their closing, coordinators: nothing of them is left."""
    writer = host.writer
    if isinstance(small, cst.Assign):
        value = writer.value(small.value)
        target = small.targets[0].target
        if isinstance(target, cst.Attribute):
            base: cst.BaseExpression = target
            while isinstance(base, cst.Attribute):
                base = base.value
            owner = writer.value(base)
            if owner.kind == "object" and owner.detail.type == "ConfigProto":
                return True
        return value.kind == "object" and value.detail.type in (
            "Session",
            "ConfigProto",
            "Graph",
            "Coordinator",
        )
    if isinstance(small, cst.Expr) and isinstance(small.value, cst.Call):
        func = small.value.func
        if isinstance(func, cst.Attribute):
            owner = writer.value(func.value)
            if owner.kind == "object" and owner.detail.type in ("Session", "Graph"):
                return func.attr.value in ("close", "finalize", "as_default", "__enter__")
        value = writer.value(small.value)
        symbol = writer.analysis.symbols.get(func, "")
        if value.kind == "object" and value.detail.type == "Session":
            return True
        return symbol in (
            "tf.reset_default_graph",
            "tf.python.framework.ops.reset_default_graph",
            "tf.train.start_queue_runners",
            "tf.disable_v2_behavior",
            "tf.disable_eager_execution",
        )
    return False
