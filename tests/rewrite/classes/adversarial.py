from __future__ import division
import time
import numpy as np
import tensorflow as tf

flags = tf.app.flags
flags.DEFINE_integer("epoch", 2, "Epoch to train [2]")
flags.DEFINE_float("learning_rate", 0.0002, "Learning rate of for adam [0.0002]")
flags.DEFINE_float("beta1", 0.5, "Momentum term of adam [0.5]")
FLAGS = flags.FLAGS


def linear(input_, output_size, scope=None, stddev=0.02):
    shape = input_.get_shape().as_list()
    with tf.variable_scope(scope or "Linear"):
        matrix = tf.get_variable("Matrix", [shape[1], output_size], tf.float32,
                                 tf.random_normal_initializer(stddev=stddev))
        bias = tf.get_variable("bias", [output_size], initializer=tf.constant_initializer(0.0))
        return tf.matmul(input_, matrix) + bias


class GAN(object):
    def __init__(self, sess, x_dim=8, batch_size=16, z_dim=4):
        """
        Args:
          sess: TensorFlow session
          batch_size: The size of batch.
        """
        self.sess = sess
        self.x_dim = x_dim
        self.batch_size = batch_size
        self.z_dim = z_dim
        self.build_model()

    def build_model(self):
        self.inputs = tf.placeholder(tf.float32, [self.batch_size, self.x_dim], name='real')
        self.z = tf.placeholder(tf.float32, [None, self.z_dim], name='z')
        self.G = self.generator(self.z)
        self.D, self.D_logits = self.discriminator(self.inputs, reuse=False)
        self.D_, self.D_logits_ = self.discriminator(self.G, reuse=True)
        self.sampler = self.generator(self.z, reuse=True)
        self.d_loss_real = tf.reduce_mean(
            tf.nn.sigmoid_cross_entropy_with_logits(logits=self.D_logits, labels=tf.ones_like(self.D)))
        self.d_loss_fake = tf.reduce_mean(
            tf.nn.sigmoid_cross_entropy_with_logits(logits=self.D_logits_, labels=tf.zeros_like(self.D_)))
        self.g_loss = tf.reduce_mean(
            tf.nn.sigmoid_cross_entropy_with_logits(logits=self.D_logits_, labels=tf.ones_like(self.D_)))
        self.d_loss = self.d_loss_real + self.d_loss_fake
        t_vars = tf.trainable_variables()
        self.d_vars = [var for var in t_vars if 'd_' in var.name]
        self.g_vars = [var for var in t_vars if 'g_' in var.name]
        self.saver = tf.train.Saver()

    def train(self, config):
        d_optim = tf.train.AdamOptimizer(config.learning_rate, beta1=config.beta1) \
            .minimize(self.d_loss, var_list=self.d_vars)
        g_optim = tf.train.AdamOptimizer(config.learning_rate, beta1=config.beta1) \
            .minimize(self.g_loss, var_list=self.g_vars)
        self.sess.run(tf.global_variables_initializer())
        rng = np.random.RandomState(0)
        sample_z = rng.uniform(-1, 1, size=(3, self.z_dim))
        counter = 1
        for epoch in range(config.epoch):
            for idx in range(3):
                batch_images = rng.randn(self.batch_size, self.x_dim)
                batch_z = rng.uniform(-1, 1, [self.batch_size, self.z_dim]).astype(np.float32)
                self.sess.run(d_optim, feed_dict={self.inputs: batch_images, self.z: batch_z})
                self.sess.run(g_optim, feed_dict={self.z: batch_z})
                errD_fake = self.d_loss_fake.eval({self.z: batch_z}, session=self.sess)
                errD_real = self.d_loss_real.eval({self.inputs: batch_images}, session=self.sess)
                errG = self.g_loss.eval({self.z: batch_z}, session=self.sess)
                counter += 1
                print("Epoch: [%2d] [%4d] d_loss: %.6f, g_loss: %.6f" % (epoch, idx, errD_fake + errD_real, errG))
            samples = self.sess.run(self.sampler, feed_dict={self.z: sample_z})
            print("sample", samples[0])
            self.save("ckpt", counter)

    def discriminator(self, x, reuse=False):
        with tf.variable_scope("discriminator") as scope:
            if reuse:
                scope.reuse_variables()
            h0 = tf.nn.leaky_relu(linear(x, 16, 'd_h0_lin'))
            h1 = linear(h0, 1, 'd_h1_lin')
            return tf.nn.sigmoid(h1), h1

    def generator(self, z, reuse=False):
        with tf.variable_scope("generator") as scope:
            if reuse:
                scope.reuse_variables()
            h0 = tf.nn.relu(linear(z, 16, 'g_h0_lin'))
            return tf.nn.tanh(linear(h0, self.x_dim, 'g_h1_lin'))

    def save(self, checkpoint_dir, step):
        self.saver.save(self.sess, checkpoint_dir + "/gan.model", global_step=step)


def main(_):
    with tf.Session() as sess:
        gan = GAN(sess, x_dim=6)
        gan.train(FLAGS)


if __name__ == '__main__':
    tf.app.run()
