"""Linear regression, first with an optimizer, then with the gradients taken by hand.

The data is a noisy line made with numpy, so the right answer is known.
"""
from __future__ import print_function

import numpy as np
import tensorflow as tf

learning_rate = 0.01
training_epochs = 12
display_epoch = 3
true_slope, true_offset = 0.25, 0.8

# A noisy line
rng = np.random.RandomState(7)
train_X = np.linspace(0.0, 10.0, 17)
train_Y = true_slope * train_X + true_offset + 0.1 * rng.randn(17)
n_samples = train_X.shape[0]

# One point or many
X = tf.placeholder("float")
Y = tf.placeholder("float")

# The two numbers to find
W = tf.Variable(rng.randn(), name="weight")
b = tf.Variable(rng.randn(), name="bias")

pred = tf.add(tf.multiply(X, W), b)

# Mean squared error
cost = tf.reduce_sum(tf.pow(pred - Y, 2)) / (2 * n_samples)

optimizer = tf.train.GradientDescentOptimizer(learning_rate).minimize(cost)

# The same step, written out.
grad_W, grad_b = tf.gradients(cost, [W, b])
step_W = tf.assign(W, W - learning_rate * grad_W)
step_b = tf.assign_sub(b, learning_rate * grad_b)

init = tf.global_variables_initializer()

with tf.Session() as sess:
    sess.run(init)

    # One point at a time
    for epoch in range(training_epochs):
        for (x, y) in zip(train_X, train_Y):
            sess.run(optimizer, feed_dict={X: x, Y: y})

        if (epoch + 1) % display_epoch == 0:
            c = sess.run(cost, feed_dict={X: train_X, Y: train_Y})
            print("Epoch: %04d cost=%.9f W=%.6f b=%.6f" % (epoch + 1, c, sess.run(W), sess.run(b)))

    training_cost = sess.run(cost, feed_dict={X: train_X, Y: train_Y})
    print("Training cost=", "{:.9f}".format(training_cost), "W=", "{:.6f}".format(sess.run(W)),
          "b=", "{:.6f}".format(sess.run(b)))

    # Ten more steps over the whole batch, by hand
    for step in range(10):
        feed = {X: train_X, Y: train_Y}
        gw, gb = sess.run([grad_W, grad_b], feed_dict=feed)
        sess.run([step_W, step_b], feed_dict=feed)
        if step % 5 == 0:
            print("Step %d gradients: %.6f %.6f" % (step, gw, gb))

    # Points that were not trained on
    test_X = np.asarray([6.83, 4.668, 8.9, 7.91, 5.7, 8.7, 3.1, 2.1])
    test_Y = true_slope * test_X + true_offset
    testing_cost = sess.run(
        tf.reduce_sum(tf.pow(pred - Y, 2)) / (2 * test_X.shape[0]),
        feed_dict={X: test_X, Y: test_Y})
    print("Testing cost=%.9f" % testing_cost)
    print("Difference of the costs=%.9f" % abs(training_cost - testing_cost))
