"""The closed, three-valued vocabulary of a rule's `when`."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from tf2torch.rulebook.model import freeze
from tf2torch.rulebook.values import ANYTHING, UNKNOWN, Value
from tf2torch.rulebook.words import VOCABULARY

#: The oldest PyTorch that emitted code must run on.
TORCH_VERSION: Final = (2, 4)


class PredicateError(ValueError):
    """A condition that does not parse or uses a word outside the vocabulary."""


@dataclass(frozen=True)
class Facts:
    """What a condition may ask about: the argument values and which were given."""

    values: Mapping[str, Value]
    given: frozenset[str] = frozenset()
    exact: bool = False


_Compiled = Callable[[Facts], Any]


def holds(condition: str | None, facts: Facts) -> bool | None:
    """True, False, or None if unknown; no condition always holds."""
    if condition is None:
        return True
    result = compile_condition(condition)(facts)
    return None if result is UNKNOWN else bool(result)


@cache
def compile_condition(text: str) -> _Compiled:
    """The condition as a function; raises PredicateError."""
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except SyntaxError as error:
        raise PredicateError(f"condition does not parse: {text} ({error.msg})") from None
    return _compile(tree.body, text)


def names_in(condition: str) -> set[str]:
    """The parameter names that a condition asks about."""
    return {
        arg.id
        for node in ast.walk(ast.parse(condition.strip(), mode="eval"))
        if isinstance(node, ast.Call)
        for arg in node.args
        if isinstance(arg, ast.Name)
    }


def _compile(node: ast.expr, text: str) -> _Compiled:
    if isinstance(node, ast.BoolOp):
        parts = [_compile(value, text) for value in node.values]
        return _all(parts) if isinstance(node.op, ast.And) else _any(parts)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        inner = _compile(node.operand, text)
        return lambda facts: _negate(_truth(inner(facts)))
    if isinstance(node, ast.Compare):
        return _compare(node, text)
    if isinstance(node, ast.Call):
        return _word(node, text)
    if isinstance(node, ast.Name) and node.id == "exact":
        return lambda facts: facts.exact
    try:
        literal = freeze(ast.literal_eval(node))
    except ValueError:
        raise PredicateError(f"not in the vocabulary: {ast.unparse(node)} in {text}") from None
    return lambda facts: literal


def _truth(value: Any) -> Any:
    return value if value is UNKNOWN else bool(value)


def _negate(value: Any) -> Any:
    return UNKNOWN if value is UNKNOWN else not value


def _all(parts: list[_Compiled]) -> _Compiled:
    def evaluate(facts: Facts) -> Any:
        result: Any = True
        for part in parts:
            value = _truth(part(facts))
            if value is UNKNOWN:
                result = UNKNOWN
            elif not value:
                return False
        return result

    return evaluate


def _any(parts: list[_Compiled]) -> _Compiled:
    def evaluate(facts: Facts) -> Any:
        result: Any = False
        for part in parts:
            value = _truth(part(facts))
            if value is UNKNOWN:
                result = UNKNOWN
            elif value:
                return True
        return result

    return evaluate


def equal(left: Any, right: Any) -> Any:
    """Three-valued `==`: tuples may have unknown items."""
    if left is UNKNOWN or right is UNKNOWN:
        return UNKNOWN
    if isinstance(left, tuple) and isinstance(right, tuple):
        if len(left) != len(right):
            return False
        items = [equal(a, b) for a, b in zip(left, right, strict=True)]
        if any(item is False for item in items):
            return False
        return UNKNOWN if any(item is UNKNOWN for item in items) else True
    if isinstance(left, bool) != isinstance(right, bool):
        return False  # literal(x) == 1 must not hold for True
    return bool(left == right)


def _contains(left: Any, right: Any) -> Any:
    if left is UNKNOWN or right is UNKNOWN:
        return UNKNOWN
    items = [equal(left, item) for item in right]
    if any(item is True for item in items):
        return True
    return UNKNOWN if any(item is UNKNOWN for item in items) else False


def _ordered(compare: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def evaluate(left: Any, right: Any) -> Any:
        if left is UNKNOWN or right is UNKNOWN:
            return UNKNOWN
        try:
            return bool(compare(left, right))
        except TypeError:
            return False

    return evaluate


_OPERATORS: Final[Mapping[type[ast.cmpop], Callable[[Any, Any], Any]]] = {
    ast.Eq: equal,
    ast.Is: equal,
    ast.IsNot: lambda a, b: _negate(equal(a, b)),
    ast.NotEq: lambda a, b: _negate(equal(a, b)),
    ast.In: _contains,
    ast.NotIn: lambda a, b: _negate(_contains(a, b)),
    ast.Lt: _ordered(operator.lt),
    ast.LtE: _ordered(operator.le),
    ast.Gt: _ordered(operator.gt),
    ast.GtE: _ordered(operator.ge),
}


def _compare(node: ast.Compare, text: str) -> _Compiled:
    if len(node.ops) != 1 or type(node.ops[0]) not in _OPERATORS:
        raise PredicateError(f"not in the vocabulary: {ast.unparse(node)} in {text}")
    compare = _OPERATORS[type(node.ops[0])]
    left, right = _compile(node.left, text), _compile(node.comparators[0], text)
    return lambda facts: compare(left(facts), right(facts))


def _word(node: ast.Call, text: str) -> _Compiled:
    name = node.func.id if isinstance(node.func, ast.Name) else ""
    if name == "version":
        return lambda facts: TORCH_VERSION
    if name not in VOCABULARY or node.keywords or not node.args:
        words = ", ".join(sorted({*VOCABULARY, "given", "version", "exact"}))
        if name != "given":
            raise PredicateError(f"unknown word {name or '?'!r} in {text}; the words are {words}")
    first = node.args[0]
    if not isinstance(first, ast.Name):
        raise PredicateError(f"{name}() asks about a parameter: {text}")
    parameter = first.id
    if name == "given":
        return lambda facts: parameter in facts.given
    word = VOCABULARY[name]
    try:
        rest = tuple(freeze(ast.literal_eval(arg)) for arg in node.args[1:])
    except ValueError:
        raise PredicateError(f"{name}() takes a parameter and literals: {text}") from None
    return lambda facts: word(facts.values.get(parameter, ANYTHING), *rest)
