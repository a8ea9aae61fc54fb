"""Read what the recorder wrote: events in order, arrays on demand."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

Event = Mapping[str, Any]


@dataclass(frozen=True)
class Initialisation:
    """One initialisation of some variables, in one run or more: its runs, and the stored values."""

    first: int
    last: int
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Record:
    """A folder of events and arrays."""

    folder: Path
    graphs: int = 0  # so many graphs have variables of their own; 0 if every one has

    @cached_property
    def events(self) -> list[Event]:
        path = self.folder / "events.jsonl"
        if not path.exists():
            return []
        lines = path.read_text(encoding="utf-8").splitlines()
        found = [json.loads(line) for line in lines if line.endswith("}")]
        return folded(found, self.graphs) if self.graphs else found

    def of(self, kind: str) -> Iterator[Event]:
        return (event for event in self.events if event["kind"] == kind)

    def array(self, reference: Mapping[str, Any]) -> Any:
        with (self.folder / "values.bin").open("rb") as stream:
            stream.seek(reference["at"])
            return np.lib.format.read_array(stream, allow_pickle=False)

    def shape(self, reference: Mapping[str, Any]) -> tuple[int, ...]:
        """The shape of an array, without its values."""
        with (self.folder / "values.bin").open("rb") as stream:
            stream.seek(reference["at"])
            np.lib.format.read_magic(stream)
            return np.lib.format.read_array_header_1_0(stream)[0]

    def leaves(self, value: Any) -> list[Any]:
        """The arrays of a nested value, in order."""
        return [self.array(reference) for reference in references(value)]

    @cached_property
    def stdout(self) -> str:
        path = self.folder / "stdout.txt"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    @cached_property
    def error(self) -> str | None:
        """Why the program did not come to its end, if it did not."""
        for event in self.of("end"):
            return event["error"]
        return "the process ended before the program did"

    @cached_property
    def initial(self) -> list[dict[str, Any]]:
        """Values after each initialisation, the first one first; later ones only what they set."""
        return [
            {name: self.array(at) for name, at in event["value"].items() if "at" in at}
            for event in self.of("variables")
            if event["when"] == "init"
        ]

    def rounds(self, names: Collection[str]) -> list[Initialisation]:
        """The initialisations of some variables: what sets one of them anew begins another."""
        found: list[Initialisation] = []
        for event in self.of("variables"):
            given = {n: at for n, at in event["value"].items() if n in names and "at" in at}
            if event["when"] != "init" or not given:
                continue
            if found and not given.keys() & found[-1].values.keys():
                last = found.pop()
                found.append(Initialisation(last.first, event["run"], {**last.values, **given}))
            else:
                found.append(Initialisation(event["run"], event["run"], given))
        return found

    def only_initialises(self, after: int, before: int) -> bool:
        """Whether all runs between two are initialisations."""
        return all(event["init"] for event in self.of("run") if after < event["id"] < before)

    @cached_property
    def first_values(self) -> dict[str, Any]:
        """For every variable the value of its first initialisation."""
        found: dict[str, Any] = {}
        for values in self.initial:
            for name, value in values.items():
                found.setdefault(name, value)
        return found

    @cached_property
    def made(self) -> frozenset[str]:
        """The variables that the program makes, whether it gives them values or not."""
        return frozenset(name for event in self.of("made") for name in event["names"])

    @cached_property
    def unordered(self) -> frozenset[str]:
        """The variables that a run sets several times in any order, as it happens."""
        return frozenset(name for event in self.of("unordered") for name in event["names"])

    @cached_property
    def updating(self) -> list[tuple[frozenset[str], list[int]]]:
        """The sets of variables that are updated together, with the runs that do."""
        groups = {event["id"]: frozenset(event["names"]) for event in self.of("group")}
        found: dict[frozenset[str], list[int]] = {}
        for run in self.of("run"):
            if run["updates"] is not None:
                found.setdefault(groups[run["updates"]], []).append(run["id"])
        return list(found.items())

    @cached_property
    def variable_lines(self) -> dict[str, int]:
        """For every variable the line of the program that makes it."""
        return {n: at for event in self.of("variables") for n, at in event["lines"].items()}

    @cached_property
    def printed(self) -> list[int]:
        """For every line of output the line of the program that prints it."""
        return [line for event in self.of("printed") for line in event["lines"]]

    @cached_property
    def readings(self) -> dict[str, list[Any]]:
        """What the program has read from each clock."""
        return {k: v for event in self.of("clock") for k, v in event["readings"].items()}

    @cached_property
    def drawn(self) -> frozenset[str]:
        """The variables whose initial values come from random ops."""
        return frozenset(name for event in self.of("variables") for name in event["drawn"])

    @cached_property
    def restored(self) -> frozenset[str]:
        """The variables whose first values come from a checkpoint."""
        found: dict[str, bool] = {}
        for event in self.of("variables"):
            if event["when"] == "init":
                for name in event["value"]:
                    found.setdefault(name, name in event["restored"])
        return frozenset(name for name, restored in found.items() if restored)

    @cached_property
    def final_values(self) -> dict[str, Any]:
        """For every variable its last value."""
        found: dict[str, Any] = {}
        for event in self.of("variables"):
            if event["when"] == "final":
                found.update({n: self.array(at) for n, at in event["value"].items() if "at" in at})
        return found


def references(value: Any) -> Iterator[Any]:
    """The stored arrays of a nested value, in order."""
    if "list" in value:
        for item in value["list"]:
            yield from references(item)
    elif "dict" in value:
        for _, item in value["dict"]:
            yield from references(item)
    elif "at" in value:
        yield value


GRAPH = re.compile(r"graph (\d+)/")


def folded(events: list[dict[str, Any]], graphs: int) -> list[Event]:
    """The events of a program that makes its model again in further graphs, as those of one graph.

    An estimator trains in one graph and evaluates in another, with values from a checkpoint.
    """

    def number(name: str) -> int:
        found = GRAPH.match(name)
        return int(found.group(1)) if found else 0

    def base(name: str) -> str:
        return name.partition("/")[2] if number(name) >= graphs else name

    counts = {n: c for e in events if e["kind"] == "updates" for n, c in e["counts"].items()}
    before: dict[str, int] = {}
    total: dict[str, int] = {}
    for name in sorted(counts, key=number):
        before[name] = total.get(base(name), 0)
        total[base(name)] = before[name] + counts[name]
    made: list[Event] = []
    for event in events:
        if event["kind"] == "variables":
            event["value"] = {base(name): value for name, value in event["value"].items()}
            event["lines"] = {base(name): line for name, line in event["lines"].items()}
            event["trainable"] = [base(name) for name in event["trainable"]]
            event["drawn"] = [base(name) for name in event["drawn"]]
        elif event["kind"] in ("made", "group", "unordered"):
            event["names"] = [base(name) for name in event["names"]]
        elif event["kind"] == "update":
            event["nth"] += before.get(event["name"], 0)
            event["name"] = base(event["name"])
        made.append(event)
    return made
