"""State dicts back to V2 checkpoints: `--reverse`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tf2torch.weights import dtypes, inverses, layout
from tf2torch.weights.bundle_file import write_bundle
from tf2torch.weights.checkpoint import Array, Checkpoint, Entry
from tf2torch.weights.convert import FILE, as_checkpoint, as_map
from tf2torch.weights.errors import CheckpointError
from tf2torch.weights.maps import Target, WeightMap
from tf2torch.weights.report import Report, Row
from tf2torch.weights.reverse_parts import Part, Way
from tf2torch.weights.reverse_slots import slot_tensors
from tf2torch.weights.safetensors_file import open_safetensors
from tf2torch.weights.streaming import Progress, Tensor

if TYPE_CHECKING:
    from tf2torch.weights.models import Model


def open_state(path: FILE) -> Checkpoint:
    """A state dict from .safetensors, its index, or .pt, as a lazy mapping."""
    text = os.fspath(path)
    if text.endswith((".safetensors", ".json")):
        return open_safetensors(text)
    return _open_pt(text)


def _open_pt(path: str) -> Checkpoint:
    import torch

    try:
        found = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise CheckpointError(path, f"is no state dict: {first}") from None
    if not isinstance(found, Mapping):
        raise CheckpointError(path, f"is no state dict, but a {type(found).__name__}")
    entries = {}
    for key, value in found.items():
        if isinstance(value, torch.Tensor):
            name = str(value.dtype).removeprefix("torch.")
            numpy = dtypes.NUMPY.get(dtypes.NUMBERS.get(name, 0))
            size = value.numel() * value.element_size()
            entries[str(key)] = Entry(str(key), name, numpy, tuple(value.shape), size, str(key))

    def read(entry: Entry) -> Array:
        tensor = found[entry.key]
        if entry.numpy is None:
            raise CheckpointError(path, f"values of type {entry.dtype}", entry.key)
        if entry.numpy.kind != "V":
            return tensor.numpy()
        bits = {1: torch.uint8, 2: torch.int16}[entry.numpy.itemsize]
        return tensor.contiguous().view(bits).numpy().view(entry.numpy)

    return Checkpoint(path, "state dict", entries, read)


def reverse_checkpoint(
    state: FILE | Checkpoint,
    weights: FILE | WeightMap | Mapping[str, Any],
    output: FILE | None = None,
    *,
    module: str | None = None,
    like: FILE | Checkpoint | None = None,
    optimizer: FILE | Mapping[str, Any] | None = None,
    model: Model | None = None,
    partial: bool = False,
    force: bool = False,
    progress: Progress | None = None,
) -> Report:
    """Writes a state dict as a checkpoint that TensorFlow loads.

    `like` is a checkpoint of the same program: it tells shapes that the state dict does not, and
    the values of variables without counterpart. `optimizer` is the state dict of an optimizer over
    the parameters of `model`; its state replaces that of `like`. Nothing is written unless
    complete, or `partial`.
    """
    weights = as_map(weights)
    state = state if isinstance(state, Checkpoint) else open_state(state)
    pattern = as_checkpoint(like) if like is not None else None
    if module is None:
        models = weights.models() or weights.modules
        if len(models) != 1:
            text = f"which of {', '.join(weights.modules)} is it? (--module)"
            raise CheckpointError(weights.path, text)
        module = models[0]
    weights = weights.of_graph(module)
    rows: list[Row] = []
    tensors: list[Tensor] = []
    used: set[str] = set()
    way = Way(state, weights, module, pattern)
    for name, targets in weights.variables.items():
        own = [target for target in targets if target.module == module]
        if own:
            tensors += _variable(way, name, own, rows, used)
    if optimizer is not None:
        tensors += slot_tensors(way, optimizer, model, rows)
    done = {tensor.key for tensor in tensors} | {row.name for row in rows}
    types: dict[str, str] = {}
    texts: dict[str, Array] = {}
    for tensor in _others(pattern, done, rows, types, texts):
        tensors.append(tensor)
    done |= {tensor.key for tensor in tensors}
    for name in weights.variables:
        if name not in done:
            rows.append(Row("OK", name, "has no counterpart, is left out (--like keeps it)"))
    for key in state:
        if key not in used and key.rpartition(".")[2] != "num_batches_tracked":
            rows.append(Row("UNEXPECTED", key, "the map has no variable for it"))
    report = Report(tuple(rows))
    if output is None or not (report.complete or partial):
        return report
    if pattern is not None and os.path.abspath(pattern.path) == os.path.abspath(output):
        raise CheckpointError(pattern.path, "is read (--like) and cannot be written too")
    paths = write_bundle(Path(output), tensors, types=types, texts=texts, force=force,
                         progress=progress)  # fmt: skip
    return Report(report.rows, tuple(str(path) for path in paths))


def _variable(
    way: Way, name: str, targets: list[Target], rows: list[Row], used: set[str]
) -> list[Tensor]:
    state = way.state
    keys = [target.key for target in targets]
    missing = [key for key in keys if key not in state.entries]
    if missing:
        rows.append(Row("MISSING", name, f"{', '.join(missing)} is not in the state dict"))
        return []
    entries = [state.entries[key] for key in keys]
    seconds = [_second(state, target) for target in targets]
    used.update(keys, [key for key in seconds if key])
    known = way.entry(name)
    try:
        parts = [way.part(name, target) for target in targets]
        shape = known.shape if known is not None else _shape(targets, entries)
        for target, entry, part in zip(targets, entries, parts):
            _check(target, entry, shape, part)
    except (layout.LayoutError, ValueError, TypeError, IndexError) as error:
        rows.append(Row("MISMATCH", name, str(error)))
        return []
    dtype = known.numpy if known is not None and known.numpy is not None else entries[0].numpy
    if dtype is None:
        rows.append(Row("MISMATCH", name, f"type {entries[0].dtype}"))
        return []
    rows.append(Row("OK", name, f"from {', '.join(keys)}"))

    def value() -> Array:
        into = np.empty(shape, dtype)
        for target, second, part in zip(targets, seconds, parts):
            array = state[target.key][part]
            if second is not None:
                inverses.undo_bias(target.layout, array, state[second][part], into)
            else:
                inverses.inverse(target.layout, array, into)
        return into

    key = known.key if known is not None else name
    return [Tensor(key, tuple(shape), dtype, value, 3 * sum(entry.bytes for entry in entries))]


def _check(target: Target, entry: Entry, shape: tuple[int, ...], part: Part) -> None:
    """Raises LayoutError where a parameter does not have the shape that the variable's gives."""
    wanted = list(inverses.shape_after(target.layout, shape))
    place = layout.place_in_join(target.layout)
    if place is not None:
        end = part[place[0]].stop
        last = place[1] == place[2] - 1
        if end > entry.shape[place[0]] or last and end != entry.shape[place[0]]:
            text = f"{target.key} has {entry.shape[place[0]]} of the {end} rows that are joined"
            raise layout.LayoutError(text)
        wanted[place[0]] = entry.shape[place[0]]
    if tuple(wanted) != entry.shape:
        text = f"{target.key} is {list(entry.shape)}, from {list(shape)} it is {wanted}"
        raise layout.LayoutError(text)


def _second(state: Checkpoint, target: Target) -> str | None:
    """The key of an LSTM's second bias, which holds what rounding lost in the first."""
    if inverses.forget_bias_of(target.layout) is None:
        return None
    owner, dot, last = target.key.rpartition(".")
    key = f"{owner}{dot}{last.replace('bias_ih', 'bias_hh')}"
    return key if key != target.key and key in state.entries else None


def _shape(targets: list[Target], entries: list[Entry]) -> tuple[int, ...]:
    """The variable's shape, from those of its parts."""
    if len(targets) == 1:
        return inverses.shape_before(targets[0].layout, entries[0].shape)
    steps = [layout.steps_of(target.layout) for target in targets]
    heads = {one[0][0] for one in steps}
    if heads == {"lstm"} and all(len(one) == 1 for one in steps):
        rows = sum(entry.shape[1] for entry in entries)
        return rows, entries[0].shape[0]
    if heads == {"split"}:
        shapes = [inverses.shape_before(one[1:], e.shape) for one, e in zip(steps, entries)]
        axis = steps[0][0][1]["axis"]
        whole = list(shapes[0])
        whole[axis] = sum(shape[axis] for shape in shapes)
        return tuple(whole)
    if len(set(heads)) == 1:  # the same value in several parameters
        return inverses.shape_before(targets[0].layout, entries[0].shape)
    raise layout.LayoutError("its shape is not known from its parts (--like)")


def _others(
    pattern: Checkpoint | None,
    done: set[str],
    rows: list[Row],
    types: dict[str, str],
    texts: dict[str, Array],
) -> list[Tensor]:
    """Variables of the pattern that the state dict does not hold."""
    found = []
    for name, entry in (pattern.entries if pattern is not None else {}).items():
        if name in done or entry.key in done or pattern is None:
            continue
        rows.append(Row("OK", name, f"as in {pattern.path}"))
        if entry.numpy is None:
            texts[entry.key] = pattern[name]
            continue
        types[entry.key] = entry.dtype

        def value(name: str = name) -> Array:
            assert pattern is not None
            return pattern[name]

        found.append(Tensor(entry.key, entry.shape, entry.numpy, value))
    return found
