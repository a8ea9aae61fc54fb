"""Initialisation, frozen layers, learning-rate schedules and averaged weights, side by side.

A small network is first trained whole under one schedule. Then its first layer is frozen,
the head is set to new values and trained alone under another schedule, and the moving
average of the weights is evaluated at the end.
"""
import os

import numpy as np
import tensorflow.compat.v1 as tf

tf.disable_v2_behavior()
tf.logging.set_verbosity(tf.logging.INFO)

BATCH_SIZE = 32
PHASE_STEPS = 30
CHECKPOINT = "schedules_ckpt/model"


def spirals(count, seed):
    """Points on three spiral arms and the index of the arm."""
    rng = np.random.RandomState(seed)
    arm = rng.randint(0, 3, count)
    t = rng.uniform(0.2, 1.0, count)
    angle = 2.5 * t + arm * 2 * np.pi / 3 + 0.1 * rng.randn(count)
    points = np.stack([t * np.cos(angle), t * np.sin(angle)], axis=1)
    return points.astype(np.float32), arm


with tf.variable_scope("data"):
    x = tf.placeholder(tf.float32, [None, 2], name="x")
    y = tf.placeholder(tf.int32, [None], name="y")

# A fixed random projection: it is saved with the others but never trained.
with tf.variable_scope("projection"):
    frequencies = tf.get_variable("frequencies", [2, 16], initializer=tf.random_normal_initializer(stddev=2.0, seed=4),
                                  trainable=False)
    features = tf.concat([tf.sin(tf.matmul(x, frequencies)), tf.cos(tf.matmul(x, frequencies))], axis=1)

regularizer = tf.keras.regularizers.l2(1e-3)
with tf.variable_scope("body"):
    hidden = tf.layers.dense(features, 24, activation=tf.nn.relu, name="fc1",
                             kernel_initializer=tf.variance_scaling_initializer(2.0, "fan_in", "truncated_normal"),
                             kernel_regularizer=regularizer)
    hidden = tf.layers.dense(hidden, 16, activation=tf.nn.relu6, name="fc2",
                             kernel_initializer=tf.orthogonal_initializer(gain=1.4),
                             bias_initializer=tf.constant_initializer(0.05),
                             kernel_regularizer=regularizer)
with tf.variable_scope("head"):
    logits = tf.layers.dense(hidden, 3, name="fc", kernel_initializer=tf.truncated_normal_initializer(stddev=0.1))

one_hot = tf.one_hot(y, 3, on_value=0.9, off_value=0.05)
cross_entropy = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits_v2(labels=one_hot, logits=logits))
total_loss = cross_entropy + tf.losses.get_regularization_loss()
accuracy = tf.reduce_mean(tf.cast(tf.equal(tf.argmax(logits, 1, output_type=tf.int32), y), tf.float32))

# Phase one: everything, with steps down at fixed times.
global_step = tf.train.get_or_create_global_step()
rate_1 = tf.train.piecewise_constant(global_step, [10, 20], [0.1, 0.05, 0.01])
train_all = tf.train.MomentumOptimizer(rate_1, 0.9).minimize(total_loss, global_step=global_step)

# Phase two: only the head, with a warm-up and then a polynomial decay.
head_vars = tf.get_collection(tf.GraphKeys.TRAINABLE_VARIABLES, scope="head")
phase_step = tf.Variable(0, trainable=False, name="phase_step", dtype=tf.int64)
warm_up = tf.minimum(1.0, tf.cast(phase_step + 1, tf.float32) / 5.0)
rate_2 = warm_up * tf.train.polynomial_decay(0.2, phase_step, PHASE_STEPS, end_learning_rate=0.001, power=2.0)
head_optimizer = tf.train.GradientDescentOptimizer(rate_2)
head_step = head_optimizer.minimize(cross_entropy, global_step=phase_step, var_list=head_vars)

# The average follows each step of phase two.
ema = tf.train.ExponentialMovingAverage(0.8)
with tf.control_dependencies([head_step]):
    train_head = ema.apply(head_vars)
use_average = tf.group(*[tf.assign(v, ema.average(v)) for v in head_vars])
reset_head = tf.variables_initializer([phase_step])

saver = tf.train.Saver([v for v in tf.global_variables() if not v.name.startswith("head")])

train_x, train_y = spirals(400, seed=1)
test_x, test_y = spirals(150, seed=2)
rng = np.random.RandomState(0)


def batch():
    pick = rng.randint(0, len(train_x), BATCH_SIZE)
    return {x: train_x[pick], y: train_y[pick]}


config = tf.ConfigProto(allow_soft_placement=True)
config.gpu_options.allow_growth = True
with tf.Session(config=config) as sess:
    sess.run(tf.global_variables_initializer())
    for step in range(PHASE_STEPS):
        _, loss_value, rate = sess.run([train_all, total_loss, rate_1], feed_dict=batch())
        if step % 10 == 0:
            print("all   step %2d rate %.4f loss %.6f" % (step, rate, loss_value))
    path = saver.save(sess, CHECKPOINT, global_step=global_step)
    print("saved", os.path.basename(path))

    # The body comes back from the file, the head and the second counter start anew.
    saver.restore(sess, tf.train.latest_checkpoint(os.path.dirname(CHECKPOINT)))
    sess.run(reset_head)
    for v in head_vars:
        shape = v.get_shape().as_list()
        v.load(np.full(shape, 0.01, np.float32) * (np.arange(shape[-1]) - 1), sess)
    frozen_before = sess.run("body/fc1/kernel:0")
    for step in range(PHASE_STEPS):
        _, loss_value, rate = sess.run([train_head, cross_entropy, rate_2], feed_dict=batch())
        if step % 10 == 0:
            print("head  step %2d rate %.4f loss %.6f" % (step, rate, loss_value))
    frozen_after = sess.run("body/fc1/kernel:0")
    print("body moved by %.1f" % np.abs(frozen_after - frozen_before).max())

    print("test accuracy %.4f" % accuracy.eval({x: test_x, y: test_y}))
    sess.run(use_average)
    print("test loss with averaged head %.6f" % cross_entropy.eval({x: test_x, y: test_y}))
