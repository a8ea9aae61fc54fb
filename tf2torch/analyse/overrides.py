"""Gradients that the program gives itself: which calls stand under gradient_override_map."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import libcst as cst

from tf2torch.analyse.calls import GraphCall, Handler
from tf2torch.analyse.facts import Obj
from tf2torch.analyse.state import State
from tf2torch.rulebook.values import Value

#: Names of the graph's operations, by the functions that make them.
OPERATIONS = {
    "tf.sign": "Sign", "tf.math.sign": "Sign", "tf.identity": "Identity", "tf.round": "Round",
    "tf.math.round": "Round", "tf.floor": "Floor", "tf.math.floor": "Floor", "tf.ceil": "Ceil",
    "tf.nn.relu": "Relu", "tf.nn.relu6": "Relu6", "tf.nn.elu": "Elu", "tf.tanh": "Tanh",
    "tf.nn.tanh": "Tanh", "tf.sigmoid": "Sigmoid", "tf.nn.sigmoid": "Sigmoid", "tf.abs": "Abs",
    "tf.square": "Square", "tf.sqrt": "Sqrt", "tf.exp": "Exp", "tf.nn.softplus": "Softplus",
    "tf.stop_gradient": "StopGradient",
}  # fmt: skip


def _override(call: GraphCall) -> Value:
    given = call.value(0, "op_type_map")
    names: dict[str, str] = {}
    if given is not None and given.kind == "mapping":
        names = {key: item.literal for key, item in given.detail if isinstance(item.literal, str)}

    def enter(state: State) -> tuple[Value, Callable[[], None]]:
        before = state.overrides
        state.overrides = {**before, **names}

        def leave() -> None:
            state.overrides = before

        return Value("object", detail=Obj("scope")), leave

    fields: dict[str, Any] = {"enter": enter}
    return Value("object", detail=Obj("scope", fields))


def note(state: State, node: cst.Call, symbol: str) -> None:
    """Keeps the name of the gradient that replaces a call's own."""
    name = state.overrides.get(OPERATIONS.get(symbol, ""))
    if name is not None:
        state.overridden[node] = name


def returned(state: State, definition: cst.CSTNode, result: Value) -> Value:
    """What calls of a function under ``@tf.custom_gradient`` give: the value alone."""
    decorators = getattr(definition, "decorators", ())
    if any(state.symbols.get(item.decorator) == "tf.custom_gradient" for item in decorators):
        if result.kind == "sequence" and len(result.detail) == 2:
            return result.detail[0]
    return result


METHODS: dict[str, Handler] = {"Graph.gradient_override_map": _override}
