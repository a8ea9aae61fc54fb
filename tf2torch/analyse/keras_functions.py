"""Functions of tf.keras.backend, activations and losses as plain TensorFlow."""

from __future__ import annotations

import libcst as cst

from tf2torch.analyse.expansion import expand, symbol_text
from tf2torch.analyse.state import State
from tf2torch.cst.forms import with_names
from tf2torch.rulebook.apply import Argument
from tf2torch.rulebook.values import Value

_BACKEND, _ACTIVATIONS, _LOSSES = "tf.keras.backend.", "tf.keras.activations.", "tf.keras.losses."

#: Function of TensorFlow and parameters of the Keras one, with the defaults that must be passed on.
_FUNCTIONS: dict[str, tuple[str, str]] = {
    **{
        f"{_BACKEND}{name}": (f"tf.reduce_{target}", "x axis keepdims")
        for name, target in {"mean": "mean", "sum": "sum", "max": "max", "min": "min",
                             "prod": "prod", "any": "any", "all": "all",
                             "logsumexp": "logsumexp"}.items()
    },
    **{
        f"{_BACKEND}{name}": (target, "x")
        for name, target in {
            "square": "tf.square", "sqrt": "tf.sqrt", "exp": "tf.exp", "log": "tf.log",
            "abs": "tf.abs", "sign": "tf.sign", "round": "tf.round", "sin": "tf.sin",
            "cos": "tf.cos", "sigmoid": "tf.sigmoid", "tanh": "tf.tanh", "relu": "tf.nn.relu",
            "elu": "tf.nn.elu", "softplus": "tf.nn.softplus", "softsign": "tf.nn.softsign",
            "shape": "tf.shape", "ones_like": "tf.ones_like", "zeros_like": "tf.zeros_like",
            "stop_gradient": "tf.stop_gradient", "identity": "tf.identity",
            "transpose": "tf.transpose",
        }.items()
    },
    f"{_BACKEND}softmax": ("tf.nn.softmax", "x axis=-1"),
    f"{_BACKEND}clip": ("tf.clip_by_value", "x min_value max_value"),
    f"{_BACKEND}pow": ("tf.pow", "x a"),
    f"{_BACKEND}cast": ("tf.cast", "x dtype"),
    f"{_BACKEND}maximum": ("tf.maximum", "x y"),
    f"{_BACKEND}minimum": ("tf.minimum", "x y"),
    f"{_BACKEND}equal": ("tf.equal", "x y"),
    f"{_BACKEND}greater": ("tf.greater", "x y"),
    f"{_BACKEND}less": ("tf.less", "x y"),
    f"{_BACKEND}reshape": ("tf.reshape", "x shape"),
    f"{_BACKEND}expand_dims": ("tf.expand_dims", "x axis=-1"),
    f"{_BACKEND}squeeze": ("tf.squeeze", "x axis"),
    f"{_BACKEND}argmax": ("tf.argmax", "x axis=-1"),
    f"{_BACKEND}argmin": ("tf.argmin", "x axis=-1"),
    f"{_BACKEND}concatenate": ("tf.concat", "tensors axis=-1"),
    f"{_BACKEND}stack": ("tf.stack", "x axis"),
    f"{_BACKEND}tile": ("tf.tile", "x n"),
    f"{_BACKEND}permute_dimensions": ("tf.transpose", "x pattern"),
    f"{_BACKEND}one_hot": ("tf.one_hot", "indices num_classes"),
    f"{_BACKEND}gather": ("tf.gather", "reference indices"),
    f"{_BACKEND}gradients": ("tf.gradients", "loss variables"),
    **{
        f"{_ACTIVATIONS}{name}": (target, "x")
        for name, target in {
            "relu": "tf.nn.relu", "sigmoid": "tf.sigmoid", "tanh": "tf.tanh", "elu": "tf.nn.elu",
            "selu": "tf.nn.selu", "softplus": "tf.nn.softplus", "softsign": "tf.nn.softsign",
            "softmax": "tf.nn.softmax", "exponential": "tf.exp", "linear": "tf.identity",
        }.items()
    },
}  # fmt: skip

#: Losses per example as source over y (true) and p (predicted).
_FORMULAS = {
    "mean_squared_error": "TF.reduce_mean(TF.square(p - y), -1)",
    "mean_absolute_error": "TF.reduce_mean(TF.abs(p - y), -1)",
}
_FORMULAS |= {"mse": _FORMULAS["mean_squared_error"], "mae": _FORMULAS["mean_absolute_error"]}


def function_of(symbol: str) -> str | None:
    """TensorFlow's own function for an activation of Keras."""
    return (
        _FUNCTIONS[symbol][0] if symbol.startswith(_ACTIVATIONS) and symbol in _FUNCTIONS else None
    )


def symbol_call(
    state: State, node: cst.Call, symbol: str, arguments: list[Argument]
) -> Value | None:
    """``K.mean(x)`` -> ``tf.reduce_mean(x)``; None for all the rest."""
    if not symbol.startswith((_BACKEND, _ACTIVATIONS, _LOSSES)) or any(a.star for a in arguments):
        return None
    written: cst.BaseExpression | None = None
    if symbol == f"{_BACKEND}epsilon":
        written = cst.Float("1e-07")
    elif symbol in _FUNCTIONS:
        written = _function(state, node, symbol, arguments)
    elif symbol.startswith(_LOSSES) and len(arguments) == 2:
        written = _loss(state, symbol, arguments)
    return None if written is None else expand(state, node, written, "keras-function")


def _function(
    state: State, node: cst.Call, symbol: str, arguments: list[Argument]
) -> cst.BaseExpression | None:
    target, text = _FUNCTIONS[symbol]
    func = symbol_text(state, target)
    names = [part.partition("=")[0] for part in text.split()]
    given: dict[str, cst.BaseExpression] = {}
    for index, argument in enumerate(arguments):
        if argument.keyword is None and index >= len(names):
            return None
        given[argument.keyword or names[index]] = argument.node
    if func is None or not given.keys() <= set(names):
        return None
    args = []
    skipped = False
    for part in text.split():
        name, _, default = part.partition("=")
        value = given.get(name)
        if value is None and default:
            value = cst.parse_expression(default)
        if value is None:
            skipped = True
        elif skipped:
            args.append(cst.Arg(value, keyword=cst.Name(name)))
        else:
            args.append(cst.Arg(value))
    return node.with_changes(func=func, args=args)


def _loss(state: State, symbol: str, arguments: list[Argument]) -> cst.BaseExpression | None:
    formula = _FORMULAS.get(symbol.rpartition(".")[2].lower())
    root = symbol_text(state, "tf.reduce_mean")
    if formula is None or not isinstance(root, cst.Attribute):
        return None
    free = [a.node for a in arguments if a.keyword is None]
    named = {a.keyword: a.node for a in arguments if a.keyword is not None}
    true = named.get("y_true", free[0] if free else None)
    predicted = named.get("y_pred", free[-1] if free else None)
    if true is None or predicted is None:
        return None
    names = {"y": _operand(true), "p": _operand(predicted), "TF": root.value}
    return with_names(cst.parse_expression(formula), names)


def _operand(node: cst.BaseExpression) -> cst.BaseExpression:
    if isinstance(node, (cst.Name, cst.Call, cst.Attribute, cst.Subscript)) or node.lpar:
        return node
    return node.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
