"""The pytest plugin, in runs of pytest of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
TESTS = """\
def tf_side(x):
    import tensorflow.compat.v1 as tf
    return tf.reduce_sum(tf.square(x), axis=1)


def right(x):
    return x.square().sum(dim=1)


def wrong(x):
    return x.square().sum(dim=0)


def test_right(parity):
    assert parity.check(tf_side, right, ["float32[4, 3]"])


def test_wrong(parity):
    parity.check(tf_side, wrong, ["float32[4, 4]"])
"""


def run(folder: Path, *options: str) -> str:
    """What pytest prints, with this plugin and no other."""
    (folder / "test_sides.py").write_text(TESTS)
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "pytest", "-p", "tf2torch.parity.plugin", "-q", *options]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    return done.stdout + done.stderr


def test_the_fixture_checks_and_tells_how_to_see_it_again(tmp_path: Path) -> None:
    output = run(tmp_path, "--parity-dtype", "float64", "--parity-save", str(tmp_path / "kept"))
    assert "1 failed, 1 passed" in output, output
    assert "FAILED  output (1 of 2)   first difference; 0 earlier values agree" in output
    call = "To see it again: pytest 'test_sides.py::test_wrong' --parity-dtype float64"
    assert call in output
    kept = sorted(path.name for path in (tmp_path / "kept").iterdir())
    assert kept == ["test_right-0.npz", "test_wrong-0.npz"]


def test_a_tolerance_may_be_given(tmp_path: Path) -> None:
    output = run(tmp_path, "-k", "wrong", "--parity-rtol", "1000", "--parity-atol", "1000")
    assert re.search(r"\b1 passed", output), output


def test_the_plugin_loads_no_framework() -> None:
    code = (
        "import sys, tf2torch.parity.plugin; "
        "print({'torch', 'tensorflow', 'numpy'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"
