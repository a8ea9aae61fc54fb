"""Segment reductions, histograms and confusion matrices against TensorFlow."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
import torch

from tf2torch.support import segments as support

KINDS = ["sum", "mean", "prod", "max", "min"]


@pytest.mark.parametrize("kind", KINDS)
def test_segments_of_sorted_ids(compare, rng, kind):
    function = getattr(support, f"segment_{kind}")
    compare(getattr(tf, f"segment_{kind}"), function, rng.randn(5, 3), np.array([0, 0, 2, 2, 4]))
    torch.testing.assert_close(function(torch.ones(2, 3), [0, 0]).shape, torch.Size([1, 3]))


@pytest.mark.parametrize("kind", [*KINDS, "sqrt_n"])
@pytest.mark.parametrize("ids", [[3, -1, 0, 3, 0], [1, 1, 1, -1, 1]])
def test_unsorted_segments(compare, rng, kind, ids):
    function = getattr(support, f"unsorted_segment_{kind}")
    compare(
        lambda x, i: getattr(tf, f"unsorted_segment_{kind}")(x, i, 5),
        lambda x, i: function(x, i, 5),
        rng.randn(5, 3),
        np.array(ids),
    )


def test_ids_of_several_dimensions_and_tied_extremes(compare):
    compare(
        lambda x, i: tf.unsorted_segment_max(x, i, 3),
        lambda x, i: support.unsorted_segment_max(x, i, 3),
        np.array([[1.0, 2.0, 2.0], [1.0, 1.0, 0.0]]),
        np.array([[0, 1, 1], [0, 0, 1]]),
    )


def test_histograms(compare, rng):
    compare(
        lambda x: [
            tf.histogram_fixed_width(x, [-1.0, 1.5], 7),
            tf.histogram_fixed_width_bins(x, [-1.0, 1.5], 7),
        ],
        lambda x: [
            support.histogram_fixed_width(x, [-1.0, 1.5], 7),
            support.histogram_fixed_width_bins(x, [-1.0, 1.5], 7),
        ],
        2 * rng.randn(200),
        dtypes=("float32",),
        wrt=(),
    )


def test_confusion_matrix(compare, rng):
    labels, predictions = rng.randint(0, 4, 30), rng.randint(0, 3, 30)
    compare(
        lambda a, b: [tf.math.confusion_matrix(a, b), tf.math.confusion_matrix(a, b, 6)],
        lambda a, b: [support.confusion_matrix(a, b), support.confusion_matrix(a, b, 6)],
        labels,
        predictions,
    )
    compare(
        lambda a, b, w: tf.math.confusion_matrix(a, b, weights=w, dtype=w.dtype),
        lambda a, b, w: support.confusion_matrix(a, b, weights=w).to(w.dtype),
        labels,
        predictions,
        rng.rand(30),
        wrt=(),
    )
