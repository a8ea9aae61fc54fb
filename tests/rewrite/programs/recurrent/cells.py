import numpy as np
import tensorflow as tf

rng = np.random.RandomState(0)
n_steps, n_input, n_hidden = 5, 3, 4
x = tf.placeholder(tf.float32, [None, n_steps, n_input])
y = tf.placeholder(tf.float32, [None, 2])
lengths = tf.placeholder(tf.int32, [None])
def make_cell(size, keep=1.0):
    cell = tf.nn.rnn_cell.GRUCell(size)
    return tf.nn.rnn_cell.DropoutWrapper(cell, output_keep_prob=keep)

gru = tf.nn.rnn_cell.GRUCell(n_hidden)
outputs, state = tf.nn.dynamic_rnn(gru, x, sequence_length=lengths, dtype=tf.float32, scope="a")
cells = []
for i in range(2):
    cells.append(make_cell(n_hidden))
stack = tf.nn.rnn_cell.MultiRNNCell(cells)
deep, deep_state = tf.nn.dynamic_rnn(stack, x, sequence_length=lengths, dtype=tf.float32, scope="b")
peep = tf.nn.rnn_cell.LSTMCell(n_hidden, use_peepholes=True, cell_clip=0.3, activation=tf.nn.softsign, num_proj=3, proj_clip=0.2)
peeped, peep_state = tf.nn.dynamic_rnn(peep, x, dtype=tf.float32, scope="c")
joined = tf.nn.rnn_cell.BasicLSTMCell(n_hidden, state_is_tuple=False)
start = joined.zero_state(tf.shape(x)[0], tf.float32)
j, j_state = tf.nn.dynamic_rnn(joined, x, initial_state=start, scope="d")
resid = tf.nn.rnn_cell.ResidualWrapper(tf.nn.rnn_cell.GRUCell(3))
r, r_state = tf.nn.dynamic_rnn(resid, x, dtype=tf.float32, scope="e")
same = tf.nn.rnn_cell.GRUCell(n_input)
shared, shared_state = tf.nn.dynamic_rnn(tf.nn.rnn_cell.MultiRNNCell([same] * 2), x, dtype=tf.float32, scope="f")
features = tf.concat([state, deep[:, 3], deep_state[0], deep_state[1], peeped[:, -1], peep_state.c, j_state,
                      r[:, 1], r_state, shared[:, -1], shared_state[0], tf.reduce_sum(outputs, 1)], 1)
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
