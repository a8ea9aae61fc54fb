"""Compare what the two programs fetch and print."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from tf2torch.parity.findings import END, Finding, Measure
from tf2torch.parity.pairs import Pair, on_host, same_scope, sequences
from tf2torch.parity.records import Event, Record
from tf2torch.parity.tolerances import differs, error, line_differs
from tf2torch.parity.unnamed import ordinal, renamed


def starts(replay: Record) -> list[Finding]:
    """Parameters that the conversion does not make as the original makes its variables."""
    return [
        Finding(
            "start", f"{event['module']}.{event['key']} {event['text']}", run=0,
            name=f"{event['module']}.{event['key']}",
        )
        for event in replay.of("loading")
    ]  # fmt: skip


def draw_notes(replay: Record) -> list[Finding]:
    """Draws of one side only. Alone they are no difference: a value nobody uses may be drawn."""
    found = []
    missing = [(event["type"], event["line"]) for event in replay.of("draw_missing")]
    for kind, line in dict.fromkeys(missing):
        times = missing.count((kind, line))
        text = f"A random draw ({kind}) has no counterpart in the original, {times} times"
        found.append(Finding("draw", text, converted_line=line))
    unused = list(replay.of("draw_unused"))
    if unused:
        first = unused[0]
        text = f"{len(unused)} random draws of the original have no counterpart, the first "
        text += f"({first['type']}, shape {first['shape']}) in run {first['run']}"
        found.append(Finding("draw", text))
    if any(replay.of("order_missing")):
        text = "The elements of a shuffled data set were not found in the original's"
        found.append(Finding("draw", text))
    return found


def fetched(pair: Pair) -> tuple[list[Finding], list[Measure]]:
    """Fetched values by the names that they are assigned to."""
    found: list[Finding] = []
    measures: list[Measure] = []
    converted = sequences(pair.replay)
    for name, wanted in _by_function(sequences(pair.record)):
        if name in pair.ignore:
            continue
        line = wanted[0]["line"]
        got = _from_one_line(same_scope(on_host(converted, name), wanted[0]), len(wanted))
        if not got:
            here, measured = renamed(pair, name, wanted)
            found += here
            measures += measured
            continue
        for number, (a, b) in enumerate(zip(got, wanted), 1):
            why, absolute, relative = _event_differs(pair, a, b)
            measures.append(
                Measure(
                    "value", name, b["run"], b["line"], a["line"], absolute, relative, why is None
                )
            )
            if why is not None:
                text = f"{name!r} differs the {ordinal(number)} time it is fetched.\n{why}"
                found.append(Finding("value", text, b["line"], a["line"], b["run"], name))
                break
        else:
            if len(got) != len(wanted):
                text = f"{name!r} is fetched {len(wanted)} times, in the conversion {len(got)}"
                last = wanted[-1]["run"]
                found.append(Finding("missing", text, line, got[0]["line"], last, name))
    return found, measures


def _by_function(assigned: Mapping[str, list[Event]]) -> Iterator[tuple[str, list[Event]]]:
    """Names with the values that each function gives them."""
    for name, events in assigned.items():
        scopes = dict.fromkeys(event["scope"] for event in events)
        for scope in scopes:
            yield name, [event for event in events if event["scope"] == scope]


def _from_one_line(events: list[Event], count: int) -> list[Event]:
    """The assignments of the one line that makes as many as were fetched, where there are more.

    What the original fetches, a step say, can be a plain number in the conversion; then nothing
    but the line tells it from what else gets the name.
    """
    if len(events) <= count or any(event.get("fetched") for event in events):
        return events
    lines: dict[int, list[Event]] = {}
    for event in events:
        lines.setdefault(event["line"], []).append(event)
    fitting = [found for found in lines.values() if len(found) == count]
    return fitting[0] if len(fitting) == 1 else events


def _event_differs(pair: Pair, got: Event, wanted: Event) -> tuple[str | None, float, float]:
    """What is wrong, and the largest absolute and relative difference."""
    mine = by_keys(got["value"], wanted["value"])
    a, b = pair.replay.leaves(mine), pair.record.leaves(wanted["value"])
    rtol, atol = pair.allowed(wanted["run"])
    if [leaf.shape for leaf in a] != [leaf.shape for leaf in b]:
        stacked = stacked_states(b)
        if [leaf.shape for leaf in a] == [leaf.shape for leaf in stacked]:
            b = stacked
    if len(a) != len(b):
        return f"It has {len(a)} parts, expected {len(b)}", np.inf, np.inf
    errors = [error(x, y) for x, y in zip(a, b)] or [(0.0, 0.0)]
    absolute, relative = (max(column) for column in zip(*errors))
    for index, (x, y) in enumerate(zip(a, b)):
        if (why := differs(x, y, rtol, atol)) is not None:
            part = why if len(a) == 1 else f"The failure occurred for item [{index}].\n{why}"
            return part, absolute, relative
    return None, absolute, relative


def by_keys(got: Mapping[str, Any], wanted: Mapping[str, Any]) -> Mapping[str, Any]:
    """The values of a dictionary in the order of another with the same keys."""
    if "list" in got and "list" in wanted and len(got["list"]) == len(wanted["list"]):
        return {"list": [by_keys(a, b) for a, b in zip(got["list"], wanted["list"])]}
    if "dict" in got and "dict" in wanted:
        mine, yours = dict(got["dict"]), dict(wanted["dict"])
        if mine.keys() == yours.keys():
            return {"dict": [[key, by_keys(mine[key], yours[key])] for key in yours]}
    return got


def stacked_states(leaves: list[Any]) -> list[Any]:
    """TensorFlow's LSTM states, c and h of each layer, as torch has them: all h, then all c."""
    if len(leaves) % 2 or len({leaf.shape for leaf in leaves}) != 1:
        return leaves
    return [np.stack(leaves[1::2]), np.stack(leaves[0::2])]


#: What a line says of a node of the graph, or of what the graph leaves open: torch has neither.
NODE = re.compile(
    r"""\b(?:Sparse)?Tensor\("|<tf\.(?:Variable|Operation|Tensor)\b|<dtype: '|\bDimension\(|"""
    r"""\bTensorShape\(|\((?=[^()]*,)(?:\d+, )*(?:\?|None)(?:, (?:\d+|\?|None))*,?\)"""
)


def counterparts(pair: Pair) -> Iterator[tuple[int | None, int | None]]:
    """The lines of both outputs that stand for each other: of the original, of the conversion.

    A line that describes a node has a counterpart where the next line of the conversion says the
    same; else the conversion leaves it out.
    """
    wanted, got = pair.record.stdout.splitlines(), pair.replay.stdout.splitlines()
    rtol, atol = pair.allowed(END)
    at = 0
    for number, line in enumerate(wanted):
        there = at < len(got)
        if NODE.search(line) and not (there and not line_differs(got[at], line, rtol, atol)):
            continue
        yield number, at if there else None
        at += there
    yield from ((None, rest) for rest in range(at, len(got)))


def printed(pair: Pair) -> tuple[list[Finding], int]:
    """The first difference of the output, and how many lines were compared."""
    wanted, got = pair.record.stdout.splitlines(), pair.replay.stdout.splitlines()
    rtol, atol = pair.allowed(END)
    pairs = list(counterparts(pair))
    both = sum(a is not None and b is not None for a, b in pairs)
    for a, b in pairs:
        if a is None or b is None:
            more = wanted[a] if a is not None else got[b or 0]
            total = len([a for a, _ in pairs if a is not None])
            text = f"The output has {len(got)} lines, expected {total}; the first without "
            return [Finding("output", f"{text}counterpart: {more}", *lines(pair, a, b))], both
        if line_differs(got[b], wanted[a], rtol, atol):
            text = f"Line {b + 1} of the output differs.\ngot      {got[b]}\nexpected {wanted[a]}"
            return [Finding("output", text, *lines(pair, a, b))], both
    return [], both


def graph_note(pair: Pair) -> list[Finding]:
    """How many lines of the original describe its graph and are left out."""
    count = len(pair.record.stdout.splitlines())
    count -= sum(a is not None for a, _ in counterparts(pair))
    text = f"Lines of output that describe the graph and have no counterpart: {count}"
    return [Finding("draw", text)] if count else []


def lines(pair: Pair, wanted: int | None, got: int | None) -> tuple[int, int]:
    """The source lines that print a line of each output."""

    def line(printed: list[int], number: int | None) -> int:
        return printed[number] if number is not None and number < len(printed) else 0

    return line(pair.record.printed, wanted), line(pair.replay.printed, got)
