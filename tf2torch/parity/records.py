"""Read what the recorder wrote: events in order, arrays on demand."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

Event = Mapping[str, Any]


@dataclass(frozen=True)
class Record:
    """A folder of events and arrays."""

    folder: Path

    @cached_property
    def events(self) -> list[Event]:
        path = self.folder / "events.jsonl"
        if not path.exists():
            return []
        lines = path.read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines if line.endswith("}")]

    def of(self, kind: str) -> Iterator[Event]:
        return (event for event in self.events if event["kind"] == kind)

    def array(self, reference: Mapping[str, Any]) -> Any:
        with (self.folder / "values.bin").open("rb") as stream:
            stream.seek(reference["at"])
            return np.lib.format.read_array(stream, allow_pickle=False)

    def leaves(self, value: Any) -> list[Any]:
        """The arrays of a nested value, in order."""
        if "list" in value:
            return [leaf for item in value["list"] for leaf in self.leaves(item)]
        if "dict" in value:
            return [leaf for _, item in value["dict"] for leaf in self.leaves(item)]
        return [self.array(value)] if "at" in value else []

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
    def variable_lines(self) -> dict[str, int]:
        """For every variable the line of the program that makes it."""
        return {n: at for event in self.of("variables") for n, at in event["lines"].items()}

    @cached_property
    def printed(self) -> list[int]:
        """For every line of output the line of the program that prints it."""
        return [line for event in self.of("printed") for line in event["lines"]]

    @cached_property
    def drawn(self) -> frozenset[str]:
        """The variables whose initial values come from random ops."""
        return frozenset(name for event in self.of("variables") for name in event["drawn"])

    @cached_property
    def final_values(self) -> dict[str, Any]:
        """For every variable its last value."""
        found: dict[str, Any] = {}
        for event in self.of("variables"):
            if event["when"] == "final":
                found.update({n: self.array(at) for n, at in event["value"].items() if "at" in at})
        return found
