"""The error of every reader and writer of weights: it names the file and the variable."""

from __future__ import annotations

import os

from tf2torch.diagnostics import ConversionError


class CheckpointError(ConversionError):
    """A file of weights that cannot be read, mapped or written."""

    rule = "checkpoint-error"

    def __init__(
        self, path: str | os.PathLike[str], message: str, key: str = "", help: str = ""
    ) -> None:
        text = f"{printable(key)}: {message}" if key else message
        super().__init__(os.fspath(path), 0, 0, text, help)
        self.key = key

    def __reduce__(self) -> tuple[object, ...]:
        return (_restored, (self.path, self.message, self.key, self.help))


def _restored(path: str, message: str, key: str, help: str) -> CheckpointError:
    error = CheckpointError(path, message, "", help)
    error.key = key
    return error


def printable(name: str) -> str:
    """A name from a file as a terminal may show it: control and broken characters escaped."""
    if name.isprintable():
        return name
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)
