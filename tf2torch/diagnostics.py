"""What every stage reports: findings, outcomes of TensorFlow references, and errors, as values."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Severity(str, enum.Enum):
    """How much a finding matters: errors leave work to do, warnings and notes do not."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Outcome(str, enum.Enum):
    """What became of one TensorFlow reference; each ends with exactly one of these."""

    CONVERTED = "converted"  # a rule or pass wrote PyTorch for it
    ABSORBED = "absorbed"  # an idiom consumed it: sessions, initialisers, placeholders
    KEPT = "kept"  # left as it is, with a reason
    TODO = "TODO"  # marked in the output, raises when reached


@dataclass(frozen=True, order=True)
class Diagnostic:
    """A finding at a place in the source; lines and columns count from 1, 0 is "no place"."""

    path: str
    line: int
    column: int
    rule: str
    severity: Severity
    message: str
    help: str = ""


@dataclass(frozen=True)
class Reference:
    """One TensorFlow reference of the source and its outcome; lines and columns count from 1."""

    id: int
    symbol: str  # canonical: 'tf.nn.relu', 'Tensor.get_shape'
    line: int
    column: int
    outcome: Outcome
    rule: str = ""
    note: str = ""


class ConversionError(Exception):
    """A failure that the user can act on, at a place in one of their files."""

    def __init__(self, path: str, line: int, column: int, message: str, help: str = "") -> None:
        super().__init__(path, line, column, message, help)
        self.path = path
        self.line = line
        self.column = column
        self.message = message
        self.help = help

    #: The rule id under which the failure is reported.
    rule = "error"

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}:{self.column}" if self.line else self.path
        return f"{place}: {self.message}"

    def diagnostic(self) -> Diagnostic:
        """The failure as a finding."""
        return Diagnostic(
            self.path, self.line, self.column, self.rule, Severity.ERROR, self.message, self.help
        )


class LoadError(ConversionError):
    """A source file that cannot be read or parsed."""

    rule = "load-error"


class WriteError(ConversionError):
    """An output file that cannot or must not be written."""

    rule = "write-error"
