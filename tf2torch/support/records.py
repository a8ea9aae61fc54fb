"""TFRecord files and tf.train.Example messages, read and written without TensorFlow."""

from __future__ import annotations

import gzip
import io
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from .host import Text


def _crc_table() -> list[int]:
    """The bytewise table of CRC-32C (Castagnoli)."""
    table = []
    for n in range(256):
        for _ in range(8):
            n = (n >> 1) ^ (0x82F63B78 if n & 1 else 0)
        table.append(n)
    return table


_CRC_TABLE = _crc_table()


def masked_crc(data: bytes) -> int:
    """The rotated CRC-32C that TFRecord files store (tensorflow/core/lib/hash/crc32c.h)."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _CRC_TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def read_records(
    filenames: Any, compression_type: str | None = None, verify: bool = False
) -> Iterator[bytes]:
    """The records of TFRecord files; compression_type is None, "GZIP" or "ZLIB".

    verify also checks the CRC of the contents, byte by byte in Python.
    """
    names = [filenames] if isinstance(filenames, str | bytes | Path) else filenames
    for name in names:
        with _open(name, compression_type) as file:
            while header := file.read(12):
                length, crc = struct.unpack("<QI", header.ljust(12, b"\0"))
                if len(header) < 12 or masked_crc(header[:8]) != crc:
                    raise ValueError(f"corrupted record in {name!r}")
                data, footer = file.read(length), file.read(4)
                if len(data) < length or len(footer) < 4:
                    raise ValueError(f"truncated record in {name!r}")
                if verify and masked_crc(data) != struct.unpack("<I", footer)[0]:
                    raise ValueError(f"corrupted record in {name!r}")
                yield data


def _open(name: Any, compression_type: str | None) -> Any:
    if compression_type == "GZIP":
        return gzip.open(name)
    if compression_type == "ZLIB":
        return io.BytesIO(zlib.decompress(Path(name).read_bytes()))
    return open(name, "rb")


class TFRecordWriter:
    """tf.python_io.TFRecordWriter: appends records to a new file."""

    def __init__(self, path: str | Path) -> None:
        self._file = open(path, "wb")

    def write(self, record: bytes) -> None:
        """Append a record."""
        length = struct.pack("<Q", len(record))
        self._file.write(length + struct.pack("<I", masked_crc(length)))
        self._file.write(record + struct.pack("<I", masked_crc(record)))

    def flush(self) -> None:
        """Write out what is buffered."""
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> TFRecordWriter:
        return self

    def __exit__(self, *error: Any) -> None:
        self.close()


class FixedLenFeature(NamedTuple):
    """A feature that every example has, with this shape; a default makes it optional."""

    shape: Sequence[int]
    dtype: Any
    default_value: Any = None


class VarLenFeature(NamedTuple):
    """A feature of any length, perhaps none."""

    dtype: Any


def _varint(n: int) -> bytes:
    n &= (1 << 64) - 1
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    return bytes(out)


def _field(number: int, data: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def bytes_feature(values: Sequence[bytes | str]) -> bytes:
    """tf.train.Feature(bytes_list=...), serialised."""
    texts = [value.encode() if isinstance(value, str) else bytes(value) for value in values]
    return _field(1, b"".join(_field(1, text) for text in texts))


def float_feature(values: Any) -> bytes:
    """tf.train.Feature(float_list=...), serialised."""
    packed = np.asarray(values, "<f4").reshape(-1).tobytes()
    return _field(2, _field(1, packed) if packed else b"")


def int64_feature(values: Any) -> bytes:
    """tf.train.Feature(int64_list=...), serialised."""
    packed = b"".join(_varint(int(n)) for n in np.asarray(values).reshape(-1))
    return _field(3, _field(1, packed) if packed else b"")


def encode_example(features: Mapping[str, bytes]) -> bytes:
    """tf.train.Example(...).SerializeToString(), of serialised features."""
    entries = [_field(1, _field(1, k.encode()) + _field(2, f)) for k, f in features.items()]
    return _field(1, b"".join(entries))


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """(number, value) for each field of a protobuf message."""
    at = 0
    while at < len(data):
        key, at = _read_varint(data, at)
        kind = key & 7
        value: Any
        if kind == 0:
            value, at = _read_varint(data, at)
        else:
            size = {1: 8, 5: 4}.get(kind)
            if size is None:
                size, at = _read_varint(data, at)
            value, at = data[at : at + size], at + size
        yield key >> 3, value


def _feature_values(data: bytes) -> Any:
    """The values of a serialised Feature: a list of bytes or an array."""
    for number, content in _fields(data):
        values = [value for _, value in _fields(content)]
        if number == 1:
            return values
        if number == 2:
            return np.frombuffer(b"".join(values), "<f4")
        numbers: list[int] = []
        for value in values:
            if isinstance(value, int):
                numbers.append(value)
                continue
            at = 0
            while at < len(value):
                n, at = _read_varint(value, at)
                numbers.append(n)
        return np.array(numbers, "<u8").astype("<i8")
    return []


def decode_example(serialized: bytes) -> dict[str, Any]:
    """tf.train.Example.FromString: feature names to a list of bytes or an array of numbers."""
    found: dict[str, Any] = {}
    for _, features in _fields(serialized):
        for _, entry in _fields(features):
            parts = dict(_fields(entry))
            found[parts[1].decode()] = _feature_values(parts.get(2, b""))
    return found


def parse_single_example(
    serialized: bytes, features: Mapping[str, FixedLenFeature | VarLenFeature]
) -> dict[str, Any]:
    """tf.parse_single_example: tensors of the wanted shapes, and bytes for strings.

    A VarLenFeature gives a vector here, a sparse tensor in TensorFlow. Strings come as bytes, or as
    a list of bytes where there are several.
    """
    found, parsed = decode_example(serialized), {}
    for name, feature in features.items():
        values = found.get(name, [])
        if isinstance(feature, VarLenFeature):
            parsed[name] = _as_tensor(values, feature.dtype)
            continue
        if len(values) == 0 and feature.default_value is not None:
            values = np.ravel(feature.default_value).tolist()
        size = int(np.prod(feature.shape, dtype=int))
        if len(values) == 1 and size > 1 and name not in found:
            values = list(values) * size
        if len(values) != size:
            raise ValueError(f"feature {name!r} has {len(values)} values, not {size}")
        tensor = _as_tensor(values, feature.dtype)
        if isinstance(tensor, list):
            parsed[name] = tensor[0] if len(feature.shape) == 0 else tensor
        else:
            parsed[name] = tensor.reshape(tuple(feature.shape))
    return parsed


def _as_tensor(values: Any, dtype: Any) -> Any:
    """Numbers as a tensor; bytes as a list."""
    if dtype in (str, bytes, object) or (len(values) and isinstance(values[0], bytes | str)):
        return [Text(value) for value in values]
    return torch.as_tensor(np.array(values)).to(dtype)


def decode_raw(data: bytes, dtype: torch.dtype, little_endian: bool = True) -> torch.Tensor:
    """tf.decode_raw: the bytes read as numbers."""
    kind = torch.empty(0, dtype=dtype).numpy().dtype.newbyteorder("<" if little_endian else ">")
    return torch.from_numpy(np.frombuffer(data, kind).astype(kind.newbyteorder("=")))
