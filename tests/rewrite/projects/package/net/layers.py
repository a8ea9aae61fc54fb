import tensorflow as tf
import random as chance


def dense(x, size, name):
    return tf.layers.dense(x, size, name=name)


def block(x, size, name):
    with tf.variable_scope(name):
        y = tf.nn.relu(dense(x, size, "inner"))
        return x + dense(y, int(x.shape[-1]), "outer")


if __name__ == "__main__":
    print(chance.random())
