"""Loops over tensors against tf.while_loop, tf.map_fn, tf.scan and the folds."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
import torch

from tf2torch.support import control as support


def test_while_loop_with_a_data_dependent_end(compare):
    for start in (0.5, 3.0, 200.0):
        compare(
            lambda x: tf.while_loop(
                lambda i, v: tf.reduce_sum(v) < 100.0, lambda i, v: (i + 1, v * v + v), [0, x]
            ),
            lambda x: support.while_loop(
                lambda i, v: v.sum() < 100.0, lambda i, v: (i + 1, v * v + v), [0, x]
            ),
            np.array([start, 1.0]),
        )


def test_while_loop_of_one_variable_gives_it_bare(compare):
    compare(
        lambda x: tf.while_loop(lambda v: v < 50.0, lambda v: v * 2.0, [x]),
        lambda x: support.while_loop(lambda v: v < 50.0, lambda v: v * 2.0, [x]),
        np.array(3.0),
    )
    compare(
        lambda x: tf.while_loop(lambda v: True, lambda v: v * 2.0, [x], maximum_iterations=4),
        lambda x: support.while_loop(lambda v: True, lambda v: v * 2.0, [x], 4),
        np.array(3.0),
    )


def test_while_loop_nests_variables_and_closes_over_others(compare, rng):
    def build(loop, matmul):
        def run(x, w):
            return loop(
                lambda i, state: i < 3,
                lambda i, state: (i + 1, (state[1], matmul(state[0], w) + state[1])),
                (0, (x, 2.0 * x)),
            )[1]

        return run

    compare(
        build(tf.while_loop, tf.matmul),
        build(support.while_loop, torch.matmul),
        rng.randn(2, 3),
        rng.randn(3, 3),
    )


def test_map_fn(compare, rng):
    x, y = rng.randn(4, 3), rng.randn(4, 2)
    compare(
        lambda x: tf.map_fn(lambda row: row * tf.reduce_sum(row), x),
        lambda x: support.map_fn(lambda row: row * row.sum(), x),
        x,
    )
    compare(
        lambda x, y: tf.map_fn(
            lambda p: (tf.reduce_sum(p[0]) * p[1], p[1][0]), (x, y), dtype=(x.dtype, x.dtype)
        ),
        lambda x, y: support.map_fn(lambda p: (p[0].sum() * p[1], p[1][0]), (x, y)),
        x,
        y,
    )


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("given", [False, True])
def test_scan(compare, rng, reverse, given):
    def build(scan):
        def run(x, start):
            options = {"initializer": start} if given else {}
            return scan(lambda a, row: 0.5 * a + row * a, x, reverse=reverse, **options)

        return run

    compare(build(tf.scan), build(support.scan), rng.randn(4, 3), rng.randn(3))


def test_scan_of_several_tensors(compare, rng):
    def build(scan):
        return lambda x, y: scan(
            lambda a, row: (a[0] + row[0] * a[1], a[1] * row[1]), (x, y), (x[0], y[0])
        )

    compare(build(tf.scan), build(support.scan), rng.randn(4, 3), rng.randn(4, 3))


@pytest.mark.parametrize("name", ["foldl", "foldr"])
@pytest.mark.parametrize("given", [False, True])
def test_folds(compare, rng, name, given):
    def build(module):
        def run(x, start):
            options = {"initializer": start} if given else {}
            return getattr(module, name)(lambda a, row: 0.5 * a + row * a, x, **options)

        return run

    compare(build(tf), build(support), rng.randn(4, 3), rng.randn(3))
