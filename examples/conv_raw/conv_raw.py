"""A convolutional classifier of 28x28 digits on raw variables, in an interactive session.

The digits are drawn by the script: seven-segment figures with noise and a random shift.
"""
import numpy as np
import tensorflow as tf

SEGMENTS = {  # name: (row slice, column slice) in a 16x8 glyph
    "a": (slice(0, 2), slice(0, 8)), "b": (slice(0, 8), slice(6, 8)), "c": (slice(8, 16), slice(6, 8)),
    "d": (slice(14, 16), slice(0, 8)), "e": (slice(8, 16), slice(0, 2)), "f": (slice(0, 8), slice(0, 2)),
    "g": (slice(7, 9), slice(0, 8)),
}
DIGITS = ["abcdef", "bc", "abged", "abgcd", "fgbc", "afgcd", "afgedc", "abc", "abcdefg", "abcdfg"]


class DigitSet(object):
    """Images (flat, 784 values) and one-hot labels, served in batches."""

    def __init__(self, count, seed):
        rng = np.random.RandomState(seed)
        classes = rng.randint(0, 10, count)
        images = 0.3 * rng.rand(count, 28, 28)
        for image, digit in zip(images, classes):
            top, left = rng.randint(2, 10), rng.randint(4, 16)
            glyph = image[top:top + 16, left:left + 8]
            for segment in DIGITS[digit]:
                glyph[SEGMENTS[segment]] = 1.0
        self.images = images.reshape(count, 784).astype(np.float32)
        self.labels = np.eye(10, dtype=np.float32)[classes]
        self.position = 0

    def next_batch(self, batch_size):
        if self.position + batch_size > len(self.images):
            self.position = 0
        start, self.position = self.position, self.position + batch_size
        return self.images[start:self.position], self.labels[start:self.position]


def weight_variable(shape):
    """Small random weights; wide draws are cut off."""
    initial = tf.truncated_normal(shape, stddev=0.1)
    return tf.Variable(initial)


def bias_variable(shape):
    """Slightly positive, so that rectified units start alive."""
    initial = tf.constant(0.1, shape=shape)
    return tf.Variable(initial)


def conv2d(x, W):
    return tf.nn.conv2d(x, W, strides=[1, 1, 1, 1], padding='SAME')


def max_pool_2x2(x):
    """Halves height and width."""
    return tf.nn.max_pool(x, ksize=[1, 2, 2, 1], strides=[1, 2, 2, 1], padding='SAME')


digits = DigitSet(300, seed=3)
held_out = DigitSet(100, seed=4)

sess = tf.InteractiveSession()

x = tf.placeholder(tf.float32, shape=[None, 784])
y_ = tf.placeholder(tf.float32, shape=[None, 10])

# 28x28x1 -> 14x14x8
W_conv1 = weight_variable([5, 5, 1, 8])
b_conv1 = bias_variable([8])

x_image = tf.reshape(x, [-1, 28, 28, 1])
h_conv1 = tf.nn.relu(conv2d(x_image, W_conv1) + b_conv1)
h_pool1 = max_pool_2x2(h_conv1)

# 14x14x8 -> 7x7x16
W_conv2 = weight_variable([5, 5, 8, 16])
b_conv2 = bias_variable([16])

h_conv2 = tf.nn.relu(conv2d(h_pool1, W_conv2) + b_conv2)
h_pool2 = max_pool_2x2(h_conv2)

# Everything that is left goes into one dense layer.
W_fc1 = weight_variable([7 * 7 * 16, 64])
b_fc1 = bias_variable([64])

h_pool2_flat = tf.reshape(h_pool2, [-1, 7 * 7 * 16])
h_fc1 = tf.nn.relu(tf.matmul(h_pool2_flat, W_fc1) + b_fc1)

# Each feature survives with this probability.
keep_prob = tf.placeholder(tf.float32)
h_fc1_drop = tf.nn.dropout(h_fc1, keep_prob)

W_fc2 = weight_variable([64, 10])
b_fc2 = bias_variable([10])

y_conv = tf.matmul(h_fc1_drop, W_fc2) + b_fc2

cross_entropy = tf.reduce_mean(
    tf.nn.softmax_cross_entropy_with_logits(labels=y_, logits=y_conv))
train_step = tf.train.AdamOptimizer(2e-3).minimize(cross_entropy)
correct_prediction = tf.equal(tf.argmax(y_conv, 1), tf.argmax(y_, 1))
accuracy = tf.reduce_mean(tf.cast(correct_prediction, tf.float32))

sess.run(tf.global_variables_initializer())
for i in range(81):
    batch = digits.next_batch(30)
    if i % 20 == 0:
        train_accuracy = accuracy.eval(feed_dict={
            x: batch[0], y_: batch[1], keep_prob: 1.0})
        print('step %d, training accuracy %g' % (i, train_accuracy))
    train_step.run(feed_dict={x: batch[0], y_: batch[1], keep_prob: 0.8})

print('test accuracy %g' % accuracy.eval(feed_dict={
    x: held_out.images, y_: held_out.labels, keep_prob: 1.0}))
print('test cross entropy %.5f' % cross_entropy.eval(feed_dict={
    x: held_out.images, y_: held_out.labels, keep_prob: 1.0}))
sess.close()
