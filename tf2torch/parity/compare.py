"""Run a TensorFlow 1 program and its conversion, and say where their numbers part.

Each program runs in a process of its own: the recorder in an interpreter with TensorFlow, the
replayer in this one, from the recorded initial values and with the recorded random draws.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tf2torch.parity.loading import entries_of
from tf2torch.parity.records import Event, Record
from tf2torch.parity.tolerances import Tolerance, differs, line_differs
from tf2torch.weights import layout


@dataclass(frozen=True)
class Finding:
    """One way in which the two programs differ."""

    kind: str  # "run", "value", "missing", "output", "variable", "start", "draw"
    text: str
    original_line: int = 0
    converted_line: int = 0

    def __str__(self) -> str:
        places = []
        if self.original_line:
            places.append(f"original line {self.original_line}")
        if self.converted_line:
            places.append(f"conversion line {self.converted_line}")
        return f"{self.text}" + (f"\n({', '.join(places)})" if places else "")


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
    ignore: Collection[str] = (),
    tf_python: str = sys.executable,
    timeout: float = 600,
    keep: Path | str | None = None,
) -> Report:
    """Records the original, replays the conversion and compares all that both have computed.

    `exact` makes torch's Adam add its epsilon where TensorFlow does, so that this known difference
    hides no other. `ignore` names fetched values that the conversion has under no name. `keep` is
    a folder in which the records stay.
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
            exact=exact, ignore=ignore, timeout=timeout, folder=folder / "replay",
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
    recorder = Path(__file__).with_name("record.py")
    command = [tf_python, str(recorder), str(Path(original).resolve()), str(record)]
    return _run([*command, "--", *arguments], record, timeout, "original")


def check_replay(
    original: Path | str,
    converted: Path | str,
    record: Path,
    *,
    folder: Path,
    arguments: Sequence[str] = (),
    tolerance: Tolerance | None = None,
    exact: bool = False,
    ignore: Collection[str] = (),
    timeout: float = 600,
) -> Report:
    """Replays a conversion against a record that has been made before."""
    original, converted = Path(original).resolve(), Path(converted).resolve()
    command = [sys.executable, "-m", "tf2torch.parity.replay", str(converted), str(record)]
    command += [str(folder), *(["--exact"] if exact else []), "--", *arguments]
    failure = _run(command, folder, timeout, "conversion")
    if failure is not None:
        return Report(original, converted, (failure,))
    weights = json.loads(converted.with_suffix(".weights.json").read_text(encoding="utf-8"))
    findings, counts = compare(
        Record(record), Record(folder), weights, tolerance or Tolerance(), ignore
    )
    draws = _draws(Record(folder))
    return Report(original, converted, tuple(findings), counts, tuple(draws))


def _run(command: list[str], folder: Path, timeout: float, title: str) -> Finding | None:
    """Runs one side; the files that the program writes go to `folder`/files."""
    work = folder / "files"
    work.mkdir(parents=True, exist_ok=True)
    environment = dict(os.environ)
    if title == "conversion":
        package = str(Path(__file__).resolve().parents[2])
        known = environment.get("PYTHONPATH")
        environment["PYTHONPATH"] = package + (os.pathsep + known if known else "")
        environment.setdefault("OMP_NUM_THREADS", "1")
    try:
        done = subprocess.run(
            command, cwd=work, capture_output=True, text=True, timeout=timeout, env=environment
        )
    except subprocess.TimeoutExpired:
        return Finding("run", f"The {title} did not end within {timeout:g} seconds.")
    if done.returncode == 0:
        return None
    tail = "\n".join(done.stderr.strip().splitlines()[-12:])
    return Finding("run", f"The {title} ended with exit status {done.returncode}:\n{tail}")


def compare(
    record: Record,
    replay: Record,
    weights: Any,
    tolerance: Tolerance,
    ignore: Collection[str] = (),
) -> tuple[list[Finding], dict[str, int]]:
    """All differences between a record and its replay, the earliest kind first."""
    runs = list(record.of("run"))
    trained = 0
    steps: dict[int, int] = {}
    for run in runs:
        steps[run["id"]] = trained
        trained += bool(run["train"])
    findings = _starts(replay)
    by_name, values = _values(record, replay, steps, tolerance, ignore)
    output, lines = _output(record, replay, trained, tolerance)
    variables, compared = _variables(record, replay, weights, trained, tolerance)
    findings += by_name + output + variables
    counts = {
        "runs": len(runs),
        "values by name": values,
        "lines of output": lines,
        "variables": compared,
    }
    return findings, counts


def _starts(replay: Record) -> list[Finding]:
    return [
        Finding("start", f"{event['module']}.{event['key']} {event['text']}")
        for event in replay.of("loading")
    ]


def _draws(replay: Record) -> list[Finding]:
    """Draws of one side only. Alone they are no difference: a value nobody uses may be drawn."""
    found = []
    missing = [(event["type"], event["line"]) for event in replay.of("draw_missing")]
    for kind, line in dict.fromkeys(missing):
        times = missing.count((kind, line))
        text = f"A random draw ({kind}) has no counterpart in the original, {times} times"
        found.append(Finding("draw", text, converted_line=line))
    unused = list(replay.of("draw_unused"))
    if unused:
        first = unused[0]
        text = f"{len(unused)} random draws of the original have no counterpart, the first "
        text += f"({first['type']}, shape {first['shape']}) in run {first['run']}"
        found.append(Finding("draw", text))
    if any(replay.of("order_missing")):
        text = "The elements of a shuffled data set were not found in the original's"
        found.append(Finding("draw", text))
    return found


def _values(record: Record, replay: Record, steps: dict[int, int], tolerance: Tolerance,
            ignore: Collection[str]) -> tuple[list[Finding], int]:  # fmt: skip
    original, converted = _sequences(record), _sequences(replay)
    found: list[tuple[int, Finding]] = []
    count = 0
    for name, wanted in original.items():
        if name in ignore:
            continue
        got = converted.get(name, [])
        host = [event for event in got if not event["tensor"]]
        got = host or got
        if not got:
            text = f"The fetched value {name!r} has no counterpart in the conversion"
            found.append((wanted[0]["run"], Finding("missing", text, wanted[0]["line"])))
            continue
        for number, (a, b) in enumerate(zip(got, wanted)):
            rtol, atol = tolerance.after(steps.get(b["run"], 0))
            if (why := _event_differs(replay, a, record, b, rtol, atol)) is not None:
                text = f"{name!r} differs the {_ordinal(number + 1)} time it is fetched.\n{why}"
                found.append((b["run"], Finding("value", text, b["line"], a["line"])))
                break
            count += 1
        else:
            if len(got) != len(wanted):
                text = (
                    f"{name!r} is fetched {len(wanted)} times, in the conversion {len(got)} times"
                )
                found.append(
                    (wanted[-1]["run"], Finding("missing", text, wanted[0]["line"], got[0]["line"]))
                )
    return [finding for _, finding in sorted(found, key=lambda pair: pair[0])], count


def _ordinal(number: int) -> str:
    ending = {1: "st", 2: "nd", 3: "rd"}.get(
        number % 10 if number % 100 not in (11, 12, 13) else 0, "th"
    )
    return f"{number}{ending}"


def _sequences(record: Record) -> dict[str, list[Event]]:
    found: dict[str, list[Event]] = {}
    for event in record.of("assign"):
        found.setdefault(event["name"], []).append(event)
    return found


def _event_differs(replay: Record, got: Event, record: Record, wanted: Event, rtol: float,
                   atol: float) -> str | None:  # fmt: skip
    a, b = replay.leaves(got["value"]), record.leaves(wanted["value"])
    if [leaf.shape for leaf in a] != [leaf.shape for leaf in b]:
        stacked = stacked_states(b)
        if [leaf.shape for leaf in a] == [leaf.shape for leaf in stacked]:
            b = stacked
    if len(a) != len(b):
        return f"It has {len(a)} parts, expected {len(b)}"
    for index, (x, y) in enumerate(zip(a, b)):
        if (why := differs(x, y, rtol, atol)) is not None:
            return why if len(a) == 1 else f"The failure occurred for item [{index}].\n{why}"
    return None


def stacked_states(leaves: list[Any]) -> list[Any]:
    """TensorFlow's LSTM states, c and h of each layer, as torch has them: all h, then all c."""
    if len(leaves) % 2 or len({leaf.shape for leaf in leaves}) != 1:
        return leaves
    return [np.stack(leaves[1::2]), np.stack(leaves[0::2])]


def _output(record: Record, replay: Record, trained: int,
            tolerance: Tolerance) -> tuple[list[Finding], int]:  # fmt: skip
    wanted, got = record.stdout.splitlines(), replay.stdout.splitlines()
    rtol, atol = tolerance.after(trained)
    found = []
    for number, (a, b) in enumerate(zip(got, wanted), 1):
        if line_differs(a, b, rtol, atol):
            found.append(
                Finding(
                    "output", f"Line {number} of the output differs.\ngot      {a}\nexpected {b}"
                )
            )
            break
    if len(got) != len(wanted) and not found:
        text = f"The output has {len(got)} lines, expected {len(wanted)}"
        longer = got if len(got) > len(wanted) else wanted
        found.append(
            Finding(
                "output",
                f"{text}; the first without counterpart: {longer[min(len(got), len(wanted))]}",
            )
        )
    return found, min(len(wanted), len(got))


def _variables(record: Record, replay: Record, weights: Any, trained: int,
               tolerance: Tolerance) -> tuple[list[Finding], int]:  # fmt: skip
    found = []
    rtol, atol = tolerance.after(trained)
    final = {(e["module"], e["key"]): replay.array(e["value"]) for e in replay.of("final")}
    slots = {
        ending for o in weights.get("optimizers", []) for ending in (*o["slots"], *o["powers"])
    }
    mapped = weights["variables"]
    for name in record.first_values:
        if name not in mapped and not _is_slot(name, mapped, slots):
            found.append(Finding("missing", f"The variable {name!r} is not in the weight map"))
    count = 0
    for (module, key), parts in entries_of(weights).items():
        if (module, key) not in final or any(name not in record.final_values for name, _ in parts):
            continue
        wanted = layout.join([(steps, record.final_values[name]) for name, steps in parts])
        count += 1
        got = final[module, key]
        why = differs(got, wanted, rtol, atol)
        if why is not None and got.shape == wanted.shape:
            start = layout.join([(steps, record.first_values[name]) for name, steps in parts])
            why = None if same_update(got - start, wanted - start, rtol) else why
        if why is not None:
            names = " and ".join(name for name, _ in parts)
            found.append(
                Finding("variable", f"{module}.{key} ({names}) differs at the end.\n{why}")
            )
    return found, count


def same_update(got: Any, wanted: Any, rtol: float) -> bool:
    """Whether two changes of a variable agree as a whole, though not in every element.

    Adam and its kin divide a gradient by its own size: an element whose gradient is nothing but
    rounding moves as far as the others, and may do so in the other direction.
    """
    moved = float(np.linalg.norm(wanted))
    return moved > 0 and float(np.linalg.norm(got - wanted)) <= 20 * rtol * moved


def _is_slot(name: str, mapped: Any, endings: Collection[str]) -> bool:
    """Whether a variable belongs to an optimizer of the weight map."""
    last = name.split("/")[-1]
    if any(
        last == ending or last.startswith(ending + "_") for ending in endings if "{}" not in ending
    ):
        return True
    return any(
        name.endswith(ending.replace("{}", "")) or name == ending.replace("{}", variable)
        for ending in endings
        if "{}" in ending
        for variable in mapped
    )
