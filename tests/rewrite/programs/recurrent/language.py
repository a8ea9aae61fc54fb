# The state of a batch is fed as the initial state of the next.
import numpy as np
import tensorflow as tf

flags = tf.app.flags
flags.DEFINE_integer("layers", 2, "layers")
FLAGS = flags.FLAGS
batch_size, num_steps, size, vocab = 4, 3, 5, 9
num_layers = 2


def old(inputs):
    lstm_cell = tf.nn.rnn_cell.BasicLSTMCell(size, forget_bias=0.0, state_is_tuple=False)
    cell = tf.nn.rnn_cell.MultiRNNCell([lstm_cell] * num_layers, state_is_tuple=False)
    outputs = []
    state = cell.zero_state(batch_size, tf.float32)
    with tf.variable_scope("old"):
        for time_step in range(num_steps):
            if time_step > 0:
                tf.get_variable_scope().reuse_variables()
            (cell_output, state) = cell(inputs[:, time_step, :], state)
            outputs.append(cell_output)
    return outputs


def main(_):
    input_data = tf.placeholder(tf.int32, [batch_size, num_steps])
    targets = tf.placeholder(tf.int32, [batch_size, num_steps])
    embedding = tf.get_variable("embedding", [vocab, size])
    inputs = tf.nn.embedding_lookup(embedding, input_data)

    cells = []
    for _ in range(FLAGS.layers):
        cell = tf.nn.rnn_cell.GRUCell(size)
        cells.append(cell)
    stack = tf.nn.rnn_cell.MultiRNNCell(cells)
    initial_state = stack.zero_state(batch_size, tf.float32)
    outputs, final_state = tf.nn.dynamic_rnn(stack, inputs, initial_state=initial_state)
    joined = tf.concat([tf.reshape(tf.concat(old(inputs), 1), [-1, size]),
                        tf.reshape(outputs, [-1, size])], 1)
    logits = tf.layers.dense(joined, vocab)
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
        labels=tf.reshape(targets, [-1]), logits=logits)
    cost = tf.reduce_sum(losses) / batch_size
    tvars = tf.trainable_variables()
    grads, norm = tf.clip_by_global_norm(tf.gradients(cost, tvars), 0.5)
    train = tf.train.GradientDescentOptimizer(0.5).apply_gradients(zip(grads, tvars))
    rng = np.random.RandomState(1)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        state = sess.run(initial_state)
        for i in range(4):
            b = rng.randint(0, vocab, (batch_size, num_steps + 1))
            feed = {input_data: b[:, :-1], targets: b[:, 1:], initial_state: state}
            c, state, _ = sess.run([cost, final_state, train], feed)
            print(i, "%.4f" % c, len(state), state[0].shape)


if __name__ == "__main__":
    tf.app.run()
