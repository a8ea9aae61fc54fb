"""The state of a torch optimizer back to TensorFlow's slots, beta powers and global step."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from tf2torch.weights import inverses
from tf2torch.weights.checkpoint import Array, Checkpoint
from tf2torch.weights.errors import CheckpointError
from tf2torch.weights.layout import LayoutError
from tf2torch.weights.maps import Target
from tf2torch.weights.report import Row
from tf2torch.weights.reverse_parts import Way
from tf2torch.weights.slots import Slots, slots_of
from tf2torch.weights.streaming import Tensor

if TYPE_CHECKING:
    from tf2torch.weights.models import Model

#: Powers of a beta do not change any more after so many steps.
LONGEST = 1_000_000


def slot_tensors(
    way: Way, optimizer: str | os.PathLike[str] | Mapping[str, Any], model: Model | None,
    rows: list[Row],
) -> list[Tensor]:  # fmt: skip
    """Slots, beta powers and the step, in the place of those of the pattern."""
    pattern, found = way.pattern, way.found
    if pattern is None or found is None or model is None:
        text = "optimizer state goes back to the slots of a checkpoint, by the model's parameters"
        raise CheckpointError(way.weights.path, text, help="give --like and --check")
    tree = optimizer if isinstance(optimizer, Mapping) else _read(optimizer)
    states, groups = _by_key(tree, model)
    slots = slots_of(pattern, found.variables(way.weights))
    tensors: list[Tensor] = []
    for name, targets in way.weights.variables.items():
        own = [target for target in targets if target.module == way.module]
        source = found.names.get(name, name)
        for slot, holder in slots.of.get(source, {}).items():
            if own:
                tensors += _slot(pattern, way, name, own, slot, holder, states, rows)
    return tensors + _counters(way, pattern, slots, tree, states, groups, rows)


def _read(path: str | os.PathLike[str]) -> Mapping[str, Any]:
    import torch

    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise CheckpointError(path, f"is no optimizer state: {first}") from None
    inner = found.get("optimizer", found) if isinstance(found, Mapping) else None
    if not isinstance(inner, Mapping) or not {"state", "param_groups"} <= set(inner):
        raise CheckpointError(path, "is no state dict of an optimizer")
    return found


States = dict[str, Mapping[str, Any]]


def _by_key(tree: Mapping[str, Any], model: Model) -> tuple[States, States]:
    """State and options of each parameter; a state dict numbers the parameters in their order."""
    saved = tree.get("optimizer", tree)
    keys = [key for key, p in model.module.named_parameters() if p.requires_grad]
    numbers = [number for group in saved["param_groups"] for number in group["params"]]
    if sorted(numbers) != list(range(len(keys))):
        text = f"the optimizer has {len(numbers)} parameters, the model has {len(keys)}"
        raise CheckpointError(model.name, text)
    options = {n: group for group in saved["param_groups"] for n in group["params"]}
    state = saved["state"]
    if any("max_exp_avg_sq" in one for one in state.values()):
        raise CheckpointError(model.name, "TensorFlow has no state for amsgrad")
    return (
        {key: state[number] for number, key in enumerate(keys) if number in state},
        {key: options[number] for number, key in enumerate(keys)},
    )


def _slot(
    pattern: Checkpoint,
    way: Way,
    name: str,
    targets: list[Target],
    slot: str,
    holder: str,
    states: States,
    rows: list[Row],
) -> list[Tensor]:
    """One slot of one variable; no row where the parameter is not trained."""
    from tf2torch.weights.optimizers import STATES

    labels = {names[slot] for names, _ in STATES.values() if slot in names}
    entry = pattern.entry(holder)
    values: list[Any] = []
    for target in targets:
        state = states.get(target.key, {})
        label = next((label for label in sorted(labels) if state.get(label) is not None), None)
        if label is None:
            text = f"{target.key} has no {' or '.join(sorted(labels)) or 'state'}"
            rows.append(Row("MISSING", holder, f"{text} in the optimizer's state"))
            return []
        values.append(state[label])
    steps = [inverses.without_bias(target.layout) for target in targets]
    try:
        parts = [way.part(name, target) for target in targets]
        for one, tensor, part in zip(steps, values, parts):
            wanted = inverses.shape_after(one, entry.shape)
            if tuple(tensor[part].shape) != wanted:
                raise LayoutError(f"it is {list(tensor[part].shape)}, not {list(wanted)}")
    except LayoutError as error:
        rows.append(Row("MISMATCH", holder, str(error)))
        return []
    assert entry.numpy is not None
    dtype = entry.numpy

    def value() -> Array:
        into = np.empty(entry.shape, dtype)
        for one, tensor, part in zip(steps, values, parts):
            inverses.inverse(one, tensor[part].numpy().astype(dtype, copy=False), into)
        return into

    rows.append(Row("OK", holder, "from the optimizer's state"))
    return [Tensor(entry.key, entry.shape, dtype, value, 3 * entry.bytes)]


def _counters(
    way: Way,
    pattern: Checkpoint,
    slots: Slots,
    tree: Mapping[str, Any],
    states: States,
    groups: States,
    rows: list[Row],
) -> list[Tensor]:
    """The global step and the powers of the betas, as far as steps were counted since."""
    from tf2torch.weights.optimizers import count_of

    tensors: list[Tensor] = []

    def put(name: str, value: Array) -> None:
        entry = pattern.entry(name)
        rows.append(Row("OK", name, "from the optimizer's state"))
        tensors.append(Tensor(entry.key, (), value.dtype, lambda: value))

    done: set[str] = set()
    before = int(pattern[slots.step]) if slots.step is not None else None
    after = tree.get("scheduler", {}).get("last_epoch")
    for name, targets in way.weights.variables.items():
        source = way.found.names.get(name, name) if way.found is not None else name
        key = next((t.key for t in targets if t.module == way.module and t.key in states), None)
        if key is None or states[key].get("step") is None or source not in slots.of:
            continue
        step = int(states[key]["step"])
        earlier = count_of(pattern, slots, source, groups[key])
        if earlier is None:
            continue
        if after is None and before is not None:
            after = before + step - earlier
        powers = slots.power_of.get(source) or {
            power: names[0] for power, names in slots.powers.items() if len(names) == 1
        }
        for number, beta in enumerate(groups[key].get("betas", ()), 1):
            holder = powers.get(f"beta{number}_power")
            if holder is None or holder in done:
                continue
            done.add(holder)
            put(holder, pattern[holder] if step == earlier else _power(pattern, holder, beta, step))
    if slots.step is not None and after is not None:
        put(slots.step, np.asarray(after, pattern.entry(slots.step).numpy))
    return tensors


def _power(pattern: Checkpoint, holder: str, beta: float, step: int) -> Array:
    """The power after so many steps, multiplied as TensorFlow does it: one step at a time."""
    kind = pattern.entry(holder).numpy
    assert kind is not None
    factor = power = kind.type(beta)
    for _ in range(min(step, LONGEST)):
        changed = power * factor
        if changed == power:
            break
        power = changed
    return np.asarray(power, kind)
