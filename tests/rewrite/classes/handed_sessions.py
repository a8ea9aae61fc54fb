import numpy as np
import tensorflow as tf


class QNet(object):
    def __init__(self, n_in, n_out, scope):
        self.scope = scope
        self.state = tf.placeholder(tf.float32, [None, n_in])
        with tf.variable_scope(scope):
            h = tf.layers.dense(self.state, 6, activation=tf.nn.relu)
            self.q = tf.layers.dense(h, n_out)
        self.target = tf.placeholder(tf.float32, [None, n_out])
        self.loss = tf.reduce_mean(tf.square(self.target - self.q))
        self.train = tf.train.RMSPropOptimizer(0.01).minimize(self.loss)

    def predict(self, sess, s):
        return sess.run(self.q, {self.state: s})

    def update(self, sess, s, t):
        _, loss = sess.run([self.train, self.loss], {self.state: s, self.target: t})
        return loss


TAU = 0.25
online = QNet(3, 2, "online")
slow = QNet(3, 2, "slow")
online_vars = tf.trainable_variables("online")
slow_vars = tf.trainable_variables("slow")
soft = [tf.assign(t, t * (1.0 - TAU) + TAU * e) for t, e in zip(slow_vars, online_vars)]
rng = np.random.RandomState(0)
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for i in range(6):
        s = rng.randn(4, 3)
        q = slow.predict(sess, s)
        print(i, "%.5f" % online.update(sess, s, 0.9 * q + s[:, :2]), q[0])
        sess.run(soft)
