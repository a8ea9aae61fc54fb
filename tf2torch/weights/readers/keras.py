"""Keras files: HDF5 weights and models (.h5), and Keras 3 archives (.keras)."""

from __future__ import annotations

import io
import lzma
import os
import tempfile
import zipfile
import zlib
from typing import IO, Any

import numpy as np

from tf2torch.weights.checkpoint import Array, Checkpoint, Entry, frozen
from tf2torch.weights.errors import CheckpointError
from tf2torch.weights.readers.keras_names import named

#: The member of a .keras archive that holds values.
MEMBER = "model.weights.h5"
#: Honest weights hardly compress; more than this is an attack or no weights.
DENSEST = 100
MOST_OBJECTS = 1_000_000
#: What the zip and HDF5 libraries raise for broken files.
_BROKEN = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, NotImplementedError, OSError, EOFError,
    RuntimeError, ValueError, KeyError, TypeError, OverflowError, MemoryError,
)  # fmt: skip


def _h5py(path: str) -> Any:
    try:
        import h5py
    except ImportError:
        help = "pip install 'tf2torch[keras]'"
        raise CheckpointError(path, "Keras files need h5py", help=help) from None
    return h5py


def open_h5(path: str) -> Checkpoint:
    """Weights of a Keras .h5 file, of the whole model or of the weights alone."""
    return _open(path, path, None)


def open_keras(path: str) -> Checkpoint:
    """Weights of a Keras 3 archive."""
    try:
        archive = zipfile.ZipFile(path)
        names = [info.filename for info in archive.infolist()]
        if names.count(MEMBER) != 1:
            word = "twice" if MEMBER in names else "not"
            raise CheckpointError(path, f"is no Keras archive: {MEMBER} is {word} in it")
        info = archive.getinfo(MEMBER)
        size = os.path.getsize(path)
        if info.flag_bits & 1:
            raise CheckpointError(path, "is encrypted", MEMBER)
        if info.compress_size > size or info.file_size > DENSEST * max(info.compress_size, 1):
            text = f"unpacks {info.compress_size} bytes to {info.file_size}: refused"
            raise CheckpointError(path, text, MEMBER)
        config = _config(archive) if "config.json" in names else None
        if info.compress_type == zipfile.ZIP_STORED:
            return _open(path, io.BufferedReader(_Stored(path, archive, info)), config)
        return _open(path, _unpacked(path, archive, info), config)
    except _BROKEN as error:
        raise CheckpointError(path, f"is no Keras archive: {error}") from None


def _config(archive: zipfile.ZipFile) -> bytes:
    with archive.open("config.json") as file:
        return file.read(64 << 20)


class _Stored(io.RawIOBase):
    """A member that lies in the archive as it is."""

    def __init__(self, path: str, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> None:
        with archive.open(info):  # compares the local header with the directory
            pass
        self._file = open(path, "rb")
        self._file.seek(info.header_offset)
        header = self._file.read(30)
        names = int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
        self._start = info.header_offset + 30 + names
        self._size = info.file_size
        self._at = 0
        if self._start + self._size > os.path.getsize(path):
            raise CheckpointError(path, "is truncated", MEMBER)

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


def _unpacked(path: str, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> IO[bytes]:
    """The member in a temporary file, no longer than it says."""
    result = tempfile.TemporaryFile()
    with archive.open(info) as member:
        left = info.file_size
        while left and (part := member.read(min(left, 1 << 20))):
            result.write(part)
            left -= len(part)
        if left or member.read(1):
            raise CheckpointError(path, "is not as long as the archive says", MEMBER)
    result.seek(0)
    return result


def _open(path: str, source: Any, config: bytes | None) -> Checkpoint:
    h5py = _h5py(path)
    try:
        file = h5py.File(source, "r")
    except _BROKEN as error:
        raise CheckpointError(path, f"is no HDF5 file: {error}") from None
    try:
        names = _legacy_names(file)
        entries: dict[str, Entry] = {}
        datasets = dict(_datasets(h5py, path, file, file.name, [0]))
        names |= named(list(datasets), file, config)
        for place, data in datasets.items():
            name = names.get(place) or _plain_name(place)
            if name in entries:
                name = place.lstrip("/")
            entries[name] = _entry(path, name, place, data)
    except _BROKEN as error:
        raise CheckpointError(path, f"is no HDF5 file: {error}") from None
    return Checkpoint(path, "keras", entries, lambda entry: _read(path, file, entry))


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


def _datasets(h5py: Any, path: str, group: Any, place: str, count: list[int]) -> Any:
    """Every dataset below a group; links that leave the file, and loops, are refused."""
    if place.count("/") > 100:
        raise CheckpointError(path, "groups are nested too deep", place)
    for name in group:
        count[0] += 1
        if count[0] > MOST_OBJECTS:
            raise CheckpointError(path, "has too many objects")
        link = group.get(name, getlink=True)
        full = f"{place.rstrip('/')}/{name}"
        if not isinstance(link, h5py.HardLink):
            raise CheckpointError(path, "is a link, which weights have not", full)
        item = group[name]
        if isinstance(item, h5py.Group):
            yield from _datasets(h5py, path, item, full, count)
        elif isinstance(item, h5py.Dataset):
            if item.is_virtual or item.external:
                raise CheckpointError(path, "keeps its values in another file", full)
            yield full, item


def _entry(path: str, name: str, place: str, data: Any) -> Entry:
    dtype = data.dtype
    if dtype.kind in "OSU":
        return Entry(name, "string", None, tuple(data.shape), 0, place.lstrip("/"), 0, place)
    if dtype.kind not in "biufc" and dtype.name != "bfloat16":
        raise CheckpointError(path, f"has the type {dtype}", name)
    stored = data.id.get_storage_size()
    size = int(data.size or 0) * dtype.itemsize
    if size > DENSEST * max(stored, 1) and size > 1 << 20:
        raise CheckpointError(path, f"unpacks {stored} bytes to {size}: refused", name)
    key = place.lstrip("/")
    return Entry(name, dtype.name, dtype, tuple(data.shape), size, key, 0, place)


def _read(path: str, file: Any, entry: Entry) -> Array:
    try:
        value = np.asarray(file[entry.place][()])
    except _BROKEN as error:
        raise CheckpointError(path, f"cannot be read: {error}", entry.name) from None
    if entry.numpy is not None and not value.dtype.isnative:
        value = value.astype(value.dtype.newbyteorder("="))
    return frozen(value) if value.flags.owndata else value
