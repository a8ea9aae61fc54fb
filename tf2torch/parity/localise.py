"""Name the first line where two programs part, from the values behind the names that both assign.

A tensor of the original is looked for among all that the conversion's calls return in the same
run, by its values, in either layout. What is not found, has no descendant that is found, and
comes first, is where they part.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from tf2torch.parity.findings import END, Finding
from tf2torch.parity.pairs import Pair
from tf2torch.parity.recorder.probes import target_texts
from tf2torch.parity.records import Event
from tf2torch.parity.sources import about_parameter, makers
from tf2torch.parity.tolerances import describe


@dataclass(eq=False)
class Call:
    """One value that a call of the conversion returned."""

    line: int
    value: Any
    name: str = ""  # what it was assigned to, where that is all it was
    owners: set[int] = field(default_factory=set)  # the named tensors that have its values


@dataclass(eq=False)
class Named:
    """A named tensor of the original, and its counterpart if it has one."""

    event: Event
    value: Any
    match: int | None = None  # the number of a call
    before: list[int] = field(default_factory=list)

    @property
    def telling(self) -> bool:
        """Whether finding its values says anything: a constant is found everywhere."""
        flat = self.value.reshape(-1)
        return (
            self.value.dtype.kind in "fc"
            and flat.size > 0
            and bool((flat != flat[0]).any() or (flat.size == 1 and flat[0] not in (0.0, 1.0)))
        )


def base_name(named: Named) -> str:
    return str(named.event["name"]).split(".")[-1].split("[")[0]


def arrangements(value: Any, shape: tuple[int, ...]) -> Iterator[Any]:
    """A value of the original in the shapes that it may have in the conversion."""
    if value.shape == shape:
        yield value
    if value.ndim >= 3:
        moved = np.moveaxis(value, -1, 1)
        if moved.shape == shape:
            yield moved
    if value.ndim >= 2 and value.shape[:2] == shape[1::-1] and value.shape[2:] == shape[2:]:
        yield np.swapaxes(value, 0, 1)
    if value.shape != shape and value.size == int(np.prod(shape)) and value.ndim != len(shape):
        yield value.reshape(shape)
        if value.ndim >= 3:
            yield np.moveaxis(value, -1, 1).reshape(shape)


class Tracing:
    """The named tensors of one run beside the calls of the conversion."""

    def __init__(self, pair: Pair, run: int, converted: Path) -> None:
        self._pair, self._run = pair, run
        self._tree = ast.parse(converted.read_text(encoding="utf-8"))
        record, replay = pair.record, pair.replay
        self.named = [
            Named(event, record.array(event["value"]), before=list(event["before"]))
            for event in record.of("trace")
            if event["run"] == run and "at" in event["value"]
        ]
        start = self._start()
        self.calls = [
            Call(event["line"], replay.array(event["value"]), event.get("assigned", ""))
            for event in replay.of("op")
            if start <= event["finished"] < run
        ]

    def _start(self) -> int:
        """The last run before this one that the conversion is known to have finished."""
        known = {event["finished"] for event in self._pair.replay.of("op")}
        return max((number for number in known if number < self._run), default=0)

    @cached_property
    def assigned(self) -> dict[int, set[str]]:
        """The names that each line of the conversion assigns."""
        found: dict[int, set[str]] = {}
        for node in ast.walk(self._tree):
            targets = getattr(node, "targets", [getattr(node, "target", None)])
            if isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
                names = {text.split(".")[-1] for t in targets for text in target_texts(t)}
                for line in range(node.lineno, (node.end_lineno or node.lineno) + 1):
                    found.setdefault(line, set()).update(names)
        return found

    def match(self) -> None:
        rtol, atol = self._pair.allowed(self._run)
        sizes: dict[int, list[int]] = {}
        for number, call in enumerate(self.calls):
            sizes.setdefault(call.value.size, []).append(number)
        for place, named in enumerate(self.named):
            scale = float(np.abs(named.value).max(initial=0.0)) if named.value.size else 0.0
            for number in sizes.get(named.value.size, ()):
                call = self.calls[number]
                if any(
                    np.allclose(call.value, value, rtol=2 * rtol, atol=2 * (atol + rtol * scale))
                    for value in arrangements(named.value, call.value.shape)
                ):
                    named.match = number if named.match is None else named.match
                    call.owners.add(place)

    def first_difference(self) -> Finding | None:
        self.match()
        found = {
            i for i, named in enumerate(self.named) if named.match is not None and named.telling
        }
        agreeing = {i for at in found for i in self.named[at].before} | found
        for number, named in enumerate(self.named):
            if named.match is None and number not in agreeing and named.telling:
                earlier = [self.named[i].match for i in named.before]
                start = max((at for at in earlier if at is not None), default=-1) + 1
                call = self._origin(self._counterpart(named, start), start)
                # A number of its own has many numbers that look like it, and proves nothing.
                if call is not None or named.value.size > 1:
                    return self._finding(named, call, start)
        return None

    def _finding(self, named: Named, call: Call | None, start: int) -> Finding:
        line = call.line if call is not None else self._line_at(start)
        text = f"{named.event['name']!r} is the first value that differs"
        if call is not None:
            value = next(arrangements(named.value, call.value.shape), None)
            if value is not None and value.shape == call.value.shape:
                rtol, atol = self._pair.allowed(self._run)
                wrong = ~np.isclose(call.value, value, rtol=rtol, atol=atol)
                got, wanted = call.value.astype(np.float64), value.astype(np.float64)
                text += ".\n" + describe(got, wanted, wrong, rtol, atol)
        return Finding("trace", text, named.event["line"], line, self._run, named.event["name"])

    def _counterpart(self, named: Named, start: int) -> Call | None:
        """The call that should have returned a value: of its name, or the next of its shape."""

        def fits(call: Call, exactly: bool) -> bool:
            shapes = [value.shape for value in arrangements(named.value, call.value.shape)]
            return bool(shapes) and (not exactly or call.value.ndim == named.value.ndim)

        name = base_name(named)
        later = self.calls[start:]
        free = [call for call in later if not call.owners]
        earlier = {i for i in named.before if base_name(self.named[i]) == name}
        others = [call for call in later if not call.owners & earlier]
        for exactly in (True, False):
            fitting = [call for call in free if fits(call, exactly)]
            same = [call for call in others if call.name == name and fits(call, exactly)]
            if same:
                return self._in_order(named, same)
            beside = [call for call in fitting if name in self.assigned.get(call.line, ())]
            if beside:
                return beside[0]
            if fitting and named.value.size > 1:
                return fitting[0]
        return None

    def _origin(self, call: Call | None, start: int) -> Call | None:
        """The call that made a value, where a name was given to it further out: `y = model(x)`."""
        if call is None:
            return None
        for other in self.calls[start:]:
            if not other.owners and np.array_equal(other.value, call.value):
                return other
        return call

    def _in_order(self, named: Named, same: Sequence[Call]) -> Call:
        """Which of the calls that give a name its values; several may make one value."""
        later = [
            other
            for other in self.named[self.named.index(named) :]
            if other.match is None
            and other.event["name"] == named.event["name"]
            and other.value.shape == named.value.shape
        ]
        lines = list(dict.fromkeys(call.line for call in same))
        line = lines[max(len(lines) - len(later), 0)]
        return next(call for call in same if call.line == line)

    def _line_at(self, start: int) -> int:
        calls = self.calls[start:] or self.calls[-1:]
        return calls[0].line if calls else 0


def localised(
    pair: Pair, converted: Path, findings: Sequence[Finding], trace: bool = True
) -> list[Finding]:
    """The findings with lines, the first difference in front."""
    if not findings:
        return []
    text = converted.read_text(encoding="utf-8")
    births = pair.record.variable_lines
    placed = []
    for finding in findings:
        if finding.kind == "step" and not finding.converted_line:
            finding = replace(finding, converted_line=_optimizer(pair))
        elif finding.kind in ("start", "variable"):
            module, _, key = _parameter(pair, finding.name).partition(".")
            line = about_parameter(text, module, key, initial=finding.kind == "start")
            name = _variable(pair, module, key)
            finding = replace(
                finding, original_line=finding.original_line or births.get(name, 0),
                converted_line=finding.converted_line or line,
            )  # fmt: skip
        elif finding.kind == "missing" and not finding.converted_line:
            finding = replace(
                finding, original_line=finding.original_line or births.get(finding.name, 0),
                converted_line=_sibling(pair, finding),
            )  # fmt: skip
        placed.append(finding)
    first = placed[0]
    # A step whose gradient agrees has its cause behind all tensors of the graph.
    if trace and first.kind in ("value", "gradient", "missing", "output") and not first.sure:
        run = first.run if first.run != END else 0
        if run and (found := Tracing(pair, run, converted).first_difference()) is not None:
            made = tuple(makers(text, found.converted_line))
            found = replace(found, made=made, cause=first.cause)
            return [found, *placed]
    rates = [f for f in placed if "learning rate" in f.text and f.run == first.run]
    if first.kind == "value" and rates:
        return [rates[0], *(f for f in placed if f is not rates[0])]
    return placed


def _parameter(pair: Pair, name: str) -> str:
    """The parameter of a finding, which may name a variable."""
    entry = pair.weights["variables"].get(name.split(" and ")[0])
    row = entry[0] if isinstance(entry, list) and entry else entry
    return f"{row['module']}.{row['key']}" if row else name


def _variable(pair: Pair, module: str, key: str) -> str:
    for name, entry in pair.weights["variables"].items():
        for row in entry if isinstance(entry, list) else [entry] if entry else []:
            if row["module"].split(".")[-1] == module and row["key"] == key:
                return str(name)
    return ""


def _optimizer(pair: Pair) -> int:
    """Where the conversion makes the optimizer that a parameter is missing from."""
    return next((int(event["made"]) for event in pair.replay.of("update")), 0)


def _sibling(pair: Pair, finding: Finding) -> int:
    """Where the conversion assigns what the original fetches in the same statement."""
    names = {e["name"] for e in pair.record.of("assign") if e["line"] == finding.original_line}
    for event in pair.replay.of("assign"):
        if event["name"] in names:
            return int(event["line"])
    return 0
