"""Tensors into places of a file, in small pieces, from threads, with little memory."""

from __future__ import annotations

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

#: Bytes that are copied at once where the layout changes.
PIECE = 4 << 20
#: Rows and elements that a transposition takes at once, so that both sides stay in the cache.
ROWS, BLOCK = 1024, 8192
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
    """The bytes of an array in C order and in the given type."""
    if array.dtype == dtype and array.flags.c_contiguous:
        octets = array.reshape(-1).view(np.uint8)
        for start in range(0, octets.size, 16 << 20):
            yield memoryview(octets[start : start + (16 << 20)])
        return
    if array.ndim == 0 or array.size * dtype.itemsize <= PIECE:
        yield memoryview(_copied(array, dtype).reshape(-1).view(np.uint8))
        return
    row = array.size // len(array) * dtype.itemsize
    if row > PIECE:
        for part in array:
            yield from pieces(part, dtype)
        return
    step = max(PIECE // max(row, 1), 1)
    for start in range(0, len(array), step):
        part = _copied(array[start : start + step], dtype)
        yield memoryview(part.reshape(-1).view(np.uint8))


def _copied(array: Array, dtype: np.dtype[Any]) -> Array:
    """A copy in C order; transpositions block by block, which is several times as fast."""
    if array.ndim != 2 or array.flags.c_contiguous or array.strides[0] != array.itemsize:
        return np.ascontiguousarray(array, dtype).reshape(array.shape)
    result = np.empty(array.shape, dtype)
    height = min(ROWS, array.shape[0])
    width = max(BLOCK // max(height, 1), 8)
    for row in range(0, array.shape[0], height):
        target, source = result[row : row + height], array[row : row + height]
        for column in range(0, array.shape[1], width):
            target[:, column : column + width] = source[:, column : column + width]
    return result


class Stream:
    """Writes tensors to known offsets of open files.

    A failure in one thread ends the others at their next piece and is raised.
    """

    def __init__(self, total: int, progress: Progress | None = None, threads: int = 2) -> None:
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


def write_at(file: int, data: Any, offset: int) -> None:
    """All of the bytes at a place; a short write goes on until the system refuses."""
    view = memoryview(data)
    while len(view):
        count = _put(file, view, offset)
        view = view[count:]
        offset += count
