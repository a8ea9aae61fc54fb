"""tf.Assert, tf.check_numerics and tf.Print."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
import torch

from tf2torch.support import checks as support


def test_check_raises_when_any_element_is_false():
    support.check(torch.tensor([True, True]))
    support.check(True, "fine")
    with pytest.raises(ValueError, match="too small"):
        support.check(torch.tensor([1, 2]) > 1, "too small")


def test_check_numerics():
    x = torch.tensor([1.0, 2.0])
    assert support.check_numerics(x, "bad") is x
    with pytest.raises(ValueError, match="bad : Tensor had Inf values"):
        support.check_numerics(x / 0, "bad")
    with pytest.raises(ValueError, match="bad : Tensor had NaN values"):
        support.check_numerics(x * np.nan, "bad")


@pytest.mark.parametrize("shape", [(), (2,), (8,), (2, 2), (3, 4), (2, 2, 3)])
@pytest.mark.parametrize("summarize", [None, 5, 100])
def test_print_writes_what_tensorflow_writes(capfd, shape, summarize):
    x = (np.arange(np.prod(shape, dtype=int)) * 0.75 - 1).astype("float32").reshape(shape)
    with tf.Graph().as_default(), tf.Session() as session:
        session.run(tf.Print(x, [x, 3], "x = ", summarize=summarize))
    expected = [line for line in capfd.readouterr().err.splitlines() if line.startswith("x = ")]
    given = torch.tensor(x)
    assert support.print_tensors(given, [given, 3], "x = ", summarize=summarize) is given
    assert capfd.readouterr().err.splitlines() == expected


def test_print_stops_after_first_n(capsys):
    for step in range(5):
        support.print_tensors(torch.tensor(step), [step], "step ", first_n=2)
    assert capsys.readouterr().err == "step [0]\nstep [1]\n"


def test_sources_import_without_tensorflow():
    code = "import sys, tf2torch.support.checks; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
