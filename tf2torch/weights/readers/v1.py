"""V1 checkpoints: one table a shard, which holds names, shapes and values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from tf2torch.weights import dtypes
from tf2torch.weights.checkpoint import Array, Checkpoint, Entry, checked_shape, frozen
from tf2torch.weights.errors import CheckpointError
from tf2torch.weights.files import mapped
from tf2torch.weights.slices import Slice, overlapping, shape_of, slice_key, slice_of
from tf2torch.weights.table import Table
from tf2torch.weights.tensors import tensor_of
from tf2torch.weights.wire import View, WireError, fields, message, number, text


@dataclass
class Variable:
    """A SavedSliceMeta of every shard together."""

    dtype: int
    shape: tuple[int, ...]
    slices: list[tuple[Table, Slice]] = field(default_factory=list)


def open_v1(path: str, files: Sequence[str]) -> Checkpoint:
    """The V1 checkpoint in these files."""
    variables: dict[str, Variable] = {}
    for file in files:
        if file.endswith(".index"):
            help = "give the prefix, and keep the .data files beside it"
            raise CheckpointError(file, "is the index of a V2 checkpoint", help=help)
        table = Table(mapped(file), file)
        header = table.get(b"")
        if header is None:
            raise CheckpointError(file, "is a table, but no checkpoint: its header is missing")
        try:
            _read_meta(table, header, variables)
        except WireError as error:
            raise CheckpointError(file, f"broken header: {error}") from None
    entries = {name: _entry(name, variable) for name, variable in variables.items()}
    return Checkpoint(path, "v1", entries, lambda entry: _read(path, entry))


def _read_meta(table: Table, header: View, variables: dict[str, Variable]) -> None:
    for tag, kind, value in fields(header):
        if tag != 1:
            continue
        for inner, inner_kind, item in fields(message(kind, value)):
            if inner == 1:
                _add(table, message(inner_kind, item), variables)


def _add(table: Table, data: View, variables: dict[str, Variable]) -> None:
    name, dtype = "", 0
    sizes: list[int] = []
    slices: list[Slice] = []
    for tag, kind, value in fields(data):
        if tag == 1:
            name = text(kind, value)
        elif tag == 2:
            sizes = shape_of(message(kind, value))
        elif tag == 3:
            dtype = number(kind, value)
        elif tag == 4:
            slices.append(slice_of(message(kind, value)))
    if dtype not in dtypes.NAMES:
        raise CheckpointError(table.path, f"has the unknown data type {dtype}", name)
    shape = checked_shape(table.path, name, sizes)
    known = variables.setdefault(name, Variable(dtype, shape))
    if (known.dtype, known.shape) != (dtype, shape):
        raise CheckpointError(table.path, f"is {list(known.shape)} and {list(shape)}", name)
    known.slices += [(table, part) for part in slices]


def _entry(name: str, variable: Variable) -> Entry:
    numpy = dtypes.NUMPY[variable.dtype]
    size = int(np.prod(variable.shape, dtype=object)) * (numpy.itemsize if numpy else 0)
    parts = len(variable.slices)
    return Entry(
        name,
        dtypes.NAMES[variable.dtype],
        numpy,
        variable.shape,
        size,
        name,
        parts if parts > 1 else 0,
        variable,
    )


def _read(path: str, entry: Entry) -> Array:
    variable: Variable = entry.place
    places = []
    values: list[Array] = []
    total = 0
    for table, part in variable.slices:
        try:
            index = part.within(entry.shape)
            places.append(index)
            shape = tuple(one.stop - one.start for one in index)
            value = _slice_value(table, entry.name, part, (variable.dtype, shape))
        except WireError as error:
            raise CheckpointError(table.path, str(error), entry.name) from None
        total += value.size
        values.append(value)
    if total != entry.size or overlapping(places):
        text = f"its {len(values)} slices do not make up the whole"
        raise CheckpointError(path, text, entry.name)
    if len(values) == 1:
        return values[0]
    result = np.empty(entry.shape, entry.numpy or object)
    for index, value in zip(places, values):
        result[index] = value
    return frozen(result)


def _slice_value(table: Table, name: str, part: Slice, known: tuple[int, tuple[int, ...]]) -> Array:
    data = table.get(slice_key(name.encode("utf-8", "surrogateescape"), part))
    if data is None:
        raise WireError(f"slice {part} is missing")
    for tag, kind, value in fields(data):
        if tag != 2:
            continue
        for inner, inner_kind, item in fields(message(kind, value)):
            if inner == 3:
                return tensor_of(message(inner_kind, item), known)
    raise WireError(f"slice {part} has no value")
