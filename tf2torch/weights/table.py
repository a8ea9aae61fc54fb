"""Sorted string tables (LevelDB's format), in which TensorFlow keeps its indexes and V1 data."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from typing import Any

import cramjam
import numpy as np

from tf2torch.weights.errors import CheckpointError, printable
from tf2torch.weights.files import Octets, crc32c, masked
from tf2torch.weights.wire import WireError, varint

MAGIC = 0xDB4775248B80FB57
FOOTER = 48
TRAILER = 5  # type of the block, checksum
#: Snappy's longest copy is 64 bytes for two; more is no honest block.
DENSEST = 64


class Table:
    """A table over the bytes of a file; blocks are verified and decompressed when used."""

    def __init__(self, data: Octets, path: str) -> None:
        self.path = path
        self._data = data
        if not is_table(data):
            raise self._error("is no TensorFlow table: the magic number at its end is missing")
        footer = memoryview(data[-FOOTER:])
        try:
            _, at = _handle(footer, 0)
            index, _ = _handle(footer, at)
            self._blocks = [
                (key, _handle(value, 0)[0]) for key, value in self._entries(self._block(index))
            ]
        except WireError as error:
            raise self._error(f"broken index: {error}") from None
        for (last, (start, size)), (key, (after, _)) in zip(self._blocks, self._blocks[1:]):
            if last >= key:
                raise self._error("its index is out of order")
            if start + size > after:  # else one large block could be read without end
                raise self._error(f"its blocks at bytes {start} and {after} overlap")
        self._last = [key for key, _ in self._blocks]

    def items(self) -> Iterator[tuple[bytes, memoryview]]:
        """Keys and values in order; a key that comes twice or out of order is refused."""
        before: bytes | None = None
        for last, handle in self._blocks:
            for key, value in self._rows(handle):
                if before is not None and key <= before:
                    word = "comes twice" if key == before else "is out of order"
                    raise self._error(f"key {shown(key)} {word}")
                before = key
                yield key, value
            if before is not None and before > last:
                raise self._error(f"key {shown(before)} is out of order")

    def get(self, wanted: bytes) -> memoryview | None:
        """The value of a key, or None."""
        number = bisect_left(self._last, wanted)
        if number == len(self._blocks):
            return None
        found = None
        for key, value in self._rows(self._blocks[number][1]):
            if key == wanted:
                if found is not None:
                    raise self._error(f"key {shown(key)} comes twice")
                found = value
        return found

    def _rows(self, handle: tuple[int, int]) -> Iterator[tuple[bytes, memoryview]]:
        try:
            yield from self._entries(self._block(handle))
        except WireError as error:
            raise self._error(f"broken block at byte {handle[0]}: {error}") from None

    def _block(self, handle: tuple[int, int]) -> memoryview:
        """The contents of a block, verified and decompressed."""
        start, size = handle
        end = start + size
        if end + TRAILER > len(self._data) - FOOTER:
            raise self._error(f"is truncated: a block at byte {start} leaves the file")
        kind = int(self._data[end])
        stored = int.from_bytes(self._data[end + 1 : end + TRAILER].tobytes(), "little")
        if masked(crc32c(self._data[start : end + 1])) != stored:
            raise self._error(f"the checksum of the block at byte {start} does not match")
        contents = self._data[start:end]
        if kind == 0:
            return memoryview(contents)
        if kind == 1:
            return self._unpacked(contents, start)
        raise self._error(f"the block at byte {start} has the unknown compression {kind}")

    def _unpacked(self, contents: Octets, start: int) -> memoryview:
        try:
            size, _ = varint(memoryview(contents), 0)
            if size > DENSEST * len(contents):
                raise WireError(f"{len(contents)} bytes cannot hold {size}")
            result: Octets = np.empty(size, np.uint8)
            count = cramjam.snappy.decompress_raw_into(memoryview(contents), result)
            if count != size:
                raise WireError(f"{count} bytes instead of {size}")
        except (WireError, cramjam.DecompressionError) as error:
            raise self._error(f"broken compressed block at byte {start}: {error}") from None
        result.flags.writeable = False
        return memoryview(result)

    def _entries(self, block: memoryview) -> Iterator[tuple[bytes, memoryview]]:
        """The rows of a block: each key keeps some bytes of the one before."""
        if len(block) < 4:
            raise WireError("a block without an end")
        restarts = int.from_bytes(block[-4:], "little")
        end = len(block) - 4 - 4 * restarts
        if end < 0:
            raise WireError("more restarts than bytes")
        at, key = 0, b""
        while at < end:
            shared, at = varint(block, at)
            fresh, at = varint(block, at)
            size, at = varint(block, at)
            if shared > len(key) or fresh + size > end - at:
                raise WireError("a row leaves its block")
            key = key[:shared] + bytes(block[at : at + fresh])
            at += fresh
            yield key, block[at : at + size]
            at += size

    def _error(self, text: str) -> CheckpointError:
        return CheckpointError(self.path, text)


def is_table(data: Octets) -> bool:
    """Whether the file ends like a table."""
    return len(data) >= FOOTER and int.from_bytes(data[-8:].tobytes(), "little") == MAGIC


def shown(key: bytes) -> str:
    """A key for a message."""
    return repr(printable(key[:200].decode("utf-8", "surrogateescape")))


def _handle(data: memoryview, at: int) -> tuple[tuple[int, int], int]:
    offset, at = varint(data, at)
    size, at = varint(data, at)
    return (offset, size), at


# Writing


def table_bytes(rows: list[tuple[bytes, bytes]], block_size: int = 1 << 18) -> bytes:
    """A table of sorted rows, uncompressed as TensorFlow writes its indexes."""
    from tf2torch.weights.wire import encoded

    out = bytearray()
    index: list[tuple[bytes, bytes]] = []

    def block(part: list[tuple[bytes, bytes]]) -> bytes:
        body, starts = bytearray(), []
        for key, value in part:
            starts.append(len(body))
            body += encoded(0) + encoded(len(key)) + encoded(len(value)) + key + value
        starts = starts or [0]
        body += b"".join(s.to_bytes(4, "little") for s in starts)
        contents = bytes(body) + len(starts).to_bytes(4, "little")
        handle = encoded(len(out)) + encoded(len(contents))
        kind = b"\0"
        check = masked(crc32c(contents + kind)).to_bytes(4, "little")
        out.extend(contents + kind + check)
        return handle

    part: list[tuple[bytes, bytes]] = []
    size = 0
    for row in rows:
        part.append(row)
        size += len(row[0]) + len(row[1])
        if size >= block_size:
            index.append((row[0], block(part)))
            part, size = [], 0
    if part:
        index.append((part[-1][0], block(part)))
    meta = block([])
    footer: Any = meta + block(index)
    return bytes(out) + footer.ljust(40, b"\0") + MAGIC.to_bytes(8, "little")
