import numpy as np
import tensorflow as tf

rng = np.random.RandomState(0)
n_steps, n_input, n_hidden = 5, 3, 4
x = tf.placeholder(tf.float32, [None, n_steps, n_input])
y = tf.placeholder(tf.float32, [None, 2])
lengths = tf.placeholder(tf.int32, [None])
# an LSTM with lengths
lstm_cell = tf.nn.rnn_cell.LSTMCell(n_hidden, forget_bias=0.5)
outputs, state = tf.nn.dynamic_rnn(lstm_cell, x, sequence_length=lengths, dtype=tf.float32, scope="a")
# only its outputs
cell = tf.nn.rnn_cell.BasicLSTMCell(num_units=n_hidden)
plain, _ = tf.nn.dynamic_rnn(cell, x, dtype=tf.float32, scope="b")
# simple cells
rnn_cell = tf.nn.rnn_cell.BasicRNNCell(n_hidden, activation=tf.nn.relu)
simple, simple_state = tf.nn.dynamic_rnn(rnn_cell, x, sequence_length=lengths, dtype=tf.float32, scope="c")
simple2, simple_state2 = tf.nn.dynamic_rnn(tf.nn.rnn_cell.BasicRNNCell(7), tf.transpose(x, [1, 0, 2]), dtype=tf.float32, time_major=True, scope="d")
# a stack
n_layers = 2
stack = tf.nn.rnn_cell.MultiRNNCell([tf.nn.rnn_cell.BasicLSTMCell(n_hidden) for _ in range(n_layers)])
deep, deep_state = tf.nn.dynamic_rnn(stack, x, dtype=tf.float32, scope="e")
# projected
proj = tf.nn.rnn_cell.LSTMCell(n_hidden, num_proj=2)
projected, projected_state = tf.nn.dynamic_rnn(proj, x, lengths, dtype=tf.float32, scope="f")
(c, h) = projected_state
features = tf.concat([state.h, state[0], plain[:, -1], simple_state, simple_state2, deep_state[-1].h,
                      deep_state[0][0], projected[:, 2], c, h, tf.reduce_sum(outputs, 1)], 1)
logits = tf.layers.dense(features, 2)
loss = tf.reduce_mean(tf.square(logits - y))
train_op = tf.train.GradientDescentOptimizer(0.5).minimize(loss)

with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for step in range(5):
        batch_x, batch_y = rng.randn(6, n_steps, n_input), rng.randn(6, 2)
        value, out, _ = sess.run([loss, features, train_op],
                                 feed_dict={x: batch_x, y: batch_y, lengths: [0, 1, 2, 3, 5, 5]})
        print(step, "%.4f" % value)
