"""tf.layers over variable scopes against TensorFlow: names, outputs, gradients and updates."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
import torch
import torch.nn.functional as F

from tests.support.scoped_models import compare_models
from tf2torch.support import scoped_initializers as initializers
from tf2torch.support.scoped import ScopedModule, name_scope
from tf2torch.support.scoped_layers import (
    ScopedLayerObject,
    scoped_conv1d,
    scoped_conv2d,
    scoped_conv2d_transpose,
    scoped_conv3d,
    scoped_conv3d_transpose,
    scoped_dense,
    scoped_separable_conv1d,
    scoped_separable_conv2d,
)
from tf2torch.support.scoped_normalization import scoped_batch_normalization
from tf2torch.support.scoped_scopes import AUTO_REUSE, get_variable_scope, variable_scope
from tf2torch.support.scoped_variables import get_variable


@pytest.mark.parametrize(
    ("there", "here", "shape", "options"),
    [
        (tf.layers.dense, scoped_dense, (3, 5), {"units": 4}),
        (tf.layers.dense, scoped_dense, (3, 2, 5), {"units": 4, "use_bias": False, "name": "a/b"}),
        (tf.layers.conv1d, scoped_conv1d, (2, 9, 3), {"kernel_size": 3, "dilation_rate": 2}),
        (tf.layers.conv1d, scoped_conv1d, (2, 9, 3), {"kernel_size": [4], "padding": "causal"}),
        (tf.layers.conv2d, scoped_conv2d, (2, 8, 7, 3), {"kernel_size": 3}),
        (
            tf.layers.conv2d,
            scoped_conv2d,
            (2, 8, 7, 3),
            {"kernel_size": (5, 2), "strides": (2, 3), "padding": "SAME", "name": "c"},
        ),
        (
            tf.layers.conv2d,
            scoped_conv2d,
            (2, 8, 7, 3),
            {"kernel_size": 3, "padding": "same", "dilation_rate": (2, 3), "use_bias": False},
        ),
        (
            tf.layers.conv3d,
            scoped_conv3d,
            (2, 5, 6, 4, 2),
            {"kernel_size": 3, "strides": 2, "padding": "same"},
        ),
        (tf.layers.conv2d_transpose, scoped_conv2d_transpose, (2, 4, 5, 3), {"kernel_size": 3}),
        (
            tf.layers.conv2d_transpose,
            scoped_conv2d_transpose,
            (2, 4, 5, 3),
            {"kernel_size": (5, 4), "strides": (2, 3), "padding": "same"},
        ),
        (
            tf.layers.conv3d_transpose,
            scoped_conv3d_transpose,
            (2, 3, 4, 3, 2),
            {"kernel_size": 3, "strides": 2, "padding": "same"},
        ),
        (
            tf.layers.separable_conv1d,
            scoped_separable_conv1d,
            (2, 9, 3),
            {"kernel_size": 3, "depth_multiplier": 2, "padding": "same", "strides": 2},
        ),
        (
            tf.layers.separable_conv2d,
            scoped_separable_conv2d,
            (2, 8, 7, 3),
            {"kernel_size": 3, "depth_multiplier": 2, "padding": "same", "dilation_rate": 2},
        ),
    ],
)
def test_layers(rng, there, here, shape, options):
    if "units" not in options:
        options = {"filters": 4, **options}

    def model(layer, regularize, relu):
        def run(x):
            y = layer(x, activation=relu, **options)
            return y, layer(x, **{**options, "name": None}, bias_regularizer=regularize)

        return run

    compare_models(
        model(there, lambda v: tf.reduce_sum(v * v), tf.nn.relu),
        model(here, lambda v: (v * v).sum(), F.relu),
        rng.randn(*shape),
    )


@pytest.mark.parametrize(
    ("shape", "options", "dtypes"),
    [
        ((6, 3), {}, ("float32", "float64")),
        ((6, 3), {"center": False, "trainable": False}, ("float32", "float64")),
        ((4, 5, 3), {"scale": False, "epsilon": 0.1}, ("float32", "float64")),
        ((4, 5, 3), {"axis": 1}, ("float32", "float64")),
        ((4, 5, 6, 3), {}, ("float32",)),
        ((4, 5, 6, 3), {"epsilon": 1e-7, "fused": True, "center": False}, ("float32",)),
        ((4, 5, 6, 3), {"fused": False}, ("float32", "float64")),
        ((4, 5, 6, 3), {"axis": [1, 3]}, ("float32", "float64")),
        ((4, 5, 2, 2, 3), {"fused": False}, ("float32", "float64")),
    ],
)
@pytest.mark.parametrize("training", [True, False])
def test_batch_normalization(rng, shape, options, dtypes, training):
    def model(layer):
        return lambda x: layer(layer(x, training=training, **options), training=False, name="bn")

    options = {"momentum": 0.75, **options}  # TensorFlow rounds 1 - momentum to float32
    there, here = model(tf.layers.batch_normalization), model(scoped_batch_normalization)
    compare_models(there, here, rng.randn(*shape) * 2 + 1, dtypes=dtypes)


def tower(x, t, training):
    """A network with shared parts, names at run time, and defaults of a scope."""
    with t.variable_scope(
        "net",
        initializer=t.ones_initializer(),
        regularizer=t.l2_regularizer(0.1),
        reuse=t.AUTO_REUSE,
    ) as scope:
        for size in (4, 3):
            with t.variable_scope(f"layer_{size}"):
                x = t.conv2d(x, size, 3, padding="same", activation=t.relu)
                x = t.batch_normalization(x, training=training)
        with t.name_scope("head"):
            x = t.dense(t.reshape(x, [2, -1]), 5)
            x = t.dense(x, 5, name="shared", kernel_regularizer=t.l2_regularizer(0.2))
            x = t.dense(x, 5, name="shared", reuse=True, kernel_regularizer=t.l2_regularizer(3.0))
    with t.variable_scope(scope):
        return t.dense(x, 2, bias_initializer=None, name="last") * t.get_variable("scale", [2])


class There:
    variable_scope, name_scope, AUTO_REUSE = tf.variable_scope, tf.name_scope, tf.AUTO_REUSE
    get_variable, ones_initializer = tf.get_variable, tf.ones_initializer
    dense, conv2d = tf.layers.dense, tf.layers.conv2d
    batch_normalization = tf.layers.batch_normalization
    relu, reshape = tf.nn.relu, tf.reshape

    @staticmethod
    def l2_regularizer(scale):
        return lambda v: tf.nn.l2_loss(v) * scale


class Here:
    variable_scope, name_scope, AUTO_REUSE = variable_scope, name_scope, AUTO_REUSE
    get_variable, ones_initializer = get_variable, initializers.ones_initializer
    dense, conv2d = scoped_dense, scoped_conv2d
    batch_normalization = scoped_batch_normalization
    relu, reshape, l2_regularizer = F.relu, torch.reshape, initializers.l2_regularizer


def both_towers(t):
    return lambda x: (tower(x * 2, t, False), tower(x, t, True))


def test_a_network_that_shares_layers(rng):
    compare_models(both_towers(There), both_towers(Here), rng.randn(2, 4, 5, 3), dtypes=["float32"])


def objects_and_towers(t):
    def run(x):
        layer, other = t.Dense(3), t.Dense(2, name="named")
        y = layer(x)
        for i in range(2):
            with t.variable_scope(t.get_variable_scope(), reuse=i > 0), t.name_scope(f"tower_{i}"):
                y = t.dense(y, 3) + t.get_variable("offset", [3], y.dtype)
                y = t.dense(y, 3, kernel_regularizer=t.l2_regularizer(0.5))
        with t.variable_scope("deep"):
            z = other(layer(y)) + other(y)
        return z, t.Dense(2, name="named")(z)

    return run


def test_layer_objects_and_towers(rng):
    There.Dense, There.get_variable_scope = tf.layers.Dense, tf.get_variable_scope
    Here.get_variable_scope = get_variable_scope
    Here.Dense = lambda units, name="dense": ScopedLayerObject(scoped_dense, name, units)
    compare_models(objects_and_towers(There), objects_and_towers(Here), rng.randn(2, 3))


def test_a_tensor_tells_whether_to_train():
    module = ScopedModule()
    with module.scopes():
        x = torch.randn(8, 2)
        scoped_batch_normalization(x, training=torch.tensor(True), name="bn")
    before = module.bn.moving_mean.clone()
    assert before.any()
    with module.scopes():
        scoped_batch_normalization(x, training=torch.tensor(False), name="bn")
    assert torch.equal(module.bn.moving_mean, before)


@pytest.mark.parametrize(
    ("there", "here"),
    [
        (tf.zeros_initializer(), initializers.zeros_initializer()),
        (tf.constant_initializer([1, 2, 3]), initializers.constant_initializer([1, 2, 3])),
        (tf.random_normal_initializer(1, 2), initializers.random_normal_initializer(1, 2)),
        (tf.truncated_normal_initializer(1, 2), initializers.truncated_normal_initializer(1, 2)),
        (tf.random_uniform_initializer(-1, 3), initializers.random_uniform_initializer(-1, 3)),
        (tf.random_uniform_initializer(), initializers.random_uniform_initializer()),
        (tf.variance_scaling_initializer(), initializers.variance_scaling_initializer()),
        (
            tf.variance_scaling_initializer(2, "fan_out", "uniform"),
            initializers.variance_scaling_initializer(2, "fan_out", "uniform"),
        ),
        (tf.glorot_uniform_initializer(), initializers.glorot_uniform_initializer()),
        (tf.glorot_normal_initializer(), initializers.glorot_normal_initializer()),
        (tf.orthogonal_initializer(2.0), initializers.orthogonal_initializer(2.0)),
        (tf.initializers.identity(3.0), initializers.identity_initializer(3.0)),
    ],
)
def test_initializers_draw_as_tensorflow_does(there, here):
    shape = [60, 50] if "dentity" in type(there).__name__ else [5, 4, 60, 50]
    with tf.Graph().as_default(), tf.Session() as session:
        expected = session.run(there(shape, dtype=tf.float32)).ravel()
    actual = here(shape, dtype=torch.float32).numpy().ravel()
    assert actual.shape == expected.shape
    scale = expected.std() + 1e-9
    assert abs(actual.mean() - expected.mean()) < 0.02 * scale + 1e-6
    assert abs(actual.std() - expected.std()) < 0.02 * scale
    for part in (0.02, 0.98):
        assert abs(np.quantile(actual, part) - np.quantile(expected, part)) < 0.05 * scale
