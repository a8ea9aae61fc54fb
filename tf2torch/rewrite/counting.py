"""Step counters of the program: Python integers that training steps increment."""

from __future__ import annotations

import libcst as cst

from tf2torch.cst.names import free_names, names_in
from tf2torch.cst.walk import below, transform
from tf2torch.plan.counters import Counters
from tf2torch.plan.numbers import is_number
from tf2torch.plan.units import Unit
from tf2torch.rewrite.expressions import convert
from tf2torch.rewrite.writer import Scope, Writer, code, lines

Statements = list[cst.BaseStatement]


def start(writer: Writer, unit: Unit, scope: Scope) -> Statements:
    """``global_step = tf.Variable(0, trainable=False)`` -> ``global_step = 0``"""
    found = ""
    for name in sorted(unit.names.stores & writer.plan.counters.names.keys()):
        if writer.plan.counters.names[name] != name:
            continue
        found += f"{name} = {_initial(writer, unit, scope)}\n"
    return lines(found)


def assignment(
    writer: Writer, node: cst.BaseExpression, scope: Scope
) -> tuple[str, Statements] | None:
    """``tf.assign(global_step, 0)`` -> ``global_step = 0``, with the counter's name.

    `scope` is one for single numbers. None for everything that does not set a counter.
    """
    call = _defined(writer, node)
    if not isinstance(call, cst.Call):
        return None
    symbol = writer.analysis.symbols.get(call.func, "")
    names = ("ref", "value")
    given = {name: arg.value for name, arg in zip(names, call.args, strict=False)}
    given |= {arg.keyword.value: arg.value for arg in call.args if arg.keyword is not None}
    if symbol:
        operation, target, value = symbol, given.get("ref"), given.get("value")
    elif isinstance(call.func, cst.Attribute):
        operation, target = f"tf.{call.func.attr.value}", call.func.value
        value = given.get("value") or given.get("delta") or given.get("ref")
    else:
        return None
    if operation not in _OPERATORS or target is None or value is None:
        return None
    known = writer.value(target)
    if known.kind != "variable" or known.detail is None:
        return None
    name = writer.plan.counters.variables.get(known.detail.name)
    if name is None:
        return None
    writer.converted(call.func, "global-step")
    plan = writer.plan
    counters = plan.counters.names
    if writer.value(value).is_tensor and not is_number(
        writer.analysis, value, plan.numbers, counters
    ):
        text = f"int({code(convert(writer, value, scope.inside(phase='host')))})"
    else:
        text = code(convert(writer, value, scope.inside(phase="number")))
    return name, lines(f"{name} {_OPERATORS[operation]} {text}\n")


_OPERATORS = {"tf.assign": "=", "tf.assign_add": "+=", "tf.assign_sub": "-="}


def _defined(writer: Writer, node: cst.BaseExpression) -> cst.BaseExpression | None:
    if not isinstance(node, cst.Name):
        return node
    unit = writer.plan.graph.definition(node.value, len(writer.plan.graph.units) + 1)
    return unit.value if unit is not None and unit.kind == "graph" else None


def start_text(writer: Writer, scope: Scope, variables: set[str]) -> str:
    """Statements that set counters, by their TensorFlow names, to their first values."""
    text = ""
    for unit in writer.plan.graph.units:
        value = writer.value(unit.value) if unit.value is not None else None
        if value is None or value.kind != "variable" or value.detail is None:
            continue
        if value.detail.name in variables:
            variables = variables - {value.detail.name}
            name = writer.plan.counters.variables[value.detail.name]
            text += f"{name} = {_initial(writer, unit, scope)}\n"
    return text + "".join(f"{writer.plan.counters.variables[name]} = 0\n" for name in variables)


def _initial(writer: Writer, unit: Unit, scope: Scope) -> str:
    value = writer.value(unit.value) if unit.value is not None else None
    if value is None or value.kind != "variable" or value.detail is None:
        return "0"
    initial = value.detail.initial
    if initial is not None and isinstance(initial.literal, int):
        return str(int(initial.literal))
    given = (
        unit.value.args[0].value if isinstance(unit.value, cst.Call) and unit.value.args else None
    )
    if initial is not None and initial.kind == "python" and given is not None:
        return code(convert(writer, given, scope))
    return "0"


def drop_unread(module: Statements, main: Statements, counters: Counters) -> None:
    """Drops counters that nothing reads: a scheduler counts for itself."""
    for name in set(counters.variables.values()):
        kept = [_without(statement, name) for statement in main]
        others = [_without(statement, name) for statement in module]
        if name in _reads(
            [*(s for s in kept if s is not None), *(s for s in others if s is not None)]
        ):
            continue
        main[:] = [statement for statement in kept if statement is not None]
        module[:] = [statement for statement in others if statement is not None]


def _reads(body: Statements) -> set[str]:
    found = names_in(body).loads
    for statement in body:
        for function in below(statement, cst.FunctionDef):
            found.update(free_names(function))
        for closure in below(statement, cst.Lambda):
            found.update(names_in(closure.body).loads)
    return found


def _without(statement: cst.BaseStatement, name: str) -> cst.BaseStatement | None:
    """A statement without what only sets a counter; None if nothing is left."""

    def change(node: cst.CSTNode) -> cst.CSTNode:
        if isinstance(node, cst.IndentedBlock):
            body = [child for child in node.body if not _sets(child, name)]
            if body and len(body) < len(node.body):
                return node.with_changes(body=body)
        return node

    if _sets(statement, name):
        return None
    if not any(_sets(line, name) for line in below(statement, cst.SimpleStatementLine)):
        return statement
    return transform(statement, change)  # type: ignore[return-value]


def _sets(node: cst.CSTNode, name: str) -> bool:
    if not isinstance(node, cst.SimpleStatementLine) or len(node.body) != 1:
        return False
    small = node.body[0]
    if isinstance(small, cst.Assign):
        target: cst.BaseExpression = small.targets[0].target
        plain = len(small.targets) == 1 and isinstance(small.value, cst.Integer)
        return plain and isinstance(target, cst.Name) and target.value == name
    if isinstance(small, cst.AugAssign) and isinstance(small.value, cst.Integer):
        return isinstance(small.target, cst.Name) and small.target.value == name
    return False
