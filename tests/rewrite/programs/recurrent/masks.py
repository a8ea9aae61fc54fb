import numpy as np
import tensorflow as tf

rng = np.random.RandomState(0)
n_steps, n_input, n_hidden = 5, 3, 4
x = tf.placeholder(tf.float32, [None, n_steps, n_input])
y = tf.placeholder(tf.float32, [None, 2])
lengths = tf.placeholder(tf.int32, [None])
keep = tf.placeholder(tf.float32)
cell = tf.nn.rnn_cell.DropoutWrapper(tf.nn.rnn_cell.LSTMCell(n_hidden), input_keep_prob=0.8, output_keep_prob=keep, state_keep_prob=0.9)
outputs, state = tf.nn.static_rnn(cell, tf.unstack(x, n_steps, 1), dtype=tf.float32)
gru = tf.nn.rnn_cell.DropoutWrapper(tf.nn.rnn_cell.GRUCell(n_hidden), output_keep_prob=0.5)
o2, s2 = tf.nn.static_rnn(gru, tf.unstack(x, n_steps, 1), dtype=tf.float32, scope="g")
features = tf.concat([outputs[-1], outputs[1], state.c, state.h, o2[0], o2[-1], s2], 1)
logits = tf.layers.dense(features, 2)
loss = tf.reduce_mean(tf.square(logits - y))
train_op = tf.train.GradientDescentOptimizer(0.5).minimize(loss)

with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for step in range(5):
        batch_x, batch_y = rng.randn(6, n_steps, n_input), rng.randn(6, 2)
        value, out, _ = sess.run([loss, features, train_op],
                                 feed_dict={x: batch_x, y: batch_y, keep: 0.7})
        print(step, "%.4f" % value)
