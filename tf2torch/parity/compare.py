"""Run a TensorFlow 1 program and its conversion, and say where their numbers part.

Each program runs in a process of its own: the recorder in an interpreter with TensorFlow, the
replayer in this one, from the recorded initial values and with the recorded random draws.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from tf2torch.parity.pairs import Finding, Pair, compare, draw_notes
from tf2torch.parity.processes import record_command, replay_command, run
from tf2torch.parity.records import Record
from tf2torch.parity.tolerances import Tolerance


@dataclass(frozen=True)
class Report:
    """The verdict on a pair of programs; true if they agree."""

    original: Path
    converted: Path
    findings: tuple[Finding, ...]
    counts: dict[str, int] = field(default_factory=dict)
    notes: tuple[Finding, ...] = ()  # what does not match but has changed no value

    @property
    def ran(self) -> bool:
        return not any(finding.kind == "run" for finding in self.findings)

    def __bool__(self) -> bool:
        return not self.findings

    def __str__(self) -> str:
        names = f"{self.original.name} and {self.converted.name}"
        counted = ", ".join(f"{count} {what}" for what, count in self.counts.items())
        if self:
            return f"{names} agree: {counted} compared."
        if not self.ran:
            return f"{names} could not be compared.\n\n{self.findings[0]}"
        lines = [f"{names} differ.", "", str(self.findings[0])]
        if len(self.findings) > 1:
            lines += ["", f"{len(self.findings) - 1} further differences, the first of them:"]
            lines += ["- " + str(f).splitlines()[0] for f in self.findings[1:11]]
        lines += ["", *(f"Note: {note}" for note in self.notes)] if self.notes else []
        return "\n".join([*lines, "", f"Compared: {counted}."])


def check_pair(
    original: Path | str,
    converted: Path | str,
    *,
    arguments: Sequence[str] = (),
    tolerance: Tolerance | None = None,
    exact: bool = False,
    rounding: bool = True,
    ignore: Collection[str] = (),
    tf_python: str = sys.executable,
    timeout: float = 600,
    keep: Path | str | None = None,
) -> Report:
    """Records the original, replays the conversion and compares all that both have computed.

    `exact` makes torch's Adam add its epsilon where TensorFlow does, so that this known difference
    hides no other. `rounding` replays again where there is a difference, in double precision and
    from initial values changed in their last digits, which tells how far rounding alone carries
    the program: a training run may amplify it a thousandfold, or not at all. `ignore`
    names fetched values that the conversion has under no name. `keep` is a folder in which the
    records stay.
    """
    with tempfile.TemporaryDirectory(prefix="tf2torch-parity-") as scratch:
        folder = Path(keep).resolve() if keep else Path(scratch)
        failure = record_program(
            original, folder / "record", arguments=arguments, tf_python=tf_python, timeout=timeout
        )
        if failure is not None:
            return Report(Path(original), Path(converted), (failure,))
        return check_replay(
            original, converted, folder / "record", arguments=arguments, tolerance=tolerance,
            exact=exact, rounding=rounding, ignore=ignore, timeout=timeout,
            folder=folder / "replay",
        )  # fmt: skip


def record_program(
    original: Path | str,
    record: Path,
    *,
    arguments: Sequence[str] = (),
    tf_python: str = sys.executable,
    timeout: float = 600,
) -> Finding | None:
    """Records a program in an interpreter that has TensorFlow; what went wrong, if anything."""
    command = record_command(tf_python, Path(original).resolve(), record, arguments, ())
    failure = run(command, record, timeout, "original")
    return None if failure is None else Finding("run", failure)


def check_replay(
    original: Path | str,
    converted: Path | str,
    record: Path,
    *,
    folder: Path,
    arguments: Sequence[str] = (),
    tolerance: Tolerance | None = None,
    exact: bool = False,
    rounding: bool = True,
    ignore: Collection[str] = (),
    timeout: float = 600,
) -> Report:
    """Replays a conversion against a record that has been made before."""
    original, converted = Path(original).resolve(), Path(converted).resolve()

    def replay(to: Path, *options: str) -> Finding | None:
        options = (*options, "--exact") if exact else options
        command = replay_command(converted, record, to, arguments, options)
        failure = run(command, to, timeout, "conversion")
        return None if failure is None else Finding("run", failure)

    if (failure := replay(folder)) is not None:
        return Report(original, converted, (failure,))
    weights = json.loads(converted.with_suffix(".weights.json").read_text(encoding="utf-8"))
    allowed = tolerance or Tolerance()
    pair = Pair(Record(record), Record(folder), weights, allowed, frozenset(ignore))
    findings, counts = compare(pair)
    if rounding and any(finding.kind in ("value", "output", "variable") for finding in findings):
        # Only a difference is worth further replays: is it more than rounding?
        others = {name: folder.with_name(folder.name + name) for name in ("--float64", "--jitter")}
        ran = [Record(to) for option, to in others.items() if replay(to, option) is None]
        findings, counts = compare(replace(pair, rounded=tuple(ran)))
    return Report(original, converted, tuple(findings), counts, tuple(draw_notes(pair.replay)))
