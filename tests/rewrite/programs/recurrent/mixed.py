import numpy as np
import tensorflow as tf

rng = np.random.RandomState(0)
n_steps, n_input = 5, 3
sizes = [4, 4, 6]
x = tf.placeholder(tf.float32, [None, n_steps, n_input])
y = tf.placeholder(tf.float32, [None, 2])
lengths = tf.placeholder(tf.int32, [None])


def get_cell(kind, size):
    if kind == "gru":
        return tf.nn.rnn_cell.GRUCell(size)
    elif kind == "lstm":
        return tf.nn.rnn_cell.LSTMCell(size)
    raise ValueError(kind)


# layers in a loop, of different widths
h = x
for i, size in enumerate(sizes):
    with tf.variable_scope("layer_%d" % i):
        h, last = tf.nn.dynamic_rnn(get_cell("lstm", size), h, lengths, dtype=tf.float32)
# mixed stack
mixed = tf.nn.rnn_cell.MultiRNNCell([get_cell("gru", 3), get_cell("lstm", 2)])
m, (m0, m1) = tf.nn.dynamic_rnn(mixed, x, dtype=tf.float32)
# bidirectional stack, time major
fw = tf.nn.rnn_cell.MultiRNNCell([tf.nn.rnn_cell.LSTMCell(s) for s in sizes])
bw = tf.nn.rnn_cell.MultiRNNCell([tf.nn.rnn_cell.LSTMCell(s) for s in sizes])
xt = tf.transpose(x, [1, 0, 2])
(of, ob), (sf, sb) = tf.nn.bidirectional_dynamic_rnn(fw, bw, xt, time_major=True, sequence_length=lengths, dtype=tf.float32)
outs, st = tf.nn.bidirectional_dynamic_rnn(tf.nn.rnn_cell.LSTMCell(3), tf.nn.rnn_cell.LSTMCell(3), xt, time_major=True, dtype=tf.float32, scope="tm")
# encoder state starts the decoder
enc_cell = tf.nn.rnn_cell.LSTMCell(4)
_, enc_state = tf.nn.dynamic_rnn(enc_cell, x, sequence_length=lengths, dtype=tf.float32, scope="encoder")
dec_cell = tf.nn.rnn_cell.LSTMCell(4)
dec, _ = tf.nn.dynamic_rnn(dec_cell, x, initial_state=enc_state, scope="decoder")
one = tf.nn.rnn_cell.MultiRNNCell([tf.nn.rnn_cell.LSTMCell(2)])
o1, s1 = tf.nn.dynamic_rnn(one, x, dtype=tf.float32, scope="one")
features = tf.concat([h[:, -1], last.h, m[:, 1], m0, m1.c, of[-1], ob[0], sf[2].h, sb[-1][0], outs[0][1], st[1].h, dec[:, 2], s1[0].h, dec_cell.output_size * o1[:, 1]], 1)
logits = tf.layers.dense(features, 2)
loss = tf.reduce_mean(tf.square(logits - y))
train_op = tf.train.MomentumOptimizer(0.1, 0.9).minimize(loss)

with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for step in range(5):
        batch_x, batch_y = rng.randn(6, n_steps, n_input), rng.randn(6, 2)
        value, out, state, _ = sess.run([loss, features, enc_state, train_op],
                                 feed_dict={x: batch_x, y: batch_y, lengths: [0, 1, 2, 3, 5, 5]})
        print(step, "%.4f" % value, state.c.shape)
