"""Layers as objects, of tf.layers and tf.keras: each call becomes one of the layer's function."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import libcst as cst

from tf2torch.analyse import keras_layers
from tf2torch.analyse.calls import GraphCall, Handler
from tf2torch.analyse.expansion import (
    QUIET,
    SCOPE,
    expand,
    keyword,
    meanings,
    refuse,
    spell,
    symbol_text,
)
from tf2torch.analyse.facts import Obj
from tf2torch.analyse.state import Frame, State
from tf2torch.rulebook.values import ANYTHING, UNKNOWN, Value

_MODULES = ("tf.layers.", "tf.keras.layers.", "tf.python.layers.core.")

#: Classes of tf.layers whose function has the class's parameters behind the input.
_FUNCTIONS = {
    "Dense": "dense", "Conv1D": "conv1d", "Conv2D": "conv2d", "Conv3D": "conv3d",
    "Conv2DTranspose": "conv2d_transpose", "Conv3DTranspose": "conv3d_transpose",
    "SeparableConv1D": "separable_conv1d", "SeparableConv2D": "separable_conv2d",
    "BatchNormalization": "batch_normalization", "Dropout": "dropout", "Flatten": "flatten",
    "MaxPooling1D": "max_pooling1d", "MaxPooling2D": "max_pooling2d",
    "MaxPooling3D": "max_pooling3d", "AveragePooling1D": "average_pooling1d",
    "AveragePooling2D": "average_pooling2d", "AveragePooling3D": "average_pooling3d",
}  # fmt: skip
_NOT_PASSED = ("name", "dtype", "activity_regularizer", "_scope", "_reuse")
_LISTS = {
    "trainable_variables": "tf.trainable_variables",
    "trainable_weights": "tf.trainable_variables",
    "variables": "tf.global_variables",
    "weights": "tf.global_variables",
}


# -- layers --------------------------------------------------------------------------------------


def symbol_call(state: State, node: cst.Call, symbol: str, arguments: list[Any]) -> Value | None:
    """``tf.layers.Dense(8)`` and ``tf.keras.Sequential()``; None for all the rest."""
    module, _, short = symbol.rpartition(".")
    call = GraphCall(state, node, symbol, tuple(arguments))
    if symbol in ("tf.keras.Sequential", "tf.keras.models.Sequential"):
        given = call.value(0, "layers")
        items = list(given.detail) if given is not None and given.kind == "sequence" else []
        return _made(call, "Sequential", layers=items)
    if symbol in ("tf.keras.Model", "tf.keras.models.Model"):
        ends = {"inputs": call.value(0, "inputs"), "outputs": call.value(1, "outputs")}
        return _made(call, "Model", **ends)
    if symbol in ("tf.keras.Input", "tf.keras.layers.Input"):
        return keras_layers.placeholder(call)
    if f"{module}." not in _MODULES or not short[:1].isupper():
        return None
    keras = module == "tf.keras.layers"
    known = keras_layers.is_known(short) if keras else short in _FUNCTIONS
    return _made(call, short, keras=keras) if known else None


def _made(call: GraphCall, kind: str, **fields: Any) -> Value:
    state = call.state
    keras = fields.get("keras", True)
    name = call.literal(None, "name")
    if keras and name is None:
        base = keras_layers.snake_case(kind)
        number = state.layer_names.get(base, 0)
        state.layer_names[base] = number + 1
        name = f"{base}_{number}" if number else base
    known = {a.keyword or i: meanings(state, a.node) for i, a in enumerate(call.arguments)}
    record = {
        "symbol": call.symbol, "class": kind, "keras": keras, "name": name, "scope": None,
        "arguments": call.arguments, "known": known, "layers": None, **fields,
    }  # fmt: skip
    value = Value("object", detail=Obj("Layer", record, call.node))
    if kind == "Sequential":
        _build_early(state, value.detail)
    return value


def _build_early(state: State, record: Obj) -> None:
    """Keras makes the variables of a model when it knows the shape of its input."""
    layers = record["layers"] or ()
    shaped = ("input_shape", "batch_input_shape", "input_dim")
    first = layers[0].detail if layers and layers[0].kind == "object" else None
    if first is None or first["arguments"] is None:
        return
    known = any(a.keyword in shaped for a in first["arguments"])
    if known or first["class"] in ("InputLayer", "Input"):
        record.fields["early"] = True  # type: ignore[index]
        for layer in layers:
            if layer.kind == "object" and layer.detail.type == "Layer":
                _scope_of(state, layer.detail)


def _scope_of(state: State, record: Obj) -> str | None:
    """Where the layer's variables are, from its first call on; None if that is not known."""
    if record["scope"] is None:
        naming = state.naming
        name = record["name"]
        if record["keras"]:
            previous = naming.enter_name_scope(name if isinstance(name, str) else None)
            record.fields["scope"] = naming.name_scope  # type: ignore[index]
            naming.leave_name_scope(previous)
        else:
            base = _FUNCTIONS[record["class"]]
            if name is UNKNOWN:
                return None
            short = name if isinstance(name, str) else naming.default_scope_name(base)
            full = f"{naming.scope.name}/{short}" if naming.scope.name else short
            record.fields["scope"] = full  # type: ignore[index]
            naming.counts[full] = naming.counts.get(full, 0) + 1
        scopes = state.expansions.scopes
        scopes[record.node] = None if record.node in scopes else record["scope"]
    scope = record["scope"]
    return scope if isinstance(scope, str) else None


def _call_layer(call: GraphCall) -> Value:
    """``hidden(x)`` -> ``tf.layers.dense(x, 8, name="hidden")``"""
    state, node = call.state, call.node
    assert call.receiver is not None
    record: Obj = call.receiver.detail
    if not node.args or node.args[0].star:
        refuse(state, node, "layer-object", "the input of the layer is not known")
        return ANYTHING
    chain = _chain(state, record, node.args[0].value, node.args[1:])
    if isinstance(chain, str):
        refuse(state, node, "layer-object", chain)
        return ANYTHING
    calls = [link for link in chain if isinstance(link, cst.Call)]
    whole = calls if len(calls) == len(chain) else []
    result = expand(state, node, chain[-1], "layer-object", whole)
    inputs = call.arguments[0].value
    if result.is_tensor and result.detail is not None:
        traces = state.cache.setdefault("layer_traces", {})
        traces[result.detail] = (record, inputs)
    return result


def _chain(
    state: State, record: Obj, inputs: cst.BaseExpression, rest: Sequence[cst.Arg]
) -> list[cst.BaseExpression] | str:
    """The expressions that a layer or model stands for, each around the one before it."""
    if record["class"] == "Sequential":
        layers = [item.detail for item in record["layers"]]
        return _through(state, record, layers, inputs, rest)
    if record["class"] == "Model":
        steps = _traced(state, record)
        return steps if isinstance(steps, str) else _through(state, record, steps, inputs, rest)
    written = _written(state, record, inputs, rest)
    return written if isinstance(written, str) else [written]


def _through(
    state: State,
    record: Obj,
    layers: Sequence[Any],
    inputs: cst.BaseExpression,
    rest: Sequence[cst.Arg],
) -> list[cst.BaseExpression] | str:
    if not layers or any(getattr(layer, "type", "") != "Layer" for layer in layers):
        return "the layers of the model are not known"
    if rest and any(a.keyword is None or a.keyword.value != "training" for a in rest):
        return "a model that is called with more than its input"
    previous = None
    if not record["early"] and record["class"] == "Sequential" and not record["scope"]:
        previous = state.naming.enter_name_scope(record["name"])
        record.fields["scope"] = state.naming.name_scope  # type: ignore[index]
    done: list[cst.BaseExpression] = []
    problem = ""
    for layer in layers:
        if layer["class"] in ("InputLayer", "Input") or (layer["class"] == "Dropout" and not rest):
            continue
        own = rest if layer["class"] in ("Dropout", "BatchNormalization") else ()
        start = done[-1] if done else inputs
        made = _chain(state, layer, start, [arg.deep_clone() for arg in own])
        if isinstance(made, str):
            problem = made
            break
        done += made
    if previous is not None:
        state.naming.leave_name_scope(previous)
    return problem or done


def _traced(state: State, record: Obj) -> list[Obj] | str:
    """The layers between the input and the output of a functional model."""
    start, value = record["inputs"], record["outputs"]
    traces = state.cache.get("layer_traces", {})
    if start is None or value is None or not (start.is_tensor and value.is_tensor):
        return "a model of several inputs or outputs"
    layers: list[Obj] = []
    while value.detail != start.detail:
        if value.detail not in traces or len(layers) > 500:
            return "a model that is no plain chain of layers"
        layer, value = traces[value.detail]
        layers.append(layer)
    return layers[::-1]


def _written(
    state: State, record: Obj, inputs: cst.BaseExpression, rest: Sequence[cst.Arg]
) -> cst.BaseExpression | str:
    """One layer's call of its function."""
    if record["keras"]:
        scope = _scope_of(state, record) if record["class"] == "Embedding" else None
        given = keras_layers.translated(state, record, inputs, scope)
        if isinstance(given, (str, cst.BaseExpression)):
            return given
        function, args = given
    else:
        function = f"tf.layers.{_FUNCTIONS[record['class']]}"
        passed = _passed(state, record)
        if isinstance(passed, str):
            return passed
        args = passed
    func = symbol_text(state, function)
    if func is None:
        return f"{function} has no name here"
    added = list(args) + list(rest)
    if _has_weights(function):
        scope = _scope_of(state, record)
        if scope is None:
            return "the name of the layer is not known"
        label = record["name"] if isinstance(record["name"], str) else ""
        held = _holder(state, record)
        if (not any(a.keyword == "name" for a in record["arguments"])) and held:
            label = held
        added.append(keyword("name", cst.SimpleString(repr(label or scope.rpartition("/")[2]))))
        added.append(keyword(SCOPE, cst.SimpleString(repr(scope))))
        if record["keras"]:
            added.append(keyword(QUIET, cst.Name("True")))
    return cst.Call(func, [cst.Arg(inputs), *added])


def _has_weights(function: str) -> bool:
    return not any(part in function for part in ("dropout", "flatten", "pooling"))


def _passed(state: State, record: Obj) -> list[cst.Arg] | str:
    """The constructor's arguments, where the layer is called."""
    args = []
    for index, argument in enumerate(record["arguments"]):
        if argument.star:
            return "star arguments of a layer"
        if argument.keyword in _NOT_PASSED:
            continue
        known = record["known"].get(argument.keyword or index)
        text = spell(state, argument.value, argument.node, known)
        if text is None:
            return "an argument of the layer cannot be written where it is called"
        args.append(cst.Arg(text) if argument.keyword is None else keyword(argument.keyword, text))
    return args


def _holder(state: State, record: Obj) -> str | None:
    """The name that holds the layer."""
    frame: Frame | None = state.frame
    while frame is not None:
        for name, value in frame.names.items():
            if value.kind == "object" and value.detail is record:
                return name
        frame = frame.parent
    return None


# -- what layers have ----------------------------------------------------------------------------


def attribute(state: State, node: cst.Attribute, record: Obj, name: str) -> Value | None:
    """``layer.trainable_variables`` -> ``tf.trainable_variables("layer/")``; ``layer.kernel``"""
    if name == "name" and isinstance(record["name"], str):
        return None
    scopes = [scope for scope in _scopes(state, record) if scope]
    if name in _LISTS and scopes:
        func = symbol_text(state, _LISTS[name])
        if func is not None:
            parts = [
                cst.Call(func.deep_clone(), [cst.Arg(cst.SimpleString(repr(f"{scope}/")))])
                for scope in scopes
            ]
            written: cst.BaseExpression = parts[0]
            for part in parts[1:]:
                written = cst.BinaryOperation(written, cst.Add(), part)
            return expand(state, node, written, "layer-object")
    if name == "losses" and scopes:
        return _losses(state, node, scopes)
    if len(scopes) == 1 and (found := state.naming.variables.get(f"{scopes[0]}/{name}")):
        return found
    return None


def _losses(state: State, node: cst.Attribute, scopes: list[str]) -> Value | None:
    """``model.losses`` -> what Keras' layers collect, if no other model has any."""
    terms = [state.loss_terms[v.detail] for v in state.collections.get("layer_losses", ())]
    prefixes = tuple(f"{scope}/" for scope in scopes)
    func = symbol_text(state, "tf.get_collection")
    if func is None or not all(term.scope.startswith(prefixes) for term in terms):
        return None
    args = [cst.Arg(cst.SimpleString(repr("layer_losses")))]
    return expand(state, node, cst.Call(func, args), "layer-object")


def _scopes(state: State, record: Obj) -> list[str]:
    if record["layers"] is not None:
        return [s for item in record["layers"] for s in _scopes(state, item.detail)]
    if record["class"] not in _FUNCTIONS or not _has_weights(_FUNCTIONS[record["class"]]):
        return []
    scope = record["scope"] or (record.node and state.earlier_scopes.get(record.node))
    return [scope] if isinstance(scope, str) else []


def _add(call: GraphCall) -> Value:
    """``model.add(layer)``"""
    record = call.receiver.detail if call.receiver is not None else None
    layer = call.value(0, "layer")
    if record is not None and record["layers"] is not None and layer is not None:
        record["layers"].append(layer)
        if not record["early"]:
            _build_early(call.state, record)
        elif layer.kind == "object" and layer.detail.type == "Layer":
            _scope_of(call.state, layer.detail)
    return Value("python", literal=None)


METHODS: dict[str, Handler] = {
    "Layer.__call__": _call_layer,
    "Layer.apply": _call_layer,
    "Layer.add": _add,
}
