"""Verify a pair on several devices, and look closer where it differs: which step, which line."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tf2torch.parity.devices import missing
from tf2torch.parity.doubt import decided
from tf2torch.parity.findings import END, Finding
from tf2torch.parity.localise import localised
from tf2torch.parity.programs import (
    Options,
    check_replay,
    in_double,
    pair_of,
    record_program,
    unrun,
    with_map,
)
from tf2torch.parity.recorder.updates import FIRST
from tf2torch.parity.records import Record
from tf2torch.parity.reports import Report


def search(
    original: Path,
    converted: Path,
    options: Options,
    devices: Sequence[str] = ("cpu",),
    trace: bool = False,
    bisect: bool = False,
) -> list[Report]:
    """One report for each device; the original is recorded once, and again to look closer."""
    start = time.perf_counter()
    options = with_map(original, converted, options)
    reports = []
    with tempfile.TemporaryDirectory(prefix="tf2torch-verify-") as scratch:
        folder = Path(scratch)
        absent = {device: missing(device) for device in devices}
        failure = None
        if not all(absent.values()):
            failure = record_program(original, folder / "record", options)
        for device in devices:
            here = replace(options, device=device)
            failed = Finding("run", absent[device]) if absent[device] else failure
            if failed is not None:
                report = unrun(original, converted, failed, here)
            else:
                target = folder / f"replay-{device}"
                report = check_replay(original, converted, folder / "record", target, here)
                report = decided(report, in_double(original, converted, folder, here))
                if report.ran and not report and (trace or bisect):
                    report = closer(report, folder / f"closer-{device}", here, trace, bisect)
                elif report.ran and not report:
                    pair = pair_of(converted, folder / "record", target, here)
                    placed = localised(pair, converted, report.findings, trace=False)
                    report = replace(report, findings=tuple(placed))
            seconds = time.perf_counter() - start
            reports.append(replace(report, seconds=seconds))
    return reports


def closer(report: Report, folder: Path, options: Options, trace: bool, bisect: bool) -> Report:
    """A second recording of the runs around the first difference."""
    recorder: list[str] = []
    replayer: list[str] = []
    if bisect:
        first, last = interval(report)
        recorder += ["--steps", f"{first}-{last}"]
    run = report.findings[0].run
    if trace and 0 < run < END:
        recorder += ["--trace", str(run)]
        replayer += ["--trace", str(run)]
    if not recorder:
        return report
    again = replace(options, recorder=tuple(recorder), replayer=tuple(replayer), rounding=False)
    if record_program(report.original, folder / "record", again) is not None:
        return report
    found = check_replay(report.original, report.converted, folder / "record", folder / "r", again)
    if found or not found.ran:
        return report
    findings = list(found.findings) if bisect else list(report.findings)
    pair = pair_of(report.converted, folder / "record", folder / "r", again)
    findings = localised(pair, report.converted, findings, trace)
    if bisect:
        findings = [_bisected(report, findings, Record(folder / "record")), *findings[1:]]
    return replace(report, findings=tuple(findings))


def interval(report: Report) -> tuple[int, int]:
    """The updates between the last kept one that agrees and the first that differs."""
    steps = [m for m in report.measures if m.kind in ("gradient", "step")]
    wrong = min((m.nth for m in steps if not m.agrees), default=0)
    if not wrong:
        return 1, max((m.nth for m in steps), default=FIRST)
    right = max((m.nth for m in steps if m.agrees and m.nth < wrong), default=0)
    return right + 1, wrong


def _bisected(report: Report, findings: Sequence[Finding], record: Record) -> Finding:
    """The first finding, with the step and the variable that it comes down to."""
    first = next((f for f in findings if f.kind in ("gradient", "step")), None)
    if first is None:
        return findings[0]
    trained = [run["id"] for run in record.of("run") if run["train"]]
    if first.run in trained:
        step = trained.index(first.run) + 1
        line = f"\nBisected to step {step} of {len(trained)}, variable {first.name}"
        return replace(findings[0], text=findings[0].text + line)
    return findings[0]
