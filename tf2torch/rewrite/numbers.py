"""Arithmetic on single numbers, such as a learning rate, in plain Python."""

from __future__ import annotations

import libcst as cst

from tf2torch.cst.precedence import fit
from tf2torch.cst.templates import substitute
from tf2torch.cst.walk import children
from tf2torch.diagnostics import Outcome
from tf2torch.plan.numbers import FORMS, is_schedule, short_name
from tf2torch.rewrite.expressions import convert
from tf2torch.rewrite.writer import Scope, Unconvertible, Writer, parse
from tf2torch.rulebook.values import Value


def form(writer: Writer, node: cst.BaseExpression, scope: Scope) -> cst.BaseExpression | None:
    """The form of a node that has one of its own where numbers are Python's; else None."""
    if isinstance(node, cst.Name):
        value = writer.value(node)
        text = scope.names.get(node.value)
        if value.kind == "variable" and text is not None and not _is_counter(writer, value):
            return parse(f"{text}.item()")
        return None
    if isinstance(node, cst.BinaryOperation):
        if isinstance(node.operator, cst.Power):
            return _power(writer, node.left, node.right, scope, node)
        if isinstance(node.operator, cst.Divide):
            return _divide(writer, node.left, node.right, scope, node)
        return None
    if isinstance(node, cst.Call):
        symbol = writer.analysis.symbols.get(node.func)
        return None if symbol is None else _call(writer, node, symbol, scope)
    return None


def _is_counter(writer: Writer, value: Value) -> bool:
    return value.detail is not None and value.detail.name in writer.plan.counters.variables


def _call(writer: Writer, node: cst.Call, symbol: str, scope: Scope) -> cst.BaseExpression | None:
    short = short_name(symbol)
    if short in ("cond", "case"):
        return None
    if is_schedule(symbol):
        writer.converted(node.func, "schedule")
        return schedule(writer, node, symbol.rpartition(".")[2], scope)
    if symbol.endswith("global_step"):
        writer.converted(node.func, "global-step")
        return counter(writer, node, scope)
    if short in ("pow", "truediv", "div", "divide"):
        left, right = _given(node, "x y")["x"], _given(node, "x y")["y"]
        writer.converted(node.func, short)
        if short == "pow":
            return _power(writer, left, right, scope, None)
        if short == "div" and all(writer.value(n).category == "int" for n in (left, right)):
            nodes = {"x": convert(writer, left, scope), "y": convert(writer, right, scope)}
            return substitute("{x} // {y}", lambda field: nodes[field.name or ""])
        return _divide(writer, left, right, scope, None)
    if short == "cast":
        given = _given(node, "x dtype")
        writer.converted(node.func, short)
        written = convert(writer, given["x"], scope)
        dtype = writer.value(node).category
        if dtype == "int" and writer.value(given["x"]).category != "int":
            return cst.Call(cst.Name("int"), [cst.Arg(written)])
        writer.settle(given["dtype"], Outcome.ABSORBED, "dtype")
        return written
    if short not in FORMS:
        raise Unconvertible("number", f"{symbol} has no form for single numbers", node)
    parameters, template = FORMS[short]
    values = {name: convert(writer, part, scope) for name, part in _given(node, parameters).items()}
    writer.settle(node, Outcome.ABSORBED, short)
    writer.converted(node.func, short)
    return substitute(template, lambda field: values[field.name or ""])


def _given(node: cst.Call, parameters: str) -> dict[str, cst.BaseExpression]:
    names = parameters.split()
    found: dict[str, cst.BaseExpression] = {}
    for index, argument in enumerate(node.args):
        if argument.keyword is not None:
            found[argument.keyword.value] = argument.value
        elif index < len(names):
            found[names[index]] = argument.value
    missing = [name for name in names if name not in found and name != "dtype"]
    if missing:
        raise Unconvertible("number", f"the argument {missing[0]} is missing", node)
    return found


def schedule(writer: Writer, node: cst.Call, short: str, scope: Scope) -> cst.Call:
    """``tf.train.cosine_decay(0.1, step, 100)`` -> ``cosine_decay(0.1, step, 100)``"""
    writer.support.add(short)
    args = []
    for argument in node.args:
        keyword = argument.keyword
        if keyword is not None and keyword.value == "name":
            continue
        if keyword is not None and keyword.value == "x":
            keyword = cst.Name("global_step")
        value = convert(writer, argument.value, scope)
        args.append(argument.with_changes(keyword=keyword, value=value))
    if args:
        args[-1] = args[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
    return cst.Call(cst.Name(short), args)


def counter(writer: Writer, node: cst.BaseExpression, scope: Scope) -> cst.BaseExpression:
    """The number that a step counter is: ``tf.train.get_global_step()`` -> ``global_step``"""
    value = writer.value(node)
    if value.kind == "variable" and _is_counter(writer, value):
        name = writer.plan.counters.variables[value.detail.name]
        return parse(scope.names.get(name, name))
    raise Unconvertible("global-step", "a step that no optimizer counts", node)


# -- where Python raises and TensorFlow gives infinity -------------------------------------------


def _power(
    writer: Writer,
    base: cst.BaseExpression,
    exponent: cst.BaseExpression,
    scope: Scope,
    node: cst.BinaryOperation | None,
) -> cst.BaseExpression | None:
    number = writer.value(exponent).literal
    negative = not isinstance(number, (int, float)) or number < 0
    if negative and _may_vanish(writer, base):
        writer.support.add("float_power")
        nodes = {"x": convert(writer, base, scope), "y": convert(writer, exponent, scope)}
        return substitute("float_power({x}, {y})", lambda field: nodes[field.name or ""])
    return _operation(writer, base, cst.Power(), exponent, scope, node)


def _divide(
    writer: Writer,
    left: cst.BaseExpression,
    right: cst.BaseExpression,
    scope: Scope,
    node: cst.BinaryOperation | None,
) -> cst.BaseExpression | None:
    if _may_vanish(writer, right):
        writer.support.add("float_divide")
        nodes = {"x": convert(writer, left, scope), "y": convert(writer, right, scope)}
        return substitute("float_divide({x}, {y})", lambda field: nodes[field.name or ""])
    return _operation(writer, left, cst.Divide(), right, scope, node)


def _operation(
    writer: Writer,
    left: cst.BaseExpression,
    operator: cst.BaseBinaryOp,
    right: cst.BaseExpression,
    scope: Scope,
    node: cst.BinaryOperation | None,
) -> cst.BaseExpression | None:
    if node is not None:
        return None  # an operator of the source stays as it is
    new = cst.BinaryOperation(left, operator, right)
    return new.with_changes(
        left=fit(convert(writer, left, scope), new, "left"),
        right=fit(convert(writer, right, scope), new, "right"),
    )


def _may_vanish(writer: Writer, node: cst.BaseExpression) -> bool:
    """Whether a number that a step counter goes into may be zero."""
    return _counts(writer, node) and not _is_positive(writer, node)


def _defined(writer: Writer, node: cst.BaseExpression) -> cst.BaseExpression:
    """What a name of the graph stands for."""
    seen = 0
    while isinstance(node, cst.Name) and seen < 20:
        unit = writer.plan.graph.definition(node.value, len(writer.plan.graph.units) + 1)
        if unit is None or unit.kind != "number" or unit.value is None:
            break
        node, seen = unit.value, seen + 1
    return node


def _counts(writer: Writer, node: cst.CSTNode) -> bool:
    if isinstance(node, cst.BaseExpression):
        node = _defined(writer, node)
    value = writer.value(node)
    if value.kind == "variable" or value.kind == "placeholder":
        return True
    return any(_counts(writer, child) for child in children(node))


def _is_positive(writer: Writer, node: cst.BaseExpression, strictly: bool = True) -> bool:
    node = _defined(writer, node)
    literal = writer.value(node).literal
    if isinstance(literal, (int, float)) and not isinstance(literal, bool):
        return literal > 0 or (literal == 0 and not strictly)
    if writer.value(node).kind == "variable":
        return not strictly
    if isinstance(node, cst.BinaryOperation):
        parts = (node.left, node.right)
        if isinstance(node.operator, cst.Add):
            return all(_is_positive(writer, part, False) for part in parts) and (
                not strictly or any(_is_positive(writer, part) for part in parts)
            )
        if isinstance(node.operator, (cst.Multiply, cst.Divide)):
            return all(_is_positive(writer, part, strictly) for part in parts)
    if isinstance(node, cst.Call):
        short = short_name(writer.analysis.symbols.get(node.func, ""))
        given = [argument.value for argument in node.args]
        if short in ("cast", "to_float", "to_double", "identity") and given:
            return _is_positive(writer, given[0], strictly)
        if short == "maximum":
            return any(_is_positive(writer, part, strictly) for part in given)
        if short == "add":
            return all(_is_positive(writer, part, False) for part in given) and (
                not strictly or any(_is_positive(writer, part) for part in given)
            )
    return False
