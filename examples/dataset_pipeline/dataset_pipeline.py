"""A tf.data input pipeline: two datasets behind one iterator, and a generator for the last check.

The program learns the sign of a quadratic form from points that are standardised on the way.
"""
from __future__ import absolute_import
from __future__ import division
from __future__ import print_function

import argparse

import numpy as np
import tensorflow as tf

NUM_FEATURES = 6

parser = argparse.ArgumentParser()
parser.add_argument("--batch_size", default=32, type=int, help="batch size")
parser.add_argument("--epochs", default=4, type=int, help="passes over the training set")
parser.add_argument("--learning_rate", default=0.05, type=float)


def make_points(count, seed):
    rng = np.random.RandomState(seed)
    points = 2.0 + 3.0 * rng.randn(count, NUM_FEATURES)
    centred = (points - 2.0) / 3.0
    form = np.sum(centred[:, :3] ** 2, axis=1) - np.sum(centred[:, 3:] ** 2, axis=1)
    return points.astype(np.float32), (form > 0).astype(np.int32)


def standardise(features, label):
    """Zero mean and unit variance, and the squares as extra features."""
    features = (features - 2.0) / 3.0
    features = tf.concat([features, tf.square(features)], axis=0)
    return features, label


def train_input_fn(points, labels, batch_size):
    dataset = tf.data.Dataset.from_tensor_slices((points, labels))
    dataset = dataset.shuffle(buffer_size=1000).map(standardise)
    return dataset.batch(batch_size, drop_remainder=True).prefetch(1)


def eval_input_fn(points, labels, batch_size):
    dataset = tf.data.Dataset.from_tensor_slices((points, labels))
    return dataset.map(standardise).batch(batch_size)


def extreme_points():
    """Points far from the border, one by one."""
    for i in range(NUM_FEATURES):
        point = np.full([NUM_FEATURES], 2.0, np.float32)
        point[i] += 9.0
        yield point, int(i < 3)


def classifier(features):
    hidden = tf.layers.dense(features, 16, activation=tf.nn.relu)
    return tf.squeeze(tf.layers.dense(hidden, 1), axis=-1)


def main():
    args = parser.parse_args()
    train_points, train_labels = make_points(250, seed=1)
    test_points, test_labels = make_points(100, seed=2)

    train_dataset = train_input_fn(train_points, train_labels, args.batch_size)
    test_dataset = eval_input_fn(test_points, test_labels, args.batch_size)
    extreme_dataset = tf.data.Dataset.from_generator(
        extreme_points, (tf.float32, tf.int32), ((NUM_FEATURES,), ())).map(standardise).batch(NUM_FEATURES)

    iterator = tf.data.Iterator.from_structure(test_dataset.output_types, test_dataset.output_shapes)
    features, labels = iterator.get_next()
    train_init = iterator.make_initializer(train_dataset)
    test_init = iterator.make_initializer(test_dataset)

    logits = classifier(features)
    targets = tf.cast(labels, tf.float32)
    loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=targets, logits=logits))
    hits = tf.reduce_sum(tf.cast(tf.equal(logits > 0, labels > 0), tf.int32))
    train_op = tf.train.AdagradOptimizer(args.learning_rate).minimize(loss)

    extreme_features, extreme_labels = extreme_dataset.make_one_shot_iterator().get_next()

    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for epoch in range(args.epochs):
            sess.run(train_init)
            losses = []
            while True:
                try:
                    _, batch_loss = sess.run([train_op, loss])
                    losses.append(batch_loss)
                except tf.errors.OutOfRangeError:
                    break

            sess.run(test_init)
            correct, seen = 0, 0
            try:
                while True:
                    batch_hits, batch_labels = sess.run([hits, labels])
                    correct += batch_hits
                    seen += len(batch_labels)
            except tf.errors.OutOfRangeError:
                pass
            print("epoch %d: %d batches, loss %.5f, test accuracy %d/%d"
                  % (epoch + 1, len(losses), np.mean(losses), correct, seen))

        points, point_labels = sess.run([extreme_features, extreme_labels])
        scores = sess.run(logits, feed_dict={features: points})
        for score, label in zip(scores, point_labels):
            print("label %d score %+.4f" % (label, score))


if __name__ == "__main__":
    main()
