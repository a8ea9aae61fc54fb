""" A two-layer autoencoder.

The network compresses noisy sine waves of 48 samples to 4 numbers
and reconstructs them; the error of each reconstruction is reported at the end.
"""
from __future__ import division, print_function, absolute_import

import numpy as np
import tensorflow as tf

learning_rate = 0.01
num_steps = 120
batch_size = 64

display_step = 40
examples_to_show = 4

num_hidden_1 = 24
num_hidden_2 = 4  # size of the code
num_input = 48


def next_batch(size, rng):
    """Sine waves of random frequency and phase, scaled to [0, 1]."""
    frequency = rng.uniform(0.1, 0.5, (size, 1))
    phase = rng.uniform(0, 2 * np.pi, (size, 1))
    wave = np.sin(frequency * np.arange(num_input) + phase)
    return 0.5 + 0.4 * wave + 0.02 * rng.randn(size, num_input)


X = tf.placeholder(tf.float32, [None, num_input])


def add_layer(inputs, in_size, out_size, n_layer, activation_function=None):
    """Adds one layer with its own weights and returns its output."""
    layer_name = 'layer%s' % n_layer
    with tf.name_scope(layer_name):
        with tf.name_scope('weights'):
            Weights = tf.Variable(tf.random_normal([in_size, out_size], stddev=0.2), name='W')
        with tf.name_scope('biases'):
            biases = tf.Variable(tf.zeros([1, out_size]) + 0.1, name='b')
        with tf.name_scope('Wx_plus_b'):
            Wx_plus_b = tf.add(tf.matmul(inputs, Weights), biases)
        if activation_function is None:
            outputs = Wx_plus_b
        else:
            outputs = activation_function(Wx_plus_b)
        return outputs


def encoder(x):
    layer_1 = add_layer(x, num_input, num_hidden_1, 1, activation_function=tf.nn.sigmoid)
    layer_2 = add_layer(layer_1, num_hidden_1, num_hidden_2, 2, activation_function=tf.nn.tanh)
    return layer_2


def decoder(x):
    layer_1 = add_layer(x, num_hidden_2, num_hidden_1, 3, activation_function=tf.nn.sigmoid)
    layer_2 = add_layer(layer_1, num_hidden_1, num_input, 4)
    return layer_2


encoder_op = encoder(X)
decoder_op = decoder(encoder_op)

# The target of the reconstruction is the input itself.
y_pred = decoder_op
y_true = X

loss = tf.reduce_mean(tf.pow(y_true - y_pred, 2))
optimizer = tf.train.RMSPropOptimizer(learning_rate).minimize(loss)

init = tf.global_variables_initializer()

with tf.Session() as sess:
    sess.run(init)
    rng = np.random.RandomState(5)

    for i in range(1, num_steps + 1):
        batch_x = next_batch(batch_size, rng)

        _, l = sess.run([optimizer, loss], feed_dict={X: batch_x})
        if i % display_step == 0 or i == 1:
            print('step %i: minibatch loss %f' % (i, l))

    # Encode and decode waves that were not trained on.
    test_x = next_batch(examples_to_show, rng)
    codes, g = sess.run([encoder_op, decoder_op], feed_dict={X: test_x})
    for j in range(examples_to_show):
        error = np.mean((g[j] - test_x[j]) ** 2)
        print('Wave %d: code %s error %.5f' % (j, ' '.join('%+.3f' % v for v in codes[j]), error))
