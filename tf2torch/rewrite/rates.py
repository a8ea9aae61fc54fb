"""Learning rates that change: what a scheduler can set, and what is computed at each step."""

from __future__ import annotations

import libcst as cst

from tf2torch.analyse.facts import Obj
from tf2torch.cst.names import names_in
from tf2torch.cst.walk import children
from tf2torch.plan import counters, numbers
from tf2torch.plan.units import Unit
from tf2torch.rewrite.expressions import convert
from tf2torch.rewrite.statements import write_statement
from tf2torch.rewrite.writer import Scope, Writer, code, lines

Statements = list[cst.BaseStatement]


def is_number(writer: Writer, node: cst.BaseExpression) -> bool:
    """Whether an expression becomes a Python number, such as a rate that depends on the step."""
    plan = writer.plan
    if isinstance(node, cst.Name) and node.value in plan.numbers.names:
        unit = _definition(writer, node.value)
        return unit is not None and unit.kind == "number"
    return numbers.is_number(writer.analysis, node, plan.numbers, plan.counters.names)


def units_of(writer: Writer, names: set[str]) -> list[Unit]:
    """The units over single numbers behind names, in order."""
    graph = writer.plan.graph
    found: dict[int, Unit] = {}
    work = [(name, len(graph.units) + 1) for name in names]
    while work:
        name, before = work.pop()
        unit = graph.definition(name, before)
        if unit is None or unit.kind != "number" or unit.index in found:
            continue
        found[unit.index] = unit
        work += [(used, unit.index) for used in unit.names.loads]
    return [found[index] for index in sorted(found)]


def _definition(writer: Writer, name: str) -> Unit | None:
    return writer.plan.graph.definition(name, len(writer.plan.graph.units) + 1)


def schedule_call(writer: Writer, node: cst.BaseExpression) -> cst.Call | None:
    """The schedule behind a learning rate: the call itself, or what its name means."""
    if isinstance(node, cst.Call):
        return node if numbers.is_schedule(writer.analysis.symbols.get(node.func)) else None
    if isinstance(node, cst.Name):
        unit = _definition(writer, node.value)
        if unit is not None and unit.value is not None and not isinstance(unit.value, cst.Name):
            return schedule_call(writer, unit.value)
    return None


def counter_of(writer: Writer, node: cst.BaseExpression) -> str | None:
    """The step counter that an expression is, without arithmetic."""
    value = writer.value(node)
    if value.kind != "variable" or value.detail is None:
        return None
    return writer.plan.counters.variables.get(value.detail.name)


def scheduled_by(writer: Writer, optimizer: Obj, node: cst.BaseExpression) -> str | None:
    """The counter that a scheduler of torch can stand for; None if it would count differently.

    That is one that each step of this optimizer, and nothing else, increments, and on which alone
    the rate depends.
    """
    read = _leaves(writer, node)
    if read is None or len(read) != 1:
        return None
    variable = next(iter(read))
    for record in counters.train_records(writer.analysis):
        step = record["global_step"]
        name = step.value.detail.name if step is not None and step.value.kind == "variable" else ""
        own = record["optimizer"] is not None and record["optimizer"].detail is optimizer
        if own != (name == variable):
            return None
    from tf2torch.rewrite.starting import restarts

    if variable in counters.touched(writer.analysis) or restarts(writer):
        return None
    return writer.plan.counters.variables[variable]


def _leaves(writer: Writer, node: cst.BaseExpression) -> set[str] | None:
    """TensorFlow names of the counters behind a rate; None if it depends on something else too."""
    units = units_of(writer, names_in(node).loads)
    found: set[str] = set()
    functions = {f.name.value: f for f in writer.plan.numbers.functions}
    for part in [node, *(unit.node for unit in units)]:
        for name in names_in(part).loads & functions.keys():
            if names_in(functions[name].body).loads & writer.plan.counters.names.keys():
                return None
        for child in _expressions(part):
            value = writer.value(child)
            if value.kind == "variable" and value.detail is not None:
                if value.detail.name not in writer.plan.counters.variables:
                    return None
                found.add(value.detail.name)
            elif value.kind == "placeholder":
                return None
    return found


def _expressions(node: cst.CSTNode) -> list[cst.CSTNode]:
    found: list[cst.CSTNode] = [node] if isinstance(node, (cst.Name, cst.Call)) else []
    for child in children(node):
        found += _expressions(child)
    return found


# -- as text -------------------------------------------------------------------------------------


def text(writer: Writer, node: cst.BaseExpression, scope: Scope) -> str:
    """A rate as a Python number."""
    return code(convert(writer, node, scope.inside(phase="number")))


def lambda_text(writer: Writer, node: cst.BaseExpression, scope: Scope, counter: str) -> str:
    """A function of the step that gives the rate."""
    units = _behind(writer, node)
    if len(units) > 1 or (units and units[0].value is None):
        return _function_name(writer, node)
    written = units[0].value if units else node
    assert written is not None
    return f"lambda step: {text(writer, written, _stepping(scope, counter, 'step'))}"


def function(writer: Writer, node: cst.BaseExpression, scope: Scope, counter: str) -> Statements:
    """The definition of that function, where it has several statements."""
    units = _behind(writer, node)
    if len(units) < 2 and not (units and units[0].value is None):
        return []
    stored = {name for unit in units for name in unit.names.stores}
    step = counter if "step" in stored else "step"
    inner = _stepping(scope, counter, step).inside(phase="number")
    body: Statements = []
    last = units[-1]
    for unit in units:
        whole = unit is last and unit.value is not None and isinstance(node, cst.Name)
        if whole and unit.names.stores == {node.value}:  # type: ignore[attr-defined]
            body += lines(f"return {code(convert(writer, unit.value, inner))}\n")  # type: ignore[arg-type]
            break
        body += write_statement(writer, unit.node, inner, None)
    else:
        body += lines(f"return {code(convert(writer, node, inner))}\n")
    made = lines(f"def {_function_name(writer, node)}({step}):\n    pass\n")[0]
    assert isinstance(made, cst.FunctionDef)
    blank = [cst.EmptyLine(indent=False)]
    return [made.with_changes(body=cst.IndentedBlock(body), leading_lines=blank)]


def _behind(writer: Writer, node: cst.BaseExpression) -> list[Unit]:
    units = units_of(writer, names_in(node).loads)
    if units and not (isinstance(node, cst.Name) and units[-1].names.stores == {node.value}):
        return [*units, units[-1]] if len(units) == 1 else units
    return units


def _function_name(writer: Writer, node: cst.BaseExpression) -> str:
    base = node.value if isinstance(node, cst.Name) else "learning_rate"
    return writer.plan.root.free_name(f"{base}_at")


def _stepping(scope: Scope, counter: str, step: str) -> Scope:
    return scope.inside(names={**scope.names, counter: step}, layouts={})
