import numpy as np
import tensorflow as tf

rng = np.random.RandomState(0)
n_steps, n_input, n_hidden, n_layers = 5, 3, 4, 2
x = tf.placeholder(tf.float32, [None, n_steps, n_input])
y = tf.placeholder(tf.float32, [None, 2])
keep_prob = tf.placeholder(tf.float32)


def lstm_cell(keep):
    cell = tf.nn.rnn_cell.BasicLSTMCell(n_hidden, forget_bias=0.0)
    return tf.nn.rnn_cell.DropoutWrapper(cell, input_keep_prob=1.0, output_keep_prob=keep)


def network(inputs):
    # the stack
    cells = tf.nn.rnn_cell.MultiRNNCell([lstm_cell(keep_prob) for _ in range(n_layers)])
    init = cells.zero_state(tf.shape(inputs)[0], tf.float32)
    outputs, final = tf.nn.dynamic_rnn(cells, inputs, initial_state=init, time_major=False)
    return outputs[:, -1, :], final[-1][1]


def encode(seq, size):
    uniform = tf.random_uniform_initializer(-0.1, 0.1)
    cell = tf.nn.rnn_cell.LSTMCell(size, initializer=uniform)
    out, (c, h) = tf.nn.dynamic_rnn(cell, seq, dtype=tf.float32)
    return out, h


def model(inputs, reuse):
    with tf.variable_scope("model", reuse=reuse):
        lstm = tf.nn.rnn_cell.BasicLSTMCell(3)
        outputs, _ = tf.nn.dynamic_rnn(lstm, inputs, dtype=tf.float32)
        return tf.layers.dense(outputs[:, -1], 2, name="out")


last, h = network(x)
with tf.variable_scope("enc"):
    encoded, he = encode(x, n_hidden)
with tf.variable_scope("g", initializer=tf.truncated_normal_initializer(stddev=0.1)):
    gru, hg = tf.nn.dynamic_rnn(tf.nn.rnn_cell.GRUCell(6), encoded, dtype=tf.float32)
logits = model(x, False) + model(x * 2.0, True)
logits += tf.layers.dense(tf.concat([last, h, he, hg], 1), 2)
loss = tf.reduce_mean(tf.square(logits - y))
optimizer = tf.train.AdamOptimizer(0.01)
train_op = optimizer.minimize(loss)

with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for step in range(3):
        batch_x, batch_y = rng.randn(6, n_steps, n_input), rng.randn(6, 2)
        feed = {x: batch_x, y: batch_y, keep_prob: 1.0}
        value, _ = sess.run([loss, train_op], feed_dict=feed)
        print(step, "%.4f" % value)
    print("%.3f" % sess.run(loss, {x: batch_x, y: batch_y, keep_prob: 1.0}))
