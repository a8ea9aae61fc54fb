"""TensorFlow's variable scopes: what variable_scope sets for the variables made within."""

from __future__ import annotations

import enum
import functools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

import torch

from .scoped import Pass, current_pass, name_scope
from .scoped_collections import get_collection


class Reuse(enum.Enum):
    """How a scope reuses variables, beside True and False."""

    AUTO = "auto"


AUTO_REUSE = Reuse.AUTO


@dataclass(eq=False)
class VariableScope:
    """What get_variable takes where its own arguments say nothing."""

    name: str = ""
    reuse: Any = False
    original_name_scope: str = ""
    initializer: Any = None
    regularizer: Any = None
    caching_device: Any = None
    partitioner: Any = None
    custom_getter: Any = None
    dtype: torch.dtype = torch.float32
    use_resource: Any = None
    constraint: Any = None

    def reuse_variables(self) -> None:
        """Return variables that exist instead of making new ones from here on."""
        self.reuse = True

    def set_initializer(self, initializer: Any) -> None:
        self.initializer = initializer

    def set_regularizer(self, regularizer: Any) -> None:
        self.regularizer = regularizer

    def set_custom_getter(self, custom_getter: Any) -> None:
        self.custom_getter = custom_getter

    def set_partitioner(self, partitioner: Any) -> None:
        self.partitioner = partitioner

    def set_caching_device(self, caching_device: Any) -> None:
        self.caching_device = caching_device

    def set_dtype(self, dtype: torch.dtype) -> None:
        self.dtype = dtype

    def set_use_resource(self, use_resource: Any) -> None:
        self.use_resource = use_resource

    def get_collection(self, key: str) -> list[Any]:
        """What this scope has in a collection."""
        return get_collection(key, self.name and self.name + "/")

    def trainable_variables(self) -> list[torch.Tensor]:
        return self.get_collection("trainable_variables")

    def global_variables(self) -> list[torch.Tensor]:
        return self.get_collection("variables")


class variable_scope:
    """tf.variable_scope; like TensorFlow's, one object may be entered again and again."""

    def __init__(
        self,
        name_or_scope: str | VariableScope | None,
        default_name: str | None = None,
        values: Any = None,
        initializer: Any = None,
        regularizer: Any = None,
        caching_device: Any = None,
        partitioner: Any = None,
        custom_getter: Any = None,
        reuse: Any = None,
        dtype: torch.dtype | None = None,
        use_resource: Any = None,
        constraint: Any = None,
        auxiliary_name_scope: bool = True,
    ) -> None:
        if name_or_scope is None and default_name is None:
            raise TypeError("If default_name is None then name_or_scope is required")
        if name_or_scope is None and reuse:
            raise ValueError("reuse=True cannot be used without a name_or_scope")
        if reuse not in (None, False, True, AUTO_REUSE):
            raise ValueError("The reuse parameter must be True or False or None.")
        self.name_or_scope, self.default_name, self.reuse = name_or_scope, default_name, reuse
        self.auxiliary_name_scope = auxiliary_name_scope
        self.custom_getter, self.constraint = custom_getter, constraint
        given = {
            "initializer": initializer,
            "regularizer": regularizer,
            "caching_device": caching_device,
            "partitioner": partitioner,
            "dtype": dtype,
            "use_resource": use_resource,
        }
        self.given = {key: value for key, value in given.items() if value is not None}
        self.opened: list[AbstractContextManager[VariableScope]] = []

    def __enter__(self) -> VariableScope:
        self.opened.append(self._open())
        return self.opened[-1].__enter__()

    def __exit__(self, *error: Any) -> bool | None:
        return self.opened.pop().__exit__(*error)

    @contextmanager
    def _open(self) -> Iterator[VariableScope]:
        run = current_pass()
        before, name = get_variable_scope(), self.name_or_scope
        entered = name if isinstance(name, VariableScope) else None
        with self._name_scope(run) as name_scope_name:
            if entered is None:
                if name is None:
                    name = self.name_or_scope = _unique_scope_name(run, str(self.default_name))
                path = f"{before.name}/{name}" if before.name else str(name)
                scope = replace(before, name=path, original_name_scope=name_scope_name)
            else:
                scope = replace(entered)
            scope.reuse = self.reuse or scope.reuse
            scope.constraint = self.constraint  # TensorFlow does not inherit it
            for key, value in self.given.items():
                setattr(scope, key, value)
            if self.custom_getter is not None:
                scope.custom_getter = _around(self.custom_getter, scope.custom_getter)
            run.scope_counts[scope.name] = run.scope_counts.get(scope.name, 0) + 1
            counts = dict(run.scope_counts)
            run.scope = scope
            try:
                yield scope
            finally:
                run.scope = before
                if entered is not None:
                    run.scope_counts = counts
                else:
                    run.close_scopes_in(scope.name)

    def _name_scope(self, run: Pass) -> AbstractContextManager[str]:
        if not self.auxiliary_name_scope:
            return nullcontext(run.name_scope and run.name_scope + "/")
        name = self.name_or_scope
        if isinstance(name, VariableScope):
            name = name.name.split("/")[-1]
        name = self.default_name if name is None else name
        return name_scope(name) if name else nullcontext(run.name_scope and run.name_scope + "/")


def passed_through(name: str | VariableScope | None, default_name: str) -> VariableScope:
    """The scope that `with variable_scope(name, default_name) as scope: pass` gives, faster."""
    run, before = current_pass(), get_variable_scope()
    if isinstance(name, VariableScope):
        last = name.name.split("/")[-1]
        scope, within = replace(name, constraint=None), run.name_scope
    else:
        last = default_name if name is None else name
        name = _unique_scope_name(run, default_name) if name is None else name
        path = f"{before.name}/{name}" if before.name else name
        scope, within = replace(before, name=path, constraint=None), run.name_scope
    if last:
        opened = run.unique_name(f"{within}/{last}" if within else last)
        if not isinstance(name, VariableScope):
            scope.original_name_scope = opened + "/"
    if not isinstance(name, VariableScope):
        run.close_scopes_in(scope.name)
    run.scope_counts[scope.name] = run.scope_counts.get(scope.name, 0) + 1
    return scope


def get_variable_scope() -> VariableScope:
    """tf.get_variable_scope."""
    run = current_pass()
    if run.scope is None:
        run.scope = VariableScope()
    return run.scope


def _unique_scope_name(run: Pass, name: str) -> str:
    """The default name, with a number behind it if this scope has opened it before."""
    path = run.scope.name + "/" + name if run.scope.name else name
    if not run.scope_counts.get(path):
        return name
    number = 1
    while run.scope_counts.get(f"{path}_{number}"):
        number += 1
    return f"{name}_{number}"


def _around(outer: Callable[..., Any], inner: Callable[..., Any] | None) -> Callable[..., Any]:
    """A custom getter whose own getter is that of the scope around."""
    if inner is None:
        return outer

    def getter(getter: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return outer(functools.partial(inner, getter), *args, **kwargs)

    return getter
