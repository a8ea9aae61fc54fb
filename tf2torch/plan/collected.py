"""Statements that read a collection of losses read the names of the losses in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import libcst as cst

from tf2torch.analyse import Analysis
from tf2torch.plan.units import Unit, calls_in, contents
from tf2torch.rulebook.values import Value


def collected(analysis: Analysis, call: cst.Call) -> tuple[Value, ...] | None:
    """The losses that a call reads from collections; None if it reads none that are known."""
    state = analysis.state
    if call in state.loss_sums:
        summed: tuple[Value, ...] | None = state.loss_sums[call]
        return summed
    symbol = analysis.symbols.get(call.func, "")
    if symbol.rpartition(".")[2] not in (
        "get_collection",
        "get_losses",
        "get_regularization_losses",
    ):
        return None
    items = contents(analysis.values.get(call, Value("unknown")))
    return tuple(items) if all(item.kind == "tensor" for item in items) else None


def pass_collected_names(analysis: Analysis, units: Iterable[Unit]) -> None:
    """Adds to what each unit reads the root names of the losses that it takes from collections."""
    units = tuple(units)
    if not analysis.state.loss_sums and not analysis.state.collections.keys() & {"losses"}:
        return
    held = names_of(analysis, units)
    for unit in units:
        for call in calls_in(unit.node):
            for item in collected(analysis, call) or ():
                if item.detail in held:
                    unit.names.loads.add(held[item.detail])


def names_of(analysis: Analysis, units: Iterable[Unit]) -> Mapping[object, str]:
    """Names that hold tensors, by the tensors' identities."""
    found: dict[object, str] = {}
    for unit in units:
        for target in unit.targets:
            value = analysis.values.get(target)
            if isinstance(target, cst.Name) and value is not None and value.kind == "tensor":
                if value.detail is not None:
                    found.setdefault(value.detail, target.value)
    return found
