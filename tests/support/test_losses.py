"""Losses, CTC and sparse lookups against TensorFlow."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
import torch

from tf2torch.support import embedding, losses, sequences


def test_in_top_k(compare):
    x = [[1, 1, 1, 1], [0, 2, 1, 1], [np.inf, 1, 2, 3], [1, 2, 3, np.nan]]
    compare(
        lambda x, t: tf.nn.in_top_k(x, t, 2),
        lambda x, t: losses.in_top_k(x, t, 2),
        np.array(x),
        np.array([3, 3, 0, 3]),
        wrt=(),
        dtypes=("float32",),
    )


@pytest.mark.parametrize(
    "reduction",
    [
        "none",
        "weighted_sum",
        "weighted_mean",
        "weighted_sum_over_batch_size",
        "weighted_sum_by_nonzero_weights",
    ],
)
@pytest.mark.parametrize("shape", [(), (6, 1), (6, 3)])
def test_weighted_losses(compare, rng, reduction, shape):
    weights = rng.rand(*shape) * (rng.rand(*shape) > 0.4) if shape else np.array(0.7)
    for w in (weights, 0 * weights):
        compare(
            lambda x, w: tf.losses.compute_weighted_loss(x, w, reduction=reduction),
            lambda x, w: losses.compute_weighted_loss(x, w, reduction),
            rng.randn(6, 3),
            w,
            wrt=(0,),
            # tf.losses computes in float32.
            dtypes=("float32",),
        )


@pytest.mark.parametrize("total", [0.0, 0.5, 1.0, 3.0])
def test_softmax_gradient_of_labels_with_any_sum(compare, rng, total):
    labels = rng.rand(4, 5)
    labels *= total / labels.sum(1, keepdims=True)
    compare(
        lambda x, y: tf.nn.softmax_cross_entropy_with_logits(labels=tf.stop_gradient(y), logits=x),
        lambda x, y: losses.softmax_cross_entropy(x, y),
        rng.randn(4, 5),
        labels,
        wrt=(0,),
    )
    compare(
        lambda x, y: tf.nn.softmax_cross_entropy_with_logits_v2(labels=y, logits=x, dim=1),
        lambda x, y: losses.softmax_cross_entropy(x, y, dim=1),
        rng.randn(4, 5, 2),
        rng.rand(4, 5, 2),
        wrt=(0,),
    )


def test_mean_pairwise_squared_error(compare, rng):
    for weights in (1.0, 0.5, np.array([1.0, 0.0, 2.0, 0.5, 1.0]).reshape(5, 1, 1)):
        compare(
            lambda a, b, w=weights: tf.losses.mean_pairwise_squared_error(a, b, w),
            lambda a, b, w=weights: sequences.mean_pairwise_squared_error(a, b, w),
            rng.randn(5, 2, 3),
            rng.randn(5, 2, 3),
            wrt=(1,),
            dtypes=("float32",),
        )


def sparse(rows):
    indices = [[i, j] for i, row in enumerate(rows) for j in range(len(row))]
    values = np.array([v for row in rows for v in row], "int32")
    return tf.SparseTensor(
        np.array(indices, "int64"), values, [len(rows), max(len(row) for row in rows)]
    )


@pytest.mark.parametrize("time_major", [True, False])
def test_ctc_loss(compare, rng, time_major):
    labels, lengths = [[0, 1, 1], [2, 3], [4, 4, 0, 1]], [12, 9, 11]
    x = rng.randn(12, 3, 6) if time_major else rng.randn(3, 12, 6)
    compare(
        lambda x: tf.nn.ctc_loss(sparse(labels), x, lengths, time_major=time_major),
        lambda x: sequences.ctc_loss(labels, x, lengths, time_major=time_major),
        x,
        dtypes=("float32",),
    )


def test_ctc_loss_of_too_long_labels(compare, rng):
    x, labels = rng.randn(2, 1, 4), [[0, 1, 2]]
    compare(
        lambda x: tf.nn.ctc_loss(sparse(labels), x, [2], ignore_longer_outputs_than_inputs=True),
        lambda x: sequences.ctc_loss(labels, x, [2], ignore_longer_outputs_than_inputs=True),
        x,
        dtypes=("float32",),
    )
    with pytest.raises(ValueError, match="longer than its inputs"):
        sequences.ctc_loss(labels, torch.tensor(x), [2])


@pytest.mark.parametrize("merge", [True, False])
def test_ctc_greedy_decoder(rng, merge):
    x = rng.randn(15, 4, 3).astype("float32")
    lengths = [15, 7, 1, 10]
    with tf.Graph().as_default(), tf.Session() as session:
        (decoded,), scores = session.run(tf.nn.ctc_greedy_decoder(x, lengths, merge_repeated=merge))
    rows, ours = sequences.ctc_greedy_decoder(torch.tensor(x), lengths, merge)
    assert torch.cat(rows).tolist() == decoded.values.tolist()
    np.testing.assert_allclose(ours, scores, rtol=1e-6)


@pytest.mark.parametrize("normalize", [True, False])
def test_edit_distance(normalize):
    hypothesis = [[1, 2, 3], [1], [2, 2, 4, 5], [1, 2]]
    truth = [[1, 3], [2, 1, 1], [2, 4, 5], [1, 2]]
    with tf.Graph().as_default(), tf.Session() as session:
        expected = session.run(
            tf.edit_distance(sparse(hypothesis), sparse(truth), normalize=normalize)
        )
    actual = sequences.edit_distance(hypothesis, truth, normalize)
    np.testing.assert_allclose(actual, expected, rtol=1e-6)
    assert sequences.edit_distance([[1], []], [[], []]).tolist() == [float("inf"), 0.0]


@pytest.mark.parametrize("over_time", [True, False])
@pytest.mark.parametrize("over_batch", [True, False])
def test_sequence_loss(compare, rng, over_time, over_batch):
    # contrib's formula in core operations: TensorFlow 2 has no contrib.
    def by_tf(x, y, w):
        losses = w * tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=x)
        axes = [axis for axis, used in ((0, over_batch), (1, over_time)) if used]
        if not axes:
            return losses
        return tf.reduce_sum(losses, axes) / (tf.reduce_sum(w, axes) + 1e-12)

    weights = np.array([[1, 1, 1, 0.5, 0], [1, 1, 0, 0, 0]])
    arrays = (rng.randn(2, 5, 7), rng.randint(0, 7, (2, 5)), weights)
    compare(by_tf, lambda x, y, w: sequences.sequence_loss(x, y, w, over_time, over_batch), *arrays)
    if over_time and not over_batch:
        compare(
            by_tf,
            lambda x, y, w: sequences.sequence_loss_by_example(
                x.unbind(1), y.unbind(1), w.unbind(1)
            ),
            *arrays,
        )


@pytest.mark.parametrize("combiner", ["sum", "mean", "sqrtn"])
@pytest.mark.parametrize("weighted", [False, True])
def test_embedding_lookup_sparse(compare, rng, combiner, weighted):
    indices, shape = [[0, 0], [0, 1], [2, 0], [2, 1], [2, 3]], [3, 4]
    ids = np.array([1, 3, 5, 5, 0])

    def by_tf(p, i, w):
        sp_ids = tf.SparseTensor(indices, i, shape)
        sp_weights = tf.SparseTensor(indices, w, shape) if weighted else None
        return tf.nn.embedding_lookup_sparse(p, sp_ids, sp_weights, combiner=combiner)

    rows = torch.tensor(indices)[:, 0]
    compare(
        by_tf,
        lambda p, i, w: sequences.embedding_lookup_sparse(
            p, rows, i, w if weighted else None, combiner
        ),
        rng.randn(6, 4),
        ids,
        rng.rand(5) + 0.1,
    )


def test_partitioned_embedding_lookup(compare, rng):
    compare(
        lambda a, b, i: tf.nn.embedding_lookup([a, b], i),
        lambda a, b, i: embedding.embedding_lookup([a, b], i),
        rng.randn(3, 4),
        rng.randn(3, 4),
        np.array([[0, 1], [2, 5]]),
    )
    compare(
        lambda a, i: tf.nn.embedding_lookup(a, i, max_norm=0.9),
        lambda a, i: embedding.clip_rows(a[i], 0.9),
        rng.randn(5, 3),
        np.array([0, 4, 4]),
    )
