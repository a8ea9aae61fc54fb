"""Tell rising sequences from wandering ones with an LSTM that stops at each sequence's end.

Sequences have different lengths and are padded with zeros; `sequence_length` keeps the
padding out of the calculation.
"""
from __future__ import print_function

import random

import tensorflow as tf


class SequenceData(object):
    """Padded sequences, one-hot labels and true lengths, served in turn."""

    def __init__(self, n_samples, max_len, min_len=3):
        self.data = []
        self.labels = []
        self.lengths = []
        for _ in range(n_samples):
            length = random.randint(min_len, max_len)
            value = random.uniform(-0.5, 0.5)
            rising = random.random() < 0.5
            sequence = []
            for _ in range(length):
                sequence.append([value])
                value += random.uniform(0.05, 0.25) if rising else random.uniform(-0.4, 0.4)
            # All rows of one array must be equally long.
            sequence += [[0.]] * (max_len - length)
            self.data.append(sequence)
            self.labels.append([1., 0.] if rising else [0., 1.])
            self.lengths.append(length)
        self.position = 0

    def next(self, batch_size):
        if self.position >= len(self.data):
            self.position = 0
        start = self.position
        end = min(start + batch_size, len(self.data))
        self.position = end
        return self.data[start:end], self.labels[start:end], self.lengths[start:end]


random.seed(3)
learning_rate = 0.5
training_steps = 60
batch_size = 64
display_step = 20

max_len = 12
n_hidden = 24
n_classes = 2

trainset = SequenceData(n_samples=300, max_len=max_len)
testset = SequenceData(n_samples=200, max_len=max_len)

x = tf.placeholder("float", [None, max_len, 1])
y = tf.placeholder("float", [None, n_classes])
seqlen = tf.placeholder(tf.int32, [None])

weights = {
    'out': tf.Variable(tf.random_normal([n_hidden, n_classes], stddev=0.3))
}
biases = {
    'out': tf.Variable(tf.constant(0.1, shape=[n_classes]))
}


def dynamic_lstm(x, seqlen, weights, biases):
    """Class scores from the output at the last true position of each sequence."""
    lstm_cell = tf.nn.rnn_cell.BasicLSTMCell(n_hidden)
    outputs, states = tf.nn.dynamic_rnn(lstm_cell, x, dtype=tf.float32,
                                        sequence_length=seqlen)

    # Row b of the flattened outputs starts at b * max_len; its last true output is seqlen - 1 further.
    n_rows = tf.shape(outputs)[0]
    index = tf.range(0, n_rows) * max_len + (seqlen - 1)
    last = tf.gather(tf.reshape(outputs, [-1, n_hidden]), index)
    return tf.matmul(last, weights['out']) + biases['out']


pred = dynamic_lstm(x, seqlen, weights, biases)

cost = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(logits=pred, labels=y))
optimizer = tf.train.GradientDescentOptimizer(learning_rate=learning_rate).minimize(cost)

correct_pred = tf.equal(tf.argmax(pred, 1), tf.argmax(y, 1))
accuracy = tf.reduce_mean(tf.cast(correct_pred, tf.float32))

init = tf.global_variables_initializer()

with tf.Session() as sess:
    sess.run(init)

    for step in range(1, training_steps + 1):
        batch_x, batch_y, batch_seqlen = trainset.next(batch_size)
        sess.run(optimizer, feed_dict={x: batch_x, y: batch_y,
                                       seqlen: batch_seqlen})
        if step % display_step == 0 or step == 1:
            acc, loss = sess.run([accuracy, cost], feed_dict={x: batch_x, y: batch_y,
                                                              seqlen: batch_seqlen})
            print("Step " + str(step) + ", minibatch loss " +
                  "{:.6f}".format(loss) + ", accuracy " +
                  "{:.5f}".format(acc))

    print("Test accuracy: %.5f" %
          sess.run(accuracy, feed_dict={x: testset.data, y: testset.labels,
                                        seqlen: testset.lengths}))
