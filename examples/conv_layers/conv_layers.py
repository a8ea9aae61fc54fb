"""Convolutional network on tf.layers, with batch normalization, dropout, summaries and checkpoints.

Classifies small colour images of oriented gratings; the class is the angle of the stripes.
"""
from __future__ import absolute_import
from __future__ import division
from __future__ import print_function

import os

import numpy as np
import tensorflow as tf

flags = tf.app.flags
flags.DEFINE_integer("batch_size", 32, "Images in a training batch.")
flags.DEFINE_integer("max_steps", 40, "Number of training steps.")
flags.DEFINE_float("learning_rate", 2e-3, "Initial learning rate.")
flags.DEFINE_float("dropout_rate", 0.25, "Fraction of the features dropped.")
flags.DEFINE_string("model_dir", "gratings_model", "Where checkpoints and events go.")
flags.DEFINE_boolean("summaries", True, "Whether to write summaries.")
FLAGS = flags.FLAGS

IMAGE_SIZE = 17  # odd, so that 'same' padding is not symmetric everywhere
NUM_CLASSES = 6


def make_gratings(count, seed):
    """Images [count, 17, 17, 3] of stripes and the index of their angle."""
    rng = np.random.RandomState(seed)
    labels = rng.randint(0, NUM_CLASSES, count).astype(np.int32)
    angle = labels * np.pi / NUM_CLASSES + 0.1 * rng.randn(count)
    rows, columns = np.mgrid[:IMAGE_SIZE, :IMAGE_SIZE]
    phase = (np.cos(angle)[:, None, None] * rows + np.sin(angle)[:, None, None] * columns)
    stripes = np.sin(1.2 * phase + rng.uniform(0, 6, (count, 1, 1)))
    colour = rng.uniform(0.3, 1.0, (count, 1, 1, 3))
    images = stripes[..., None] * colour + 0.2 * rng.randn(count, IMAGE_SIZE, IMAGE_SIZE, 3)
    return images.astype(np.float32), labels


def inference(images, is_training):
    """Builds the network and returns its logits."""
    net = tf.layers.conv2d(images, 16, [3, 3], padding="same", use_bias=False,
                           kernel_initializer=tf.variance_scaling_initializer(), name="conv1")
    net = tf.layers.batch_normalization(net, training=is_training, momentum=0.9, name="bn1")
    net = tf.nn.relu(net)
    net = tf.layers.max_pooling2d(net, pool_size=2, strides=2, padding="same", name="pool1")

    net = tf.layers.conv2d(net, 32, [3, 3], strides=(2, 2), padding="same", use_bias=False, name="conv2")
    net = tf.layers.batch_normalization(net, training=is_training, momentum=0.9, epsilon=1e-5, name="bn2")
    net = tf.nn.relu(net)
    net = tf.layers.average_pooling2d(net, 2, 1, name="pool2")

    net = tf.layers.flatten(net)
    net = tf.layers.dense(net, 64, activation=tf.nn.relu, name="fc1")
    net = tf.layers.dropout(net, rate=FLAGS.dropout_rate, training=is_training)
    return tf.layers.dense(net, NUM_CLASSES, name="logits")


def main(_):
    images, labels = make_gratings(400, seed=11)
    test_images, test_labels = make_gratings(120, seed=12)

    with tf.Graph().as_default():
        x = tf.placeholder(tf.float32, [None, IMAGE_SIZE, IMAGE_SIZE, 3], name="x")
        y = tf.placeholder(tf.int32, [None], name="y")
        is_training = tf.placeholder(tf.bool, name="is_training")

        logits = inference(x, is_training)
        loss = tf.losses.sparse_softmax_cross_entropy(labels=y, logits=logits)
        correct = tf.nn.in_top_k(logits, y, 1)
        accuracy = tf.reduce_mean(tf.cast(correct, tf.float32))

        global_step = tf.Variable(0, trainable=False, name="global_step")
        learning_rate = tf.train.exponential_decay(FLAGS.learning_rate, global_step, 10, 0.8, staircase=True)
        # Batch normalization keeps its moving averages in update ops.
        update_ops = tf.get_collection(tf.GraphKeys.UPDATE_OPS)
        with tf.control_dependencies(update_ops):
            train_op = tf.train.AdamOptimizer(learning_rate).minimize(loss, global_step=global_step)

        tf.summary.scalar("loss", loss)
        tf.summary.scalar("learning_rate", learning_rate)
        merged = tf.summary.merge_all()
        saver = tf.train.Saver(max_to_keep=2)
        checkpoint = os.path.join(FLAGS.model_dir, "model.ckpt")

        with tf.Session() as sess:
            sess.run(tf.global_variables_initializer())
            writer = tf.summary.FileWriter(FLAGS.model_dir, sess.graph)
            rng = np.random.RandomState(0)
            for step in range(FLAGS.max_steps):
                idx = rng.choice(len(images), FLAGS.batch_size, replace=False)
                feed_dict = {x: images[idx], y: labels[idx], is_training: True}
                _, summary, loss_value, lr = sess.run([train_op, merged, loss, learning_rate], feed_dict=feed_dict)
                if FLAGS.summaries:
                    writer.add_summary(summary, step)
                if step % 10 == 0:
                    test_loss, test_accuracy = sess.run(
                        [loss, accuracy], {x: test_images, y: test_labels, is_training: False})
                    print("step %3d  lr %.5f  train loss %.4f  test loss %.4f  test accuracy %.3f"
                          % (step, lr, loss_value, test_loss, test_accuracy))
            writer.close()
            saver.save(sess, checkpoint)

        # A new session starts from the saved values.
        with tf.Session() as sess:
            saver.restore(sess, checkpoint)
            final_accuracy = sess.run(accuracy, {x: test_images, y: test_labels, is_training: False})
            print("restored at step %d, test accuracy %.3f" % (sess.run(global_step), final_accuracy))


if __name__ == "__main__":
    tf.app.run()
