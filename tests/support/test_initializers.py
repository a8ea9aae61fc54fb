"""Draws of the initializers: standard deviation and bounds, for both layouts of a weight."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
import torch

from tf2torch.support.initializers import fill_, glorot_uniform_, variance_scaling_

SHAPE = (3, 3, 64, 96)


def drawn(make, shape=SHAPE):
    """One draw of a TF initializer."""
    with tf.Graph().as_default(), tf.Session() as session:
        return session.run(make()(shape))


@pytest.mark.parametrize("mode", ["fan_in", "fan_out", "fan_avg"])
@pytest.mark.parametrize("distribution", ["truncated_normal", "untruncated_normal", "uniform"])
def test_variance_scaling_in_both_layouts(mode, distribution):
    torch.manual_seed(0)
    expected = drawn(lambda: tf.variance_scaling_initializer(1.5, mode, distribution))
    raw = variance_scaling_(torch.empty(SHAPE), 1.5, mode, distribution, layout="HWIO")
    own = variance_scaling_(torch.empty(96, 64, 3, 3), 1.5, mode, distribution)
    for tensor in (raw, own):
        assert float(tensor.std()) == pytest.approx(float(expected.std()), rel=0.02)
        bound = float(np.abs(expected).max())
        if distribution != "untruncated_normal":
            assert float(tensor.abs().max()) == pytest.approx(bound, rel=0.01)


@pytest.mark.parametrize("shape", [(), (50000,), (300, 500), (5, 60, 70), SHAPE])
def test_glorot_uniform_of_every_rank(shape):
    torch.manual_seed(0)
    expected = drawn(tf.glorot_uniform_initializer, shape)
    tensor = glorot_uniform_(torch.empty(shape))
    limit = np.abs(expected).max() if shape else 3**0.5
    assert float(tensor.abs().max()) <= limit * 1.001
    if shape:
        assert float(tensor.std()) == pytest.approx(float(expected.std()), rel=0.02)


@pytest.mark.parametrize("values", [[1.0, 2.0], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]])
def test_fill(values):
    with tf.Graph().as_default(), tf.Session() as session:
        expected = session.run(tf.constant(values + values[-1:] * (6 - len(values)), shape=[2, 3]))
    np.testing.assert_array_equal(fill_(torch.empty(2, 3), values).numpy(), expected)
