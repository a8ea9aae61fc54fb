""".pt files as `torch.save` writes them, written as a stream without torch."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tf2torch.weights.files import crc32
from tf2torch.weights.streaming import Stream, Tensor, reserve, write_at
from tf2torch.weights.ziplayout import Record, directory, header_bytes, placed

#: numpy's name of a type -> torch's typed storage; others go by torch.dtype.
STORAGES = {
    "float64": "DoubleStorage", "float32": "FloatStorage", "float16": "HalfStorage",
    "bfloat16": "BFloat16Storage", "int64": "LongStorage", "int32": "IntStorage",
    "int16": "ShortStorage", "int8": "CharStorage", "uint8": "ByteStorage",
    "bool": "BoolStorage", "complex64": "ComplexFloatStorage",
    "complex128": "ComplexDoubleStorage",
}  # fmt: skip
UNTYPED = frozenset({"uint16", "uint32", "uint64", "float8_e5m2", "float8_e4m3fn",
                     "float8_e5m2fnuz", "float8_e4m3fnuz"})  # fmt: skip


def holds(dtype: Any) -> bool:
    """Whether torch has this type."""
    return dtype.name in STORAGES or dtype.name in UNTYPED


def write_pt(path: Path, tree: Any, stream: Stream) -> None:
    """A nest of dicts, lists, tuples, numbers, text and tensors.

    A tensor that comes twice (the same object) is written once, and shared when loaded.
    """
    storages: dict[int, tuple[str, Tensor]] = {}
    pickled = b"\x80\x02" + _pickled(tree, storages) + b"."
    tensors = [tensor for _, tensor in storages.values()]
    small = {"data.pkl": pickled, "byteorder": b"little", "version": b"3\n"}
    sizes = {f"archive/{name}": len(data) for name, data in small.items()}
    sizes |= {f"archive/data/{name}": tensor.bytes for name, tensor in storages.values()}
    records, end = placed(sizes)
    with open(path, "wb", buffering=0) as file:
        reserve(file.fileno(), end)
        _write_records(file.fileno(), records, list(small.values()), tensors, stream)
        write_at(file.fileno(), directory(records, end), end)


def _write_records(
    file: int,
    records: Sequence[Record],
    small: Sequence[bytes],
    tensors: Sequence[Tensor],
    stream: Stream,
) -> None:
    for record, data in zip(records, small):
        record.crc = crc32(data)
        write_at(file, data, record.data)
    large = records[len(small) :]
    places = [(tensor, record.data) for tensor, record in zip(tensors, large)]
    for record, crc in zip(large, stream.write(file, places, crc32)):
        record.crc = crc
    for record in records:
        write_at(file, header_bytes(record), record.header)


# Pickling: protocol 2, and only what torch.load(weights_only=True) accepts


def _pickled(value: Any, storages: dict[int, tuple[str, Tensor]]) -> bytes:
    if value is None or isinstance(value, bool):
        return {None: b"N", True: b"\x88", False: b"\x89"}[value]
    if isinstance(value, int):
        return _integer(value)
    if isinstance(value, float):
        return b"G" + struct.pack(">d", value)
    if isinstance(value, str):
        data = value.encode("utf-8", "surrogatepass")
        return b"X" + struct.pack("<I", len(data)) + data
    if isinstance(value, Tensor):
        return _tensor(value, storages)
    if isinstance(value, Mapping):
        rows = [_pickled(k, storages) + _pickled(v, storages) for k, v in value.items()]
        return b"}(" + b"".join(rows) + b"u"
    if isinstance(value, tuple):
        return b"(" + b"".join(_pickled(item, storages) for item in value) + b"t"
    assert isinstance(value, list), type(value)
    return b"](" + b"".join(_pickled(item, storages) for item in value) + b"e"


def _integer(value: int) -> bytes:
    if -(1 << 31) <= value < 1 << 31:
        return b"J" + struct.pack("<i", value)
    data = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8a" + bytes([len(data)]) + data


def _tensor(tensor: Tensor, storages: dict[int, tuple[str, Tensor]]) -> bytes:
    name, _ = storages.setdefault(id(tensor), (str(len(storages)), tensor))
    kind = tensor.dtype.name
    typed = kind in STORAGES
    storage = f"ctorch\n{STORAGES[kind]}\n" if typed else "ctorch.storage\nUntypedStorage\n"
    count = tensor.bytes // (tensor.dtype.itemsize if typed else 1)
    reference = (
        b"(" + _pickled("storage", {}) + storage.encode() + _pickled(name, {}) +
        _pickled("cpu", {}) + _integer(count) + b"tQ"
    )  # fmt: skip
    strides, step = [], 1
    for size in reversed(tensor.shape):
        strides.append(step)
        step *= max(size, 1)
    hooks = b"ccollections\nOrderedDict\n)R"
    arguments = (
        reference + _integer(0) + _pickled(tensor.shape, {}) +
        _pickled(tuple(reversed(strides)), {}) + b"\x89" + hooks
    )  # fmt: skip
    if typed:
        return b"ctorch._utils\n_rebuild_tensor_v2\n(" + arguments + b"tR"
    dtype = f"ctorch\n{kind}\n".encode()
    return b"ctorch._utils\n_rebuild_tensor_v3\n(" + arguments + dtype + b"NtR"
