"""Placeholders, variables, layers and the scopes that name them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from tf2torch.analyse import graphs, tensors
from tf2torch.analyse.calls import NONE, GraphCall
from tf2torch.analyse.expansion import QUIET, SCOPE
from tf2torch.analyse.facts import Creation, Obj, Variable
from tf2torch.analyse.naming import VariableScope
from tf2torch.analyse.regularization import note_term, regularize
from tf2torch.analyse.state import State
from tf2torch.rulebook.apply import Bound, infer
from tf2torch.rulebook.model import Rule
from tf2torch.rulebook.predicates import holds
from tf2torch.rulebook.values import UNKNOWN, Value, constant


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
    name = state.naming.unique(call.text(4, "name") or "Variable")
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
    full = naming.variable_name(short if short is not None else f"?{state.fresh()}")
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


# -- scopes --------------------------------------------------------------------------------------


def _manager(
    enter: Callable[[State], tuple[Value, Callable[[], None]]], kind: str, **fields: Any
) -> Value:
    return Value("object", detail=Obj(kind, {"enter": enter, **fields}))


def _name_scope(call: GraphCall) -> Value:
    given = call.argument(0, "name")
    if given is None or given.value.literal is None:
        given = call.argument(1, "default_name")
    name = given.value.literal if given is not None else None
    name = name if isinstance(name, str) else f"?{call.state.fresh()}" if name is UNKNOWN else None

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
    default = call.text(1, "default_name")
    reuse = _reuse(call.value(None, "reuse"))
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
                name = naming.default_scope_name(default) if default else f"?{state.fresh()}"
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


def _reuse(value: Value | None) -> Any:
    if value is None or value.literal is None:
        return None
    if value.kind == "symbol":
        return "auto"
    return value.literal if isinstance(value.literal, bool) else "auto"


def _current_scope(call: GraphCall) -> Value:
    return Value("object", detail=Obj("VariableScope", {"scope": call.state.naming.scope}))


def _reuse_variables(call: GraphCall) -> Value:
    from dataclasses import replace

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


# -- layers --------------------------------------------------------------------------------------


def create_layer(
    state: State,
    node: Any,
    symbol: str,
    bound: Bound,
    fixed: Mapping[str, Any] = MappingProxyType({}),
) -> Value:
    """A call of a layer function: its variables are named, its output inferred.

    `fixed` is what `expansion` says of calls that it wrote: the scope, and whether Keras made the
    layer, which keeps its losses and updates out of the graph's collections.
    """
    naming = state.naming
    name = bound.values.get("name")
    scope = bound.values.get("scope")
    given = next((v for v in (scope, name) if v is not None and v.literal is not None), None)
    reuse = _reuse(bound.values.get("reuse"))
    if SCOPE in fixed:
        full = str(state.values[fixed[SCOPE]].literal)
        previous = (naming.scope, naming.name_scope)
        naming.scope = VariableScope(full)
        naming.counts[full] = naming.counts.get(full, 0) + 1
    elif given is not None and given.kind == "object" and given.detail.type == "VariableScope":
        previous = naming.reenter_variable_scope(given.detail["scope"], reuse=reuse)
    else:
        base = bound.rule.scope or symbol.rpartition(".")[2]
        if given is None:
            chosen = naming.default_scope_name(base)
        else:
            chosen = given.literal if isinstance(given.literal, str) else f"?{state.fresh()}"
        previous = naming.enter_variable_scope(chosen, reuse=reuse)
    full = naming.scope.name
    creation = Creation(node, state.path, symbol, bound, full)
    created = []
    for row in bound.rule.weights:
        if row.when is not None and holds(row.when, bound.facts()) is False:
            continue
        key = f"{full}/{row.tf}"
        known = naming.variables.get(key)
        if known is not None:
            creation.reused = known.detail.creation
            created.append(known.detail)
            continue
        trainable = not row.tf.startswith("moving_") and _trainable(bound)
        variable = Variable(key, row.tf, None, "float32", trainable, creation)
        value = Value("variable", dtype="float32", detail=variable)
        naming.variables[key] = value
        register(state, value)
        created.append(variable)
        if trainable and QUIET in fixed:
            given = bound.values.get(row.regularizer or "")
            regularize(state, variable, given, "layer_losses")
        elif trainable:
            regularize(state, variable, bound.values.get(row.regularizer or ""))
            regularize(state, variable, naming.scope.regularizer)
    creation.variables = tuple(created)
    moving = any(row.tf == "moving_mean" for row in bound.rule.weights)
    in_place = bound.values.get("updates_collections")
    if moving and not state.shadow and (in_place is None or in_place.literal is not None):
        update = Value("operation", detail=Obj("UpdateOp", {"scope": full, "creation": creation}))
        collection = "layer_updates" if QUIET in fixed else "update_ops"
        state.collections.setdefault(collection, []).append(update)
    naming.leave_variable_scope(previous)
    if not state.shadow:
        state.creations.append(creation)
    value = infer(bound)
    return tensors.result(state, value.dtype, value.shape)


def _trainable(bound: Bound) -> bool:
    value = bound.values.get("trainable")
    return value is None or value.literal is not False


def _get_collection(call: GraphCall) -> Value:
    key = call.value(0, "key")
    name = key.literal if key is not None else None
    if key is not None and key.kind == "symbol":
        name = key.detail.rpartition(".")[2].lower()
        name = {"global_variables": "variables"}.get(name, name)
    scope = call.value(1, "scope")
    items = list(call.state.collections.get(name, [])) if isinstance(name, str) else None
    if items is None or (scope is not None and scope.literal is UNKNOWN):
        return Value("many", detail=Value("unknown"))
    prefix = scope.literal if scope is not None else None
    if isinstance(prefix, str):
        items = [v for v in items if _matches(prefix, _scope_of(v))]
    if name == "update_ops":
        return Value("object", detail=Obj("Collection", {"name": name, "items": tuple(items)}))
    return Value("sequence", detail=tuple(items))


def _matches(scope: str, name: str) -> bool:
    """`Graph.get_collection` takes the scope as a regular expression for the start of the name."""
    try:
        return re.match(scope, name) is not None
    except re.error:
        return name.startswith(scope)


def _scope_of(value: Value) -> str:
    if value.kind == "variable":
        return value.detail.name
    return str(value.detail["scope"] or "") if isinstance(value.detail, Obj) else ""


def _list_variables(collection: str) -> Callable[[GraphCall], Value]:
    def handler(call: GraphCall) -> Value:
        items = list(call.state.collections.get(collection, []))
        scope = call.value(0, "scope")
        if scope is not None and isinstance(scope.literal, str):
            items = [v for v in items if _matches(scope.literal, v.detail.name)]
        elif scope is not None and scope.literal is not None:
            return Value("many", detail=Value("variable"))
        return Value("sequence", detail=tuple(items))

    return handler


def _add_to_collection(call: GraphCall) -> Value:
    name, value = call.value(0, "name"), call.value(1, "value")
    if name is not None and value is not None:
        key = (
            name.literal
            if isinstance(name.literal, str)
            else str(name.detail).rpartition(".")[2].lower()
        )
        call.state.collections.setdefault(key, []).append(value)
        note_term(call, call.argument(1, "value").node, value)  # type: ignore[union-attr]
    return NONE


HANDLERS: dict[str, Callable[[GraphCall], Value]] = {
    "tf.placeholder": _placeholder,
    "tf.placeholder_with_default": _placeholder_with_default,
    "tf.Variable": _variable,
    "tf.get_variable": _get_variable,
    "tf.train.get_or_create_global_step": _global_step,
    "tf.train.create_global_step": _global_step,
    "tf.train.get_global_step": _global_step,
    "tf.contrib.framework.get_or_create_global_step": _global_step,
    "tf.name_scope": _name_scope,
    "tf.variable_scope": _variable_scope,
    "tf.get_variable_scope": _current_scope,
    "tf.device": _plain_scope,
    "tf.control_dependencies": _dependencies,
    "tf.Graph": _new_graph,
    "tf.get_default_graph": _default_graph,
    "tf.reset_default_graph": _reset_default_graph,
    "tf.python.framework.ops.reset_default_graph": _reset_default_graph,
    "tf.get_collection": _get_collection,
    "tf.get_collection_ref": _get_collection,
    "tf.add_to_collection": _add_to_collection,
    "tf.trainable_variables": _list_variables("trainable_variables"),
    "tf.global_variables": _list_variables("variables"),
    "tf.all_variables": _list_variables("variables"),
    "tf.local_variables": _list_variables("local_variables"),
}

METHODS: dict[str, Callable[[GraphCall], Value]] = {
    "VariableScope.reuse_variables": _reuse_variables,
    "Graph.as_default": _graph_as_default,
    "Graph.device": _plain_scope,
    "Graph.control_dependencies": _dependencies,
    "Graph.name_scope": _name_scope,
    "Graph.get_collection": _get_collection,
}
