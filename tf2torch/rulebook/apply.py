"""Applies a rule to a call: bind its arguments, infer the result, select an emit, fill it."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, Final

import libcst as cst

from tf2torch.cst.parsing import parse_expression
from tf2torch.cst.templates import ABSENT, Field, TemplateError, parse_template, substitute
from tf2torch.rulebook.builders import BUILDERS
from tf2torch.rulebook.functions import FUNCTIONS, default_dtype
from tf2torch.rulebook.model import EMPTY, Emit, Parameter, Refusal, Rule, freeze
from tf2torch.rulebook.parts import Part
from tf2torch.rulebook.predicates import Facts, holds
from tf2torch.rulebook.shapes import SHAPES
from tf2torch.rulebook.values import ANYTHING, Value, constant, tensor

__all__ = ["Argument", "Bound", "Refusal", "bind", "call_function", "fill", "infer", "select"]


@dataclass(frozen=True)
class Argument:
    """One argument of a call: its (converted) expression and what is known of it."""

    node: cst.BaseExpression
    value: Value = ANYTHING
    keyword: str | None = None
    star: str = ""


@dataclass(frozen=True)
class Bound:
    """A rule with the arguments of one call, under the rule's own parameter names.

    Attributes:
        nodes: expressions of the parameters that the user gave.
        values: what is known of every parameter, defaults included.
    """

    rule: Rule
    nodes: Mapping[str, cst.BaseExpression] = field(default_factory=dict)
    values: Mapping[str, Value] = field(default_factory=dict)

    def facts(self, exact: bool = False) -> Facts:
        """What conditions may ask about."""
        return Facts(self.values, frozenset(self.nodes), exact)


def bind(
    rule: Rule, arguments: Sequence[Argument], receiver: Argument | None = None
) -> Bound | Refusal:
    """Match a call's arguments with the parameters of the rule, as TF 1.15 would.

    `receiver` is the object of a method call, parameter `self`. A parameter given as None where
    None is the default counts as not given.
    """
    bound = _bind(rule, rule.parameters, arguments, receiver)
    if not rule.old:
        return bound
    if isinstance(bound, Bound) and holds(rule.old.get("when"), bound.facts()) is not True:
        return bound
    old = _bind(rule, rule.old_parameters, arguments, receiver)
    if isinstance(old, Bound):
        return old
    return bound


def _bind(
    rule: Rule,
    parameters: Sequence[Parameter],
    arguments: Sequence[Argument],
    receiver: Argument | None,
) -> Bound | Refusal:
    symbol = rule.tf[0]
    if receiver is not None:
        parameters = [p for p in parameters if p.name != "self"]
    by_name = {p.name: p for p in parameters if not p.star}
    named = [p for p in parameters if not p.star]
    positional = [p for p in named if not p.keyword_only]
    rest = next((p for p in parameters if p.star == "*"), None)
    any_keyword = any(p.star == "**" for p in parameters)
    given: dict[str, Argument] = {}
    extra: list[Argument] = []
    count = 0
    for argument in arguments:
        if argument.star == "**" or (argument.star and rest is None):
            return Refusal(f"{symbol} is called with {argument.star}arguments")
        if argument.keyword is not None:
            name = argument.keyword
            if name not in by_name and name not in rule.alias and not any_keyword:
                return Refusal(f"{symbol} has no parameter {name!r}")
        elif count < len(positional) and not argument.star:
            name = positional[count].name
            count += 1
        elif rest is not None:
            extra.append(argument)
            continue
        else:
            return Refusal(f"{symbol} takes at most {len(positional)} arguments")
        canonical = rule.alias.get(name, name)
        default = by_name[name].default if name in by_name else None
        if argument.value.literal is None and (default is None or default.literal is None):
            target = by_name.get(canonical)
            if target is not None and not target.required:
                continue
        if canonical in given:
            return Refusal(f"{symbol} is given {canonical!r} twice")
        given[canonical] = argument
    for parameter in named:
        if parameter.required and parameter.name not in given and parameter.name not in rule.alias:
            return Refusal(f"{symbol} needs {parameter.name!r}")
    nodes = {name: argument.node for name, argument in given.items()}
    values = {p.name: p.default for p in named if p.default is not None}
    values.update({name: argument.value for name, argument in given.items()})
    if rest is not None:
        nodes[rest.name] = _rest_node(extra)
        values[rest.name] = _rest_value(extra)
    if receiver is not None:
        nodes["self"], values["self"] = receiver.node, receiver.value
    return Bound(rule, nodes, values)


def _rest_node(extra: Sequence[Argument]) -> cst.BaseExpression:
    if len(extra) == 1 and extra[0].star:
        return extra[0].node
    return cst.List([cst.StarredElement(a.node) if a.star else cst.Element(a.node) for a in extra])


def _rest_value(extra: Sequence[Argument]) -> Value:
    if any(a.star for a in extra):
        return extra[0].value if len(extra) == 1 else ANYTHING
    return Value("sequence", detail=tuple(a.value for a in extra))


def infer(bound: Bound) -> Value:
    """What is known of the call's result, by the rule's shape function."""
    text = bound.rule.result
    if not text:
        return tensor()
    result: Value | Refusal = _compile_call(text, "shape")(bound.values)
    if isinstance(result, Refusal):
        return tensor()
    if bound.rule.kind == "expr" and all(_is_data(value) for value in bound.values.values()):
        return _fixed(result)
    return result


def _is_data(value: Value) -> bool:
    """Whether a value comes from data and constants alone."""
    if value.kind in ("sequence", "many") and value.detail is not None:
        items = value.detail if isinstance(value.detail, tuple) else (value.detail,)
        return all(_is_data(item) for item in items)
    if value.is_tensor and value.category in ("int", "bool", "string"):
        return value.kind != "variable"
    return value.fixed or value.kind in ("python", "placeholder", "dtype", "symbol")


def _fixed(value: Value) -> Value:
    if value.kind == "tensor":
        return replace(value, fixed=True)
    if value.kind == "sequence":
        return replace(value, detail=tuple(_fixed(item) for item in value.detail))
    return value


def select(bound: Bound, *, exact: bool = False) -> Emit | Refusal:
    """The first emit whose condition is known to hold and whose functions have an answer."""
    rule = bound.rule
    if rule.kind == "refuse":
        return Refusal(rule.reason or "not supported")
    facts = bound.facts(exact)
    refusal: Refusal | None = None
    for emit in rule.emits:
        if holds(emit.when, facts) is not True:
            continue
        failed = _refused(emit.templates, bound)
        if failed is None:
            return emit
        refusal = failed
    return refusal or Refusal(f"no form of {rule.tf[0]} is known for these arguments")


def _refused(templates: Iterable[str], bound: Bound) -> Refusal | None:
    for template in templates:
        for hole in parse_template(template).fields:
            if hole.call is None or (hole.optional and not _given(hole.call, bound)):
                continue
            answer = _answer(hole.call, bound)
            if isinstance(answer, Refusal):
                return answer
    return None


def fill(
    template: str, bound: Bound, extra: Mapping[str, cst.BaseExpression] = EMPTY
) -> cst.BaseExpression:
    """The template with its fields replaced by the user's expressions; raises TemplateError."""

    def value_of(hole: Field) -> cst.BaseExpression | object:
        if hole.call is not None:
            if (hole.optional or hole.default is not None) and not _given(hole.call, bound):
                return ABSENT
            answer = _answer(hole.call, bound)
            if isinstance(answer, Refusal):
                raise TemplateError(answer.reason)
            if answer is None:  # torch's default will do
                return ABSENT
            return answer
        name = hole.name
        assert name is not None
        if name in extra:
            return extra[name]
        if name in bound.nodes:
            return bound.nodes[name]
        if hole.optional or hole.default is not None:
            return ABSENT
        for parameter in bound.rule.parameters:
            if parameter.name == name and parameter.default_text is not None:
                return parse_expression(_default_text(parameter))
        return ABSENT

    return substitute(template, value_of)


def _default_text(parameter: Parameter) -> str:
    assert parameter.default is not None and parameter.default_text is not None
    if parameter.default.kind == "dtype":
        return default_dtype(str(parameter.default.literal))
    return parameter.default_text


def _given(call: str, bound: Bound) -> bool:
    """Whether the first parameter that a function field names was given."""
    for node in ast.walk(_parse_call(call)):
        if isinstance(node, ast.Name) and node.id in bound.values:
            return node.id in bound.nodes
    return True


def _answer(call: str, bound: Bound) -> str | Refusal | None:
    """Text that a function field gives, from the arguments' values or from their expressions."""
    builder = BUILDERS.get(call.partition("(")[0])
    if builder is None:
        return call_function(call, bound.values)
    node = _parse_call(call)
    assert isinstance(node, ast.Call)
    names = [arg.id for arg in node.args if isinstance(arg, ast.Name)]
    return builder(*(Part(bound.nodes.get(n), bound.values.get(n, ANYTHING)) for n in names))


# ---- calls of registered functions -----------------------------------------------------------

_Evaluate = Callable[[Mapping[str, Value]], Any]


def call_function(text: str, values: Mapping[str, Value]) -> str | Refusal | None:
    """Source text that a template function gives for these values, None to drop the argument."""
    answer: str | Refusal | None = _compile_call(text, "text")(values)
    return answer


@cache
def _parse_call(text: str) -> ast.expr:
    return ast.parse(text.strip(), mode="eval").body


class CallError(ValueError):
    """A call of a function that does not exist, in a `result` or a template."""


_TABLES: Final[Mapping[str, Mapping[str, Callable[..., Any]]]] = {
    "shape": SHAPES,
    "text": FUNCTIONS,
}


@cache
def _compile_call(text: str, table: str) -> _Evaluate:
    try:
        node = _parse_call(text)
    except SyntaxError:
        raise CallError(f"does not parse: {text}") from None
    return _compile(node, text, table)


def _compile(node: ast.expr, text: str, table: str) -> _Evaluate:
    if isinstance(node, ast.Name):
        name = node.id
        return lambda values: values.get(name, ANYTHING)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
        # inside a template function, shape functions may be used: channels(conv(x, w))
        functions = _TABLES[table]
        function = functions.get(node.func.id) or SHAPES.get(node.func.id)
        if function is None:
            raise CallError(f"unknown function {node.func.id!r} in {text}")
        parts = [_compile(arg, text, "shape") for arg in node.args]

        def evaluate(values: Mapping[str, Value]) -> Any:
            arguments = [part(values) for part in parts]
            for argument in arguments:
                if isinstance(argument, Refusal):
                    return argument
            return function(*arguments)

        return evaluate
    try:
        known = freeze(ast.literal_eval(node))
    except ValueError:
        raise CallError(f"not a parameter, literal or function: {ast.unparse(node)}") from None
    value = constant(known)
    return lambda values: value


def check_call(text: str, table: str) -> set[str]:
    """Parameter names used in a `result` or a function field; raises CallError."""
    builder = table == "text" and text.partition("(")[0] in BUILDERS
    if not builder:
        _compile_call(text, table)
    known = {*SHAPES, *FUNCTIONS, *BUILDERS}
    names = {node.id for node in ast.walk(_parse_call(text)) if isinstance(node, ast.Name)}
    return names - known
