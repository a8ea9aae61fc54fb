import numpy as np
import tensorflow as tf

rng = np.random.RandomState(0)
n_steps, n_input, n_hidden = 5, 3, 4
x = tf.placeholder(tf.float32, [None, n_steps, n_input])
y = tf.placeholder(tf.float32, [None, 2])
lengths = tf.placeholder(tf.int32, [None])
lstm = tf.nn.rnn_cell.BasicLSTMCell(n_hidden)
state = lstm.zero_state(6, tf.float32)
outputs = []
with tf.variable_scope("RNN"):
    for t in range(n_steps):
        if t > 0:
            tf.get_variable_scope().reuse_variables()
        output, state = lstm(x[:, t, :], state)
        outputs.append(output)
stack = tf.nn.rnn_cell.MultiRNNCell([tf.nn.rnn_cell.GRUCell(3), tf.nn.rnn_cell.LSTMCell(2)])
s = stack.zero_state(batch_size=6, dtype=tf.float32)
with tf.variable_scope("other"):
    for t in range(n_steps):
        o, s = stack(x[:, t], s)
h = x
for i in range(2):
    with tf.variable_scope("layer_%d" % i):
        inner = tf.nn.rnn_cell.LSTMCell(n_input)
        h, _ = tf.nn.dynamic_rnn(inner, h, dtype=tf.float32)
given = tf.nn.rnn_cell.LSTMStateTuple(tf.ones([6, 2]), x[:, 0, :2])
g, g_state = tf.nn.dynamic_rnn(tf.nn.rnn_cell.LSTMCell(2), x, initial_state=given, scope="given")
features = tf.concat([outputs[-1], state.c, o, s[0], s[1].h, h[:, -1], g[:, 1], g_state.c], 1)
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
