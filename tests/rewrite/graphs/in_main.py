import numpy as np
import tensorflow as tf


def network(x, units):
    h = tf.layers.dense(x, units, activation=tf.nn.relu, name="fc1")
    return tf.layers.dense(h, 1, name="fc2")


def main():
    data = np.linspace(0, 1, 12).reshape(6, 2).astype(np.float32)
    with tf.Graph().as_default():
        x = tf.placeholder(tf.float32, [None, 2])
        y = network(x, 4)
        loss = tf.reduce_mean(tf.square(y - 1.0))
        train = tf.train.AdamOptimizer(0.01).minimize(loss)
        with tf.Session() as sess:
            sess.run(tf.global_variables_initializer())
            for _ in range(3):
                sess.run(train, {x: data})
            print("small", sess.run(loss, {x: data}))
    with tf.Graph().as_default():
        x = tf.placeholder(tf.float32, [None, 2])
        y = network(x, 16)
        loss = tf.reduce_mean(tf.square(y - 1.0))
        train = tf.train.AdamOptimizer(0.01).minimize(loss)
        with tf.Session() as sess:
            sess.run(tf.global_variables_initializer())
            for _ in range(3):
                sess.run(train, {x: data})
            print("large", sess.run(loss, {x: data}))


if __name__ == "__main__":
    main()
