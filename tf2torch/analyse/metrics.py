"""tf.metrics: values that add up over runs in local variables."""

from __future__ import annotations

from tf2torch.analyse import tensors
from tf2torch.analyse.calls import GraphCall, Handler
from tf2torch.analyse.facts import Creation, Obj, Variable
from tf2torch.analyse.state import State
from tf2torch.rulebook.apply import Bound
from tf2torch.rulebook.model import Rule
from tf2torch.rulebook.values import Value

_BOTH = ("labels", "predictions", "weights")
_SWAPPED = ("predictions", "labels", "weights")
_COLLECTIONS = ("metrics_collections", "updates_collections")

#: Metrics and their parameters in order.
PARAMETERS: dict[str, tuple[str, ...]] = {
    "accuracy": _BOTH,
    "mean": ("values", "weights"),
    "mean_squared_error": _BOTH,
    "root_mean_squared_error": _BOTH,
    "mean_absolute_error": _BOTH,
    "precision": _BOTH,
    "recall": _BOTH,
    "true_positives": _BOTH,
    "false_positives": _BOTH,
    "true_negatives": _BOTH,
    "false_negatives": _BOTH,
    "auc": (*_BOTH, "num_thresholds", *_COLLECTIONS, "curve"),
    "mean_iou": ("labels", "predictions", "num_classes", "weights"),
}
_STREAMING: dict[str, tuple[str, ...]] = {
    "accuracy": _SWAPPED,
    "mean": ("values", "weights"),
    "mean_squared_error": _SWAPPED,
    "root_mean_squared_error": _SWAPPED,
    "mean_absolute_error": _SWAPPED,
    "precision": _SWAPPED,
    "recall": _SWAPPED,
    "auc": (*_SWAPPED, "num_thresholds", *_COLLECTIONS, "curve"),
    "mean_iou": ("predictions", "labels", "num_classes", "weights"),
}
_RULE = Rule(id="metrics", tf=("tf.metrics",))


def _metric(kind: str, parameters: tuple[str, ...]) -> Handler:
    def handler(call: GraphCall) -> Value:
        state = call.state
        given = {}
        for index, name in enumerate(parameters):
            found = call.argument(index, name)
            if found is not None and (found.value.literal is not None or name == "labels"):
                given[name] = found
        scope = _scope(call, kind)
        metric = Obj("Metric", {"kind": kind, "arguments": given, "scope": scope}, call.node)
        result = tensors.result(state, "float32", ())
        state.metrics[result.detail] = metric
        if not state.shadow:
            _local(state, call, scope)
        record = {"metric": metric, "call": call, "control": state.control, **given}
        update = Value("operation", detail=Obj("MetricUpdate", record, call.node))
        return Value("sequence", detail=(result, update))

    return handler


def _scope(call: GraphCall, kind: str) -> str:
    """Where the local variables are: they are named like operations."""
    return call.state.naming.unique(call.text(None, "name") or kind)


def _local(state: State, call: GraphCall, scope: str) -> None:
    """A stand-in for the local variables, so that lists of them know the metric."""
    creation = Creation(call.node, state.path, call.symbol, Bound(_RULE), scope)
    variable = Variable(f"{scope}/total", "total", (), "float32", False, creation)
    value = Value("variable", dtype="float32", shape=(), detail=variable)
    state.collections.setdefault("local_variables", []).append(value)


HANDLERS: dict[str, Handler] = {
    **{f"tf.metrics.{name}": _metric(name, names) for name, names in PARAMETERS.items()},
    **{
        f"tf.contrib.{module}.streaming_{name}": _metric(name, names)
        for name, names in _STREAMING.items()
        for module in ("metrics", "slim.metrics")
    },
}
