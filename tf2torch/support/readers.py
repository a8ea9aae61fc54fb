"""TensorFlow's readers: pairs of a key and a value out of a queue of file names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from .data import Pipeline
from .records import read_records


def record_pipeline(filenames: Any, compression_type: str | None = None) -> Pipeline:
    """tf.data.TFRecordDataset: the records of files, one after the other, as bytes."""
    if isinstance(filenames, str | Path):
        filenames = [filenames]
    return Pipeline(
        lambda: (record for name in filenames for record in read_records(name, compression_type))
    )


def _read_each(names: Iterable[str], read: Callable[[str], Iterator[tuple[str, Any]]]) -> Pipeline:
    """What `read` gives of each file in turn."""
    return Pipeline(lambda: (pair for name in names for pair in read(name)))


def read_lines(names: Iterable[str], skip_header_lines: int = 0) -> Pipeline:
    """tf.TextLineReader: ("file:line number", the line without its end)."""

    def read(name: str) -> Iterator[tuple[str, str]]:
        with open(name, encoding="utf-8", newline="\n") as file:
            for number, line in enumerate(file, 1):
                if number > skip_header_lines:
                    yield f"{name}:{number}", line.removesuffix("\n").removesuffix("\r")

    return _read_each(names, read)


def read_queued_records(names: Iterable[str], compression_type: str | None = None) -> Pipeline:
    """tf.TFRecordReader: ("file:offset", the record as bytes)."""

    def read(name: str) -> Iterator[tuple[str, bytes]]:
        offset = 0
        for record in read_records(name, compression_type):
            yield f"{name}:{offset}", record
            offset += len(record) + 16

    return _read_each(names, read)


def read_files(names: Iterable[str]) -> Pipeline:
    """tf.WholeFileReader: (file, its content as bytes)."""
    return _read_each(names, lambda name: iter([(name, Path(name).read_bytes())]))


def read_names(names: Iterable[str]) -> Pipeline:
    """tf.IdentityReader: (name, name)."""
    return _read_each(names, lambda name: iter([(name, name)]))


def read_fixed_length(
    names: Iterable[str], record_bytes: int, header_bytes: int = 0, footer_bytes: int = 0
) -> Pipeline:
    """tf.FixedLengthRecordReader: ("file:number", the record as bytes)."""

    def read(name: str) -> Iterator[tuple[str, bytes]]:
        content = Path(name).read_bytes()
        body = content[header_bytes : len(content) - footer_bytes]
        for number in range(len(body) // record_bytes):
            yield f"{name}:{number}", body[number * record_bytes : (number + 1) * record_bytes]

    return _read_each(names, read)
