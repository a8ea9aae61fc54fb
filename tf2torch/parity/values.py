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
        run, line = wanted[0]["run"], wanted[0]["line"]
        got = _from_one_line(same_scope(on_host(converted, name), wanted[0]), len(wanted))
        if not got:
            text = f"The fetched value {name!r} has no counterpart in the conversion"
            found.append(Finding("missing", text, line, run=run, name=name))
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


def ordinal(number: int) -> str:
    teen = number % 100 in (11, 12, 13)
    return f"{number}{'th' if teen else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"


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


NODE = re.compile(r'\b(?:Sparse)?Tensor\("|<tf\.(?:Variable|Operation|Tensor)\b')


def without_nodes(output: str) -> list[str]:
    """The lines of an output but those that describe nodes of the graph: torch has none."""
    return [line for line in output.splitlines() if NODE.search(line) is None]


def printed(pair: Pair) -> tuple[list[Finding], int]:
    """The first difference of the output, and how many lines were compared."""
    wanted, got = without_nodes(pair.record.stdout), pair.replay.stdout.splitlines()
    rtol, atol = pair.allowed(END)
    both = min(len(wanted), len(got))
    for number, (a, b) in enumerate(zip(got, wanted), 1):
        if line_differs(a, b, rtol, atol):
            text = f"Line {number} of the output differs.\ngot      {a}\nexpected {b}"
            return [Finding("output", text, *lines(pair, number))], both
    if len(got) != len(wanted):
        more = (got if len(got) > len(wanted) else wanted)[both]
        text = f"The output has {len(got)} lines, expected {len(wanted)}; the first without "
        return [Finding("output", f"{text}counterpart: {more}", *lines(pair, both + 1))], both
    return [], both


def lines(pair: Pair, number: int) -> tuple[int, int]:
    """The source lines that print a line of output."""
    both = pair.record.printed, pair.replay.printed
    found = [printed[number - 1] if number <= len(printed) else 0 for printed in both]
    return found[0], found[1]
