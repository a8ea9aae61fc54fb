"""Give the parameters of a converted program the recorded initial values as it makes them."""

from __future__ import annotations

import re
import weakref
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_pre_hook
from torch.nn.parameter import is_lazy

from tf2torch.parity.draws import Draws
from tf2torch.parity.mapping import entries_of
from tf2torch.parity.records import Initialisation, Record
from tf2torch.weights import layout

ROOT = re.compile(r"[A-Za-z_]\w*")


class Loader:
    """Knows which parameter gets which value, and who has not got one yet."""

    def __init__(
        self, weights: Mapping[str, Any], record: Record, draws: Draws, jitter: float = 0.0
    ) -> None:
        self._jitter = jitter
        self._rng = np.random.RandomState(1)
        self.entries = entries_of(weights)
        self._record = record
        self._draws = draws
        self._depth: dict[int, int] = {}
        self._making: list[nn.Module] = []  # modules whose constructors run
        self._made: dict[str, int] = {}
        self._instances: dict[str, list[weakref.ref[nn.Module]]] = {}
        self._kept: list[nn.Module] = []  # first instances: later ones may only lend their values
        self._calls = 0  # of modules so far
        self._rounds: dict[str, tuple[int, tuple[int, int]]] = {}
        self._starts: dict[str, list[Initialisation]] = {}
        self._round = 0  # of the initializations that a program makes of one model
        self.script: dict[str, Any] = {}
        self.loaded: set[tuple[str, str]] = set()
        self.findings: list[dict[str, Any]] = []
        self._placed = 0
        self._places: dict[int, list[tuple[str, str]]] = {}

    @property
    def modules(self) -> dict[str, nn.Module]:
        """The root modules by their titles: of several of one title the last that is in use."""
        alive = {t: [m for ref in refs if (m := ref())] for t, refs in self._instances.items()}
        return {title: modules[-1] for title, modules in alive.items()}

    # Values

    def value(self, module: str, key: str) -> Any:
        """The recorded initial value of a parameter in its layout, or None."""
        parts = []
        for name, steps in self.entries[(module, key)]:
            if name not in self._record.first_values:
                return None
            made = self._made_by(module)[1 : self._round + 1] if self._round else []
            later = [one.values[name] for one in made if name in one.values]
            values = self._record.array(later[-1]) if later else self._record.first_values[name]
            parts.append((steps, values))
        return layout.join(parts)

    def give(self, module: str, key: str, parameter: Any) -> None:
        if (value := self.value(module, key)) is None:
            self._finding(module, key, "has no recorded value")
            return
        if is_lazy(parameter):
            return
        if tuple(value.shape) != tuple(parameter.shape):
            self._finding(
                module, key, f"has shape {list(parameter.shape)}, recorded is {list(value.shape)}"
            )
            return
        if (module, key) not in self.loaded:
            self._check_start(module, key, parameter, value)
        self.loaded.add((module, key))
        if self._jitter and value.dtype.kind == "f":
            value = value * (1 + self._jitter * self._rng.randn(*value.shape))
        with torch.no_grad():
            parameter.data.copy_(torch.as_tensor(np.array(value, order="C")))

    def _check_start(self, module: str, key: str, parameter: Any, value: Any) -> None:
        """The conversion's own initial value must be of the same kind as the original's."""
        own = parameter.detach().double().cpu().numpy()
        names = [name for name, _ in self.entries[(module, key)]]
        if value.size == 0 or value.dtype.kind != "f" or self._record.restored & {*names}:
            return
        drawn = any(name in self._record.drawn for name in names)
        if not drawn and np.all(value == value.flat[0]):
            if not np.allclose(own, value, rtol=1e-6, atol=1e-7):
                self._finding(
                    module, key, f"starts at {own.flat[0]:.6g}, not at {value.flat[0]:.6g}"
                )
            return
        if value.size >= 64:
            # Six standard errors of a ratio of two standard deviations.
            ratio = own.std() / value.std()
            if abs(np.log(max(ratio, 1e-9))) > 6 / np.sqrt(value.size):
                self._finding(
                    module, key,
                    f"starts with standard deviation {own.std():.4g}, not {value.std():.4g}",
                )  # fmt: skip

    def _finding(self, module: str, key: str, text: str) -> None:
        self.findings.append({"module": module, "key": key, "text": text})

    # Modules

    def watch_classes(self) -> None:
        """Every module class defined from now on reports its instances when they are complete."""

        def __init_subclass__(cls: type, **options: Any) -> None:
            object.__init_subclass__(**options)
            if "__init__" in cls.__dict__:
                cls.__init__ = self._wrapped(cls.__init__)  # type: ignore[misc]

        register_module_forward_pre_hook(self._called)
        nn.Module.__init_subclass__ = classmethod(__init_subclass__)  # type: ignore[assignment]
        register = nn.Module.register_parameter

        def register_parameter(module: nn.Module, name: str, parameter: Any) -> None:
            register(module, name, parameter)
            for title, known in self.modules.items():
                if known is module and parameter is not None and (title, name) in self.entries:
                    self.give(title, name, parameter)

        nn.Module.register_parameter = register_parameter  # type: ignore[method-assign, assignment]

    def _wrapped(self, original: Callable[..., None]) -> Callable[..., None]:
        def __init__(module: nn.Module, *arguments: Any, **options: Any) -> None:
            self._depth[id(module)] = self._depth.get(id(module), 0) + 1
            self._making.append(module)
            try:
                with self._draws.native():
                    original(module, *arguments, **options)
            finally:
                self._depth[id(module)] -= 1
                self._making.pop()
            if self._depth[id(module)] == 0:
                self._complete(module)

        __init__.__wrapped__ = original  # type: ignore[attr-defined]
        return __init__

    def _complete(self, module: nn.Module) -> None:
        name = type(module).__name__
        titles = {title for title, _ in self.entries}
        roots = {title.split("#")[0] for title in titles}
        if name not in roots or any(type(outer).__name__ in roots for outer in self._making):
            return  # no root: a root may have modules of a class that is the root elsewhere
        count = self._made.get(name, 0)
        self._made[name] = count + 1
        title = f"{name}#{count}" if f"{name}#{count}" in titles else name
        made = self._instances.setdefault(title, [])
        self._round = self._next_round(title)
        self._kept += [] if made else [module]
        made.append(weakref.ref(module))
        for owner, key in self.entries:
            if owner == title:
                self._load_into(title, module, key)
        self._round = 0

    def _next_round(self, title: str) -> int:
        """The initialization that a new model of a title is of.

        A model that a loop makes anew at once is of the first: nothing has used that before it.
        """
        place = (self._draws.finished, self._calls)
        number, before = self._rounds.get(title, (-1, (-1, -1)))
        made = self._made_by(title)[max(number, 0) : number + 2]
        at_once = len(made) == 2 and self._record.only_initialises(made[0].last, made[1].first)
        if place != before or at_once:
            number += 1
        self._rounds[title] = (number, place)
        return number

    def _made_by(self, title: str) -> list[Initialisation]:
        """The initialisations of the variables of a model."""
        if title not in self._starts:
            rows = (
                row for (owner, _), rows in self.entries.items() if owner == title for row in rows
            )
            self._starts[title] = self._record.rounds({name for name, _ in rows})
        return self._starts[title]

    def _called(self, *_: Any) -> None:
        self._calls += 1

    def _load_into(self, title: str, module: nn.Module, key: str) -> None:
        found = find(module, key)
        if found is None:
            return  # made later: at registration, or reported as never loaded
        if is_lazy(found):
            owner = module.get_submodule(key.rpartition(".")[0])

            def first_call(*_: Any) -> None:
                handle.remove()
                self.give(title, key, find(module, key))

            handle = owner.register_forward_pre_hook(first_call)
            return
        self.give(title, key, found)

    # Bare tensors

    def roots(self) -> dict[str, set[str]]:
        """Names whose assignment may make a bare tensor, with the functions it may be in."""
        found: dict[str, set[str]] = {}
        for owner, key in self.entries:
            if owner == "script":
                for scope, expression in self._readings(key):
                    match = ROOT.match(expression)
                    if match:
                        found.setdefault(match.group(), set()).add(scope)
        return found

    @staticmethod
    def _readings(key: str) -> list[tuple[str, str]]:
        """A key may be an expression, or an expression behind the name of a function."""
        head, dot, rest = key.partition(".")
        both = [("", key)]
        return both + [(head, rest)] if dot and head.isidentifier() and rest else both

    def bind(self, scope: str, root: str, value: Any) -> None:
        """The name `root` has just been given a value in a function of the program."""
        for owner, key in self.entries:
            if owner != "script":
                continue
            for function, expression in self._readings(key):
                match = ROOT.match(expression)
                if match is None or match.group() != root:
                    continue
                if function and function != scope.split(".")[-1]:
                    continue
                try:
                    tensor = eval(expression, {"__builtins__": {}}, {root: value})
                except Exception:
                    continue
                if isinstance(tensor, torch.Tensor):
                    self.script[key] = tensor
                    if (owner, key) not in self.loaded:
                        self.give(owner, key, tensor)

    # The end

    def places(self) -> dict[int, list[tuple[str, str]]]:
        """For each parameter, by its identity, the keys that name it."""
        if len(self.loaded) != self._placed:
            self._placed, self._places = len(self.loaded), {}
            for title, key in self.loaded:
                found = self._current(title, key)
                if found is not None:
                    self._places.setdefault(id(found), []).append((title, key))
        return self._places

    def _current(self, title: str, key: str) -> Any:
        if title == "script":
            return self.script.get(key)
        return find(self.modules[title], key) if title in self.modules else None

    def name_of(self, parameter: Any) -> tuple[str, str]:
        """The module and the key of a parameter that the map does not have."""
        for title, module in self.modules.items():
            for key, found in module.named_parameters():
                if found is parameter:
                    return title, key
        return "script", f"tensor of shape {list(parameter.shape)}"

    def uses(self, device: str) -> bool:
        """Whether a parameter is on a device."""
        found = (self._current(title, key) for title, key in self.loaded)
        return any(tensor is not None and tensor.device.type == device for tensor in found)

    def final(self, title: str, key: str) -> Any:
        """A parameter's present value, or None."""
        found = self._current(title, key)
        return None if found is None or is_lazy(found) else found.detach().cpu().numpy()


def find(module: nn.Module, key: str) -> Any:
    """The parameter, buffer or attribute that a key of a state dict names."""
    for tensors in (module.named_parameters(remove_duplicate=False), module.named_buffers()):
        for name, tensor in tensors:
            if name == key:
                return tensor
    found: Any = module
    for part in key.split("."):
        if isinstance(found, (nn.ModuleDict, nn.ParameterDict, dict)) and part in found:
            found = found[part]
        elif isinstance(found, (list, tuple, nn.ModuleList, nn.ParameterList)) and part.isdigit():
            found = found[int(part)]
        else:
            found = getattr(found, part, None)
        if found is None:
            return None
    return found if isinstance(found, torch.Tensor) else None
