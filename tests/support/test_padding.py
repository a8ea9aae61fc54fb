"""SAME padding, pooling and transposed convolution against TensorFlow."""

from __future__ import annotations

import pytest
import tensorflow.compat.v1 as tf
import torch.nn.functional as F

from tf2torch.support.padding import avg_pool_same, conv_transpose, max_pool_same, same_pad


def nhwc(x):
    return x.movedim(1, -1)


def nchw(x):
    return x.movedim(-1, 1)


@pytest.mark.parametrize("size", [(7, 8), (8, 7), (5, 5), (1, 6)])
@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (3, 2), (4, 1), (4, 3), (1, 2), (2, 2)])
def test_same_pad_convolution(compare, rng, size, kernel, stride):
    x, w = rng.randn(2, *size, 3), rng.randn(kernel, kernel, 3, 4)
    compare(
        lambda x, w: tf.nn.conv2d(x, w, [1, stride, stride, 1], "SAME"),
        lambda x, w: nhwc(
            F.conv2d(same_pad(nchw(x), kernel, stride), w.permute(3, 2, 0, 1), stride=stride)
        ),
        x,
        w,
    )


def test_same_pad_of_unequal_kernel_strides_and_one_dimension(compare, rng):
    compare(
        lambda x, w: tf.nn.conv2d(x, w, [1, 2, 3, 1], "SAME"),
        lambda x, w: nhwc(
            F.conv2d(same_pad(nchw(x), (5, 2), (2, 3)), w.permute(3, 2, 0, 1), stride=(2, 3))
        ),
        rng.randn(2, 9, 7, 3),
        rng.randn(5, 2, 3, 4),
    )
    compare(
        lambda x, w: tf.nn.conv1d(x, w, 3, "SAME"),
        lambda x, w: nhwc(F.conv1d(same_pad(nchw(x), 4, 3), w.permute(2, 1, 0), stride=3)),
        rng.randn(2, 11, 3),
        rng.randn(4, 3, 5),
    )


@pytest.mark.parametrize("rate", [2, 3])
def test_same_pad_dilation(compare, rng, rate):
    compare(
        lambda x, w: tf.nn.atrous_conv2d(x, w, rate, "SAME"),
        lambda x, w: nhwc(
            F.conv2d(same_pad(nchw(x), 3, dilation=rate), w.permute(3, 2, 0, 1), dilation=rate)
        ),
        rng.randn(2, 9, 8, 3),
        rng.randn(3, 3, 3, 4),
    )


def test_same_pad_three_dimensions(compare, rng):
    compare(
        lambda x, w: tf.nn.conv3d(x, w, [1, 2, 2, 2, 1], "SAME"),
        lambda x, w: nhwc(F.conv3d(same_pad(nchw(x), 3, 2), w.permute(4, 3, 0, 1, 2), stride=2)),
        rng.randn(2, 5, 6, 4, 2),
        rng.randn(3, 3, 3, 2, 3),
    )


@pytest.mark.parametrize("size", [7, 8])
@pytest.mark.parametrize(("kernel", "stride"), [(2, 2), (3, 2), (3, 1), (2, 1), (5, 3), (1, 2)])
def test_pooling(compare, rng, size, kernel, stride):
    x = rng.randn(2, size, size + 2, 3) - 3
    k, s = [1, kernel, kernel, 1], [1, stride, stride, 1]
    compare(
        lambda x: [tf.nn.max_pool(x, k, s, "SAME"), tf.nn.avg_pool(x, k, s, "SAME")],
        lambda x: [
            nhwc(max_pool_same(nchw(x), kernel, stride)),
            nhwc(avg_pool_same(nchw(x), kernel, stride)),
        ],
        x,
    )


def test_pooling_three_dimensions(compare, rng):
    size, stride = [1, 3, 2, 3, 1], [1, 2, 2, 2, 1]
    compare(
        lambda x: [
            tf.nn.max_pool3d(x, size, stride, "SAME"),
            tf.nn.avg_pool3d(x, size, stride, "SAME"),
        ],
        lambda x: [
            nhwc(max_pool_same(nchw(x), (3, 2, 3), (2, 2, 2))),
            nhwc(avg_pool_same(nchw(x), (3, 2, 3), (2, 2, 2))),
        ],
        rng.randn(2, 5, 6, 4, 2),
        # TensorFlow has no float64 kernel for the gradient of max_pool3d.
        dtypes=("float32",),
    )


@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "size"),
    [(k, s, p, None) for k in (1, 2, 3, 4, 5) for s in (1, 2, 3) for p in ("SAME", "VALID")]
    + [(5, 2, "SAME", (7, 9)), (3, 2, "SAME", (7, 10)), (3, 3, "VALID", (13, 17))],
)
def test_conv_transpose(compare, rng, kernel, stride, padding, size):
    n = (4, 5)
    extra = 0 if padding == "SAME" else max(kernel - stride, 0)
    out = size or tuple(m * stride + extra for m in n)
    compare(
        lambda x, w, b: (
            tf.nn.conv2d_transpose(x, w, [2, *out, 4], [1, stride, stride, 1], padding) + b
        ),
        lambda x, w, b: nhwc(
            conv_transpose(nchw(x), w.permute(3, 2, 0, 1), b, stride, padding, output_size=size)
        ),
        rng.randn(2, *n, 3),
        rng.randn(kernel, kernel, 4, 3),
        rng.randn(4),
    )
