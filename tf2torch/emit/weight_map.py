"""The weight map: the file beside the output that says where each TF variable went."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

VERSION = 1


def map_text(weights: Mapping[str, Any]) -> str:
    """The text of a weight map, one variable a line."""
    variables = weights.get("variables", {})
    optimizers = weights.get("optimizers", [])
    rows = [f"  {_json(name)}: {_json(entry)}" for name, entry in variables.items()]
    others = [f"  {_json(optimizer)}" for optimizer in optimizers]
    parts = [
        f'"version": {VERSION}',
        '"variables": {' + _lines(rows) + "}",
        '"optimizers": [' + _lines(others) + "]",
    ]
    return "{" + ",\n ".join(parts) + "}\n"


def _lines(rows: Sequence[str]) -> str:
    return "\n" + ",\n".join(rows) if rows else ""


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def merge_maps(maps: Sequence[tuple[str, Mapping[str, Any]]]) -> dict[str, Any]:
    """One map for a folder, from (dotted module name, map of the file).

    A class name that two files have is written `file.Class`; a variable that two files make
    goes to the modules of both.
    """
    owners = Counter(module for _, one in maps for module in {_root(m) for m in _modules(one)})
    variables: dict[str, Any] = {}
    optimizers: list[Any] = []
    for file, one in maps:
        for name, entry in one.get("variables", {}).items():
            targets = [_qualified(target, file, owners) for target in _targets(entry)]
            known = _targets(variables.get(name))
            merged = known + [target for target in targets if target not in known]
            variables[name] = None if not merged else merged[0] if len(merged) == 1 else merged
        optimizers += [o for o in one.get("optimizers", []) if o not in optimizers]
    return {"version": VERSION, "variables": variables, "optimizers": optimizers}


def _targets(entry: Any) -> list[dict[str, Any]]:
    return [] if entry is None else list(entry) if isinstance(entry, list) else [entry]


def _modules(one: Mapping[str, Any]) -> set[str]:
    return {t["module"] for entry in one.get("variables", {}).values() for t in _targets(entry)}


def _root(module: str) -> str:
    """The class of `Model#1`, the second instance of a class."""
    return module.split("#")[0]


def _qualified(target: dict[str, Any], file: str, owners: Counter[str]) -> dict[str, Any]:
    if owners[_root(target["module"])] < 2:
        return target
    return {**target, "module": f"{file}.{target['module']}"}
