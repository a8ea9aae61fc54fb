"""`tf2torch convert` with the real stages, as a process."""

from __future__ import annotations

import ast
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted(path.parent.name for path in ROOT.glob("examples/*/*.py"))


def tf2torch(*arguments: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    command = [sys.executable, "-m", "tf2torch", *arguments]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in dict.fromkeys(EXAMPLES[:4]):
        (tmp_path / "src" / name).mkdir(parents=True)
        text = (ROOT / "examples" / name / f"{name}.py").read_text()
        (tmp_path / "src" / name / f"{name}.py").write_text(text)
    return tmp_path


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_processes_change_nothing_but_the_time(project: Path) -> None:
    one = tf2torch("convert", "src", "-o", "one", folder=project)
    two = tf2torch("convert", "src", "-o", "two", "-j", "2", folder=project)
    assert one.returncode == two.returncode < 2, one.stdout + two.stdout
    assert tree(project / "one") == tree(project / "two")
    assert one.stdout == two.stdout
    for name, data in tree(project / "one").items():
        if name.endswith(".py"):
            ast.parse(data)


def test_source_through_a_pipe_is_that_of_the_file(project: Path) -> None:
    name = f"src/{EXAMPLES[0]}/{EXAMPLES[0]}.py"
    assert tf2torch("convert", name, "-o", "out", folder=project).returncode < 2
    command = [sys.executable, "-m", "tf2torch", "convert", "-"]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    with open(project / name, "rb") as file:
        piped = subprocess.run(command, stdin=file, capture_output=True, env=env)
    assert piped.stdout == (project / f"out/{EXAMPLES[0]}_torch.py").read_bytes()


@pytest.mark.parametrize(
    ("environment", "colored"), [({}, True), ({"NO_COLOR": "1"}, False)], ids=["tty", "NO_COLOR"]
)
def test_colors_on_a_terminal_only(
    project: Path, environment: dict[str, str], colored: bool
) -> None:
    name = f"src/{EXAMPLES[0]}/{EXAMPLES[0]}.py"
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "tf2torch", "convert", name, "--diff"]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm", **environment}
    process = subprocess.Popen(command, cwd=project, env=env, stdout=theirs, stderr=theirs)
    os.close(theirs)
    printed = b""
    while True:
        try:
            chunk = os.read(ours, 65536)
        except OSError:  # how a closed terminal ends
            break
        if not chunk:
            break
        printed += chunk
    process.wait()
    assert (b"\x1b[32m" in printed) is colored
    assert b"\x1b[" not in tf2torch("convert", name, "--diff", folder=project).stdout.encode()
