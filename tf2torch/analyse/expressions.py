"""Abstract evaluation of expressions."""

from __future__ import annotations

from ast import literal_eval
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import Any

import libcst as cst

from tf2torch.analyse import arrays, graph, hostcalls, names, rounds, templates, tensors
from tf2torch.analyse.calling import call, class_member
from tf2torch.analyse.containers import LONGEST, element_of, items_of, mapping_key, sequence, truth
from tf2torch.analyse.facts import Function
from tf2torch.analyse.operators import binary, boolean, comparison, conditional, unary
from tf2torch.analyse.state import Frame, State, join_all
from tf2torch.analyse.subscripts import subscript
from tf2torch.rulebook.values import ANYTHING, UNKNOWN, Value, constant


def evaluate(state: State, node: cst.BaseExpression | cst.CSTNode) -> Value:
    """What is known of an expression; kept as a fact of the node."""
    handler = _EXPRESSIONS.get(type(node))
    if handler is None:
        return state.record(node, Value("python"))
    value = handler(state, node)
    if type(node) in _STRINGS:
        value = templates.with_template(state, node, value)
    return state.record(node, value)


# -- names and attributes ------------------------------------------------------------------------


_STRINGS = frozenset({cst.BinaryOperation, cst.FormattedString, cst.Call})
_CONSTANTS = {"None": constant(None), "True": constant(True), "False": constant(False)}


def _name(state: State, node: cst.Name) -> Value:
    if node.value in _CONSTANTS:
        return _CONSTANTS[node.value]
    found = state.frame.lookup(node.value)
    if found is None:
        star = state.frame.module.names.get("*")
        if star is not None and names.is_public(f"{star.detail}.{node.value}"):
            return _symbol(state, node, f"{star.detail}.{node.value}")
        if node.value in hostcalls.BUILTINS:
            return Value("builtin", detail=node.value)
        # A dead branch is read without the names of its function.
        return ANYTHING if state.shadow else Value("python")
    value, frame = found
    if value.kind in ("symbol", "dtype") and isinstance(value.detail, str):
        if names.is_alias(state, frame, node.value):
            state.symbols[node] = value.detail
        return value
    if value.kind in ("python", "unknown"):
        stable = names.is_stable(state, frame, node.value)
        text = node.value if stable else rounds.text_in_round(state, frame, value.text)
        if text != value.text:
            return replace(value, text=text)
    return value


def _symbol(state: State, node: cst.CSTNode, name: str) -> Value:
    state.symbols[node] = name
    return tensors.symbol_value(name)


def _attribute(state: State, node: cst.Attribute) -> Value:
    owner = evaluate(state, node.value)
    name = node.attr.value
    if owner.kind == "symbol":
        state.symbols.pop(node.value, None)
        return graph.member(state, node, owner, name)
    if owner.kind == "instance":
        return _spelled(state, node, _member(owner, name))
    if owner.kind == "class":
        found = owner.detail["members"].get(name)
        return found if found is not None else ANYTHING
    if owner.is_tensor or owner.kind in ("object", "dtype", "operation"):
        return graph.attribute(state, node, owner, name)
    if owner.kind == "sequence" and len(owner.detail) == 2 and name in ("c", "h"):
        return owner.detail["ch".index(name)]  # an LSTMStateTuple
    if owner.kind in ("sequence", "mapping", "many") or isinstance(
        owner.literal, (str, tuple, int)
    ):
        return Value("method", detail=(owner, name))
    if arrays.is_array(owner):
        return arrays.attribute(owner, name)
    if owner.kind == "python":
        if owner.detail == "numpy" and name == "newaxis":
            return constant(None)
        detail = f"{owner.detail}.{name}" if isinstance(owner.detail, str) else None
        detail = ".shape" if name == "shape" else detail
        text = f"{owner.text}.{name}" if owner.text else None
        return Value("python", text=text, detail=detail)
    return ANYTHING


def _spelled(state: State, node: cst.Attribute, value: Value) -> Value:
    """A host value that an object of the program holds, under the object's name."""
    if value.kind != "python" or value.literal is not UNKNOWN or value.text is not None:
        return value
    owner = node.value
    if not isinstance(owner, cst.Name):
        return value
    found = state.frame.lookup(owner.value)
    if found is None or not names.is_stable(state, found[1], owner.value):
        return value
    return replace(value, text=f"{owner.value}.{node.attr.value}")


def _member(owner: Value, name: str) -> Value:
    record = owner.detail
    if name in record.fields:
        return record.fields[name]
    found = class_member(record["class"], name)
    if found is None:
        return ANYTHING
    if found.kind == "function":
        function: Function = found.detail
        decorators = _decorators(function.node)
        bound = Function(function.node, function.frame, owner=owner)
        if "property" in decorators or "lazy_property" in decorators:
            return Value("property", detail=bound)
        if "staticmethod" in decorators:
            return found
        return Value("function", detail=bound)
    return found


def _decorators(node: cst.CSTNode) -> set[str]:
    if not isinstance(node, cst.FunctionDef):
        return set()
    return {
        item.decorator.value for item in node.decorators if isinstance(item.decorator, cst.Name)
    }


# -- literals ------------------------------------------------------------------------------------


_TOKENS = frozenset({cst.Integer, cst.Float, cst.SimpleString})


@lru_cache(1024)
def _evaluated(text: str) -> Any:
    return literal_eval(text)


def _literal(state: State, node: Any) -> Value:
    try:
        value = _evaluated(node.value) if type(node) in _TOKENS else node.evaluated_value
    except Exception:  # a literal that only Python 2 accepts
        return Value("python")
    text = node.value if isinstance(node, (cst.Integer, cst.Float)) else None
    return constant(value, text)


def _formatted(state: State, node: cst.FormattedString) -> Value:
    parts: list[str] = []
    known = True
    for part in node.parts:
        if isinstance(part, cst.FormattedStringText):
            parts.append(part.value)
            continue
        assert isinstance(part, cst.FormattedStringExpression)
        value = evaluate(state, part.expression)
        if value.literal is UNKNOWN or part.format_spec or part.conversion:
            known = False
        else:
            parts.append(str(value.literal))
    return constant("".join(parts)) if known else Value("python")


def _sequence(state: State, node: cst.Tuple | cst.List) -> Value:
    items: list[Value] = []
    for element in node.elements:
        value = evaluate(state, element.value)
        if isinstance(element, cst.StarredElement):
            inner = items_of(value)
            if inner is None:
                return Value("many", detail=element_of(value))
            items.extend(inner)
        else:
            items.append(value)
    return sequence(items)


def _dict(state: State, node: cst.Dict) -> Value:
    pairs: dict[Any, Value] = {}
    for element in node.elements:
        value = evaluate(state, element.value)
        if isinstance(element, cst.StarredDictElement):
            if value.kind != "mapping":
                return Value("python")
            pairs.update(value.detail)
            continue
        assert isinstance(element, cst.DictElement)
        pairs[mapping_key(evaluate(state, element.key))] = value
    return Value("mapping", detail=tuple(pairs.items()))


# -- functions and calls -------------------------------------------------------------------------


def _lambda(state: State, node: cst.Lambda) -> Value:
    return Value("function", detail=Function(node, state.frame))


def _comprehension(state: State, node: Any) -> Value:
    outer = state.frame
    state.frame = Frame(parent=outer, function=outer.function)
    items: list[Value] = []
    pairs: list[tuple[Value, Value]] = []

    def produce() -> None:
        if isinstance(node, cst.DictComp):
            pairs.append((evaluate(state, node.key), evaluate(state, node.value)))
        else:
            items.append(evaluate(state, node.elt))

    exact = _generate(state, node.for_in, produce)
    state.frame = outer
    if isinstance(node, cst.DictComp):
        known = exact and all(
            key.literal is not UNKNOWN or (key.is_tensor and key.detail is not None)
            for key, _ in pairs
        )
        if known:
            return Value("mapping", detail=tuple((mapping_key(k), v) for k, v in pairs))
        return Value("python")
    return sequence(items) if exact else Value("many", detail=join_all(items))


def _generate(state: State, clause: cst.CompFor, produce: Callable[[], None]) -> bool:
    """Runs the loops of a comprehension; False if some number of rounds is not known."""
    iterable = evaluate(state, clause.iter)
    items = items_of(iterable)
    exact = items is not None and len(items) <= LONGEST
    outer = state.path
    for index, item in enumerate(items if exact and items is not None else [element_of(iterable)]):
        state.path = (*outer, (clause, index))
        state.assign(state, clause.target, item)
        wanted: bool | None = True
        for condition in clause.ifs:
            known = truth(evaluate(state, condition.test))
            wanted = known if wanted else wanted
        if wanted is None:
            exact = False
        if wanted is not False:
            if clause.inner_for_in is not None:
                exact = _generate(state, clause.inner_for_in, produce) and exact
            else:
                produce()
    state.path = outer
    return exact


def _named(state: State, node: cst.NamedExpr) -> Value:
    value = evaluate(state, node.value)
    state.assign(state, node.target, value)
    return value


_EXPRESSIONS: dict[type, Callable[[State, Any], Value]] = {
    cst.Name: _name,
    cst.Attribute: _attribute,
    cst.Integer: _literal,
    cst.Float: _literal,
    cst.Imaginary: _literal,
    cst.SimpleString: _literal,
    cst.ConcatenatedString: _literal,
    cst.FormattedString: _formatted,
    cst.Tuple: _sequence,
    cst.List: _sequence,
    cst.Set: _sequence,
    cst.Dict: _dict,
    cst.BinaryOperation: binary,
    cst.UnaryOperation: unary,
    cst.BooleanOperation: boolean,
    cst.Comparison: comparison,
    cst.IfExp: conditional,
    cst.Subscript: subscript,
    cst.Lambda: _lambda,
    cst.Call: call,
    cst.ListComp: _comprehension,
    cst.GeneratorExp: _comprehension,
    cst.SetComp: _comprehension,
    cst.DictComp: _comprehension,
    cst.NamedExpr: _named,
}
