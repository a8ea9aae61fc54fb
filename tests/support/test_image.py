"""Colours, crops and random changes of images against tf.image."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
import torch

from tf2torch.support import image as support

# TensorFlow's colour kernels know float32 (and half) only.
FLOAT32 = {"dtypes": ("float32",)}


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("uint8", "float32"),
        ("float32", "uint8"),
        ("int16", "uint8"),
        ("uint8", "int16"),
        ("float32", "float64"),
        ("uint8", "uint8"),
    ],
)
@pytest.mark.parametrize("saturate", [False, True])
def test_convert_image_dtype(compare, source, target, saturate):
    x = np.linspace(0, 1, 201) if source[0] == "f" else np.arange(0, 256).astype(source)
    compare(
        lambda x: tf.image.convert_image_dtype(x, target, saturate),
        lambda x: support.convert_image_dtype(x, getattr(torch, target), saturate),
        x,
        wrt=(),
        **FLOAT32,
    )


def colours(rng):
    x = rng.rand(3, 4, 5, 3)
    x[0, 0] = 0.5  # gray
    x[0, 1] = 0.0
    x[0, 2, :, 1] = x[0, 2, :, 0]
    return x


def test_hsv_and_back(compare, rng):
    x = colours(rng)
    compare(tf.image.rgb_to_hsv, support.rgb_to_hsv, x, wrt=())
    compare(tf.image.hsv_to_rgb, support.hsv_to_rgb, x, wrt=())


@pytest.mark.parametrize(
    ("name", "argument"),
    [
        ("adjust_contrast", 1.7),
        ("adjust_saturation", 0.3),
        ("adjust_saturation", 2.5),
        ("adjust_hue", 0.3),
        ("adjust_hue", -0.8),
        ("adjust_brightness", 0.2),
        ("adjust_brightness", -0.4),
    ],
)
def test_adjustments(compare, rng, name, argument):
    x = colours(rng)

    def by_tf(x):
        return getattr(tf.image, name)(x, argument)

    def by_torch(x):
        return getattr(support, name)(x, argument)

    compare(by_tf, by_torch, x, wrt=(), **FLOAT32)
    pixels = rng.randint(0, 256, (2, 6, 5, 3)).astype("uint8")
    with tf.Graph().as_default(), tf.Session() as session:
        expected = session.run(by_tf(tf.constant(pixels))).astype(int)
    actual = by_torch(torch.tensor(pixels)).numpy().astype(int)
    # One grey level where the float lies on the border of two.
    assert np.abs(expected - actual).max() <= 1
    assert (expected != actual).mean() < 0.02


def test_adjust_contrast_and_brightness_have_gradients(compare, rng):
    for name in ("adjust_brightness",):
        compare(
            lambda x, name=name: getattr(tf.image, name)(x, 0.3),
            lambda x, name=name: getattr(support, name)(x, 0.3),
            rng.rand(2, 4, 5, 3),
            **FLOAT32,
        )


def test_grayscale(compare, rng):
    compare(tf.image.rgb_to_grayscale, support.rgb_to_grayscale, rng.rand(2, 4, 5, 3), **FLOAT32)
    compare(
        tf.image.rgb_to_grayscale,
        support.rgb_to_grayscale,
        rng.randint(0, 256, (9, 9, 3)).astype("uint8"),
    )


def test_per_image_standardization(compare, rng):
    x = rng.rand(3, 4, 5, 3)
    x[1] = 0.25
    x[2] = 0.5 + 1e-4 * x[2]
    compare(
        tf.image.per_image_standardization, support.per_image_standardization, x[[0, 2]], **FLOAT32
    )
    compare(
        tf.image.per_image_standardization, support.per_image_standardization, x, wrt=(), **FLOAT32
    )
    compare(
        tf.image.per_image_standardization,
        support.per_image_standardization,
        rng.randint(0, 256, (5, 4, 3)).astype("uint8"),
    )


@pytest.mark.parametrize("fraction", [0.5, 0.33, 0.875, 1.0])
def test_central_crop(compare, rng, fraction):
    compare(
        lambda x: tf.image.central_crop(x, fraction),
        lambda x: support.central_crop(x, fraction),
        rng.rand(9, 10, 3),
    )


@pytest.mark.parametrize("size", [(4, 5), (9, 10), (12, 13), (5, 14), (13, 6)])
def test_crop_or_pad(compare, rng, size):
    for shape in ((9, 10, 3), (2, 9, 10, 3)):
        compare(
            lambda x: tf.image.resize_image_with_crop_or_pad(x, *size),
            lambda x: support.resize_image_with_crop_or_pad(x, *size),
            rng.rand(*shape),
        )


def test_bounding_boxes(compare, rng):
    x = rng.rand(2, 9, 10, 3)
    compare(
        lambda x: [
            tf.image.crop_to_bounding_box(x, 1, 2, 5, 4),
            tf.image.pad_to_bounding_box(x, 1, 2, 12, 13),
        ],
        lambda x: [
            support.crop_to_bounding_box(x, 1, 2, 5, 4),
            support.pad_to_bounding_box(x, 1, 2, 12, 13),
        ],
        x,
    )


@pytest.mark.parametrize("axis", [-2, -3])
def test_random_flip_throws_a_coin_for_each_image(axis):
    torch.manual_seed(0)
    x = torch.rand(400, 3, 4, 1)
    flipped = support.random_flip(x, axis)
    turned = (flipped == x.flip(axis)).flatten(1).all(1)
    assert (turned | (flipped == x).flatten(1).all(1)).all()
    assert 150 < turned.sum() < 250
    one = torch.rand(3, 4, 1)
    assert any((support.random_flip(one, axis) == one.flip(axis)).all() for _ in range(20))


def test_random_uniform_between():
    torch.manual_seed(0)
    drawn = [support.random_uniform_between(-0.5, 2.0) for _ in range(500)]
    assert -0.5 <= min(drawn) < -0.45 and 1.95 < max(drawn) < 2.0


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.9])
def test_non_max_suppression(rng, threshold):
    corners = rng.rand(40, 4).astype("float32")
    scores = rng.rand(40).astype("float32")
    scores[3] = scores[7]
    with tf.Graph().as_default(), tf.Session() as session:
        expected = [
            session.run(tf.image.non_max_suppression(corners, scores, 12, threshold)),
            session.run(tf.image.non_max_suppression(corners, scores, 40, threshold, 0.6)),
        ]
    given = torch.tensor(corners), torch.tensor(scores)
    actual = [
        support.non_max_suppression(*given, 12, threshold),
        support.non_max_suppression(*given, 40, threshold, 0.6),
    ]
    assert [a.tolist() for a in actual] == [e.tolist() for e in expected]
