"""Session code: every run becomes model calls, a training step or an evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

import libcst as cst

from tf2torch.analyse.facts import Obj
from tf2torch.cst.walk import read
from tf2torch.diagnostics import Outcome
from tf2torch.plan.blocks import Block
from tf2torch.plan.sites import Feed, Leaf, Site, Tree, feed_items, needed_names
from tf2torch.plan.units import Unit, calls_in, contains_run, contents
from tf2torch.plan.uses import names_in
from tf2torch.rewrite import (
    operations,
    overrides,
    recurrent,
    sources,
    statistics,
    summaries,
    training,
)
from tf2torch.rewrite.expressions import convert, fill_method
from tf2torch.rewrite.session_arguments import without_session_parameters
from tf2torch.rewrite.statements import (
    Statements,
    block,
    todo,
    with_leading,
    write_statement,
)
from tf2torch.rewrite.training import Optimizer
from tf2torch.rewrite.writer import Scope, Unconvertible, Writer, code, lines, parse
from tf2torch.rulebook.values import UNKNOWN, Value

TORCH_INTS = {
    "int32": "int64",
    "uint8": "uint8",
    "int64": "int64",
    "int16": "int16",
    "int8": "int8",
}


@dataclass(eq=False)
class Host:
    """State of the host code: what exists so far in it.

    Attributes:
        optimizers: torch optimizers by the TensorFlow optimizer object.
        counters: names of variables that count steps, now Python integers.
        scalars: identities of placeholders that stay Python numbers.
        summaries: for each host name that holds a fetched summary, what it records.
        draws: iterators of the source units; streams: what they draw from.
        done: graph units that data sets need and that are written already.
        nested: whether this is the code of a function, not of the root scope.
    """

    writer: Writer
    scope: Scope
    optimizers: dict[int, Optimizer] = field(default_factory=dict)
    counters: set[str] = field(default_factory=set)
    scalars: frozenset[object] = frozenset()
    summaries: dict[str, list[Value]] = field(default_factory=dict)
    live: dict[str, str] = field(default_factory=dict)
    draws: sources.Draws = field(default_factory=dict)
    streams: sources.Streams | None = None
    done: set[int] = field(default_factory=set)
    nested: bool = False
    averages: set[int] = field(default_factory=set)


def write_host(host: Host, node: cst.BaseStatement) -> Statements:
    """A statement of host code."""
    writer = host.writer
    try:
        if recurrent.absorbed(writer, node):
            return write_statement(writer, node, host.scope, None)
        if isinstance(node, cst.SimpleStatementLine):
            return with_leading(_simple(host, node), node)
        if isinstance(node, cst.With) and contains_run(writer.analysis, node):
            return _with(host, node)
        if isinstance(node, (cst.FunctionDef, cst.ClassDef)):
            return (
                [host_function(host, node)]
                if isinstance(node, cst.FunctionDef)
                else write_statement(writer, node, host.scope, None)
            )
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
    for node in body:
        if isinstance(node, cst.BaseSmallStatement):
            node = cst.SimpleStatementLine([node])
        assert isinstance(node, cst.BaseStatement)
        done = write_host(host, node)
        written += done
        forget(host, done)
    host.live = {name: text for name, text in before.items() if host.live.get(name) == text}
    return written


def forget(host: Host, done: Statements) -> None:
    """Drops fed tensors whose source these statements may have changed."""
    for statement in done:
        changed = names_in(statement)
        stores = changed.stores | changed.attribute_stores
        for name, text in list(host.live.items()):
            if code(statement).strip().startswith(f"{name} = torch.as_tensor({text},"):
                continue
            if (stores & names_in(parse(text)).loads) or name in stores or "(" in text:
                del host.live[name]


def host_function(host: Host, node: cst.FunctionDef) -> cst.FunctionDef:
    """A function of host code; its runs are converted in place."""
    from tf2torch.plan.uses import parameter_names

    scope = host.scope.shadow(parameter_names(node.params))
    inner = Host(host.writer, scope, host.optimizers, host.counters, host.scalars, {})
    inner.draws, inner.streams, inner.nested = host.draws, host.streams, True
    body = write_hosts(inner, node.body.body)
    decorators = overrides.decorators_of(host.writer, node)
    params = without_session_parameters(host.writer, node)
    return node.with_changes(body=block(body, node.body), params=params, decorators=decorators)


# -- compound statements -------------------------------------------------------------------------


def _with(host: Host, node: cst.With) -> Statements:
    from tf2torch.plan.units import dissolves

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
        before, test = _with_runs(host, node.test)
        if before and isinstance(node, cst.While):
            raise Unconvertible("session-run", "a run in the condition of a while loop", node)
        changes["test"] = test
    if isinstance(node, cst.For):
        before, changes["iter"] = _with_runs(host, node.iter)
    if isinstance(node, cst.With):
        if _dissolves(host, node):
            return with_leading(write_hosts(host, node.body.body), node)
        changes["items"] = [i.with_changes(item=convert(writer, i.item, scope)) for i in node.items]
    changes["body"] = block(write_hosts(host, node.body.body), node.body)  # type: ignore[attr-defined]
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
    from tf2torch.plan.units import dissolves

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
        special = summaries.host_statement(host, small)
        if special is not None:
            written += special
            writer.settle(small, Outcome.CONVERTED, "summary")
            continue
        if not contains_run(writer.analysis, small):
            fed = _feed_dictionary(host, small)
            if fed is not None:
                written += fed
                continue
            sources.check_host(host, small)
            written += write_statement(writer, cst.SimpleStatementLine([small]), host.scope, None)
            continue
        run = small.value if isinstance(small, (cst.Assign, cst.Expr)) else None
        if run is not None and run in writer.plan.sites:
            written += _statement_run(host, small, run)  # type: ignore[arg-type]
        else:
            written += _nested_runs(host, small)
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
            "tf.train.start_queue_runners",
            "tf.disable_v2_behavior",
            "tf.disable_eager_execution",
        )
    return False


def _statement_run(host: Host, small: cst.BaseSmallStatement, run: cst.Call) -> Statements:
    """``a, b = sess.run([x, y])`` or a bare ``sess.run(train_op)``."""
    site, needed = host.writer.plan.sites[run]
    before, results = _lower(host, site, needed)
    host.writer.settle(small, Outcome.CONVERTED, "session-run")
    if isinstance(small, cst.Expr):
        return [*before, *_effects(host, site)]
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


def _effects(host: Host, site: Site) -> Statements:
    """Fetched expressions that change something although nobody takes their value."""
    written: Statements = []
    for leaf in site.tree.leaves():
        if leaf.record is None and not isinstance(leaf.node, (cst.Name, cst.Attribute)):
            value = convert(host.writer, leaf.node, host.scope)
            written.append(cst.SimpleStatementLine([cst.Expr(value)]))
    return written


def _bind(
    host: Host, target: cst.BaseExpression, tree: Tree, results: dict[int, str]
) -> Statements:
    if tree.leaf is not None and tree.leaf.record is not None:
        record = tree.leaf.record
        if isinstance(target, cst.Name) and record.type in ("Summary", "MergedSummary"):
            host.summaries[target.value] = summaries.members(record)
        return []
    if isinstance(target, cst.Name) and target.value == "_":
        return []
    if isinstance(target, (cst.Tuple, cst.List)) and len(target.elements) == len(tree.items):
        done: Statements = []
        for element, (_, item) in zip(target.elements, tree.items, strict=True):
            done += _bind(host, element.value, item, results)
        return done
    value = _structure(host, tree, results)
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


def _with_runs(host: Host, node: cst.BaseExpression) -> tuple[Statements, cst.BaseExpression]:
    """An expression with the runs in it done before."""
    before: Statements = []
    replaced = dict(host.scope.replaced)
    for call in _outermost_runs(host, node):
        site, needed = host.writer.plan.sites[call]
        more, results = _lower(host, site, needed)
        before += more
        replaced[call] = _structure(host, site.tree, results)
        host.writer.settle(call, Outcome.CONVERTED, "session-run")
    return before, convert(host.writer, node, host.scope.inside(replaced=replaced))


def _outermost_runs(host: Host, node: cst.CSTNode) -> list[cst.Call]:
    return [call for call in calls_in(node) if call in host.writer.plan.sites]


def _nested_runs(host: Host, small: cst.BaseSmallStatement) -> Statements:
    """A statement with runs inside its expressions: they are done before it."""
    if any(True for _ in _deferred(small, host)):
        raise Unconvertible("session-run", "a run inside a lambda or comprehension", small)
    before: Statements = []
    replaced = dict(host.scope.replaced)
    for call in _outermost_runs(host, small):
        site, needed = host.writer.plan.sites[call]
        more, results = _lower(host, site, needed)
        before += more
        replaced[call] = _structure(host, site.tree, results)
        host.writer.settle(call, Outcome.CONVERTED, "session-run")
    scope = host.scope.inside(replaced=replaced)
    line = cst.SimpleStatementLine([small])
    return [*before, *write_statement(host.writer, line, scope, None)]


def _deferred(small: cst.CSTNode, host: Host) -> list[cst.Call]:
    found: list[cst.Call] = []

    class Finder(cst.CSTVisitor):
        def _inner(self, node: cst.CSTNode) -> bool:
            found.extend(c for c in calls_in(node) if c in host.writer.plan.sites)
            return False

        visit_Lambda = visit_ListComp = visit_GeneratorExp = visit_DictComp = visit_SetComp = _inner

    read(small, Finder())
    return found


# -- feeds ---------------------------------------------------------------------------------------


def _feed_dictionary(host: Host, small: cst.BaseSmallStatement) -> Statements | None:
    """``feed = {x: batch}`` -> ``x = torch.as_tensor(batch)``: the dictionary is not needed."""
    if not isinstance(small, cst.Assign) or len(small.targets) != 1:
        return None
    target = small.targets[0].target
    if not isinstance(target, cst.Name) or not isinstance(small.value, cst.Dict):
        return None
    if not any(site.feed_name == target.value for site, _ in host.writer.plan.sites.values()):
        return None
    feeds = feed_items(host.writer.analysis, small.value)
    if feeds is None:
        return None
    if any(s.kept and s.feed_name == target.value for s, _ in host.writer.plan.sites.values()):
        host.writer.settle(small, Outcome.CONVERTED, "feed")
        return _kept_dictionary(host, small, feeds)
    written: Statements = []
    for feed in feeds:
        written += feed_statements(host, feed)
    written += _unfed(host, small.value, {feed.name for feed in feeds})
    host.writer.settle(small, Outcome.CONVERTED, "feed")
    return written


def _kept_dictionary(host: Host, small: cst.Assign, feeds: Sequence[Feed]) -> Statements:
    """``test = {x: data}`` -> ``test = {"x": torch.as_tensor(data)}``"""
    assert isinstance(small.value, cst.Dict)
    texts: dict[str, str] = {}
    for feed in feeds:
        if feed.placeholder.detail in host.scope.modes:
            continue
        host.live.pop(feed.name, None)
        made = feed_statements(host, feed)
        host.live.pop(feed.name, None)
        line = made[-1] if made else None
        value: cst.BaseExpression = cst.Name(feed.name)
        if isinstance(line, cst.SimpleStatementLine) and isinstance(line.body[0], cst.Assign):
            value = line.body[0].value
        texts[feed.name] = code(value)
    before = _unfed(host, small.value, {feed.name for feed in feeds})
    for line in before:
        if isinstance(line, cst.SimpleStatementLine) and isinstance(line.body[0], cst.Assign):
            name = code(line.body[0].targets[0].target)
            texts[name] = name
    items = ", ".join(f'"{name}": {text}' for name, text in texts.items())
    target = code(small.targets[0].target)
    return [*before, *lines(f"{target} = {{{items}}}\n")]


def _unfed(host: Host, dictionary: cst.Dict, fed: set[str]) -> Statements:
    """What another dictionary of the same name feeds, and this one leaves as the graph has it."""
    written: Statements = []
    plan = host.writer.plan
    for site, _ in plan.sites.values():
        if dictionary not in site.dictionaries:
            continue
        for feed in site.feeds or ():
            if feed.name in fed:
                continue
            fed = fed | {feed.name}
            unit = plan.graph.definition(feed.name, len(plan.graph.units) + 1)
            if unit is None or unit.kind == "placeholder":
                if (
                    unit is not None
                    and host.writer.analysis.symbols.get(getattr(unit.value, "func", cst.Name("_")))
                    == "tf.placeholder_with_default"
                ):
                    written += lines(f"{feed.name} = {_default(host, unit, site)}\n")
                continue
            closure = plan.graph.closure({feed.name}, fed - {feed.name}, unit.index + 1)
            for needed in closure:
                if needed.kind == "graph":
                    written += write_statement(host.writer, needed.node, host.scope, None)
    return written


def feed_statements(host: Host, feed: Feed) -> Statements:
    """``{x: batch}`` -> ``x = torch.as_tensor(batch, dtype=torch.float32, device=device)``"""
    if feed.placeholder.detail in host.scope.modes:
        return []
    value = host.writer.value(feed.value)
    text = code(convert(host.writer, feed.value, host.scope))
    if "::-1" in text and text.endswith("]"):
        text += ".copy()"  # torch takes no array with negative strides
    if is_number(host, feed, value) or feed.placeholder.dtype == "string":
        return lines(f"{feed.name} = {text}\n") if text != feed.name else []
    if feed.placeholder.kind in ("sequence", "many"):
        host.writer.support.add("state_from_numpy")
        host.live.pop(feed.name, None)
        return lines(f"{feed.name} = state_from_numpy({text}, device)\n")
    dtype = f", dtype={feed_dtype(feed.placeholder)}"
    if feed.placeholder.kind == "tensor" and feed.placeholder.dtype is None:
        dtype = ""
    made = f"torch.as_tensor({text}{dtype}, device=device)"
    if feed.placeholder.detail in _differentiated(host.writer):
        made += ".requires_grad_()"
    if host.live.get(feed.name) == text:
        return []
    host.live[feed.name] = text
    return lines(f"{feed.name} = {made}\n")


def _differentiated(writer: Writer) -> set[object]:
    """Identities of placeholders that gradients are taken with respect to."""
    found: set[object] = set()
    for node in writer.analysis.values:
        if isinstance(node, cst.Call) and writer.analysis.symbols.get(node.func) == "tf.gradients":
            if len(node.args) > 1:
                for leaf in contents(writer.value(node.args[1].value)):
                    if leaf.kind == "placeholder":
                        found.add(leaf.detail)
    return found


def feed_dtype(placeholder: Value) -> str:
    dtype = placeholder.dtype or "float32"
    dtype = {"float": "float32", "int": "int32", "double": "float64"}.get(dtype, dtype)
    return f"torch.{TORCH_INTS.get(dtype, dtype)}"


def is_number(host: Host, feed: Feed, value: Value) -> bool:
    """Whether a fed value can stay a Python number."""
    if feed.placeholder.detail in host.scalars:
        return True
    literal = value.literal
    if not isinstance(literal, (int, float)) or feed.placeholder.rank not in (0, None):
        return False
    return _meets_tensors(host.writer, feed.name)


def _meets_tensors(writer: Writer, name: str) -> bool:
    """Whether code that reads a placeholder computes with tensors, so that a number will do."""
    graph = writer.plan.graph
    for unit in graph.units:
        if unit.kind != "graph" or name not in unit.names.loads:
            continue
        others = (graph.definition(used, unit.index) for used in unit.names.loads - {name})
        if not any(
            other is not None
            and (
                other.kind in ("graph", "param")
                or (other.value is not None and writer.value(other.value).rank)
            )
            for other in others
        ):
            return False
    return True


# -- lowering ------------------------------------------------------------------------------------


def _lower(host: Host, site: Site, needed: Sequence[Unit]) -> tuple[Statements, dict[int, str]]:
    """Statements that do what a run does, and the text of each fetched host value."""
    writer, plan = host.writer, host.writer.plan
    if site.feeds is None:
        raise Unconvertible("feed-dict", "the feed dictionary could not be followed", site.run.node)
    leaves = site.tree.leaves()
    for leaf in leaves:
        if leaf.value.kind in ("unknown", "python"):
            raise Unconvertible(
                "fetch", f"what {writer.text(leaf.node)!r} fetches is not known", leaf.node
            )
    late = operations.late_units(writer, needed)
    steps = operations.steps(writer, leaves, late)
    live = [
        leaf for leaf in leaves if leaf.record is None or leaf.record.type not in ("Init", "NoOp")
    ]
    live = live or (leaves if steps else [])
    if not live:
        return [], {}
    before: Statements = []
    names = dict(host.scope.names)
    for unit in needed:
        if unit.kind == "source":
            before += sources.draw(host, unit, host.scope)
    for feed in site.feeds:
        value = writer.value(feed.value)
        if site.kept and feed.placeholder.detail not in host.scope.modes:
            host.live.pop(feed.name, None)
            before += lines(f'{feed.name} = {site.feed_name}["{feed.name}"]\n')
        elif site.feed_name is None:
            if is_number(host, feed, value) and value.literal is not UNKNOWN:
                names[feed.name] = code(convert(writer, feed.value, host.scope))
            else:
                before += feed_statements(host, feed)
    before += sources.start_iterators(host, leaves, needed, site)
    live = [leaf for leaf in live if leaf.record is None or leaf.record.type != "IteratorInit"]
    if not live:
        return before, {}
    fed = {feed.name for feed in site.feeds}
    trains = ("Train", "Apply")
    read = {
        name
        for leaf in leaves
        if leaf.record is None or leaf.record.type not in trains
        for name in needed_names(leaf)
    }
    for unit in needed:
        if unit.kind == "placeholder":
            name = unit.targets[0].value  # type: ignore[attr-defined]
            if name not in fed:
                names[name] = _default(host, unit, site)
    scope = host.scope.inside(names=names, layouts={})
    computed: Statements = []
    units = [u for u in needed if u.kind in ("graph",) and not training.is_schedule(writer, u)]
    blocks = _blocks(plan.blocks, units)
    inside = {u.index for b in blocks for u in b.units}
    mode = _mode(host, site, needed)
    pending = list(blocks)
    for unit in units:
        if unit in late:
            continue
        while pending and _ready(pending[0], unit):
            computed += _call_block(host, pending.pop(0), names, site)
        if unit.index not in inside:
            computed += write_statement(writer, unit.node, scope, None)
    for rest in pending:
        computed += _call_block(host, rest, names, site)
    for unit in needed:
        if training.is_schedule(writer, unit) and isinstance(unit.targets[0], cst.Name):
            if unit.targets[0].value in read:
                computed += _current_rate(host, unit.targets[0].value)
    results: dict[int, str] = {}
    for leaf in leaves:
        if leaf.record is None and not operations.only_operations(leaf.value):
            tracked = bool(steps) or not computed or _uses_gradients(writer, units)
            results[id(leaf)] = _result(host, leaf, scope, tracked=tracked)
    computed = statistics.frozen(host, site, computed, mode)
    if steps:
        before += mode
        before += computed
        before += _step(host, steps, scope)
        for unit in late:
            before += write_statement(writer, unit.node, scope, None)
        return before, results
    if computed and not _uses_gradients(writer, units):
        computed = [_no_grad(computed)]
    return [*before, *mode, *computed], results


def _current_rate(host: Host, name: str) -> Statements:
    """The learning rate of this step, read before the scheduler moves on."""
    for optimizer in host.optimizers.values():
        if optimizer.scheduler is not None:
            return lines(f'{name} = {optimizer.name}.param_groups[0]["lr"]\n')
    raise Unconvertible("schedule", f"{name!r} is fetched, but no optimizer uses it")


def _ready(candidate: Block, unit: Unit) -> bool:
    return candidate.units[-1].index < unit.index or unit in candidate.units


def _blocks(blocks: Sequence[Block], units: Sequence[Unit]) -> list[Block]:
    indices = {unit.index for unit in units}
    return [b for b in blocks if any(unit.index in indices for unit in b.units)]


def _call_block(host: Host, made: Block, names: dict[str, str], site: Site) -> Statements:
    """``logits = model(images)``"""
    modes = host.scope.modes
    arguments = []
    for name in made.inputs:
        unit = host.writer.plan.placeholders.get(name)
        if (
            unit is not None
            and unit.value is not None
            and host.writer.value(unit.value).detail in modes
        ):
            continue
        text = names.get(name, name)
        arguments.append(text if text == name or not _is_literal(text) else f"{name}={text}")
    callee = "model" if made.name == "forward" else f"model.{made.name}"
    call = f"{callee}({', '.join(arguments)})"
    if not made.outputs:
        return lines(f"{call}\n")
    return lines(f"{', '.join(made.outputs)} = {call}\n")


def _is_literal(text: str) -> bool:
    return text[:1].isdigit() or text in ("True", "False", "None") or text[:1] in "-'\""


def _default(host: Host, unit: Unit, site: Site) -> str:
    """Text of a placeholder that is not fed: its default."""
    assert isinstance(unit.value, cst.Call)
    symbol = host.writer.analysis.symbols.get(unit.value.func)
    if symbol == "tf.placeholder_with_default":
        from tf2torch.rewrite.control import argument

        default = argument(unit.value, 0, "input")
        assert default is not None
        return code(convert(host.writer, default, host.scope))
    name = unit.targets[0].value  # type: ignore[attr-defined]
    raise Unconvertible("feed", f"the placeholder {name!r} is needed but not fed", site.run.node)


def _mode(host: Host, site: Site, needed: Sequence[Unit]) -> Statements:
    """``model.train()`` or ``model.eval()``, from the fed training flag."""
    modes = host.scope.modes
    if not modes:
        return []
    for feed in site.feeds or ():
        if feed.placeholder.detail in modes:
            literal = host.writer.value(feed.value).literal
            if literal is True:
                return lines("model.train()\n")
            if literal is False:
                return lines("model.eval()\n")
            return lines(f"model.train({code(convert(host.writer, feed.value, host.scope))})\n")
    for unit in needed:
        if unit.kind == "placeholder" and unit.value is not None:
            if host.writer.value(unit.value).detail in modes:
                text = _default(host, unit, site)
                return lines("model.eval()\n" if text == "False" else f"model.train({text})\n")
    return []


def _no_grad(body: Statements) -> cst.BaseStatement:
    made = lines("with torch.no_grad():\n    pass\n")[0]
    assert isinstance(made, cst.With)
    return made.with_changes(body=cst.IndentedBlock(body))


def _uses_gradients(writer: Writer, units: Sequence[Unit]) -> bool:
    for unit in units:
        for call in calls_in(unit.node):
            symbol = writer.analysis.symbols.get(call.func, "")
            if symbol in ("tf.gradients", "tf.hessians"):
                return True
            if isinstance(call.func, cst.Attribute) and call.func.attr.value == "compute_gradients":
                return True
    return False


def _result(host: Host, leaf: Leaf, scope: Scope, *, tracked: bool) -> str:
    """Host value of a fetched tensor: a number, or a NumPy array."""
    writer = host.writer
    if isinstance(leaf.node, cst.Name) and leaf.node.value in host.counters:
        return leaf.node.value
    written = convert(writer, leaf.node, scope)
    if training.schedule_call(writer, leaf.node) is not None:
        return code(written)
    if leaf.value.host:  # torch has a size as an integer, a shape as a tuple
        return code(written) if leaf.value.rank == 0 else f"np.array({code(written)})"
    if leaf.value.kind in ("sequence", "many"):
        writer.support.add("state_to_numpy")
        return f"state_to_numpy({code(written)})"
    if leaf.value.kind == "mapping":
        raise Unconvertible("fetch", "a dictionary of tensors that is built elsewhere", leaf.node)
    if leaf.value.rank == 0 and leaf.value.category in ("float", "int", "bool", None):
        return code(fill_method(written, "item()"))
    if leaf.value.category == "string":
        return code(written) if leaf.value.rank == 0 else f"np.array({code(written)}, dtype=object)"
    tracked = tracked or bool(names_in(leaf.node).loads & writer.plan.attributes.keys())
    if leaf.value.kind == "variable" or operations.is_average(leaf.node):
        # The next step changes the tensor in place; what TensorFlow returns stays as it is.
        return code(fill_method(written, "detach().cpu().numpy().copy()"))
    return code(fill_method(written, "detach().cpu().numpy()" if tracked else "cpu().numpy()"))


# -- steps ---------------------------------------------------------------------------------------


def _step(host: Host, steps: Sequence[Obj], scope: Scope) -> Statements:
    """``zero_grad / backward / step``; several train ops of one run share their forward pass."""
    writer = host.writer
    text = ""
    trains = [record for record in steps if record.type == "Train"]
    several = len(trains) > 1
    if several and _overlap(trains):
        text, trains = _separate_gradients(host, trains, scope), []
    for number, record in enumerate(trains):
        optimizer = _optimizer_of(host, record)
        loss = record["loss"]
        start = training.loss_text(loss.value, code(convert(writer, loss.node, scope)))
        text += _rate(host, optimizer)
        text += f"{optimizer.name}.zero_grad()\n"
        shared = len(set(optimizer.lists.values())) > 1
        if several or shared:
            retain = ", retain_graph=True" if number < len(trains) - 1 else ""
            inputs = f'{optimizer.name}.param_groups[0]["params"]'
            if shared:
                inputs = optimizer.lists[id(record)]
            text += f"{start}.backward(inputs={inputs}{retain})\n"
        else:
            text += f"{start}.backward()\n"
    for record in trains:
        optimizer = _optimizer_of(host, record)
        text += f"{optimizer.name}.step()\n"
        text += _advance(host, record, optimizer)
    for record in steps:
        if record.type == "Apply":
            optimizer = _optimizer_of(host, record)
            pairs = code(convert(writer, record["pairs"].node, scope))
            text += _rate(host, optimizer)
            text += f"{optimizer.name}.zero_grad()\n"
            text += f"for gradient, variable in {pairs}:\n    variable.grad = gradient\n"
            text += f"{optimizer.name}.step()\n" + _advance(host, record, optimizer)
        elif record.type == "AverageUpdate":
            text += operations.update_average(host, record, scope)
    written = lines(text)
    for record in steps:
        if record.type == "Group":
            written += operations.group_effects(host, record, scope)
    return written


def _overlap(trains: Sequence[Obj]) -> bool:
    """Whether two train ops train the same variable: their gradients must not share a place."""
    seen: set[int] = set()
    for record in trains:
        variables = {id(variable.detail) for variable in record["variables"] or ()}
        if not variables or variables & seen:
            return True
        seen |= variables
    return False


def _separate_gradients(host: Host, trains: Sequence[Obj], scope: Scope) -> str:
    """All gradients are taken before the first update; each optimizer then gets its own."""
    text, updates = "", ""
    for number, record in enumerate(trains):
        optimizer = _optimizer_of(host, record)
        loss = record["loss"]
        start = training.loss_text(loss.value, code(convert(host.writer, loss.node, scope)))
        inputs = f'{optimizer.name}.param_groups[0]["params"]'
        if len(set(optimizer.lists.values())) > 1:
            inputs = optimizer.lists[id(record)]
        retain = ", retain_graph=True" if number < len(trains) - 1 else ""
        name = f"{optimizer.name}_gradients"
        if name in text:  # one optimizer with two train ops
            name += f"_{number}"
        text += f"{name} = torch.autograd.grad({start}, {inputs}, allow_unused=True{retain})\n"
        updates += _rate(host, optimizer) + f"{optimizer.name}.zero_grad()\n"
        updates += (
            f"for parameter, gradient in zip({inputs}, {name}):\n    parameter.grad = gradient\n"
        )
        updates += f"{optimizer.name}.step()\n" + _advance(host, record, optimizer)
    return text + updates


def _optimizer_of(host: Host, record: Obj) -> Optimizer:
    found = host.optimizers.get(id(record))
    if found is None:
        raise Unconvertible(
            "optimizer", "the optimizer of this train op was not converted", record.node
        )
    return found


def _rate(host: Host, optimizer: Optimizer) -> str:
    if optimizer.rate is None:
        return ""
    return f'for group in {optimizer.name}.param_groups:\n    group["lr"] = {optimizer.rate}\n'


def _advance(host: Host, record: Obj, optimizer: Optimizer) -> str:
    step = record["global_step"]
    text = f"{optimizer.scheduler}.step()\n" if optimizer.scheduler and step is not None else ""
    if step is None or not isinstance(step.node, cst.Name) or step.node.value not in host.counters:
        return text
    if training.counter_is_read(host.writer, {step.node.value}):
        text += f"{step.node.value} += 1\n"
    return text


__all__ = ["Host", "names_in", "write_host", "write_hosts"]
