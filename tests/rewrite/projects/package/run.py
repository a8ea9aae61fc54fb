import random

import numpy as np
import tensorflow as tf

from net import graph as g
import net.layers

SIZE = 5


def dense(values):
    """Has the name of a layer, and is none."""
    return [v * SIZE for v in values]


random.seed(1)
np.random.seed(1)
x = tf.placeholder(tf.float32, [None, SIZE])
target = tf.placeholder(tf.float32, [None, 1])
out = g.network(x, 3)
side = net.layers.dense(x, 1, "side")
loss = g.loss(out + side, target)
train = tf.train.GradientDescentOptimizer(0.05).minimize(loss)

sess = tf.Session()
sess.run(tf.global_variables_initializer())
for step in range(4):
    values = np.random.rand(6, SIZE)
    found, _ = sess.run([loss, train], feed_dict={x: values, target: values[:, :1]})
    print(step, found, dense([g.SIZE]))
