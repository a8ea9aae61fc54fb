"""Placeholders and variables."""

from __future__ import annotations

from typing import Any

from tf2torch.analyse import tensors
from tf2torch.analyse.calls import NONE, GraphCall, Handler
from tf2torch.analyse.facts import Creation, Variable
from tf2torch.analyse.regularization import regularize
from tf2torch.analyse.state import State
from tf2torch.analyse.templates import naming_text
from tf2torch.rulebook.apply import Bound
from tf2torch.rulebook.model import Rule
from tf2torch.rulebook.values import Value, constant


def _dtype(value: Value | None, default: str | None = "float32") -> str | None:
    if value is None or value.literal is None:
        return default
    return value.literal if isinstance(value.literal, str) else None


def _placeholder(call: GraphCall) -> Value:
    name = call.text(2, "name") or "Placeholder"
    call.state.naming.unique(name)
    shape = tensors.shape_from(call.value(1, "shape"))
    dtype = _dtype(call.value(0, "dtype"))
    return Value("placeholder", dtype=dtype, shape=shape, detail=call.state.fresh())


def _placeholder_with_default(call: GraphCall) -> Value:
    default = call.value(0, "input") or NONE
    call.state.naming.unique(call.text(2, "name") or "PlaceholderWithDefault")
    dtype = default.dtype or _python_dtype(default.literal)
    shape = tensors.shape_from(call.value(1, "shape"))
    return Value("placeholder", dtype=dtype, shape=shape, detail=call.state.fresh())


def _python_dtype(literal: object) -> str | None:
    if isinstance(literal, bool):
        return "bool"
    if isinstance(literal, int):
        return "int32"
    return "float32" if isinstance(literal, float) else None


def _host_tensor(value: Value) -> Value:
    """Dtype and shape that a host value has as a tensor."""
    if value.is_tensor:
        return value
    first = value
    shape = []
    while first.kind == "sequence" and first.detail:
        shape.append(tensors.Dim(len(first.detail)))
        first = first.detail[0]
    dtype = _python_dtype(first.literal)
    return tensors.result_like(dtype, tuple(shape) if dtype is not None else None)


def _variable(call: GraphCall) -> Value:
    state = call.state
    given = call.argument(0, "initial_value")
    initial = given.value if given is not None else NONE
    known = _host_tensor(initial)
    wanted = call.text(4, "name") or "Variable"
    if call.unknown(4, "name"):
        wanted = naming_text(state, call.value(4, "name"))
    name = state.naming.unique(wanted)
    declared = (
        call.value(5, "dtype")
        if call.argument(None, "dtype") is None
        else call.value(None, "dtype")
    )
    dtype = _dtype(declared, known.dtype)
    return _create_variable(call, name, known.shape, dtype, call.value(1, "trainable"), initial)


def _create_variable(
    call: GraphCall,
    name: str,
    shape: Any,
    dtype: str | None,
    trainable: Value | None,
    initial: Value | None,
) -> Value:
    state = call.state
    flag = trainable is None or trainable.literal is not False
    collections = call.value(None, "collections")
    names = _collection_names(collections)
    creation = Creation(call.node, state.path, call.symbol, Bound(_RAW), name)
    role = name.rpartition("/")[2]
    variable = Variable(name, role, shape, dtype, flag, creation, initial, names)
    creation.variables = (variable,)
    if not state.shadow:
        state.creations.append(creation)
    value = Value("variable", dtype=dtype, shape=shape, detail=variable)
    register(state, value)
    for collection in names:
        state.collections.setdefault(collection, []).append(value)
    return value


_RAW = Rule(id="variable", tf=("tf.Variable",))


def _collection_names(value: Value | None) -> tuple[str, ...]:
    if value is None or value.kind != "sequence":
        return ()
    return tuple(
        item.literal
        if isinstance(item.literal, str)
        else str(item.detail).rpartition(".")[2].lower()
        for item in value.detail
    )


def register(state: State, value: Value) -> None:
    """Adds a variable to the graph's lists."""
    if state.shadow:
        return
    local = "local_variables" in value.detail.collections
    state.collections.setdefault("local_variables" if local else "variables", []).append(value)
    if value.detail.trainable and not local:
        state.collections.setdefault("trainable_variables", []).append(value)


def _get_variable(call: GraphCall) -> Value:
    state = call.state
    naming = state.naming
    short = call.text(0, "name")
    given_name = naming_text(state, call.value(0, "name")) if short is None else short
    full = naming.variable_name(given_name)
    initializer = call.value(3, "initializer")
    if initializer is None or initializer.literal is None:
        initializer = naming.scope.initializer
    shape = tensors.shape_from(call.value(1, "shape"))
    if shape is None and initializer is not None and initializer.is_tensor:
        shape = initializer.shape
    default = initializer.dtype if initializer is not None and initializer.is_tensor else "float32"
    dtype = _dtype(call.value(2, "dtype"), default)
    known = naming.variables.get(full)
    if known is not None and naming.scope.reuse:
        value: Value = known
        creation = Creation(call.node, state.path, call.symbol, Bound(_RAW), full)
        creation.variables = (value.detail,)
        creation.reused = value.detail.creation
        if not state.shadow:
            state.creations.append(creation)
        return value
    outer = naming.enter_name_scope(None)
    name = naming.unique(full)  # an op may have the name already; the variable store does not care
    naming.leave_name_scope(outer)
    value = _create_variable(call, name, shape, dtype, call.value(5, "trainable"), initializer)
    naming.variables[full] = value
    given = call.value(4, "regularizer")
    regularize(state, value.detail, naming.scope.regularizer if given is None else given)
    return value


def _global_step(call: GraphCall) -> Value:
    known = call.state.naming.variables.get("global_step")
    if known is not None:
        return known
    zero = constant(0)
    value = _create_variable(call, "global_step", (), "int64", constant(False), zero)
    call.state.naming.variables["global_step"] = value
    return value


HANDLERS: dict[str, Handler] = {
    "tf.placeholder": _placeholder,
    "tf.placeholder_with_default": _placeholder_with_default,
    "tf.Variable": _variable,
    "tf.get_variable": _get_variable,
    "tf.train.get_or_create_global_step": _global_step,
    "tf.train.create_global_step": _global_step,
    "tf.train.get_global_step": _global_step,
    "tf.contrib.framework.get_or_create_global_step": _global_step,
}
