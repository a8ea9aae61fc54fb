"""Pipelines that statements draw from: iterators, readers, producers and queues of batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import libcst as cst

from tf2torch.analyse.facts import Obj
from tf2torch.cst.names import names_in
from tf2torch.diagnostics import Outcome
from tf2torch.plan.feeding import dataset_node
from tf2torch.plan.graph import Graph
from tf2torch.plan.units import Unit, calls_in
from tf2torch.rewrite import datasets
from tf2torch.rewrite.expressions import convert
from tf2torch.rewrite.statements import write_statement
from tf2torch.rewrite.suites import Statements, with_leading
from tf2torch.rewrite.writer import Scope, Unconvertible, Writer, code, lines
from tf2torch.rulebook.values import Value


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
        tensors = None if call is None else batched_tensors(writer, call)
        if tensors is not None:
            needed = graph.closure(names_in(tensors).loads, set(), unit.index)
            consumed |= {
                u.index
                for u in needed
                if u.kind == "source" or (u.kind == "graph" and is_drawn(graph, u))
            }
    return Streams(writer, graph, scope, taken, consumed)


def batched_tensors(writer: Writer, call: cst.Call) -> cst.BaseExpression | None:
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
        given = [a.with_changes(value=convert(writer, a.value, scope)) for a in call.args]
        made = call.with_changes(func=convert(writer, call.func, scope), args=given)
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


def initializer_of(owner: Value) -> Obj:
    """The operation that starts an iterator."""
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
    body = [u for u in needed if u.kind == "graph" and is_drawn(streams.graph, u)]
    if not drawn:
        raise Unconvertible("data", "a queue that is not filled from files or slices", unit.node)
    before: Statements = []
    expressions = []
    parts: list[tuple[Unit, cst.Call, str]] = []
    for source in drawn:
        call = draw_call(writer, source)
        more, text, name = pipeline(streams, source, call)
        functions = writer.analysis.callees
        iterates = name == "" and call in functions  # a function of the program that draws
        if source.value is not call:  # ``x = tf.train.slice_input_producer([data])[0]``
            if name == "":
                raise Unconvertible("data", "a part of what is drawn", source.node)
            parts.append((source, call, fresh_name(streams, "example")))
        before += more
        expressions.append((text, iterates))
        writer.settle(source.node, Outcome.CONVERTED, "data")
    written = items(tensors)
    target = target_of(drawn, {id(source): name for source, _, name in parts})
    name = fresh_name(streams, "examples")
    if not body and not parts and written == target and len(drawn) == 1:
        text, iterates = expressions[0]
        if iterates:
            writer.support.add("Pipeline")
            text = f"Pipeline(lambda: {text})"
        assigned = lines(f"{name} = {text}\n")
        return [*before, *with_leading(assigned, drawn[0].node)], name
    inner = streams.scope.inside(phase="init")
    writer.support.add("Pipeline")
    source_text = expressions[0][0]
    if len(drawn) > 1:
        source_text = f"zip({', '.join(text for text, _ in expressions)})"
    made = lines(f"def {name}():\n    for {target} in {source_text}:\n        pass\n")[0]
    assert isinstance(made, cst.FunctionDef)
    loop = made.body.body[0]
    assert isinstance(loop, cst.For)
    steps: Statements = []
    for source, call, element in parts:
        part = inner.inside(replaced={**inner.replaced, call: cst.Name(element)})
        steps += write_statement(writer, source.node, part, None)
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


def items(node: cst.BaseExpression) -> str:
    if isinstance(node, (cst.List, cst.Tuple)):
        return ", ".join(code(element.value) for element in node.elements)
    return code(node)


def target_of(drawn: Sequence[Unit], elements: Mapping[int, str] | None = None) -> str:
    """What a loop over drawn elements binds; `elements` are names for whole elements."""
    targets = []
    for unit in drawn:
        if elements and id(unit) in elements:
            targets.append(elements[id(unit)])
            continue
        if len(unit.targets) != 1:
            raise Unconvertible("data", "a drawn value with several names", unit.node)
        target = unit.targets[0]
        text = items(target)
        if isinstance(target, (cst.Tuple, cst.List)) and len(target.elements) == 1:
            text += ","
        targets.append(f"({text})" if len(drawn) > 1 and "," in text else text)
    return ", ".join(targets)


def is_drawn(graph: Graph, unit: Unit) -> bool:
    """Whether a tensor is computed from drawn elements."""
    needed = graph.closure(set(unit.names.loads), set(), unit.index)
    return any(other.kind == "source" for other in needed)


def started(text: str) -> str:
    """``iter(dataset.to(device))``"""
    simple = text.replace("_", "a").isalnum() or text.endswith(")")
    return f"iter({text if simple else f'({text})'}.to(device))"


def host_tensor(writer: Writer, unit: Unit, scope: Scope) -> Statements:
    """A tensor that data sets are made of, on the host: ``names = tf.constant(files)``."""
    small = unit.small
    if isinstance(small, cst.Assign) and isinstance(small.value, cst.Call):
        symbol = writer.analysis.symbols.get(small.value.func)
        if symbol in ("tf.constant", "tf.convert_to_tensor") and small.value.args:
            value = datasets.data_argument(writer, small.value.args[0].value, scope)
            writer.settle(unit.node, Outcome.CONVERTED, "data")
            made = unit.node.with_changes(body=[small.with_changes(value=value)])
            return [] if is_noop(made) else [made]
    return write_statement(writer, unit.node, scope, None)


def is_noop(statement: cst.BaseStatement) -> bool:
    """``dataset = dataset``, which is left of ``dataset = dataset.prefetch(1)``."""
    small = statement.body[0] if isinstance(statement, cst.SimpleStatementLine) else None
    if not isinstance(small, cst.Assign) or len(small.targets) != 1:
        return False
    return code(small.targets[0].target) == code(small.value)
