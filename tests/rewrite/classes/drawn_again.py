"""Initial values that a second initializer draws anew, without any training in between."""
import numpy as np
import tensorflow as tf

x = tf.placeholder(tf.float32, [None, 3])
w = tf.Variable(tf.random_normal([3, 2], stddev=0.5))
y = tf.matmul(x, w)
sess = tf.InteractiveSession()
sess.run(tf.global_variables_initializer())
first = y.eval(feed_dict={x: np.ones([1, 3])})
print(first.shape)
largest = tf.reduce_max(y, axis=1)
sess.run(tf.global_variables_initializer())
second = largest.eval(feed_dict={x: np.ones([1, 3])})
print(second.shape, first.shape)
