"""The names TensorFlow would give: name scopes, variable scopes and their counters.

Follows `Graph.unique_name`, `variable_scope` and `tf.Variable` of TensorFlow 1.15.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True)
class VariableScope:
    """Attributes of the variable scope that is open."""

    name: str = ""
    reuse: Any = False
    initializer: Any = None
    regularizer: Any = None


@dataclass
class Naming:
    """Mutable counters of one graph under construction."""

    name_scope: str = ""
    scope: VariableScope = field(default_factory=VariableScope)
    used: dict[str, int] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    variables: dict[str, Any] = field(default_factory=dict)

    def unique(self, name: str) -> str:
        """`Graph.unique_name`: names are compared without case."""
        full = f"{self.name_scope}/{name}" if self.name_scope else name
        key = full.lower()
        count = self.used.get(key, 0)
        self.used[key] = count + 1
        if count == 0:
            return full
        unique_key = key
        while unique_key in self.used:
            unique_key = f"{key}_{count}"
            count += 1
        self.used[unique_key] = 1
        return f"{full}_{count - 1}"

    def enter_name_scope(self, name: str | None) -> str:
        """Opens a name scope; returns the one to restore with `leave_name_scope`."""
        previous = self.name_scope
        if name is None or name == "":
            self.name_scope = ""
        elif name.endswith("/"):
            self.name_scope = name[:-1]
        else:
            self.name_scope = self.unique(name)
        return previous

    def leave_name_scope(self, previous: str) -> None:
        self.name_scope = previous

    def default_scope_name(self, prefix: str) -> str:
        """`variable_scope(None, default_name=prefix)`: dense, dense_1 ..."""
        base = f"{self.scope.name}/{prefix}" if self.scope.name else prefix
        if self.counts.get(base, 0) == 0:
            return prefix
        index = 1
        while self.counts.get(f"{base}_{index}", 0) > 0:
            index += 1
        return f"{prefix}_{index}"

    def enter_variable_scope(self, name: str, **changes: Any) -> tuple[VariableScope, str]:
        """Opens `name` below the current scope; returns what `leave_variable_scope` takes."""
        previous = (self.scope, self.name_scope)
        full = f"{self.scope.name}/{name}" if self.scope.name else name
        self.counts[full] = self.counts.get(full, 0) + 1
        kept = {key: value for key, value in changes.items() if value is not None}
        if self.scope.reuse is True:
            kept["reuse"] = True
        self.scope = replace(self.scope, name=full, **kept)
        self.enter_name_scope(name or None)
        return previous

    def reenter_variable_scope(self, scope: VariableScope, **changes: Any) -> Any:
        """Opens a scope object again (`with tf.variable_scope(scope):`)."""
        previous = (self.scope, self.name_scope)
        kept = {key: value for key, value in changes.items() if value is not None}
        self.counts[scope.name] = self.counts.get(scope.name, 0) + 1
        self.scope = replace(scope, **kept)
        self.enter_name_scope(scope.name.rpartition("/")[2] or None)
        return previous

    def leave_variable_scope(self, previous: tuple[VariableScope, str]) -> None:
        """Leaving a scope forgets the counters below it, so that re-entering starts afresh."""
        prefix = self.scope.name + "/"
        for name in [name for name in self.counts if name.startswith(prefix)]:
            del self.counts[name]
        self.scope, self.name_scope = previous

    def variable_name(self, name: str) -> str:
        """Full name that `get_variable(name)` uses."""
        return f"{self.scope.name}/{name}" if self.scope.name else name
