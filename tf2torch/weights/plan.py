"""The plan of a conversion: every tensor to be written, and what is wrong, before any is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from tf2torch.weights import dtypes, inverses, layout
from tf2torch.weights.checkpoint import Array, Checkpoint, Entry
from tf2torch.weights.maps import WeightMap, root_name
from tf2torch.weights.report import Row
from tf2torch.weights.slots import slots_of
from tf2torch.weights.sources import Sources, sources
from tf2torch.weights.streaming import Tensor

if TYPE_CHECKING:
    from tf2torch.weights.models import Model

#: Layout steps of which the result is no view of the variable.
_COPIES = frozenset({"lstm", "concat", "flatten_nhwc", "unflatten_nhwc", "reshape"})


@dataclass
class Plan:
    """What will be written for each root module; rows for the report."""

    checkpoint: Checkpoint
    weights: WeightMap
    found: Sources
    tensors: dict[str, list[Tensor]] = field(default_factory=dict)
    tied: dict[str, dict[str, str]] = field(default_factory=dict)  # key -> key that is written
    rows: list[Row] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)

    def add(self, status: str, name: str, detail: str = "") -> None:
        self.rows.append(Row(status, name, detail))


def make_plan(
    checkpoint: Checkpoint,
    weights: WeightMap,
    *,
    modules: list[str],
    dtype: str | None = None,
    ema: bool = False,
    model: Model | None = None,
) -> Plan:
    """The whole plan; raises CheckpointError where files are missing or too short."""
    plan = Plan(checkpoint, weights, sources(checkpoint, weights))
    checked = ""
    if model is not None:
        alone = modules[0] if len(modules) == 1 else None
        checked = root_name(model.module, weights, alone)
    for module in modules:
        _plan_module(plan, module, dtype, ema, model if module == checked else None)
    slots = slots_of(checkpoint, plan.found.variables(weights))
    _unexpected(plan, modules, slots.names())
    for rule in weights.unused():
        plan.add("UNUSED RULE", rule)
    for name in sorted(plan.taken):
        checkpoint.check(name)
    return plan


def _plan_module(
    plan: Plan, module: str, dtype: str | None, ema: bool, model: Model | None
) -> None:
    tensors: list[Tensor] = []
    keys = plan.weights.of_keys(module)
    for key, parts in keys.items():
        if model is not None and key not in model.shapes:
            plan.add("UNEXPECTED", key, f"{model.name} has no such parameter or buffer")
            plan.taken.update(plan.found.names.get(name, "") for name, _ in parts)
            continue
        made = _tensor(plan, key, parts, dtype, ema, model)
        if made is not None:
            tensors.append(made)
            tensors += _second_bias(key, parts, made, keys, plan, ema, model)
    if model is not None:
        written = {tensor.key for tensor in tensors}
        tied = plan.tied[module] = _tied(model, written)
        tensors = [tensor for tensor in tensors if tensor.key not in tied]
        tried = {row.name for row in plan.rows}
        for key in model.shapes:
            if key not in written and key not in tied and key not in model.own and key not in tried:
                plan.add("MISSING", key, f"{model.name} has it, the weight map has not")
    plan.taken.discard("")
    plan.tensors[module] = tensors


def _tied(model: Model, written: set[str]) -> dict[str, str]:
    """Keys that share the memory of another -> the one that is written for all of them."""
    groups: dict[str, list[str]] = {}
    for key, first in model.tied.items():
        groups.setdefault(first, [first]).append(key)
    found = {}
    for keys in groups.values():
        kept = next((key for key in keys if key in written), None)
        found.update({key: kept for key in keys if kept is not None and key != kept})
    return found


def _tensor(
    plan: Plan,
    key: str,
    parts: list[tuple[str, Any]],
    dtype: str | None,
    ema: bool,
    model: Model | None,
) -> Tensor | None:
    """One tensor, or None and a row that says why not."""
    names = {name: plan.found.value(name, ema) for name, _ in parts}
    plan.taken.update(source for source in names.values() if source)
    plan.taken.update(plan.found.names.get(name, "") for name, _ in parts)
    missing = [name for name, source in names.items() if source is None]
    if missing:
        plan.add("MISSING", key, f"from {', '.join(missing)}")
        return None
    rows = [(plan.checkpoint.entry(names[name] or ""), steps) for name, steps in parts]
    text = ", ".join(f"{e.name} {list(e.shape)}" for e, _ in rows)
    try:
        kinds = {entry.numpy for entry, _ in rows}
        if None in kinds or len(kinds) > 1:
            raise layout.LayoutError(f"type {', '.join(entry.dtype for entry, _ in rows)}")
        zero = np.zeros((), np.uint8)
        stand_ins = [
            (inverses.without_bias(steps), np.broadcast_to(zero, entry.shape))
            for entry, steps in rows
        ]
        shape = tuple(layout.join(stand_ins).shape)
    except (layout.LayoutError, ValueError, TypeError, IndexError, KeyError, MemoryError) as error:
        plan.add("MISMATCH", key, f"from {text}: {error}")
        return None
    kind = rows[0][0].numpy
    assert kind is not None
    if model is not None and shape != model.shapes[key]:
        plan.add("MISMATCH", key, f"is {list(model.shapes[key])}, from {text} it is {list(shape)}")
        return None
    if dtype is not None and dtypes.is_float(kind):
        kind = dtypes.NUMPY[dtypes.NUMBERS[dtype]] or kind
    shadow = any(plan.found.shadows.get(name) == source for name, source in names.items())
    plan.add("OK", key, f"from {text}" if not (ema and shadow) else f"from the average {text}")

    def value() -> Array:
        return layout.join([(steps, plan.checkpoint[entry.name]) for entry, steps in rows])

    return Tensor(key, shape, kind, value, _cost(plan, rows))


def _cost(plan: Plan, rows: list[tuple[Any, Any]]) -> int:
    """Memory for a value that is no view of a mapped file."""
    steps = {step[0] for _, one in rows for step in layout.steps_of(one)}
    size = sum(int(entry.bytes) for entry, _ in rows)
    mapped = plan.checkpoint.kind in ("bundle", "saved model", "safetensors", "keras")
    copied = not mapped or any(entry.slices or _crooked(entry) for entry, _ in rows)
    return size * (int(copied) + 2 * bool(steps & _COPIES))


def _crooked(entry: Entry) -> bool:
    """Whether a value is not aligned in its file, and so copied."""
    offset = getattr(entry.place, "offset", 0)
    return entry.numpy is not None and offset % entry.numpy.itemsize != 0


def _second_bias(
    key: str,
    parts: list[tuple[str, Any]],
    first: Tensor,
    keys: Mapping[str, Any],
    plan: Plan,
    ema: bool,
    model: Model | None,
) -> list[Tensor]:
    """torch's recurrent modules have a second bias, which is zero where TensorFlow has one."""
    owner, dot, last = key.rpartition(".")
    if not last.startswith("bias_ih"):
        return []
    second = f"{owner}{dot}{last.replace('bias_ih', 'bias_hh')}"
    if second in keys or model is not None and second not in model.shapes:
        return []

    def value() -> Array:
        rests = []
        for name, steps in parts:
            source = plan.checkpoint[plan.found.value(name, ema) or name]
            if not inverses.forget_bias_of(steps) or source.dtype != first.dtype:
                return np.zeros(first.shape, first.dtype)
            joins = [step for step in layout.steps_of(steps) if step[0] == "concat"]
            rests.append((joins, inverses.bias_rest(steps, source)))
        return layout.join(rests)

    plan.add("OK", second, "zero, but for what rounding lost in the first bias")
    return [Tensor(second, first.shape, first.dtype, value)]


def _unexpected(plan: Plan, modules: list[str], slots: set[str]) -> None:
    """Variables of the checkpoint that nothing takes."""
    elsewhere = set(plan.weights.modules) - set(modules)
    for name, source in plan.found.names.items():
        if source in plan.taken or source in plan.found.left_out:
            continue
        entry = plan.checkpoint.entry(source)
        targets = plan.weights.variables.get(name)
        if targets is not None and (not targets or {t.module for t in targets} <= elsewhere):
            reason = f"goes to {targets[0].module}" if targets else "has no counterpart"
            plan.add("OK", source, reason)
        elif source in plan.checkpoint.constants:
            plan.add("OK", source, "a constant of the graph")
        elif source in slots:
            plan.add("OK", source, "state of the optimizer (--optimizer)")
        elif source in plan.found.shadows.values():
            plan.add("OK", source, "moving average, not asked for (--ema)")
        else:
            plan.add("UNEXPECTED", source, f"{entry.dtype} {list(entry.shape)}, not in the map")
    for source, why in plan.found.left_out.items():
        plan.add("OK", source, why)
