"""Keras files: HDF5 weights and models (.h5), and Keras 3 archives (.keras)."""

from __future__ import annotations

import os
import tempfile
import zipfile

from tf2torch.weights.checkpoint import Checkpoint
from tf2torch.weights.errors import CheckpointError
from tf2torch.weights.readers.hdf5 import Source, open_hdf5
from tf2torch.weights.readers.hdf5_process import BROKEN, DENSEST

#: The member of a .keras archive that holds values.
MEMBER = "model.weights.h5"


def open_h5(path: str) -> Checkpoint:
    """Weights of a Keras .h5 file, of the whole model or of the weights alone."""
    return open_hdf5(Source(path, path, 0, os.path.getsize(path)))


def open_keras(path: str) -> Checkpoint:
    """Weights of a Keras 3 archive."""
    return open_hdf5(*source_of(path))


def source_of(path: str) -> tuple[Source, str | None]:
    """The HDF5 file in an archive, unpacked if need be, and the model's config."""
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
            return _stored(path, archive, info), config
        return _unpacked(path, archive, info), config
    except BROKEN as error:
        raise CheckpointError(path, f"is no Keras archive: {error}") from None


def _config(archive: zipfile.ZipFile) -> str:
    with archive.open("config.json") as file:
        return file.read(64 << 20).decode("utf-8", "replace")


def _stored(path: str, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Source:
    """A member that lies in the archive as it is."""
    with archive.open(info):  # compares the local header with the directory
        pass
    with open(path, "rb") as file:
        file.seek(info.header_offset)
        header = file.read(30)
    names = int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
    start = info.header_offset + 30 + names
    if start + info.file_size > os.path.getsize(path):
        raise CheckpointError(path, "is truncated", MEMBER)
    return Source(path, path, start, info.file_size, info.CRC)


def _unpacked(path: str, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Source:
    """The member in a temporary file, no longer than it says."""
    folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
    place = os.path.join(folder.name, MEMBER)
    with archive.open(info) as member, open(place, "wb") as result:
        left = info.file_size
        while left and (part := member.read(min(left, 1 << 20))):
            result.write(part)
            left -= len(part)
        if left or member.read(1):
            raise CheckpointError(path, "is not as long as the archive says", MEMBER)
    return Source(path, place, 0, info.file_size, held=folder)
