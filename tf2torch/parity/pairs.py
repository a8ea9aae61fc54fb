"""Compare a record with its replay: fetched values, output and variables."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Any

import numpy as np

from tf2torch.parity.loading import entries_of
from tf2torch.parity.records import Event, Record
from tf2torch.parity.tolerances import Tolerance, differs, distance, line_differs
from tf2torch.weights import layout

END = 1 << 60  # the number of a run behind all others
ROUNDING = 30.0  # both programs round, and neither is exact


@dataclass(frozen=True)
class Finding:
    """One way in which the two programs differ."""

    kind: str  # "run", "value", "missing", "output", "variable", "start", "draw"
    text: str
    original_line: int = 0
    converted_line: int = 0

    def __str__(self) -> str:
        places = []
        if self.original_line:
            places.append(f"original line {self.original_line}")
        if self.converted_line:
            places.append(f"conversion line {self.converted_line}")
        return f"{self.text}" + (f"\n({', '.join(places)})" if places else "")


@dataclass(frozen=True)
class Pair:
    """What there is to compare: both records, the map between them and what may differ."""

    record: Record
    replay: Record
    weights: Mapping[str, Any]
    tolerance: Tolerance
    ignore: frozenset[str] = frozenset()
    rounded: tuple[Record, ...] = ()  # replays that differ from `replay` in nothing but rounding

    @cached_property
    def steps(self) -> dict[int, int]:
        """Training steps made before each run."""
        found, trained = {}, 0
        for run in self.record.of("run"):
            found[run["id"]] = trained
            trained += bool(run["train"])
        found[END] = trained
        return found

    @cached_property
    def rounding(self) -> list[tuple[int, float]]:
        """How far rounding has carried the conversion by each run, relative to the values."""
        found = []
        here = sequences(self.replay)
        for other in self.rounded:
            there = sequences(other)
            for name, events in sequences(self.record).items():
                for event, a, b in zip(events, on_host(here, name), on_host(there, name)):
                    parts = zip(self.replay.leaves(a["value"]), other.leaves(b["value"]))
                    far = max((distance(x, y) for x, y in parts), default=0.0)
                    found.append((event["run"], far))
        found.sort()
        return list(zip((run for run, _ in found), accumulate((far for _, far in found), max)))

    def allowed(self, run: int) -> tuple[float, float]:
        """Relative and absolute tolerance at a run."""
        rtol, atol = self.tolerance.after(self.steps.get(run, 0))
        far = max((far for at, far in self.rounding if at <= run), default=0.0)
        return max(rtol, ROUNDING * far), atol

    @cached_property
    def final(self) -> dict[tuple[str, str], Any]:
        return final_values(self.replay)

    def noise(self, module: str, key: str) -> float:
        """How far rounding has carried a parameter, as a norm."""
        found = [final_values(other).get((module, key)) for other in self.rounded]
        here = self.final[module, key]
        return max((float(np.linalg.norm(here - v)) for v in found if v is not None), default=0.0)


def final_values(replay: Record) -> dict[tuple[str, str], Any]:
    return {(e["module"], e["key"]): replay.array(e["value"]) for e in replay.of("final")}


def compare(pair: Pair) -> tuple[list[Finding], dict[str, int]]:
    """All differences between a record and its replay, the earliest kind first."""
    by_name, values = _values(pair)
    output, lines = _output(pair)
    variables, compared = _variables(pair)
    counts = {
        "runs": sum(1 for _ in pair.record.of("run")),
        "values by name": values,
        "lines of output": lines,
        "variables": compared,
    }
    return [*_starts(pair.replay), *by_name, *output, *variables], counts


def _starts(replay: Record) -> list[Finding]:
    return [
        Finding("start", f"{event['module']}.{event['key']} {event['text']}")
        for event in replay.of("loading")
    ]


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


# Fetched values


def sequences(record: Record) -> dict[str, list[Event]]:
    """For every name its assignments in order."""
    found: dict[str, list[Event]] = {}
    for event in record.of("assign"):
        found.setdefault(event["name"], []).append(event)
    return found


def same_scope(events: list[Event], wanted: Event, strict: bool = False) -> list[Event]:
    """Assignments in the function that the original made them in, if that is still known.

    What stood at module level may have moved to `main`.
    """
    scopes = ("", "main") if not wanted["scope"] else (wanted["scope"],)
    found = [event for event in events if event["scope"] in scopes]
    return found if found or strict else events


def on_host(assigned: Mapping[str, list[Event]], name: str) -> list[Event]:
    """A name's values on the host, or as tensors where it has no others."""
    events = assigned.get(name, [])
    return [event for event in events if not event["tensor"]] or events


def _values(pair: Pair) -> tuple[list[Finding], int]:
    found: list[tuple[int, Finding]] = []
    count = 0
    converted = sequences(pair.replay)
    for name, wanted in sequences(pair.record).items():
        if name in pair.ignore:
            continue
        run, line = wanted[0]["run"], wanted[0]["line"]
        got = same_scope(on_host(converted, name), wanted[0])
        if not got:
            text = f"The fetched value {name!r} has no counterpart in the conversion"
            found.append((run, Finding("missing", text, line)))
            continue
        for number, (a, b) in enumerate(zip(got, wanted), 1):
            if (why := _event_differs(pair, a, b)) is not None:
                text = f"{name!r} differs the {ordinal(number)} time it is fetched.\n{why}"
                found.append((b["run"], Finding("value", text, b["line"], a["line"])))
                break
            count += 1
        else:
            if len(got) != len(wanted):
                text = f"{name!r} is fetched {len(wanted)} times, in the conversion {len(got)}"
                finding = Finding("missing", text, line, got[0]["line"])
                found.append((wanted[-1]["run"], finding))
    return [finding for _, finding in sorted(found, key=lambda item: item[0])], count


def ordinal(number: int) -> str:
    teen = number % 100 in (11, 12, 13)
    return f"{number}{'th' if teen else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"


def _event_differs(pair: Pair, got: Event, wanted: Event) -> str | None:
    a, b = pair.replay.leaves(got["value"]), pair.record.leaves(wanted["value"])
    rtol, atol = pair.allowed(wanted["run"])
    if [leaf.shape for leaf in a] != [leaf.shape for leaf in b]:
        stacked = stacked_states(b)
        if [leaf.shape for leaf in a] == [leaf.shape for leaf in stacked]:
            b = stacked
    if len(a) != len(b):
        return f"It has {len(a)} parts, expected {len(b)}"
    for index, (x, y) in enumerate(zip(a, b)):
        if (why := differs(x, y, rtol, atol)) is not None:
            return why if len(a) == 1 else f"The failure occurred for item [{index}].\n{why}"
    return None


def stacked_states(leaves: list[Any]) -> list[Any]:
    """TensorFlow's LSTM states, c and h of each layer, as torch has them: all h, then all c."""
    if len(leaves) % 2 or len({leaf.shape for leaf in leaves}) != 1:
        return leaves
    return [np.stack(leaves[1::2]), np.stack(leaves[0::2])]


# Output


def _output(pair: Pair) -> tuple[list[Finding], int]:
    wanted, got = pair.record.stdout.splitlines(), pair.replay.stdout.splitlines()
    rtol, atol = pair.allowed(END)
    both = min(len(wanted), len(got))
    for number, (a, b) in enumerate(zip(got, wanted), 1):
        if line_differs(a, b, rtol, atol):
            text = f"Line {number} of the output differs.\ngot      {a}\nexpected {b}"
            return [Finding("output", text)], both
    if len(got) != len(wanted):
        more = (got if len(got) > len(wanted) else wanted)[both]
        text = f"The output has {len(got)} lines, expected {len(wanted)}; the first without "
        return [Finding("output", f"{text}counterpart: {more}")], both
    return [], both


# Variables


def _variables(pair: Pair) -> tuple[list[Finding], int]:
    found = []
    first, last, mapped = pair.record.first_values, pair.record.final_values, pair.weights
    slots = {end for o in mapped.get("optimizers", []) for end in (*o["slots"], *o["powers"])}
    for name in first:
        if name not in mapped["variables"] and not is_slot(name, mapped["variables"], slots):
            found.append(Finding("missing", f"The variable {name!r} is not in the weight map"))
    rtol, atol = pair.allowed(END)
    count = 0
    for (module, key), parts in entries_of(mapped).items():
        if (module, key) not in pair.final or any(name not in last for name, _ in parts):
            continue
        count += 1
        got = pair.final[module, key]
        wanted = layout.join([(steps, last[name]) for name, steps in parts])
        why = differs(got, wanted, rtol, atol)
        if why is not None and got.shape == wanted.shape:
            start = layout.join([(steps, first[name]) for name, steps in parts])
            noise = pair.noise(module, key)
            why = None if same_update(got - start, wanted - start, noise, rtol) else why
        if why is not None:
            names = " and ".join(name for name, _ in parts)
            text = f"{module}.{key} ({names}) differs at the end.\n{why}"
            found.append(Finding("variable", text))
    return found, count


def same_update(got: Any, wanted: Any, noise: float, rtol: float) -> bool:
    """Whether two changes of a variable agree as a whole, though not in every element.

    Adam and its kin divide a gradient by its own size: an element whose gradient is nothing but
    rounding moves as far as the others, and may do so in the other direction. A bias in front of a
    batch normalization has no other gradients: all its change is `noise`.
    """
    moved = float(np.linalg.norm(wanted))
    allowed = 20 * rtol * moved + ROUNDING / 3 * noise
    if noise < 0.1 * moved:
        allowed = min(allowed, 0.5 * moved)
    return moved > 0 and float(np.linalg.norm(got - wanted)) <= allowed


def is_slot(name: str, mapped: Collection[str], endings: Collection[str]) -> bool:
    """Whether a variable belongs to an optimizer of the weight map."""
    last = name.split("/")[-1]
    for ending in endings:
        if "{}" not in ending:
            if last == ending or last.startswith(ending + "_"):
                return True
        elif any(name == ending.replace("{}", variable) for variable in mapped):
            return True
        elif name.endswith(ending.replace("{}", "")):
            return True
    return False
