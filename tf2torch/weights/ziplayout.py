"""Places of stored records in a zip archive, computed before anything is written."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

ALIGNMENT = 64
_BIG = 0xFFFFFFFF


@dataclass
class Record:
    """A stored member; `header` and `data` are offsets, the checksum comes last."""

    name: bytes
    size: int
    header: int
    data: int
    crc: int = 0


def placed(sizes: Mapping[str, int]) -> tuple[list[Record], int]:
    """Records in order, the data of each aligned; and the end of the last."""
    records = []
    at = 0
    for name, size in sizes.items():
        encoded = name.encode()
        extra = 4 + (20 if size >= _BIG else 0)
        data = at + 30 + len(encoded) + extra
        data += -data % ALIGNMENT
        records.append(Record(encoded, size, at, data))
        at = data + size
    return records, at


def header_bytes(record: Record) -> bytes:
    """The local header, padded up to the data."""
    large = record.size >= _BIG
    extra = struct.pack("<HHQQ", 1, 16, record.size, record.size) if large else b""
    padding = record.data - record.header - 30 - len(record.name) - len(extra) - 4
    extra += struct.pack("<HH", 0x4246, padding) + b"Z" * padding
    size = _BIG if large else record.size
    return (
        struct.pack("<4s5H3I2H", b"PK\3\4", 45 if large else 20, 0, 0, 0, 33, record.crc,
                    size, size, len(record.name), len(extra)) + record.name + extra
    )  # fmt: skip


def directory(records: Sequence[Record], start: int) -> bytes:
    """The central directory and its end, with 64-bit fields where they are needed."""
    rows = []
    for record in records:
        wide = [n for n in (record.size, record.size, record.header) if n >= _BIG]
        extra = struct.pack(f"<HH{len(wide)}Q", 1, 8 * len(wide), *wide) if wide else b""
        size, offset = min(record.size, _BIG), min(record.header, _BIG)
        rows.append(
            struct.pack("<4s6H3I5H2I", b"PK\1\2", 45, 45 if wide else 20, 0, 0, 0, 33, record.crc,
                        size, size, len(record.name), len(extra), 0, 0, 0, 0, offset)
            + record.name + extra
        )  # fmt: skip
    body = b"".join(rows)
    count, length = len(records), len(body)
    end = b""
    if start >= _BIG or count >= 0xFFFF:
        end = struct.pack("<4sQ2H2I4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, length, start)
        end += struct.pack("<4sIQI", b"PK\6\7", 0, start + length, 1)
    short = min(count, 0xFFFF)
    end += struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, short, short, length, min(start, _BIG), 0)
    return body + end
