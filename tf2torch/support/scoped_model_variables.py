"""Variables of slim and of tf.contrib.layers, and the scopes that its layers make them in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from .scoped_arguments import add_arg_scope, collect_named_outputs
from .scoped_collections import add_to_collection, get_collection
from .scoped_scopes import VariableScope, get_variable_scope, variable_scope
from .scoped_variables import get_variable

_RENAMED = {
    "kernel": "weights",
    "bias": "biases",
    "depthwise_kernel": "depthwise_weights",
    "pointwise_kernel": "pointwise_weights",
}


@add_arg_scope
def slim_variable(
    name: str,
    shape: Any = None,
    dtype: torch.dtype | None = None,
    initializer: Any = None,
    regularizer: Any = None,
    trainable: bool = True,
    collections: Any = None,
    caching_device: Any = None,
    device: Any = None,
    partitioner: Any = None,
    custom_getter: Any = None,
    use_resource: Any = None,
) -> Any:
    """slim.variable."""
    options = {
        "shape": shape,
        "dtype": dtype,
        "initializer": initializer,
        "regularizer": regularizer,
        "trainable": trainable,
        "collections": ["variables"] if collections is None else list(dict.fromkeys(collections)),
        "partitioner": partitioner,
    }
    if custom_getter is None:
        return get_variable(name, **options)
    return custom_getter(name, reuse=get_variable_scope().reuse, **options)


@add_arg_scope
def slim_model_variable(
    name: str,
    shape: Any = None,
    dtype: torch.dtype | None = torch.float32,
    initializer: Any = None,
    regularizer: Any = None,
    trainable: bool = True,
    collections: Any = None,
    caching_device: Any = None,
    device: Any = None,
    partitioner: Any = None,
    custom_getter: Any = None,
    use_resource: Any = None,
) -> Any:
    """slim.model_variable."""
    return slim_variable(
        name,
        shape,
        dtype,
        initializer,
        regularizer,
        trainable,
        [*(collections or []), "variables", "model_variables"],
        partitioner=partitioner,
        custom_getter=custom_getter,
    )


@contextmanager
def slim_scope(
    scope: Any, kind: str, reuse: Any, variables_collections: Any = None
) -> Iterator[VariableScope]:
    """The scope of a layer whose variables have slim's names and are model variables."""

    def getter(getter: Any, name: str, *args: Any, **kwargs: Any) -> Any:
        *scopes, last = name.split("/")
        last = _RENAMED.get(last, last)
        taken = ("shape", "dtype", "initializer", "regularizer", "trainable", "collections")
        variable = slim_model_variable(
            "/".join([*scopes, last]),
            partitioner=kwargs.get("partitioner"),
            custom_getter=getter,
            **{key: kwargs[key] for key in taken},
        )
        role = "weights" if last.endswith("_weights") else last
        for key in collections_of(variables_collections, role):
            if not any(value is variable for value in get_collection(key)):
                add_to_collection(key, variable)
        return variable

    with variable_scope(scope, kind, reuse=reuse, custom_getter=getter) as opened:
        yield opened


def collections_of(collections: Any, name: str) -> list[str]:
    """The collections for a variable of that name, given for all or for each name."""
    found = collections.get(name) if isinstance(collections, dict) else collections
    return [found] if isinstance(found, str) else list(found or [])


def slim_finish(
    y: Any,
    scope: VariableScope,
    activation: Any,
    collections: Any,
    normalizer: Any = None,
    params: Any = None,
) -> Any:
    """The outputs of a layer: normalized, activated and collected."""
    if normalizer is not None:
        y = normalizer(y, **(params or {}))
    y = y if activation is None else activation(y)
    return collect_named_outputs(collections, scope.name, y)
