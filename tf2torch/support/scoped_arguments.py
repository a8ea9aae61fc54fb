"""arg_scope of tf.contrib and slim: default arguments of functions, and names for their outputs."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any

from .scoped import current_pass
from .scoped_collections import add_to_collection

_NO_ARGUMENTS: Mapping[Any, Mapping[str, Any]] = MappingProxyType({})
_ARGUMENTS: ContextVar[Mapping[Any, Mapping[str, Any]]] = ContextVar(
    "arguments", default=_NO_ARGUMENTS
)


def add_arg_scope(function: Callable[..., Any]) -> Any:
    """Let arg_scope give arguments of the function that a call does not give."""

    @functools.wraps(function)
    def scoped(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **{**_ARGUMENTS.get().get(key, {}), **kwargs})

    key = scoped.__dict__.setdefault("arg_scope_key", object())
    return scoped


@contextmanager
def arg_scope(list_ops_or_scope: Any, **kwargs: Any) -> Iterator[dict[Any, Any]]:
    """tf.contrib.framework.arg_scope: arguments for some functions, or a scope entered again."""
    if isinstance(list_ops_or_scope, dict):
        if kwargs:
            raise ValueError("a scope that is entered again takes no arguments")
        scope = dict(list_ops_or_scope)
    else:
        scope = dict(_ARGUMENTS.get())
        for function in list_ops_or_scope:
            if not has_arg_scope(function):
                raise ValueError(f"{function} is not decorated with @add_arg_scope")
            key = function.arg_scope_key
            scope[key] = {**scope.get(key, {}), **kwargs}
    token = _ARGUMENTS.set(scope)
    try:
        yield scope
    finally:
        _ARGUMENTS.reset(token)


def has_arg_scope(function: Any) -> bool:
    """Whether arg_scope can give arguments of the function."""
    return hasattr(function, "arg_scope_key")


def collect_named_outputs(collections: Any, alias: str, outputs: Any) -> Any:
    """slim.utils.collect_named_outputs: the outputs, collected under a name."""
    if collections:
        outputs.aliases = [*getattr(outputs, "aliases", []), alias.removesuffix("/")]
        for key in [collections] if isinstance(collections, str) else collections:
            add_to_collection(key, outputs)
    return outputs


def convert_collection_to_dict(collection: str, clear_collection: bool = False) -> dict[str, Any]:
    """slim.utils.convert_collection_to_dict: named outputs by their names."""
    collections = current_pass().collections
    found = {}
    for name, value in collections.get(collection, []):
        for alias in getattr(value, "aliases", [str(name).removesuffix("/")]):
            found[alias] = value
    if clear_collection:
        collections.pop(collection, None)
    return found
