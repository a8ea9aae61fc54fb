"""Weight maps: what `convert` wrote (JSON), or what a user settled by hand (TOML)."""

from __future__ import annotations

import fnmatch
import json
import os
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tf2torch.weights import layout
from tf2torch.weights.errors import CheckpointError
from tf2torch.weights.rounds import Round, expanded, numbered_key

#: Module names of a weight map that are no model.
SCRIPT = "script"
AVERAGES = "ExponentialMovingAverage"


@dataclass(frozen=True)
class Target:
    """Where (a part of) a variable goes."""

    module: str
    key: str
    layout: Any
    graph: int = 0


@dataclass(frozen=True)
class Rename:
    """A regular expression over the checkpoint's names."""

    pattern: re.Pattern[str]
    to: str


@dataclass(frozen=True)
class WeightMap:
    """Targets of each TensorFlow variable; none means that it has no counterpart."""

    path: str
    variables: Mapping[str, tuple[Target, ...]]
    optimizers: tuple[Mapping[str, Any], ...] = ()
    renames: tuple[Rename, ...] = ()
    ignore: tuple[str, ...] = ()
    used: set[str] = field(default_factory=set)

    @property
    def modules(self) -> list[str]:
        """Root modules, in the map's order."""
        found = {t.module: None for targets in self.variables.values() for t in targets}
        return list(found)

    def models(self) -> list[str]:
        """Root modules without bare tensors and moving averages."""
        return [m for m in self.modules if m != SCRIPT and m.split("#")[0] != AVERAGES]

    def of_keys(self, module: str) -> dict[str, list[tuple[str, Any]]]:
        """Key of each parameter of a module -> the variables that go into it, with layouts."""
        found: dict[str, list[tuple[str, Any]]] = {}
        for name, targets in self.variables.items():
            for target in targets:
                if target.module == module:
                    found.setdefault(target.key, []).append((name, target.layout))
        return found

    def of_graph(self, module: str | None) -> WeightMap:
        """The map of the graph that a root module is of: a checkpoint holds that of one graph."""
        graphs = {t.graph for ts in self.variables.values() for t in ts}
        if len(graphs) < 2:
            return self
        number = {t.graph for ts in self.variables.values() for t in ts if t.module == module}
        if len(number) != 1:
            text = "is of a program with several graphs, and a checkpoint is of one"
            help = f"--module NAME, one of {', '.join(self.modules)}"
            raise CheckpointError(self.path, text, help=help)
        variables = {
            name: tuple(target for target in targets if target.graph in number)
            for name, targets in self.variables.items()
        }
        optimizers = tuple(o for o in self.optimizers if o.get("graph", 0) in number)
        return replace(self, variables=variables, optimizers=optimizers)

    def with_rounds(self, names: Iterable[str]) -> WeightMap:
        """The map with a row for each round of a loop, told by the names of a checkpoint."""

        def numbered(row: tuple[Target, ...], rounds: tuple[Round, ...]) -> tuple[Target, ...]:
            return tuple(replace(t, key=numbered_key(t.key, rounds)) for t in row)

        given = (self.renamed(name) for name in names)
        return replace(self, variables=expanded(self.variables, given, numbered))

    def renamed(self, name: str) -> str:
        """The map's name for a variable of the checkpoint."""
        for rename in self.renames:
            try:
                changed, count = rename.pattern.subn(rename.to, name)
            except (re.error, IndexError) as error:
                text = f"rename to {rename.to!r}: {error}"
                raise CheckpointError(self.path, text) from None
            if count:
                self.used.add(rename.pattern.pattern)
                name = changed
        return name

    def ignored(self, name: str) -> bool:
        """Whether the user said that a variable of the checkpoint is not wanted."""
        hits = [glob for glob in self.ignore if fnmatch.fnmatchcase(name, glob)]
        self.used.update(hits)
        return bool(hits)

    def unused(self) -> list[str]:
        """Renames and ignore patterns that matched nothing."""
        rules = [rename.pattern.pattern for rename in self.renames] + list(self.ignore)
        return [rule for rule in rules if rule not in self.used]


def read_map(path: str | os.PathLike[str]) -> WeightMap:
    """A weight map from a file; raises CheckpointError."""
    path = os.fspath(path)
    try:
        with open(path, "rb") as file:
            text = file.read().decode("utf-8")
        found = toml_of(text) if path.endswith(".toml") else json.loads(text)
    except OSError as error:
        raise CheckpointError(path, f"cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise CheckpointError(path, f"is no weight map: {error}") from None
    return map_of(found, path)


def toml_of(text: str) -> Any:
    """The values of a TOML file's text."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    return tomllib.loads(text)


def map_of(found: Any, path: str = "weight map") -> WeightMap:
    """A weight map from its JSON or TOML form; raises CheckpointError."""
    if not isinstance(found, Mapping) or not isinstance(found.get("variables"), Mapping):
        raise CheckpointError(path, "is no weight map: it has no variables")
    if found.get("version", 1) != 1:
        raise CheckpointError(path, f"is of version {found['version']}; known is 1")
    variables = {
        name: tuple(_target(path, name, row, found) for row in _rows(path, name, entry))
        for name, entry in found["variables"].items()
    }
    _check_steps(path, variables)
    renames = []
    for row in found.get("rename", ()):
        try:
            renames.append(Rename(re.compile(row["from"]), row["to"]))
        except (re.error, KeyError, TypeError) as error:
            raise CheckpointError(path, f"rename {row!r}: {error}") from None
    optimizers = tuple(found.get("optimizers", ()))
    ignore = tuple(str(glob) for glob in found.get("ignore", ()))
    return WeightMap(path, variables, optimizers, tuple(renames), ignore)


def _rows(path: str, name: str, entry: Any) -> list[Any]:
    if entry is None or entry is False:
        return []
    rows = entry if isinstance(entry, list) else [entry]
    for row in rows:
        if not isinstance(row, (Mapping, str)):
            raise CheckpointError(path, f"is no target: {row!r}", name)
    return rows


def _target(path: str, name: str, row: Any, found: Mapping[str, Any]) -> Target:
    if isinstance(row, str):
        row = {"key": row}
    if not isinstance(row.get("key"), str):
        raise CheckpointError(path, "has a target without a key", name)
    module = row.get("module", found.get("module", "Model"))
    graph = row.get("graph", 0)
    if not isinstance(graph, int):
        raise CheckpointError(path, f"has the graph {graph!r}", name)
    return Target(str(module), row["key"], row.get("layout", ["identity"]), graph)


def _check_steps(path: str, variables: Mapping[str, tuple[Target, ...]]) -> None:
    for name, targets in variables.items():
        for target in targets:
            try:
                steps = layout.steps_of(target.layout)
                unknown = [step for step, *_ in steps if step not in layout.STEPS]
            except (TypeError, ValueError, IndexError):
                raise CheckpointError(path, f"has the layout {target.layout!r}", name) from None
            if unknown:
                raise CheckpointError(path, f"has the unknown layout step {unknown[0]!r}", name)


def root_name(module: Any, weights: WeightMap, name: str | None) -> str:
    """A torch module's name in the map: that of its class, or of the only one there is."""
    models = weights.models()
    own = type(module).__name__
    if name is None and (own in models or len(models) == 1):
        name = own if own in models else models[0]
    if name is None or name not in weights.modules:
        text = f"which of {', '.join(weights.modules)} is it? (name=...)"
        raise CheckpointError(weights.path, text)
    return name
