"""Where elements are drawn: ``get_next()`` and ``tf.train.batch`` become iterators and ``next``.

A tensor that comes out of a data set or queue is new in every run. The statement that makes it
becomes two: one that makes the iterator, where the graph was built, and one that draws, in each
run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import libcst as cst

from tf2torch.cst.names import names_in, parameters
from tf2torch.cst.walk import read
from tf2torch.diagnostics import Outcome
from tf2torch.plan.feeding import dataset_node, describes_data
from tf2torch.plan.sites import Feed, Leaf, Site
from tf2torch.plan.units import Unit, contents
from tf2torch.rewrite.expressions import convert
from tf2torch.rewrite.statements import write_statement
from tf2torch.rewrite.streams import (
    Streams,
    batched_tensors,
    draw_call,
    fresh_name,
    host_tensor,
    initializer_of,
    is_drawn,
    is_noop,
    pipeline,
    started,
    streams_of,
)
from tf2torch.rewrite.suites import Statements, todo, with_leading
from tf2torch.rewrite.writer import Scope, Unconvertible, Writer, code, lines, parse
from tf2torch.rulebook.values import Value

if TYPE_CHECKING:
    from tf2torch.rewrite.host import Host

#: Host name of the iterator of a source unit, and the call that draws from it.
Draws = dict[int, tuple[str, cst.Call]]


def root_streams(host: Host) -> Streams:
    """The sources of the root scope, found once."""
    if host.streams is None:
        plan = host.writer.plan
        taken = set(plan.root.names)
        for unit in plan.graph.units:
            taken |= unit.names.loads | unit.names.stores
        host.streams = streams_of(host.writer, plan.graph, host.scope, taken)
    return host.streams


def root_unit(host: Host, unit: Unit) -> Statements:
    """A unit of the root scope that describes or draws input data."""
    try:
        return source_unit(host, unit) if unit.kind == "source" else data_unit(host, unit)
    except Unconvertible as problem:
        host.writer.todo(unit.node, problem)
        return todo(host.writer, unit.node, problem)


def source_unit(host: Host, unit: Unit) -> Statements:
    """Makes the iterator that a unit of the root scope draws from."""
    writer = host.writer
    streams = root_streams(host)
    if unit.index in streams.consumed:
        writer.settle(unit.node, Outcome.CONVERTED, "data")
        return []
    call = draw_call(writer, unit)
    if _by_handle(writer, call):
        writer.settle(unit.node, Outcome.CONVERTED, "data")
        host.draws[unit.index] = ("", call)
        return []
    needed = [u for u in writer.plan.graph.units if u.index in _behind(streams, unit)]
    before = [s for other in [*needed, unit] for s in _prerequisites(host, other)]
    more, text, wanted = pipeline(streams, unit, call)
    before += more
    writer.settle(unit.node, Outcome.CONVERTED, "data")
    if wanted == "" and text.isidentifier():
        host.draws[unit.index] = (text, call)
        return before
    name = fresh_name(streams, wanted or "batches")
    host.draws[unit.index] = (name, call)
    made = lines(f"{name} = {text if wanted == '' else started(text)}\n")
    return with_leading([*before, *made], unit.node)


def _by_handle(writer: Writer, call: cst.Call) -> bool:
    """Whether what is fed in a run says which iterator a call draws from."""
    owner = writer.value(call.func.value) if isinstance(call.func, cst.Attribute) else None
    known = owner is not None and owner.kind == "object" and owner.detail.type == "Iterator"
    return known and bool(owner.detail["handle"])  # type: ignore[union-attr]


def fed_iterator(writer: Writer, feed: Feed) -> Value | None:
    """The iterator whose handle is fed."""
    value = writer.value(feed.value)
    if value.kind != "object" or value.detail.type != "FetchedHandle":
        return None
    iterator: Value = value.detail["iterator"]
    return iterator


def _chosen(host: Host, unit: Unit, site: Site | None) -> str:
    """Name of the iterator that a run draws from."""
    for feed in (site.feeds or ()) if site is not None else ():
        iterator = fed_iterator(host.writer, feed)
        name = _iterator_name(host, iterator) if iterator is not None else None
        if name is not None:
            return name
    raise Unconvertible("data", "which iterator the fed handle chooses is not known", unit.node)


def _behind(streams: Streams, unit: Unit) -> set[int]:
    """Units whose examples fill the queue that a unit draws from."""
    tensors = batched_tensors(streams.writer, draw_call(streams.writer, unit))
    if tensors is None:
        return set()
    needed = streams.graph.closure(names_in(tensors).loads, set(), unit.index)
    return {other.index for other in needed}


def check_host(host: Host, small: cst.BaseSmallStatement) -> None:
    """Refuses host code that handles a drawn tensor itself: it only exists within runs."""
    drawn = {n for u in host.writer.plan.graph.units if u.kind == "source" for n in u.names.stores}
    if not drawn:
        return
    finder = _DrawnNames(host.writer, drawn)
    read(small, finder)
    if finder.found is not None:
        name = finder.found.value
        raise Unconvertible("data", f"{name!r} is new in every run and used outside of runs", small)


def makes_data(writer: Writer, small: cst.BaseSmallStatement) -> bool:
    """Whether a statement describes input data: placeholders in it stand for what is fed."""
    value = small.value if isinstance(small, (cst.Assign, cst.Expr)) else None
    return value is not None and describes_data(contents(writer.value(value)))


class _DrawnNames(cst.CSTVisitor):
    def __init__(self, writer: Writer, drawn: set[str]) -> None:
        self.writer, self.drawn = writer, drawn
        self.found: cst.Name | None = None

    def visit_AssignTarget(self, node: cst.AssignTarget) -> bool:
        return False

    def visit_Lambda(self, node: cst.Lambda) -> bool:
        inner = _DrawnNames(self.writer, self.drawn - set(parameters(node)))
        read(node.body, inner)
        self.found = self.found or inner.found
        return False

    def visit_Name(self, node: cst.Name) -> None:
        if node.value in self.drawn and self.writer.value(node).is_tensor:
            self.found = node


def draw(host: Host, unit: Unit, scope: Scope, site: Site | None = None) -> Statements:
    """``features, labels = next(iterator)``"""
    found = host.draws.get(unit.index)
    if found is None:
        raise Unconvertible("data", "what is drawn from here could not be converted", unit.node)
    name, call = found
    name = name or _chosen(host, unit, site)
    for stored in unit.names.stores:
        host.live.pop(stored, None)
    inner = replace(scope, replaced={**scope.replaced, call: parse(f"next({name})")})
    plain = unit.node.with_changes(leading_lines=())
    return write_statement(host.writer, plain, inner, None)


def data_unit(host: Host, unit: Unit) -> Statements:
    """A data set, or an iterator that starts at once; others start when their initializer runs."""
    writer = host.writer
    value = writer.value(unit.value) if unit.value is not None else None
    if value is not None and value.kind == "object":
        if value.detail.type == "Reader":
            writer.settle(unit.node, Outcome.ABSORBED, "data")
            return []
        if value.detail.type == "Iterator":
            return _iterator_unit(host, unit, value)
    if _waits(host, unit):
        return []
    return _on_host(host, unit)


def _iterator_unit(host: Host, unit: Unit, value: Value) -> Statements:
    writer = host.writer
    if value.detail["handle"]:
        writer.settle(unit.node, Outcome.ABSORBED, "data")
        return []
    writer.settle(unit.node, Outcome.CONVERTED, "data")
    if not value.detail["started"]:
        return []
    source = dataset_node(initializer_of(value))
    if source is None or not isinstance(unit.value, cst.Call):
        writer_text = code(convert(writer, unit.value, host.scope)) if unit.value else ""
        return lines(f"{code(unit.targets[0])} = {writer_text}\n")
    text = code(convert(writer, source, host.scope))
    return with_leading(lines(f"{code(unit.targets[0])} = {started(text)}\n"), unit.node)


def _waits(host: Host, unit: Unit) -> bool:
    """Whether a data set is made of fed values, so that it is made when its iterator starts."""
    graph = host.writer.plan.graph
    needed = graph.closure(set(unit.names.loads), set(), unit.index)
    return any(u.kind == "placeholder" for u in needed)


def _on_host(host: Host, unit: Unit) -> Statements:
    """The statement, behind the tensors that it reads."""
    from tf2torch.rewrite.session import write_host

    written = write_host(host, unit.node)
    if unit.targets and all(is_noop(statement) for statement in written):
        written = []
    return [*_prerequisites(host, unit), *written]


def _prerequisites(host: Host, unit: Unit) -> Statements:
    """Tensors that describing the data needs: file names, tables."""
    graph = host.writer.plan.graph
    written: Statements = []
    for other in graph.closure(set(unit.names.loads), set(), unit.index):
        if other.kind == "graph" and other.index not in host.done and not is_drawn(graph, other):
            host.done.add(other.index)
            scope = host.scope.inside(phase="init")
            written += host_tensor(host.writer, other, scope)
    return written


def start_iterators(
    host: Host, leaves: Sequence[Leaf], needed: Sequence[Unit], site: Site
) -> Statements:
    """``sess.run(iterator.initializer)`` -> ``iterator = iter(dataset.to(device))``"""
    written: Statements = []
    records = [leaf.record for leaf in leaves if leaf.record is not None]
    for record in records:
        members = [getattr(m, "value", m) for m in record["members"] or ()]
        records += [m.detail for m in members if m.kind == "operation"]
        if record.type != "IteratorInit":
            continue
        if host.nested:
            raise Unconvertible(
                "data", "an iterator that is started in another function", site.run.node
            )
        name = _iterator_name(host, record["iterator"])
        source = dataset_node(record)
        if name is None or source is None:
            raise Unconvertible(
                "data", "the iterator that is started here is not known", site.run.node
            )
        for unit in needed:
            if unit.kind == "data" and _waits(host, unit):
                value = host.writer.value(unit.value) if unit.value is not None else None
                if value is None or value.kind != "object" or value.detail.type != "Iterator":
                    written += _on_host(host, unit)
        text = code(convert(host.writer, source, host.scope))
        written += lines(f"{name} = {started(text)}\n")
    return written


def _iterator_name(host: Host, iterator: Value) -> str | None:
    for unit in host.writer.plan.graph.units:
        if unit.value is None or len(unit.targets) != 1:
            continue
        value = host.writer.value(unit.value)
        if value.kind == "object" and value.detail is iterator.detail:
            target = unit.targets[0]
            return target.value if isinstance(target, cst.Name) else None
    return None
