import tensorflow as tf


def fully_connected(x, size, scope, activation=tf.nn.relu):
    with tf.variable_scope(scope):
        inputs = x.get_shape().as_list()[-1]
        w = tf.get_variable("w", [inputs, size])
        b = tf.get_variable("b", [size], initializer=tf.constant_initializer(0.1))
        y = tf.matmul(x, w) + b
        return y if activation is None else activation(y)
