"""Softmax regression on images of handwritten-looking digits, read by TensorFlow's own tutorial reader.

The folder `data` holds 400 small pictures in the four files of MNIST, so that the program
runs without a download.
"""
from __future__ import absolute_import
from __future__ import division
from __future__ import print_function

import argparse
import os
import sys

import numpy as np
import tensorflow as tf

from tensorflow.examples.tutorials.mnist import input_data

FLAGS = None


def variable_summaries(var, name):
    """Mean and spread of a variable, for the event file."""
    with tf.name_scope(name + '_summaries'):
        mean = tf.reduce_mean(var)
        tf.summary.scalar('mean', mean)
        stddev = tf.sqrt(tf.reduce_mean(tf.square(var - mean)))
        tf.summary.scalar('stddev', stddev)
        tf.summary.histogram('values', var)


def main(_):
    # Import data
    mnist = input_data.read_data_sets(FLAGS.data_dir, one_hot=True, validation_size=50)
    print('%d training, %d validation, %d test images'
          % (mnist.train.num_examples, mnist.validation.num_examples, mnist.test.num_examples))

    # The model: one score for each class, linear in the pixels
    x = tf.placeholder(tf.float32, [None, 784])
    W = tf.Variable(tf.zeros([784, 10]))
    b = tf.Variable(tf.zeros([10]))
    y = tf.nn.softmax(tf.matmul(x, W) + b)
    y_ = tf.placeholder(tf.float32, [None, 10])
    variable_summaries(W, 'weights')

    # The definition of cross entropy. It is unstable where y is nearly 0, which clipping avoids.
    cross_entropy = tf.reduce_mean(
        -tf.reduce_sum(y_ * tf.log(tf.clip_by_value(y, 1e-10, 1.0)), reduction_indices=[1]))
    tf.summary.scalar('cross_entropy', cross_entropy)
    train_step = tf.train.GradientDescentOptimizer(FLAGS.learning_rate).minimize(cross_entropy)

    correct_prediction = tf.equal(tf.argmax(y, 1), tf.argmax(y_, 1))
    accuracy = tf.reduce_mean(tf.cast(correct_prediction, tf.float32))

    merged = tf.summary.merge_all()
    if tf.gfile.Exists(FLAGS.log_dir):
        tf.gfile.DeleteRecursively(FLAGS.log_dir)
    tf.gfile.MakeDirs(FLAGS.log_dir)

    sess = tf.InteractiveSession()
    writer = tf.summary.FileWriter(os.path.join(FLAGS.log_dir, 'train'), sess.graph)
    tf.global_variables_initializer().run()

    # Train, and look at the validation set now and then
    for step in range(FLAGS.max_steps):
        batch_xs, batch_ys = mnist.train.next_batch(FLAGS.batch_size)
        if step % 20 == 0:
            summary, acc, loss = sess.run([merged, accuracy, cross_entropy],
                                          feed_dict={x: mnist.validation.images, y_: mnist.validation.labels})
            writer.add_summary(summary, step)
            print('Step %d: validation accuracy %.4f, cross entropy %.5f' % (step, acc, loss))
        sess.run(train_step, feed_dict={x: batch_xs, y_: batch_ys})
    writer.close()

    # Test the trained model
    print('Epochs completed:', mnist.train.epochs_completed)
    print('Test accuracy: %.4f' % sess.run(accuracy, feed_dict={x: mnist.test.images,
                                                                y_: mnist.test.labels}))
    confusion = np.zeros([10, 10], int)
    for truth, guess in zip(mnist.test.labels.argmax(1), y.eval({x: mnist.test.images}).argmax(1)):
        confusion[truth, guess] += 1
    print('Most often mistaken: %d' % (confusion.sum(1) - np.diag(confusion)).argmax())


if __name__ == '__main__':
    parser = argparse.ArgumentParser()
    parser.add_argument('--data_dir', type=str, default=os.path.join(os.path.dirname(os.path.abspath(__file__)), 'data'),
                        help='Directory of the four data files')
    parser.add_argument('--log_dir', type=str, default='mnist_logs', help='Directory of the event file')
    parser.add_argument('--learning_rate', type=float, default=0.5)
    parser.add_argument('--batch_size', type=int, default=40)
    parser.add_argument('--max_steps', type=int, default=81)
    FLAGS, unparsed = parser.parse_known_args()
    tf.app.run(main=main, argv=[sys.argv[0]] + unparsed)
