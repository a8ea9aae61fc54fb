import numpy as np
import tensorflow as tf

rng = np.random.RandomState(0)
n_steps, n_input, n_hidden = 5, 3, 4
x = tf.placeholder(tf.float32, [None, n_steps, n_input])
y = tf.placeholder(tf.float32, [None, 2])
lengths = tf.placeholder(tf.int32, [None])
fw = tf.nn.rnn_cell.BasicLSTMCell(n_hidden)
bw = tf.nn.rnn_cell.BasicLSTMCell(n_hidden)
outputs, states = tf.nn.bidirectional_dynamic_rnn(fw, bw, x, dtype=tf.float32, sequence_length=lengths, scope="a")
both = tf.concat(outputs, 2)
(f1, b1), _ = tf.nn.bidirectional_dynamic_rnn(tf.nn.rnn_cell.LSTMCell(3), tf.nn.rnn_cell.LSTMCell(3), x, dtype=tf.float32, scope="b")
o2, _ = tf.nn.bidirectional_dynamic_rnn(tf.nn.rnn_cell.LSTMCell(3), tf.nn.rnn_cell.LSTMCell(3), x, dtype=tf.float32, scope="c")
(f3, b3), (s3, t3) = tf.nn.bidirectional_dynamic_rnn(tf.nn.rnn_cell.GRUCell(3), tf.nn.rnn_cell.LSTMCell(2), x, dtype=tf.float32, sequence_length=lengths, scope="d")
steps = tf.unstack(x, n_steps, 1)
st, st_state = tf.nn.static_rnn(tf.nn.rnn_cell.BasicLSTMCell(n_hidden), steps, dtype=tf.float32, scope="e")
st2, _ = tf.nn.static_rnn(tf.nn.rnn_cell.GRUCell(n_hidden), steps, dtype=tf.float32, scope="f")
st3, _, _ = tf.nn.static_bidirectional_rnn(tf.nn.rnn_cell.BasicLSTMCell(2), tf.nn.rnn_cell.BasicLSTMCell(2), steps, dtype=tf.float32, scope="g")
features = tf.concat([both[:, 0], states[0].h, states[1].c, f1[:, -1], b1[:, 0], o2[0][:, 1], o2[1][:, 2], f3[:, 1], b3[:, 1], s3, t3.c,
                      st[-1], st_state.c, st2[-1], st3[1]], 1)
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
