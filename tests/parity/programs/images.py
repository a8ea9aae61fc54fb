"""Convolution, batch normalization, dropout, weight decay and a schedule."""
import numpy as np
import tensorflow as tf

rng = np.random.RandomState(0)
train_x = rng.rand(64, 9, 9, 3).astype(np.float32)
train_y = rng.randint(0, 4, 64)

x = tf.placeholder(tf.float32, [None, 9, 9, 3])
y = tf.placeholder(tf.int64, [None])
keep_prob = tf.placeholder_with_default(1.0, [])
training = tf.placeholder_with_default(False, [])

net = tf.layers.conv2d(x, 3, 3, strides=2, padding="same", name="conv")
net = tf.layers.batch_normalization(net, training=training, name="bn")
net = tf.nn.leaky_relu(net, alpha=0.2)
net = tf.layers.average_pooling2d(net, 2, 2, padding="same")
net = tf.nn.dropout(tf.layers.flatten(net), keep_prob)
scores = tf.layers.dense(net, 4, name="out", bias_initializer=tf.constant_initializer(0.1))

decay = 0.01 * tf.add_n([tf.nn.l2_loss(v) for v in tf.trainable_variables() if "kernel" in v.name])
cross_entropy = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=scores))
total = cross_entropy + decay
global_step = tf.train.get_or_create_global_step()
rate = tf.train.exponential_decay(0.1, global_step, 3, 0.5, staircase=True)
with tf.control_dependencies(tf.get_collection(tf.GraphKeys.UPDATE_OPS)):
    train_op = tf.train.MomentumOptimizer(rate, 0.9).minimize(total, global_step=global_step)

with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for step in range(8):
        pick = rng.randint(0, 64, 16)
        feed = {x: train_x[pick], y: train_y[pick], keep_prob: 0.7, training: True}
        _, loss, lr = sess.run([train_op, total, rate], feed)
        if step % 3 == 0:
            test_loss = sess.run(cross_entropy, {x: train_x, y: train_y})
            print("step %d rate %.4f loss %.5f test %.5f" % (step, lr, loss, test_loss))
    probabilities = sess.run(tf.nn.softmax(scores), {x: train_x[:4]})
    print("largest", probabilities.max(axis=1))
