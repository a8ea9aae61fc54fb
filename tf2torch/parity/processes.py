"""Run each program in a process of its own, and say what went wrong where it did."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

from tf2torch.parity.reasons import hang, reason
from tf2torch.parity.records import Record

RECORDER = Path(__file__).with_name("recorder")
PACKAGE = "tf2torch_recorder"
MAIN = f"import sys\n\nfrom {PACKAGE}.running import main\n\nsys.exit(main(sys.argv[1:]))\n"


def bundle(path: Path) -> Path:
    """Writes the recorder as one file that any Python runs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for module in sorted(RECORDER.glob("*.py")):
            archive.writestr(f"{PACKAGE}/{module.name}", module.read_text(encoding="utf-8"))
        archive.writestr("__main__.py", MAIN)
    return path


def record_command(
    tf_python: str, original: Path, folder: Path, arguments: Sequence[str], options: Sequence[str]
) -> list[str]:
    recorder = bundle(folder / "recorder.pyz")
    return [tf_python, str(recorder), str(original), str(folder), *options, "--", *arguments]


def replay_command(
    converted: Path, record: Path, folder: Path, arguments: Sequence[str], options: Sequence[str]
) -> list[str]:
    module = [sys.executable, "-m", "tf2torch.parity.replay"]
    return [*module, str(converted), str(record), str(folder), *options, "--", *arguments]


def run(
    command: list[str], folder: Path, timeout: float, title: str, device: str = "cpu"
) -> str | None:
    """Runs one side and returns what went wrong; files it writes go to `folder`/files."""
    work = folder / "files"
    work.mkdir(parents=True, exist_ok=True)
    environment = dict(os.environ)
    if environment.get("PYTHONHASHSEED", "random") == "random":
        environment["PYTHONHASHSEED"] = "0"  # sets of strings have the same order on both sides
    if title == "conversion":
        package = str(Path(__file__).resolve().parents[2])
        known = environment.get("PYTHONPATH")
        environment["PYTHONPATH"] = package + (os.pathsep + known if known else "")
        environment.setdefault("OMP_NUM_THREADS", "1")
    if device == "cpu":
        environment["CUDA_VISIBLE_DEVICES"] = ""
    try:
        done = subprocess.run(
            command, cwd=work, capture_output=True, text=True, errors="replace", timeout=timeout,
            env=environment, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return hang(title, timeout, last_place(folder))
    except OSError as error:
        return f"The {title} could not be started: {error}"
    if done.returncode == 0:
        ended = any(Record(folder).of("end"))
        return None if ended else f"The {title} left without coming to its end{last_place(folder)}"
    return reason(title, done.returncode, done.stderr, last_place(folder))


def last_place(folder: Path) -> str:
    """How far a recorded program came."""
    runs = list(Record(folder).of("run"))
    if not runs:
        return ""
    last = runs[-1]
    return f" after {len(runs)} runs, the last at {last['file']}:{last['line']}"
