"""What the layers of tf.keras are in terms of tf.layers and plain TensorFlow."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Mapping
from typing import Any

import libcst as cst

from tf2torch.analyse.calls import GraphCall
from tf2torch.analyse.expansion import expand, keyword, refuse, spell, symbol_text
from tf2torch.analyse.facts import Obj
from tf2torch.analyse.keras_functions import function_of
from tf2torch.analyse.state import State
from tf2torch.rulebook.values import ANYTHING, UNKNOWN, Value, constant

_CONV = "filters kernel_size strides padding data_format dilation_rate activation use_bias"
_TRANSPOSE = "filters kernel_size strides padding output_padding data_format dilation_rate"
_SEPARABLE = "filters kernel_size strides padding data_format dilation_rate depth_multiplier"
_POOL = "pool_size strides padding data_format"

#: Layers with a function of their own: its name and the class's parameters in order.
_FUNCTIONS = {
    "Dense": ("dense", "units activation use_bias kernel_initializer bias_initializer"),
    "Conv1D": ("conv1d", _CONV),
    "Conv2D": ("conv2d", _CONV),
    "Conv3D": ("conv3d", _CONV),
    "Conv2DTranspose": ("conv2d_transpose", _TRANSPOSE),
    "SeparableConv2D": ("separable_conv2d", _SEPARABLE),
    "BatchNormalization": ("batch_normalization", "axis momentum epsilon center scale"),
    "Dropout": ("dropout", "rate noise_shape seed"),
    "Flatten": ("flatten", "data_format"),
    "MaxPooling1D": ("max_pooling1d", _POOL),
    "MaxPooling2D": ("max_pooling2d", _POOL),
    "MaxPooling3D": ("max_pooling3d", _POOL),
    "AveragePooling1D": ("average_pooling1d", _POOL),
    "AveragePooling2D": ("average_pooling2d", _POOL),
    "AveragePooling3D": ("average_pooling3d", _POOL),
}
_ALIASES = {
    "MaxPool1D": "MaxPooling1D", "MaxPool2D": "MaxPooling2D", "MaxPool3D": "MaxPooling3D",
    "AvgPool1D": "AveragePooling1D", "AvgPool2D": "AveragePooling2D",
    "AvgPool3D": "AveragePooling3D", "Convolution1D": "Conv1D", "Convolution2D": "Conv2D",
    "Convolution3D": "Conv3D", "Convolution2DTranspose": "Conv2DTranspose",
    "SeparableConvolution2D": "SeparableConv2D", "GlobalAvgPool2D": "GlobalAveragePooling2D",
    "GlobalMaxPool2D": "GlobalMaxPooling2D", "GlobalAvgPool1D": "GlobalAveragePooling1D",
    "GlobalMaxPool1D": "GlobalMaxPooling1D",
}  # fmt: skip
_IGNORED = frozenset("name dtype input_shape batch_input_shape input_dim batch_size seed".split())
_ACTIVATIONS = {
    "relu": "tf.nn.relu", "sigmoid": "tf.sigmoid", "tanh": "tf.tanh", "softmax": "tf.nn.softmax",
    "elu": "tf.nn.elu", "selu": "tf.nn.selu", "softplus": "tf.nn.softplus",
    "softsign": "tf.nn.softsign", "exponential": "tf.exp",
}  # fmt: skip
_INITIALIZERS = {
    "zeros": "tf.zeros_initializer", "ones": "tf.ones_initializer",
    "glorot_uniform": "tf.glorot_uniform_initializer",
    "glorot_normal": "tf.glorot_normal_initializer",
    "he_normal": "tf.keras.initializers.he_normal",
    "he_uniform": "tf.keras.initializers.he_uniform",
    "lecun_normal": "tf.keras.initializers.lecun_normal",
    "lecun_uniform": "tf.keras.initializers.lecun_uniform",
    "random_normal": "tf.keras.initializers.RandomNormal",
    "random_uniform": "tf.keras.initializers.RandomUniform",
    "truncated_normal": "tf.keras.initializers.TruncatedNormal",
    "orthogonal": "tf.orthogonal_initializer",
}  # fmt: skip


def snake_case(name: str) -> str:
    """``Conv2DTranspose`` -> ``conv2d_transpose``, as Keras names its layers."""
    middle = re.sub("(.)([A-Z][a-z0-9]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", middle).lower()


def is_known(name: str) -> bool:
    """Whether there is a translation of a layer of tf.keras."""
    name = _ALIASES.get(name, name)
    return name in _FUNCTIONS or name in _PLAIN or name in ("InputLayer", "Embedding")


def translated(
    state: State, record: Obj, inputs: cst.BaseExpression, scope: str | None
) -> tuple[str, list[cst.Arg]] | cst.BaseExpression | str:
    """Function and arguments of a layer, or the whole expression, or why there is none."""
    name = _ALIASES.get(record["class"], record["class"])
    if name == "Embedding":
        return _embedding(state, record, inputs, scope)
    plain = _PLAIN.get(name)
    names = _FUNCTIONS[name][1] if plain is None else plain[0]
    given = _given(state, record, names.split())
    if isinstance(given, str):
        return given
    if plain is not None:
        return plain[1](state, inputs, given)
    args = []
    for key, value in given.items():
        text = _argument(state, key, *value)
        if isinstance(text, str):
            return text
        if text is not None:
            args.append(keyword(key, text))
    function = _FUNCTIONS[name][0]
    if "pooling" in function:
        size = given.get("pool_size", (constant(2), cst.Integer("2")))[1]
        if "pool_size" not in given:
            args.append(keyword("pool_size", size))
        if "strides" not in given or given["strides"][0].literal is None:
            args = [a for a in args if a.keyword is not None and a.keyword.value != "strides"]
            args.append(keyword("strides", size.deep_clone()))
    return f"tf.layers.{function}", args


Given = dict[str, tuple[Value, cst.BaseExpression]]


def _given(
    state: State, record: Obj, names: list[str], ignored: Container[str] = _IGNORED
) -> Given | str:
    """The constructor's arguments by name."""
    found: Given = {}
    for index, argument in enumerate(record["arguments"]):
        if argument.star or (argument.keyword is None and index >= len(names)):
            return "arguments of the layer that are not known"
        name = argument.keyword or names[index]
        if name in ignored or name in ("name", "input_length", "mask_zero", "dtype"):
            continue
        known: Mapping[str, Any] = record["known"].get(argument.keyword or index, {})
        text = spell(state, argument.value, argument.node, dict(known))
        if text is None:
            return f"{name}= of the layer cannot be written where it is called"
        found[name] = (argument.value, text)
    return found


def _argument(
    state: State, name: str, value: Value, node: cst.BaseExpression
) -> cst.BaseExpression | str | None:
    """An argument as tf.layers takes it: names of functions become the functions."""
    literal = value.literal
    if name.endswith("_constraint") and literal is not None:
        return "a constraint on the weights of the layer"
    if name == "activity_regularizer":
        return None if literal is None else "a penalty on the output of the layer"
    if name == "output_padding":
        return None if literal is None else "output_padding of a transposed convolution"
    if name == "dilation_rate" and literal in (1, (1, 1)):
        return None
    if name == "activation" and value.kind == "symbol":
        plain = function_of(value.detail)
        return symbol_text(state, plain) if plain is not None else node
    if name == "activation" and isinstance(literal, str):
        if literal == "linear":
            return None
        found = symbol_text(state, _ACTIVATIONS.get(literal, "?"))
        return found or f"the activation {literal!r}"
    if name.endswith("_initializer") and isinstance(literal, str):
        func = symbol_text(state, _INITIALIZERS.get(literal.lower(), "?"))
        return cst.Call(func, []) if func is not None else f"the initializer {literal!r}"
    return node


# -- layers without a function -------------------------------------------------------------------


def _function(symbol: str, *extra: str) -> Callable[..., cst.BaseExpression | str]:
    """A layer that is one function of its input; `extra` are further arguments as source."""

    def build(state: State, x: cst.BaseExpression, given: Given) -> cst.BaseExpression | str:
        func = symbol_text(state, symbol)
        if func is None:
            return f"{symbol} has no name here"
        args = [cst.Arg(x)]
        for text in extra:
            name, _, default = text.partition("|")
            value = given[name][1] if name in given else cst.parse_expression(default or name)
            args.append(cst.Arg(value))
        return cst.Call(func, args)

    return build


def _activation(state: State, x: cst.BaseExpression, given: Given) -> cst.BaseExpression | str:
    value, node = given.get("activation", (ANYTHING, cst.Name("None")))
    made = _argument(state, "activation", value, node)
    if isinstance(made, str) or made is None:
        return made or x
    if isinstance(made, cst.Lambda):
        made = made.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
    return cst.Call(made, [cst.Arg(x)])


def _lambda(state: State, x: cst.BaseExpression, given: Given) -> cst.BaseExpression | str:
    if set(given) != {"function"}:
        return "a Lambda layer with arguments"
    return _activation(state, x, {"activation": given["function"]})


def _reshape(state: State, x: cst.BaseExpression, given: Given) -> cst.BaseExpression | str:
    shape = given["target_shape"][1]
    func = symbol_text(state, "tf.reshape")
    if func is None or not isinstance(shape, (cst.Tuple, cst.List)):
        return "the shape of a Reshape layer is not known"
    elements = [cst.Element(cst.parse_expression("-1"))]
    elements += [cst.Element(item.value) for item in shape.elements]
    return cst.Call(func, [cst.Arg(x), cst.Arg(cst.List(elements))])


def _padding(state: State, x: cst.BaseExpression, given: Given) -> cst.BaseExpression | str:
    amount = given["padding"][0].literal if "padding" in given else 1
    func = symbol_text(state, "tf.pad")
    if amount is UNKNOWN or func is None:
        return "the padding of a ZeroPadding2D layer is not known"
    sides = amount if isinstance(amount, tuple) else (amount, amount)
    pairs = [side if isinstance(side, tuple) else (side, side) for side in sides]
    text = ", ".join(f"[{before}, {after}]" for before, after in pairs)
    paddings = cst.parse_expression(f"[[0, 0], {text}, [0, 0]]")
    return cst.Call(func, [cst.Arg(x), cst.Arg(paddings)])


def _leaky(state: State, x: cst.BaseExpression, given: Given) -> cst.BaseExpression | str:
    func = symbol_text(state, "tf.nn.leaky_relu")
    slope = given["alpha"][1] if "alpha" in given else cst.Float("0.3")
    if func is None:
        return "tf.nn.leaky_relu has no name here"
    return cst.Call(func, [cst.Arg(x), keyword("alpha", slope)])


def _relu(state: State, x: cst.BaseExpression, given: Given) -> cst.BaseExpression | str:
    if any(value.literal not in (None, 0, 0.0) for value, _ in given.values()):
        return "a ReLU layer with a slope, bound or threshold"
    return _function("tf.nn.relu")(state, x, {})


def _merge(operator: cst.BaseBinaryOp) -> Callable[..., cst.BaseExpression | str]:
    def build(state: State, x: cst.BaseExpression, given: Given) -> cst.BaseExpression | str:
        if not isinstance(x, (cst.List, cst.Tuple)) or len(x.elements) < 2:
            return "the inputs of a merging layer are not known"
        made = x.elements[0].value
        for element in x.elements[1:]:
            made = cst.BinaryOperation(made, operator, element.value)
        return made.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])

    return build


_PLAIN: dict[str, tuple[str, Callable[..., cst.BaseExpression | str]]] = {
    "Activation": ("activation", _activation),
    "Lambda": ("function", _lambda),
    "ReLU": ("max_value negative_slope threshold", _relu),
    "LeakyReLU": ("alpha", _leaky),
    "ELU": ("", _function("tf.nn.elu")),
    "Softmax": ("axis", _function("tf.nn.softmax", "axis|-1")),
    "GlobalAveragePooling1D": ("", _function("tf.reduce_mean", "1")),
    "GlobalAveragePooling2D": ("", _function("tf.reduce_mean", "[1, 2]")),
    "GlobalMaxPooling1D": ("", _function("tf.reduce_max", "1")),
    "GlobalMaxPooling2D": ("", _function("tf.reduce_max", "[1, 2]")),
    "Reshape": ("target_shape", _reshape),
    "ZeroPadding2D": ("padding", _padding),
    "Concatenate": ("axis", _function("tf.concat", "axis|-1")),
    "Add": ("", _merge(cst.Add())),
    "Subtract": ("", _merge(cst.Subtract())),
    "Multiply": ("", _merge(cst.Multiply())),
}


def _embedding(
    state: State, record: Obj, x: cst.BaseExpression, scope: str | None
) -> cst.BaseExpression | str:
    """A lookup in a variable of the layer's name."""
    given = _given(state, record, "input_dim output_dim embeddings_initializer".split(), ())
    if isinstance(given, str):
        return given
    lookup = symbol_text(state, "tf.nn.embedding_lookup")
    variable = symbol_text(state, "tf.get_variable")
    initial = given.get("embeddings_initializer", (constant("random_uniform"), cst.Name("None")))
    name = "random_uniform" if initial[0].literal == "uniform" else initial[0].literal
    made = _argument(state, "embeddings_initializer", constant(name), initial[1])
    if name is UNKNOWN:
        made = initial[1]
    if lookup is None or variable is None or isinstance(made, str) or made is None:
        return "the initializer of the Embedding"
    full = f"{scope}/embeddings"
    if scope is None or state.naming.scope.name or full in state.naming.variables:
        return "an Embedding that is used twice, or inside of a variable scope"
    sizes = [given[key][1] for key in ("input_dim", "output_dim") if key in given]
    if len(sizes) != 2:
        return "the sizes of the Embedding"
    shape = cst.List([cst.Element(size) for size in sizes])
    label = cst.Arg(cst.SimpleString(repr(full)))
    table = cst.Call(variable, [label, cst.Arg(shape), keyword("initializer", made)])
    return cst.Call(lookup, [cst.Arg(table), cst.Arg(x)])


# -- inputs --------------------------------------------------------------------------------------


def placeholder(call: GraphCall) -> Value:
    """``tf.keras.Input(shape=(28, 28))`` -> ``tf.placeholder(tf.float32, [None, 28, 28])``"""
    state, node = call.state, call.node
    func, dtype = symbol_text(state, "tf.placeholder"), symbol_text(state, "tf.float32")
    tensor = call.argument(None, "tensor")
    if tensor is not None and tensor.value.literal is not None:
        return expand(state, node, tensor.node, "keras-input")
    shape, whole = call.argument(0, "shape"), call.argument(None, "batch_shape")
    kind = call.value(None, "dtype")
    if kind is not None and isinstance(kind.literal, str):
        dtype = symbol_text(state, f"tf.{kind.literal}")
    size = call.argument(None, "batch_size")
    if whole is not None:
        dims: cst.BaseExpression | None = whole.node
    elif shape is not None and isinstance(shape.node, (cst.Tuple, cst.List)):
        first = size.node if size is not None else cst.Name("None")
        elements = [cst.Element(item.value) for item in shape.node.elements]
        dims = cst.List([cst.Element(first), *elements])
    else:
        dims = None
    if func is None or dtype is None or dims is None:
        refuse(state, node, "keras-input", "the shape of the input is not known")
        return ANYTHING
    return expand(state, node, cst.Call(func, [cst.Arg(dtype), cst.Arg(dims)]), "keras-input")
