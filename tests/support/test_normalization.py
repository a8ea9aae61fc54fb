"""Moving averages of batch normalization against tf.layers; the fused kernel's outputs."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
import torch
from torch import nn

from tf2torch.support.normalization import BatchNorm, fused_batch_norm


def moving_averages(x, steps=3, **options):
    """Moving mean and variance of a tf.layers.batch_normalization after some training steps."""
    with tf.Graph().as_default(), tf.Session() as session:
        images = tf.constant(x)
        y = tf.layers.batch_normalization(images, training=True, name="b", **options)
        updates = tf.get_collection(tf.GraphKeys.UPDATE_OPS)
        session.run(tf.global_variables_initializer())
        for _ in range(steps):
            session.run([y, *updates])
        found = {v.op.name: session.run(v) for v in tf.global_variables()}
    return found["b/moving_mean"], found["b/moving_variance"]


@pytest.mark.parametrize(
    ("shape", "options", "make"),
    [
        ((8, 3), {}, lambda: BatchNorm(3)),
        (
            (8, 3),
            {"momentum": 0.9, "scale": False},
            lambda: BatchNorm(3, momentum=0.1, scale=False),
        ),
        ((4, 6, 3), {}, lambda: BatchNorm(3)),
        ((4, 5, 6, 3), {"fused": False}, lambda: BatchNorm(3)),
        ((4, 5, 6, 3), {"scale": False}, lambda: BatchNorm(3, scale=False, unbiased=True)),
        ((4, 5, 6, 3), {}, lambda: nn.BatchNorm2d(3, eps=1e-3, momentum=0.01)),
    ],
)
def test_moving_averages(shape, options, make):
    x = np.float32(np.random.RandomState(0).randn(*shape) * 2 + 1)  # doubles are never fused
    mean, variance = moving_averages(x, **options)
    module = make()
    for _ in range(3):
        module(torch.tensor(x).movedim(-1, 1))
    np.testing.assert_allclose(module.running_mean.numpy(), mean, atol=1e-6)
    np.testing.assert_allclose(module.running_var.numpy(), variance, atol=1e-6)


def test_evaluation_uses_the_moving_averages_and_leaves_them():
    module = BatchNorm(2, momentum=0.5)
    x = torch.randn(6, 2)
    module(x)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    module.eval()
    y = module(x)
    expected = (x - before["running_mean"]) / torch.sqrt(before["running_var"] + 1e-3)
    torch.testing.assert_close(y, expected)
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


def test_no_parameters_beyond_those_of_tensorflow():
    names = {name for name, _ in BatchNorm(2, scale=False).named_parameters()}
    assert names == {"bias"}


def test_fused_batch_norm(compare, rng):
    x, scale, offset = rng.randn(2, 4, 5, 3), rng.rand(3) + 0.5, rng.randn(3)

    def actual(x, scale, offset):
        y, mean, variance = fused_batch_norm(x.movedim(-1, 1), scale, offset)
        return y.movedim(1, -1), mean, variance

    compare(
        lambda x, s, o: list(tf.nn.fused_batch_norm(x, s, o)[:3]),
        actual,
        x,
        scale,
        offset,
        dtypes=("float32",),
        wrt=(),
    )
