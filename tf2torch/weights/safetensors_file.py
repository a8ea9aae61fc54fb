"""safetensors files, written as a stream and read by mapping, without torch."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tf2torch.weights import dtypes
from tf2torch.weights.checkpoint import Array, Checkpoint, Entry, checked_shape, frozen
from tf2torch.weights.errors import CheckpointError
from tf2torch.weights.files import mapped
from tf2torch.weights.streaming import Stream, Tensor, reserve, write_at

TYPES = {
    "float64": "F64", "float32": "F32", "float16": "F16", "bfloat16": "BF16",
    "int64": "I64", "int32": "I32", "int16": "I16", "int8": "I8", "bool": "BOOL",
    "uint8": "U8", "uint16": "U16", "uint32": "U32", "uint64": "U64",
    "float8_e5m2": "F8_E5M2", "float8_e4m3fn": "F8_E4M3", "complex64": "C64",
}  # fmt: skip
LONGEST_HEADER = 100_000_000


def parts_of(tensors: Sequence[Tensor], limit: int) -> list[list[Tensor]]:
    """Tensors in order, in files of at most `limit` bytes where one tensor is not larger."""
    parts: list[list[Tensor]] = [[]]
    size = 0
    for tensor in tensors:
        if parts[-1] and size + tensor.bytes > limit:
            parts.append([])
            size = 0
        parts[-1].append(tensor)
        size += tensor.bytes
    return parts


def file_names(path: Path, count: int) -> list[Path]:
    """Names of the files, and of the index behind them where there are several."""
    if count == 1:
        return [path]
    stem = path.name.removesuffix(".safetensors")
    names = [path.with_name(f"{stem}-{n:05d}-of-{count:05d}.safetensors") for n in
             range(1, count + 1)]  # fmt: skip
    return [*names, path.with_name(f"{path.name}.index.json")]


def write_file(
    path: Path, tensors: Sequence[Tensor], metadata: Mapping[str, str], stream: Stream
) -> None:
    """One safetensors file."""
    ordered = sorted(tensors, key=lambda tensor: -tensor.dtype.itemsize)  # keeps all aligned
    header: dict[str, Any] = {"__metadata__": {"format": "pt", **metadata}}
    at = 0
    places = []
    for tensor in ordered:
        header[tensor.key] = {
            "dtype": TYPES[tensor.dtype.name],
            "shape": list(tensor.shape),
            "data_offsets": [at, at + tensor.bytes],
        }
        places.append((tensor, at))
        at += tensor.bytes
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    start = 8 + len(text)
    with open(path, "wb", buffering=0) as file:
        write_at(file.fileno(), len(text).to_bytes(8, "little") + text, 0)
        reserve(file.fileno(), start + at)
        stream.write(file.fileno(), [(tensor, start + offset) for tensor, offset in places])


def index_text(parts: Sequence[Sequence[Tensor]], names: Sequence[Path]) -> str:
    """The index of sharded files, as Hugging Face's libraries read it."""
    total = sum(tensor.bytes for part in parts for tensor in part)
    where = {tensor.key: name.name for part, name in zip(parts, names) for tensor in part}
    return json.dumps({"metadata": {"total_size": total}, "weight_map": where}, indent=2) + "\n"


# Reading


def open_safetensors(path: str) -> Checkpoint:
    """A safetensors file, or the index of several, as a lazy mapping."""
    if path.endswith(".json"):
        return _open_index(path)
    data = mapped(path)
    entries: dict[str, Entry] = {}
    try:
        size = int.from_bytes(data[:8].tobytes(), "little")
        if len(data) < 8 or size > min(len(data) - 8, LONGEST_HEADER):
            raise CheckpointError(path, "is no safetensors file, or truncated")
        header = json.loads(data[8 : 8 + size].tobytes(), object_pairs_hook=_once)
        for key, item in header.items():
            if key != "__metadata__":
                entries[key] = _entry(path, key, item, len(data) - 8 - size)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise CheckpointError(path, f"is no safetensors file: {error}") from None
    start = 8 + size

    def read(entry: Entry) -> Array:
        begin, end = entry.place
        octets = data[start + begin : start + end]
        assert entry.numpy is not None
        if octets.ctypes.data % entry.numpy.itemsize:
            octets = octets.copy()
        return frozen(octets.view(entry.numpy).reshape(entry.shape))

    found = Checkpoint(path, "safetensors", entries, read)
    found.graph = header.get("__metadata__") or {}
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key comes twice")
    return found


def _entry(path: str, key: str, item: Any, limit: int) -> Entry:
    names = {short: name for name, short in TYPES.items()}
    if item["dtype"] not in names:
        raise CheckpointError(path, f"has the unknown type {item['dtype']}", key)
    name = names[item["dtype"]]
    numpy = dtypes.NUMPY[dtypes.NUMBERS[name]]
    assert numpy is not None
    shape = checked_shape(path, key, [int(size) for size in item["shape"]])
    begin, end = (int(offset) for offset in item["data_offsets"])
    if not 0 <= begin <= end <= limit or end - begin != numpy.itemsize * int(
        np.prod(shape, dtype=object)
    ):
        raise CheckpointError(path, "its place in the file does not fit its shape", key)
    return Entry(key, name, numpy, shape, end - begin, key, 0, (begin, end))


def _open_index(path: str) -> Checkpoint:
    try:
        with open(path, encoding="utf-8") as file:
            names = sorted(set(json.load(file)["weight_map"].values()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(path, f"is no index of safetensors files: {error}") from None
    entries: dict[str, Entry] = {}
    files: dict[str, Checkpoint] = {}
    for name in names:
        if os.path.basename(str(name)) != name:
            raise CheckpointError(path, "a file of the index is not beside it", str(name))
        part = open_safetensors(os.path.join(os.path.dirname(path), name))
        for key, entry in part.entries.items():
            if key in entries:
                raise CheckpointError(path, "is in two files", key)
            entries[key], files[key] = entry, part
    return Checkpoint(path, "safetensors", entries, lambda entry: files[entry.name][entry.name])
