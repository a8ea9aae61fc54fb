"""Optimizers and clipping against tf.train, with dense and with row-sparse gradients."""

from __future__ import annotations

import math

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
import torch

from tf2torch.support import optimizers as support

STEPS = 12
ROWS = [[0, 1, 1], [2, 0, 0], [1, 1, 1], [3, 2, 0], [0, 3, 3], [1, 2, 2]] * 2

# TensorFlow rounds hyper-parameters to float32; sums of powers of two survive that, so that
# float64 shows the arithmetic alone.
LR, EPS = 0.0625, 2.0**-27


def lr_like(lr, *values):
    """Values of the learning rate's width: TensorFlow's proximal kernels convert none."""
    return [type(lr)(value) for value in values]


PAIRS = {
    "momentum": (
        lambda lr: tf.train.MomentumOptimizer(lr, 0.875),
        lambda p: support.TFMomentum(p, LR, momentum=0.875),
    ),
    "nesterov": (
        lambda lr: tf.train.MomentumOptimizer(lr, 0.75, use_nesterov=True),
        lambda p: support.TFMomentum(p, LR, momentum=0.75, nesterov=True),
    ),
    "rmsprop": (
        lambda lr: tf.train.RMSPropOptimizer(lr, decay=0.875, epsilon=EPS),
        lambda p: support.TFRMSProp(p, LR, decay=0.875, eps=EPS),
    ),
    "rmsprop-momentum": (
        lambda lr: tf.train.RMSPropOptimizer(lr, decay=0.9375, momentum=0.875, epsilon=0.125),
        lambda p: support.TFRMSProp(p, LR, decay=0.9375, momentum=0.875, eps=0.125),
    ),
    "rmsprop-centered": (
        lambda lr: tf.train.RMSPropOptimizer(lr, 0.875, 0.5, EPS, centered=True),
        lambda p: support.TFRMSProp(p, LR, 0.875, 0.5, EPS, centered=True),
    ),
    "adam": (
        lambda lr: tf.train.AdamOptimizer(lr, beta1=0.5, beta2=0.75, epsilon=EPS),
        lambda p: support.TFAdam(p, LR, betas=(0.5, 0.75), eps=EPS),
    ),
    "adam-epsilon": (
        lambda lr: tf.train.AdamOptimizer(lr, beta1=0.5, beta2=0.75, epsilon=0.125),
        lambda p: support.TFAdam(p, LR, betas=(0.5, 0.75), eps=0.125),
    ),
    "adadelta": (
        lambda lr: tf.train.AdadeltaOptimizer(lr, 0.875, EPS),
        lambda p: support.TFAdadelta(p, LR, rho=0.875, eps=EPS),
    ),
    "ftrl": (
        lambda lr: tf.train.FtrlOptimizer(lr, initial_accumulator_value=0.125),
        lambda p: support.TFFtrl(p, LR, initial_accumulator_value=0.125),
    ),
    "ftrl-regularised": (
        lambda lr: tf.train.FtrlOptimizer(
            lr,
            learning_rate_power=-0.75,
            initial_accumulator_value=0.25,
            l1_regularization_strength=0.0625,
            l2_regularization_strength=0.03125,
        ),
        lambda p: support.TFFtrl(
            p, LR, learning_rate_power=-0.75, initial_accumulator_value=0.25, l1=0.0625, l2=0.03125
        ),
    ),
    "ftrl-shrinkage": (
        lambda lr: tf.train.FtrlOptimizer(
            lr, initial_accumulator_value=0.5, l2_shrinkage_regularization_strength=0.03125
        ),
        lambda p: support.TFFtrl(p, LR, initial_accumulator_value=0.5, l2_shrinkage=0.03125),
    ),
    "proximal-gradient-descent": (
        lambda lr: tf.train.ProximalGradientDescentOptimizer(lr, *lr_like(lr, 0.5, 0.25)),
        lambda p: support.TFProximalGradientDescent(p, LR, l1=0.5, l2=0.25),
    ),
    "proximal-adagrad": (
        lambda lr: tf.train.ProximalAdagradOptimizer(lr, 0.125, *lr_like(lr, 0.5, 0.25)),
        lambda p: support.TFProximalAdagrad(p, LR, 0.125, l1=0.5, l2=0.25),
    ),
    "torch-adagrad": (
        lambda lr: tf.train.AdagradOptimizer(lr, 0.125),
        lambda p: torch.optim.Adagrad(p, LR, initial_accumulator_value=0.125, eps=0),
    ),
    "torch-sgd": (
        lambda lr: tf.train.GradientDescentOptimizer(lr),
        lambda p: torch.optim.SGD(p, LR),
    ),
}

DEFAULTS = {
    "momentum": (
        lambda lr: tf.train.MomentumOptimizer(0.01, 0.9),
        lambda p: torch.optim.SGD(p, 0.01, momentum=0.9),
    ),
    "rmsprop": (
        lambda lr: tf.train.RMSPropOptimizer(0.01),
        lambda p: support.TFRMSProp(p, 0.01),
    ),
    "adam": (lambda lr: tf.train.AdamOptimizer(), lambda p: support.TFAdam(p)),
    "adadelta": (lambda lr: tf.train.AdadeltaOptimizer(), lambda p: support.TFAdadelta(p)),
    "torch-adadelta": (
        lambda lr: tf.train.AdadeltaOptimizer(),
        lambda p: torch.optim.Adadelta(p, 0.001, rho=0.95, eps=1e-8),
    ),
    "ftrl": (lambda lr: tf.train.FtrlOptimizer(0.1), lambda p: support.TFFtrl(p, 0.1)),
}


def train_tf(make, start, gradients, rows=None):
    """The variable after each step; row-sparse gradients if rows are given."""
    history = []
    with tf.Graph().as_default(), tf.Session() as session:
        variable = tf.Variable(start)
        values = tf.placeholder(start.dtype)
        indices = tf.placeholder(tf.int32, [None])
        gradient = values
        if rows is not None:
            gradient = tf.IndexedSlices(values, indices, tf.constant(start.shape))
        else:
            values.set_shape(start.shape)
        update = make(start.dtype.type(LR)).apply_gradients([(gradient, variable)])
        session.run(tf.global_variables_initializer())
        for step, value in enumerate(gradients):
            session.run(update, {values: value, indices: rows[step] if rows else [0]})
            history.append(session.run(variable))
    return np.stack(history)


def train_torch(make, start, gradients, rows=None):
    """The same with a torch optimizer."""
    history = []
    parameter = torch.nn.Parameter(torch.tensor(start))
    optimizer = make([parameter])
    for step, value in enumerate(gradients):
        if rows is None:
            parameter.grad = torch.tensor(value)
        else:
            parameter.grad = torch.sparse_coo_tensor(
                torch.tensor([rows[step]]), torch.tensor(value), start.shape, check_invariants=True
            )
        optimizer.step()
        history.append(parameter.detach().numpy().copy())
    return np.stack(history)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("sparse", [False, True])
def test_optimizer(rng, name, sparse, dtype):
    make_tf, make_torch = PAIRS[name]
    start = rng.randn(5, 3).astype(dtype)
    rows = ROWS if sparse else None
    shape = (STEPS, 3, 3) if sparse else (STEPS, 5, 3)
    gradients = rng.randn(*shape).astype(dtype)
    expected = train_tf(make_tf, start, gradients, rows)
    actual = train_torch(make_torch, start, gradients, rows)
    residual = np.abs(expected - actual).max()
    print(f"{name} {dtype} sparse={sparse}: {residual:.1e}")
    assert residual <= {"float32": 5e-6, "float64": 1e-12}[dtype]


@pytest.mark.parametrize("name", DEFAULTS)
def test_default_hyper_parameters(rng, name):
    make_tf, make_torch = DEFAULTS[name]
    start, gradients = rng.randn(5, 3).astype("float32"), rng.randn(STEPS, 5, 3).astype("float32")
    residual = train_tf(make_tf, start, gradients) - train_torch(make_torch, start, gradients)
    print(f"{name} defaults: {np.abs(residual).max():.1e}")
    assert np.abs(residual).max() <= 5e-6


def test_lazy_adam_touches_only_the_rows():
    parameter = torch.nn.Parameter(torch.ones(4, 2))
    dense = torch.nn.Parameter(torch.ones(1, 2))
    lazy, reference = support.TFLazyAdam([parameter], 0.1), support.TFAdam([dense], 0.1)
    for step in range(5):
        gradient = torch.full((1, 2), float(step + 1))
        indices = torch.tensor([[2]])
        parameter.grad = torch.sparse_coo_tensor(indices, gradient, (4, 2), check_invariants=True)
        dense.grad = gradient
        lazy.step()
        reference.step()
    torch.testing.assert_close(parameter[2], dense[0], rtol=0, atol=0)
    assert (parameter[[0, 1, 3]] == 1).all()


def test_epsilon_is_what_separates_adam_from_torch(rng):
    start = rng.randn(5, 3).astype("float64")
    gradients = 1e-5 * rng.randn(STEPS, 5, 3)
    make_tf, make_torch = PAIRS["adam"]
    expected = train_tf(make_tf, start, gradients)
    exact = train_torch(make_torch, start, gradients)
    idiomatic = train_torch(
        lambda p: torch.optim.Adam(p, LR, betas=(0.5, 0.75), eps=EPS), start, gradients
    )
    assert np.abs(expected - exact).max() < 1e-12
    assert np.abs(expected - idiomatic).max() > 1e-4


def test_learning_rate_schedule_and_closure(rng):
    start, gradients = rng.randn(4), rng.randn(4, 4)
    parameter = torch.nn.Parameter(torch.tensor(start))
    optimizer = support.TFRMSProp([parameter], 0.1)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 0.5**step)
    for gradient in gradients:

        def closure(gradient=gradient):
            optimizer.zero_grad()
            loss = (parameter * torch.tensor(gradient)).sum()
            loss.backward()
            return loss

        assert optimizer.step(closure).requires_grad
        schedule.step()
    with tf.Graph().as_default(), tf.Session() as session:
        variable, step = tf.Variable(start), tf.train.get_or_create_global_step()
        rate = tf.train.exponential_decay(0.1, step, 1, 0.5)
        g = tf.placeholder(tf.float64, [4])
        update = tf.train.RMSPropOptimizer(rate).apply_gradients([(g, variable)], step)
        session.run(tf.global_variables_initializer())
        for gradient in gradients:
            session.run(update, {g: gradient})
        expected = session.run(variable)
    np.testing.assert_allclose(parameter.detach().numpy(), expected, rtol=0, atol=2e-8)


def test_state_dict_round_trip():
    parameter = torch.nn.Parameter(torch.ones(3))
    optimizer = support.TFAdam([parameter], 0.1)
    parameter.grad = torch.ones(3)
    optimizer.step()
    other = support.TFAdam([torch.nn.Parameter(torch.ones(3))], 0.2)
    other.load_state_dict(optimizer.state_dict())
    assert other.param_groups[0]["lr"] == 0.1
    assert int(next(iter(other.state.values()))["step"]) == 1


@pytest.mark.parametrize("limit", [1e-3, 1.0, 100.0])
def test_clip_by_global_norm(compare, rng, limit):
    def by_torch(a, b):
        clipped, norm = support.clip_by_global_norm([a, None, b], limit)
        return [clipped[0], clipped[2], norm]

    def by_tf(a, b):
        clipped, norm = tf.clip_by_global_norm([a, None, b], limit)
        return [clipped[0], clipped[2], norm]

    compare(by_tf, by_torch, rng.randn(3, 4), rng.randn(5))


def test_clip_by_global_norm_of_an_infinite_gradient(compare):
    compare(
        lambda x: tf.clip_by_global_norm([x], 1.0)[0],
        lambda x: support.clip_by_global_norm([x], 1.0)[0],
        np.array([1.0, math.inf]),
        wrt=(),
    )


def test_global_norm_counts_repeated_rows_one_by_one(rng):
    table, ids = rng.randn(4, 2), [1, 1, 1, 2]
    with tf.Graph().as_default(), tf.Session() as session:
        variable = tf.constant(table)
        rows = tf.gather(variable, ids)
        gradient = tf.gradients(tf.reduce_sum(rows * rows), [variable])[0]
        expected = session.run(tf.global_norm([gradient]))
    embedding = torch.nn.Embedding.from_pretrained(torch.tensor(table), freeze=False, sparse=True)
    embedding(torch.tensor(ids)).square().sum().backward()
    actual = support.global_norm([embedding.weight.grad]).item()
    assert abs(expected - actual) < 1e-12


@pytest.mark.parametrize("axes", [None, [0], [1]])
def test_clip_by_norm(compare, rng, axes):
    x = rng.randn(3, 4)
    x[1] = 0
    for limit in (0.5, 1.5, 50.0):
        compare(
            lambda x, limit=limit: tf.clip_by_norm(x, limit, axes),
            lambda x, limit=limit: support.clip_by_norm(x, limit, axes),
            x,
        )
