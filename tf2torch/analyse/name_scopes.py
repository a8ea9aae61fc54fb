"""Scopes and graphs: what `with` opens for the names and the order of operations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tf2torch.analyse import graphs
from tf2torch.analyse.calls import NONE, GraphCall, Handler
from tf2torch.analyse.facts import Obj
from tf2torch.analyse.state import State
from tf2torch.analyse.templates import Template, naming_text
from tf2torch.rulebook.values import UNKNOWN, Value, constant


def _manager(
    enter: Callable[[State], tuple[Value, Callable[[], None]]], kind: str, **fields: Any
) -> Value:
    return Value("object", detail=Obj(kind, {"enter": enter, **fields}))


def _name_scope(call: GraphCall) -> Value:
    given = call.argument(0, "name")
    if given is None or given.value.literal is None:
        given = call.argument(1, "default_name")
    name = given.value.literal if given is not None else None
    if not isinstance(name, str):
        unknown = given is not None and name is UNKNOWN
        name = naming_text(call.state, given.value) if unknown and given is not None else None

    def enter(state: State) -> tuple[Value, Callable[[], None]]:
        previous, opened = state.naming.enter_name_scope(name), state.opened
        state.opened = (*opened, (None if given is None else given.node, name))

        def leave() -> None:
            state.naming.leave_name_scope(previous)
            state.opened = opened

        return constant(state.naming.name_scope + "/"), leave

    return _manager(enter, "NameScope")


def _variable_scope(call: GraphCall) -> Value:
    given = call.value(0, "name_or_scope")
    wanted = call.value(1, "default_name")
    default = call.text(1, "default_name")
    if wanted is not None and isinstance(wanted.detail, Template):
        default = naming_text(call.state, wanted)
    reuse = reuse_of(call.value(None, "reuse"))
    changes = {
        "reuse": reuse,
        "initializer": call.value(3, "initializer"),
        "regularizer": call.value(4, "regularizer"),
    }

    def enter(state: State) -> tuple[Value, Callable[[], None]]:
        naming = state.naming
        if given is not None and given.kind == "object" and given.detail.type == "VariableScope":
            previous = naming.reenter_variable_scope(given.detail["scope"], **changes)
        else:
            name = given.literal if given is not None and isinstance(given.literal, str) else None
            if name is None:
                templated = given is not None and isinstance(given.detail, Template)
                fixed = default is not None and not templated
                name = naming.default_scope_name(default) if fixed else naming_text(state, given)  # type: ignore[arg-type]
            previous = naming.enter_variable_scope(name, **changes)
        scope = Value("object", detail=Obj("VariableScope", {"scope": naming.scope}))
        opened = state.opened
        node = call.argument(0, "name_or_scope")
        asked = given.literal if given is not None else None
        state.opened = (*opened, (None if node is None else node.node, asked))

        def leave() -> None:
            naming.leave_variable_scope(previous)
            state.opened = opened

        return scope, leave

    return _manager(enter, "VariableScopeManager")


def reuse_of(value: Value | None) -> Any:
    if value is None or value.literal is None:
        return None
    if value.kind == "symbol":
        return "auto"
    return value.literal if isinstance(value.literal, bool) else "auto"


def _current_scope(call: GraphCall) -> Value:
    return Value("object", detail=Obj("VariableScope", {"scope": call.state.naming.scope}))


def _reuse_variables(call: GraphCall) -> Value:
    naming = call.state.naming
    naming.scope = replace(naming.scope, reuse=True)
    return NONE


def _plain_scope(call: GraphCall) -> Value:
    """Scopes that neither name nor change anything that the conversion keeps."""

    def enter(state: State) -> tuple[Value, Callable[[], None]]:
        return Value("object", detail=Obj("scope")), lambda: None

    return _manager(enter, call.symbol.rpartition(".")[2])


def _dependencies(call: GraphCall) -> Value:
    """What stands under control_dependencies runs after (and so together with) these."""
    given = call.value(0, "control_inputs")

    def enter(state: State) -> tuple[Value, Callable[[], None]]:
        before = state.control
        state.control = (*before, given) if given is not None else before

        def leave() -> None:
            state.control = before

        return Value("object", detail=Obj("scope")), leave

    return _manager(enter, "control_dependencies")


def _new_graph(call: GraphCall) -> Value:
    return Value("object", detail=Obj("Graph", {"number": call.state.graphs.make()}))


def _default_graph(call: GraphCall) -> Value:
    return Value("object", detail=Obj("Graph", {"number": call.state.graphs.current}))


def _reset_default_graph(call: GraphCall) -> Value:
    graphs.reset(call.state)
    return NONE


def _graph_as_default(call: GraphCall) -> Value:
    made = call.receiver.detail if call.receiver is not None else None

    def enter(state: State) -> tuple[Value, Callable[[], None]]:
        leave = graphs.enter(state, made["number"] if made is not None else None)
        return Value("object", detail=made or Obj("scope")), leave

    return _manager(enter, "as_default")


HANDLERS: dict[str, Handler] = {
    "tf.name_scope": _name_scope,
    "tf.variable_scope": _variable_scope,
    "tf.get_variable_scope": _current_scope,
    "tf.device": _plain_scope,
    "tf.control_dependencies": _dependencies,
    "tf.Graph": _new_graph,
    "tf.get_default_graph": _default_graph,
    "tf.reset_default_graph": _reset_default_graph,
    "tf.python.framework.ops.reset_default_graph": _reset_default_graph,
}

METHODS: dict[str, Handler] = {
    "VariableScope.reuse_variables": _reuse_variables,
    "Graph.as_default": _graph_as_default,
    "Graph.device": _plain_scope,
    "Graph.control_dependencies": _dependencies,
    "Graph.name_scope": _name_scope,
}
