"""Calls of whatever an expression gives: functions, classes, methods, symbols."""

from __future__ import annotations

from dataclasses import replace

import libcst as cst

from tf2torch.analyse import arg_scopes, graph, hostcalls, names
from tf2torch.analyse.containers import items_of
from tf2torch.analyse.facts import Function, Obj
from tf2torch.analyse.state import State
from tf2torch.rulebook.apply import Argument
from tf2torch.rulebook.values import ANYTHING, Dim, Value


def class_member(record: Obj, name: str) -> Value | None:
    if name in record["members"]:
        return record["members"][name]
    for base in record["bases"]:
        if base.kind == "class":
            found = class_member(base.detail, name)
            if found is not None:
                return found
    return None


def call(state: State, node: cst.Call) -> Value:
    callee = state.evaluate(state, node.func)
    arguments = [
        Argument(
            argument.value,
            state.evaluate(state, argument.value),
            argument.keyword.value if argument.keyword is not None else None,
            argument.star,
        )
        for argument in node.args
    ]
    return call_value(state, node, callee, arguments)


def call_value(state: State, node: cst.Call, callee: Value, arguments: list[Argument]) -> Value:
    """Calls whatever `callee` is."""
    if callee.kind == "symbol":
        if node.func not in state.symbols:
            state.indirect.add(node)
        return graph.call(state, node, callee.detail, arguments)
    if callee.kind == "function":
        function: Function = callee.detail
        if state.arg_scopes:
            written_out = arg_scopes.program_call(state, node, callee)
            if written_out is not None:
                return written_out
        state.callees[node] = function
        return follow(state, function, arguments, node)
    if callee.kind == "class":
        return _instantiate(state, callee.detail, arguments, node)
    if callee.kind == "method":
        owner, name = callee.detail
        if owner.is_tensor or owner.kind in ("object", "operation"):
            return graph.call_method(state, node, owner, name, arguments)
        return hostcalls.method(state, node, owner, name, arguments)
    if callee.kind == "builtin":
        return hostcalls.call(state, node, callee.detail, arguments)
    if callee.kind == "object":
        return graph.call_object(state, node, callee, arguments)
    if callee.kind == "partial":
        function_value, bound = callee.detail
        return call_value(state, node, function_value, [*bound, *arguments])
    if callee.kind == "parameter":
        return state.instance.parameter(state, arguments)
    if callee.kind == "python" and isinstance(callee.detail, str):
        return hostcalls.package_call(state, node, callee.detail, arguments)
    for argument in arguments:
        if argument.value.kind == "function":
            follow(state, argument.value.detail, None, None)
    return ANYTHING if callee.kind == "unknown" else Value("python")


def follow(
    state: State, function: Function, arguments: list[Argument] | None, node: cst.Call | None
) -> Value:
    """Executes a program function; `arguments` None: nothing is known of them."""
    certain = arguments is not None and not any(argument.star for argument in arguments)
    pairs: list[tuple[str | None, Value]] = []
    if function.owner is not None:
        pairs.append((None, function.owner))
    for argument in arguments or ():
        if argument.star == "":
            pairs.append((argument.keyword, argument.value))
        elif argument.star == "*" and (items := items_of(argument.value)) is not None:
            pairs.extend((None, item) for item in items)
            certain = True
        elif argument.star == "**" and argument.value.kind == "mapping":
            pairs.extend((str(key), value) for key, value in argument.value.detail)
            certain = True
    return state.follow(state, function, pairs, node, certain=certain)


def _instantiate(state: State, record: Obj, arguments: list[Argument], node: cst.Call) -> Value:
    instance = Value("instance", detail=Obj("instance", {"class": record}, node))
    init = class_member(record, "__init__")
    if init is not None and init.kind == "function":
        bound = Function(init.detail.node, init.detail.frame, owner=instance)
        state.callees[node] = bound
        follow(state, bound, arguments, node)
    return instance


def leave_scope(state: State, value: Value, texts: dict[str, str | None] | None = None) -> Value:
    """`value` as the caller sees it: parameters are spelled as the caller passed them.

    Texts over other names of the callee are of no use there and are dropped.
    """
    texts = texts or {}
    if value.text is not None:
        value = replace(value, text=names.outside(state, value.text, texts))
    if value.is_tensor and value.shape and any(d.text for d in value.shape):
        shape = tuple(
            d if d.text is None else Dim(d.size, names.outside(state, d.text, texts))
            for d in value.shape
        )
        return replace(value, shape=shape)
    if value.kind == "sequence":
        items = tuple(leave_scope(state, item, texts) for item in value.detail)
        return replace(value, detail=items)
    return value
