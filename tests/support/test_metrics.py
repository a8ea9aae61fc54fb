"""Streaming metrics against tf.metrics, over several batches."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tf2torch.support import metrics as support


def tf_stream(build, batches):
    """The value after each update, and before the first."""
    with tf.Graph().as_default(), tf.Session() as session:
        feeds = [tf.placeholder(a.dtype, a.shape) for a in batches[0]]
        value, update = build(*feeds)
        session.run(tf.local_variables_initializer())
        found = [session.run(value)]
        for batch in batches:
            session.run(update, dict(zip(feeds, batch, strict=True)))
            found.append(session.run(value))
        return np.array(found)


def stream(metric, batches, read=lambda m: m.result()):
    found = [read(metric)]
    for batch in batches:
        metric.update(*batch)
        found.append(read(metric))
    return np.array(found)


def binary(rng, count=4, size=9):
    return [
        (rng.randint(0, 2, size), rng.randint(0, 2, size), rng.rand(size).astype("f"))
        for _ in range(count)
    ]


def assert_close(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=3e-7, atol=3e-7)


def test_mean(rng):
    batches = [(rng.randn(4, 3).astype("f"),) for _ in range(4)]
    assert_close(stream(support.StreamingMean(), batches), tf_stream(tf.metrics.mean, batches))
    weighted = [(x, rng.rand(4, 1).astype("f")) for (x,) in batches]
    assert_close(stream(support.StreamingMean(), weighted), tf_stream(tf.metrics.mean, weighted))
    metric = support.StreamingMean()
    assert metric.update([1.0, 3.0]) == 2.0
    metric.reset()
    assert metric.result() == 0.0


def test_accuracy(rng):
    batches = [(rng.randint(0, 3, 7), rng.randint(0, 3, 7)) for _ in range(4)]
    assert_close(
        stream(support.StreamingAccuracy(), batches), tf_stream(tf.metrics.accuracy, batches)
    )
    weighted = binary(rng)
    assert_close(
        stream(support.StreamingAccuracy(), weighted), tf_stream(tf.metrics.accuracy, weighted)
    )


@pytest.mark.parametrize("root", [False, True])
def test_mean_squared_error(rng, root):
    batches = [(rng.randn(5).astype("f"), rng.randn(5).astype("f")) for _ in range(4)]
    name = "root_mean_squared_error" if root else "mean_squared_error"
    assert_close(
        stream(support.StreamingMeanSquaredError(root), batches),
        tf_stream(getattr(tf.metrics, name), batches),
    )


@pytest.mark.parametrize(
    "name",
    [
        "true_positives",
        "false_positives",
        "true_negatives",
        "false_negatives",
        "precision",
        "recall",
    ],
)
@pytest.mark.parametrize("weighted", [False, True])
def test_counts(rng, name, weighted):
    batches = binary(rng) if weighted else [b[:2] for b in binary(rng)]
    expected = tf_stream(
        lambda y, p, *w: getattr(tf.metrics, name)(y, p, w[0] if w else None), batches
    )
    actual = stream(support.StreamingCounts(), batches, lambda m: getattr(m, name))
    np.testing.assert_allclose(actual, expected, rtol=1e-6, atol=3e-7)


@pytest.mark.parametrize("curve", ["ROC", "PR"])
@pytest.mark.parametrize("thresholds", [200, 11])
def test_auc(rng, curve, thresholds):
    batches = [(y, (rng.rand(9) ** 3).astype("f"), w) for y, _, w in binary(rng)]
    for given in (batches, [b[:2] for b in batches]):
        expected = tf_stream(
            lambda y, p, *w: tf.metrics.auc(
                tf.cast(y, tf.bool),
                p,
                w[0] if w else None,
                thresholds,
                curve=curve,
                summation_method="trapezoidal",
            ),
            given,
        )
        actual = stream(support.StreamingAUC(thresholds, curve), given)
        np.testing.assert_allclose(actual[1:], expected[1:], rtol=0, atol=1e-6)


def test_mean_iou(rng):
    batches = [(rng.randint(0, 3, 8), rng.randint(0, 3, 8)) for _ in range(3)]
    assert_close(
        stream(support.StreamingMeanIoU(5), batches),
        tf_stream(lambda y, p: tf.metrics.mean_iou(y, p, 5), batches),
    )
