import numpy as np
import tensorflow as tf

rng = np.random.RandomState(3)


def net(x, name):
    with tf.variable_scope(name):
        h = tf.layers.dense(x, 3, tf.nn.tanh, use_bias=False)
        s = tf.get_variable("scale", [3], initializer=tf.ones_initializer())
        return tf.layers.dense(h * s, 3, use_bias=False)


x = tf.placeholder(tf.float32, [None, 3])
y = net(x, "main")
z = net(x, "slow")
loss = tf.reduce_mean((y - 1.0) ** 2)
every = tf.trainable_variables()
mine, other = every[:3], every[3:]
train = tf.train.AdamOptimizer(0.05).minimize(loss, var_list=mine)
sync = [o.assign(m) for m, o in zip(mine, other)]
blend = []
for i in range(len(mine)):
    blend.append(tf.assign(other[i], 0.7 * other[i] + 0.3 * mine[i]))
turned = tf.assign(other[0], tf.transpose(mine[0]))
turn_all = [tf.assign(o, tf.matmul(m, tf.eye(3))) for m, o in zip(mine[::2], other[::2])]
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    sess.run(sync)
    for step in range(6):
        a = rng.randn(4, 3)
        l, _ = sess.run([loss, train], {x: a})
        print(step, l, sess.run(z, {x: a})[0])
        sess.run(blend)
        if step == 3:
            sess.run(turned)
        if step == 4:
            sess.run(turn_all)
        if step == 2:
            values = sess.run(sync)
            print([v.shape for v in values], values[0][0], values[2][1])
