"""Image resizing and moves between space and channels against tf.image."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
import torch

from tf2torch.support import resize as support

# TensorFlow's resize kernels compute in float32 whatever they are given.
FLOAT32 = {"dtypes": ("float32",)}
GRIDS = [{}, {"align_corners": True}, {"half_pixel_centers": True}]


def nchw(x):
    return x.movedim(-1, 1)


def nhwc(x):
    return x.movedim(1, -1)


@pytest.mark.parametrize("grid", GRIDS, ids=["legacy", "align", "half"])
@pytest.mark.parametrize("name", ["bilinear", "nearest_neighbor", "bicubic"])
@pytest.mark.parametrize("size", [(12, 14), (9, 5), (3, 3), (13, 20), (1, 1), (6, 7)])
def test_resize(compare, rng, name, grid, size):
    compare(
        lambda x: getattr(tf.image, f"resize_{name}")(x, size, **grid),
        lambda x: nhwc(getattr(support, f"resize_{name}")(nchw(x), size, **grid)),
        rng.randn(2, 6, 7, 3),
        **FLOAT32,
    )


@pytest.mark.parametrize("grid", GRIDS, ids=["legacy", "align", "half"])
def test_nearest_neighbour_of_many_sizes(grid):
    with tf.Graph().as_default(), tf.Session() as session:
        sizes = [(n, m) for n in range(1, 24) for m in range(1, 40, 3)]
        rows = {n: np.arange(n, dtype="float32").reshape(1, 1, n, 1) for n, _ in sizes}
        ops = [tf.image.resize_nearest_neighbor(rows[n], (1, m), **grid) for n, m in sizes]
        for (n, m), expected in zip(sizes, session.run(ops), strict=True):
            x = torch.arange(n, dtype=torch.float32).view(1, 1, 1, n)
            actual = support.resize_nearest_neighbor(x, (1, m), **grid)
            np.testing.assert_array_equal(actual.flatten(), expected.ravel(), f"{n} to {m}")


@pytest.mark.parametrize("size", [(3, 4), (7, 9), (2, 9), (14, 10), (1, 1)])
def test_resize_area(compare, rng, size):
    compare(
        lambda x: tf.image.resize_area(x, size),
        lambda x: nhwc(support.resize_area(nchw(x), size)),
        rng.randn(2, 7, 9, 3),
        wrt=(),
        **FLOAT32,
    )


@pytest.mark.parametrize("crop", [(3, 4), (1, 5), (6, 1)])
def test_crop_and_resize(compare, rng, crop):
    boxes = np.array(
        [[0, 0, 1, 1], [0.1, 0.2, 0.7, 0.9], [-0.3, 0.1, 0.6, 1.4], [0.8, 0.9, 0.2, 0.1]]
    )
    box_ind = np.array([1, 0, 1, 0], "int32")
    arrays = (rng.randn(2, 6, 7, 3), boxes, box_ind)
    compare(
        lambda x, b, i: tf.image.crop_and_resize(x, b, i, crop, extrapolation_value=0.5),
        lambda x, b, i: nhwc(support.crop_and_resize(nchw(x), b, i, crop, extrapolation_value=0.5)),
        *arrays,
        **FLOAT32,
        # The box with a corner on a pixel has one-sided gradients there.
        wrt=(0,),
    )
    compare(
        lambda b: tf.image.crop_and_resize(arrays[0].astype("f"), b, box_ind[1:], crop),
        lambda b: nhwc(
            support.crop_and_resize(
                nchw(torch.tensor(arrays[0].astype("f"))),
                b,
                torch.tensor(box_ind[1:]),
                crop,
            )
        ),
        boxes[1:],
        **FLOAT32,
    )
    compare(
        lambda x, b, i: tf.image.crop_and_resize(x, b, i, crop, method="nearest"),
        lambda x, b, i: nhwc(support.crop_and_resize(nchw(x), b, i, crop, method="nearest")),
        *arrays,
        wrt=(),
        **FLOAT32,
    )


@pytest.mark.parametrize("padding", ["VALID", "SAME"])
@pytest.mark.parametrize(
    ("sizes", "strides", "rates"), [((3, 3), (2, 2), (1, 1)), ((2, 3), (1, 2), (2, 1))]
)
def test_extract_patches(compare, rng, padding, sizes, strides, rates):
    compare(
        lambda x: tf.extract_image_patches(
            x, [1, *sizes, 1], [1, *strides, 1], [1, *rates, 1], padding
        ),
        lambda x: nhwc(support.extract_patches(nchw(x), sizes, strides, rates, padding)),
        rng.randn(2, 7, 8, 3),
    )


def test_space_and_depth(compare, rng):
    compare(
        lambda x: tf.space_to_depth(x, 2),
        lambda x: nhwc(support.space_to_depth(nchw(x), 2)),
        rng.randn(2, 4, 6, 3),
    )
    compare(
        lambda x: tf.depth_to_space(x, 2),
        lambda x: nhwc(support.depth_to_space(nchw(x), 2)),
        rng.randn(2, 2, 3, 12),
    )


def test_max_pool_with_argmax(compare, rng):
    compare(
        lambda x: tf.nn.max_pool_with_argmax(x, [1, 2, 2, 1], [1, 2, 2, 1], "VALID"),
        lambda x: [nhwc(y) for y in support.max_pool_with_argmax(nchw(x), 2, 2)],
        rng.randn(1, 4, 6, 3),
        **FLOAT32,
    )
    with pytest.raises(NotImplementedError, match="SAME"):
        support.max_pool_with_argmax(None, 2, 2, "SAME")
