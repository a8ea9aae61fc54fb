"""A generative adversarial network learns to draw points on two half circles.

Two optimizers share one graph; each moves only the variables of its own network.
"""
from __future__ import division, print_function

import numpy as np
import tensorflow as tf

num_steps = 60
batch_size = 64
noise_dim = 8
hidden_dim = 32
data_dim = 2

tf.set_random_seed(1234)
rng = np.random.RandomState(42)


def sample_data(n):
    """Points of two half circles, the second one shifted."""
    angle = rng.uniform(0, np.pi, n)
    side = rng.randint(0, 2, n)
    x = np.cos(angle) * (1 - 2 * side) + side
    y = np.sin(angle) * (1 - 2 * side) + 0.5 * side
    return np.stack([x, y], axis=1) + 0.05 * rng.randn(n, 2)


def he_normal(fan_in, fan_out):
    # The spread that keeps the variance of a rectified layer.
    return tf.random_normal(shape=[fan_in, fan_out], stddev=tf.sqrt(2. / fan_in))


G_W1 = tf.Variable(he_normal(noise_dim, hidden_dim), name="G_W1")
G_b1 = tf.Variable(tf.zeros([hidden_dim]), name="G_b1")
G_W2 = tf.Variable(he_normal(hidden_dim, data_dim), name="G_W2")
G_b2 = tf.Variable(tf.zeros(shape=[data_dim]), name="G_b2")
theta_G = [G_W1, G_W2, G_b1, G_b2]

D_W1 = tf.Variable(he_normal(data_dim, hidden_dim), name="D_W1")
D_b1 = tf.Variable(tf.zeros([hidden_dim]), name="D_b1")
D_W2 = tf.Variable(he_normal(hidden_dim, 1), name="D_W2")
D_b2 = tf.Variable(tf.zeros(shape=[1]), name="D_b2")
theta_D = [D_W1, D_W2, D_b1, D_b2]


def generator(z):
    G_h1 = tf.nn.relu(tf.matmul(z, G_W1) + G_b1)
    return tf.matmul(G_h1, G_W2) + G_b2


def discriminator(x):
    """Probability that x is real, and the logit it comes from."""
    D_h1 = tf.nn.leaky_relu(tf.matmul(x, D_W1) + D_b1, alpha=0.1)
    D_logit = tf.matmul(D_h1, D_W2) + D_b2
    D_prob = tf.nn.sigmoid(D_logit)
    return D_prob, D_logit


X = tf.placeholder(tf.float32, shape=[None, data_dim], name='X')
Z = tf.placeholder(tf.float32, shape=[None, noise_dim], name='Z')

G_sample = generator(Z)
D_real, D_logit_real = discriminator(X)
D_fake, D_logit_fake = discriminator(G_sample)

# Real points should be called 1 and drawn ones 0; the generator wants the opposite for its own.
D_loss_real = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(
    logits=D_logit_real, labels=tf.ones_like(D_logit_real)))
D_loss_fake = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(
    logits=D_logit_fake, labels=tf.zeros_like(D_logit_fake)))
D_loss = D_loss_real + D_loss_fake
G_loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(
    logits=D_logit_fake, labels=tf.ones_like(D_logit_fake)))

# Each loss depends on both networks, so the variables have to be named.
D_solver = tf.train.AdamOptimizer(learning_rate=0.002, beta1=0.5).minimize(D_loss, var_list=theta_D)
G_solver = tf.train.AdamOptimizer(learning_rate=0.001).minimize(G_loss, var_list=theta_G)

with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())

    for it in range(num_steps):
        X_mb = sample_data(batch_size)
        Z_mb = rng.uniform(-1., 1., size=[batch_size, noise_dim])

        # The discriminator goes first, then the generator, from the same noise.
        _, D_loss_curr = sess.run([D_solver, D_loss], feed_dict={X: X_mb, Z: Z_mb})
        _, G_loss_curr = sess.run([G_solver, G_loss], feed_dict={Z: Z_mb})

        if it % 20 == 0:
            real, fake = sess.run([tf.reduce_mean(D_real), tf.reduce_mean(D_fake)], feed_dict={X: X_mb, Z: Z_mb})
            print('Iter: %d  D loss: %.5f  G loss: %.5f  D(real): %.4f  D(fake): %.4f'
                  % (it, D_loss_curr, G_loss_curr, real, fake))

    samples = sess.run(G_sample, feed_dict={Z: rng.uniform(-1., 1., size=[200, noise_dim])})
    print('Mean of the samples: (%.4f, %.4f)' % tuple(samples.mean(axis=0)))
    print('Their deviation:     (%.4f, %.4f)' % tuple(samples.std(axis=0)))
