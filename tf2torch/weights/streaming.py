"""Tensors into places of a file, in small pieces, from threads, with little memory."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from tf2torch.weights.checkpoint import Array

Progress = Callable[[int, int], None]
#: A checksum that goes on from that of earlier bytes: (bytes, checksum) -> checksum.
Checksum = Callable[[Any, int], int]

#: Bytes that are copied at once where the layout changes, and the most where rows are long.
PIECE, LONGEST = 2 << 20, 16 << 20
#: Bytes of contiguous data that are written at once.
WRITTEN = 4 << 20
#: Rows and columns that a transposition takes at once, so that both sides stay in the cache.
ROWS, COLUMNS = 64, 1024
_SCRATCH = threading.local()
_SEEKING = threading.Lock()


@dataclass(frozen=True)
class Tensor:
    """A tensor to be written; its value is made when its turn comes."""

    key: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    value: Callable[[], Array]
    cost: int = 0  # memory beside the pieces that making the value takes

    @property
    def bytes(self) -> int:
        return prod(self.shape) * self.dtype.itemsize


def pieces(array: Array, dtype: np.dtype[Any]) -> Iterator[memoryview]:
    """The bytes of an array in C order and in the given type.

    A piece is good until the next is asked for.
    """
    if array.dtype == dtype and array.flags.c_contiguous:
        octets = array.reshape(-1).view(np.uint8)
        for start in range(0, octets.size, WRITTEN):
            yield memoryview(octets[start : start + WRITTEN])
        return
    if array.ndim == 0 or array.size * dtype.itemsize <= PIECE:
        yield _copied(array, dtype)
        return
    row = array.size // len(array) * dtype.itemsize
    if row > PIECE:
        for part in array:
            yield from pieces(part, dtype)
        return
    # Parts of a transposed array are columns: narrow ones cost whole lines of memory each.
    step = max(PIECE // row, min(ROWS * 4, LONGEST // row), 1)
    for start in range(0, len(array), step):
        yield _copied(array[start : start + step], dtype)


def _copied(array: Array, dtype: np.dtype[Any]) -> memoryview:
    """A copy in C order, in memory that this thread uses for every copy."""
    octets = _scratch("piece", array.size * dtype.itemsize)
    result = octets.view(dtype).reshape(array.shape)
    if array.ndim == 2 and array.strides[0] == array.itemsize != array.strides[1]:
        _transpose(array, result)
    else:
        result[...] = array
    return memoryview(octets)


def _transpose(array: Array, result: Array) -> None:
    """Copies columns to rows.

    Blocks go through a small buffer: rows that are a power of two apart share places of the cache.
    """
    height, width = array.shape
    if min(height, width) < ROWS:
        result[...] = array
        return
    # An odd number of cache lines a row.
    item = result.itemsize
    line = (COLUMNS * item // 64 | 1) * 64 // item
    buffer = _scratch("block", ROWS * line * item).view(result.dtype).reshape(ROWS, line)
    for column in range(0, width, ROWS):
        for row in range(0, height, COLUMNS):
            source = array[row : row + COLUMNS, column : column + ROWS].T
            block = buffer[: source.shape[0], : source.shape[1]]
            block[...] = source
            result[row : row + COLUMNS, column : column + ROWS] = block.T


def _scratch(name: str, size: int) -> Any:
    """Bytes that this thread has for a purpose; as many as the most that were asked for."""
    found = getattr(_SCRATCH, name, None)
    if found is None or found.size < size:
        found = np.empty(size, np.uint8)
        setattr(_SCRATCH, name, found)
    return found[:size]


class Stream:
    """Writes tensors to known offsets of open files.

    A failure in one thread ends the others at their next piece and is raised.
    """

    def __init__(self, total: int, progress: Progress | None = None, threads: int = 3) -> None:
        self._total = total
        self._done = 0
        self._progress = progress
        self._threads = threads
        self._lock = threading.Lock()
        self._failed = False

    def write(
        self, file: int, places: Sequence[tuple[Tensor, int]], checksum: Checksum | None = None
    ) -> list[int]:
        """Writes all; returns the checksum of each where one is wanted."""
        results = [0] * len(places)
        largest = max([tensor.cost for tensor, _ in places], default=0)
        running: dict[Future[int], tuple[int, int]] = {}
        busy = 0
        with ThreadPoolExecutor(self._threads) as pool:
            try:
                for number, (tensor, offset) in enumerate(places):
                    while running and (
                        len(running) >= 2 * self._threads or busy + tensor.cost > largest
                    ):
                        busy -= self._collect(running, results)
                    future = pool.submit(self._one, file, tensor, offset, checksum)
                    running[future] = (number, tensor.cost)
                    busy += tensor.cost
                while running:
                    self._collect(running, results)
            except BaseException:
                self._failed = True
                raise
        return results

    def _collect(self, running: dict[Future[int], tuple[int, int]], results: list[int]) -> int:
        freed = 0
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            number, cost = running.pop(future)
            results[number] = future.result()
            freed += cost
        if self._progress is not None:
            self._progress(self._done, self._total)
        return freed

    def _one(self, file: int, tensor: Tensor, offset: int, checksum: Checksum | None) -> int:
        crc = 0
        array = tensor.value()
        assert array.shape == tensor.shape, (tensor.key, array.shape, tensor.shape)
        for piece in pieces(array, tensor.dtype):
            if self._failed:
                return 0
            if checksum is not None:
                crc = checksum(piece, crc)
            write_at(file, piece, offset)
            offset += len(piece)
            with self._lock:
                self._done += len(piece)
        return crc


def _put(file: int, data: memoryview, offset: int) -> int:
    if hasattr(os, "pwrite"):
        return os.pwrite(file, data, offset)
    with _SEEKING:  # Windows has one position a file
        os.lseek(file, offset, os.SEEK_SET)
        return os.write(file, data)


def reserve(file: int, size: int) -> None:
    """Gives a file its size and, where the system can, its room on the disk.

    A disk too small is told before the work, and later writes need not look for blocks.
    """
    if size and hasattr(os, "posix_fallocate"):
        try:
            return os.posix_fallocate(file, 0, size)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP):
                raise
    os.ftruncate(file, size)


def write_at(file: int, data: Any, offset: int) -> None:
    """All of the bytes at a place; a short write goes on until the system refuses."""
    view = memoryview(data)
    while len(view):
        count = _put(file, view, offset)
        view = view[count:]
        offset += count
