"""Abstract semantics of TensorFlow names and objects: members, attributes, calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import libcst as cst

from tf2torch.analyse import (
    arg_scopes,
    by_name,
    contrib_losses,
    distributions,
    expansion,
    iterators,
    keras_functions,
    layer_objects,
    overrides,
    primitives,
    recurrent,
    regularization,
    tensors,
)
from tf2torch.analyse.calls import GraphCall
from tf2torch.analyse.facts import Obj
from tf2torch.analyse.layers import create_layer
from tf2torch.analyse.state import State
from tf2torch.rulebook.apply import Argument, bind, infer
from tf2torch.rulebook.model import Refusal
from tf2torch.rulebook.op_names import op_names
from tf2torch.rulebook.values import ANYTHING, UNKNOWN, Value, constant

#: Parts of TensorFlow that work on the host: their results are Python values.
HOST = (
    "tf.gfile", "tf.io.gfile", "tf.logging", "tf.app", "tf.flags", "tf.test", "tf.python_io",
    "tf.compat.as", "tf.sysconfig", "tf.train.latest_checkpoint", "tf.train.get_checkpoint_state",
    "tf.train.Example", "tf.train.Feature", "tf.train.Features", "tf.train.Int64List",
    "tf.train.FloatList", "tf.train.BytesList", "tf.examples", "tf.train.checkpoint_exists",
    "tf.train.write_graph", "tf.train.global_step", "tf.train.NewCheckpointReader",
    "tf.resource_loader", "tf.contrib.learn.datasets", "tf.contrib.learn.python.learn.datasets",
    "tf.errors", "tf.__version__", "tf.VERSION", "tf.python.client.device_lib",
    "tf.python.platform", "tf.contrib.training.HParams", "tf.set_random_seed",
    "tf.random.set_random_seed",
)  # fmt: skip

#: What stands for other code; each gives None for calls that are none of its business.
_WRITTEN_OUT = (
    arg_scopes.symbol_call,
    contrib_losses.symbol_call,
    layer_objects.symbol_call,
    keras_functions.symbol_call,
)


# -- members -------------------------------------------------------------------------------------


def member(state: State, node: cst.Attribute, owner: Value, name: str) -> Value:
    """``tf.nn`` -> ``tf.nn.relu``"""
    full = f"{owner.detail}.{name}"
    if full.startswith("tf.compat.v1"):
        full = "tf" + full.removeprefix("tf.compat.v1")
    state.symbols[node] = full
    if full in ("tf.app.flags.FLAGS", "tf.flags.FLAGS"):
        return Value("object", detail=Obj("Flags"))
    return tensors.symbol_value(full)


def attribute(state: State, node: cst.Attribute, owner: Value, name: str) -> Value:
    """Attribute of a tensor or TensorFlow object."""
    if owner.is_tensor:
        if name == "shape":
            return tensors.shape_value(
                None if owner.shape is None else [tensors.dim_value(d) for d in owner.shape]
            )
        if name == "dtype":
            return Value("dtype", literal=owner.dtype or UNKNOWN)
        if name == "name":
            known = owner.kind == "variable" and owner.detail is not None
            return constant(f"{owner.detail.name}:0") if known else Value("python")
        if name == "op" and owner.kind == "variable" and owner.detail is not None:
            return Value("object", detail=Obj("VariableOp", {"name": owner.detail.name}))
        if name == "initializer" and owner.kind == "variable":
            return _own_initializer(state, node)
        return Value("method", detail=(owner, name))
    record = owner.detail
    if not isinstance(record, Obj):
        return Value("method", detail=(owner, name))
    if record.type == "Dimension" and name == "value":
        return tensors.int_value(record["dim"])
    if record.type == "TensorShape" and name in ("ndims", "rank"):
        dims = record["dims"]
        return Value("python") if dims is None else constant(len(dims))
    if record.type == "TensorShape" and name == "dims":
        return owner
    if record.type == "NamedOperation" and name == "outputs":
        return Value("sequence", detail=(record["output"],))
    if record.type == "VariableOp" and name == "name":
        return constant(record["name"])
    if record.type == "Flags":
        return Value("python", text=f"FLAGS.{name}")
    if (found := iterators.attribute(owner, name)) is not None:
        return found
    if record.type == "VariableScope":
        if name == "name":
            return constant(record["scope"].name)
        if name == "reuse":
            return constant(bool(record["scope"].reuse))
        if name == "original_name_scope":
            return constant(record["scope"].name + "/")
    if record.type == "RNNCell" and (found := recurrent.attribute(state, record, name)) is not None:
        return found
    if record.type == "Layer":
        of_layer = layer_objects.attribute(state, node, record, name)
        if of_layer is not None:
            return of_layer
    if record.type == "Distribution" and (found := distributions.attribute(record, name)):
        return found
    if record.type == "tuple" and name in record.fields:
        return record.fields[name]
    if name in ("graph", "name"):
        return Value("python")
    return Value("method", detail=(owner, name))


def _own_initializer(state: State, node: cst.Attribute) -> Value:
    """``w.initializer`` -> ``tf.variables_initializer([w])``"""
    function = expansion.symbol_text(state, "tf.variables_initializer")
    if function is None:
        return Value("python")
    variables = cst.List([cst.Element(node.value)])
    written = cst.Call(function, [cst.Arg(variables)])
    return expansion.expand(state, node, written, "initializer")


# -- calls ---------------------------------------------------------------------------------------


def call(state: State, node: cst.Call, symbol: str, arguments: list[Argument]) -> Value:
    """A call of a TensorFlow function or class."""
    if state.overrides:
        overrides.note(state, node, symbol)
    for written_out in _WRITTEN_OUT:
        found = written_out(state, node, symbol, arguments)
        if found is not None:
            return found
    made_here = _call(state, node, symbol, arguments)
    by_name.note(state, symbol, arguments, made_here)
    return made_here


def _call(state: State, node: cst.Call, symbol: str, arguments: list[Argument]) -> Value:
    handler = primitives.find(symbol)
    if handler is not None:
        return handler(GraphCall(state, node, symbol, tuple(arguments)))
    rule = state.rulebook.find(symbol)
    name = next((a.value.literal for a in arguments if a.keyword == "name"), UNKNOWN)
    if rule is not None:
        kept, added = expansion.internal(node.args)
        if added:
            arguments = arguments[: len(kept)]
        bound = bind(rule, arguments)
        if rule.kind == "layer" and not isinstance(bound, Refusal):
            return create_layer(state, node, symbol, bound, added)
        if rule.kind in ("initializer", "regularizer"):
            kind = rule.kind.capitalize()
            return Value("object", detail=Obj(kind, {"symbol": symbol, "bound": bound}, node))
        for used in (name,) if isinstance(name, str) and name else op_names(symbol, rule):
            state.naming.unique(used)
        if symbol.startswith(HOST):
            return Value("python")
        if isinstance(bound, Refusal):
            return tensors.result(state, None, None)
        result = made(state, infer(bound))
        regularization.note_loss(state, symbol, result)
        return result
    for argument in arguments:
        if argument.value.kind == "function":
            state.follow(state, argument.value.detail, [], None, certain=False)
    if symbol.startswith(HOST):
        return Value("python")
    last = symbol.rpartition(".")[2]
    if last[:1].isupper():
        return Value("object", detail=Obj(last, {"symbol": symbol}, node))
    result = tensors.result(state, None, None)
    regularization.note_loss(state, symbol, result)  # so that sums know that they lack it
    return result


def made(state: State, value: Value) -> Value:
    """Gives the tensors of a rule's result their identity."""
    if value.kind == "tensor":
        if isinstance(value.detail, tuple):
            return value  # the run-time shape of a tensor: what it holds tells more than who it is
        return replace(value, detail=state.fresh())
    if value.kind == "sequence":
        items = tuple(made(state, item) for item in value.detail)
        return Value("sequence", detail=items, literal=value.literal)
    return value


def call_method(
    state: State, node: cst.Call, owner: Value, name: str, arguments: list[Argument]
) -> Value:
    """``x.get_shape()``, ``optimizer.minimize(loss)``, ``sess.run(...)``"""
    receiver = owner.detail.type if isinstance(owner.detail, Obj) else "Tensor"
    if owner.kind == "variable":
        receiver = "Variable"
    record = GraphCall(state, node, f"{receiver}.{name}", tuple(arguments), owner)
    handler = primitives.find_method(receiver, name)
    if handler is not None:
        done = handler(record)
        by_name.note(state, record.symbol, arguments, done)
        return done
    if owner.is_tensor and name == "get_shape":
        return attribute(state, node, owner, "shape")  # type: ignore[arg-type]
    if owner.is_tensor or receiver in ("TensorShape", "Dimension"):
        kind = "Tensor" if owner.is_tensor else receiver
        rule = state.rulebook.find(f"{receiver}.{name}") or state.rulebook.find(f"{kind}.{name}")
        if rule is not None:
            bound = bind(rule, arguments, Argument(node, tensors.plain(owner)))
            if not isinstance(bound, Refusal):
                return made(state, infer(bound))
        return ANYTHING
    return Value("python") if receiver in ("Session", "FileWriter", "Saver") else ANYTHING


def call_object(state: State, node: cst.Call, callee: Value, arguments: list[Argument]) -> Value:
    """A call of an object: ``cell(x, state)``, ``regularizer(w)``, ``template(x)``."""
    record: Obj = callee.detail
    handler = primitives.find_method(record.type, "__call__")
    if handler is not None:
        return handler(GraphCall(state, node, record.type, tuple(arguments), callee))
    return tensors.result(state, None, None)


def enter(state: State, value: Value, node: cst.BaseExpression) -> tuple[Value, Callable[[], None]]:
    """Opens a `with` item; returns what ``as`` binds and how to leave."""
    if value.kind == "object" and value.detail["enter"] is not None:
        return value.detail["enter"](state)
    return value, lambda: None
