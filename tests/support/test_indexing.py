"""Gathers, scatters, masks and orders against TensorFlow."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
import torch

from tf2torch.support import indexing as support


@pytest.mark.parametrize(
    ("begin", "size"), [([0, 1], [-1, 3]), ([1, 0], [2, -1]), ([2, 2], [1, 0])]
)
def test_slice_block(compare, rng, begin, size):
    x = rng.randn(4, 5)
    compare(lambda x: tf.slice(x, begin, size), lambda x: support.slice_block(x, begin, size), x)
    compare(
        lambda x: tf.slice(x, begin, size),
        lambda x: support.slice_block(x, torch.tensor(begin), torch.tensor(size)),
        x,
    )


@pytest.mark.parametrize(
    ("arguments", "masks"),
    [
        (([0, 1], [4, 5]), {}),
        (([0, 0], [4, 5], [2, 3]), {}),
        (([3, 1], [0, -1], [-1, 2]), {}),
        (([1, 4], [9, 0], [1, -2]), {"begin_mask": 1, "end_mask": 2}),
        (([-1, 2], [0, 3]), {"shrink_axis_mask": 1}),
        (([1, -2], [0, 0]), {"shrink_axis_mask": 3}),
    ],
)
def test_strided_slice(compare, rng, arguments, masks):
    compare(
        lambda x: tf.strided_slice(x, *arguments, **masks),
        lambda x: support.strided_slice(x, *arguments, **masks),
        rng.randn(4, 5),
    )


@pytest.mark.parametrize(
    ("shape", "indices", "options"),
    [
        ((4, 5), [3, 0, 3], {}),
        ((4, 5), [[3, 0], [1, 1]], {}),
        ((2, 4, 3), [[3, 0], [1, 1]], {"axis": 1}),
        ((2, 4, 3), [2, 0], {"axis": -1}),
        ((2, 4, 3), [[3, 0], [1, 1]], {"axis": 1, "batch_dims": 1}),
        ((2, 4, 3), [[2, 0, 1], [1, 1, 0]], {"axis": 2, "batch_dims": 1}),
        ((2, 4, 3), [[1, 0], [3, 1]], {"batch_dims": 1}),
        ((2, 2, 3), [[[2, 0], [1, 1]], [[0, 0], [2, 1]]], {"axis": -1, "batch_dims": -1}),
        ((2, 4, 3, 5), [[[3], [0]], [[1], [2]]], {"axis": 2, "batch_dims": 1}),
    ],
)
def test_gather(compare, rng, shape, indices, options):
    indices = np.minimum(indices, np.array(shape)[options.get("axis", 1)] - 1)
    if not options:
        indices = np.minimum(indices, shape[0] - 1)
    compare(
        lambda x, i: tf.gather(x, i, **options),
        lambda x, i: support.gather(x, i, **options),
        rng.randn(*shape),
        indices,
    )


@pytest.mark.parametrize(
    ("indices", "batch_dims"),
    [
        ([[0, 1], [2, 3], [2, 3]], 0),
        ([[2], [0]], 0),
        ([[[0, 1, 1]], [[2, 3, 0]]], 0),
        ([[1], [0], [3]], 1),
        ([[[1, 0], [0, 1]], [[0, 0], [1, 1]], [[3, 0], [3, 1]]], 1),
    ],
)
def test_gather_nd(compare, rng, indices, batch_dims):
    compare(
        lambda x, i: tf.gather_nd(x, i, batch_dims=batch_dims),
        lambda x, i: support.gather_nd(x, i, batch_dims=batch_dims),
        rng.randn(3, 4, 2),
        np.array(indices),
    )


def test_scatter_nd_adds_repeated_indices(compare, rng):
    compare(
        lambda u: tf.scatter_nd([[0], [2], [0]], u, [4, 3]),
        lambda u: support.scatter_nd([[0], [2], [0]], u, [4, 3]),
        rng.randn(3, 3),
    )
    compare(
        lambda i, u: tf.scatter_nd(i, u, [4, 3]),
        lambda i, u: support.scatter_nd(i, u, [4, 3]),
        np.array([[0, 1], [3, 2], [0, 1]]),
        rng.randn(3),
    )


def test_dynamic_stitch_lets_the_last_one_win(compare, rng):
    compare(
        lambda x, y: tf.dynamic_stitch([[0, 3], [1, 2, 4]], [x, y]),
        lambda x, y: support.dynamic_stitch([[0, 3], [1, 2, 4]], [x, y]),
        rng.randn(2, 3),
        rng.randn(3, 3),
    )
    compare(
        lambda x, y: tf.dynamic_stitch([2, [[1, 2], [0, 3]]], [x, y]),
        lambda x, y: support.dynamic_stitch([2, [[1, 2], [0, 3]]], [x, y]),
        rng.randn(3),
        rng.randn(2, 2, 3),
        wrt=(),
    )


def test_where_chooses_rows(compare, rng):
    for shape in ((3,), (3, 3), (3, 2, 4)):
        compare(
            lambda c, x, y: tf.where(c, x, y),
            support.where,
            np.array([True, False, True]),
            rng.randn(*shape),
            rng.randn(*shape),
        )


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"axis": 0},
        {"axis": 1, "on_value": 5.0, "off_value": -1.0},
        {"on_value": 2, "off_value": 1},
    ],
)
def test_one_hot(compare, options):
    indices = np.array([[0, -1, 2], [5, 3, 1]])
    compare(
        lambda i: tf.one_hot(i, 4, **options),
        lambda i: support.one_hot(i, 4, **options),
        indices,
        wrt=(),
    )


def test_sequence_mask(compare):
    lengths = np.array([2, 0, 3])
    compare(
        lambda n: [tf.sequence_mask(n), tf.sequence_mask(n, 5, tf.float32)],
        lambda n: [support.sequence_mask(n), support.sequence_mask(n, 5, torch.float32)],
        lengths,
    )


def test_top_k_takes_the_lower_index_of_equal_values(compare):
    x = np.array([[1, 3, 3, 2, 3, 0, 3, 3] * 4], "float64")
    compare(lambda x: tf.nn.top_k(x, 5), lambda x: support.top_k(x, 5), x, wrt=())
    compare(lambda x: tf.nn.top_k(x, 5)[0], lambda x: support.top_k(x, 5).values, x)


def test_unique_keeps_the_first_occurrence(compare):
    x = np.array([5, 1, 5, 2, 1, 9])
    compare(tf.unique_with_counts, support.unique_with_counts, x)
    compare(tf.unique, support.unique, x)
    compare(tf.unique, support.unique, np.array([0.5, -1, 0.5, 2]), wrt=())


def test_setdiff1d(compare):
    compare(tf.setdiff1d, support.setdiff1d, np.array([4, 1, 4, 2, 6]), np.array([1, 2]))


@pytest.mark.parametrize(("seq_axis", "batch_axis"), [(1, 0), (0, 1), (2, 0), (1, 2)])
def test_reverse_sequence(compare, rng, seq_axis, batch_axis):
    x = rng.randn(3, 4, 5)
    lengths = rng.randint(0, x.shape[seq_axis] + 1, x.shape[batch_axis])
    compare(
        lambda x, n: tf.reverse_sequence(x, n, seq_axis=seq_axis, batch_axis=batch_axis),
        lambda x, n: support.reverse_sequence(x, n, seq_axis, batch_axis),
        x,
        lengths,
    )
