"""Losses of tf.contrib as those of tf.losses, and names for losses that only a collection holds."""

from __future__ import annotations

import libcst as cst

from tf2torch.analyse.expansion import expand, keyword, symbol_text
from tf2torch.analyse.regularization import PREFIXES
from tf2torch.analyse.state import State
from tf2torch.rulebook.apply import Argument
from tf2torch.rulebook.values import Value

_MODULES = ("tf.contrib.losses.", "tf.contrib.slim.losses.")

#: Parameters in the order of tf.contrib; the same names mean the same in tf.losses.
_PARAMETERS = {
    "softmax_cross_entropy": "logits onehot_labels weights label_smoothing scope",
    "sparse_softmax_cross_entropy": "logits labels weights scope",
    "sigmoid_cross_entropy": "logits multi_class_labels weights label_smoothing scope",
    "log_loss": "predictions labels weights epsilon scope",
    "mean_squared_error": "predictions labels weights scope",
    "absolute_difference": "predictions labels weights scope",
    "compute_weighted_loss": "losses weights scope",
    "add_loss": "loss",
}
_OLD = {"weight": "weights", "loss": "loss"}


def symbol_call(
    state: State, node: cst.Call, symbol: str, arguments: list[Argument]
) -> Value | None:
    """``slim.losses.log_loss(p, y)`` -> ``tf.losses.log_loss(predictions=p, labels=y)``"""
    if not symbol.startswith(_MODULES):
        return None
    short = symbol.rpartition(".")[2]
    func = symbol_text(state, f"tf.losses.{short}")
    if short not in _PARAMETERS or func is None or any(a.star for a in arguments):
        return None
    names = _PARAMETERS[short].split()
    args = []
    for index, argument in enumerate(arguments):
        if argument.keyword is None and index >= len(names):
            return None
        name = argument.keyword or names[index]
        args.append(keyword(_OLD.get(name, name), argument.node))
    return expand(state, node, node.with_changes(func=func, args=args), "contrib-losses")


def name_loss(state: State, node: cst.BaseExpression, value: Value) -> None:
    """A statement that only adds to the collection of losses gets a name for its value."""
    if not isinstance(node, cst.Call) or value.kind != "tensor" or state.shadow:
        return
    symbol = state.symbols.get(node.func, "")
    if not symbol.startswith(PREFIXES) or node in state.expansions.written:
        return
    if any(item.detail == value.detail for item in state.collections.get("losses", ())):
        short = symbol.rpartition(".")[2]
        state.expansions.names[node] = short if short.endswith("loss") else f"{short}_loss"
