"""Stream events and arrays to a folder."""

import io
import json
import os
from typing import Any, Callable, List

import numpy as np


class LimitReached(BaseException):
    """The record has grown past its size limit; no `except Exception` of a program catches it."""


class Writer:
    """Streams events and arrays to a folder."""

    def __init__(self, folder: str, limit: int = 2 << 30) -> None:
        os.makedirs(folder, exist_ok=True)
        self.folder = folder
        self.limit = limit
        self._events = open(os.path.join(folder, "events.jsonl"), "w", 1, encoding="utf-8")
        self._values = open(os.path.join(folder, "values.bin"), "wb")

    def event(self, kind: str, **fields: Any) -> None:
        self._events.write(json.dumps(dict(fields, kind=kind)) + "\n")

    def value(self, value: Any) -> Any:
        """Stores the arrays of a nested value and returns its structure with references."""
        if isinstance(value, dict):
            return {"dict": [[str(key), self.value(value[key])] for key in value]}
        if isinstance(value, (list, tuple)) and not _plain_numbers(value):
            return {"list": [self.value(item) for item in value]}
        if value is None or isinstance(value, (str, bytes)):
            return {"text": None if value is None else repr(value)[:200]}
        try:
            array = np.asarray(value)
        except Exception:  # an object numpy cannot hold has no value to compare
            return {"text": repr(type(value))}
        if array.dtype.kind not in "biufc":
            return {"text": str(array.dtype)}
        offset = self._values.tell()
        if offset + array.nbytes > self.limit:
            raise LimitReached(
                "The record has reached its limit of %d MB: run fewer steps or raise --limit-mb"
                % (self.limit >> 20)
            )
        np.lib.format.write_array(self._values, np.array(array, order="C"), allow_pickle=False)
        return {"at": offset}

    def close(self) -> None:
        self._events.close()
        self._values.close()


def _plain_numbers(value: Any) -> bool:
    return bool(value) and all(isinstance(item, (bool, int, float)) for item in value)


class Tee(io.TextIOBase):
    """A text stream that keeps a copy of what passes through it."""

    def __init__(self, stream: Any, copy: Any, place: Callable[[], int] = lambda: 0) -> None:
        self._stream, self._copy, self._place = stream, copy, place
        self.lines: List[int] = []  # for each line of output, the line of the program

    def write(self, text: str) -> int:
        self._copy.write(text)
        if "\n" in text:
            self.lines += [self._place()] * text.count("\n")
        self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        self._stream.flush()
        self._copy.flush()

    def fileno(self) -> int:
        return self._stream.fileno()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return "utf-8"

    def isatty(self) -> bool:
        return False
