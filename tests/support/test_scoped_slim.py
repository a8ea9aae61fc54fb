"""slim's layers over variable scopes against tf_slim: names, outputs, gradients and updates."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
import tf_slim
import torch
import torch.nn.functional as F

from tests.support.scoped_models import compare_models
from tf2torch.support import (
    scoped,
    scoped_arguments,
    scoped_collections,
    scoped_initializers,
    scoped_model_variables,
    scoped_scopes,
    scoped_slim,
    scoped_slim_normalization,
    scoped_slim_plain,
)
from tf2torch.support.scoped_function import Scoped

SHARED = (
    "add_arg_scope arg_scope avg_pool2d avg_pool3d batch_norm bias_add conv1d conv2d"
    " conv2d_transpose conv3d conv3d_transpose dropout flatten fully_connected instance_norm"
    " layer_norm max_pool2d model_variable one_hot_encoding repeat separable_conv2d softmax"
    " stack variable"
).split()
MODULES = (
    scoped_arguments,
    scoped_model_variables,
    scoped_slim,
    scoped_slim_normalization,
    scoped_slim_plain,
)


def here(name):
    return next(
        getattr(module, found)
        for module in MODULES
        for found in ("slim_" + name, name)
        if hasattr(module, found)
    )


TORCH = SimpleNamespace(
    variable_scope=scoped_scopes.variable_scope,
    get_collection=scoped_collections.get_collection,
    named=scoped_arguments.convert_collection_to_dict,
    collect=scoped_arguments.collect_named_outputs,
    l2=scoped_initializers.l2_regularizer,
    ones=scoped_initializers.ones_initializer,
    relu=F.relu,
    tanh=torch.tanh,
    concat=lambda xs: torch.cat(xs, -1),
    add=torch.add,
    **{name: here(name) for name in SHARED},
)
TF = SimpleNamespace(
    variable_scope=tf.variable_scope,
    get_collection=tf.get_collection,
    named=tf_slim.utils.convert_collection_to_dict,
    collect=tf_slim.utils.collect_named_outputs,
    l2=tf_slim.l2_regularizer,
    ones=tf.ones_initializer,
    relu=tf.nn.relu,
    tanh=tf.nn.tanh,
    concat=lambda xs: tf.concat(xs, -1),
    add=tf.add,
    **{name: getattr(tf_slim, name) for name in SHARED},
)


def defaults(t, x):
    yield t.conv2d(x, 4, 3)
    yield t.conv2d(x, 4, [3, 2], stride=2, activation_fn=None, biases_initializer=None)
    yield t.conv2d_transpose(x, 4, 3, stride=2)
    yield t.separable_conv2d(x, 4, 3, stride=2, weights_regularizer=t.l2(0.1))
    yield t.separable_conv2d(x, None, [3, 3], 2, rate=2, biases_regularizer=t.l2(0.1))
    yield t.fully_connected(t.flatten(x), 5)
    yield t.fully_connected(x, 5, t.tanh, scope="fc")
    yield t.layer_norm(x)
    yield t.layer_norm(x, scale=False, begin_norm_axis=-1, activation_fn=t.relu)
    yield t.layer_norm(x, begin_norm_axis=2, begin_params_axis=2)
    yield t.instance_norm(x, center=False)
    yield t.bias_add(x, t.relu)
    yield t.max_pool2d(x, 3, padding="SAME")
    yield t.avg_pool2d(x, [2, 3], 1, scope="pool")
    yield t.softmax(x)
    yield t.dropout(x, is_training=False)


def stacks(t, x):
    x = t.repeat(x, 2, t.conv2d, 4, [3, 3], scope="conv1")
    x = t.repeat(x, 2, t.conv2d, 4, 1)
    x = t.repeat(x, 2, t.separable_conv2d, 3, 3)
    x = t.stack(x, t.fully_connected, [3, (4, t.tanh)], scope="fc")
    yield t.stack(x, t.fully_connected, [3, 5])


def argument_scopes(t, x):
    @t.add_arg_scope
    def block(x, size=3, rate=1, scope=None):
        with t.variable_scope(scope, "block", [x]):
            return t.conv2d(x, size, 3, rate=rate)

    def scope_of_model():
        with t.arg_scope(
            [t.conv2d, t.fully_connected],
            activation_fn=t.tanh,
            weights_regularizer=t.l2(0.2),
            normalizer_fn=t.layer_norm,
        ):
            with t.arg_scope([t.conv2d], padding="VALID", normalizer_fn=None) as sc:
                return sc

    with t.arg_scope(scope_of_model()):
        with t.arg_scope([block], size=4):
            yield block(x)
            yield block(x, rate=2)
        yield block(x, 2)
        with (
            t.arg_scope([t.conv2d, block], stride=2) if False else t.arg_scope([t.conv2d], stride=2)
        ):
            yield t.conv2d(x, 4, 1, padding="SAME")
            yield t.conv2d(x, 4, 1, stride=1)
        yield t.fully_connected(x, 2, normalizer_params={"center": False})
    with t.arg_scope([t.model_variable, t.variable], device="/cpu:0"):
        yield t.conv2d(x, 2, 1)
        scale = t.model_variable("m", [3], x.dtype, regularizer=t.l2(1.0))
        yield x * t.variable("v", [3], x.dtype) * scale


def named_outputs(t, x):
    with t.variable_scope("vgg", values=[x]) as sc:
        key = sc.name + "_end_points"
        with t.arg_scope([t.conv2d, t.fully_connected, t.max_pool2d], outputs_collections=key):
            x = t.repeat(x, 2, t.conv2d, 4, 3, scope="conv1")
            x = t.max_pool2d(x, 2, scope="pool1")
            with t.variable_scope("inner", reuse=None):
                x = t.fully_connected(x, 3)
            x = t.collect(key, "own", x * 2)
        ends = t.named(key)
    told = [
        "vgg/conv1/conv1_1",
        "vgg/conv1/conv1_2",
        "vgg/pool1",
        "vgg/inner/fully_connected",
        "own",
    ]
    assert list(ends) == told, list(ends)
    assert ends["own"] is x
    yield from ends.values()


def shared_layers(t, x):
    for reuse in (None, True):
        with t.variable_scope("net", "net", [x], reuse=reuse):
            with t.arg_scope([t.conv2d], weights_regularizer=t.l2(0.3)):
                yield t.conv2d(x, 3, 3, scope="a")
            yield t.fully_connected(x, 3, scope="b", weights_initializer=t.ones())


def collected_variables(t, x):
    collections = {"weights": ["w"], "biases": ["b", "w"]}
    for scope in ("a", "a", "c"):
        y = t.conv2d(
            x,
            3,
            1,
            scope=scope,
            reuse=scope == "a" and bool(t.get_collection("w")),
            variables_collections=collections,
        )
        y = t.fully_connected(y, 3, variables_collections=["fc"])
        yield t.bias_add(y, variables_collections={"biases": ["b"]})
    sizes = [len(t.get_collection(key)) for key in ("w", "b", "fc", "model_variables")]
    assert sizes == [4, 5, 6, 13], sizes


@pytest.mark.parametrize(
    "function",
    [defaults, stacks, argument_scopes, named_outputs, shared_layers, collected_variables],
    ids=lambda function: function.__name__,
)
def test_models(function, rng):
    compare_models(
        lambda x: list(function(TF, x)), lambda x: list(function(TORCH, x)), rng.randn(2, 6, 5, 3)
    )


def test_other_ranks(rng):
    def model(t):
        def run(x, y):
            line = t.conv1d(x, 4, 3, stride=2)
            box = t.conv3d_transpose(t.conv3d(y, 4, 3), 2, 3, stride=2)
            return line, box, t.avg_pool3d(box, 2)

        return run

    arrays = rng.randn(2, 7, 3), rng.randn(2, 3, 4, 3, 2)
    compare_models(model(TF), model(TORCH), *arrays, dtypes=["float32"])  # TensorFlow's kernels


# what tf.contrib.layers of TensorFlow 1.15 did: tf_slim's batch_norm needs an older TensorFlow
CASES = json.loads(Path(__file__).with_name("batch_norm_1_15.json").read_text("utf-8"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["options"]))
def test_batch_norm(case):
    rng = np.random.RandomState(0)
    x = torch.tensor((rng.randn(*case["shape"]) * 2 + 1).astype("float32"), requires_grad=True)
    options = dict(case["options"])
    if "activation_fn" in options:
        options["activation_fn"] = torch.relu
    if "param_regularizers" in options:
        options["param_regularizers"] = {"beta": TORCH.l2(0.5), "gamma": TORCH.l2(0.25)}

    def model(x):
        y = TORCH.batch_norm(x, scope="bn", **options)
        norm = {"normalizer_fn": TORCH.batch_norm, "normalizer_params": options}
        y = TORCH.fully_connected(y, 4, scope="fc", **norm)
        variables = [scoped.variable_name(v)[:-2] for v in scoped_collections.global_variables()]
        return (
            y,
            variables,
            scoped_collections.trainable_variables(),
            scoped_collections.regularization_loss(),
        )

    module = Scoped(model)
    state = {}
    for name, shape in case["variables"]:
        drawn = rng.randn(*shape) * 0.5
        state[name.replace("/", ".")] = torch.tensor(
            (np.abs(drawn) + 0.1 if "variance" in name else drawn).astype("float32")
        )
    module.load_state_dict(state)
    y, variables, trained, loss = module(x)
    assert variables == [name for name, _ in case["variables"]]
    total = (y * torch.sin(torch.arange(y.numel()).float()).view(y.shape)).sum() + loss
    gradients = torch.autograd.grad(total, [x, *trained])
    np.testing.assert_allclose(total.item(), case["total"], rtol=2e-5, atol=2e-5)
    for expected, actual in zip(case["gradients"], gradients, strict=True):
        found = (actual.flatten() * torch.cos(torch.arange(actual.numel()).float())).sum()
        np.testing.assert_allclose(found.item(), expected, rtol=1e-4, atol=2e-4)
    for name, expected in case["averages"].items():
        np.testing.assert_allclose(module.variables()[name].numpy(), expected, rtol=1e-5, atol=1e-6)


def test_one_hot_encoding_and_dropout():
    module = scoped.ScopedModule()
    labels = np.array([2, 0, 5, -1])
    with tf.Graph().as_default(), tf.Session() as session:
        expected = session.run(tf_slim.one_hot_encoding(labels, 3, 2.0, -1.0))
    with module.scopes():
        actual = TORCH.one_hot_encoding(torch.tensor(labels), 3, 2.0, -1.0)
        assert actual.tolist() == expected.tolist() and actual.dtype == torch.float32
        x = torch.ones(50, 60, 2)
        y = TORCH.dropout(x, 0.25, noise_shape=[None, 1, 2])
        assert sorted(set(y.flatten().tolist())) == [0, 4]
        assert torch.equal(y, y[:, :1].expand_as(y))
        assert 0.1 < TORCH.dropout(x, 0.25).count_nonzero() / x.numel() < 0.4


def test_a_function_must_be_decorated():
    with pytest.raises(ValueError, match="not decorated"):
        with TORCH.arg_scope([torch.relu], a=1):
            pass
