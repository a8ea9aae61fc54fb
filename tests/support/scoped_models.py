"""Runs one model function over TensorFlow and over scoped modules, from the same variables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf
import torch

from tf2torch.support.scoped import variable_name
from tf2torch.support.scoped_collections import regularization_loss, trainable_variables
from tf2torch.support.scoped_function import Scoped

TOLERANCE = {"float32": 2e-5, "float64": 1e-10}


def near(expected: Any, actual: Any, dtype: str) -> None:
    """Equal up to rounding, relative to the largest expected value (at least one)."""
    expected, actual = np.asarray(expected), np.asarray(actual)
    assert expected.shape == actual.shape
    scale = max(1.0, float(np.abs(expected).max(initial=0)))
    np.testing.assert_allclose(actual, expected, rtol=0, atol=TOLERANCE[dtype] * scale)


def run_tf(function: Callable, arrays: list, values: dict[str, np.ndarray] | None) -> dict:
    """Outputs, regularization, gradients and variables before and after; updates are run."""
    with tf.Graph().as_default(), tf.Session() as session:
        inputs = [tf.constant(array) for array in arrays]
        outputs = function(*inputs)
        outputs = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
        loss = tf.losses.get_regularization_loss()
        weighted = [
            tf.reduce_sum(
                y
                * tf.sin(
                    tf.reshape(
                        tf.range(tf.cast(tf.size(y), tf.float64), dtype=tf.float64), tf.shape(y)
                    )
                    if y.dtype == tf.float64
                    else tf.reshape(tf.range(tf.cast(tf.size(y), tf.float32)), tf.shape(y))
                )
            )
            for y in outputs
        ]
        trained = tf.trainable_variables()
        gradients = tf.gradients([*weighted, loss], [*trained, *inputs])
        gradients = [
            tf.zeros_like(v) if g is None else tf.convert_to_tensor(g)
            for v, g in zip([*trained, *inputs], gradients, strict=True)
        ]
        updates = tf.get_collection(tf.GraphKeys.UPDATE_OPS)
        session.run([tf.global_variables_initializer(), tf.local_variables_initializer()])
        rng = np.random.RandomState(1)
        for v in tf.global_variables():
            if values is None:
                drawn = (
                    np.abs(rng.randn(*v.shape.as_list()))
                    if "variance" in v.name
                    else (rng.randn(*v.shape.as_list()) * 0.5)
                )
                v.load(drawn.astype(v.dtype.base_dtype.as_numpy_dtype), session)
        before = {v.op.name: session.run(v) for v in tf.global_variables()}
        y, g, total = session.run([outputs, gradients, loss])
        session.run(updates)  # in one run TensorFlow may update before or after it reads
        after = {v.op.name: session.run(v) for v in tf.global_variables()}
        names = [v.op.name for v in trained]
        return {
            "outputs": y,
            "gradients": g,
            "loss": total,
            "before": before,
            "after": after,
            "trained": names,
            "losses": len(tf.losses.get_regularization_losses()),
        }


def compare_models(
    tf_function: Callable, torch_function: Callable, *arrays: Any, dtypes: Any = TOLERANCE
) -> None:
    """Assert equal variables, outputs, gradients, regularization and updates of averages."""
    for dtype in dtypes:
        given = [np.asarray(a, dtype) for a in arrays]
        there = run_tf(tf_function, given, None)

        def both(*inputs: torch.Tensor) -> tuple[list, list, Any]:
            outputs = torch_function(*inputs)
            outputs = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
            return outputs, trainable_variables(), regularization_loss()

        module = Scoped(both)
        if dtype == "float64":
            module.double()
        module.load_state_dict(
            {name.replace("/", "."): torch.tensor(v) for name, v in there["before"].items()}
        )
        inputs = [torch.tensor(array, requires_grad=True) for array in given]
        outputs, trained, loss = module(*inputs)
        assert [variable_name(v)[:-2] for v in trained] == there["trained"]
        assert set(module.variables()) == set(there["before"])
        for expected, actual in zip(there["outputs"], outputs, strict=True):
            near(expected, actual.detach(), dtype)
        near(there["loss"], loss.detach(), dtype)
        weighted = [
            (y * torch.sin(torch.arange(y.numel(), dtype=y.dtype)).view(y.shape)).sum()
            for y in outputs
        ]
        total = torch.stack([*weighted, loss]).sum()
        found = torch.autograd.grad(total, [*trained, *inputs], allow_unused=True)
        for v, expected, actual in zip([*trained, *inputs], there["gradients"], found, strict=True):
            near(expected, torch.zeros_like(v) if actual is None else actual, dtype)
        for name, value in module.variables().items():
            near(there["after"][name], value.detach(), dtype)
        again = module(*inputs)[1]
        assert all(v is w for v, w in zip(again, trained, strict=True))
