import numpy as np
import tensorflow as tf

x = tf.placeholder(tf.float32, [None, 3])
y = tf.layers.dense(x, 2)
loss = tf.reduce_mean(tf.square(y - 1.0))
train = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
init = tf.global_variables_initializer()
d = np.ones((2, 3))
for run in range(2):
    with tf.Session() as sess:
        sess.run(init)
        for i in range(3):
            _, l = sess.run([train, loss], {x: d * (i + 1)})
            print(run, i, "%.5f" % l)
