"""`tf2torch convert`: what it writes, prints and returns, with stand-ins for the stages."""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path

import pytest

from tests.cli import fake_stages
from tf2torch.cli import run

TF = "import tensorflow as tf\nx = tf.ones\n"
TORCH = "import torch\nx = torch.ones\n"
TODO = "import tensorflow as tf\nx = tf.ones + tf.todo\n"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    fake_stages.install(monkeypatch)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def files(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def feed(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


def test_a_file_is_written_beside_its_source(here: Path, capsys: pytest.CaptureFixture) -> None:
    Path("train.py").write_text(TF)
    assert run(["convert", "train.py"]) == 0
    assert files(here) == ["train.py", "train_torch.py", "train_torch.weights.json"]
    assert Path("train_torch.py").read_text() == TORCH
    assert Path("train_torch.weights.json").read_text() == (
        '{"version": 1,\n "variables": {\n'
        '  "w": {"module": "Model", "key": "w", "layout": ["identity"]}},\n'
        ' "optimizers": []}\n'
    )
    out, err = capsys.readouterr()
    assert out == "1 TF reference: 1 converted, 0 absorbed, 0 kept, 0 TODO\n"
    assert err == "wrote train_torch.py\nwrote train_torch.weights.json\n"


def test_a_todo_is_told_with_its_place_and_exit_1(capsys: pytest.CaptureFixture) -> None:
    Path("train.py").write_text(TODO)
    assert run(["convert", "-q", "train.py"]) == 1
    assert capsys.readouterr().out == (
        "train.py:2:15 fake tf.todo has no counterpart\n"
        "  |\n"
        "2 | x = tf.ones + tf.todo\n"
        "  |               ^\n"
        "  = help: write it by hand\n"
        "\n"
        "2 TF references: 1 converted, 0 absorbed, 0 kept, 1 TODO\n"
    )
    assert run(["convert", "--exit-zero", "train.py"]) == 0


def test_an_output_that_differs_is_not_overwritten(
    here: Path, capsys: pytest.CaptureFixture
) -> None:
    Path("train.py").write_text(TF)
    Path("train_torch.py").write_text("mine\n")
    assert run(["convert", "train.py"]) == 2
    assert files(here) == ["train.py", "train_torch.py"]
    assert Path("train_torch.py").read_text() == "mine\n"
    assert capsys.readouterr().err == (
        "train_torch.py write-error exists and would change; nothing was written\n"
        "  = help: overwrite with --force, or see -o\n"
    )
    assert run(["convert", "train.py", "--force"]) == 0
    assert Path("train_torch.py").read_text() == TORCH
    assert run(["convert", "train.py"]) == 0, "the same output again changes nothing"


@pytest.mark.parametrize(
    ("out", "expected"),
    [
        pytest.param("new.py", ["new.py", "new.weights.json"], id="a file name"),
        pytest.param("out", ["out/a_torch.py", "out/a_torch.weights.json"], id="a folder"),
    ],
)
def test_output_option(here: Path, out: str, expected: list[str]) -> None:
    Path("a.py").write_text(TF)
    assert run(["convert", "a.py", "-o", out]) == 0
    assert files(here) == sorted(["a.py", *expected])


def test_the_source_itself_is_never_the_output(capsys: pytest.CaptureFixture) -> None:
    Path("a.py").write_text(TF)
    assert run(["convert", "a.py", "-o", "a.py", "--force"]) == 2
    assert Path("a.py").read_text() == TF


def test_standard_input_to_standard_output_byte_for_byte(
    here: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture
) -> None:
    head, tail = b"# coding: latin-1\r\n", b"# \xe9\r\n"
    feed(monkeypatch, head + TF.replace("\n", "\r\n").encode() + tail)
    assert run(["convert", "-"]) == 0
    out, err = capfdbinary.readouterr()
    assert out == head + TORCH.replace("\n", "\r\n").encode() + tail
    assert err == b"1 TF reference: 1 converted, 0 absorbed, 0 kept, 0 TODO\n"
    assert files(here) == []


def test_standard_input_that_does_not_parse_gives_no_output(
    monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture
) -> None:
    feed(monkeypatch, b"import tensorflow as tf\nx = (\n")
    assert run(["convert", "-"]) == 2
    out, err = capfdbinary.readouterr()
    assert out == b""
    assert err.startswith(b"<stdin>:2:5 load-error '(' was never closed\n")


def test_diff_and_plan_write_nothing(here: Path, capsys: pytest.CaptureFixture) -> None:
    Path("a.py").write_text(TF)
    assert run(["convert", "a.py", "--diff"]) == 0
    out, err = capsys.readouterr()
    assert out == (
        "--- a.py\n+++ a_torch.py\n@@ -1,2 +1,2 @@\n"
        "-import tensorflow as tf\n-x = tf.ones\n+import torch\n+x = torch.ones\n"
    )
    assert err == "1 TF reference: 1 converted, 0 absorbed, 0 kept, 0 TODO\n"
    assert run(["convert", "a.py", "--plan", "--exact"]) == 0
    assert capsys.readouterr().out == "a.py\nmodule Model\n  exact True\n\n"
    assert files(here) == ["a.py"]


def test_check_fails_until_the_output_is_current(here: Path, capsys: pytest.CaptureFixture) -> None:
    Path("a.py").write_text(TF)
    assert run(["convert", "a.py", "--check"]) == 1
    assert "would write a_torch.py" in capsys.readouterr().err
    assert files(here) == ["a.py"]
    assert run(["convert", "a.py"]) == 0
    assert run(["convert", "a.py", "--check"]) == 0
    Path("plain.py").write_text("x = 1\n")
    assert run(["convert", "plain.py", "--check"]) == 0


def test_the_support_file_grows_but_is_not_taken_from_people(
    here: Path, capsys: pytest.CaptureFixture
) -> None:
    Path("a.py").write_text(TF + "# same_pad\n")
    assert run(["convert", "a.py"]) == 0
    support = Path("tf1_support.py")
    assert "def same_pad(" in support.read_text()
    Path("b.py").write_text(TF + "# same_pad again\n")
    assert run(["convert", "b.py"]) == 0
    support.write_text(support.read_text() + "extra = 1\n")
    Path("c.py").write_text(TF + "# same_pad\n")
    assert run(["convert", "c.py"]) == 2
    assert "tf1_support.py write-error exists and is not as tf2torch wrote it" in (
        capsys.readouterr().err
    )
    assert not Path("c_torch.py").exists()


def project(folder: Path) -> None:
    (folder / "net").mkdir(parents=True)
    (folder / "net/__init__.py").write_text("")
    (folder / "net/model.py").write_text(TF + "# same_pad\n")
    (folder / "train.py").write_text(TF)
    (folder / "plain.py").write_bytes(b"x = 1\r\n")
    (folder / "data.bin").write_bytes(b"\0\1")
    (folder / ".git").mkdir()
    (folder / ".git/config").write_text("")
    (folder / "train.py").chmod(0o755)


def test_a_folder_keeps_names_and_places(here: Path) -> None:
    project(here / "proj")
    assert run(["convert", "proj", "-o", "proj/out"]) == 0
    assert files(here / "proj/out") == [
        "data.bin",
        "net/__init__.py",
        "net/model.py",
        "plain.py",
        "proj.weights.json",
        "tf1_support.py",
        "train.py",
    ]
    assert (here / "proj/out/plain.py").read_bytes() == b"x = 1\r\n"
    assert os.access(here / "proj/out/train.py", os.X_OK)
    weights = json.loads((here / "proj/out/proj.weights.json").read_text())
    modules = {target["module"] for target in weights["variables"]["w"]}
    assert modules == {"net.model.Model", "train.Model"}


def test_a_file_that_does_not_parse_leaves_the_others(
    here: Path, capsys: pytest.CaptureFixture
) -> None:
    project(here / "proj")
    (here / "proj/bad.py").write_text(TF + "x = (\n")
    (here / "proj/template.py").write_text("{{ no TensorFlow, no Python }}\n")
    assert run(["convert", "proj", "-o", "out", "--output-format", "concise"]) == 2
    assert "proj/bad.py:3:5 load-error '(' was never closed" in capsys.readouterr().out
    assert {"train.py", "template.py"} <= set(files(here / "out"))
    assert "bad.py" not in files(here / "out")


USAGE = [
    pytest.param([], "Missing argument", id="no path"),
    pytest.param(["none.py"], "does not exist", id="a path that does not exist"),
    pytest.param(["proj"], "a folder needs -o OUT", id="a folder without -o"),
    pytest.param(["proj", "-o", "proj"], "is the folder itself", id="a folder into itself"),
    pytest.param(["proj", "a.py", "-o", "out"], "a folder is converted alone", id="a mixture"),
    pytest.param(["-", "a.py"], "stands alone", id="standard input and a file"),
    pytest.param(["a.py", "b.py", "-o", "c.py"], "names one file", id="two files into one"),
    pytest.param(["a.py", "--report", "x.pdf"], "must end in one of", id="an unknown report"),
]


@pytest.mark.parametrize(("arguments", "message"), USAGE)
def test_bad_usage_is_exit_2(
    here: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture
) -> None:
    project(here / "proj")
    for name in ("a.py", "b.py"):
        Path(name).write_text(TF)
    before = files(here)
    assert run(["convert", *arguments]) == 2
    assert message in capsys.readouterr().err
    assert files(here) == before


FAULTS = [
    pytest.param("crash", "a.py internal-error KeyError: 'crash' (fake_stages.py:", id="a crash"),
    pytest.param("twice tf.todo", "internal-error AssertionError: reference 0", id="two outcomes"),
    pytest.param(
        "unparsable", "internal-error AssertionError: the output does not parse", id="text"
    ),
]


@pytest.mark.parametrize(("word", "message"), FAULTS)
def test_a_fault_of_our_own_is_told_as_one(
    here: Path, word: str, message: str, capsys: pytest.CaptureFixture
) -> None:
    Path("a.py").write_text(f"{TF}# {word}\n")
    assert run(["convert", "a.py", "--report", "fault.json"]) == 2
    out = capsys.readouterr().out
    assert message in out
    assert "a fault of tf2torch, not of your program" in out
    assert files(here) == ["a.py", "fault.json"]
    assert "Traceback" in json.loads(Path("fault.json").read_text())["files"][0]["traceback"]


@pytest.mark.parametrize("form", ["concise", "json", "github", "sarif"])
def test_output_formats(form: str, capsys: pytest.CaptureFixture) -> None:
    Path("a.py").write_text(TODO)
    assert run(["convert", "-q", "a.py", "--output-format", form]) == 1
    out = capsys.readouterr().out
    assert "tf.todo has no counterpart" in out
    if form in ("json", "sarif"):
        assert json.loads(out)


def test_settings_of_the_project(here: Path, capsys: pytest.CaptureFixture) -> None:
    project(here / "proj")
    Path("pyproject.toml").write_text('[tool.tf2torch]\nexact = true\nexclude = ["net", "*.bin"]\n')
    assert run(["convert", "proj", "-o", "out", "--plan"]) == 0
    assert "exact True" in capsys.readouterr().out
    assert run(["convert", "proj", "-o", "out"]) == 0
    assert files(here / "out") == ["plain.py", "proj.weights.json", "train.py"]
    Path("pyproject.toml").write_text("[tool.tf2torch]\nexakt = true\n")
    assert run(["convert", "proj", "-o", "out"]) == 2
    assert "tool.tf2torch has no setting 'exakt'" in capsys.readouterr().err


def test_rules_of_the_user_with_a_fault_are_exit_2(capsys: pytest.CaptureFixture) -> None:
    Path("mine").mkdir()
    Path("mine/a.toml").write_text('[[rule]]\nid = "a"\ntf = ["tf.a"]\nkind = "nonsense"\n')
    Path("a.py").write_text(TF)
    assert run(["convert", "a.py", "--rules", "mine"]) == 2
    assert "mine/a.toml:4: unknown kind 'nonsense'" in capsys.readouterr().err


def test_skip_file(here: Path, capsys: pytest.CaptureFixture) -> None:
    Path("a.py").write_text(f"# tf2torch: skip-file\n{TF}")
    assert run(["convert", "a.py"]) == 0
    assert files(here) == ["a.py"]
    assert "a.py:1:1 skip-file note: left as it is" in capsys.readouterr().out
