"""Copies among variables, such as those of a target network: torch's axes do for them.

    for t, e in zip(t_params, e_params):
        t.data.copy_((1 - TAU) * t + TAU * e)

What is computed element by element is the same in TensorFlow's order of the axes and in torch's, if
the variables of each round have the same order.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import libcst as cst

from tf2torch.analyse.containers import items_of
from tf2torch.cst.forms import appended, named_value
from tf2torch.cst.names import names_in
from tf2torch.cst.walk import transform, walk
from tf2torch.rewrite.suites import Statements
from tf2torch.rewrite.writer import Writer
from tf2torch.rulebook.values import Value

_OPERATORS = (cst.Add, cst.Subtract, cst.Multiply, cst.Divide)
_SYMBOLS = frozenset(
    "tf.assign tf.assign_add tf.assign_sub tf.multiply tf.add tf.subtract tf.scalar_mul"
    " tf.identity tf.stop_gradient tf.group".split()
)
_METHODS = frozenset("assign assign_add assign_sub value read_value append".split())
_INTEGERS: dict[type, Callable[[Any, Any], Any]] = {
    cst.Add: operator.add,
    cst.Subtract: operator.sub,
    cst.Multiply: operator.mul,
    cst.FloorDivide: operator.floordiv,
}

#: The layout of a variable in torch.
Layout = Callable[[Any], object]


def copies(
    writer: Writer,
    target: cst.BaseExpression,
    iterable: cst.BaseExpression,
    bodies: Sequence[cst.CSTNode],
    layout: Layout,
) -> bool:
    """Whether each round of a loop computes with variables of one layout, element by element."""
    rounds = items_of(writer.value(iterable))
    if not rounds:
        return False
    for item in rounds:
        bound = dict(_bound(target, item))
        variables: list[Value] = []
        if not all(_elementwise(writer, body, bound, variables) for body in bodies):
            return False
        layouts = [layout(variable.detail) for variable in variables]
        if not layouts or any(other != layouts[0] for other in layouts):
            return False
    return True


def _bound(target: cst.BaseExpression, item: Value) -> list[tuple[str, Value]]:
    if isinstance(target, cst.Name):
        return [(target.value, item)]
    if isinstance(target, (cst.Tuple, cst.List)) and item.kind == "sequence":
        if len(item.detail) == len(target.elements):
            pairs = zip(target.elements, item.detail, strict=True)
            return [found for element, part in pairs for found in _bound(element.value, part)]
    return []


def _elementwise(
    writer: Writer, node: cst.CSTNode, bound: dict[str, Value], found: list[Value]
) -> bool:
    """Whether code computes element by element; `found` gets the variables that it reads."""

    def every(nodes: Sequence[cst.CSTNode]) -> bool:
        return all(_elementwise(writer, item, bound, found) for item in nodes)

    if isinstance(node, (cst.IndentedBlock, cst.SimpleStatementLine)):
        return every(node.body)
    if isinstance(node, cst.Expr):
        return every([node.value])
    if isinstance(node, cst.Assign) and len(node.targets) == 1:
        made = node.targets[0].target
        if isinstance(made, cst.Name) and every([node.value]):
            bound[made.value] = Value("operation")
            return True
        return False
    if isinstance(node, (cst.List, cst.Tuple)):
        return every([element.value for element in node.elements])
    if isinstance(node, (cst.Name, cst.Subscript)):
        value = _value(writer, node, bound)
        if value is not None and value.kind == "variable":
            found.append(value)
        return value is not None and (value.kind in ("variable", "operation") or _is_number(value))
    if not names_in(node).loads & bound.keys():
        return _is_number(writer.value(node))
    if isinstance(node, cst.BinaryOperation) and isinstance(node.operator, _OPERATORS):
        return every([node.left, node.right])
    if not isinstance(node, cst.Call):
        return False
    given = [a.value for a in node.args if a.keyword is None or a.keyword.value in ("ref", "value")]
    if writer.analysis.symbols.get(node.func) in _SYMBOLS:
        return every(given)
    if isinstance(node.func, cst.Attribute) and node.func.attr.value in _METHODS:
        owner = [] if node.func.attr.value == "append" else [node.func.value]
        return every([*owner, *given])
    return False


def _is_number(value: Value) -> bool:
    return value.kind == "python" or (value.is_tensor and value.rank == 0)


def _value(writer: Writer, node: cst.BaseExpression, bound: Mapping[str, Value]) -> Value | None:
    if isinstance(node, cst.Name):
        return bound.get(node.value) or writer.value(node)
    if not isinstance(node, cst.Subscript) or len(node.slice) != 1:
        return None
    index, items = node.slice[0].slice, items_of(writer.value(node.value))
    number = _integer(writer, index.value, bound) if isinstance(index, cst.Index) else None
    if items is None or number is None or not -len(items) <= number < len(items):
        return None
    return items[number]


def _integer(writer: Writer, node: cst.BaseExpression, bound: Mapping[str, Value]) -> int | None:
    if isinstance(node, cst.BinaryOperation) and type(node.operator) in _INTEGERS:
        left, right = (_integer(writer, part, bound) for part in (node.left, node.right))
        if (
            left is None
            or right is None
            or (right == 0 and isinstance(node.operator, cst.FloorDivide))
        ):
            return None
        return int(_INTEGERS[type(node.operator)](left, right))
    known = bound.get(node.value) if isinstance(node, cst.Name) else None
    literal = (known or writer.value(node)).literal
    return literal if isinstance(literal, int) else None


def without_results(statements: Statements) -> Statements:
    """``ops = [t.copy_(e) for ...]`` whose list nobody reads -> a loop."""
    done = list(statements)
    for name, value in reversed([named_value(statement) for statement in _flat(statements)]):
        if name is not None and _readings(done, name) == _appendings(done, name):
            made = [other for other, _ in map(named_value, _flat(done))]
            alias = isinstance(value, cst.Name) and value.value in made and made.count(name) == 1
            done = _without(done, name, alias)
    return done


def _flat(statements: Sequence[cst.BaseStatement]) -> list[cst.CSTNode]:
    found: list[cst.CSTNode] = []
    for statement in statements:
        found += _flat(statement.body.body) if isinstance(statement, cst.With) else [statement]  # type: ignore[arg-type]
    return found


def _without(statements: Sequence[Any], name: str, alias: bool) -> Statements:
    done: Statements = []
    for statement in statements:
        made, value = named_value(statement)
        clause = value.for_in if isinstance(value, cst.ListComp) else None
        if isinstance(statement, cst.With):
            body = statement.body.with_changes(body=_without(statement.body.body, name, alias))
            done.append(statement.with_changes(body=body))
        elif made == name and (alias or (isinstance(value, cst.List) and not value.elements)):
            continue
        elif made == name and clause is not None and not clause.ifs and not clause.inner_for_in:
            assert isinstance(value, cst.ListComp)
            listed = isinstance(value.elt, (cst.List, cst.Tuple))
            items = [item.value for item in value.elt.elements] if listed else [value.elt]  # type: ignore[attr-defined]
            rounds = [cst.SimpleStatementLine([cst.Expr(item)]) for item in items]
            done.append(cst.For(clause.target, clause.iter, cst.IndentedBlock(rounds)))
        else:
            done.append(_without_appending(statement, name))
    return done


def _readings(statements: Sequence[cst.CSTNode], name: str) -> int:
    """How often a name is read."""
    found = [node for statement in statements for node in walk(statement)]
    stored = {id(node.target) for node in found if isinstance(node, cst.AssignTarget)}
    return sum(
        isinstance(node, cst.Name) and node.value == name and id(node) not in stored
        for node in found
    )


def _appended(node: cst.CSTNode, name: str) -> cst.BaseExpression | None:
    """``x`` of the statement ``name.append(x)``."""
    found = appended(node.value) if isinstance(node, cst.Expr) else None
    return found[1] if found is not None and found[0] == name else None


def _appendings(statements: Sequence[cst.CSTNode], name: str) -> int:
    found = [node for statement in statements for node in walk(statement)]
    return sum(_appended(node, name) is not None for node in found)


def _without_appending(statement: cst.BaseStatement, name: str) -> cst.BaseStatement:
    def change(node: cst.CSTNode) -> cst.CSTNode:
        value = _appended(node, name)
        return node if value is None else node.with_changes(value=value)

    return transform(statement, change)  # type: ignore[return-value]
