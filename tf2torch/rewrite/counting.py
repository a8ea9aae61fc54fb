"""Step counters of the program: Python integers that training steps increment."""

from __future__ import annotations

import libcst as cst

from tf2torch.cst.walk import below, transform
from tf2torch.plan.counters import Counters
from tf2torch.plan.units import Unit
from tf2torch.plan.uses import free_names, names_in
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
