"""The conversion of one file: what the stages made of it, ready to be written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from tf2torch.diagnostics import Diagnostic, Outcome, Reference, Severity
from tf2torch.emit.report import FileReport

if TYPE_CHECKING:
    from tf2torch.load.notebook import Cell


@dataclass(frozen=True)
class Conversion:
    """One converted file; `text` is None if it stays as it is or could not be converted.

    `raw` is the file as it is on disk, `original` its text, and `source` the Python 3 text that
    findings refer to. `cells` are those of a notebook, whose text is its JSON.
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
    cells: tuple[Cell, ...] = ()

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

    def reports(self) -> list[FileReport]:
        """What the report says of this file: of a notebook, cell by cell."""
        whole = FileReport(
            self.path, self.source, self.diagnostics, self.references, self.traceback
        )
        if not self.cells:
            return [whole]
        found = [self._cell(cell) for cell in self.cells]
        first = self.cells[0].start - 1
        rest = replace(
            whole,
            diagnostics=tuple(d for d in self.diagnostics if d.line < first),
            references=tuple(r for r in self.references if r.line < first),
        )
        return [rest, *found] if rest.diagnostics or rest.references else found

    def _cell(self, cell: Cell) -> FileReport:
        """The findings and references of one cell, with lines counted from its first."""
        path = f"{self.path}:cell {cell.index + 1}"
        last = cell.start + len(cell.text.splitlines())
        offset = cell.start - 1
        return FileReport(
            path,
            cell.text,
            tuple(
                replace(d, path=path, line=max(d.line - offset, 1))
                for d in self.diagnostics
                if offset <= d.line < last
            ),
            tuple(
                replace(r, line=max(r.line - offset, 1))
                for r in self.references
                if offset <= r.line < last
            ),
        )


def encode(text: str, encoding: str) -> bytes:
    """Text as bytes; characters that the encoding lacks become escapes, which code never has."""
    return text.encode(encoding, "backslashreplace")
