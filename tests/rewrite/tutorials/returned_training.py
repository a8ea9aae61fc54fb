import numpy as np
import tensorflow as tf


def model(x):
    h = tf.layers.dense(x, 4, tf.nn.relu)
    return tf.layers.dense(h, 1)


def build_training(pred, y, lr):
    cost = tf.reduce_mean(tf.abs(pred - y))
    opt = tf.train.MomentumOptimizer(lr, 0.5)
    gvs = opt.compute_gradients(cost)
    capped = [(tf.clip_by_value(g, -1., 1.), v) for g, v in gvs]
    return cost, opt.apply_gradients(capped)


x = tf.placeholder(tf.float32, [None, 3])
y = tf.placeholder(tf.float32, [None, 1])
pred = model(x)
cost, op = build_training(pred, y, lr=0.05)
rng = np.random.RandomState(0)
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for i in range(4):
        a = rng.randn(5, 3)
        l, _ = sess.run([cost, op], {x: a, y: a[:, :1]})
        print("%.5f" % l)
