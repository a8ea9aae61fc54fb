"""The command as a whole: nothing leaves as a traceback."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from tf2torch import __version__
from tf2torch.cli import main, run
from tf2torch.cli.convert import convert

ROOT = Path(__file__).resolve().parents[2]


def test_version(capsys: pytest.CaptureFixture) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"tf2torch {__version__}\n"


@pytest.mark.parametrize("arguments", [["nonsense"], ["convert", "--nonsense"], []])
def test_bad_usage_is_exit_2(arguments: list[str], capsys: pytest.CaptureFixture) -> None:
    assert run(arguments) == 2
    assert "Usage: tf2torch" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        pytest.param(KeyboardInterrupt(), 130, "interrupted; nothing was written", id="Ctrl-C"),
        pytest.param(ValueError("no"), 2, "internal-error ValueError: no", id="a fault of ours"),
        pytest.param(OSError(5, "Input/output error"), 2, "internal-error OSError", id="a disk"),
    ],
)
def test_errors_become_messages(
    error: BaseException,
    status: int,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(convert, "callback", fail)
    assert main.commands["convert"] is convert
    assert run(["convert", "-"]) == status
    assert message in capsys.readouterr().err


def test_click_can_run_it_in_process() -> None:
    result = CliRunner().invoke(main, ["--version"])
    assert (result.exit_code, result.output) == (0, f"tf2torch {__version__}\n")
    assert CliRunner().invoke(main, ["convert", "none.py"]).exit_code == 2


def test_a_reader_that_goes_away_is_no_error() -> None:
    line = f"{sys.executable} -m tf2torch rules list --format json | head -n 1"
    shell = ["bash", "-c", f"set -o pipefail; {line}"]
    result = subprocess.run(shell, cwd=ROOT, capture_output=True, text=True)
    assert result.stdout == "[\n"
    assert result.stderr == ""
