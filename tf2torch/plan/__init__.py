"""Plan: the one stage that decides what becomes of each part of the program.

Requires analysis. Everything here is data about the output; no code is written yet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any

import libcst as cst

from tf2torch.analyse import Analysis, analyse
from tf2torch.plan.blocks import Block, cut_blocks
from tf2torch.plan.collected import pass_collected_names
from tf2torch.plan.counters import Counters, find_counters
from tf2torch.plan.describe import describe
from tf2torch.plan.graph import Graph
from tf2torch.plan.graphs import divide, graphs_of
from tf2torch.plan.held import without_held
from tf2torch.plan.keyed import changed_dictionaries, keyed_site, tensor_names, with_first_names
from tf2torch.plan.membership import find_glue, model_units, sole_module
from tf2torch.plan.modes import number_placeholders, training_flags
from tf2torch.plan.numbers import Numbers, number_units
from tf2torch.plan.reaching import reaching_literals
from tf2torch.plan.recorded import is_recorder, mark_own, recorders
from tf2torch.plan.recurrent import lists_in_graph, pass_names_through_cells
from tf2torch.plan.roles import Role, find_roles, pass_extra_names
from tf2torch.plan.roots import Root, find_root
from tf2torch.plan.scoping import Definition, homes_of
from tf2torch.plan.sites import Site, find_sites
from tf2torch.plan.slots import Slot, assign_slots, share_nested
from tf2torch.plan.units import Unit, units_of
from tf2torch.plan.updates import with_updates

NOTHING: Mapping[Definition, str] = MappingProxyType({})


@dataclass(frozen=True, eq=False)
class Plan:
    """Decisions for one program.

    Attributes:
        root: the scope that builds the graph and runs it: the module or one function.
        graph: units of the root scope.
        roles: what each program function becomes.
        model: name of the class for the root graph, None if the program has no variables.
        attributes: graph names that become attributes of the model.
        slots: attributes for the calls in the root scope that create something.
        function_units, function_slots: the same inside functions that become modules.
        blocks: methods of the model.
        sites: runs, each with the graph units that it needs.
        constants: module-level units that stay at module level.
        glue: units that only call parts of the model; they stand where the model is used.
        modes: identities of placeholders that only switch between training and evaluation.
        scalars: identities of placeholders that are rates or probabilities.
        tensor_keys: names of tensors by identity, which stand for them in feed dictionaries.
        counters: variables that only count training steps.
        numbers: what is arithmetic on single numbers, such as a learning rate.
        instance: name of the model in the session code.
        title: the model in the weight map, where it is not the only instance of its class.
        own: numbers of the units that are written for this graph; None if there is no other.
        mixed: numbers of units that run several graphs.
        others: the plans of the graphs that the program builds beside this one.
        scoped: functions and classes of the scoped tier, with the reasons.
    """

    analysis: Analysis
    root: Root
    graph: Graph
    roles: Mapping[cst.FunctionDef, Role]
    model: str | None
    attributes: Mapping[str, str]
    placeholders: Mapping[str, Unit]
    slots: Mapping[cst.CSTNode, Slot]
    function_units: Mapping[cst.FunctionDef, tuple[Unit, ...]]
    function_slots: Mapping[cst.FunctionDef, Mapping[cst.CSTNode, Slot]]
    blocks: tuple[Block, ...]
    sites: Mapping[cst.CSTNode, tuple[Site, tuple[Unit, ...]]]
    glue: tuple[Unit, ...]
    modes: frozenset[Any]
    scalars: frozenset[Any]
    tensor_keys: Mapping[Any, str]
    counters: Counters
    numbers: Numbers
    instance: str = "model"
    title: str | None = None
    own: frozenset[int] | None = None
    mixed: frozenset[int] = frozenset()
    others: tuple[Plan, ...] = ()
    scoped: Mapping[Definition, str] = field(default_factory=dict)

    @cached_property
    def scoped_homes(self) -> Mapping[cst.CSTNode, Definition]:
        """The definition of the scoped tier that each node in one of them belongs to."""
        return homes_of(self.scoped)

    def describe(self) -> str:
        """The plan as text, for ``--plan``."""
        return describe(self)


def make_plan(analysis: Analysis, scoped: Mapping[Definition, str] = NOTHING) -> Plan:
    """Decides modules, methods, training steps and names for an analysed program.

    `scoped` are definitions that keep TensorFlow's variable scopes, with the reasons.
    """
    numbers = graphs_of(analysis)
    if not numbers:
        return _plan_graph(analysis, find_root(analysis), scoped=scoped)
    parts = divide(analysis, numbers)
    if parts is None:
        source = replace(analysis.source, module=analysis.original)
        again = analyse(source, analysis.rulebook, analysis.options, separate=False)
        return _plan_graph(again, find_root(again))
    plans: list[Plan] = []
    for part in parts:
        plan = _plan_graph(part.analysis, part.root, plans)
        plans.append(replace(plan, own=part.own, mixed=part.mixed))
    return replace(plans[0], others=tuple(plans[1:]))


def _plan_graph(
    analysis: Analysis,
    root: Root,
    earlier: Sequence[Plan] = (),
    scoped: Mapping[Definition, str] = NOTHING,
) -> Plan:
    """Decides all of one graph; `earlier` are the plans of the program's other graphs."""
    root = replace(root, units=lists_in_graph(root.units))
    mark_own(analysis, root.function)
    pass_names_through_cells(analysis, root.units)
    counters = find_counters(analysis, root.units, root.names)
    units, numbers = number_units(analysis, root.units, counters.names)
    graph = Graph(tuple(units))
    attributes = {
        name: name
        for unit in graph.units
        if unit.kind in ("param", "alias")
        for name in sorted(unit.names.stores - counters.names.keys())
    }
    created = {name for unit in graph.units if unit.kind == "param" for name in unit.names.stores}
    created -= counters.names.keys()
    tensors = {
        name
        for unit in graph.units
        if unit.kind in ("graph", "number", "placeholder", "source")
        for name in unit.names.stores
    } - created
    placeholders = {
        name: unit
        for unit in graph.units
        if unit.kind == "placeholder"
        for name in unit.names.stores
    }
    modes = training_flags(analysis)
    switches = {
        name
        for name, unit in placeholders.items()
        if unit.value is not None and analysis.values[unit.value].detail in modes
    }
    roles = find_roles(analysis, root.functions, created, tensors - switches, scoped.keys())
    for function in numbers.functions:
        if function in roles:
            roles[function] = replace(roles[function], kind="number", extra=())
    pass_extra_names(roles.values(), graph.units)
    pass_collected_names(analysis, graph.units)
    taken = set(created)
    slots = assign_slots(analysis, graph.units, roles, taken)
    function_units, function_slots = _inside_modules(analysis, roles)
    slots = share_nested(analysis, slots, function_slots)
    inside = model_units(analysis, graph, created, slots, roles)
    inside -= {u.index for u in graph.units if is_recorder(analysis, u, graph.units)}
    tensor_keys = tensor_names(analysis, graph.units)
    sites = _sites(analysis, root, graph, placeholders, tensor_keys)
    glue = find_glue(analysis, graph, inside, slots, roles, sites)
    sole = sole_module(analysis, graph, inside, slots, roles, created)
    if sole is not None:
        glue = [unit for unit in graph.units if unit.index in inside]
        slots = {c: Slot("", (), "module") for c, slot in slots.items() if slot.kind == "module"}
    inside -= {unit.index for unit in glue}
    taken |= {role.name for role in roles.values() if role.kind == "method"}
    blocks = cut_blocks(graph, inside, sites, {*placeholders, *counters.names}, taken)
    has_variables = bool(created) or bool(slots)
    named = has_variables or _has_methods(roles)
    model = _model_name(root, roles, sole, earlier) if named else None
    return Plan(
        analysis=analysis,
        root=root,
        graph=graph,
        roles=roles,
        model=model,
        attributes=attributes,
        placeholders=placeholders,
        slots=slots,
        function_units=function_units,
        function_slots=function_slots,
        blocks=tuple(blocks) if has_variables else (),
        sites={site.run.node: (site, tuple(needed)) for site, needed in sites},
        glue=tuple(glue),
        modes=modes,
        tensor_keys=tensor_keys,
        scalars=number_placeholders(analysis) | numbers.placeholders,
        counters=counters,
        numbers=numbers,
        instance=_instance_name(root, earlier),
        title=_title(model, earlier),
        scoped=scoped,
    )


def _inside_modules(
    analysis: Analysis, roles: Mapping[cst.FunctionDef, Role]
) -> tuple[
    dict[cst.FunctionDef, tuple[Unit, ...]], dict[cst.FunctionDef, Mapping[cst.CSTNode, Slot]]
]:
    """Units and attributes of the functions that become modules."""
    function_units: dict[cst.FunctionDef, tuple[Unit, ...]] = {}
    function_slots: dict[cst.FunctionDef, Mapping[cst.CSTNode, Slot]] = {}
    for function, role in roles.items():
        if role.kind == "module":
            units = tuple(units_of(analysis, function.body.body, function))
            pass_names_through_cells(analysis, units)
            function_units[function] = units
            own = {n for u in units if u.kind == "param" for n in u.names.stores}
            function_slots[function] = assign_slots(analysis, units, roles, own)
    return function_units, function_slots


def _sites(
    analysis: Analysis,
    root: Root,
    graph: Graph,
    placeholders: Mapping[str, Unit],
    tensor_keys: Mapping[Any, str],
) -> list[tuple[Site, list[Unit]]]:
    """The runs, and the units of the graph that each needs."""
    literals = {
        unit.targets[0].value: unit.value
        for unit in (*graph.units, *root.nested)
        if len(unit.targets) == 1
        and isinstance(unit.targets[0], cst.Name)
        and unit.value is not None
    }
    found: list[tuple[Site, list[Unit]]] = []
    bodies = [analysis.source.module.body, *([root.function.body.body] if root.function else [])]
    feed_name = root.free_name("feed")
    changed = changed_dictionaries(analysis)
    reaching = reaching_literals(analysis, bodies)
    grown = {n for u in (*graph.units, *root.nested) for n in u.names.attribute_stores}
    for site in find_sites(analysis, literals, reaching, changed, grown):
        keyed = None
        if site.feeds is None:
            keyed = keyed_site(analysis, graph, site, tensor_keys, feed_name)
        if keyed is not None:
            found.append(keyed)
            continue
        site = with_first_names(site, tensor_keys)
        fed = {feed.name for feed in site.feeds or ()}
        given = fed - set(placeholders)
        site = without_held(graph, site)
        needed = graph.closure(set(site.needed), given, len(graph.units) + 1)
        needed = with_updates(analysis, graph, site, given, needed)
        found.append((site, recorders(analysis, graph, site, given, needed)))
    return found


def _has_methods(roles: Mapping[cst.FunctionDef, Role]) -> bool:
    return any(role.kind == "method" for role in roles.values())


def _model_name(
    root: Root,
    roles: Mapping[cst.FunctionDef, Role],
    sole: Role | None,
    earlier: Sequence[Plan],
) -> str:
    """Name of the root module: the sole module's, or one that no function's module has."""
    if sole is not None:
        return sole.name
    taken = {role.name for role in roles.values()} | root.names
    names = ["Model", "Network", "Graph", "Program", "RootModule"]
    if earlier:
        names = [f"{name}{len(earlier) + 1}" for name in names]
    return root.free_name(next((name for name in names if name not in taken), names[0]))


def _instance_name(root: Root, earlier: Sequence[Plan]) -> str:
    return root.free_name(f"model{len(earlier) + 1}") if earlier else "model"


def _title(model: str | None, earlier: Sequence[Plan]) -> str | None:
    """``Net#1`` for the second instance of a class."""
    number = sum(plan.model == model for plan in earlier)
    return f"{model}#{number}" if model is not None and number else None


__all__ = ["Plan", "make_plan"]
