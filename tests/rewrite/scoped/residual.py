import numpy as np
import tensorflow as tf

np.random.seed(0)
tf.set_random_seed(1)


def norm(x, is_training, scope):
    return tf.layers.batch_normalization(x, training=is_training, name=scope)


def unit(x, filters, stride, is_training, scope):
    with tf.variable_scope(scope):
        shortcut = x
        if x.get_shape().as_list()[-1] != filters or stride != 1:
            shortcut = tf.layers.conv2d(x, filters, 1, stride, name='shortcut')
        y = tf.layers.conv2d(x, filters, 3, stride, padding='same', use_bias=False, name='a')
        y = tf.nn.relu(norm(y, is_training, 'bn_a'))
        y = tf.layers.conv2d(y, filters, 3, 1, padding='same', use_bias=False, name='b')
        y = norm(y, is_training, 'bn_b')
        return tf.nn.relu(y + shortcut)


def resnet(images, num_classes, is_training, blocks):
    net = tf.layers.conv2d(images, 8, 3, padding='same', name='stem')
    for i in range(len(blocks)):
        filters, count = blocks[i]
        for j in range(count):
            stride = 2 if j == 0 and i > 0 else 1
            net = unit(net, filters, stride, is_training, 'block%d_%d' % (i, j))
    net = tf.reduce_mean(net, axis=[1, 2])
    return tf.layers.dense(net, num_classes, name='logits')


x = tf.placeholder(tf.float32, [None, 12, 12, 3])
y = tf.placeholder(tf.int64, [None])
is_training = tf.placeholder(tf.bool)
with tf.variable_scope('net'):
    logits = resnet(x, 4, is_training, [(8, 2), (16, 2)])
loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits))
acc = tf.reduce_mean(tf.cast(tf.equal(tf.argmax(logits, 1), y), tf.float32))
update_ops = tf.get_collection(tf.GraphKeys.UPDATE_OPS)
with tf.control_dependencies(update_ops):
    train_op = tf.train.MomentumOptimizer(0.05, 0.9).minimize(loss)

with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    data = np.random.randn(32, 12, 12, 3).astype(np.float32)
    labels = np.random.randint(0, 4, 32)
    for step in range(4):
        _, value = sess.run([train_op, loss], {x: data, y: labels, is_training: True})
        print('step', step, value)
    print('acc', sess.run(acc, {x: data, y: labels, is_training: False}))
