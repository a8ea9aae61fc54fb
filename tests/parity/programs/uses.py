"""A regression whose fetched values go into lists, sums, arrays, results and decisions."""

import numpy as np
import tensorflow as tf

rng = np.random.RandomState(1)
xs = rng.rand(64, 3).astype(np.float32)
ys = xs.dot([[1.0], [2.0], [-1.0]]).astype(np.float32)

x = tf.placeholder(tf.float32, [None, 3])
y = tf.placeholder(tf.float32, [None, 1])
w = tf.Variable(tf.random_normal([3, 1], seed=1), name="w")
b = tf.Variable(tf.zeros([1]), name="b")
pred = tf.matmul(x, w) + b
loss = tf.reduce_mean(tf.square(pred - y), name="loss")
near = tf.reduce_mean(tf.cast(tf.abs(pred - y) < 0.5, tf.float32))
step = tf.train.get_or_create_global_step()
train = tf.train.GradientDescentOptimizer(0.1).minimize(loss, global_step=step)
everything = {x: xs, y: ys}


def evaluate(sess, data, labels):
    return sess.run(loss, feed_dict={x: data, y: labels})


def both(sess):
    return sess.run([loss, near], feed_dict=everything)


losses = []
history = {"loss": [], "near": []}
best = np.zeros(4)
total = 0.0
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for i in range(4):
        for j in range(4):
            feed = {x: xs[j * 16 : j * 16 + 16], y: ys[j * 16 : j * 16 + 16]}
            sess.run(train, feed_dict=feed)
            losses.append(sess.run(loss, feed_dict=feed))
            total += sess.run("loss:0", feed_dict=feed)
        best[i] = sess.run(near, feed_dict=everything)
        history["loss"].append(evaluate(sess, xs, ys))
        history["near"].append(both(sess)[1])
        print("epoch %d: %.1f" % (i, near.eval(everything)))
        l, share = sess.run([loss, near], feed_dict=everything)
        print("%.1f %.1f" % (l, share))
        if sess.run(loss, everything) < 0.28:
            break
    np.save("pred.npy", np.concatenate([sess.run(pred, {x: xs[k : k + 8]}) for k in range(0, 64, 8)]))
    print("steps", sess.run(step))
