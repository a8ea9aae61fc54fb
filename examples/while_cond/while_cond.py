"""A layer defined by a fixed point: graph control flow with a data-dependent trip count.

The layer's output z solves z = tanh(W z + U x + b). It is found by iterating until the
update is small, so how often the loop's body runs depends on the weights and on the
batch. The gradient flows back through every iteration.
"""
from __future__ import division
from __future__ import print_function

import numpy as np
import tensorflow as tf

STATE_SIZE = 6
NUM_INPUTS = 3
MAX_ITERATIONS = 40
TOLERANCE = 1e-3
NUM_STEPS = 40


def make_data(count, seed):
    """Three inputs and a smooth function of them to be learned, with a few outliers."""
    rng = np.random.RandomState(seed)
    x = rng.uniform(-1, 1, (count, NUM_INPUTS)).astype(np.float32)
    y = np.sin(2 * x[:, 0]) * x[:, 1] + 0.5 * x[:, 2]
    y[::10] += 3.0
    return x, y.astype(np.float32)


def fixed_point(x, W, U, b):
    """Iterates until no element of the state moves by more than TOLERANCE."""
    drive = tf.matmul(x, U) + b

    def not_settled(i, z, change):
        return tf.logical_and(i < MAX_ITERATIONS, change > TOLERANCE)

    def body(i, z, change):
        new_z = tf.tanh(tf.matmul(z, W) + drive)
        return i + 1, new_z, tf.reduce_max(tf.abs(new_z - z))

    iterations, z, residual = tf.while_loop(
        not_settled, body, [tf.constant(0), tf.zeros_like(drive), tf.constant(1.0)])
    return iterations, z, residual


def robust_loss(error, delta):
    """Quadratic for a batch of small errors, linear as soon as one of them is large."""
    worst = tf.reduce_max(tf.abs(error))
    return tf.cond(worst < delta,
                   lambda: 0.5 * tf.reduce_mean(tf.square(error)),
                   lambda: delta * tf.reduce_mean(tf.abs(error)) - 0.5 * delta ** 2)


def main():
    x = tf.placeholder(tf.float32, [None, NUM_INPUTS], name="x")
    y = tf.placeholder(tf.float32, [None], name="y")
    delta = tf.placeholder_with_default(1.0, [], name="delta")

    W = tf.get_variable("W", [STATE_SIZE, STATE_SIZE], initializer=tf.random_uniform_initializer(-0.3, 0.3))
    U = tf.get_variable("U", [NUM_INPUTS, STATE_SIZE], initializer=tf.glorot_uniform_initializer())
    b = tf.get_variable("b", [STATE_SIZE], initializer=tf.zeros_initializer())
    v = tf.get_variable("v", [STATE_SIZE, 1], initializer=tf.glorot_uniform_initializer())

    iterations, z, residual = fixed_point(x, W, U, b)
    prediction = tf.squeeze(tf.matmul(z, v), axis=1)
    loss = robust_loss(prediction - y, delta)

    # The rate is halved while the loop needs many iterations to settle.
    rate = tf.case([(iterations > 12, lambda: tf.constant(0.025)),
                    (iterations > 8, lambda: tf.constant(0.05))],
                   default=lambda: tf.constant(0.1), exclusive=False)
    train_op = tf.train.MomentumOptimizer(rate, 0.8).minimize(loss)

    # Running maximum of the predictions and each row's squared length
    running_max = tf.scan(lambda best, p: tf.maximum(best, p), prediction)
    lengths = tf.map_fn(lambda row: tf.reduce_sum(row * row), z)

    train_x, train_y = make_data(200, seed=1)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for step in range(NUM_STEPS):
            start = (step * 40) % 200
            feed = {x: train_x[start:start + 40], y: train_y[start:start + 40]}
            _, count, res, value = sess.run([train_op, iterations, residual, loss], feed_dict=feed)
            if step % 10 == 0:
                print("step %d: %d iterations, residual %.2e, loss %.6f" % (step, count, res, value))

        clean = {x: train_x[1:9], y: train_y[1:9], delta: 10.0}
        print("loss without outliers: %.6f" % loss.eval(clean))
        best, squares = sess.run([running_max, lengths], feed_dict=clean)
        print("running maximum:", " ".join("%.4f" % value for value in best))
        print("squared lengths:", " ".join("%.4f" % value for value in squares))


if __name__ == "__main__":
    main()
