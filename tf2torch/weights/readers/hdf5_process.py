"""What an HDF5 file holds, found in a process of its own: libhdf5 may hang or fall on broken files.

The process reads a request from its standard input and answers with JSON; `hdf5.py` talks to it.
"""

from __future__ import annotations

import io
import json
import lzma
import sys
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any

from tf2torch.weights.checkpoint import checked_shape
from tf2torch.weights.errors import CheckpointError
from tf2torch.weights.readers.keras_names import named

#: Honest weights hardly compress; more than this is an attack or no weights.
DENSEST = 100
MOST_OBJECTS = 1_000_000
#: What the zip and HDF5 libraries raise for broken files.
BROKEN = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, NotImplementedError, OSError, EOFError,
    RuntimeError, ValueError, KeyError, TypeError, OverflowError, MemoryError,
)  # fmt: skip


class Window(io.RawIOBase):
    """A part of a file, as a file."""

    def __init__(self, path: str, start: int, size: int) -> None:
        self._file = open(path, "rb")
        self._start = start
        self._size = size
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset + (0, self._at, self._size)[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        left = max(self._size - self._at, 0)
        view = memoryview(buffer)[:left]
        self._file.seek(self._start + self._at)
        count = self._file.readinto(view) if left else 0
        self._at += count
        return count

    def close(self) -> None:
        self._file.close()
        super().close()


def opened(path: str, start: int, size: int) -> Any:
    """The HDF5 file in a part of a file."""
    import h5py

    return h5py.File(io.BufferedReader(Window(path, start, size)), "r")


def contents(
    path: str, start: int, size: int, config: str | None, label: str
) -> list[dict[str, Any]]:
    """Every dataset: its name, place, type, shape, and offset where its bytes lie as they are."""
    try:
        file = opened(path, start, size)
        names = _legacy_names(file)
        datasets = dict(_datasets(label, file, file.name, [0]))
        names |= named(list(datasets), file, config.encode() if config is not None else None)
        found: dict[str, dict[str, Any]] = {}
        for place, data in datasets.items():
            name = names.get(place) or _plain_name(place)
            if name in found:
                name = place.lstrip("/")
            found[name] = {"name": name, "place": place, **_described(label, name, data)}
        return list(found.values())
    except BROKEN as error:
        raise CheckpointError(label, f"is no HDF5 file: {error}") from None


def _described(label: str, name: str, data: Any) -> dict[str, Any]:
    import h5py

    dtype = data.dtype
    shape = checked_shape(label, name, [int(n) for n in data.shape])
    if dtype.kind in "OSU":
        return {"dtype": "string", "shape": shape, "offset": None}
    if dtype.kind not in "biufc" and dtype.name != "bfloat16":
        raise CheckpointError(label, f"has the type {dtype}", name)
    stored = data.id.get_storage_size()
    size = int(data.size or 0) * dtype.itemsize
    if size > DENSEST * max(stored, 1) and size > 1 << 20:
        raise CheckpointError(label, f"unpacks {stored} bytes to {size}: refused", name)
    offset = None
    plain = data.chunks is None and stored == size
    if plain and h5py.h5t.py_create(dtype).equal(data.id.get_type()):
        offset = data.id.get_offset()
    text = dtype.str if dtype.kind != "V" else dtype.name
    return {"dtype": text, "shape": shape, "offset": offset}


def _legacy_names(file: Any) -> dict[str, str]:
    """Path of each dataset of Keras 2 -> the name of the variable."""
    found: dict[str, str] = {}
    weights = file["model_weights"] if "model_weights" in file else file
    layers = [_text(name) for name in _attribute(weights, "layer_names")]
    groups = [weights[name] for name in layers if name in weights]
    if "top_level_model_weights" in weights:
        groups.append(weights["top_level_model_weights"])
    if "optimizer_weights" in file:
        groups.append(file["optimizer_weights"])
    for group in groups:
        for raw in _attribute(group, "weight_names"):
            name = _text(raw)
            if name in group:
                found[group[name].name] = name.removesuffix(":0")
    return found


def _attribute(group: Any, name: str) -> list[Any]:
    """An attribute, or its pieces `name0`, `name1`, ... where it was too long for HDF5."""
    if name in group.attrs:
        return list(group.attrs[name])
    found: list[Any] = []
    while f"{name}{len(found)}" in group.attrs:
        found.append(group.attrs[f"{name}{len(found)}"])
    return [item for part in found for item in part]


def _text(value: Any) -> str:
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)


def _plain_name(place: str) -> str:
    return place.lstrip("/").removesuffix(":0")


def _datasets(label: str, group: Any, place: str, count: list[int]) -> Iterator[tuple[str, Any]]:
    """Every dataset below a group; links that leave the file, and loops, are refused."""
    import h5py

    if place.count("/") > 100:
        raise CheckpointError(label, "groups are nested too deep", place)
    for name in group:
        count[0] += 1
        if count[0] > MOST_OBJECTS:
            raise CheckpointError(label, "has too many objects")
        link = group.get(name, getlink=True)
        full = f"{place.rstrip('/')}/{name}"
        if not isinstance(link, h5py.HardLink):
            raise CheckpointError(label, "is a link, which weights have not", full)
        item = group[name]
        if isinstance(item, h5py.Group):
            yield from _datasets(label, item, full, count)
        elif isinstance(item, h5py.Dataset):
            if item.is_virtual or item.external:
                raise CheckpointError(label, "keeps its values in another file", full)
            yield full, item


def values(
    path: str, start: int, size: int, places: list[str], target: str, label: str
) -> list[int]:
    """Writes datasets one behind the other; the offset of each."""
    import numpy as np

    offsets = []
    try:
        file = opened(path, start, size)
        with open(target, "wb") as out:
            for place in places:
                out.write(bytes(-out.tell() % 64))
                offsets.append(out.tell())
                out.write(np.ascontiguousarray(file[place][()]).tobytes())
    except BROKEN as error:
        raise CheckpointError(label, f"cannot be read: {error}", places[len(offsets) - 1]) from None
    return offsets


def main() -> None:
    """Answers the request on standard input."""
    request = json.load(sys.stdin)
    seconds, memory = request.pop("limits")
    try:
        import resource
    except ImportError:  # Windows: the parent counts the time
        pass
    else:
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    answer: dict[str, Any]
    try:
        answer = {"answer": (values if "places" in request else contents)(**request)}
    except CheckpointError as error:
        answer = {"error": [error.message, error.key]}
    json.dump(answer, sys.stdout)
