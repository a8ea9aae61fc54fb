"""A recurrent network on bare variables, with random draws of several kinds and two optimizers."""
import numpy as np
import tensorflow as tf

VOCABULARY, UNITS = 11, 6


def weight(shape):
    return tf.Variable(tf.truncated_normal(shape, stddev=0.4))


def main():
    weights = {"embedding": weight([VOCABULARY, UNITS]), "out": weight([UNITS, VOCABULARY])}
    shift = tf.Variable(tf.zeros([VOCABULARY]), name="shift")
    tokens = tf.placeholder(tf.int32, [None, 5])
    lengths = tf.placeholder(tf.int32, [None])
    inputs = tf.nn.embedding_lookup(weights["embedding"], tokens)
    inputs += 0.3 * tf.random_normal(tf.shape(inputs))
    cell = tf.nn.rnn_cell.DropoutWrapper(tf.nn.rnn_cell.BasicLSTMCell(UNITS), output_keep_prob=0.8)
    outputs, state = tf.nn.dynamic_rnn(cell, inputs, sequence_length=lengths, dtype=tf.float32)
    logits = tf.matmul(state.h, weights["out"]) + tf.stop_gradient(shift)
    order = tf.random_shuffle(tf.range(VOCABULARY))
    noise = tf.random_uniform([4], -1.0, 1.0)
    targets = tf.gather(order, tokens[:, 0])
    loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=targets, logits=logits))
    penalty = tf.reduce_sum(tf.square(shift - 0.1 * tf.reduce_mean(noise))) + tf.reduce_mean(tf.abs(outputs))
    body = [v for v in tf.trainable_variables() if v is not shift]
    dense = [tf.convert_to_tensor(g) for g in tf.gradients(loss, body)]
    grads, norm = tf.clip_by_global_norm(dense, 0.1)
    train_body = tf.train.AdamOptimizer(0.02).apply_gradients(zip(grads, body))
    train_shift = tf.train.GradientDescentOptimizer(0.1).minimize(penalty, var_list=[shift])

    rng = np.random.RandomState(2)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for step in range(6):
            feed = {tokens: rng.randint(0, VOCABULARY, [4, 5]), lengths: rng.randint(1, 6, 4)}
            _, value, size = sess.run([train_body, loss, norm], feed)
            _, cost, last = sess.run([train_shift, penalty, state], feed)
            print("step %d loss %.5f norm %.5f penalty %.5f" % (step, value, size, cost))


if __name__ == "__main__":
    main()
