"""Modules whose parameters are made by TensorFlow's variable scopes when their code first runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from weakref import WeakSet

import torch
from torch import nn


class Variables(nn.Module):
    """The variables of one scope: a place in the state dict, nothing more."""


class ScopedModule(nn.Module):
    """A module whose parameters are made by TensorFlow's variable scopes when its code first runs.

    Each call is one *pass*: default names (dense, dense_1, ...) count anew, as in a new graph, and
    find the parameters that an earlier pass made. `with self.scopes():` begins a pass for other
    methods. The variable net/block0/w is net.block0.w in the state dict; a state that is loaded
    before the first pass waits for the variables to be made.
    """

    momentum = 1.0  # 0 leaves the moving averages alone, see frozen_statistics
    building = False  # whether this pass is only to make the variables

    def __init__(self) -> None:
        super().__init__()
        # what get_variable was asked for: the variable's name, which a name scope may have numbered
        self.variable_names: dict[str, str] = {}
        self.untaken: dict[Any, tuple[Any, ...]] = {}  # see skip in scoped_loops
        self._like: torch.Tensor | None = None  # of the device and dtype of new parameters
        self._waiting: dict[str, torch.Tensor] = {}
        self._complete = False  # whether the loaded state must have every variable
        self._loading: tuple[str, dict[str, Any], bool] = ("", {}, False)
        self.register_load_state_dict_post_hook(_keep_for_later)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        with self.scopes():
            return super().__call__(*args, **kwargs)

    @contextmanager
    def scopes(self) -> Iterator[None]:
        """A pass; within another pass of this module, a part of that one."""
        passes = _PASSES.get()
        joined = next((run for run in passes if run.module is self), None)
        _MODULES.add(self)
        token = _PASSES.set((*passes, joined or Pass(self)))
        try:
            yield
        finally:
            _PASSES.reset(token)

    def variables(self) -> dict[str, torch.Tensor]:
        """The variables made so far under their TensorFlow names."""
        return dict(_variables_below(self, ""))

    def find_variable(self, name: str, trainable: bool = False) -> torch.Tensor | None:
        """The variable of that name, if there is one; it can be trained from now on if asked."""
        *scopes, leaf = name.split("/")
        holder: nn.Module | None = self
        for scope in scopes:
            holder = holder._modules.get(scope) if holder is not None else None
        if holder is None:
            return None
        value = holder._buffers.get(leaf)
        if trainable and value is not None and _is_trainable(value):
            del holder._buffers[leaf]
            holder._parameters[leaf] = nn.Parameter(value)
        # nn.Module's own way to attributes would refuse names like "type" or "a.b"
        found = holder._parameters.get(leaf)
        return holder._buffers.get(leaf) if found is None else found

    def make_variable(
        self, name: str, value: Callable[[], torch.Tensor], trainable: bool
    ) -> torch.Tensor:
        """A parameter, or a buffer if it is not to be trained, with that value or a loaded one."""
        key = name.replace("/", ".")
        with torch.inference_mode(False), torch.no_grad():
            if key in self._waiting:
                made = self._waiting.pop(key).detach().clone()
            elif self._complete:
                raise RuntimeError(f"the state that was loaded has no variable {name}")
            else:
                made = value().detach().clone()
            made = made.to(self._device(), self.variable_dtype(made.dtype))
        *scopes, leaf = name.split("/")
        holder: nn.Module = self
        for scope in scopes:
            child = holder._modules.get(scope)
            if child is None:
                child = holder._modules[scope] = Variables().train(self.training)
            holder = child
        if trainable and _is_trainable(made):
            holder._parameters[leaf] = made = nn.Parameter(made)
        else:
            holder._buffers[leaf] = made
        return made

    def variable_dtype(self, dtype: torch.dtype | None) -> torch.dtype:
        """The dtype of a new variable: TensorFlow's usual float32 is this module's own dtype."""
        if dtype not in (None, torch.float32):
            return dtype
        return torch.get_default_dtype() if self._like is None else self._like.dtype

    def zeros(self, dtype: torch.dtype | None) -> torch.Tensor:
        """A zero where new variables lie."""
        return torch.zeros((), device=self._device(), dtype=self.variable_dtype(dtype))

    def _device(self) -> torch.device:
        if self._like is None:
            self._like = torch.empty(0)
        return self._like.device

    def _apply(self, fn: Callable[[torch.Tensor], torch.Tensor], recurse: bool = True) -> Any:
        self._like = fn(torch.empty(0) if self._like is None else self._like)
        return super()._apply(fn, recurse)

    def _save_to_state_dict(
        self, destination: dict[str, Any], prefix: str, keep_vars: bool
    ) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        destination.update({prefix + key: value for key, value in self._waiting.items()})

    def _load_from_state_dict(
        self,
        state_dict: dict[str, Any],
        prefix: str,
        local_metadata: Any,
        strict: bool,
        *lists: Any,
    ) -> None:
        self._loading = (prefix, state_dict, strict)
        super()._load_from_state_dict(state_dict, prefix, local_metadata, strict, *lists)


class Pass:
    """One run of a module's code: what TensorFlow keeps with a graph."""

    def __init__(self, module: ScopedModule) -> None:
        self.module = module
        self.token = object()  # what cells and templates know the pass by
        self.scope: Any = None  # the current VariableScope
        self.scope_counts: dict[str, int] = {}
        self.name_scope = ""
        self.names: dict[str, int] = {}
        self.made: dict[str, torch.Tensor] = {}  # by get_variable in this pass
        self.variable_names: dict[int, str] = {}
        self.collections: dict[str, list[tuple[str | None, Any]]] = {}

    def unique_name(self, name: str) -> str:
        """The name, or the name with the first free number behind it."""
        count = self.names.get(name.lower(), 0)
        self.names[name.lower()] = count + 1
        if not count:
            return name
        while f"{name}_{count}".lower() in self.names:
            count += 1
        self.names[f"{name}_{count}".lower()] = 1
        return f"{name}_{count}"

    def close_scopes_in(self, name: str) -> None:
        """Default names within a scope count anew when it is opened again."""
        for key in self.scope_counts:
            if key.startswith(name + "/"):
                self.scope_counts[key] = 0

    def state(self) -> tuple[Any, ...]:
        """What a round of a loop changes, to restore it: TensorFlow traces the body once."""
        collections = {key: list(values) for key, values in self.collections.items()}
        return dict(self.scope_counts), dict(self.names), dict(self.made), collections

    def restore(self, state: tuple[Any, ...]) -> None:
        """Go back to a state."""
        counts, names, made, collections = state
        self.scope_counts, self.names, self.made = dict(counts), dict(names), dict(made)
        self.collections = {key: list(values) for key, values in collections.items()}

    def collect(self, key: str, value: Any, name: str | None) -> None:
        """Add a value to a collection; its name is what a scope is compared with."""
        self.collections.setdefault(key, []).append((name, value))

    def collect_variable(
        self, variable: torch.Tensor, name: str, trainable: bool, collections: Any = None
    ) -> None:
        """Add a variable to the collections of variables."""
        self.variable_names[id(variable)] = name
        keys = ["variables"] if collections is None else list(collections)
        if trainable and isinstance(variable, nn.Parameter) and "trainable_variables" not in keys:
            keys.append("trainable_variables")
        for key in keys:
            self.collect(key, variable, name)


_PASSES: ContextVar[tuple[Pass, ...]] = ContextVar("passes", default=())
_MODULES: WeakSet[ScopedModule] = WeakSet()  # those that have run


def current_pass() -> Pass:
    """The pass that the code runs in."""
    passes = _PASSES.get()
    if not passes:
        raise RuntimeError(
            "variables and scopes need a module to live in: call the ScopedModule, "
            "or run this within `with module.scopes():`"
        )
    return passes[-1]


def variable_name(variable: torch.Tensor) -> str:
    """TensorFlow's name of a variable of a module that has run, like net/w:0."""
    for run in _PASSES.get():
        if id(variable) in run.variable_names:
            return run.variable_names[id(variable)] + ":0"
    for module in _MODULES:
        for name, found in module.variables().items():
            if found is variable:
                return name + ":0"
    raise ValueError("the tensor is no variable of a ScopedModule")


@contextmanager
def name_scope(name: str | None, default_name: str | None = None, values: Any = None) -> Any:
    """tf.name_scope: where tf.Variable and layers count their names; yields the scope with a /."""
    run = current_pass()
    name = default_name if name is None else name
    before = run.name_scope
    if not name:
        run.name_scope = ""
    elif name.endswith("/"):
        run.name_scope = name[:-1]
    else:
        run.name_scope = run.unique_name(f"{before}/{name}" if before else name)
    try:
        yield run.name_scope and run.name_scope + "/"
    finally:
        run.name_scope = before


def _variables_below(module: nn.Module, prefix: str) -> Iterator[tuple[str, torch.Tensor]]:
    for table in (module._parameters, module._buffers):
        for name, value in table.items():
            if value is not None:
                yield prefix + name, value
    for name, child in module._modules.items():
        if isinstance(child, Variables):
            yield from _variables_below(child, f"{prefix}{name}/")


def _is_trainable(value: torch.Tensor) -> bool:
    return value.is_floating_point() or value.is_complex()


def _keep_for_later(module: Any, keys: Any) -> None:
    """Keep what a loaded state has for variables that no pass has made yet."""
    prefix, state, strict = module._loading
    module._loading = ("", {}, False)
    present = {name.replace("/", ".") for name in module.variables()}
    module._complete = bool(strict and not present)
    for key in [key for key in keys.unexpected_keys if key.startswith(prefix)]:
        keys.unexpected_keys.remove(key)
        if key[len(prefix) :] not in present:
            module._waiting[key[len(prefix) :]] = state[key]
