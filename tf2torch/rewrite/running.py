"""Lengths that change from round to round: each layer of a loop takes what the one before gave.

for n in sizes:                        in_features = 7
    h = tf.layers.dense(h, n)    ->    for n in sizes:
                                           self.dense.append(nn.Linear(in_features, n))
                                           in_features = n
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import libcst as cst

from tf2torch.plan.slots import Slot
from tf2torch.rewrite.writer import Writer, code
from tf2torch.rulebook.apply import Bound
from tf2torch.rulebook.values import Dim, Value

#: Parameters that give the length of a layer's result.
_RESULTS = ("units", "filters", "num_outputs", "num_filters")


@dataclass(frozen=True)
class Running:
    """A length that is one thing in the first round and the last layer's result in the others.

    Attributes:
        name: what the constructor calls it.
        start: source for its value in the first round.
        step: source for its value in the next round.
    """

    name: str
    start: str
    step: str


def running(
    lengths: Sequence[Dim], results: Sequence[tuple[str, Sequence[Any]]], name: str
) -> Running | None:
    """The length, if every round takes what an expression was in the round before.

    Arguments:
        lengths: its value in each round.
        results: source and value in each round of the expressions that may give it.
    """
    if len(lengths) < 2:
        return None
    first = lengths[0].text if lengths[0].text else str(lengths[0].size)
    if lengths[0].size is None and not lengths[0].text:
        return None
    for text, values in results:
        if len(values) != len(lengths):
            continue
        if all(a.size is not None and a.size == b for a, b in zip(lengths[1:], values)):
            return Running(name, first, text)
    return None


def of_layer(writer: Writer, node: cst.Call, slot: Slot, bound: Bound) -> Running | None:
    """The length of the last axis of what a layer in a loop gets."""
    rounds = _rounds(writer, node, slot)
    source = next((n for n, v in bound.values.items() if v.is_tensor), None)
    if not rounds or source is None:
        return None
    lengths = []
    for creation in rounds:
        value = creation.bound.values.get(source)
        if value is None or not value.shape:
            return None
        lengths.append(value.shape[-1])
    results = []
    for name in _RESULTS:
        given = bound.nodes.get(name)
        if given is not None:
            values = [creation.bound.values[name].literal for creation in rounds]
            results.append((code(given), values))
    dense = "dense" in rounds[0].symbol or "fully_connected" in rounds[0].symbol
    return running(lengths, results, "in_features" if dense else "in_channels")


def with_length(writer: Writer, node: cst.Call, slot: Slot, bound: Bound, name: str) -> Bound:
    """The arguments with `name` as the length of the input's last axis."""
    first = _rounds(writer, node, slot)[0].bound.values
    values = dict(bound.values)
    source = next(parameter for parameter, value in first.items() if value.is_tensor)
    shape = first[source].shape
    values[source] = replace(first[source], shape=(*shape[:-1], Dim(None, name)))
    return Bound(bound.rule, bound.nodes, values)


def of_call(
    writer: Writer,
    definition: cst.CSTNode,
    node: cst.Call,
    parameter: str,
    given: dict[str, cst.Arg],
) -> Running | None:
    """The length that a program function in a loop takes with its tensor argument."""
    rounds = writer.analysis.state.rounds.get((definition, node), [])
    rounds = list(dict(rounds).values())
    lengths = [_dim(known.get(parameter)) for known in rounds]
    if any(length is None for length in lengths):
        return None
    results = []
    for name, argument in given.items():
        values = [known[name].literal if name in known else None for known in rounds]
        if all(isinstance(value, int) for value in values):
            results.append((code(argument.value), values))
    return running(lengths, results, parameter if "size" in parameter else "size")  # type: ignore[arg-type]


def _dim(value: Value | None) -> Dim | None:
    if value is None:
        return None
    size = value.literal if isinstance(value.literal, int) else None
    return Dim(size, value.text)


def _rounds(writer: Writer, node: cst.Call, slot: Slot) -> list[Any]:
    """What a layer made in each round of its loop, in order."""
    bodies = {loop.body for loop in slot.loops}
    found: dict[int, Any] = {}
    for creation in writer.analysis.creations_at(node):
        index = next((s[1] for s in creation.path if isinstance(s, tuple) and s[0] in bodies), None)
        if creation.node is node and index is not None and creation.reused is None:
            found.setdefault(index, creation)
    return [found[index] for index in sorted(found)]
