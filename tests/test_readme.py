"""What the README shows is true."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def steps(command: str) -> list[str]:
    return [part.strip() for part in command.replace("\\\n", " ").split("&&")]


def run(command: str, folder: Path) -> str:
    """Runs a command with this Python's tf2torch."""
    (folder / "tf2torch").write_text(f'#!/bin/sh\nexec {sys.executable} -m tf2torch "$@"\n')
    (folder / "tf2torch").chmod(0o755)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment["PATH"] = f"{folder}{os.pathsep}{environment['PATH']}"
    result = subprocess.run(
        command, shell=True, cwd=folder, env=environment, capture_output=True, text=True
    )
    assert result.returncode in (0, 1), result.stdout + result.stderr
    return result.stdout


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    before = blocks("python")[0]
    (tmp_path / "project").mkdir()
    for path in (ROOT / "tests/weights/fixtures").glob("plane.ckpt*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    for name in ("train.py", "plane.py", "project/train.py"):
        (tmp_path / name).write_text(before)
    cell = {"cell_type": "code", "metadata": {}, "source": before}
    (tmp_path / "notebook.ipynb").write_text(json.dumps({"cells": [cell], "nbformat": 4}))
    return tmp_path


def test_before_and_after_are_what_convert_does(checkout: Path, update: bool) -> None:
    run("tf2torch convert plane.py", checkout)
    after = (checkout / "plane_torch.py").read_text()
    if update:
        (ROOT / "README.md").write_text(README.replace(blocks("python")[1], after))
    else:
        assert after == blocks("python")[1], "if it is right: pytest tests/test_readme.py --update"


def test_the_after_prints_what_the_before_printed_in_form(checkout: Path) -> None:
    (checkout / "after.py").write_text(blocks("python")[1])
    printed = run(f"{sys.executable} after.py", checkout)
    assert [line.split()[:3] for line in printed.splitlines()] == [
        ["step", str(step), "loss"] for step in range(0, 200, 50)
    ]
    losses = [float(line.split()[3]) for line in printed.splitlines()]
    assert losses[-1] < losses[0] / 10


def test_the_first_command_shows_a_conversion(checkout: Path) -> None:
    wanted = [step for step in steps(blocks("sh")[0]) if step.startswith(("tf2torch", "cat"))]
    assert len(wanted) == 2
    printed = run(" && ".join(wanted), checkout)
    assert "class " in printed and "nn.Module" in printed


def test_ci_runs_the_second_command() -> None:
    script = (ROOT / ".ci/run").read_text().splitlines()
    lines = [shlex.split(line.split(" 2>&1")[0]) for line in script if line[:1].isalpha()]
    for step in steps(blocks("sh")[1])[2:]:
        words = shlex.split(step)
        assert words[0] in ("pip", "pytest")
        matching = [line for line in lines if line[0] == words[0] and set(words) <= set(line)]
        assert matching, f".ci/run does not run: {step}"


@pytest.mark.parametrize("line", [*blocks("sh")[2].splitlines(), *blocks("sh")[3].splitlines()])
def test_the_commands_of_use_it(line: str, checkout: Path) -> None:
    run(line, checkout)


def test_the_commands_of_weights(checkout: Path) -> None:
    run("tf2torch convert plane.py", checkout)
    for line in blocks("sh")[4].splitlines():
        run(f"{line.split('#')[0]} && echo done", checkout)
    assert (checkout / "plane.safetensors").exists() and (checkout / "back.ckpt.index").exists()
