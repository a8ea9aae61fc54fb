"""Operations beside train steps: groups, dependencies, assignments, moving averages."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import libcst as cst

from tf2torch.analyse.calls import GraphCall
from tf2torch.analyse.facts import Obj
from tf2torch.cst.names import names_in
from tf2torch.plan.sites import Leaf
from tf2torch.plan.units import Unit, contents
from tf2torch.rewrite import counting
from tf2torch.rewrite.expressions import convert
from tf2torch.rewrite.operands import Typed
from tf2torch.rewrite.writer import Scope, Unconvertible, Writer, code, lines, parse
from tf2torch.rulebook.values import Value

if TYPE_CHECKING:
    from tf2torch.rewrite.host import Host

Statements = list[cst.BaseStatement]

STEPS = ("Train", "Apply", "AverageUpdate")


def records(value: Value, seen: set[int] | None = None) -> Iterator[Obj]:
    """State-changing operations that running `value` runs, dependencies first."""
    seen = set() if seen is None else seen
    for leaf in contents(value):
        record = leaf.detail
        if leaf.kind != "operation" or not isinstance(record, Obj) or id(record) in seen:
            continue
        seen.add(id(record))
        for given in record["control"] or ():
            yield from records(given, seen)
        for member in record["members"] or ():
            yield from records(getattr(member, "value", member), seen)
        if record.type in (*STEPS, "Group"):
            yield record


def steps(writer: Writer, leaves: Iterable[Leaf], late: Iterable[Unit]) -> list[Obj]:
    """Operations that a run performs, in order."""
    seen: set[int] = set()
    found: list[Obj] = []
    for unit in late:
        for value in control_of(writer, unit):
            found += records(value, seen)
    for leaf in leaves:
        if leaf.value.kind == "operation" or only_operations(leaf.value):
            found += records(leaf.value, seen)
    return found


def only_operations(value: Value) -> bool:
    items = contents(value)
    return (
        value.kind == "sequence" and bool(items) and all(item.kind == "operation" for item in items)
    )


def control_of(writer: Writer, unit: Unit) -> list[Value]:
    """The operations that the ``control_dependencies`` around a unit name."""
    found = []
    for item in unit.managers:
        call = item.item
        if isinstance(call, cst.Call) and call.args and writer.value(call).kind == "object":
            if writer.value(call).detail.type == "control_dependencies":
                value = writer.value(call.args[0].value)
                if any(True for _ in records(value)):
                    found.append(value)
    return found


def late_units(writer: Writer, units: Sequence[Unit]) -> list[Unit]:
    """Units that compute after the train step: they stand under its ``control_dependencies``."""
    return [u for u in units if u.kind == "graph" and control_of(writer, u)]


_IN_PLACE = re.compile(r"\.data\.(?:copy|add|sub)_\(")


def assigns(statements: Statements) -> bool:
    """Whether statements change variables in place."""
    return any(_IN_PLACE.search(code(statement)) for statement in statements)


def group_effects(host: Host, record: Obj, scope: Scope) -> Statements:
    """``tf.group(*[tf.assign(v, a) for v in variables])`` -> a loop of assignments."""
    written: Statements = []
    for member in record["members"] or ():
        node = getattr(member, "node", None)
        value = member.value
        if node is None or isinstance(node, (cst.Name, cst.Attribute)) or value.kind == "operation":
            continue
        if not any(leaf.is_tensor for leaf in contents(value)):
            continue
        counted = counting.assignment(host.writer, node, scope)
        if counted is not None:
            written += counted[1]
            continue
        if (
            isinstance(node, cst.ListComp)
            and node.for_in.inner_for_in is None
            and not node.for_in.ifs
        ):
            inner = scope.shadow(
                names_in(cst.Assign([cst.AssignTarget(node.for_in.target)], cst.Name("_"))).stores
            )
            loop = cst.For(
                node.for_in.target,
                convert(host.writer, node.for_in.iter, scope),
                cst.IndentedBlock(_line(convert(host.writer, node.elt, inner))),
            )
            written.append(loop)
        else:
            written += _line(convert(host.writer, node, scope))
    return written


def _line(node: cst.BaseExpression) -> Statements:
    return [cst.SimpleStatementLine([cst.Expr(node)])]


# -- moving averages -----------------------------------------------------------------------------


def argument_of(call: GraphCall, position: int, name: str) -> cst.BaseExpression | None:
    found = call.argument(position, name)
    return None if found is None or found.value.literal is None else found.node


def average_name(writer: Writer, record: Obj) -> str:
    """The name that holds the ExponentialMovingAverage of an update."""
    average = record["average"]
    for unit in writer.plan.graph.units:
        value = writer.value(unit.value) if unit.value is not None else None
        if value is not None and value.kind == "object" and value.detail is average.detail:
            if unit.targets and isinstance(unit.targets[0], cst.Name):
                return unit.targets[0].value
    return "ema"


def make_average(host: Host, record: Obj) -> Statements:
    """``ema = ExponentialMovingAverage(0.99, model.named_parameters())``, where applied."""
    from tf2torch.rewrite.variables_list import key_text
    from tf2torch.rewrite.weights import variable_keys

    writer = host.writer
    call = record["average"].detail["call"]
    decay = argument_of(call, 0, "decay")
    given = record["targets"]
    variables = list(writer.analysis.state.collections.get("trainable_variables", []))
    everything = given is None or given.value.literal is None
    if not everything:
        variables_given = contents(given.value)
        everything = {id(v.detail) for v in variables_given} == {id(v.detail) for v in variables}
        variables = variables_given
    if not all(v.kind == "variable" and v.detail is not None for v in variables):
        raise Unconvertible(
            "moving-average", "a moving average of tensors that are no variables", record.node
        )
    writer.converted(call.node.func, "moving-average")
    writer.support.add("ExponentialMovingAverage")
    model = writer.plan.instance
    if everything:
        tracked = f"{model}.named_parameters()"
    else:
        keys = variable_keys(writer)
        wanted = [key for v in variables for key in keys.get(v.detail.name, [])]
        pairs = ", ".join(f'("{key}", {key_text(model, key)})' for key in wanted)
        tracked = f"[{pairs}]"
    decay_text = code(convert(writer, decay, host.scope)) if decay is not None else "0.999"
    host.average_names.append(average_name(writer, record))
    return lines(
        f"{average_name(writer, record)} = ExponentialMovingAverage({decay_text}, {tracked})\n"
    )


def update_average(host: Host, record: Obj, scope: Scope) -> str:
    updates = argument_of(record["average"].detail["call"], 1, "num_updates")
    text = "" if updates is None else f"num_updates={code(convert(host.writer, updates, scope))}"
    return f"{average_name(host.writer, record)}.update({text})\n"


def _average(writer: Writer, node: cst.Call, scope: Scope) -> Typed:
    """``ema.average(W)`` -> ``ema.average(model.W)``"""
    assert isinstance(node.func, cst.Attribute)
    average = code(convert(writer, node.func.value, scope))
    variable = code(convert(writer, node.args[0].value, scope))
    return Typed(parse(f"{average}.average({variable})"))


def is_average(node: cst.BaseExpression) -> bool:
    """``ema.average(v)``: the shadow itself."""
    func = node.func if isinstance(node, cst.Call) else None
    return isinstance(func, cst.Attribute) and func.attr.value == "average"


METHODS: dict[str, Callable[[Writer, cst.Call, Scope], Typed]] = {
    "ExponentialMovingAverage.average": _average,
}
