"""Every kind of TensorFlow side: SavedModels, checkpoints, Keras models, functions."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
AGREE = {
    "objects": 4, "graph float32": 5, "meta float32": 5, "graph float64": 5, "meta float64": 5,
    "keras": 5, "function": 3, "beside": 3,
}  # fmt: skip


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What is printed of each comparison."""
    folder = tmp_path_factory.mktemp("sides")
    script = Path(__file__).with_name("sides_script.py")
    done = subprocess.run(
        [sys.executable, str(script), str(folder)], capture_output=True, text=True, timeout=600,
        env={**os.environ, "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    parts = re.split(r"^([a-z]+(?: [a-z0-9]+)?): ", done.stdout, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2]))


@pytest.mark.parametrize("name", AGREE)
def test_sides_agree(said: dict[str, str], name: str) -> None:
    found = re.match(r"(\d+) values agree, .* (\S+)$", said[name])
    assert found is not None, said[name]
    assert int(found[1]) == AGREE[name]
    assert float(found[2]) < (1e-14 if name.endswith("float64") else 1e-6)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("keras training", "FAILED  output (1 of 5)   first difference; 0 earlier values agree"),
        ("swapped", "FAILED  output (1 of 5)   first difference; 0 earlier values agree"),
        ("keras float64", "SingleOnly: It has variables of single precision: for float64 give"),
        ("unnamed", "model.ckpt is a checkpoint: name its tensors, as MetaGraph(...) does"),
        ("nowhere", "nowhere is no folder of a SavedModel"),
        ("no such", "TensorFlow's side has no variable 'kern'; it has "),
    ],
)
def test_what_is_wrong_is_said(said: dict[str, str], name: str, text: str) -> None:
    assert text in said[name]
