"""Mapped files and checksums: CRC-32C of TensorFlow's formats, CRC-32 of zip archives."""

from __future__ import annotations

import mmap
import os
from typing import Any

import google_crc32c
import numpy as np

from tf2torch.weights.errors import CheckpointError

try:
    from isal.isal_zlib import crc32  # three times as fast
except ImportError:
    from zlib import crc32

__all__ = ["crc32", "crc32c", "frozen_empty", "mapped", "masked"]

Octets = Any  # a one-dimensional numpy array of bytes


def mapped(path: str | os.PathLike[str]) -> Octets:
    """The bytes of a file, read when looked at."""
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size == 0:
                return frozen_empty()
            view = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except FileNotFoundError:
        raise CheckpointError(path, "no such file") from None
    except (OSError, ValueError) as error:
        raise CheckpointError(path, f"cannot be read: {error}") from None
    return np.frombuffer(view, np.uint8)


def frozen_empty() -> Octets:
    return np.frombuffer(b"", np.uint8)


def crc32c(data: Any, crc: int = 0) -> int:
    """CRC-32C of read-only bytes or a read-only array, going on from that of earlier bytes."""
    return int(google_crc32c.extend(crc, data))


def masked(crc: int) -> int:
    """A checksum as it is stored: rotated and moved, so that checksums of checksums stay good."""
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
