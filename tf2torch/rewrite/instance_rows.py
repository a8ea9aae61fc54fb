"""Rows of the weight map for a class that the program makes several instances of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import libcst as cst

from tf2torch.analyse.instance_names import Place
from tf2torch.cst.walk import walk
from tf2torch.rewrite.writer import Unconvertible, Writer


def rows_of_instances(writer: Writer, place: Place, index: int, entry: Any) -> Iterator[Any]:
    """(name, entry) of a variable in each instance; ``Model#1`` is the second instance's model.

    `index` is that of the variable in its creation.
    """
    for number, names in enumerate(writer.analysis.instances.names):
        if place in names:
            yield names[place][index], _numbered(entry, number)


def _numbered(entry: Any, number: int) -> Any:
    if isinstance(entry, list):
        return [_numbered(row, number) for row in entry]
    if entry is None or number == 0 or entry["module"] is None:
        return entry
    return {**entry, "module": f"{entry['module']}#{number}"}


def moved_to(module: str | None, model: str | None, holder: str | None) -> str | None:
    """The name of a row's module with `holder` in place of `model`."""
    name, mark, number = (module or "").partition("#")
    return f"{holder}{mark}{number}" if name == (model or "") else module


def require_own(writer: Writer, node: cst.CSTNode) -> None:
    """Checks that a statement has nothing that instances of a class have in common.

    The conversion gives each instance variables of its own.
    """
    shared = writer.analysis.instances.shared
    for item in walk(node) if shared else ():
        if item in shared:
            raise Unconvertible("shared-instances", shared[item], item)
