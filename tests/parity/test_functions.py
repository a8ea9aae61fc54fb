"""Parity of functions and models: values, gradients, layers, training, distributions."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tf2torch.parity import (
    assert_parity,
    assert_same_distribution,
    assert_training_parity,
    compare,
    compare_distribution,
    compare_layers,
)

IMAGES = ["float32[2, 6, 6, 3]"]
WEIGHTS = {
    "conv/kernel": ("conv.weight", ["permute", [3, 2, 0, 1]]),
    "conv/bias": "conv.bias",
    "out/kernel": ("out.weight", ["transpose"]),
    "out/bias": "out.bias",
}


def tf_model(x: Any) -> Any:
    import tensorflow.compat.v1 as tf

    net = tf.layers.conv2d(x, 4, 3, activation=tf.nn.relu, name="conv")
    return tf.layers.dense(tf.reduce_mean(net, [1, 2]), 5, name="out")


def torch_model(slip: bool = False) -> Any:
    import torch
    from torch import nn

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)
            self.out = nn.Linear(4, 5)

        def forward(self, x: Any) -> Any:
            net = self.conv(x.permute(0, 3, 1, 2))
            net = net.tanh() if slip else net.relu()
            return self.out(net.mean(dim=(2, 3)))

    torch.manual_seed(0)
    return Model()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_model_agrees_in_values_and_gradients(dtype: str) -> None:
    found = assert_parity(tf_model, torch_model(), IMAGES, weights=WEIGHTS, dtype=dtype)
    assert [row.name for row in found.rows] == [
        "output", "gradient of input 0", "gradient of conv.weight", "gradient of conv.bias",
        "gradient of out.weight", "gradient of out.bias",
    ]  # fmt: skip
    limit = 1e-11 if dtype == "float64" else 1e-5
    assert max(row.relative for row in found.rows) < limit
    assert str(found).startswith("6 values agree, the greatest relative difference is ")


def test_a_difference_is_described() -> None:
    with pytest.raises(AssertionError) as raised:
        assert_parity(tf_model, torch_model(slip=True), IMAGES, weights=WEIGHTS)
    lines = str(raised.value).splitlines()
    assert lines[0] == "FAILED  output (1 of 6)   first difference; 0 earlier values agree"
    assert re.fullmatch(r"  Mismatched elements: 10 / 10 \(100.0%\)", lines[1])
    assert any(line.startswith("  Would pass with atol=") for line in lines)


def test_layouts_are_declared() -> None:
    def tf_side(x: Any) -> Any:
        import tensorflow.compat.v1 as tf

        return {"pool": tf.nn.max_pool2d(x, 2, 2, "VALID"), "size": tf.shape(x)[0]}

    def torch_side(x: Any) -> Any:
        import torch.nn.functional as F

        return {"pool": F.max_pool2d(x, 2), "size": x.new_tensor(x.shape[0]).int()}

    layout = "nhwc -> nchw"
    assert compare(tf_side, torch_side, IMAGES, input_layout=layout, output_layout=layout)
    assert not compare(tf_side, torch_side, IMAGES, input_layout=layout)


def test_a_gradient_alone_may_differ() -> None:
    def tf_side(x: Any) -> Any:
        import tensorflow.compat.v1 as tf

        return x * tf.stop_gradient(x)

    found = compare(tf_side, lambda x: x * x, ["float32[3]"])
    assert [row.name for row in found.rows if row.problem] == ["gradient of input 0"]
    assert compare(tf_side, lambda x: x * x, ["float32[3]"], gradients=False)


def test_a_kept_side_stands_for_tensorflow(tmp_path: Path) -> None:
    file = tmp_path / "side.npz"
    assert compare(tf_model, torch_model(), IMAGES, weights=WEIGHTS, save_to=file)
    assert compare(str(file), torch_model(), IMAGES, weights=WEIGHTS)
    assert not compare(str(file), torch_model(slip=True), IMAGES, weights=WEIGHTS)


def test_a_crash_of_one_side_is_a_finding() -> None:
    def crashes(x: Any) -> Any:
        os.kill(os.getpid(), signal.SIGKILL)

    found = compare(lambda x: x + 1.0, crashes, ["float32[2]"])
    assert not found and str(found) == "The torch side was ended by SIGKILL"
    found = compare(lambda x: x.no_such_thing, lambda x: x, ["float32[2]"])
    assert str(found).startswith("The TensorFlow side failed:\n")
    assert "no_such_thing" in str(found)


def test_layers_are_paired_by_their_weights() -> None:
    found = compare_layers(tf_model, torch_model(), IMAGES, weights=WEIGHTS)
    assert [row.name for row in found.rows] == ["conv", "out"] and found, str(found)
    wrong = compare_layers(tf_model, torch_model(slip=True), IMAGES, weights=WEIGHTS)
    assert [row.name for row in wrong.rows if row.problem] == ["out"]


def tf_loss(x: Any, y: Any) -> Any:
    import tensorflow.compat.v1 as tf

    return tf.losses.sparse_softmax_cross_entropy(y, tf_model(x))


def torch_loss(module: Any, x: Any, y: Any) -> Any:
    import torch.nn.functional as F

    return F.cross_entropy(module(x), y)


def momentum() -> Any:
    import tensorflow.compat.v1 as tf

    return tf.train.MomentumOptimizer(0.1, 0.9)


@pytest.mark.parametrize(("beta", "agrees"), [(0.9, True), (0.8, False)])
def test_training_is_compared_step_by_step(beta: float, agrees: bool) -> None:
    import torch

    inputs = ["float32[2, 6, 6, 3]", "int64[2] < 5"]
    options: dict[str, Any] = {
        "module": torch_model(), "weights": WEIGHTS, "tf_optimizer": momentum,
        "torch_optimizer": lambda parameters: torch.optim.SGD(parameters, lr=0.1, momentum=beta),
        "steps": 3,
    }  # fmt: skip
    if agrees:
        assert_training_parity(tf_loss, torch_loss, inputs, **options)
        return
    with pytest.raises(AssertionError, match=r"FAILED  conv.weight after step 2"):
        assert_training_parity(tf_loss, torch_loss, inputs, **options)


def tf_normal() -> Any:
    import tensorflow.compat.v1 as tf

    return tf.truncated_normal([20000], stddev=0.5)


def test_random_functions_have_one_law() -> None:
    import torch

    def right() -> Any:
        return torch.nn.init.trunc_normal_(torch.empty(20000), std=0.5, a=-1.0, b=1.0)

    assert_same_distribution(tf_normal, right)
    found = compare_distribution(tf_normal, lambda: (torch.rand(20000) - 0.5) * 1.52)
    assert [row.name for row in found.rows if row.problem][-1] == "distribution"


def test_both_sides_get_the_same_drawn_inputs() -> None:
    inputs = ({"a": "float32[3, 2] in [0, 1)", "b": np.arange(3.0, dtype=np.float32)},)
    assert compare(
        lambda d: {"sum": d["a"] * d["b"][:, None]},
        lambda d: {"sum": d["a"] * d["b"][:, None]},
        inputs,
    )
