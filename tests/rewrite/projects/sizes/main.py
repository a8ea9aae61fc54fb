import sys

import blocks
import numpy as np
import tensorflow as tf

sizes = [int(text) for text in (sys.argv[1:] or ["5", "6", "7"])]
np.random.seed(2)
x = tf.placeholder(tf.float32, [None, 3])
y = tf.placeholder(tf.float32, [None, 1])
h = x
parts = []
for i, size in enumerate(sizes):
    h = blocks.fully_connected(h, size, "layer%d" % i)
    wide = blocks.fully_connected(h, size * 2, "wide%d" % i, activation=tf.nn.tanh)
    scale = tf.Variable(tf.ones([size]), name="scale%d" % i)
    h = h * scale
    parts.append(tf.reduce_mean(wide, axis=1, keepdims=True))
out = blocks.fully_connected(h, 1, "out", activation=None) + tf.add_n(parts)
loss = tf.reduce_mean(tf.square(out - y))
deep = [v for v in tf.trainable_variables() if v.name.startswith("layer")]
train = tf.train.AdamOptimizer(0.01).minimize(loss)
tune = tf.train.GradientDescentOptimizer(0.1).minimize(loss, var_list=deep)

with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for step in range(3):
        batch = np.random.rand(4, 3)
        feed = {x: batch, y: batch[:, :1]}
        print(sess.run([loss, train], feed)[0])
        print(sess.run([loss, tune], feed)[0])
