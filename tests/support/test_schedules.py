"""Learning-rate schedules and moving averages against tf.train."""

from __future__ import annotations

import math

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
import torch
from tensorflow.python.training import moving_averages

from tf2torch.support import schedules as support

CASES = [
    ("exponential_decay", (10, 0.5), {}),
    ("exponential_decay", (10, 0.96), {"staircase": True}),
    ("natural_exp_decay", (7, 0.5), {}),
    ("natural_exp_decay", (7, 0.5), {"staircase": True}),
    ("inverse_time_decay", (7, 0.5), {}),
    ("inverse_time_decay", (7, 0.5), {"staircase": True}),
    ("polynomial_decay", (10,), {}),
    ("polynomial_decay", (10, 0.01), {"power": 2.0}),
    ("polynomial_decay", (10, 0.01), {"power": 0.5, "cycle": True}),
    ("cosine_decay", (10,), {}),
    ("cosine_decay", (10,), {"alpha": 0.1}),
    ("cosine_decay_restarts", (5,), {}),
    ("cosine_decay_restarts", (5,), {"t_mul": 1.0, "m_mul": 0.9, "alpha": 0.1}),
    ("cosine_decay_restarts", (5,), {"t_mul": 1.5, "m_mul": 0.5}),
    ("linear_cosine_decay", (10,), {}),
    ("linear_cosine_decay", (10,), {"num_periods": 1.5, "alpha": 0.1, "beta": 0.01}),
]


@pytest.mark.parametrize(("name", "arguments", "options"), CASES)
def test_schedule(name, arguments, options):
    # float32 only: TensorFlow's schedules hold float32 constants and refuse most float64 rates.
    schedule = getattr(support, name)
    with tf.Graph().as_default(), tf.Session() as session:
        step = tf.placeholder(tf.int64, [])
        rate = tf.constant(0.1)
        decayed = getattr(tf.train, name)(rate, step, *arguments, **options)
        for t in range(34):
            expected = session.run(decayed, {step: t})
            assert abs(expected - schedule(0.1, t, *arguments, **options)) < 5e-8, t


def test_piecewise_constant():
    with tf.Graph().as_default(), tf.Session() as session:
        step = tf.placeholder(tf.int64, [])
        decayed = tf.train.piecewise_constant(step, [5, 15], [0.1, 0.01, 0.001])
        for t in range(20):
            expected = session.run(decayed, {step: t})
            actual = support.piecewise_constant(t, [5, 15], [0.1, 0.01, 0.001])
            assert expected == np.float32(actual)


@pytest.mark.parametrize("counted", [False, True])
def test_moving_average_of_parameters(rng, counted):
    start, values = rng.randn(3), rng.randn(8, 3)
    parameter = torch.nn.Parameter(torch.tensor(start))
    average = support.ExponentialMovingAverage(0.875, [("layer.weight", parameter)])
    with tf.Graph().as_default(), tf.Session() as session:
        variable, updates = tf.Variable(start), tf.Variable(0.0)
        ema = tf.train.ExponentialMovingAverage(0.875, updates if counted else None)
        apply = ema.apply([variable])
        session.run(tf.global_variables_initializer())
        for n, value in enumerate(values):
            session.run([variable.assign(value), updates.assign(n)])
            session.run(apply)
            with torch.no_grad():
                parameter.copy_(torch.tensor(value))
            average.update(num_updates=n if counted else None)
            expected = session.run(ema.average(variable))
            # The counted decay is a float32 number in TensorFlow.
            limit = 1e-6 if counted else 1e-12
            np.testing.assert_allclose(average.average(parameter), expected, rtol=0, atol=limit)
    with average.averaged():
        np.testing.assert_array_equal(parameter.detach(), average.average("layer.weight"))
    np.testing.assert_array_equal(parameter.detach(), values[-1])
    assert list(average.state_dict()) == ["layer_weight"]


def test_moving_average_of_a_tensor_starts_at_zero(rng):
    values = rng.randn(5, 3)
    average = support.ExponentialMovingAverage(0.75)
    average.add("mean", torch.zeros(3, dtype=torch.float64))
    with tf.Graph().as_default(), tf.Session() as session:
        fed = tf.placeholder(tf.float64, [3])
        tensor = fed * 1
        ema = tf.train.ExponentialMovingAverage(0.75)
        apply = ema.apply([tensor])
        session.run(tf.global_variables_initializer())
        for value in values:
            session.run(apply, {fed: value})
            average.update({"mean": torch.tensor(value)})
            expected = session.run(ema.average(tensor))
            np.testing.assert_allclose(average.average("mean"), expected, rtol=0, atol=1e-15)


@pytest.mark.parametrize("zero_debias", [False, True])
def test_assign_moving_average(rng, zero_debias):
    values = rng.randn(5, 3)
    variable = torch.zeros(3, dtype=torch.float64)
    state = (torch.zeros_like(variable), torch.zeros(())) if zero_debias else ()
    with tf.Graph().as_default(), tf.Session() as session:
        fed = tf.placeholder(tf.float64, [3])
        moving = tf.get_variable("moving", initializer=np.zeros(3))
        update = moving_averages.assign_moving_average(moving, fed, 0.75, zero_debias=zero_debias)
        session.run(tf.global_variables_initializer())
        for value in values:
            session.run(update, {fed: value})
            support.assign_moving_average(variable, torch.tensor(value), 0.75, *state)
            np.testing.assert_allclose(variable, session.run(moving), rtol=0, atol=1e-12)


def test_division_and_powers_at_zero_are_those_of_floating_point() -> None:
    assert support.float_power(0, -0.5) == math.inf
    assert support.float_power(4, -0.5) == 0.5
    assert support.float_divide(1, 0) == math.inf
    assert support.float_divide(-1.0, 0) == -math.inf
    assert math.isnan(support.float_divide(0, 0))
    assert support.float_divide(3, 4) == 0.75
