"""Variational auto-encoder of small binary pictures (rectangles on a 12x12 grid).

Kingma & Welling, "Auto-Encoding Variational Bayes", ICLR 2014.
"""
import argparse

import numpy as np
import tensorflow as tf

SIDE = 12
NUM_PIXELS = SIDE * SIDE


def rectangles(count, seed):
    """Pictures of one filled rectangle each, as rows of 144 zeros and ones."""
    rng = np.random.RandomState(seed)
    pictures = np.zeros((count, SIDE, SIDE), np.float32)
    for picture in pictures:
        top, left = rng.randint(0, SIDE - 4, 2)
        height, width = rng.randint(3, 8, 2)
        picture[top:top + height, left:left + width] = 1.0
    return pictures.reshape(count, NUM_PIXELS)


def gaussian_encoder(x, n_hidden, n_output):
    """q(z|x): mean and standard deviation of the latent code."""
    with tf.variable_scope("gaussian_encoder"):
        # initializers
        w_init = tf.variance_scaling_initializer(scale=2.0)
        b_init = tf.constant_initializer(0.)

        # 1st hidden layer
        w0 = tf.get_variable('w0', [x.get_shape()[1], n_hidden], initializer=w_init)
        b0 = tf.get_variable('b0', [n_hidden], initializer=b_init)
        h0 = tf.nn.elu(tf.matmul(x, w0) + b0)

        # output layer
        wo = tf.get_variable('wo', [h0.get_shape()[1], n_output * 2], initializer=w_init)
        bo = tf.get_variable('bo', [n_output * 2], initializer=b_init)
        gaussian_params = tf.matmul(h0, wo) + bo

        # The mean parameter is unconstrained, the standard deviation must be positive.
        mean = gaussian_params[:, :n_output]
        stddev = 1e-6 + tf.nn.softplus(gaussian_params[:, n_output:])
    return mean, stddev


def bernoulli_decoder(z, n_hidden, n_output, reuse=False):
    """p(x|z): probability of each pixel."""
    with tf.variable_scope("bernoulli_decoder", reuse=reuse):
        h0 = tf.layers.dense(z, n_hidden, activation=tf.nn.tanh, name="h0")
        y = tf.layers.dense(h0, n_output, activation=tf.sigmoid, name="out")
    return y


def autoencoder(x, dim_z, n_hidden):
    """Returns the reconstruction, the code and the three loss terms."""
    mu, sigma = gaussian_encoder(x, n_hidden, dim_z)

    # sampling by re-parameterization technique
    z = mu + sigma * tf.random_normal(tf.shape(mu), 0, 1, dtype=tf.float32)

    y = bernoulli_decoder(z, n_hidden, NUM_PIXELS)
    y = tf.clip_by_value(y, 1e-8, 1 - 1e-7)

    marginal_likelihood = tf.reduce_sum(x * tf.log(y) + (1 - x) * tf.log(1 - y), 1)
    KL_divergence = 0.5 * tf.reduce_sum(
        tf.square(mu) + tf.square(sigma) - tf.log(1e-8 + tf.square(sigma)) - 1, 1)

    marginal_likelihood = tf.reduce_mean(marginal_likelihood)
    KL_divergence = tf.reduce_mean(KL_divergence)
    loss = KL_divergence - marginal_likelihood
    return y, z, loss, -marginal_likelihood, KL_divergence


def main(args):
    train_data = rectangles(600, seed=21)
    n_samples = len(train_data)
    total_batch = n_samples // args.batch_size

    x = tf.placeholder(tf.float32, shape=[None, NUM_PIXELS], name='target_img')
    z_in = tf.placeholder(tf.float32, shape=[None, args.dim_z], name='latent_variable')

    y, z, loss, neg_marginal_likelihood, KL_divergence = autoencoder(x, args.dim_z, args.n_hidden)
    # Pictures from codes of one's own choice
    decoded = bernoulli_decoder(z_in, args.n_hidden, NUM_PIXELS, reuse=True)

    train_op = tf.train.AdamOptimizer(args.learn_rate).minimize(loss)

    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        np.random.seed(0)
        for epoch in range(args.num_epochs):
            np.random.shuffle(train_data)
            for i in range(total_batch):
                offset = (i * args.batch_size) % n_samples
                batch_xs_input = train_data[offset:(offset + args.batch_size), :]
                _, tot_loss, loss_likelihood, loss_divergence = sess.run(
                    (train_op, loss, neg_marginal_likelihood, KL_divergence),
                    feed_dict={x: batch_xs_input})
            # print cost every epoch
            print("epoch %d: L_tot %03.3f L_likelihood %03.3f L_divergence %03.3f" % (
                epoch, tot_loss, loss_likelihood, loss_divergence))

        codes = np.stack([np.linspace(-2, 2, 3), np.zeros(3)], axis=1)
        pictures = sess.run(decoded, feed_dict={z_in: codes})
        print("bright pixels along the first axis:", [int(np.sum(p > 0.5)) for p in pictures])


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description="Variational autoencoder of rectangles")
    parser.add_argument('--dim_z', type=int, default=2, help='Dimension of latent vector')
    parser.add_argument('--n_hidden', type=int, default=48, help='Number of hidden units')
    parser.add_argument('--learn_rate', type=float, default=2e-3, help='Learning rate for Adam optimizer')
    parser.add_argument('--num_epochs', type=int, default=4, help='The number of epochs to run')
    parser.add_argument('--batch_size', type=int, default=100, help='Batch size')
    main(parser.parse_args())
