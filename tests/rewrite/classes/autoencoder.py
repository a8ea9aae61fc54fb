"""A graph class made under the guard, used by functions of the module, with lists of layers."""
import numpy as np
import tensorflow as tf


def dense(x, units, activation=None, scope='dense'):
    with tf.variable_scope(scope):
        w = tf.get_variable('w', [x.get_shape().as_list()[-1], units],
                            initializer=tf.random_normal_initializer(0, 0.3))
        b = tf.get_variable('b', [units], initializer=tf.zeros_initializer())
        out = tf.nn.xw_plus_b(x, w, b)
        return activation(out) if activation is not None else out


class AutoEncoder:
    """Encoder and decoder with mirrored sizes."""

    def __init__(self, sizes, lr):
        self.lr = lr
        self.sizes = sizes
        self.x = tf.placeholder(tf.float32, [None, sizes[0]], name='x')
        self.noise = tf.placeholder_with_default(0.0, [], name='noise')
        self.code = self.encode(self.x + self.noise * tf.sign(self.x))
        self.output = self.decode(self.code)
        self.cost = tf.reduce_mean(tf.square(self.output - self.x))
        self.optimizer = tf.train.AdagradOptimizer(self.lr)
        self.train_op = self.optimizer.minimize(self.cost)

    def encode(self, x):
        with tf.variable_scope('encoder'):
            for i, n in enumerate(self.sizes[1:]):
                x = dense(x, n, tf.nn.tanh, scope='layer_%d' % i)
        return x

    def decode(self, z):
        with tf.variable_scope('decoder'):
            hidden = dense(z, 6, tf.nn.relu, 'hidden')
            return dense(hidden, self.sizes[0], scope='out')


def run_epoch(sess, model, data):
    total = 0.0
    for row in range(0, len(data), 4):
        _, cost = sess.run([model.train_op, model.cost], feed_dict={model.x: data[row:row + 4], model.noise: 0.1})
        total += cost
    return total


def codes(sess, net, data):
    return sess.run(net.code, {net.x: data})


if __name__ == '__main__':
    np.random.seed(3)
    data = np.random.rand(16, 7)
    ae = AutoEncoder([7, 5, 3], lr=0.1)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for epoch in range(4):
            print(epoch, run_epoch(sess, ae, data))
        print(codes(sess, ae, data).mean(axis=0))
        print(sess.run(ae.output, {ae.x: data[:1]}))
