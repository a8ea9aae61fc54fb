"""Loops and branches whose layers have default names: TensorFlow traces each of them once."""

import json

import tensorflow as tf

CONFIG = json.loads('{"layers": 2}')


def layer(x, scope):
    with tf.variable_scope(scope):
        width = x.shape[-1].value
        return tf.tanh(tf.matmul(x, tf.get_variable("w", [width, width])))


def stack(h):
    for k in range(CONFIG["layers"]):
        h = layer(h, "h%d" % k)
    return h


def net(x, steps, mode):
    def body(i, h):
        return i + 1, tf.tanh(stack(h) + tf.layers.dense(h, 4))

    with tf.variable_scope("turns", reuse=tf.AUTO_REUSE):
        _, h = tf.while_loop(lambda i, h: i < steps, body, [0, x])
        _, h = tf.while_loop(lambda i, h: i < 0, body, [0, h])
    h = tf.cond(
        mode > 0,
        lambda: tf.layers.dense(h, 4, activation=tf.nn.relu),
        lambda: tf.layers.dense(tf.layers.dense(h, 3), 4),
    )
    rows = tf.map_fn(lambda row: tf.layers.dense(row, 2), tf.stack([h, h * 2]))
    total = tf.scan(lambda a, row: tf.tanh(tf.layers.dense(a, 2)) + row, rows)
    return tf.layers.dense(tf.concat([rows, total], axis=-1), 2)


x = tf.placeholder(tf.float32, [None, 4])
steps = tf.placeholder(tf.int32, [])
mode = tf.placeholder(tf.int32, [])
y = net(x, steps, mode)
loss = tf.reduce_mean(tf.square(y))
train = tf.train.GradientDescentOptimizer(0.01).minimize(loss)

with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    data = [[0.1, 0.2, -0.3, 0.4], [0.0, 0.1, 0.0, 0.2]]
    for turns, flag in ((3, 1), (0, 0), (2, 0), (1, 1), (0, 1)):
        print(sess.run(loss, feed_dict={x: data, steps: turns, mode: flag}))
        sess.run(train, feed_dict={x: data, steps: turns + 1, mode: 0})
