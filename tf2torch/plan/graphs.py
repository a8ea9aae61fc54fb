"""Divides a program that builds several graphs: each of them is planned as if it were alone.

A part sees the statements of its own graph, and of the host code before them; everything else is
blank there. Statements keep their numbers in all parts.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import libcst as cst

from tf2torch.analyse import Analysis
from tf2torch.analyse.facts import Creation
from tf2torch.analyse.graphs import built, own_facts
from tf2torch.cst.names import Names
from tf2torch.cst.walk import walk
from tf2torch.plan.roots import Root, find_root
from tf2torch.plan.units import Unit, calls_in


@dataclass(frozen=True, eq=False)
class Part:
    """One graph of a program.

    Attributes:
        analysis: the facts about it.
        own: numbers of the statements that are written for it.
        mixed: numbers of statements that run several graphs.
    """

    analysis: Analysis
    root: Root
    own: frozenset[int]
    mixed: frozenset[int]


def graphs_of(analysis: Analysis) -> list[int]:
    """The graphs that have to be told apart; empty if there is only one."""
    numbers = built(analysis.state) if analysis.state.graphs.kept else []
    return numbers if len(numbers) > 1 else []


def divide(analysis: Analysis, numbers: list[int]) -> list[Part] | None:
    """The program once for each graph; None if its graphs are built in each other's code."""
    root = find_root(analysis)
    owners = _owners(analysis, root, numbers)
    where = {node: unit.index for unit in root.units for node in walk(unit.node)}
    defined = {unit.index for unit in root.units if unit.kind == "define"}

    def anchor(path: Iterable[object], node: cst.CSTNode) -> int | None:
        """The statement of the root scope on the way to a node."""
        steps = [step for step in (*path, node) if isinstance(step, cst.CSTNode)]
        found = [where[step] for step in steps if where.get(step, -1) not in {*defined, -1}]
        return found[-1] if found else None

    made: dict[int, list[Creation]] = {number: [] for number in numbers}
    graphs = analysis.state.graphs.of_creations(list(analysis.creations))
    for creation, number in zip(analysis.creations, graphs, strict=True):
        place = anchor(creation.path, creation.node)
        if place is None or owners[place] != {number}:
            return None
        made[number].append(creation)
    calls = {
        function: [(anchor(path, call), (call, path)) for call, path in found]
        for function, found in analysis.calls.items()
    }
    for unit in root.units:
        if unit.kind == "define" and not _runs_of(analysis, root, unit):
            places = [place for place, _ in calls.get(unit.node, ()) if place is not None]
            owners[unit.index] = set().union(*(owners[p] for p in places)) or {numbers[0]}
    mixed = frozenset(
        unit.index
        for unit in root.units
        if unit.kind in ("host", "define") and len(_runs_of(analysis, root, unit)) > 1
    )
    return [_part(analysis, number, owners, mixed, made[number], calls) for number in numbers]


def _part(
    analysis: Analysis,
    number: int,
    owners: list[set[int]],
    mixed: frozenset[int],
    creations: list[Creation],
    calls: Mapping[cst.CSTNode, list[tuple[int | None, tuple[cst.Call, tuple[object, ...]]]]],
) -> Part:
    root = find_root(analysis)
    own = frozenset(index for index, graphs in enumerate(owners) if number in graphs)
    last = max(own, default=-1)
    units = []
    foreign: set[cst.CSTNode] = set()
    hidden: set[int] = set()
    for unit in root.units:
        if unit.index in own or unit.kind in ("import", "define"):
            units.append(unit)
        elif unit.kind == "host" and unit.index < last:
            units.append(unit)
            hidden.add(unit.index)
            foreign.update(walk(unit.node))
        else:
            hidden.add(unit.index)
            foreign.update(walk(unit.node))
            blank = cst.SimpleStatementLine([cst.Pass()])
            units.append(Unit(unit.index, blank, "foreign", Names(), (), unit.scope))
    root = replace(
        root,
        units=tuple(units),
        nested=tuple(unit for unit in root.nested if unit.index not in hidden),
    )
    state = copy.copy(analysis.state)
    for name, value in own_facts(analysis.state, number).items():
        setattr(state, name, value)
    state.cache = {}
    runs = analysis.state.graphs.runs
    part = replace(
        analysis,
        values={node: value for node, value in analysis.values.items() if node not in foreign},
        runs={n: run for n, run in analysis.runs.items() if number in runs.get(n, {number})},
        creations=tuple(creations),
        calls={
            function: [call for place, call in found if place is None or number in owners[place]]
            for function, found in calls.items()
        },
        state=state,
    )
    return Part(part, root, own, mixed)


def _owners(analysis: Analysis, root: Root, numbers: list[int]) -> list[set[int]]:
    """For each statement of the root scope the graphs that it belongs to."""
    places = analysis.state.graphs.places
    found: list[set[int]] = []
    current = numbers[0]
    for unit in root.units:
        runs = _runs_of(analysis, root, unit)
        inner = unit.value if unit.small is not None else getattr(unit.node, "body", None)
        place = places.get(unit.small or unit.node, places.get(inner, 0))  # type: ignore[arg-type]
        if unit.scope is None and root.function is not None:
            place = numbers[0]
        current = place if place in numbers else current
        found.append(runs & set(numbers) or {current})
    return found


def _runs_of(analysis: Analysis, root: Root, unit: Unit) -> set[int]:
    """The graphs that a statement runs, itself or in the functions that it calls."""
    found: set[int] = set()
    if unit.node is root.function:
        return found
    seen: set[cst.CSTNode | None] = {root.function}
    body = unit.node.body if isinstance(unit.node, cst.FunctionDef) else unit.node
    work: list[cst.CSTNode] = [body]
    while work:
        for call in calls_in(work.pop()):
            found |= analysis.state.graphs.runs.get(call, set())
            function = analysis.callees.get(call)
            if function is not None and function.node not in seen:
                seen.add(function.node)
                work.append(function.node.body)
    return found
