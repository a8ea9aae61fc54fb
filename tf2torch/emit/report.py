"""The report: findings and the fate of every TensorFlow reference, as text, JSON, SARIF or HTML."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tf2torch import __version__
from tf2torch.diagnostics import Diagnostic, Outcome, Reference, Severity


@dataclass(frozen=True)
class FileReport:
    """What happened to one file; `text` is the source as it was read."""

    path: str
    text: str = ""
    diagnostics: tuple[Diagnostic, ...] = ()
    references: tuple[Reference, ...] = ()
    traceback: str = ""  # of a fault of our own


def summary(references: Iterable[Reference]) -> str:
    """`212 TF references: 190 converted, 17 absorbed, 2 kept, 3 TODO`."""
    counts = Counter(reference.outcome for reference in references)
    total = sum(counts.values())
    parts = ", ".join(f"{counts[outcome]} {outcome.value}" for outcome in Outcome)
    return f"{total} TF reference{'' if total == 1 else 's'}: {parts}"


def total(files: Sequence[FileReport]) -> str:
    """The last line of a report."""
    return summary(reference for file in files for reference in file.references)


def full(files: Sequence[FileReport]) -> str:
    """Each finding with its source line and help, then the sum."""
    blocks = []
    for file in files:
        lines = file.text.split("\n")
        blocks += [_full(finding, lines) for finding in sorted(file.diagnostics)]
    return "\n".join([*blocks, total(files) + "\n"])


def _full(finding: Diagnostic, lines: Sequence[str]) -> str:
    text = concise_line(finding) + "\n"
    source = lines[finding.line - 1] if 0 < finding.line <= len(lines) else ""
    if source.strip():
        number = str(finding.line)
        blank = " " * len(number)
        indent = "".join(c if c == "\t" else " " for c in source[: max(finding.column - 1, 0)])
        text += f"{blank} |\n{number} | {source}\n{blank} | {indent}^\n"
    if finding.help:
        text += f"  = help: {finding.help}\n"
    return text


def concise(files: Sequence[FileReport]) -> str:
    """One line for each finding, then the sum."""
    lines = [concise_line(d) for file in files for d in sorted(file.diagnostics)]
    return "\n".join([*lines, total(files)]) + "\n"


def concise_line(finding: Diagnostic) -> str:
    """`file:line:col RULE message`; warnings and notes say what they are."""
    place = f"{finding.path}:{finding.line}:{finding.column}" if finding.line else finding.path
    kind = "" if finding.severity is Severity.ERROR else f"{finding.severity.value}: "
    return f"{place} {finding.rule} {kind}{finding.message}"


def github(files: Sequence[FileReport]) -> str:
    """Workflow commands that annotate a pull request."""
    levels = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}
    lines = []
    for file in files:
        for d in sorted(file.diagnostics):
            place = f"file={d.path},line={max(d.line, 1)},col={max(d.column, 1)}"
            message = (d.message + (f" ({d.help})" if d.help else "")).replace("\n", "%0A")
            lines.append(f"::{levels[d.severity]} {place},title={d.rule}::{message}")
    return "\n".join([*lines, total(files)]) + "\n"


def as_json(files: Sequence[FileReport]) -> str:
    """Everything, for programs; `version` changes when a key changes its meaning."""
    document = {
        "version": 1,
        "tf2torch": __version__,
        "summary": _counts(r for file in files for r in file.references),
        "files": [_file(file) for file in files],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _counts(references: Iterable[Reference]) -> dict[str, int]:
    counts = Counter(reference.outcome for reference in references)
    return {"references": sum(counts.values()), **{o.value: counts[o] for o in Outcome}}


def _file(file: FileReport) -> dict[str, Any]:
    record: dict[str, Any] = {
        "path": file.path,
        "summary": _counts(file.references),
        "findings": [_finding(d) for d in sorted(file.diagnostics)],
        "references": [_reference(r) for r in file.references],
    }
    return record | ({"traceback": file.traceback} if file.traceback else {})


def _finding(d: Diagnostic) -> dict[str, Any]:
    return {
        "line": d.line,
        "column": d.column,
        "rule": d.rule,
        "severity": d.severity.value,
        "message": d.message,
        "help": d.help,
    }


def _reference(r: Reference) -> dict[str, Any]:
    return {
        "id": r.id,
        "symbol": r.symbol,
        "line": r.line,
        "column": r.column,
        "outcome": r.outcome.value,
        "rule": r.rule,
        "note": r.note,
    }


def as_sarif(files: Sequence[FileReport]) -> str:
    """SARIF 2.1.0, which code hosts and editors read."""
    findings = [d for file in files for d in sorted(file.diagnostics)]
    driver = {
        "name": "tf2torch",
        "version": __version__,
        "rules": [{"id": rule} for rule in sorted({d.rule for d in findings})],
    }
    document = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": [_sarif(d) for d in findings]}],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _sarif(d: Diagnostic) -> dict[str, Any]:
    place: dict[str, Any] = {"artifactLocation": {"uri": d.path.replace("\\", "/")}}
    if d.line:
        place["region"] = {"startLine": d.line, "startColumn": max(d.column, 1)}
    text = d.message + (f"\n{d.help}" if d.help else "")
    return {
        "ruleId": d.rule,
        "level": d.severity.value,
        "message": {"text": text},
        "locations": [{"physicalLocation": place}],
    }


def as_html(files: Sequence[FileReport]) -> str:
    """One self-contained page."""
    from tf2torch.emit import html

    return html.page(files, total(files))


#: Formats of findings on the terminal and of report files.
FORMATS: Mapping[str, Callable[[Sequence[FileReport]], str]] = {
    "full": full,
    "concise": concise,
    "json": as_json,
    "github": github,
    "sarif": as_sarif,
    "html": as_html,
}
#: The format of a report file, by its suffix.
SUFFIXES = {".txt": "full", ".json": "json", ".sarif": "sarif", ".html": "html"}
