"""The table of TensorFlow symbols whose meaning is more than one call, one expression."""

from __future__ import annotations

from tf2torch.analyse import (
    arg_scopes,
    by_name,
    control,
    data,
    distributions,
    iterators,
    layer_objects,
    metrics,
    overrides,
    queues,
    recurrent,
    regularization,
    summaries,
    training,
    variables,
)
from tf2torch.analyse.calls import Handler
from tf2torch.analyse.variables import create_layer

HANDLERS: dict[str, Handler] = {
    **variables.HANDLERS,
    **training.HANDLERS,
    **summaries.HANDLERS,
    **control.HANDLERS,
    **recurrent.HANDLERS,
    **data.HANDLERS,
    **iterators.HANDLERS,
    **queues.HANDLERS,
    **regularization.HANDLERS,
    **arg_scopes.HANDLERS,
    **metrics.HANDLERS,
    **distributions.HANDLERS,
}
METHODS: dict[str, Handler] = {
    **by_name.METHODS,
    **variables.METHODS,
    **training.METHODS,
    **overrides.METHODS,
    **recurrent.METHODS,
    **data.METHODS,
    **iterators.METHODS,
    **queues.METHODS,
    **layer_objects.METHODS,
    **distributions.METHODS,
}


def find(symbol: str) -> Handler | None:
    return HANDLERS.get(symbol)


def find_method(receiver: str, name: str) -> Handler | None:
    found = METHODS.get(f"{receiver}.{name}")
    if found is None and receiver == "Variable":
        found = METHODS.get(f"Tensor.{name}")
    return found


__all__ = ["create_layer", "find", "find_method"]
