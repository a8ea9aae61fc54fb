"""The network."""
import tensorflow as tf

from ops import *


class Classifier(object):
    """Two layers and a loss."""

    def __init__(self, inputs, hidden, classes):
        self.x = tf.placeholder(tf.float32, [None, inputs], name="x")
        self.y = tf.placeholder(tf.int64, [None], name="y")
        h = leaky(linear(self.x, hidden, "hidden"))
        self.logits = linear(h, classes, "out")
        self.loss = tf.reduce_mean(
            tf.nn.sparse_softmax_cross_entropy_with_logits(labels=self.y, logits=self.logits)
        )
        self.correct = tf.reduce_mean(tf.cast(tf.equal(tf.argmax(self.logits, 1), self.y), tf.float32))
