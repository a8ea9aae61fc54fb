import numpy as np
import tensorflow as tf

x = tf.placeholder(tf.float32, [None, 4, 3, 1], name="x")
h = tf.layers.dense(tf.layers.flatten(x), 4, tf.nn.relu, name="h")
print(h.get_shape().as_list())
loss = tf.reduce_mean(h)
rough = tf.reduce_sum(tf.image.total_variation(x))
train_op = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
rng = np.random.RandomState(0)
data = {name: rng.rand(2, 4, 3, 1) for name in ("one", "two")}
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    v = sess.run(loss, {x: data["one"]})
    print(v.dtype, v > 0, v.shape, v.round(2))
    for i in range(3):
        _, a = sess.run([train_op, loss], {x: data["two"]})
        print("%.4f" % a, a.dtype.name)
    outputs = {name: sess.run(h, {x: data[name]}) for name in sorted(data)}
    print({name: value.shape for name, value in outputs.items()})
    print("%.4f" % sum(sess.run(rough, {x: data[name]}) for name in data))
