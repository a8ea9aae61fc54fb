"""The checker: agreeing pairs agree, and faults put into a conversion are found and named."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.parity.pairs import PROGRAMS, copied, replayed
from tf2torch.parity import Tolerance, check_pair
from tf2torch.parity.devices import missing
from tf2torch.parity.processes import RECORDER
from tf2torch.parity.programs import record_program
from tf2torch.parity.records import Record


@pytest.mark.parametrize("name", ["images", "sequences"])
def test_a_right_conversion_agrees(records: dict[str, Path], tmp_path: Path, name: str) -> None:
    report = replayed(records, tmp_path, name)
    assert report, str(report)
    assert re.fullmatch(
        rf"{name}.py and {name}_torch.py agree: 13 runs, \d+ values by name, "
        r"\d+ gradients, \d+ steps, \d lines of output, \d variables compared.",
        str(report),
    )


def test_the_first_difference_is_described(records: dict[str, Path], tmp_path: Path) -> None:
    change = ("optimizer.param_groups[0]", "0.5 * optimizer.param_groups[0]")
    report = replayed(records, tmp_path, "images", change)
    first = report.findings[0]
    assert first.kind == "value"
    original = (PROGRAMS / "images.py").read_text().splitlines()
    converted = (PROGRAMS / "images_torch.py").read_text().splitlines()
    assert "sess.run([train_op, total, rate]" in original[first.original_line - 1]
    assert "lr = optimizer" in converted[first.converted_line - 1]
    assert first.text == (
        "'lr' differs the 1st time it is fetched.\n"
        "Mismatched elements: 1 / 1 (100.0%)\n"
        "Greatest absolute difference: 0.05 (up to 2.0e-06 allowed)\n"
        "Greatest relative difference: 0.5 (up to 2.0e-05 allowed)\n"
        "Would pass with atol=0.05 or rtol=0.25\n"
        "Greatest difference in units of the last place: 6.71e+06\n"
        "First difference: got 0.05, expected 0.100000001"
    )


def test_a_crash_is_a_finding(records: dict[str, Path], tmp_path: Path) -> None:
    report = replayed(records, tmp_path, "images", ("model.eval()", "model.evaluate()"))
    assert not report and not report.ran
    assert "The conversion ended with exit status 1" in str(report)
    assert "has no attribute 'evaluate'" in str(report)


def test_a_conversion_has_to_use_its_device(records: dict[str, Path], tmp_path: Path) -> None:
    """Where there is no GPU: one that is said to be there, and a conversion that stays away."""
    text = "import sys, torch; torch.cuda.is_available = lambda: True; "
    text += "from tf2torch.parity.replay import main; sys.exit(main(sys.argv[1:]))"
    converted = copied(tmp_path, "images")
    device = re.compile(r"^device = .*$", re.MULTILINE)
    program, found = device.subn('device = torch.device("cpu")', converted.read_text())
    assert found == 1
    converted.write_text(program)
    given = [str(converted), str(records["images"]), str(tmp_path / "r"), "--device", "cuda"]
    done = subprocess.run([sys.executable, "-c", text, *given], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "The conversion has no parameter on cuda"


def test_a_device_is_prepared(monkeypatch: pytest.MonkeyPatch) -> None:
    assert missing("cpu") == ""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.version, "cuda", "12.8")
    assert missing("cuda") == "There is no device cuda: no GPU is visible"
    monkeypatch.setattr(torch.version, "cuda", None)
    assert missing("cuda").endswith("is built without CUDA")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    for owner in (torch.backends.cuda.matmul, torch.backends.cudnn):
        owner.allow_tf32 = True
    assert missing("cuda") == ""
    assert not torch.backends.cuda.matmul.allow_tf32 and not torch.backends.cudnn.allow_tf32


def test_a_program_that_does_not_end_is_a_finding(tmp_path: Path) -> None:
    program = tmp_path / "waits.py"
    program.write_text("import time\ntime.sleep(60)\n")
    report = check_pair(program, program, timeout=8)
    assert str(report.findings[0]) == "The original did not end within 8 seconds."


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    program = tmp_path / "reads.py"
    program.write_text("open('data.csv')\n")
    report = check_pair(program, program)
    assert "No such file or directory: 'data.csv'" in str(report)


@pytest.mark.parametrize("module", sorted(RECORDER.glob("*.py")), ids=lambda path: path.stem)
def test_the_recorder_keeps_to_old_python(module: Path) -> None:
    tree = ast.parse(module.read_text(), feature_version=(3, 7))
    modern = (ast.NamedExpr, ast.Match)
    assert not any(isinstance(node, modern) for node in ast.walk(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.AnnAssign) and isinstance(node.value, ast.Tuple):
            assert node.value.col_offset < node.value.elts[0].col_offset  # in parentheses
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            assert node.level or node.module not in ("__future__", "dataclasses")
            names = [node.module or ""] if not node.level else []
        assert not {"tf2torch", "torch"} & {name.split(".")[0] for name in names}


def test_the_recorder_adds_no_op(records: dict[str, Path], tmp_path: Path) -> None:
    program = tmp_path / "counts.py"
    program.write_text(
        "import tensorflow as tf\n"
        "tf.set_random_seed(3)\n"
        "v = tf.Variable(tf.random_normal([2]))\n"
        "d = tf.nn.dropout(v, 0.5)\n"
        "before = len(tf.get_default_graph().get_operations())\n"
        "with tf.Session() as sess:\n"
        "    sess.run(v.initializer)\n"
        "    print(sess.run(d), sess.run(v))\n"
        "assert len(tf.get_default_graph().get_operations()) == before\n"
    )
    assert record_program(program, tmp_path / "record") is None
    record = Record(tmp_path / "record")
    assert [event["type"] for event in record.of("draw")] == ["uniform"]
    assert list(record.first_values) == ["Variable"]


def test_the_record_has_a_limit(tmp_path: Path) -> None:
    from tf2torch.parity.recorder.writing import LimitReached, Writer

    writer = Writer(str(tmp_path), limit=1000)
    with pytest.raises(LimitReached, match="limit of 0 MB"):
        writer.value([[0.0] * 200])
    writer.close()


def test_tolerance_grows_with_training() -> None:
    tolerance = Tolerance(rtol=1e-6, atol=1e-7, growth=2.0, limit=100.0)
    assert tolerance.after(0) == (1e-6, 1e-7)
    assert tolerance.after(2)[0] == pytest.approx(5e-6)
    assert tolerance.after(10_000)[0] == pytest.approx(1e-4)


def test_hooked_sessions_are_recorded(tmp_path: Path) -> None:
    program = tmp_path / "monitored.py"
    program.write_text(
        "import numpy as np\n"
        "import tensorflow as tf\n"
        "x = tf.placeholder(tf.float32, [None, 3])\n"
        "step = tf.train.get_or_create_global_step()\n"
        "w = tf.get_variable('w', [3, 1])\n"
        "loss = tf.reduce_mean(tf.square(tf.matmul(x, w) - 1.0))\n"
        "train = tf.train.GradientDescentOptimizer(0.1).minimize(loss, global_step=step)\n"
        "hooks = [tf.train.StopAtStepHook(last_step=4)]\n"
        "with tf.train.MonitoredTrainingSession(hooks=hooks) as sess:\n"
        "    while not sess.should_stop():\n"
        "        _, value = sess.run([train, loss], {x: np.ones((2, 3))})\n"
    )
    assert record_program(program, tmp_path / "record") is None
    record = Record(tmp_path / "record")
    assert [run["line"] for run in record.of("run") if run["train"]] == [11] * 4
    assert [event["nth"] for event in record.of("update")] == [1, 2, 3, 4]
    assert len([event for event in record.of("assign") if event["name"] == "value"]) == 4
    assert set(record.final_values) >= {"w", "global_step"}
