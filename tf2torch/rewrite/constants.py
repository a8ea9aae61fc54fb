"""Module-level statements without effects, which stay where they are."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from tf2torch.analyse.placing import is_guard
from tf2torch.cst.names import names_in
from tf2torch.plan.units import Unit, calls_in
from tf2torch.rewrite import closing
from tf2torch.rewrite.writer import code


def constant_units(units: Sequence[Unit]) -> set[int]:
    """Module-level host units without effects: they stay where they are."""
    found: set[int] = set()
    stored: dict[str, int] = {}
    for unit in units:
        for name in unit.names.stores if not is_guard(unit.node) else ():
            stored[name] = stored.get(name, 0) + 1
    constant_names: set[str] = set()
    changed = _changed(units)
    shared = {name for unit in units if unit.kind == "define" for name in unit.names.loads}
    opened = False
    for unit in units:
        opened = closing.is_inside(unit.small, opened)
        if opened:
            continue
        if unit.kind in ("import", "define"):
            constant_names |= unit.names.stores
            continue
        if unit.kind != "host" or unit.scope is not None or not isinstance(unit.small, cst.Assign):
            continue
        if any(stored[name] > 1 for name in unit.names.stores) or not unit.names.stores:
            continue
        if unit.names.loads & changed:
            continue  # its value depends on when it is computed
        if unit.names.stores & changed and not unit.names.stores & shared:
            continue  # the program fills it, and no function does
        if not unit.names.loads <= constant_names | _SAFE or not _is_pure(unit.small.value):
            continue
        found.add(unit.index)
        constant_names |= unit.names.stores
    return found


def _changed(units: Sequence[Unit]) -> set[str]:
    """Names whose objects some code changes in place: ``data.append(x)``, ``table[k] = v``."""
    found: set[str] = set()
    for unit in units:
        found |= names_in(unit.node).attribute_stores
        for call in calls_in(unit.node):
            if isinstance(call.func, cst.Attribute) and isinstance(call.func.value, cst.Name):
                if call.func.attr.value in _MUTATORS:
                    found.add(call.func.value.value)
        if isinstance(unit.node, cst.FunctionDef):
            found |= _changed_inside(unit.node)
    return found


def _changed_inside(node: cst.FunctionDef) -> set[str]:
    found = names_in(node.body).attribute_stores
    for call in calls_in(node.body):
        if isinstance(call.func, cst.Attribute) and isinstance(call.func.value, cst.Name):
            if call.func.attr.value in _MUTATORS:
                found = found | {call.func.value.value}
    return found


_MUTATORS = frozenset(
    "append extend insert pop remove clear update setdefault sort reverse add discard fill shuffle"
    " popitem appendleft extendleft rotate".split()
)

_SAFE = frozenset(
    "slice True False None int float str len range list tuple dict set max min abs round"
    " sum".split()
)

_PURE = frozenset(
    [f"{package}.{name}" for package in ("np", "numpy") for name in
     "array asarray zeros ones arange linspace sqrt log exp float32 float64 int32 int64"
     " eye".split()]
    + [f"math.{name}" for name in ("sqrt", "log", "exp", "ceil", "floor")]
    + ["os.path.join", "os.path.dirname", "os.path.abspath", "os.path.expanduser"]
)  # fmt: skip


def _is_pure(node: cst.BaseExpression) -> bool:
    for call in calls_in(node):
        name = code(call.func)
        if name not in _SAFE and name not in _PURE:
            return False
    return True
