"""Deep convolutional GAN on 16x16 pictures of discs (after Radford, Metz & Chintala, 2015).

The generator grows 4x4 maps to 16x16 by transposed convolutions, the discriminator
shrinks pictures to one number; both use batch normalization.
"""
from __future__ import division, print_function, absolute_import

import numpy as np
import tensorflow as tf

NUM_STEPS = 16
BATCH_SIZE = 32
IMAGE_DIM = 16
NOISE_DIM = 20
LABEL_SMOOTHING = 0.1


def discs(count, rng):
    """Pictures [count, 16, 16, 1] of one bright disc each, in [-1, 1]."""
    rows, columns = np.mgrid[:IMAGE_DIM, :IMAGE_DIM]
    centre = rng.uniform(4, 11, (2, count, 1, 1))
    radius = rng.uniform(2, 5, (count, 1, 1))
    distance = np.sqrt((rows - centre[0]) ** 2 + (columns - centre[1]) ** 2)
    return np.tanh(2 * (radius - distance))[..., None].astype(np.float32)


noise = tf.placeholder(tf.float32, [None, NOISE_DIM], name="noise")
real_images = tf.placeholder(tf.float32, [None, IMAGE_DIM, IMAGE_DIM, 1], name="real_images")
# Batch statistics while training, moving averages when pictures are drawn.
is_training = tf.placeholder(tf.bool, name="is_training")


def generator(z, reuse=False):
    with tf.variable_scope('generator', reuse=reuse):
        net = tf.layers.dense(z, units=4 * 4 * 32)
        # A dense layer's row is read as a 4x4 map of 32 channels.
        net = tf.reshape(net, shape=[-1, 4, 4, 32])
        net = tf.layers.batch_normalization(net, training=is_training)
        net = tf.nn.relu(net)
        # 4x4 -> 8x8
        net = tf.layers.conv2d_transpose(net, 16, 5, strides=2, padding='same')
        net = tf.layers.batch_normalization(net, training=is_training)
        net = tf.nn.relu(net)
        # 8x8 -> 16x16
        net = tf.layers.conv2d_transpose(net, 1, 5, strides=2, padding='same')
        return tf.nn.tanh(net)


def discriminator(images, reuse=False):
    with tf.variable_scope('discriminator', reuse=reuse):
        # 16x16 -> 8x8; no normalization on the pixels' own layer
        net = tf.layers.conv2d(images, 16, 5, strides=2, padding='same')
        net = tf.nn.leaky_relu(net)
        # 8x8 -> 4x4
        net = tf.layers.conv2d(net, 32, 5, strides=2, padding='same')
        net = tf.layers.batch_normalization(net, training=is_training)
        net = tf.nn.leaky_relu(net)
        net = tf.reshape(net, [-1, 4 * 4 * 32])
        return tf.layers.dense(net, 1)


fake_images = generator(noise)
real_logits = discriminator(real_images)
fake_logits = discriminator(fake_images, reuse=True)

d_loss_real = tf.losses.sigmoid_cross_entropy(tf.ones_like(real_logits), real_logits,
                                              label_smoothing=LABEL_SMOOTHING)
d_loss_fake = tf.losses.sigmoid_cross_entropy(tf.zeros_like(fake_logits), fake_logits)
d_loss = d_loss_real + d_loss_fake
g_loss = tf.losses.sigmoid_cross_entropy(tf.ones_like(fake_logits), fake_logits)

# The scope tells whose a variable is.
t_vars = tf.trainable_variables()
d_vars = [var for var in t_vars if var.name.startswith('discriminator')]
g_vars = [var for var in t_vars if var.name.startswith('generator')]

d_update_ops = tf.get_collection(tf.GraphKeys.UPDATE_OPS, scope='discriminator')
with tf.control_dependencies(d_update_ops):
    d_train = tf.train.AdamOptimizer(0.002, beta1=0.5).minimize(d_loss, var_list=d_vars)
g_update_ops = tf.get_collection(tf.GraphKeys.UPDATE_OPS, scope='generator')
with tf.control_dependencies(g_update_ops):
    g_train = tf.train.AdamOptimizer(0.002, beta1=0.5).minimize(g_loss, var_list=g_vars)

sess = tf.Session()
sess.run(tf.global_variables_initializer())
rng = np.random.RandomState(6)

for step in range(NUM_STEPS):
    batch = discs(BATCH_SIZE, rng)
    z = rng.uniform(-1., 1., size=[BATCH_SIZE, NOISE_DIM])
    _, d_value = sess.run([d_train, d_loss],
                          feed_dict={real_images: batch, noise: z, is_training: True})

    # New noise, so that the generator answers the updated discriminator.
    z = rng.uniform(-1., 1., size=[BATCH_SIZE, NOISE_DIM])
    _, g_value = sess.run([g_train, g_loss], feed_dict={noise: z, is_training: True})

    if step % 5 == 0:
        print('step %2d: discriminator %.5f, generator %.5f' % (step, d_value, g_value))

pictures = sess.run(fake_images, feed_dict={noise: rng.uniform(-1., 1., size=[4, NOISE_DIM]),
                                            is_training: False})
for j in range(4):
    print('picture %d: mean %+.4f, corner %+.4f, centre %+.4f'
          % (j, pictures[j].mean(), pictures[j, 0, 0, 0], pictures[j, 8, 8, 0]))
sess.close()
