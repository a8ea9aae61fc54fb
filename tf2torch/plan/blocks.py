"""Divides graph code: what belongs in the model, cut into methods by who needs it, and the rest."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cached_property

import libcst as cst

from tf2torch.analyse import Analysis
from tf2torch.cst.walk import read
from tf2torch.plan.roles import Role
from tf2torch.plan.sites import Site
from tf2torch.plan.slots import Slot, unique
from tf2torch.plan.units import Unit, calls_in

#: Calls whose variable arguments are looked at beside the forward pass.
BESIDE = frozenset(
    "tf.train.exponential_decay tf.train.piecewise_constant tf.train.polynomial_decay"
    " tf.train.natural_exp_decay tf.train.inverse_time_decay tf.train.cosine_decay"
    " tf.nn.l2_loss tf.gradients tf.hessians tf.assign tf.assign_add tf.assign_sub"
    " tf.scatter_update tf.summary.histogram tf.summary.scalar".split()
)


@dataclass(frozen=True, eq=False)
class Block:
    """Consecutive model code that the same runs need: one method.

    Attributes:
        inputs: names it takes: placeholders and outputs of other blocks.
        outputs: names that code outside the block reads.
    """

    name: str
    units: tuple[Unit, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


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


#: Kinds of units whose names a block takes as arguments.
GIVEN_KINDS = ("graph", "number", "placeholder", "source")


_ASSIGNMENTS = frozenset(("assign", "assign_add", "assign_sub"))


def _assigns(analysis: Analysis, unit: Unit) -> bool:
    """``clip = [p.assign(...) for p in weights]``: it changes weights where a run asks for it."""
    for call in calls_in(unit.node):
        if isinstance(call.func, cst.Attribute) and call.func.attr.value in _ASSIGNMENTS:
            symbol = analysis.symbols.get(call.func, "")
            owner = analysis.values.get(call.func.value)
            if symbol.startswith("tf.") or (owner is not None and owner.kind == "variable"):
                return isinstance(unit.value, (cst.ListComp, cst.List, cst.Call))
    return False


def model_units(
    analysis: Analysis,
    graph: Graph,
    attributes: set[str],
    slots: Mapping[cst.CSTNode, object],
    roles: Mapping[cst.FunctionDef, Role],
) -> set[int]:
    """Indices of the units of the forward pass: those that use variables, and what leads there."""
    wanted: set[int] = set()
    read: list[tuple[str, int]] = []
    trained = _after_gradients(graph)
    for unit in graph.units:
        if unit.index in trained:
            continue
        if (
            unit.kind != "graph"
            or _is_gradient(analysis, unit)
            or _assigns(analysis, unit)
            or not _uses_model(analysis, unit, attributes, slots, roles)
        ):
            continue
        wanted.add(unit.index)
        read += [(name, unit.index) for name in unit.names.loads]
    wanted.update(u.index for u in graph.closure_of(read) if u.kind == "graph")
    return wanted


def _after_gradients(graph: Graph) -> set[int]:
    """Units that take an optimizer's gradients or work on them: part of the training step."""
    found: set[int] = set()
    for unit in graph.units:
        takes = any(
            isinstance(call.func, cst.Attribute) and call.func.attr.value == "compute_gradients"
            for call in calls_in(unit.node)
        )
        sources = (graph.definition(name, unit.index) for name in unit.names.loads)
        if takes or any(source is not None and source.index in found for source in sources):
            found.add(unit.index)
    return found


def _is_gradient(analysis: Analysis, unit: Unit) -> bool:
    """Gradients are taken where the model is used, not inside of it."""
    return any(analysis.symbols.get(call.func) == "tf.gradients" for call in calls_in(unit.node))


def _uses_model(
    analysis: Analysis,
    unit: Unit,
    attributes: set[str],
    slots: Mapping[cst.CSTNode, object],
    roles: Mapping[cst.FunctionDef, Role],
) -> bool:
    for call in calls_in(unit.node):
        if call in slots:
            return True
        function = analysis.callees.get(call)
        role = roles.get(function.node) if function is not None else None  # type: ignore[arg-type]
        if role is not None and role.kind in ("method", "module"):
            return True
    reader = _Reader(analysis, attributes)
    read(unit.node, reader)
    return reader.found


class _Reader(cst.CSTVisitor):
    """Finds a read of a model variable outside the calls in `BESIDE`."""

    def __init__(self, analysis: Analysis, attributes: set[str]) -> None:
        self.analysis, self.attributes, self.found = analysis, attributes, False

    def visit_Call(self, node: cst.Call) -> bool:
        if self.analysis.symbols.get(node.func) in BESIDE:
            return False
        if isinstance(node.func, cst.Attribute) and node.func.attr.value.startswith("assign"):
            return False
        return True

    def visit_Attribute(self, node: cst.Attribute) -> bool:
        read(node.value, self)
        return False

    def visit_Arg(self, node: cst.Arg) -> bool:
        read(node.value, self)
        return False

    def visit_AssignTarget(self, node: cst.AssignTarget) -> bool:
        return not isinstance(node.target, cst.Name)

    def visit_Name(self, node: cst.Name) -> None:
        if node.value in self.attributes:
            self.found = True


def find_glue(
    analysis: Analysis,
    graph: Graph,
    model: set[int],
    slots: Mapping[cst.CSTNode, object],
    roles: Mapping[cst.FunctionDef, Role],
    sites: Sequence[tuple[Site, list[Unit]]],
) -> list[Unit]:
    """Model units that are nothing but a call of a method or submodule.

    Where several runs need different parts of the model, such units are better written at the run:
    ``fake = model.generator(z)`` needs no method of its own.
    """
    users = _users(sites)
    signatures = {users.get(unit.index, frozenset()) for unit in graph.units if unit.index in model}
    if len(signatures - {frozenset()}) < 2:
        return []
    found = []
    for unit in graph.units:
        call = unit.value
        if unit.index not in model or not isinstance(call, cst.Call):
            continue
        function = analysis.callees.get(call)
        role = roles.get(function.node) if function is not None else None  # type: ignore[arg-type]
        if role is None or role.kind not in ("method", "module"):
            continue
        inner = [other for arg in call.args for other in calls_in(arg)]
        if not any(other in slots for other in inner):
            found.append(unit)
    return _outermost(graph, model, found, users)


def _users(sites: Sequence[tuple[Site, list[Unit]]]) -> dict[int, frozenset[int]]:
    """For each unit that a site needs, the numbers of those sites."""
    found: dict[int, set[int]] = {}
    for number, (_, needed) in enumerate(sites):
        for unit in needed:
            found.setdefault(unit.index, set()).add(number)
    return {index: frozenset(numbers) for index, numbers in found.items()}


def _outermost(
    graph: Graph, model: set[int], glue: list[Unit], users: Mapping[int, frozenset[int]]
) -> list[Unit]:
    """Calls that stand before or behind a block; one in the middle of a block is part of it."""
    apart = {unit.index for unit in glue}
    needs = {
        unit.index: {
            other.index for other in graph.closure(set(unit.names.loads), set(), unit.index)
        }
        for unit in graph.units
        if unit.index in model
    }

    none: frozenset[int] = frozenset()
    rest = {index: users.get(index, none) for index in model - apart}
    kept = []
    for unit in glue:
        before = {rest[index] for index in needs[unit.index] if index in rest}
        behind = {used for index, used in rest.items() if unit.index in needs[index]}
        if users.get(unit.index, none) not in before & behind:
            kept.append(unit)
    return kept


def sole_module(
    analysis: Analysis,
    graph: Graph,
    model: set[int],
    slots: Mapping[cst.CSTNode, Slot],
    roles: Mapping[cst.FunctionDef, Role],
    created: set[str],
) -> Role | None:
    """The one function that holds the whole model, if nothing else does: its module is it."""
    if created or any(role.kind == "method" for role in roles.values()):
        return None
    calls = [
        [call for call in calls_in(unit.node) if call in slots]
        for unit in graph.units
        if unit.index in model
    ]
    held = [slots[call] for inner in calls for call in inner]
    if not held or not all(calls) or len({slot.attribute for slot in held}) != 1:
        return None
    others = [slot for slot in slots.values() if slot.attribute != held[0].attribute]
    if any(slot.loops or slot.kind != "module" for slot in held) or any(
        slot.kind != "variable" for slot in others
    ):
        return None
    function = analysis.callees.get(calls[0][0])
    return roles.get(function.node) if function is not None else None  # type: ignore[arg-type]


def cut_blocks(
    graph: Graph,
    model: set[int],
    sites: Sequence[tuple[Site, list[Unit]]],
    placeholders: set[str],
    taken: set[str],
) -> list[Block]:
    """One block for each set of sites that need the same model units."""
    signature = {index: users for index, users in _users(sites).items() if index in model}
    groups: dict[frozenset[int], list[Unit]] = {}
    for unit in graph.units:
        if unit.index in signature:
            groups.setdefault(signature[unit.index], []).append(unit)
    ordered = sorted(groups.items(), key=lambda item: item[1][0].index)
    if not ordered and model:
        ordered = [(frozenset(), [unit for unit in graph.units if unit.index in model])]
    blocks: list[Block] = []
    readers = _readers(graph)
    largest = max((len(units) for _, units in ordered), default=0)
    named_forward = False
    for _, units in ordered:
        inputs, outputs = _interface(graph, units, placeholders, sites, readers)
        if len(units) == largest and not named_forward:
            name, named_forward = "forward", True
        else:
            name = unique(outputs[-1] if outputs else f"block_{len(blocks)}", taken)
        blocks.append(Block(name, tuple(units), inputs, outputs))
    return blocks


def _readers(graph: Graph) -> dict[str, list[Unit]]:
    """Units by the names that they read, as far as blocks hand them over."""
    found: dict[str, list[Unit]] = {}
    for unit in graph.units:
        if unit.kind in ("graph", "object"):
            for name in unit.names.loads:
                found.setdefault(name, []).append(unit)
    return found


def _interface(
    graph: Graph,
    units: list[Unit],
    placeholders: set[str],
    sites: Sequence[tuple[Site, list[Unit]]],
    readers: Mapping[str, list[Unit]],
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    inside = {unit.index for unit in units}
    inputs: list[str] = []
    for unit in units:
        for name in sorted(unit.names.loads):
            source = graph.definition(name, unit.index)
            given = name in placeholders or (source is not None and source.index not in inside)
            if (
                given
                and source is not None
                and (source.kind in GIVEN_KINDS or name in placeholders)
            ):
                if name not in inputs:
                    inputs.append(name)
    order = {name: i for i, unit in enumerate(graph.units) for name in unit.defines}
    inputs.sort(key=lambda name: order.get(name, 0))
    defined = {name: unit.index for unit in units for name in sorted(unit.defines)}
    outputs = []
    for name, last in defined.items():
        outside = any(
            unit.index > last
            and unit.index not in inside
            and (source := graph.definition(name, unit.index)) is not None
            and source.index == last
            for unit in readers.get(name, ())
        )
        if outside or any(name in site.needed for site, _ in sites):
            outputs.append(name)
    return tuple(inputs), tuple(outputs)
