"""The conversion of one file: what the stages made of it, ready to be written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tf2torch.diagnostics import Diagnostic, Outcome, Reference, Severity
from tf2torch.emit.report import FileReport


@dataclass(frozen=True)
class Conversion:
    """One converted file; `text` is None if it stays as it is or could not be converted.

    `raw` is the file as it is on disk, `original` its text, and `source` the Python 3 text that
    findings refer to.
    """

    path: str
    raw: bytes = b""
    original: str = ""
    source: str = ""
    text: str | None = None
    encoding: str = "utf-8"
    newline: str = "\n"
    weights: Mapping[str, Any] = field(default_factory=dict)
    support: tuple[str, ...] = ()
    plan: str = ""
    diagnostics: tuple[Diagnostic, ...] = ()
    references: tuple[Reference, ...] = ()
    failed: bool = False
    traceback: str = ""

    @property
    def complete(self) -> bool:
        """Whether nothing is left to do by hand."""
        todo = any(reference.outcome is Outcome.TODO for reference in self.references)
        return not todo and not any(d.severity is Severity.ERROR for d in self.diagnostics)

    @property
    def data(self) -> bytes:
        """The converted text as the bytes of a file, in the original's encoding and line ends."""
        if self.text is None:
            return self.raw
        return encode(self.text.replace("\n", self.newline), self.encoding)

    def report(self) -> FileReport:
        """What the report says of this file."""
        return FileReport(self.path, self.source, self.diagnostics, self.references, self.traceback)


def encode(text: str, encoding: str) -> bytes:
    """Text as bytes; characters that the encoding lacks become escapes, which code never has."""
    return text.encode(encoding, "backslashreplace")
