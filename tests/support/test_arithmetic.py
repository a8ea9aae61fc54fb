"""Ties, running sums, padding, matrices and normalisation against TensorFlow."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tf2torch.support import arithmetic as support


def test_div_no_nan(compare):
    compare(
        tf.div_no_nan,
        support.div_no_nan,
        np.array([1.0, -2.0, 0.0, 3.0]),
        np.array([2.0, 0.0, 0.0, -0.5]),
    )


@pytest.mark.parametrize("name", ["maximum", "minimum"])
def test_ties_go_to_the_first_argument(compare, rng, name):
    x = rng.randint(-2, 3, (4, 5)).astype("float64")
    y = rng.randint(-2, 3, 5).astype("float64")
    compare(getattr(tf, name), getattr(support, name), x, y)


def test_clip_by_value_passes_the_gradient_at_its_bounds(compare):
    x = np.array([-2.0, -1.0, 0.0, 1.0, 3.0])
    compare(
        lambda x: tf.clip_by_value(x, -1.0, 1.0),
        lambda x: support.clip_by_value(x, -1.0, 1.0),
        x,
    )
    compare(
        tf.clip_by_value,
        support.clip_by_value,
        x,
        np.array([-3.0, -1.0, 0.5, 0.0, 0.0]),
        np.array([2.0, 2.0, 2.0, 1.0, 1.0]),
        wrt=(0,),
    )


@pytest.mark.parametrize("name", ["cumsum", "cumprod"])
@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("exclusive", [False, True])
@pytest.mark.parametrize("reverse", [False, True])
def test_running_sums_and_products(compare, rng, name, axis, exclusive, reverse):
    compare(
        lambda x: getattr(tf, name)(x, axis, exclusive, reverse),
        lambda x: getattr(support, name)(x, axis, exclusive, reverse),
        rng.randn(3, 4),
    )


@pytest.mark.parametrize(("pieces", "axis"), [(3, 1), (2, 0), ([1, 2, 3], 1), ([1, -1, 3], -1)])
def test_split(compare, rng, pieces, axis):
    compare(
        lambda x: tf.split(x, pieces, axis),
        lambda x: support.split(x, pieces, axis),
        rng.randn(4, 6),
    )


@pytest.mark.parametrize("mode", ["CONSTANT", "REFLECT", "SYMMETRIC"])
@pytest.mark.parametrize("paddings", [[[0, 0], [1, 2], [0, 3]], [[1, 1], [2, 0], [0, 0]]])
def test_pad(compare, rng, mode, paddings):
    compare(
        lambda x: tf.pad(x, paddings, mode, constant_values=0),
        lambda x: support.pad(x, paddings, mode),
        rng.randn(2, 3, 4),
    )


def test_pad_with_a_value(compare, rng):
    compare(
        lambda x: tf.pad(x, [[1, 0], [0, 2]], constant_values=1.5),
        lambda x: support.pad(x, [[1, 0], [0, 2]], value=1.5),
        rng.randn(2, 3),
    )


@pytest.mark.parametrize(("lower", "upper"), [(-1, 0), (0, -1), (1, 2), (0, 0), (-1, -1)])
def test_band_part(compare, rng, lower, upper):
    compare(
        lambda x: tf.matrix_band_part(x, lower, upper),
        lambda x: support.band_part(x, lower, upper),
        rng.randn(2, 4, 5),
    )


@pytest.mark.parametrize("full", [False, True])
def test_svd_rebuilds_its_matrix(compare, rng, full):
    def rebuild_tf(x):
        s, u, v = tf.svd(x, full_matrices=full)
        return s, tf.matmul(u[..., :3] * s[..., None, :], v[..., :3], adjoint_b=True)

    def rebuild(x):
        s, u, v = support.svd(x, full_matrices=full)
        return s, (u[..., :3] * s[..., None, :]) @ v[..., :3].mH

    compare(rebuild_tf, rebuild, rng.randn(2, 4, 3), wrt=())


@pytest.mark.parametrize("arguments", [(16, 8), (25, 10), (24, 6, 64), (7, 3)])
def test_stft(compare, rng, arguments):
    def parts(spectrum, real, imag):
        return real(spectrum), imag(spectrum)

    compare(
        lambda x: parts(tf.signal.stft(x, *arguments), tf.math.real, tf.math.imag),
        lambda x: parts(support.stft(x, *arguments), lambda y: y.real, lambda y: y.imag),
        rng.randn(2, 100),
    )


def test_random_crop_is_a_block_of_the_input(rng):
    import torch

    x = torch.arange(60).view(5, 4, 3)
    places = set()
    for _ in range(50):
        crop = support.random_crop(x, [3, 2, 3])
        row, column, _ = np.argwhere(x.numpy() == crop[0, 0, 0].item())[0]
        np.testing.assert_array_equal(crop, x[row : row + 3, column : column + 2])
        places.add((row, column))
    assert places == {(row, column) for row in range(3) for column in range(3)}
