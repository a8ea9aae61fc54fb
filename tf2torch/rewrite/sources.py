"""Where elements are drawn: ``get_next()`` and ``tf.train.batch`` become iterators and ``next``.

A tensor that comes out of a data set or queue is new in every run. The statement that makes it
becomes two: one that makes the iterator, where the graph was built, and one that draws, in each run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import libcst as cst

from tf2torch.diagnostics import Outcome
from tf2torch.plan.blocks import Graph
from tf2torch.plan.feeding import dataset_node
from tf2torch.plan.roles import Role
from tf2torch.plan.sites import Leaf, Site
from tf2torch.plan.units import Unit, calls_in, units_of
from tf2torch.plan.uses import names_in, parameter_names
from tf2torch.rewrite import datasets
from tf2torch.rewrite.expressions import convert
from tf2torch.rewrite.statements import Statements, block, todo, with_leading, write_statement
from tf2torch.rewrite.writer import Scope, Unconvertible, Writer, code, lines, parse
from tf2torch.rulebook.values import Value

if TYPE_CHECKING:
    from tf2torch.rewrite.session import Host

#: Host name of the iterator of a source unit, and the call that draws from it.
Draws = dict[int, tuple[str, cst.Call]]


@dataclass(eq=False)
class Streams:
    """The sources of one scope, as pipelines.

    Attributes:
        consumed: indices of the units that only lead to a queue of batches.
    """

    writer: Writer
    graph: Graph
    scope: Scope
    taken: set[str]
    consumed: set[int]


def draw_call(writer: Writer, unit: Unit) -> cst.Call:
    """The call of a source unit that draws."""
    assert unit.value is not None
    nodes = writer.analysis.state.draw_nodes
    found = [call for call in calls_in(unit.value) if call in nodes]
    outer = [c for c in found if not any(c is not o and c in calls_in(o) for o in found)]
    if len(outer) != 1:
        raise Unconvertible("data", "one statement draws from several sources", unit.node)
    return outer[0]


def streams_of(writer: Writer, graph: Graph, scope: Scope, taken: set[str]) -> Streams:
    """Finds what each queue of batches is filled with."""
    consumed: set[int] = set()
    for unit in graph.units:
        small = unit.small
        call = draw_call(writer, unit) if unit.kind == "source" else None
        if isinstance(small, cst.Return) and isinstance(small.value, cst.Call):
            call = small.value
        tensors = None if call is None else _batched_tensors(writer, call)
        if tensors is not None:
            needed = graph.closure(names_in(tensors).loads, set(), unit.index)
            consumed |= {
                u.index
                for u in needed
                if u.kind == "source" or (u.kind == "graph" and _is_drawn(graph, u))
            }
    return Streams(writer, graph, scope, taken, consumed)


def _batched_tensors(writer: Writer, call: cst.Call) -> cst.BaseExpression | None:
    symbol = writer.analysis.symbols.get(call.func, "")
    if symbol not in datasets.BATCHES:
        return None
    return datasets.bound_arguments(call, datasets.BATCHES[symbol]).get("tensors")


def fresh_name(streams: Streams, wanted: str) -> str:
    name, number = wanted, 1
    while name in streams.taken:
        number += 1
        name = f"{wanted}_{number}"
    streams.taken.add(name)
    return name


# -- pipelines -----------------------------------------------------------------------------------


def pipeline(streams: Streams, unit: Unit, call: cst.Call) -> tuple[Statements, str, str]:
    """Statements before, the expression of what is drawn from, and a name for it.

    An expression that is an iterator already has the name "".
    """
    writer, scope = streams.writer, streams.scope
    symbol = writer.analysis.symbols.get(call.func, "")
    writer.converted(call.func, "data")
    if symbol in datasets.BATCHES:
        return _batches(streams, unit, call, symbol)
    if symbol == "tf.train.slice_input_producer":
        form = datasets.PRODUCERS[symbol]
        writer.support.add(form.support)
        args = datasets.written_arguments(writer, call, form, scope)
        return [], f"{form.function}({', '.join(args)})", "examples"
    function = writer.analysis.callees.get(call)
    if function is not None and isinstance(function.node, cst.FunctionDef):
        args = [a.with_changes(value=convert(writer, a.value, scope)) for a in call.args]
        made = call.with_changes(func=convert(writer, call.func, scope), args=args)
        return [], code(made), ""
    if not isinstance(call.func, cst.Attribute):
        raise Unconvertible("data", "what is drawn from here is not known", call)
    owner = writer.value(call.func.value)
    if owner.kind == "object" and owner.detail.type == "Iterator":
        return [], *_from_iterator(streams, call.func.value, owner)
    if owner.kind == "object" and owner.detail.type == "Reader":
        return [], _read(streams, call, owner), "records"
    if owner.kind == "object" and owner.detail.type == "Dataset":
        return [], code(convert(writer, call.func.value, scope)), "elements"
    raise Unconvertible("data", "what is drawn from here is not known", call)


def _from_iterator(streams: Streams, node: cst.BaseExpression, owner: Value) -> tuple[str, str]:
    writer = streams.writer
    if owner.detail["handle"]:
        raise Unconvertible("data", "an iterator that is chosen by a fed handle", node)
    if isinstance(node, cst.Call):
        if not owner.detail["started"]:
            raise Unconvertible("data", "an iterator that nothing can start", node)
        source = dataset_node(initializer_of(owner))
        assert source is not None
        writer.settle(node.func, Outcome.CONVERTED, "data")
        return code(convert(writer, source, streams.scope)), "iterator"
    return code(convert(writer, node, streams.scope)), ""


def initializer_of(owner: Value):  # type: ignore[no-untyped-def]
    from tf2torch.analyse.facts import Obj

    return Obj("IteratorInit", {"iterator": owner})


def _read(streams: Streams, call: cst.Call, owner: Value) -> str:
    """``reader.read(queue)`` -> ``read_lines(queue)``"""
    writer = streams.writer
    function = datasets.READERS.get(owner.detail["symbol"])
    queue = call.args[0].value if call.args else None
    if function is None or queue is None:
        raise Unconvertible("data", "a reader that has no counterpart", call)
    made: cst.Call = owner.detail["call"].node
    skip = next(
        (a.value for a in made.args if a.keyword is None or a.keyword.value == "skip_header_lines"),
        None,
    )
    writer.support.add(function)
    text = code(convert(writer, queue, streams.scope))
    if skip is not None and function == "read_lines":
        return f"{function}({text}, {code(convert(writer, skip, streams.scope))})"
    return f"{function}({text})"


def _batches(
    streams: Streams, unit: Unit, call: cst.Call, symbol: str
) -> tuple[Statements, str, str]:
    """``tf.train.batch([x, y], 32)`` over a pipeline of examples."""
    writer, form = streams.writer, datasets.BATCHES[symbol]
    tensors = datasets.bound_arguments(call, form).get("tensors")
    if tensors is None:
        raise Unconvertible("data", "a batch of nothing", call)
    before, examples = _examples(streams, unit, tensors)
    args = datasets.written_arguments(writer, call, form, streams.scope, skip=("tensors",))
    writer.support.add(form.support)
    return before, f"{form.function}({', '.join([examples, *args])})", "batches"


def _examples(streams: Streams, unit: Unit, tensors: cst.BaseExpression) -> tuple[Statements, str]:
    """The pipeline of single examples that fills a queue of batches."""
    writer = streams.writer
    needed = streams.graph.closure(names_in(tensors).loads, set(), unit.index)
    drawn = [u for u in needed if u.kind == "source"]
    body = [u for u in needed if u.kind == "graph" and _is_drawn(streams.graph, u)]
    if not drawn:
        raise Unconvertible("data", "a queue that is not filled from files or slices", unit.node)
    before: Statements = []
    expressions = []
    for source in drawn:
        more, text, name = pipeline(streams, source, draw_call(writer, source))
        if name == "" and not source.value is draw_call(writer, source):
            raise Unconvertible("data", "a part of what is drawn", source.node)
        before += more
        expressions.append(text)
        writer.settle(source.node, Outcome.CONVERTED, "data")
    written = _items(tensors)
    target = _target(drawn)
    name = fresh_name(streams, "examples")
    if not body and written == target and len(drawn) == 1:
        made = lines(f"{name} = {expressions[0]}\n")
        return [*before, *with_leading(made, drawn[0].node)], name
    inner = streams.scope.inside(phase="init")
    writer.support.add("Pipeline")
    source_text = expressions[0]
    if len(drawn) > 1:
        source_text = f"zip({', '.join(expressions)})"
    made = lines(f"def {name}():\n    for {target} in {source_text}:\n        pass\n")[0]
    assert isinstance(made, cst.FunctionDef)
    loop = made.body.body[0]
    assert isinstance(loop, cst.For)
    steps: Statements = []
    for step in body:
        steps += write_statement(writer, step.node, inner, None)
        writer.settle(step.node, Outcome.CONVERTED, "data")
    result = (
        code(convert(writer, tensors, inner))
        if not isinstance(tensors, (cst.List, cst.Tuple))
        else ", ".join(code(convert(writer, element.value, inner)) for element in tensors.elements)
    )
    steps += lines(f"yield {result}\n")
    loop = loop.with_changes(body=cst.IndentedBlock(steps))
    made = made.with_changes(body=cst.IndentedBlock([loop]))
    return [*before, made], f"Pipeline({name})"


def _items(node: cst.BaseExpression) -> str:
    if isinstance(node, (cst.List, cst.Tuple)):
        return ", ".join(code(element.value) for element in node.elements)
    return code(node)


def _target(drawn: Sequence[Unit]) -> str:
    targets = []
    for unit in drawn:
        if len(unit.targets) != 1:
            raise Unconvertible("data", "a drawn value with several names", unit.node)
        target = unit.targets[0]
        text = _items(target)
        targets.append(f"({text})" if len(drawn) > 1 and "," in text else text)
    return ", ".join(targets)


# -- in the root scope ---------------------------------------------------------------------------


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


def _behind(streams: Streams, unit: Unit) -> set[int]:
    """Units whose examples fill the queue that a unit draws from."""
    tensors = _batched_tensors(streams.writer, draw_call(streams.writer, unit))
    if tensors is None:
        return set()
    needed = streams.graph.closure(names_in(tensors).loads, set(), unit.index)
    return {other.index for other in needed}


def started(text: str) -> str:
    """``iter(dataset.to(device))``"""
    simple = text.replace("_", "a").isalnum() or text.endswith(")")
    return f"iter({text if simple else f'({text})'}.to(device))"


def check_host(host: Host, small: cst.BaseSmallStatement) -> None:
    """Refuses host code that handles a drawn tensor itself: it only exists within runs."""
    drawn = {n for u in host.writer.plan.graph.units if u.kind == "source" for n in u.names.stores}
    if not drawn:
        return
    finder = _DrawnNames(host.writer, drawn)
    small.visit(finder)
    if finder.found is not None:
        name = finder.found.value
        raise Unconvertible("data", f"{name!r} is new in every run and used outside of runs", small)


class _DrawnNames(cst.CSTVisitor):
    def __init__(self, writer: Writer, drawn: set[str]) -> None:
        self.writer, self.drawn = writer, drawn
        self.found: cst.Name | None = None

    def visit_AssignTarget(self, node: cst.AssignTarget) -> bool:
        return False

    def visit_Name(self, node: cst.Name) -> None:
        if node.value in self.drawn and self.writer.value(node).is_tensor:
            self.found = node


def draw(host: Host, unit: Unit, scope: Scope) -> Statements:
    """``features, labels = next(iterator)``"""
    found = host.draws.get(unit.index)
    if found is None:
        raise Unconvertible("data", "what is drawn from here could not be converted", unit.node)
    name, call = found
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
        raise Unconvertible("data", "an iterator that is chosen by a fed handle", unit.node)
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
    if unit.targets and all(_is_noop(statement) for statement in written):
        written = []
    return [*_prerequisites(host, unit), *written]


def _is_noop(statement: cst.BaseStatement) -> bool:
    """``dataset = dataset``, which is left of ``dataset = dataset.prefetch(1)``."""
    small = statement.body[0] if isinstance(statement, cst.SimpleStatementLine) else None
    if not isinstance(small, cst.Assign) or len(small.targets) != 1:
        return False
    return code(small.targets[0].target) == code(small.value)


def _prerequisites(host: Host, unit: Unit) -> Statements:
    """Tensors that describing the data needs: file names, tables."""
    graph = host.writer.plan.graph
    written: Statements = []
    for other in graph.closure(set(unit.names.loads), set(), unit.index):
        if other.kind == "graph" and other.index not in host.done and not _is_drawn(graph, other):
            host.done.add(other.index)
            scope = host.scope.inside(phase="init")
            written += host_tensor(host.writer, other, scope)
    return written


def host_tensor(writer: Writer, unit: Unit, scope: Scope) -> Statements:
    """A tensor that data sets are made of, on the host: ``names = tf.constant(files)``."""
    small = unit.small
    if isinstance(small, cst.Assign) and isinstance(small.value, cst.Call):
        symbol = writer.analysis.symbols.get(small.value.func)
        if symbol in ("tf.constant", "tf.convert_to_tensor") and small.value.args:
            value = datasets.data_argument(writer, small.value.args[0].value, scope)
            writer.settle(unit.node, Outcome.CONVERTED, "data")
            made = unit.node.with_changes(body=[small.with_changes(value=value)])
            return [] if _is_noop(made) else [made]
    return write_statement(writer, unit.node, scope, None)


def _is_drawn(graph: Graph, unit: Unit) -> bool:
    """Whether a tensor is computed from drawn elements."""
    needed = graph.closure(set(unit.names.loads), set(), unit.index)
    return any(other.kind == "source" for other in needed)


# -- starting iterators --------------------------------------------------------------------------


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


# -- functions -----------------------------------------------------------------------------------


def write_source(writer: Writer, role: Role) -> cst.FunctionDef:
    """A function that returns drawn tensors -> one that returns an iterator over them."""
    node = role.node
    units = units_of(writer.analysis, node.body.body, node)
    graph = Graph(tuple(units))
    taken = set(writer.plan.root.names) | names_in(node.body).stores | parameter_names(node.params)
    scope = Scope(phase="host", modes=writer.modes).shadow(taken)
    streams = streams_of(writer, graph, scope, taken)
    body: Statements = []
    drawn: list[tuple[Unit, str, bool]] = []
    after: list[Unit] = []
    result: cst.BaseExpression | None = None
    for unit in units:
        if unit.index in streams.consumed:
            writer.settle(unit.node, Outcome.CONVERTED, "data")
            continue
        small = unit.small
        if isinstance(small, cst.Return):
            result = small.value
        elif unit.kind == "source":
            before, text, wanted = pipeline(streams, unit, draw_call(writer, unit))
            body += with_leading(before, unit.node)
            drawn.append((unit, text, wanted == ""))
            writer.settle(unit.node, Outcome.CONVERTED, "data")
        elif unit.kind == "graph" and _is_drawn(graph, unit):
            after.append(unit)
        elif unit.kind == "graph":
            body += host_tensor(writer, unit, scope.inside(phase="init"))
        elif unit.kind == "data" and _is_plumbing(writer, unit):
            body += _function_iterator(streams, unit)
        else:
            body += write_statement(writer, unit.node, scope, None)
    body += _returned(streams, node, drawn, after, result)
    return node.with_changes(body=block(body, node.body))


def _is_plumbing(writer: Writer, unit: Unit) -> bool:
    value = writer.value(unit.value) if unit.value is not None else None
    return (
        value is not None
        and value.kind == "object"
        and value.detail.type in ("Reader", "Iterator")
        and isinstance(unit.value, cst.Call)
        and unit.value not in writer.analysis.callees
    )


def _function_iterator(streams: Streams, unit: Unit) -> Statements:
    writer = streams.writer
    value = writer.value(unit.value)  # type: ignore[arg-type]
    if value.detail.type == "Reader":
        writer.settle(unit.node, Outcome.ABSORBED, "data")
        return []
    source = dataset_node(initializer_of(value))
    if source is None or not value.detail["started"]:
        raise Unconvertible(
            "data", "an iterator that is started outside of this function", unit.node
        )
    text = code(convert(writer, source, streams.scope))
    writer.settle(unit.node, Outcome.CONVERTED, "data")
    return with_leading(lines(f"{code(unit.targets[0])} = {started(text)}\n"), unit.node)


def _returned(
    streams: Streams,
    node: cst.FunctionDef,
    drawn: list[tuple[Unit, str, bool]],
    after: list[Unit],
    result: cst.BaseExpression | None,
) -> Statements:
    """The end of the function: the iterator itself, or a loop that yields what follows a draw."""
    writer = streams.writer
    if result is None:
        raise Unconvertible("data", "a function that draws, but returns nothing", node)
    nodes = writer.analysis.state.draw_nodes
    direct = [call for call in calls_in(result) if call in nodes]
    if result in direct and not drawn and not after:
        unit = next(u for u in streams.graph.units if isinstance(u.small, cst.Return))
        before, text, wanted = pipeline(streams, unit, result)  # type: ignore[arg-type]
        writer.settle(result, Outcome.CONVERTED, "data")
        made = lines(f"return {text if wanted == '' else started(text)}\n")
        return [*before, *with_leading(made, unit.node)]
    if direct:
        raise Unconvertible("data", "elements are drawn in the middle of an expression", node)
    texts = [text if iterator else f"{text}.to(device)" for _, text, iterator in drawn]
    target = _target([unit for unit, _, _ in drawn])
    if len(drawn) == 1 and not after and _items(result) == target:
        unit, text, iterator = drawn[0]
        return lines(f"return {text if iterator else started(text)}\n")
    if not drawn:
        raise Unconvertible("data", "a function that draws in a way that is not followed", node)
    source = texts[0] if len(texts) == 1 else f"zip({', '.join(texts)})"
    steps: Statements = []
    for unit in after:
        steps += write_statement(writer, unit.node, streams.scope, None)
        writer.settle(unit.node, Outcome.CONVERTED, "data")
    steps += lines(f"yield {_items(convert(writer, result, streams.scope))}\n")
    made = lines(f"for {target} in {source}:\n    pass\n")[0]
    assert isinstance(made, cst.For)
    return [made.with_changes(body=cst.IndentedBlock(steps))]
