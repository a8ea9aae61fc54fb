"""Estimators: what a person has to do with them, said where they are used."""

from __future__ import annotations

import libcst as cst

from tf2torch.analyse.facts import Obj
from tf2torch.plan.units import Unit
from tf2torch.rewrite.writer import Unconvertible, Writer
from tf2torch.rulebook.symbols import state
from tf2torch.rulebook.values import Value

_SPECS = ("EstimatorSpec", "TPUEstimatorSpec")

MODEL = (
    "a model_fn builds graph, loss and train op for one mode: make an nn.Module of its layers,"
    " and a function of each of loss, training step and metrics"
)
_HOW = {
    "train": "loop over the batches of input_fn: model.train(), loss, zero_grad, backward, step",
    "evaluate": "loop over the batches of input_fn under torch.no_grad() with model.eval()",
    "predict": "loop over the batches of input_fn under torch.no_grad() with model.eval()",
}


def is_model_function(writer: Writer, node: cst.FunctionDef) -> bool:
    """Whether a function returns an EstimatorSpec."""
    returned = writer.analysis.returns.get(node)
    return returned is not None and _is_object(returned) and returned.detail.type in _SPECS


def _is_object(value: Value) -> bool:
    return value.kind == "object" and isinstance(value.detail, Obj)


def require_known(writer: Writer, unit: Unit) -> None:
    """A statement that calls something without conversion for its effect is a TODO."""
    call = unit.value
    if not isinstance(call, cst.Call) or not isinstance(call.func, cst.Attribute):
        return
    symbol = writer.analysis.symbols.get(call.func)
    made = writer.value(call)
    if made.kind == "object" and made.detail.type == "Summary":
        return  # of a function that TensorFlow 1.15 no longer has
    if symbol is not None:
        if (
            isinstance(unit.small, cst.Expr)
            and state(symbol, writer.analysis.rulebook) == "unknown"
        ):
            raise Unconvertible("unknown-symbol", f"{symbol} has no rule yet", call)
        return
    owner = writer.value(call.func.value)
    name = call.func.attr.value
    if not _is_object(owner):
        return
    kind = owner.detail.type
    if kind == "Layer" and name not in ("add", "build", "summary"):
        raise Unconvertible("layer-object", f"{name}() of a Keras model or layer", call)
    if set(owner.detail.fields) != {"symbol"}:
        return  # an object that some pass knows
    raise Unconvertible("unknown-method", message(kind, name), call)


def message(kind: str, name: str) -> str:
    """Why a method of an object is not converted, and for estimators what to write instead."""
    if kind.endswith(("Estimator", "Classifier", "Regressor")) and name in _HOW:
        return f"{kind}.{name} has no counterpart: {_HOW[name]}"
    return f"{kind}.{name} has no rule yet"
