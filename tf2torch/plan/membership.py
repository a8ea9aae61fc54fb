"""Which graph code belongs in the model, and which stands beside its calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import libcst as cst

from tf2torch.analyse import Analysis
from tf2torch.cst.walk import read
from tf2torch.plan.graph import Graph
from tf2torch.plan.roles import Role
from tf2torch.plan.sites import Site
from tf2torch.plan.slots import Slot
from tf2torch.plan.units import Unit, calls_in

#: Calls whose variable arguments are looked at beside the forward pass.
BESIDE = frozenset(
    "tf.train.exponential_decay tf.train.piecewise_constant tf.train.polynomial_decay"
    " tf.train.natural_exp_decay tf.train.inverse_time_decay tf.train.cosine_decay"
    " tf.nn.l2_loss tf.gradients tf.hessians tf.assign tf.assign_add tf.assign_sub"
    " tf.scatter_update tf.summary.histogram tf.summary.scalar".split()
)

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
        if role is not None and role.kind in ("method", "module", "scoped"):
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
    users = users_of(sites)
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
        if role is None or role.kind not in ("method", "module", "scoped"):
            continue
        inner = [other for arg in call.args for other in calls_in(arg)]
        if not any(other in slots for other in inner):
            found.append(unit)
    return _outermost(graph, model, found, users)


def users_of(sites: Sequence[tuple[Site, list[Unit]]]) -> dict[int, frozenset[int]]:
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
    if created or any(role.kind in ("method", "scoped") for role in roles.values()):
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
