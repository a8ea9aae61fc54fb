"""Input queues filled by background threads: the pipeline of TensorFlow before tf.data.

A table of measurements is cut into examples by a slice producer, mixed, batched and fed
to a small regression network. The queue is closed after a number of epochs, and the
training loop ends when it is empty.
"""
from __future__ import absolute_import
from __future__ import division
from __future__ import print_function

import numpy as np
import tensorflow as tf

FLAGS = tf.app.flags.FLAGS

tf.app.flags.DEFINE_integer('batch_size', 25, """Number of examples in a batch.""")
tf.app.flags.DEFINE_integer('num_epochs', 4, """Passes over the training table.""")
tf.app.flags.DEFINE_float('learning_rate', 0.05, """Learning rate of the momentum optimizer.""")
tf.app.flags.DEFINE_string('summary_dir', 'queue_events', """Where the event file goes.""")

NUM_INPUTS = 4


def make_table(rows, seed):
    """Inputs [rows, 4] and one target that depends on them."""
    rng = np.random.RandomState(seed)
    inputs = rng.uniform(-1, 1, (rows, NUM_INPUTS)).astype(np.float32)
    targets = inputs[:, :1] * inputs[:, 1:2] + 0.3 * inputs[:, 2:3] - 0.2
    return inputs, targets.astype(np.float32)


def input_pipeline(inputs, targets, batch_size, num_epochs=None, shuffle=True):
    """Batches of (inputs, targets) out of a queue."""
    with tf.name_scope('input'):
        example, target = tf.train.slice_input_producer(
            [tf.constant(inputs), tf.constant(targets)], num_epochs=num_epochs, shuffle=shuffle)
        # One thread keeps the order of the producer.
        return tf.train.batch([example, target], batch_size=batch_size, num_threads=1,
                              capacity=4 * batch_size)


def dense_layer(x, size, name):
    with tf.variable_scope(name):
        weights = tf.get_variable('weights', [x.get_shape()[1], size],
                                  initializer=tf.truncated_normal_initializer(stddev=0.5))
        biases = tf.get_variable('biases', [size], initializer=tf.constant_initializer(0.0))
        return tf.nn.xw_plus_b(x, weights, biases)


def inference(x, hidden=12):
    """The network; its variables are shared by all calls."""
    with tf.variable_scope('net', reuse=tf.AUTO_REUSE):
        h = tf.nn.softsign(dense_layer(x, hidden, 'hidden'))
        return dense_layer(h, 1, 'out')


def main(argv=None):  # pylint: disable=unused-argument
    table_inputs, table_targets = make_table(150, seed=31)
    test_inputs, test_targets = make_table(60, seed=32)

    batch_inputs, batch_targets = input_pipeline(
        table_inputs, table_targets, FLAGS.batch_size, num_epochs=FLAGS.num_epochs)
    predictions = inference(batch_inputs)
    loss = tf.losses.mean_squared_error(labels=batch_targets, predictions=predictions)

    global_step = tf.train.create_global_step()
    train_op = tf.train.MomentumOptimizer(FLAGS.learning_rate, momentum=0.9, use_nesterov=True).minimize(
        loss, global_step=global_step)

    test_error = tf.reduce_mean(tf.squared_difference(inference(tf.constant(test_inputs)),
                                                      tf.constant(test_targets)))
    tf.summary.scalar('mean_squared_error', loss)
    summary_op = tf.summary.merge_all()

    # The epoch counter of the producer is a local variable.
    init_op = tf.group(tf.global_variables_initializer(), tf.local_variables_initializer())

    sess = tf.Session()
    sess.run(init_op)
    summary_writer = tf.summary.FileWriter(FLAGS.summary_dir)

    coord = tf.train.Coordinator()
    threads = tf.train.start_queue_runners(sess=sess, coord=coord)
    step = 0
    try:
        while not coord.should_stop():
            _, loss_value, summary = sess.run([train_op, loss, summary_op])
            summary_writer.add_summary(summary, step)
            if step % 6 == 0:
                print('step %d: loss = %.6f, test error = %.6f' % (step, loss_value, sess.run(test_error)))
            step += 1
    except tf.errors.OutOfRangeError:
        print('Done training for %d epochs, %d steps.' % (FLAGS.num_epochs, step))
    finally:
        # When done, ask the threads to stop.
        coord.request_stop()

    coord.join(threads)
    summary_writer.close()
    print('global step %d, final test error %.6f' % (sess.run(global_step), sess.run(test_error)))
    sess.close()


if __name__ == '__main__':
    tf.app.run()
