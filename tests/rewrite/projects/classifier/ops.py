# Layers over variables.
import tensorflow as tf


def linear(x, size, scope, stddev=0.1):
    """A layer of `size` units."""
    with tf.variable_scope(scope):
        w = tf.get_variable(
            "w", [x.get_shape()[-1], size], initializer=tf.truncated_normal_initializer(stddev=stddev)
        )
        b = tf.get_variable("b", [size], initializer=tf.zeros_initializer())
        return tf.matmul(x, w) + b


def leaky(x, slope=0.2):
    return tf.maximum(x, slope * x)
