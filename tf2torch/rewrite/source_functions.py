"""Functions that return drawn tensors become functions that return an iterator over them."""

from __future__ import annotations

import libcst as cst

from tf2torch.cst.names import names_in, parameters
from tf2torch.diagnostics import Outcome
from tf2torch.plan.feeding import dataset_node
from tf2torch.plan.graph import Graph
from tf2torch.plan.roles import Role
from tf2torch.plan.units import Unit, calls_in, units_of
from tf2torch.rewrite.expressions import convert
from tf2torch.rewrite.statements import write_statement
from tf2torch.rewrite.streams import (
    Streams,
    draw_call,
    host_tensor,
    initializer_of,
    is_drawn,
    items,
    pipeline,
    started,
    streams_of,
    target_of,
)
from tf2torch.rewrite.suites import Statements, block, with_leading
from tf2torch.rewrite.writer import Scope, Unconvertible, Writer, code, lines


def write_source(writer: Writer, role: Role) -> cst.FunctionDef:
    """A function that returns drawn tensors -> one that returns an iterator over them."""
    node = role.node
    units = units_of(writer.analysis, node.body.body, node)
    graph = Graph(tuple(units))
    taken = set(writer.plan.root.names) | names_in(node.body).stores | set(parameters(node))
    scope = Scope(phase="host", modes=writer.modes).shadow(taken)
    streams = streams_of(writer, graph, scope, taken)
    body: Statements = []
    drawn: list[tuple[Unit, str, bool]] = []
    after: list[Unit] = []
    result: cst.BaseExpression | None = None
    for unit in units:
        for manager in unit.managers:
            writer.settle(manager, Outcome.ABSORBED, "scope")
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
        elif unit.kind == "graph" and is_drawn(graph, unit):
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
        last = lines(f"return {text if wanted == '' else started(text)}\n")
        return [*before, *with_leading(last, unit.node)]
    if direct:
        raise Unconvertible("data", "elements are drawn in the middle of an expression", node)
    texts = [text if iterator else f"{text}.to(device)" for _, text, iterator in drawn]
    target = target_of([unit for unit, _, _ in drawn])
    if len(drawn) == 1 and not after and items(result) == target:
        unit, text, iterator = drawn[0]
        return lines(f"return {text if iterator else started(text)}\n")
    if not drawn:
        raise Unconvertible("data", "a function that draws in a way that is not followed", node)
    source = texts[0] if len(texts) == 1 else f"zip({', '.join(texts)})"
    steps: Statements = []
    for unit in after:
        steps += write_statement(writer, unit.node, streams.scope, None)
        writer.settle(unit.node, Outcome.CONVERTED, "data")
    steps += lines(f"yield {items(convert(writer, result, streams.scope))}\n")
    made = lines(f"for {target} in {source}:\n    pass\n")[0]
    assert isinstance(made, cst.For)
    return [made.with_changes(body=cst.IndentedBlock(steps))]
