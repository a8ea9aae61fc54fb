"""Tensors and operations that a program names by strings: ``sess.run("loss:0")``."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from tf2torch.analyse import expansion
from tf2torch.analyse.calls import GraphCall
from tf2torch.analyse.facts import Obj
from tf2torch.analyse.state import State
from tf2torch.rulebook.apply import Argument
from tf2torch.rulebook.values import ANYTHING, Value


def note(state: State, symbol: str, arguments: Sequence[Argument], made: Value) -> None:
    """Keeps what a call with an explicit name makes."""
    if not (made.is_tensor or made.kind == "operation") or made.kind == "variable":
        return
    given = next((a.value.literal for a in arguments if a.keyword == "name"), None)
    if given is None and symbol == "tf.placeholder" and len(arguments) == 3:
        given = arguments[2].value.literal if arguments[2].keyword is None else None
    if isinstance(given, str) and given:
        scope = state.naming.name_scope
        state.named.setdefault(f"{scope}/{given}" if scope else given, made)


def found(state: State, name: object) -> Value | None:
    """What TensorFlow has under a name, if that is known."""
    if not isinstance(name, str):
        return None
    wanted = name.removesuffix(":0")
    known = state.named.get(wanted)
    if known is not None:
        return known
    for variable in state.collections.get("variables", []):
        if variable.detail is not None and variable.detail.name == wanted:
            return variable
    return None


def written(state: State, node: cst.BaseExpression, name: object) -> Value | None:
    """Has a node written out as the name that holds what it names by a string."""
    value = found(state, name)
    text = expansion.named(state, value) if value is not None else None
    if text is None:
        return None
    return expansion.expand(state, node, text, "tensor-by-name")


def strings(state: State, node: cst.BaseExpression) -> None:
    """Has the strings in fetches and feeds written out."""
    if isinstance(node, (cst.List, cst.Tuple)):
        for element in node.elements:
            strings(state, element.value)
    elif isinstance(node, cst.Dict):
        for entry in node.elements:
            strings(state, entry.value)
    elif isinstance(node, cst.SimpleString):
        written(state, node, node.evaluated_value)


def keys(state: State, node: cst.BaseExpression) -> None:
    """Has the strings written out that are keys of a feed dictionary."""
    for entry in node.elements if isinstance(node, cst.Dict) else ():
        if isinstance(entry, cst.DictElement) and isinstance(entry.key, cst.SimpleString):
            written(state, entry.key, entry.key.evaluated_value)


def _get_tensor(call: GraphCall) -> Value:
    """``graph.get_tensor_by_name("x:0")``"""
    value = written(call.state, call.node, call.text(0, "name", "obj"))
    return ANYTHING if value is None else value


def _get_operation(call: GraphCall) -> Value:
    """``graph.get_operation_by_name("x")``: its first output is the tensor of that name."""
    value = found(call.state, call.text(0, "name"))
    if value is None:
        return ANYTHING
    if value.kind == "operation":
        return written(call.state, call.node, call.text(0, "name")) or ANYTHING
    return Value("object", detail=Obj("NamedOperation", {"output": value}, call.node))


def output(state: State, node: cst.Subscript) -> Value | None:
    """``operation.outputs[0]``"""
    if not isinstance(node.value, cst.Attribute) or node.value.attr.value != "outputs":
        return None
    owner = state.values.get(node.value.value)
    if owner is None or owner.kind != "object" or owner.detail.type != "NamedOperation":
        return None
    text = expansion.named(state, owner.detail["output"])
    return None if text is None else expansion.expand(state, node, text, "tensor-by-name")


METHODS = {
    "Graph.get_tensor_by_name": _get_tensor,
    "Graph.as_graph_element": _get_tensor,
    "Graph.get_operation_by_name": _get_operation,
}
