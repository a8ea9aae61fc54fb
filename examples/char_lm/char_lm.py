"""Character language model: a stacked LSTM trained by truncated back-propagation through time.

The state at the end of one batch is fed as the initial state of the next, and after
training the network writes a few characters of its own.
"""
from __future__ import print_function

import numpy as np
import tensorflow as tf

TEXT = """
the wind went down to the water and the water went down to the sand
the sand lay still in the morning and the morning lay still on the land
the boats came in with the evening and the evening came in with the rain
the rain went down to the water and the wind went up again
""" * 6

tf.app.flags.DEFINE_integer("hidden_size", 32, "Units of each LSTM layer")
tf.app.flags.DEFINE_integer("num_layers", 2, "Number of LSTM layers")
tf.app.flags.DEFINE_integer("batch_size", 8, "Sequences in a batch")
tf.app.flags.DEFINE_integer("seq_length", 16, "Characters the gradient flows through")
tf.app.flags.DEFINE_integer("num_epochs", 5, "Passes over the text")
tf.app.flags.DEFINE_float("learning_rate", 0.02, "Learning rate of the first epoch")
tf.app.flags.DEFINE_float("decay_rate", 0.9, "Factor of the learning rate after each epoch")
tf.app.flags.DEFINE_float("grad_clip", 5.0, "Largest norm of the gradients")
FLAGS = tf.app.flags.FLAGS


class TextLoader(object):
    """Cuts the text into batches of consecutive pieces."""

    def __init__(self, text, batch_size, seq_length):
        self.chars = sorted(set(text))
        self.vocab_size = len(self.chars)
        self.vocab = dict(zip(self.chars, range(len(self.chars))))
        tensor = np.array([self.vocab[c] for c in text])
        self.num_batches = int(tensor.size / (batch_size * seq_length))
        tensor = tensor[:self.num_batches * batch_size * seq_length]
        targets = np.copy(tensor)
        targets[:-1] = tensor[1:]
        targets[-1] = tensor[0]
        self.x_batches = np.split(tensor.reshape(batch_size, -1), self.num_batches, 1)
        self.y_batches = np.split(targets.reshape(batch_size, -1), self.num_batches, 1)


def make_cell(hidden_size):
    return tf.nn.rnn_cell.BasicLSTMCell(hidden_size, forget_bias=1.0, state_is_tuple=True)


def main(_):
    loader = TextLoader(TEXT, FLAGS.batch_size, FLAGS.seq_length)
    vocab_size = loader.vocab_size
    print("%d characters, %d different, %d batches" % (len(TEXT), vocab_size, loader.num_batches))

    # Batch size and length are left open, so that one character can be fed when sampling.
    input_data = tf.placeholder(tf.int32, [None, None], name="input_data")
    targets = tf.placeholder(tf.int32, [None, None], name="targets")
    batch_size = tf.shape(input_data)[0]

    cell = tf.nn.rnn_cell.MultiRNNCell([make_cell(FLAGS.hidden_size) for _ in range(FLAGS.num_layers)])
    initial_state = cell.zero_state(batch_size, tf.float32)

    with tf.variable_scope("rnnlm"):
        softmax_w = tf.get_variable("softmax_w", [FLAGS.hidden_size, vocab_size])
        softmax_b = tf.get_variable("softmax_b", [vocab_size], initializer=tf.zeros_initializer())
        embedding = tf.get_variable("embedding", [vocab_size, FLAGS.hidden_size])
    inputs = tf.nn.embedding_lookup(embedding, input_data)

    outputs, final_state = tf.nn.dynamic_rnn(cell, inputs, initial_state=initial_state, scope="rnnlm")
    output = tf.reshape(outputs, [-1, FLAGS.hidden_size])
    logits = tf.matmul(output, softmax_w) + softmax_b
    probs = tf.nn.softmax(logits)

    loss = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=tf.reshape(targets, [-1]), logits=logits)
    cost = tf.reduce_mean(loss)

    lr = tf.Variable(0.0, trainable=False)
    tvars = tf.trainable_variables()
    grads, _ = tf.clip_by_global_norm(tf.gradients(cost, tvars), FLAGS.grad_clip)
    optimizer = tf.train.AdamOptimizer(lr)
    train_op = optimizer.apply_gradients(zip(grads, tvars))

    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for e in range(FLAGS.num_epochs):
            sess.run(tf.assign(lr, FLAGS.learning_rate * (FLAGS.decay_rate ** e)))
            state = sess.run(initial_state, {input_data: loader.x_batches[0]})
            total_loss = 0.0
            for x, y in zip(loader.x_batches, loader.y_batches):
                feed = {input_data: x, targets: y, initial_state: state}
                train_loss, state, _ = sess.run([cost, final_state, train_op], feed)
                total_loss += train_loss
            print("epoch %d: train_loss = %.4f, last = %.4f"
                  % (e, total_loss / loader.num_batches, train_loss))

        # Write on from a prime text, always taking the likeliest character.
        prime = "the "
        state = sess.run(initial_state, {input_data: np.zeros((1, 1))})
        for char in prime[:-1]:
            x = np.array([[loader.vocab[char]]])
            state = sess.run(final_state, {input_data: x, initial_state: state})
        ret, char = prime, prime[-1]
        for _ in range(24):
            x = np.array([[loader.vocab[char]]])
            p, state = sess.run([probs, final_state], {input_data: x, initial_state: state})
            char = loader.chars[int(np.argmax(p[0]))]
            ret += char
        print(repr(ret))


if __name__ == "__main__":
    tf.app.run()
