"""The table of TensorFlow symbols whose meaning is more than one call, one expression."""

from __future__ import annotations

from tf2torch.analyse import (
    arg_scopes,
    by_name,
    collections,
    control,
    data,
    distributions,
    iterators,
    layer_objects,
    metrics,
    name_scopes,
    overrides,
    queues,
    recurrent,
    regularization,
    summaries,
    training,
    variables,
)
from tf2torch.analyse.calls import Handler

HANDLERS: dict[str, Handler] = {
    **variables.HANDLERS,
    **name_scopes.HANDLERS,
    **collections.HANDLERS,
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
    **name_scopes.METHODS,
    **collections.METHODS,
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
