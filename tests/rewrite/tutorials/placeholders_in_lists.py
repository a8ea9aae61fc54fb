import numpy as np
import tensorflow as tf


def inputs():
    return tf.placeholder(tf.float32, [None, 3]), tf.placeholder(tf.float32, [None, 1])


ph = {"x": tf.placeholder(tf.float32, [None, 3]), "keep": tf.placeholder(tf.float32)}
xs = [tf.placeholder(tf.float32, [None, 2]), tf.placeholder(tf.float32, [None, 2])]
a, b = inputs()
w = tf.Variable(tf.ones([3, 1]))
y = tf.matmul(ph["x"], w) * ph["keep"] + tf.matmul(a, w) - b
t = tf.add_n([tf.reduce_sum(v) for v in xs])
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    d = np.ones((2, 3))
    print(sess.run(y, {ph["x"]: d, ph["keep"]: 0.5, a: d, b: d[:, :1]}))
    print(sess.run(t, {xs[0]: d[:, :2], xs[1]: d[:, 1:]}))



def model_inputs(width):
    """Placeholders of a helper."""
    input_ = tf.placeholder(tf.float32, [None, width], name="input")
    targets = tf.placeholder(tf.float32, [None, 1], name="targets")
    rate = tf.placeholder(tf.float32, name="learning_rate")
    return input_, targets, rate


input_data, targets, lr = model_inputs(3)
cost = tf.reduce_mean(tf.square(tf.layers.dense(input_data, 1) - targets))
train_op = tf.train.GradientDescentOptimizer(lr).minimize(cost)
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for i in range(3):
        c, _ = sess.run([cost, train_op], {input_data: d, targets: d[:, :1] * i, lr: 0.1})
        print("%.5f" % c)
