"""Candidate sampling and sampled losses against tf.nn."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
import torch

from tf2torch.support import sampling as support

CLASSES, SAMPLED = 50, 8


def tf_samples(labels, num_true, unique=True):
    with tf.Graph().as_default(), tf.Session() as session:
        return session.run(
            tf.nn.log_uniform_candidate_sampler(labels, num_true, SAMPLED, unique, CLASSES, seed=3)
        )


@pytest.mark.parametrize("loss", ["nce_loss", "sampled_softmax_loss"])
@pytest.mark.parametrize("num_true", [1, 2])
@pytest.mark.parametrize("remove", [False, True])
def test_losses_of_the_same_candidates(compare, rng, loss, num_true, remove):
    labels = np.array([[1, 0], [4, 2], [9, 1], [30, 7]])[:, :num_true]
    samples = tf_samples(labels, num_true)
    assert np.isin(labels, samples[0]).any()
    options = {"num_true": num_true, "remove_accidental_hits": remove}
    compare(
        lambda w, b, y, x: getattr(tf.nn, loss)(
            w,
            b,
            y,
            x,
            SAMPLED,
            CLASSES,
            sampled_values=[tf.cast(v, x.dtype) if v.dtype.kind == "f" else v for v in samples],
            **options,
        ),
        lambda w, b, y, x: getattr(support, loss)(
            w, b, y, x, SAMPLED, CLASSES, sampled_values=map(torch.tensor, samples), **options
        ),
        rng.randn(CLASSES, 6),
        rng.randn(CLASSES),
        labels,
        rng.randn(4, 6),
    )


@pytest.mark.parametrize("unique", [False, True])
def test_expected_counts_are_those_of_tensorflow(unique):
    labels = np.arange(CLASSES)[:, None]
    sampled, true_expected, sampled_expected = tf_samples(labels, 1, unique)
    torch.manual_seed(0)
    found = set()
    for _ in range(400):
        ours, expected, at_ours = support.sample_candidates(
            torch.tensor(labels), 1, SAMPLED, unique, CLASSES
        )
        assert len(ours) == SAMPLED and (not unique or len(set(ours.tolist())) == SAMPLED)
        torch.testing.assert_close(at_ours, expected[ours, 0])
        found.add(float(np.abs(expected.numpy() - true_expected).max()))
    # TensorFlow's number of tries is among ours, and with it every count agrees.
    assert min(found) < 1e-6
    np.testing.assert_allclose(sampled_expected, true_expected[sampled, 0], rtol=1e-6)


def test_log_uniform_frequencies():
    torch.manual_seed(0)
    label = torch.zeros(1, 1, dtype=torch.long)
    sampled, expected, _ = support.sample_candidates(label, 1, 200000, False, CLASSES)
    counts = torch.bincount(sampled, minlength=CLASSES) / 200000
    k = torch.arange(CLASSES)
    probabilities = torch.log((k + 2) / (k + 1)) / np.log(CLASSES + 1)
    assert (counts - probabilities).abs().max() < 0.004
    assert abs(expected.item() / 200000 - probabilities[0]) < 1e-6


@pytest.mark.parametrize(
    ("distribution", "make"),
    [
        ("uniform", lambda y, u: tf.nn.uniform_candidate_sampler(y, 1, 3, False, 5)),
        (
            "fixed_unigram",
            lambda y, u: tf.nn.fixed_unigram_candidate_sampler(y, 1, 3, False, 5, unigrams=u),
        ),
    ],
)
def test_other_distributions(distribution, make):
    labels, unigrams = np.arange(5)[:, None], [1.0, 2.0, 3.0, 4.0, 2.0]
    with tf.Graph().as_default(), tf.Session() as session:
        expected = session.run(make(labels, unigrams))[1]
    _, actual, _ = support.sample_candidates(
        torch.tensor(labels), 1, 3, False, 5, distribution, torch.tensor(unigrams)
    )
    np.testing.assert_allclose(actual, expected, rtol=1e-6)
    with pytest.raises(ValueError, match="learned"):
        support.sample_candidates(torch.tensor(labels), 1, 3, False, 5, "learned")
