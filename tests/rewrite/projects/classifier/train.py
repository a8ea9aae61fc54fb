#!/usr/bin/env python
"""Trains the classifier."""
import numpy as np
import tensorflow as tf

import data
from model import Classifier

EPOCHS = 2


def main():
    np.random.seed(3)
    tf.set_random_seed(3)
    points, labels = data.make(60, 1)
    net = Classifier(4, 16, 3)
    train_op = tf.train.MomentumOptimizer(0.1, 0.9).minimize(net.loss)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for epoch in range(EPOCHS):
            for x, y in data.batches(points, labels, 20):
                loss, _ = sess.run([net.loss, train_op], {net.x: x, net.y: y})
                print("loss %.4f" % loss)
        print("correct", sess.run(net.correct, feed_dict={net.x: points, net.y: labels}))


if __name__ == "__main__":
    main()
