"""What a run needs beside its fetches: the layers whose moving statistics it updates."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from tf2torch.analyse import Analysis
from tf2torch.plan.graph import Graph
from tf2torch.plan.sites import Site
from tf2torch.plan.units import Unit, calls_in
from tf2torch.rulebook.values import Value


def with_updates(
    analysis: Analysis, graph: Graph, site: Site, given: set[str], needed: list[Unit]
) -> list[Unit]:
    """The units of a run, with those whose update ops it runs.

    A train op under ``control_dependencies(tf.get_collection(tf.GraphKeys.UPDATE_OPS))`` computes
    every batch normalization of the graph, also those that its loss has no use for.
    """
    calls = {step for leaf in site.tree.leaves() for step in _updated(leaf.value, 0)}
    if not calls:
        return needed
    found = {unit.index: unit for unit in needed}
    for unit in graph.units:
        if unit.kind == "graph" and unit.index not in found and calls & set(calls_in(unit.node)):
            before = graph.closure(set(unit.names.loads), given, unit.index)
            found |= {other.index: other for other in (*before, unit)}
    return [found[index] for index in sorted(found)]


def _updated(value: Value, depth: int) -> Iterator[cst.CSTNode]:
    """The calls in the root scope that made the update ops which a fetch runs."""
    if depth > 8:
        return
    if value.kind == "sequence":
        for item in value.detail:
            yield from _updated(item, depth + 1)
    record = value.detail
    if value.kind not in ("operation", "object") or record is None:
        return
    if record.type == "UpdateOp":
        creation = record["creation"]
        steps = (*creation.path, creation.node)
        yield from (step for step in steps if isinstance(step, cst.Call))
    for item in (*(record["items"] or ()), *(record["control"] or ())):
        yield from _updated(item, depth + 1)
    for member in record["members"] or ():
        yield from _updated(getattr(member, "value", member), depth + 1)
