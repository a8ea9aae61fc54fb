"""Holds the TODO markers in the files written against what the report says of them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from tf2torch.diagnostics import Diagnostic, Outcome, Severity
from tf2torch.emit.conversion import Conversion

_MARKER = re.compile(r"# TODO\(tf2torch: ([\w-]+)\) (.*)")
Marker = tuple[str, str]


def with_markers_told(conversions: Sequence[Conversion]) -> list[Conversion]:
    """The files of one program or folder, with an error for each TODO that nothing tells of."""
    told = {marker for conversion in conversions for marker in _told(conversion)}
    return [_checked(conversion, told) for conversion in conversions]


def _told(conversion: Conversion) -> Iterator[Marker]:
    for finding in conversion.diagnostics:
        if finding.severity is Severity.ERROR:
            yield finding.rule, finding.message
    for reference in conversion.references:
        if reference.outcome is Outcome.TODO:
            yield reference.rule, reference.note


def _checked(conversion: Conversion, told: set[Marker]) -> Conversion:
    if conversion.text is None or "TODO(tf2torch" not in conversion.text:
        return conversion
    known = Counter(_MARKER.findall(conversion.source))
    untold: dict[Marker, int] = {}
    for number, line in enumerate(conversion.text.splitlines(), 1):
        for marker in _MARKER.findall(line):
            known[marker] -= 1
            if known[marker] < 0 and marker not in told:
                untold.setdefault(marker, number)
    if not untold:
        return conversion
    found = [
        Diagnostic(
            conversion.path, 0, 0, rule, Severity.ERROR, reason, f"line {number} of the output"
        )
        for (rule, reason), number in untold.items()
    ]
    return replace(conversion, diagnostics=tuple(sorted({*conversion.diagnostics, *found})))
