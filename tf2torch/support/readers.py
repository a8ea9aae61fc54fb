"""TensorFlow's readers of queued files: pairs of a key and what was read."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from .data import Pipeline, file_names
from .host import Text, as_text
from .records import read_records


def record_pipeline(filenames: Any, compression_type: str | None = None) -> Pipeline:
    """tf.data.TFRecordDataset: the records of files, one file after the other."""
    return Pipeline(lambda: read_records(file_names(filenames), compression_type or None))


def read_lines(queue: Pipeline, skip_header_lines: int = 0) -> Pipeline:
    """tf.TextLineReader: ("file:number", line) for the lines of each file."""

    def start() -> Iterator[Any]:
        for name in queue:
            with open(name, "rb") as file:
                for number, line in enumerate(file, 1):
                    if number > skip_header_lines:
                        yield Text(f"{as_text(name)}:{number}"), Text(line.rstrip(b"\r\n"))

    return Pipeline(start)


def read_queued_records(queue: Pipeline) -> Pipeline:
    """tf.TFRecordReader: ("file:offset", record) for the records of each file."""

    def start() -> Iterator[Any]:
        for name in queue:
            offset = 0
            for record in read_records(name):
                yield Text(f"{as_text(name)}:{offset}"), record
                offset += 16 + len(record)  # length and its CRC in front, a CRC behind

    return Pipeline(start)


def read_files(queue: Pipeline) -> Pipeline:
    """tf.WholeFileReader: (name, contents) of each file."""
    return Pipeline(lambda: ((Text(name), Path(as_text(name)).read_bytes()) for name in queue))


def read_names(queue: Pipeline) -> Pipeline:
    """tf.IdentityReader: (name, name)."""
    return Pipeline(lambda: ((name, name) for name in queue))


def decode_csv(records: Any, record_defaults: Sequence[Any], field_delim: str = ",") -> list[Any]:
    """tf.decode_csv: the fields of one line, or of each of several, as columns.

    A field takes the type of its default: int, float or text; an empty field is the default.
    """
    if isinstance(records, list):
        rows = [decode_csv(record, record_defaults, field_delim) for record in records]
        return [
            list(column) if isinstance(column[0], bytes) else torch.stack(column)
            for column in map(list, zip(*rows, strict=True))
        ]
    fields = next(csv.reader([as_text(records)], delimiter=field_delim))
    if len(fields) != len(record_defaults):
        raise ValueError(f"expect {len(record_defaults)} fields but have {len(fields)} in record")
    return [
        _csv_field(text, default) for text, default in zip(fields, record_defaults, strict=True)
    ]


def _csv_field(text: str, default: Any) -> Any:
    if isinstance(default, torch.Tensor):
        kind: Any = float if default.is_floating_point() else int
        known = default.reshape(-1).tolist()
    else:
        known = list(default) if isinstance(default, (list, tuple)) else [default]
        kind = type(known[0]) if known else str
    if text == "" and known:
        value = known[0]
    else:
        value = kind(text) if kind in (int, float) else text
    return Text(value) if isinstance(value, str | bytes) else torch.tensor(value)
