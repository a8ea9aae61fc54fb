"""Read the weight map from the side of the parameters."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tf2torch.weights.rounds import Round, expanded, numbered_key


def with_rounds(weights: Mapping[str, Any], made: Iterable[str]) -> dict[str, Any]:
    """The map of a record, which has made these variables in this order, round by round."""

    def numbered(entry: Any, rounds: tuple[Round, ...]) -> Any:
        if isinstance(entry, list):
            return [numbered(row, rounds) for row in entry]
        return entry and {**entry, "key": numbered_key(entry["key"], rounds)}

    variables = expanded(weights["variables"], made, numbered, in_order=True)
    return {**weights, "variables": variables}


def map_path(original: Path, converted: Path) -> Path:
    """The weight map of a conversion: beside it, or that of the folder that was converted."""
    own = converted.with_suffix(".weights.json")
    if own.exists():
        return own
    pairs = zip(original.resolve().parents, converted.resolve().parents)
    shared = (there / f"{here.name}.weights.json" for here, there in pairs)
    return next((path for path in shared if path.exists()), own)


def read_for(converted: Path, path: Path) -> dict[str, Any]:
    """The map of a conversion from its file, with the names of the record."""
    return by_graph(of_program(json.loads(path.read_text(encoding="utf-8")), converted, path))


def of_program(weights: Mapping[str, Any], converted: Path, path: Path) -> dict[str, Any]:
    """The map without classes that only other programs of the folder have.

    `path` is that of the map: `free.Model` is the class in the file `free.py` beside it.
    """
    files: dict[str, set[str]] = {}
    for entry in weights["variables"].values():
        for row in rows_of(entry):
            file, _, name = row["module"].split("#")[0].rpartition(".")
            files.setdefault(name, set()).add(file)
    here, there = converted.resolve(), path.resolve().parent
    inside = here.is_relative_to(there)
    own = ".".join(here.relative_to(there).with_suffix("").parts) if inside else here.stem
    foreign = {
        f"{file}.{name}" for name, found in files.items() if own in found for file in found - {own}
    }

    def kept(entry: Any) -> Any:
        rows = [row for row in rows_of(entry) if row["module"].split("#")[0] not in foreign]
        return rows[0] if len(rows) == 1 else rows or None

    return {**weights, "variables": {n: kept(e) for n, e in weights["variables"].items()}}


def by_graph(weights: Mapping[str, Any]) -> dict[str, Any]:
    """The map with the names of the record: those of further graphs begin with the graph."""
    variables: dict[str, Any] = {}
    graphs = graphs_of(weights)
    every = {name: rows_of(entry) for name, entry in weights["variables"].items()}
    for name, rows in every.items():
        for graph in range(graphs):
            own = [row for row in rows if row.get("graph", 0) == graph]
            entry = own[0] if len(own) == 1 else own or None
            variables[f"graph {graph}/{name}" if graph else name] = entry
    return {**weights, "variables": variables}


def graphs_of(weights: Mapping[str, Any]) -> int:
    """How many graphs the map knows."""
    rows = [row for entry in weights["variables"].values() for row in rows_of(entry)]
    return 1 + max(
        (row.get("graph", 0) for row in [*rows, *weights.get("optimizers", ())]), default=0
    )


def rows_of(entry: Any) -> list[Any]:
    """The rows of one variable."""
    return entry if isinstance(entry, list) else [entry] if entry else []


def entries_of(weights: Mapping[str, Any]) -> dict[tuple[str, str], list[tuple[str, Any]]]:
    """For every parameter, (module, key), the variables that go into it: (name, layout)."""
    found: dict[tuple[str, str], list[tuple[str, Any]]] = {}
    for name, entry in weights["variables"].items():
        for row in rows_of(entry):
            module = row["module"].split(".")[-1]
            found.setdefault((module, row["key"]), []).append((name, row.get("layout", "identity")))
    return found
