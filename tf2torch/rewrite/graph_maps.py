"""One weight map for a program of several graphs: rows say which graph's variable they mean."""

from __future__ import annotations

from typing import Any

from tf2torch.rewrite.weights import held_by, weight_map
from tf2torch.rewrite.writer import Writer


def program_map(writer: Writer) -> dict[str, Any]:
    """The weight map of the whole program."""
    found = weight_map(writer)
    for number, other in enumerate(writer.others, 1):
        plan = other.plan
        added = weight_map(other)
        added = held_by(added, plan.model, plan.title or plan.model)
        found = {
            "version": 1,
            "variables": _joined(found["variables"], added["variables"], number),
            "optimizers": [
                *found["optimizers"],
                *({**entry, "graph": number} for entry in added["optimizers"]),
            ],
        }
    return found


def _joined(first: dict[str, Any], added: dict[str, Any], number: int) -> dict[str, Any]:
    """Rows of another graph added to those of the same names."""
    joined = dict(first)
    for name, entry in added.items():
        rows = [{**row, "graph": number} for row in _rows(entry)]
        both = [*_rows(first.get(name)), *rows]
        joined[name] = None if not both else both[0] if len(both) == 1 else both
    return joined


def _rows(entry: Any) -> list[Any]:
    if entry is None:
        return []
    return entry if isinstance(entry, list) else [entry]
