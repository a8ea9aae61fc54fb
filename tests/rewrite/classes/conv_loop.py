import numpy as np
import tensorflow as tf
np.random.seed(0)
def conv_stack(x, filters, training):
    for k, f in enumerate(filters):
        with tf.variable_scope('block%d' % k):
            x = tf.layers.conv2d(x, f, 3, padding='same', name='conv_a')
            x = tf.layers.batch_normalization(x, training=training, name='bn')
            x = tf.nn.relu(x)
            x = tf.layers.conv2d(x, f, 3, padding='same', activation=tf.nn.relu, name='conv_b')
            x = tf.layers.max_pooling2d(x, 2, 2)
    return x
images = tf.placeholder(tf.float32, [None, 16, 16, 3])
labels = tf.placeholder(tf.int64, [None])
training = tf.placeholder(tf.bool)
h = conv_stack(images, [4, 6, 8], training)
h = tf.layers.flatten(h)
for i in range(2):
    h = tf.layers.dense(h, 10, activation=tf.nn.relu, name='fc%d' % i)
logits = tf.layers.dense(h, 5)
loss = tf.losses.sparse_softmax_cross_entropy(labels, logits)
with tf.control_dependencies(tf.get_collection(tf.GraphKeys.UPDATE_OPS)):
    train = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for step in range(4):
        l, _ = sess.run([loss, train], {images: np.random.rand(6, 16, 16, 3), labels: np.random.randint(0, 5, 6), training: True})
        print(step, l)
    print(sess.run(logits, {images: np.random.rand(2, 16, 16, 3), training: False}))
