"""HDF5 files as mappings: another process looks at them, values are mapped where they lie."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from math import prod
from typing import Any

import ml_dtypes
import numpy as np

from tf2torch.weights.checkpoint import Array, Checkpoint, Entry, frozen
from tf2torch.weights.errors import CheckpointError
from tf2torch.weights.files import crc32, mapped

#: Processor seconds for a look at a file, and bytes of address space beside the values.
SECONDS, MEMORY = 30, 8 << 30
#: Bytes that every machine reads and unpacks in a second.
SLOWEST = 10 << 20
_PROGRAM = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]);"
    "from tf2torch.weights.readers.hdf5_process import main; main()"
)


@dataclass(frozen=True)
class Source:
    """An HDF5 file, or a part of a file that is one.

    Attributes:
        label: the path for messages.
        crc: the checksum of it all, where an archive has one.
        held: what keeps a temporary folder.
    """

    label: str
    path: str
    start: int
    size: int
    crc: int | None = None
    held: Any = None

    def bytes(self) -> Array:
        """All of it, its checksum verified."""
        data = mapped(self.path)[self.start : self.start + self.size]
        if self.crc is not None and crc32(data) != self.crc:
            raise CheckpointError(self.label, "the checksum of the weights does not match")
        return data

    def ask(self, size: int = 0, **request: Any) -> Any:
        """The answer of another process; raises CheckpointError where it does not come to one."""
        if find_spec("h5py") is None:
            help = "pip install 'tf2torch[keras]'"
            raise CheckpointError(self.label, "Keras files need h5py", help=help)
        seconds = SECONDS + size // SLOWEST
        place = {"path": os.path.abspath(self.path), "start": self.start, "size": self.size}
        question = {**place, "label": self.label, **request, "limits": [seconds, MEMORY + 2 * size]}
        root = os.path.abspath(f"{__file__}/../../../..")
        command = [sys.executable, "-c", _PROGRAM, json.dumps([root, *sys.path])]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        try:
            output, _ = process.communicate(json.dumps(question).encode(), 20 * seconds)
            answer = json.loads(output)
        except (ValueError, subprocess.TimeoutExpired, BrokenPipeError):
            text = "is no HDF5 file: its library falls over it, or does not come to an end"
            raise CheckpointError(self.label, text) from None
        finally:
            process.kill()
            process.wait()
        if "error" in answer:
            message, key = answer["error"]
            raise CheckpointError(self.label, message, key)
        return answer["answer"]


def open_hdf5(source: Source, config: str | None = None) -> Checkpoint:
    """Datasets by their variables' names."""
    entries: dict[str, Entry] = {}
    for row in source.ask(config=config):
        name, text, shape = row["name"], row["dtype"], tuple(row["shape"])
        key = row["place"].lstrip("/")
        if text == "string":
            entries[name] = Entry(name, "string", None, shape, 0, key, 0, row)
            continue
        stored = np.dtype(getattr(ml_dtypes, text, text))
        dtype = stored.newbyteorder("=") if stored.kind != "V" else stored
        size = prod(shape) * dtype.itemsize
        entries[name] = Entry(name, dtype.name, dtype, shape, size, key, 0, (stored, row))
    reader = _Reader(source, entries)
    return Checkpoint(source.label, "keras", entries, reader.read)


class _Reader:
    """Values of a file; what is packed is unpacked into a temporary file, all at once."""

    def __init__(self, source: Source, entries: dict[str, Entry]) -> None:
        self._source = source
        self._entries = entries
        self._data: Array = None
        self._unpacked: dict[str, Array] = {}

    def read(self, entry: Entry) -> Array:
        path = self._source.label
        if entry.numpy is None:
            raise CheckpointError(path, "text is no value of a parameter", entry.name)
        stored, row = entry.place
        if not entry.bytes:
            return np.zeros(entry.shape, entry.numpy)
        if row["offset"] is None:
            octets = self._packed(row["place"])
        else:
            if self._data is None:
                self._data = self._source.bytes()
            octets = self._data[row["offset"] : row["offset"] + entry.bytes]
        if octets.size != entry.bytes:  # hostile offsets too: a slice ends with the file
            raise CheckpointError(path, "is truncated", entry.name)
        if octets.ctypes.data % stored.itemsize:
            octets = octets.copy()
        value = octets.view(stored).reshape(entry.shape)
        return frozen(value if stored.isnative else value.astype(entry.numpy))

    def _packed(self, place: str) -> Array:
        if not self._unpacked:
            packed = {
                entry.place[1]["place"]: entry.bytes
                for entry in self._entries.values()
                if entry.numpy is not None and entry.place[1]["offset"] is None and entry.bytes
            }
            with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
                target = os.path.join(folder, "values")
                offsets = self._source.ask(sum(packed.values()), places=[*packed], target=target)
                data = mapped(target)
            for (name, size), at in zip(packed.items(), offsets):
                self._unpacked[name] = data[at : at + size]
        return self._unpacked[place]
