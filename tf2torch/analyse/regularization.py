"""Losses that TensorFlow keeps in collections: of layers, of regularizers, of tf.losses."""

from __future__ import annotations

from dataclasses import dataclass

import libcst as cst

from tf2torch.analyse import tensors
from tf2torch.analyse.calls import NONE, GraphCall, Handler
from tf2torch.analyse.facts import Variable
from tf2torch.analyse.instance_reads import note_read
from tf2torch.analyse.state import State
from tf2torch.cst.names import plain_names
from tf2torch.cst.walk import read
from tf2torch.rulebook.values import UNKNOWN, Value

#: Functions of tf.losses that add their result to the collection of losses.
PREFIXES = ("tf.losses.", "tf.contrib.losses.", "tf.contrib.slim.losses.")

_QUIET = ("get_", "add_loss", "compute_weighted_loss", "Reduction")


@dataclass(frozen=True, eq=False)
class Term:
    """A loss of a collection that no name of the program holds.

    Attributes:
        variable: the regularized variable.
        regularizer: what was given as ``kernel_regularizer=``.
        node: an expression of the program instead, whose names stand for `meanings`.
        scope: name scope, for `get_collection` with a scope.
    """

    variable: Variable | None = None
    regularizer: Value | None = None
    node: cst.BaseExpression | None = None
    meanings: dict[str, Value] | None = None
    scope: str = ""


def regularize(
    state: State,
    variable: Variable,
    given: Value | None,
    collection: str = "regularization_losses",
) -> None:
    """Adds the term of one variable to the regularization losses."""
    if (
        state.shadow
        or given is None
        or given.literal is None
        or given.detail == "tf.no_regularizer"
    ):
        return
    loss = tensors.result(state, "float32", ())
    state.loss_terms[loss.detail] = Term(variable, given, scope=variable.name)
    state.collections.setdefault(collection, []).append(loss)


def note_loss(state: State, symbol: str, value: Value) -> None:
    """Adds what a function of tf.losses returns to the losses."""
    short = symbol.rpartition(".")[2]
    if symbol.startswith(PREFIXES) and value.kind == "tensor" and not state.shadow:
        if not short.startswith(_QUIET):
            state.collections.setdefault("losses", []).append(value)


def note_term(call: GraphCall, node: cst.BaseExpression, value: Value) -> None:
    """Keeps what a loss added to a collection inside a function is made of."""
    state = call.state
    if value.kind != "tensor" or state.shadow or state.frame.parent is None:
        return
    definition = _expanded(state, node)
    meanings: dict[str, Value] = {}
    for name in set(plain_names(definition)):
        found = state.frame.lookup(name)
        if found is not None:
            meanings[name] = found[0]
    state.loss_terms.setdefault(value.detail, Term(node=definition, meanings=meanings))


def _expanded(state: State, node: cst.BaseExpression) -> cst.BaseExpression:
    """The expression that a local name stands for, if its function assigns it once."""
    function = state.frame.function
    if (
        not isinstance(node, cst.Name)
        or function is None
        or state.frame.stores.get(node.value, 1) > 1
    ):
        return node
    finder = _Assignments(node.value)
    read(function.node, finder)
    return finder.found[0] if len(finder.found) == 1 else node


class _Assignments(cst.CSTVisitor):
    def __init__(self, name: str) -> None:
        self.name, self.found = name, list[cst.BaseExpression]()

    def visit_Assign(self, node: cst.Assign) -> None:
        for target in node.targets:
            if isinstance(target.target, cst.Name) and target.target.value == self.name:
                self.found.append(node.value)


def _total(call: GraphCall) -> Value:
    return tensors.result(call.state, "float32", ())


def _listed(name: str) -> Handler:
    def handler(call: GraphCall) -> Value:
        scope = call.value(0, "scope")
        if scope is not None and scope.literal is not None:
            return Value("many", detail=Value("unknown"))
        items = call.state.collections.get(name, ())
        note_read(call.state, call.node, name, None, items)
        return Value("sequence", detail=tuple(items))

    return handler


def _summed(*names: str) -> Handler:
    """The items are kept: later losses are no part of this sum."""

    def handler(call: GraphCall) -> Value:
        items = [item for name in names for item in call.state.collections.get(name, ())]
        for name in names:
            note_read(call.state, call.node, name, None, items)
        flag = call.literal(0, "add_regularization_losses", default=True)
        if len(names) > 1 and flag is False:
            items = list(call.state.collections.get("losses", ()))
        scope = call.value(1 if len(names) > 1 else 0, "scope")
        known = (scope is None or scope.literal is None) and flag is not UNKNOWN
        if not call.state.shadow:
            call.state.loss_sums[call.node] = tuple(items) if known else None
        return tensors.result(call.state, "float32", ())

    return handler


def _add_loss(call: GraphCall) -> Value:
    given = call.argument(0, "loss")
    if given is not None and not call.state.shadow:
        call.state.collections.setdefault("losses", []).append(given.value)
    return NONE


HANDLERS: dict[str, Handler] = {
    "tf.losses.get_regularization_losses": _listed("regularization_losses"),
    "tf.contrib.slim.losses.get_regularization_losses": _listed("regularization_losses"),
    "tf.contrib.losses.get_regularization_losses": _listed("regularization_losses"),
    "tf.losses.get_regularization_loss": _summed("regularization_losses"),
    "tf.losses.get_losses": _listed("losses"),
    "tf.losses.add_loss": _add_loss,
    "tf.losses.get_total_loss": _summed("losses", "regularization_losses"),
    "tf.contrib.losses.get_total_loss": _summed("losses", "regularization_losses"),
    "tf.contrib.slim.losses.get_total_loss": _summed("losses", "regularization_losses"),
}
