"""Which units of the root scope define and use what."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Set
from dataclasses import dataclass
from functools import cached_property

from tf2torch.plan.units import Unit


@dataclass(frozen=True, eq=False)
class Graph:
    """Def-use relations between the units of the root scope."""

    units: tuple[Unit, ...]

    def definition(self, name: str, before: int) -> Unit | None:
        """The last unit before `before` that defines a graph name."""
        units = self._definitions.get(name)
        if units is None:
            return None
        place = bisect_left(units, before, key=lambda unit: unit.index)
        return units[place - 1] if place else None

    @cached_property
    def _definitions(self) -> dict[str, list[Unit]]:
        """Units by the names that they define, in program order."""
        found: dict[str, list[Unit]] = {}
        for unit in self.units:
            if unit.kind in GRAPH_KINDS:
                for name in unit.defines:
                    found.setdefault(name, []).append(unit)
        return found

    def closure(self, names: set[str], stop: set[str], limit: int) -> list[Unit]:
        """Units that the names need, in program order; names in `stop` are given."""
        return self.closure_of([(name, limit) for name in names], stop)

    def starts(self, unit: Unit) -> list[Unit]:
        """Graph code that the initial values of a unit's variables are computed with."""
        found = self.closure_of([(name, unit.index) for name in unit.names.loads])
        return [other for other in found if other.kind == "graph"]

    def closure_of(self, work: list[tuple[str, int]], stop: Set[str] = frozenset()) -> list[Unit]:
        """Units that names need, each with the place where it is read."""
        found: dict[int, Unit] = {}
        while work:
            name, before = work.pop()
            if name in stop:
                continue
            unit = self.definition(name, before)
            if unit is None or unit.index in found:
                continue
            found[unit.index] = unit
            if unit.kind in ("source", "param") or unit.metric:
                continue  # what a variable starts from is computed where it is made
            work += [(used, unit.index) for used in unit.names.loads]
        return [found[index] for index in sorted(found)]


GRAPH_KINDS = ("graph", "number", "param", "placeholder", "alias", "object", "data", "source")
