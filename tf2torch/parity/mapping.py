"""Read the weight map from the side of the parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def entries_of(weights: Mapping[str, Any]) -> dict[tuple[str, str], list[tuple[str, Any]]]:
    """For every parameter, (module, key), the variables that go into it: (name, layout)."""
    found: dict[tuple[str, str], list[tuple[str, Any]]] = {}
    for name, entry in weights["variables"].items():
        for row in entry if isinstance(entry, list) else [entry] if entry else []:
            module = row["module"].split(".")[-1]
            found.setdefault((module, row["key"]), []).append((name, row.get("layout", "identity")))
    return found
