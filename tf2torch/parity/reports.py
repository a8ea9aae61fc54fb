"""The verdict on a pair of programs, and its tables in words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tf2torch.parity.findings import END, Finding, Measure
from tf2torch.parity.records import Record


@dataclass(frozen=True)
class Site:
    """A line of the original that runs the graph, and what was compared of its runs."""

    file: str
    line: int
    text: str
    runs: int
    trains: bool
    compared: int = 0
    absolute: float = 0.0
    relative: float = 0.0
    agrees: bool = True


@dataclass(frozen=True)
class Report:
    """The verdict on a pair of programs; true if they agree."""

    original: Path
    converted: Path
    findings: tuple[Finding, ...]
    counts: dict[str, int] = field(default_factory=dict)
    notes: tuple[Finding, ...] = ()  # what does not match but has changed no value
    sites: tuple[Site, ...] = ()
    measures: tuple[Measure, ...] = ()
    precision: str = "float32"
    device: str = "cpu"
    seconds: float = 0.0
    early: int = 0  # the last run in which rounding cannot have grown
    loose: int = 0  # the first run whose tolerance is that of much rounding; 0 if there is none

    @property
    def ran(self) -> bool:
        return not any(finding.kind == "run" for finding in self.findings)

    def __bool__(self) -> bool:
        return not self.findings

    def __str__(self) -> str:
        names = f"{self.original.name} and {self.converted.name}"
        counted = ", ".join(f"{count} {what}" for what, count in self.counts.items() if count)
        if self:
            return f"{names} agree: {counted} compared."
        if not self.ran:
            return f"{names} could not be compared.\n\n{self.findings[0]}"
        lines = [f"{names} differ.", "", str(self.findings[0])]
        if len(self.findings) > 1:
            lines += ["", f"{further(len(self.findings) - 1)}, the first of them:"]
            lines += ["- " + str(f).splitlines()[0] for f in self.findings[1:11]]
        lines += ["", *(f"Note: {note}" for note in self.notes)] if self.notes else []
        return "\n".join([*lines, "", f"Compared: {counted}."])


def sites_of(record: Record, original: Path, measures: Iterable[Measure]) -> tuple[Site, ...]:
    """The runs of the original folded by the line that makes them, in order."""
    place_of: dict[int, tuple[str, int]] = {END: ("", 0)}
    runs: dict[tuple[str, int], list[Any]] = {}
    for run in record.of("run"):
        place_of[run["id"]] = (run["file"], run["line"])
        runs.setdefault(place_of[run["id"]], []).append(run)
    measured: dict[tuple[str, int], list[Measure]] = {}
    for measure in measures:
        measured.setdefault(place_of.get(measure.run, ("", 0)), []).append(measure)
    sites = []
    for (file, line), events in runs.items():
        found = measured.pop((file, line), [])
        sites.append(
            Site(
                file, line, source_line(original.parent / file, line) if file else "",
                len(events), any(event["train"] for event in events), len(found),
                max((m.absolute for m in found), default=0.0),
                max((m.relative for m in found), default=0.0),
                all(m.agrees for m in found),
            )
        )  # fmt: skip
    return tuple(sites)


def source_line(path: Path, line: int) -> str:
    """A line of a file, or nothing."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return lines[line - 1].strip() if 0 < line <= len(lines) else ""


# On a terminal


def terminal(report: Report) -> str:
    """The report as a person reads it."""
    lines = [*_table(report), ""] if report.sites else []
    if report.findings:
        lines += [*failure(report), ""]
    lines += [f"note: {note}" for note in report.notes if report.ran]
    return "\n".join([*lines, verdict(report)])


def verdict(report: Report) -> str:
    """The last line: whether they agree, and what was compared."""
    names = f"{report.original.name} and {report.converted.name}"
    if not report.ran:
        return f"could not compare {names}"
    counted = ", ".join(f"{count} {what}" for what, count in report.counts.items() if count)
    how = f"{report.precision} on {report.device}"
    if report:
        return f"{names} agree ({how}): {counted} compared"
    count = len(report.findings)
    return f"{names} differ in {count} place{'s' * (count > 1)} ({how}): {counted} compared"


def _table(report: Report) -> list[str]:
    rows = [("line", "runs", "values", "max abs", "max rel", "", "original")]
    for site in report.sites:
        place = str(site.line) if site.file == report.original.name else f"{site.file}:{site.line}"
        state = "" if not site.compared else "agree" if site.agrees else "DIFFER"
        numbers = (f"{site.absolute:.1e}", f"{site.relative:.1e}") if site.compared else ("", "")
        rows.append((place, str(site.runs), str(site.compared or ""), *numbers, state, site.text))
    final = [m for m in report.measures if m.kind == "variable"]
    if final:
        worst = f"{max(m.absolute for m in final):.1e}", f"{max(m.relative for m in final):.1e}"
        state = "agree" if all(m.agrees for m in final) else "DIFFER"
        rows.append(("end", "", str(len(final)), *worst, state, "variables at the end"))
    widths = [max(len(row[column]) for row in rows) for column in range(6)]
    text = []
    for row in rows:
        cells = [cell.rjust(width) for cell, width in zip(row[:5], widths)]
        cells.append(row[5].ljust(widths[5]))
        text.append("  ".join([*cells, shortened(row[6])]).rstrip())
    return text


def shortened(text: str, width: int = 60) -> str:
    return text if len(text) <= width else text[: width - 3] + "..."


def failure(report: Report) -> list[str]:
    """The first difference in full, the others by their first lines."""
    first = report.findings[0]
    title, *rest = first.text.splitlines()
    if first.kind == "run":
        return first.text.splitlines()
    where = ""
    runs = report.counts.get("runs", 0)
    if 0 < first.run <= runs:
        where = f"   (run {first.run} of {runs})"
    lines = [f"FAILED  {title}{where}", *places(report, first), *(f"  {line}" for line in rest)]
    if first.rules:
        lines.append(f"  converted by {', '.join(first.rules)}: see `tf2torch rules show`")
    if first.cause:
        lines.append(f"  {CAUSES[first.cause]}")
    if len(report.findings) > 1:
        lines += ["", f"{further(len(report.findings) - 1)}:"]
        lines += ["  - " + f.text.splitlines()[0] for f in report.findings[1:11]]
        lines += ["  - ..."] if len(report.findings) > 11 else []
    return lines


def further(count: int) -> str:
    return f"{count} further difference{'s' * (count > 1)}"


CAUSES = {
    "meaning": "This is no rounding: the two programs differ in meaning.",
    "rounding": "It may be rounding that the program amplifies: --float64 tells.",
}


def places(report: Report, finding: Finding) -> list[str]:
    """Both source lines of a finding."""
    rows = []
    for path, line in (
        (report.original, finding.original_line),
        (report.converted, finding.converted_line),
    ):
        if line:
            rows.append((f"{path.name}:{line}", source_line(path, line)))
    for _, line in finding.made:
        rows.append((f"{report.converted.name}:{line}", source_line(report.converted, line)))
    width = max((len(place) for place, _ in rows), default=0)
    return [f"  {place.ljust(width)}  {text}" for place, text in rows]


def as_dict(report: Report) -> dict[str, Any]:
    """The report for programs; its keys do not change within a major version."""
    return {
        "version": 1,
        "agree": bool(report),
        "ran": report.ran,
        "original": str(report.original),
        "converted": str(report.converted),
        "precision": report.precision,
        "device": report.device,
        "seconds": round(report.seconds, 2),
        "compared": report.counts,
        "findings": [
            {
                "kind": f.kind, "text": f.text, "name": f.name, "cause": f.cause or None,
                "run": f.run if f.run != END else None,
                "original_line": f.original_line or None, "rules": list(f.rules),
                "converted_line": f.converted_line or None,
            }
            for f in report.findings
        ],
        "notes": [note.text for note in report.notes],
        "sites": [vars(site) for site in report.sites],
        "measures": [vars(m) | {"run": m.run if m.run != END else None} for m in report.measures],
    }  # fmt: skip
