"""Lengths that change from round to round: each layer of a loop takes what the one before gave.

for n in sizes:                        in_features = 7
    h = tf.layers.dense(h, n)    ->    for n in sizes:
                                           self.dense.append(nn.Linear(in_features, n))
                                           in_features = n
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import libcst as cst

from tf2torch.analyse.state import PREVIOUS
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
    texts = {length.text for length in lengths[1:]}
    text = texts.pop() if len(texts) == 1 else None
    if text is not None and text.startswith(f"{PREVIOUS}("):
        return Running(name, first, text[len(PREVIOUS) + 1 : -1])
    for text, values in results:
        if len(values) != len(lengths):
            continue
        if all(a.size is not None and a.size == b for a, b in zip(lengths[1:], values)):
            return Running(name, first, text)
    return None


def in_round(writer: Writer, node: cst.Call, slot: Slot) -> str | None:
    """Source for that length where another layer of the same round gives it."""
    rounds = _rounds(writer, node, slot)
    lengths = _lengths(rounds)
    if not lengths:
        return None
    bodies = {loop.body for loop in slot.loops}
    found: dict[str, dict[int, Any]] = {}
    for creation in writer.analysis.creations:
        if creation.path[: len(rounds[0].path) - 1] != rounds[0].path[:-1]:
            continue
        rest = creation.path[len(rounds[0].path) - 1 :]
        if len(rest) != 1 or not isinstance(rest[0], tuple) or rest[0][0] not in bodies:
            continue
        for name in _RESULTS:
            given = creation.bound.nodes.get(name)
            if given is not None:
                values = found.setdefault(code(given), {})
                values[rest[0][1]] = creation.bound.values[name].literal
    for text, values in found.items():
        if all(
            length.size is not None and values.get(k) == length.size
            for k, length in enumerate(lengths)
        ):
            return text
    return None


def behind(
    writer: Writer, node: cst.Call, finished: Iterable[tuple[Running, cst.CSTNode]]
) -> str | None:
    """The name of a length that a loop left behind, if the layer after it takes that."""
    made = [c for c in writer.analysis.creations_at(node) if c.node is node and c.reused is None]
    for length, body in finished:
        if made and all(_last(writer, c, length, body) for c in made):
            return length.name
    return None


def settled(text: str, finished: Iterable[Running]) -> str | None:
    """A text outside of loops, with the names of lengths that loops left; None if it has none."""
    if PREVIOUS not in text:
        return text
    return next((r.name for r in finished if text == f"{PREVIOUS}({r.step})"), None)


def _last(writer: Writer, made: Any, length: Running, body: cst.CSTNode) -> bool:
    """Whether a layer takes what the last round before it gave."""
    given = _lengths([made])
    if given and given[0].text == f"{PREVIOUS}({length.step})":
        return True
    depth = len(made.path)
    last: dict[int, Any] = {}
    for creation in writer.analysis.creations:
        if creation.path[:depth] != made.path or len(creation.path) != depth + 1:
            continue
        step = creation.path[depth]
        if isinstance(step, tuple) and step[0] is body:
            for name in _RESULTS:
                node = creation.bound.nodes.get(name)
                if node is not None and code(node) == length.step:
                    last[step[1]] = creation.bound.values[name].literal
    return bool(last and given) and given[0].size == last[max(last)] is not None


def _lengths(rounds: Sequence[Any]) -> list[Dim]:
    """The length of the last axis of the input in each round; empty if it is not told."""
    found = []
    for creation in rounds:
        source = _source(creation.bound)
        value = creation.bound.values[source] if source is not None else None
        if value is None or not value.shape:
            return []
        found.append(value.shape[-1])
    return found


def _source(bound: Bound) -> str | None:
    """The parameter of a layer that takes its input."""
    names = (parameter.name for parameter in bound.rule.parameters)
    return next((n for n in names if n in bound.values and bound.values[n].is_tensor), None)


def of_layer(writer: Writer, node: cst.Call, slot: Slot, bound: Bound) -> Running | None:
    """The length of the last axis of what a layer in a loop gets."""
    rounds = _rounds(writer, node, slot) if slot.loops else []
    lengths = _lengths(rounds)
    if not lengths:
        return None
    results = []
    for name in _RESULTS:
        given = bound.nodes.get(name)
        if given is not None:
            values = [creation.bound.values[name].literal for creation in rounds]
            results.append((code(given), values))
    dense = "dense" in rounds[0].symbol or "fully_connected" in rounds[0].symbol
    return running(lengths, results, "in_features" if dense else "in_channels")


def with_length(writer: Writer, node: cst.Call, bound: Bound, name: str) -> Bound:
    """The arguments with `name` as the length of the input's last axis."""
    first = next(c for c in writer.analysis.creations_at(node) if c.node is node).bound.values
    values = dict(bound.values)
    source = _source(bound) or "inputs"
    shape = first[source].shape or ()
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
    rounds = list(dict(writer.analysis.state.rounds.get((definition, node), [])).values())
    lengths = [_dim(known.get(parameter)) for known in rounds]
    if any(length is None for length in lengths):
        return None
    results = []
    for name, argument in given.items():
        values = [known[name].literal if name in known else None for known in rounds]
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
