"""Runs TensorFlow and torch on the same arrays and compares values and gradients."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
import torch._dynamo  # its LLVM must be loaded before that of TensorFlow

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import tensorflow.compat.v1 as tf

tf.disable_v2_behavior()
tf.logging.set_verbosity(tf.logging.ERROR)

TOLERANCE = {"float32": 1e-5, "float64": 1e-10}


def _flatten(values: Any) -> list[Any]:
    """The leaves of nested tuples and lists."""
    if isinstance(values, tuple | list):
        return [leaf for value in values for leaf in _flatten(value)]
    return [values]


def _direction(shape: Sequence[int], dtype: str) -> np.ndarray:
    """A fixed direction, so that a gradient sees every output differently."""
    return np.sin(1.0 + np.arange(np.prod(shape, dtype=int))).reshape(shape).astype(dtype)


def _distance(expected: np.ndarray, actual: np.ndarray) -> float:
    """Largest difference relative to the largest expected value (at least one)."""
    assert expected.shape == actual.shape, (expected.shape, actual.shape)
    if expected.size == 0:
        return 0.0
    np.testing.assert_array_equal(np.isnan(expected), np.isnan(actual))
    expected, actual = np.nan_to_num(expected), np.nan_to_num(actual)
    scale = max(1.0, float(np.abs(expected).max()))
    return float(np.abs(expected.astype("float64") - actual.astype("float64")).max()) / scale


def _run_tf(function: Callable, arrays: Sequence[np.ndarray], wrt: Sequence[int]) -> tuple:
    """Values and gradients of function(*constants) in a fresh graph."""
    with tf.Graph().as_default(), tf.Session() as session:
        inputs = [tf.constant(array) for array in arrays]
        outputs = [tf.convert_to_tensor(y) for y in _flatten(function(*inputs))]
        session.run([tf.global_variables_initializer(), tf.tables_initializer()])
        values = session.run(outputs)
        floats = [(y, v) for y, v in zip(outputs, values, strict=True) if y.dtype.is_floating]
        if not wrt:
            return values, []
        losses = [tf.reduce_sum(y * _direction(v.shape, v.dtype)) for y, v in floats]
        gradients = tf.gradients(losses, [inputs[i] for i in wrt])
        dense = [
            tf.zeros_like(inputs[i]) if g is None else tf.convert_to_tensor(g)
            for i, g in zip(wrt, gradients, strict=True)
        ]
        return values, session.run(dense)


def _run_torch(function: Callable, arrays: Sequence[np.ndarray], wrt: Sequence[int]) -> tuple:
    """Values and gradients of function(*tensors)."""
    inputs = [torch.tensor(array) for array in arrays]
    for i in wrt:
        inputs[i].requires_grad_()
    outputs = [torch.as_tensor(y) for y in _flatten(function(*inputs))]
    losses = [
        (y * torch.tensor(_direction(tuple(y.shape), str(y.dtype).split(".")[1]))).sum()
        for y in outputs
        if y.is_floating_point() and y.requires_grad
    ]
    gradients: list[np.ndarray] = []
    if wrt:
        found = torch.autograd.grad(losses, [inputs[i] for i in wrt], allow_unused=True)
        gradients = [
            np.zeros_like(arrays[i]) if g is None else g.numpy()
            for i, g in zip(wrt, found, strict=True)
        ]
    return [y.detach().numpy() for y in outputs], gradients


@pytest.fixture
def compare() -> Callable[..., float]:
    """compare(tf_function, torch_function, *arrays): assert equal in float32 and in float64.

    Float arrays are given to both in each width and are differentiated unless wrt says otherwise.
    """

    def run(
        tf_function: Callable,
        torch_function: Callable,
        *arrays: Any,
        wrt: Sequence[int] | None = None,
        dtypes: Sequence[str] = ("float32", "float64"),
        tolerance: dict[str, float] | None = None,
    ) -> float:
        worst = 0.0
        for dtype in dtypes:
            given = [np.asarray(a) for a in arrays]
            given = [a.astype(dtype) if a.dtype.kind == "f" else a for a in given]
            kinds = [i for i, a in enumerate(given) if a.dtype.kind == "f"]
            chosen = kinds if wrt is None else wrt
            expected, expected_gradients = _run_tf(tf_function, given, chosen)
            actual, actual_gradients = _run_torch(torch_function, given, chosen)
            assert len(expected) == len(actual)
            for what, left, right in (
                ("value", expected, actual),
                ("gradient", expected_gradients, actual_gradients),
            ):
                for number, (e, a) in enumerate(zip(left, right, strict=True)):
                    distance = _distance(np.asarray(e), np.asarray(a))
                    print(f"{dtype} {what} {number}: {distance:.2e}")
                    limit = (tolerance or TOLERANCE)[dtype]
                    assert distance <= limit, f"{dtype} {what} {number}: {distance:.3e} > {limit}"
                    worst = max(worst, distance)
        return worst

    return run


@pytest.fixture
def rng() -> np.random.RandomState:
    """A seeded source of test arrays."""
    return np.random.RandomState(0)
