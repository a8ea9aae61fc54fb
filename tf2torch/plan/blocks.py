"""Cuts the model's code into methods by who needs it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tf2torch.plan.graph import Graph
from tf2torch.plan.membership import users_of
from tf2torch.plan.sites import Site
from tf2torch.plan.slots import unique
from tf2torch.plan.units import Unit


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


#: Kinds of units whose names a block takes as arguments.
GIVEN_KINDS = ("graph", "number", "placeholder", "source")


def cut_blocks(
    graph: Graph,
    model: set[int],
    sites: Sequence[tuple[Site, list[Unit]]],
    placeholders: set[str],
    taken: set[str],
) -> list[Block]:
    """One block for each set of sites that need the same model units."""
    signature = {index: users for index, users in users_of(sites).items() if index in model}
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
