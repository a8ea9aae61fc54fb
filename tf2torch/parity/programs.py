"""Run a TensorFlow 1 program and its conversion, and say where their numbers part.

Each program runs in a process of its own: the recorder in an interpreter with TensorFlow, the
replayer in this one, from the recorded initial values and with the recorded random draws.
"""

from __future__ import annotations

import re
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tf2torch.parity.doubt import SURE_UPDATES, decided, first_loose_run
from tf2torch.parity.findings import END, NUMBERS, Finding
from tf2torch.parity.mapping import graphs_of, map_path, read_for, with_rounds
from tf2torch.parity.pairs import Pair
from tf2torch.parity.processes import record_command, replay_command, run
from tf2torch.parity.records import Record
from tf2torch.parity.reports import Report, sites_of
from tf2torch.parity.tolerances import DOUBLE, Tolerance
from tf2torch.parity.values import draw_notes, graph_note
from tf2torch.parity.verdict import compare

SETS = re.compile(r"\b(?:frozen)?set\(|\{\s*['\"][^{}:]*\}")


@dataclass(frozen=True)
class Options:
    """How to run and to compare two programs."""

    arguments: tuple[str, ...] = ()
    tolerance: Tolerance | None = None
    exact: bool = False
    rounding: bool = True
    ignore: frozenset[str] = frozenset()
    tf_python: str = sys.executable
    timeout: float = 600
    double: bool = False
    device: str = "cpu"
    limit_mb: int = 2048
    recorder: tuple[str, ...] = ()  # further options of the recorder
    replayer: tuple[str, ...] = ()
    weights: Path | None = None  # the map, where it is not beside the conversion


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
    double: bool = False,
    device: str = "cpu",
    limit_mb: int = 2048,
    keep: Path | str | None = None,
) -> Report:
    """Records the original, replays the conversion and compares all that both have computed.

    `exact` makes torch's Adam add its epsilon where TensorFlow does, so that this known difference
    hides no other. `rounding` replays again where there is a difference, in double precision and
    from initial values changed in their last digits, which tells how far rounding alone carries
    the program: a training run may amplify it a thousandfold, or not at all. `ignore`
    names fetched values that the conversion has under no name. `double` runs both programs in
    double precision. `keep` is a folder in which the records stay.
    """
    options = Options(
        tuple(arguments), tolerance, exact, rounding, frozenset(ignore), tf_python, timeout,
        double, device, limit_mb,
    )  # fmt: skip
    return verify(original, converted, options, keep)


def verify(
    original: Path | str,
    converted: Path | str,
    options: Options,
    keep: Path | str | None = None,
) -> Report:
    """The same as `check_pair`, with its options in one value."""
    start = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="tf2torch-parity-") as scratch:
        folder = Path(keep).resolve() if keep else Path(scratch)
        failure = record_program(original, folder / "record", options)
        if failure is not None:
            report = unrun(original, converted, failure, options)
        else:
            report = check_replay(
                original, converted, folder / "record", folder / "replay", options
            )
            if options.rounding:
                report = decided(report, in_double(original, converted, folder, options))
    return replace(report, seconds=time.perf_counter() - start)


def in_double(
    original: Path | str, converted: Path | str, folder: Path, options: Options
) -> Callable[[], Report]:
    """What a pair does in double precision; the original is recorded once for all devices."""
    options = replace(options, double=True)
    record = folder / "record-double"

    def check() -> Report:
        failure = None
        if not record.exists():
            failure = record_program(original, record, options)
        if failure is not None:
            return unrun(original, converted, failure, options)
        to = folder / f"replay-double-{options.device}"
        return check_replay(original, converted, record, to, options)

    return check


def record_program(
    original: Path | str, record: Path, options: Options | None = None
) -> Finding | None:
    """Records a program in an interpreter that has TensorFlow; what went wrong, if anything."""
    options = options or Options()
    given = ["--limit-mb", str(options.limit_mb), *options.recorder]
    given += ["--float64"] if options.double else []
    command = record_command(
        options.tf_python, Path(original).resolve(), record, options.arguments, given
    )
    failure = run(command, record, options.timeout, "original")
    if failure is not None:
        return Finding("run", failure)
    for event in Record(record).of("unrecordable"):
        text = f"The op {event['type']} draws random numbers that cannot be recorded"
        return Finding("run", text, event["line"])
    return None


def check_replay(
    original: Path | str,
    converted: Path | str,
    record: Path,
    folder: Path,
    options: Options | None = None,
) -> Report:
    """Replays a conversion against a record that has been made before."""
    options = options or Options()
    original, converted = Path(original).resolve(), Path(converted).resolve()
    options = with_map(original, converted, options)

    def replay(to: Path, *more: str) -> Finding | None:
        given = [*more, *options.replayer, "--device", options.device]
        given += ["--weights", str(options.weights)]
        given += ["--exact"] if options.exact else []
        given += ["--float64"] if options.double and "--float64" not in more else []
        command = replay_command(converted, record, to, options.arguments, given)
        failure = run(command, to, options.timeout, "conversion", device=options.device)
        return None if failure is None else Finding("run", failure)

    if (failure := replay(folder)) is not None:
        return unrun(original, converted, failure, options)
    pair = pair_of(converted, record, folder, options)
    findings, counts, measures = compare(pair)
    if options.rounding and any(finding.kind in NUMBERS for finding in findings):
        # Only a difference is worth further replays: is it more than rounding?
        # Doubles draw other numbers than singles where the record has none.
        alike = not options.double and not any(pair.replay.of("draw_missing"))
        kinds = ["--float64", "--jitter"] if alike else ["--jitter"]
        others = {kind: folder.with_name(folder.name + kind) for kind in kinds}
        ran = [Record(to) for kind, to in others.items() if replay(to, kind) is None]
        pair = replace(pair, rounded=tuple(ran))
        findings, counts, measures = compare(pair)
    # What is left lies above the rounding that was measured, or above all that doubles have.
    cause = "meaning" if pair.rounded or options.double else "rounding"
    findings = [replace(f, cause=cause) if f.kind in NUMBERS else f for f in findings]
    notes = draw_notes(pair.replay) + rounding_note(pair) + graph_note(pair)
    notes += hashing_note(pair, original) if findings else []
    sites = sites_of(pair.record, original, measures)
    early = [run for run, steps in pair.steps.items() if steps < SURE_UPDATES and run != END]
    return Report(
        original, converted, tuple(findings), counts, tuple(notes), sites, tuple(measures),
        precision="float64" if options.double else "float32", device=options.device,
        early=max(early, default=0), loose=first_loose_run(pair, [m.run for m in measures]),
    )  # fmt: skip


def with_map(original: Path, converted: Path, options: Options) -> Options:
    """The options with the weight map of a conversion."""
    path = options.weights or map_path(original, converted)
    return replace(options, weights=path.resolve())


def unrun(
    original: Path | str, converted: Path | str, failure: Finding, options: Options
) -> Report:
    """The report on a pair of which one program could not be run."""
    return Report(
        Path(original), Path(converted), (failure,),
        precision="float64" if options.double else "float32", device=options.device,
    )  # fmt: skip


def rounding_note(pair: Pair) -> list[Finding]:
    """How far rounding alone carries a program, where it was measured."""
    if not pair.rounded:
        return []
    far = max((far for _, far in [*pair.rounding, *pair.gradient_rounding]), default=0.0)
    text = f"Rounding alone moves values and gradients of this program by up to {far:.1e} of the"
    return [Finding("draw", f"{text} largest: tolerances follow it")]


def hashing_note(pair: Pair, original: Path) -> list[Finding]:
    """Where the two Pythons order sets of strings each in its way."""
    there = next((event["hashing"] for event in pair.record.of("clock")), "")
    here = sys.hash_info.algorithm
    text = original.read_text(encoding="utf-8", errors="replace")
    if there in ("", here) or not SETS.search(text):
        return []
    text = f"The two Pythons hash text differently ({there}, here {here}): sets of strings do not"
    return [Finding("draw", f"{text} have the same order, which sorted() would give them")]


def pair_of(converted: Path, record: Path, replay: Path, options: Options) -> Pair:
    path = options.weights or converted.with_suffix(".weights.json")
    weights = read_for(converted, path)
    known = Record(record, graphs_of(weights))
    weights = with_rounds(weights, known.first_values)
    allowed = options.tolerance or (DOUBLE if options.double else Tolerance())
    return Pair(known, Record(replay), weights, allowed, options.ignore)
