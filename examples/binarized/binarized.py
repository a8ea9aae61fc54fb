"""A network with binary weights and activations, trained by the straight-through estimator.

sign() has no useful gradient, so it is replaced where the graph is built: the gradient
passes unchanged while the argument lies in [-1, 1] and is cancelled outside.
"""
from __future__ import print_function

import numpy as np
import tensorflow as tf

flags = tf.flags
flags.DEFINE_integer("batch_size", 40, "Batch size")
flags.DEFINE_integer("num_steps", 46, "Training steps")
flags.DEFINE_integer("hidden", 48, "Units of each hidden layer")
flags.DEFINE_float("learning_rate", 0.2, "Learning rate")
flags.DEFINE_bool("binary_weights", True, "Whether the weights are binarized too")
FLAGS = flags.FLAGS

SIDE = 8


@tf.RegisterGradient("ClippedIdentity")
def clipped_identity_grad(op, grad):
    """Gradient of the hard tanh, used in place of that of sign."""
    x = op.inputs[0]
    mask = tf.cast(tf.less_equal(tf.abs(x), 1.0), tf.float32)
    return grad * mask


def binarize(x):
    g = tf.get_default_graph()
    with g.gradient_override_map({"Sign": "ClippedIdentity"}):
        return tf.sign(x)


@tf.custom_gradient
def clip_gradient(x):
    """Identity whose gradient is kept within [-0.01, 0.01]."""
    def grad(dy):
        return tf.clip_by_value(dy, -0.01, 0.01)
    return tf.identity(x), grad


def binary_dense(x, units, name):
    with tf.variable_scope(name):
        in_units = x.get_shape().as_list()[-1]
        w = tf.get_variable("w", [in_units, units],
                            initializer=tf.random_uniform_initializer(-1.0, 1.0, seed=5))
        if FLAGS.binary_weights:
            w = binarize(w)
        return tf.matmul(x, w) / np.sqrt(in_units)


def bars(count, rng):
    """8x8 pictures with a horizontal or a vertical bar (class 0, 1) or a diagonal (class 2)."""
    x = -np.ones((count, SIDE, SIDE), np.float32)
    y = rng.randint(0, 3, count)
    for picture, label in zip(x, y):
        k = rng.randint(0, SIDE)
        if label == 0:
            picture[k, :] = 1
        elif label == 1:
            picture[:, k] = 1
        else:
            picture[np.arange(SIDE), (np.arange(SIDE) + k) % SIDE] = 1
    flip = rng.rand(count, SIDE, SIDE) < 0.03
    x[flip] *= -1
    return x.reshape(count, -1), y


def main(argv=None):
    rng = np.random.RandomState(9)
    x = tf.placeholder(tf.float32, [None, SIDE * SIDE])
    y = tf.placeholder(tf.int64, [None])

    h1 = binarize(binary_dense(x, FLAGS.hidden, "fc1"))
    h2 = binarize(clip_gradient(binary_dense(h1, FLAGS.hidden, "fc2")))
    logits = 3.0 * binary_dense(h2, 3, "out")

    loss = tf.losses.sparse_softmax_cross_entropy(y, logits)
    accuracy = tf.reduce_mean(tf.to_float(tf.equal(tf.argmax(logits, axis=1), y)))

    optimizer = tf.train.MomentumOptimizer(FLAGS.learning_rate, 0.9)
    grads_and_vars = optimizer.compute_gradients(loss)
    train_op = optimizer.apply_gradients(grads_and_vars)
    # The latent weights stay where their gradient lives.
    with tf.control_dependencies([train_op]):
        clip_ops = [tf.assign(var, tf.clip_by_value(var, -1.0, 1.0)) for var in tf.trainable_variables()]
        train_op = tf.group(*clip_ops)
    grad_norm = tf.global_norm([grad for grad, _ in grads_and_vars])

    test_x, test_y = bars(300, rng)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for step in range(FLAGS.num_steps):
            batch_x, batch_y = bars(FLAGS.batch_size, rng)
            _, loss_value, norm = sess.run([train_op, loss, grad_norm], {x: batch_x, y: batch_y})
            if step % 15 == 0:
                print("step %d loss %.5f gradient norm %.5f" % (step, loss_value, norm))
        print("test accuracy %.4f" % sess.run(accuracy, {x: test_x, y: test_y}))
        latent = sess.run(tf.trainable_variables()[0])
        print("latent weights in [%.3f, %.3f], %d of %d positive"
              % (latent.min(), latent.max(), (latent > 0).sum(), latent.size))


if __name__ == "__main__":
    tf.app.run()
