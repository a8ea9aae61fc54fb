"""A linear model and then a small network, each in a graph of its own."""

import numpy as np
import tensorflow as tf

rng = np.random.RandomState(3)
xs = rng.rand(64, 4).astype(np.float32)
ys = (xs.sum(1, keepdims=True) > 2).astype(np.float32)
hidden = 6


def dense(x, size, name):
    with tf.variable_scope(name):
        w = tf.get_variable("w", [int(x.shape[1]), size])
        b = tf.get_variable("b", [size], initializer=tf.zeros_initializer())
        return tf.matmul(x, w) + b


# First: regression.
x = tf.placeholder(tf.float32, [None, 4], name="x")
y = tf.placeholder(tf.float32, [None, 1], name="y")
pred = dense(x, 1, "out")
global_step = tf.Variable(0, trainable=False, name="global_step")
loss = tf.reduce_mean(tf.square(pred - y))
train = tf.train.AdamOptimizer(0.05).minimize(loss, global_step=global_step)
saver = tf.train.Saver()
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for step in range(5):
        _, value = sess.run([train, loss], feed_dict={x: xs, y: ys})
        print("regression", step, round(float(value), 5))
    print(sess.run(global_step))
    saver.save(sess, "./regression.ckpt")

# Second: classification.
tf.reset_default_graph()
hidden = 8
x = tf.placeholder(tf.float32, [None, 4], name="x")
y = tf.placeholder(tf.float32, [None, 1], name="y")
h = tf.nn.relu(dense(x, hidden, "hidden"))
pred = dense(h, 1, "out")
loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(logits=pred, labels=y))
global_step = tf.Variable(0, trainable=False, name="global_step")
rate = tf.train.exponential_decay(0.1, global_step, 2, 0.5)
train = tf.train.MomentumOptimizer(rate, 0.9).minimize(loss, global_step=global_step)
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for step in range(5):
        _, value = sess.run([train, loss], feed_dict={x: xs, y: ys})
        print("classification", step, round(float(value), 5))
    print(sess.run(global_step), sess.run(pred, {x: xs[:2]}).shape)

# Third: the first once more, from its file.
tf.reset_default_graph()
x = tf.placeholder(tf.float32, [None, 4], name="x")
pred = dense(x, 1, "out")
restorer = tf.train.Saver()
with tf.Session() as sess:
    restorer.restore(sess, "./regression.ckpt")
    print(np.round(sess.run(pred, {x: xs[:3]}), 4))
