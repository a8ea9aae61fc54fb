"""Faults put into conversions: every one is found, nine in ten are named by their line."""

from __future__ import annotations

import ast
import multiprocessing
import os
import sys
from pathlib import Path
from typing import Any

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

from tests.parity.pairs import PROGRAMS, replayed
from tf2torch.parity import Finding, programs
from tf2torch.parity.localise import localised
from tf2torch.parity.programs import Options, pair_of

FAULTS: list[dict[str, str]] = tomllib.loads((PROGRAMS.parent / "faults.toml").read_text())["fault"]


def replay_in_fork(arguments: list[str], folder: str) -> None:
    """Replays in a child of a process that has torch already."""
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    os.makedirs(os.path.join(folder, "files"), exist_ok=True)
    os.chdir(os.path.join(folder, "files"))
    for stream, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(os.path.join(folder, name), os.O_WRONLY | os.O_CREAT), stream)
    from tf2torch.parity import replay

    sys.exit(replay.main(arguments))


@pytest.fixture
def forked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replays start from a server that has imported torch: a suite of faults is many replays."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tf2torch.parity.replay"])

    def run(command: list[str], folder: Path, *_: Any, **options: Any) -> str | None:
        folder.mkdir(parents=True, exist_ok=True)
        arguments = command[command.index("tf2torch.parity.replay") + 1 :]
        process = context.Process(target=replay_in_fork, args=(arguments, str(folder)))
        process.start()
        process.join(120)
        return None if process.exitcode == 0 else (folder / "err").read_text()

    monkeypatch.setattr(programs, "run", run)


def lines_of(fault: dict[str, str], converted: str) -> range:
    """The lines of the statement that the fault is in."""
    text = (fault.get("at") or fault["wrong"]).strip()
    offset = converted.index(text)
    line = converted[:offset].count("\n") + 1
    spans = [
        range(node.lineno, (node.end_lineno or node.lineno) + 1)
        for node in ast.walk(ast.parse(converted))
        if isinstance(node, ast.stmt) and node.lineno <= line <= (node.end_lineno or node.lineno)
    ]
    return min(spans, key=len)


def is_localised(fault: dict[str, str], first: Finding, converted: str) -> bool:
    if "named" in fault:  # a fault of the weight map has a variable, and no line
        return fault["named"] in first.text
    original = (PROGRAMS / f"{fault['program']}.py").read_text()
    if "original" in fault and first.original_line in lines_of({"at": fault["original"]}, original):
        return True
    named = {first.converted_line, *(line for _, line in first.made)}
    return bool(named & set(lines_of(fault, converted)))


def test_faults_are_found_and_localised(
    forked: None, records: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missed, elsewhere = [], []
    for number, fault in enumerate(FAULTS):
        folder = tmp_path / str(number)
        folder.mkdir()
        name, change = fault["program"], (fault["right"], fault["wrong"])
        report = replayed(records, folder, name, change, trace=True)
        assert report.ran, f"{fault['name']}: {report}"
        if report:
            missed.append(fault["name"])
            continue
        converted = folder / f"{name}_torch.py"
        pair = pair_of(converted, records[name], folder / "replay", Options())
        first = localised(pair, converted, report.findings)[0]
        if not is_localised(fault, first, converted.read_text()):
            elsewhere.append(f"{fault['name']}: {first}")
    found, total = len(FAULTS) - len(missed), len(FAULTS)
    right = found - len(elsewhere)
    with capsys.disabled():
        print(
            f"\nseeded faults: {found} of {total} found, {right} of {total} localised to the line"
        )
    print("\n\n".join(elsewhere))
    assert not missed
    assert right >= 0.9 * total


ROUNDING = ("epsilon of torch", "beta of Adam", "decay twice as strong")


@pytest.mark.parametrize(
    "fault", [f for f in FAULTS if f["name"] in ROUNDING], ids=lambda f: f["name"]
)
def test_rounding_explains_no_fault(
    forked: None, records: dict[str, Path], tmp_path: Path, fault: dict[str, str]
) -> None:
    change = (fault["right"], fault["wrong"])
    assert not replayed(records, tmp_path, fault["program"], change, rounding=True)
