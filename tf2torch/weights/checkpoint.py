"""A checkpoint as a lazy mapping of variable names to arrays."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np

from tf2torch.weights.errors import CheckpointError

Array = Any  # numpy.ndarray of any dtype


@dataclass(frozen=True)
class Entry:
    """What a file says of one variable.

    Attributes:
        name: the variable's name, without the `:0` of its tensor.
        dtype: TensorFlow's name of its type.
        numpy: the numpy type with the same bits; None for strings and what has no array.
        bytes: its size in the file.
        key: the name in the file, where that is another.
        slices: how many parts the file keeps it in, 0 for one piece.
    """

    name: str
    dtype: str
    numpy: np.dtype[Any] | None
    shape: tuple[int, ...]
    bytes: int
    key: str
    slices: int = 0
    place: Any = field(default=None, repr=False, compare=False)

    @property
    def size(self) -> int:
        return prod(self.shape)


class Checkpoint(Mapping[str, Array]):
    """Variables of one checkpoint; a value is read, and its checksum compared, when asked for.

    Values that lie in the file in one piece are read-only views of the mapped file.

    Attributes:
        path: the file, or the prefix of the files.
        kind: what it is: `bundle`, `v1`, `saved model`, `graph`, `keras`, `meta graph`.
        entries: by name, in the order of the file.
        graph: what the graph beside it tells, or None.
        constants: entries that are no variables of the program.
    """

    def __init__(
        self,
        path: str,
        kind: str,
        entries: Mapping[str, Entry],
        read: Callable[[Entry], Array],
        check: Callable[[Entry], None] = lambda entry: None,
        aliases: Mapping[str, str] | None = None,
    ) -> None:
        self.path = path
        self.kind = kind
        self.entries = dict(entries)
        self.graph: Any = None
        self.constants: frozenset[str] = frozenset()
        self._read = read
        self._check = check
        self._aliases = dict(aliases or {})

    def entry(self, name: str) -> Entry:
        """The entry of a variable, by its name or by its key in the file."""
        name = name.removesuffix(":0") if name not in self.entries else name
        found = self.entries.get(name)
        if found is None and name in self._aliases:
            found = self.entries.get(self._aliases[name])
        if found is None:
            raise KeyError(name)
        return found

    def check(self, name: str) -> None:
        """Raises CheckpointError if the value cannot be there, without reading it."""
        self._check(self.entry(name))

    def __getitem__(self, name: str) -> Array:
        return self._read(self.entry(name))

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def __contains__(self, name: object) -> bool:
        try:
            self.entry(str(name))
        except KeyError:
            return False
        return True

    def __repr__(self) -> str:
        return f"<{self.kind} checkpoint {self.path}: {len(self)} variables>"


#: More elements than any tensor has; keeps products of hostile sizes small.
LARGEST = 1 << 50


def checked_shape(path: str | os.PathLike[str], key: str, sizes: list[int]) -> tuple[int, ...]:
    """A shape from a file, refused if no array can have it."""
    if len(sizes) > 64:
        raise CheckpointError(path, f"has {len(sizes)} dimensions", key)
    total = 1
    for size in sizes:
        if size < 0:
            raise CheckpointError(path, f"has the impossible shape {sizes}", key)
        total *= max(size, 1)
        if total > LARGEST:
            raise CheckpointError(path, f"has the impossible shape {sizes}", key)
    return tuple(sizes)


def frozen(array: Array) -> Array:
    """The array, made read-only."""
    array.flags.writeable = False
    return array
