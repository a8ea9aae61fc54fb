"""V2 checkpoints, written as a stream for TensorFlow to load."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tf2torch.weights import dtypes
from tf2torch.weights.atomic import replacing
from tf2torch.weights.checkpoint import Array
from tf2torch.weights.errors import CheckpointError
from tf2torch.weights.files import crc32c, masked
from tf2torch.weights.streaming import Progress, Stream, Tensor, reserve, write_at
from tf2torch.weights.table import table_bytes
from tf2torch.weights.wire import FIXED32, encoded, put


def write_bundle(
    prefix: str | os.PathLike[str],
    tensors: Sequence[Tensor],
    *,
    types: Mapping[str, str] | None = None,
    texts: Mapping[str, Array] | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> list[Path]:
    """Writes `PREFIX.index` and one shard, both or none.

    `types` are TensorFlow's names of types that numpy lacks (qint8), `texts` arrays of bytes.
    """
    base = Path(prefix)
    paths = [
        base.with_name(f"{base.name}.data-00000-of-00001"),
        base.with_name(f"{base.name}.index"),
    ]
    numbers = {name: number for number, name in dtypes.NAMES.items()}
    for tensor in tensors:
        if tensor.dtype.name not in dtypes.NUMBERS:
            text = f"TensorFlow has no type {tensor.dtype.name}"
            raise CheckpointError(base, text, tensor.key)
    ordered = sorted(tensors, key=lambda tensor: tensor.key.encode("utf-8", "surrogateescape"))
    places = []
    at = 0
    for tensor in ordered:
        places.append((tensor, at))
        at += tensor.bytes
    rows: dict[bytes, bytes] = {b"": put(1, 1) + put(3, put(1, 1))}
    with replacing(paths, force=force) as temporary:
        with open(temporary[0], "wb", buffering=0) as file:
            reserve(file.fileno(), at)
            stream = Stream(at, progress)
            sums = stream.write(file.fileno(), places, _checksum)
            for (tensor, offset), crc in zip(places, sums):
                kind = (types or {}).get(tensor.key, tensor.dtype.name)
                key = tensor.key.encode("utf-8", "surrogateescape")
                rows[key] = _entry(numbers[kind], tensor.shape, offset, tensor.bytes, crc)
            for name, array in (texts or {}).items():
                data, crc = _strings(array)
                write_at(file.fileno(), data, at)
                key = name.encode("utf-8", "surrogateescape")
                rows[key] = _entry(dtypes.STRING, array.shape, at, len(data), crc)
                at += len(data)
        temporary[1].write_bytes(table_bytes(sorted(rows.items())))
    return paths


def _checksum(data: Any, crc: int) -> int:
    octets = np.frombuffer(data, np.uint8)
    octets.flags.writeable = False
    return crc32c(octets, crc)


def _entry(dtype: int, shape: Sequence[int], offset: int, size: int, crc: int) -> bytes:
    sizes = b"".join(put(2, put(1, int(n)) if n else b"") for n in shape)
    check = encoded(6 << 3 | FIXED32) + masked(crc).to_bytes(4, "little")
    return (
        put(1, dtype) + put(2, sizes) + (put(4, offset) if offset else b"") + put(5, size) + check
    )


def _strings(array: Array) -> tuple[bytes, int]:
    """Lengths, their checksum, and all bytes."""
    items = [bytes(item) for item in array.reshape(-1)]
    lengths = b"".join(encoded(len(item)) for item in items)
    crc = crc32c(b"".join(len(i).to_bytes(4 if len(i) < 1 << 32 else 8, "little") for i in items))
    stored = masked(crc).to_bytes(4, "little")
    body = b"".join(items)
    return lengths + stored + body, crc32c(body, crc32c(stored, crc))
