"""Abstract evaluation of operators, comparisons and conditions."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import libcst as cst

from tf2torch.analyse import arrays, names, tensors
from tf2torch.analyse.containers import LONGEST, element_of, items_of, sequence, truth
from tf2torch.analyse.state import State, join
from tf2torch.rulebook.op_names import OPERATORS
from tf2torch.rulebook.values import ANYTHING, UNKNOWN, Value, constant

_BINARY: dict[type, Callable[[Any, Any], Any]] = {
    cst.Add: operator.add,
    cst.Subtract: operator.sub,
    cst.Multiply: operator.mul,
    cst.Divide: operator.truediv,
    cst.FloorDivide: operator.floordiv,
    cst.Modulo: operator.mod,
    cst.Power: operator.pow,
    cst.LeftShift: operator.lshift,
    cst.RightShift: operator.rshift,
    cst.BitAnd: operator.and_,
    cst.BitOr: operator.or_,
    cst.BitXor: operator.xor,
}


def binary(state: State, node: cst.BinaryOperation) -> Value:
    left, right = state.evaluate(state, node.left), state.evaluate(state, node.right)
    return _operate(state, type(node.operator), left, right, names.text_of(state, node))


def augmented(state: State, node: cst.AugAssign) -> Value:
    """Value that ``target op= value`` assigns."""
    left, right = state.evaluate(state, node.target), state.evaluate(state, node.value)
    kind = type(node.operator).__name__.removesuffix("Assign")
    return _operate(state, getattr(cst, kind, cst.MatrixMultiply), left, right, None)


def _operate(state: State, kind: type, left: Value, right: Value, text: str | None) -> Value:
    if left.is_tensor or right.is_tensor:
        state.naming.unique(OPERATORS.get(kind, "op"))
        return tensors.operate(state, left, right, division=kind is cst.Divide)
    if left.kind == right.kind == "sequence" and kind is cst.Add:
        return sequence([*left.detail, *right.detail])
    if left.kind == "sequence" and kind is cst.Multiply and isinstance(right.literal, int):
        if right.literal * len(left.detail) <= LONGEST:
            return sequence(list(left.detail) * right.literal)
        return Value("many", detail=element_of(left))
    if left.kind in ("object", "unknown") or right.kind in ("object", "unknown"):
        dims = [v for v in (left, right) if v.kind == "object" and v.detail.type == "Dimension"]
        if not dims:
            return ANYTHING if "unknown" in (left.kind, right.kind) else Value("python", text=text)
    found = arrays.operate(left, right, division=kind is cst.Divide)
    if found is not None:
        return found
    compute = _BINARY.get(kind)
    one, other = tensors.number(left), tensors.number(right)
    if compute is None or one is UNKNOWN or other is UNKNOWN:
        return Value("python", text=text)
    return fold(compute, one, other, text)


def fold(compute: Callable[..., Any], one: Any, other: Any, text: str | None) -> Value:
    """Applies a Python operator to constants, unless the result would be huge or an error."""
    if compute in (operator.pow, operator.lshift) and not (
        isinstance(other, (int, float)) and abs(other) < 64
    ):
        return Value("python", text=text)
    if (
        compute is operator.mul
        and isinstance(one, (str, bytes))
        and isinstance(other, int)
        and other > 1000
    ):
        return Value("python")
    try:
        return constant(compute(one, other), text)
    except Exception:  # the program would fail here too, or does so on purpose
        return Value("python", text=text)


def unary(state: State, node: cst.UnaryOperation) -> Value:
    value = state.evaluate(state, node.expression)
    if isinstance(node.operator, cst.Not):
        known = truth(value)
        return Value("python") if known is None else constant(not known)
    if value.is_tensor:
        state.naming.unique(OPERATORS.get(type(node.operator), "op"))
        return tensors.result(state, value.dtype, value.shape)
    if isinstance(node.operator, cst.Minus) and isinstance(value.literal, (int, float)):
        return constant(-value.literal, names.text_of(state, node))
    return Value("python", text=names.text_of(state, node))


def boolean(state: State, node: cst.BooleanOperation) -> Value:
    left, right = state.evaluate(state, node.left), state.evaluate(state, node.right)
    known = truth(left)
    if known is None:
        return join(left, right) if "python" not in (left.kind, right.kind) else Value("python")
    return right if known == isinstance(node.operator, cst.And) else left


_COMPARE: dict[type, Callable[[Any, Any], Any]] = {
    cst.Equal: operator.eq,
    cst.NotEqual: operator.ne,
    cst.LessThan: operator.lt,
    cst.LessThanEqual: operator.le,
    cst.GreaterThan: operator.gt,
    cst.GreaterThanEqual: operator.ge,
    cst.In: lambda one, other: one in other,
    cst.NotIn: lambda one, other: one not in other,
}


def comparison(state: State, node: cst.Comparison) -> Value:
    left = state.evaluate(state, node.left)
    rights = [state.evaluate(state, item.comparator) for item in node.comparisons]
    if len(rights) != 1:
        return Value("python")
    right, kind = rights[0], type(node.comparisons[0].operator)
    if kind in (cst.Is, cst.IsNot):
        same = _identical(left, right)
        return Value("python") if same is None else constant(same == (kind is cst.Is))
    if (left.is_tensor or right.is_tensor) and kind in (
        cst.LessThan,
        cst.LessThanEqual,
        cst.GreaterThan,
        cst.GreaterThanEqual,
    ):
        state.naming.unique(OPERATORS[kind])
        compared = tensors.operate(state, left, right)
        return replace(compared, dtype="bool")
    made = arrays.operate(left, right) if kind not in (cst.In, cst.NotIn) else None
    if made is not None:
        return replace(made, dtype="bool")
    one, other = tensors.number(left), tensors.number(right)
    if kind in (cst.In, cst.NotIn) and right.kind in ("mapping", "sequence"):
        items = items_of(right) or []
        if left.kind == "variable" and left.detail is not None and items:
            if all(item.kind == "variable" and item.detail is not None for item in items):
                inside = any(item.detail is left.detail for item in items)
                return constant(inside == (kind is cst.In))
        if one is UNKNOWN or any(item.literal is UNKNOWN for item in items):
            return Value("python")
        return constant(any(item.literal == one for item in items) == (kind is cst.In))
    compute = _COMPARE.get(kind)
    if compute is None or one is UNKNOWN or other is UNKNOWN:
        return Value("python")
    return fold(compute, one, other, None)


def _identical(left: Value, right: Value) -> bool | None:
    for one, other in ((left, right), (right, left)):
        if one.literal is None:
            if other.literal is None:
                return True
            if other.literal is not UNKNOWN or other.kind not in ("python", "unknown"):
                return False
    if left.kind == right.kind == "symbol":
        return left.detail == right.detail
    if isinstance(left.literal, bool) and isinstance(right.literal, bool):
        return left.literal is right.literal
    return None


def conditional(state: State, node: cst.IfExp) -> Value:
    known = truth(state.evaluate(state, node.test))
    body, orelse = state.evaluate(state, node.body), state.evaluate(state, node.orelse)
    if known is None:
        return join(body, orelse)
    return body if known else orelse
