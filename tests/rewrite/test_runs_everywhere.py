"""Runs in comprehensions, runs of variables' own initializers, and arrays in graph code."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.rewrite.both import Pair, convert_text, run_both

PROGRAMS = {
    "comprehended": """
import numpy as np
x = tf.placeholder(tf.float32, [None, 3])
w = tf.Variable(tf.ones([3, 2]) * 0.5)
loss = tf.reduce_mean(tf.square(tf.matmul(x, w) - 1.))
train = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
data = [np.full([4, 3], 0.1 * k) for k in range(5)]
i = 7
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    # every loss of the epoch
    losses = [sess.run([train, loss], {x: d})[1] for d in data]
    print(["%.5f" % value for value in losses])
    print("%.5f" % np.mean([sess.run(loss, {x: d}) for d in data if d.sum() > 1]))
    outs = [sess.run(loss, {x: data[i]}) for i in range(3)]
    print(i, "%.5f" % sum(outs))
    for i in range(2):
        total = sum(loss.eval({x: data[i + j]}) for j in range(3))
        print(i, "%.5f" % total)
    values = [v.eval() for v in tf.trainable_variables()]
    print([v.shape for v in sess.run(tf.trainable_variables())], len(values))
""",
    "restarted": """
w = tf.get_variable("w", [2], initializer=tf.constant_initializer(3.))
count = tf.Variable(0, name="count")
loss = tf.reduce_sum(tf.square(w))
train = tf.train.MomentumOptimizer(0.1, 0.9).minimize(loss)
both = [v.initializer for v in (w, count)]
with tf.Session() as sess:
    w.initializer.run()
    sess.run(count.initializer)
    sess.run(tf.global_variables_initializer())
    for phase in range(3):
        for _ in range(2):
            _, value = sess.run([train, loss])
        count.assign_add(1).eval()
        print(phase, "%.5f" % value, sess.run(count))
        if phase == 0:
            count.initializer.run()
        else:
            sess.run(both)
        print(["%.5f" % v for v in sess.run(w)], count.eval())
    sess.run(tf.assign(w, [5., 6.]))
    w.initializer.run(session=sess)
    print(sess.run(w).tolist())
""",
    "arrays": """
import numpy as np
image = np.arange(9, dtype=np.float32).reshape(1, 3, 3, 1)
weight = tf.constant([[[[1.]], [[2.]]], [[[1.]], [[-1.]]]])
conv = tf.nn.conv2d(image, weight, strides=[1, 1, 1, 1], padding="SAME")
pool = tf.nn.max_pool(image, [1, 2, 2, 1], [1, 1, 1, 1], "SAME")
mean = tf.nn.avg_pool([[[[4.], [3.]], [[2.], [1.]]]], [1, 2, 2, 1], [1, 1, 1, 1], "VALID")
dense = tf.layers.dense(image.reshape(1, 9), 2, kernel_initializer=tf.ones_initializer())
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for value in sess.run([conv, pool, mean, dense]):
        print(value.shape, value.ravel().tolist())
""",
    "grown": """
x = tf.placeholder(tf.float32, [None, 3])
w = tf.Variable(tf.ones([1, 2]))
outs, more, count = [], [], 0
sums = []
for c in tf.unstack(x, axis=1):
    outs += [tf.matmul(tf.expand_dims(c, 1), w)]
    more.append(c)
    count += 1
extra = [outs[0]]
extra += [outs[1] * 2, outs[2]]
for i, v in enumerate(extra):
    sums += [tf.reduce_sum(v) * i]
for v in more:
    sums.append(tf.reduce_max(v))
fetches = {"extra": extra[0]}
fetches["total"] = tf.add_n(outs)
changed = [w, w]
changed[1] = w + 1.
losses = []
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    feed = {x: [[1., 2., 3.]]}
    losses += ["%.1f" % sess.run(sums[1], feed)]
    for value in sess.run(outs, feed) + sess.run(extra, feed) + sess.run(changed, feed):
        print(value.tolist())
    print([v.tolist() for v in sess.run(more, feed)], sess.run(sums, feed), losses)
    for key, value in sorted(sess.run(fetches, feed).items()):
        print(key, value.tolist())
""",
    "continued": """
x = tf.placeholder(tf.float32, [None, 4])
net = x
i = 0
for n in [5, 6]:
    net = tf.layers.dense(net, n, tf.nn.relu, kernel_initializer=tf.ones_initializer(),
                          name="fc%d" % i)
    i += 1
reg = 0
for v in tf.trainable_variables():
    reg += tf.nn.l2_loss(v)
half = -0.5
total = 0.
for c in range(3):
    total += tf.reduce_sum(net) * half * (c + 1)
    half *= 0.5
k, last = 1, None
for c in range(3):
    last = tf.reduce_sum(net) * k if last is None else last + tf.reduce_max(net) * k
    k = k * 2
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    print([float(v) for v in sess.run([reg, total, last], {x: [[1., 2., 3., 4.]]})])
    print(sess.run(net, {x: [[1., 0., 0., 0.]]}).tolist())
""",
    "several": """
def layer(v, n, name, act=tf.nn.relu, reuse=tf.AUTO_REUSE):
    with tf.variable_scope(name, reuse=reuse):
        return tf.layers.dense(v, n, act, kernel_initializer=tf.ones_initializer())
x = tf.placeholder(tf.float32, [None, 3])
z = tf.placeholder(tf.float32, [None, 2])
W = tf.get_variable("W", [2, 4], initializer=tf.constant_initializer(0.1))
def step(h, v):
    return tf.tanh(tf.matmul(h, W, transpose_b=True)) @ W + v
real, fake = layer(x, 2, "critic"), layer(tf.tile(z, [1, 2])[:, :3], 2, "critic")
gap = tf.reduce_mean(real) - tf.reduce_mean(fake)
states = tf.scan(step, tf.ones([3, 2, 4]), initializer=tf.zeros([2, 4]))
loss = -tf.reduce_mean(fake)
train = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    print("%.5f" % sess.run(gap, {x: [[1., 2., 3.]], z: [[1., 2.]]}))
    _, value = sess.run([train, loss], {z: [[1., 2.]]})
    print("%.5f" % value, "%.5f" % sess.run(states).sum())
""",
    "recipes": """
def recipe(n_in, n_out, uniform=True):
    if uniform:
        bound = (6.0 / (n_in + n_out)) ** 0.5 * 0.
        return tf.random_uniform_initializer(-bound, bound + 1e-9)
    else:
        return tf.constant_initializer(1.0 / n_in)
def on_cpu(name, shape, initializer):
    with tf.device("/cpu:0"):
        made = tf.get_variable(name, shape, initializer=initializer)
    return made
def decayed(name, shape, value, wd):
    made = on_cpu(name, shape, tf.constant_initializer(value))
    if wd is not None:
        tf.add_to_collection("losses", tf.multiply(tf.nn.l2_loss(made), wd))
    return made
x = tf.placeholder(tf.float32, [None, 4])
W1 = decayed("W1", [4, 6], 0.25, 0.1)
W2 = tf.get_variable("W2", shape=[6, 2], initializer=recipe(6, 2, uniform=False))
W3 = tf.get_variable("W3", shape=[2, 2], initializer=recipe(2, 2))
b = on_cpu("b", [2], tf.zeros_initializer())
c = on_cpu("c", [2], tf.constant_initializer(0.5))
s = tf.get_variable("s", shape=[])
y = tf.matmul(tf.matmul(tf.matmul(x, W1), W2), W3) * 1e-6 + b + c + s * 0.
total = tf.add_n(tf.get_collection("losses")) + tf.reduce_sum(tf.matmul(x, W1))
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    print(["%.4f" % v for v in sess.run(y, {x: [[1., 2., 3., 4.]]}).ravel()])
    print("%.5f" % sess.run(total, {x: [[1., 2., 3., 4.]]}))
""",
    "gradients": """
x = tf.placeholder(tf.float32, [None, 3])
w = tf.Variable(tf.ones([3, 2]) * 0.1)
b = tf.Variable(tf.zeros([2]))
y = tf.nn.sigmoid(tf.matmul(x, w) + b)
loss = tf.reduce_mean(tf.square(y))
grads = []
for v in tf.trainable_variables():
    grads.append(tf.gradients(loss, v)[0])
norms = [tf.reduce_sum(tf.square(tf.gradients(loss, v)[0])) for v in [w, b]]
rows = tf.stack([tf.gradients(y[0, i], x)[0] for i in range(2)])
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    feed = {x: [[1., 2., 3.]]}
    for value in sess.run(grads, feed):
        print(["%.5f" % v for v in value.ravel()])
    print(["%.5f" % v for v in sess.run(norms, feed)])
    print(["%.5f" % v for v in sess.run(rows, feed).ravel()])
""",
    "lists": """
step = tf.Variable(0, trainable=False, name="the_step")
x = tf.placeholder(tf.float32, [None, 3])
h = tf.layers.dense(x, 2, kernel_initializer=tf.ones_initializer())
y = tf.layers.batch_normalization(h, training=True, name="norm")
with tf.control_dependencies(tf.get_collection(tf.GraphKeys.UPDATE_OPS)):
    train = tf.train.GradientDescentOptimizer(0.1).minimize(tf.reduce_mean(y), global_step=step)
every = tf.global_variables()
moving = [v for v in every if "moving_mean" in v.name]
moving += [v for v in every if "moving_variance" in v.name]
saved = tf.trainable_variables()
saved += moving
saver = tf.train.Saver(var_list=saved)
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for i in range(2):
        sess.run(train, {x: [[1., 2., 3.], [2., 2., 5.]]})
    for value in sess.run(moving):
        print(["%.4f" % v for v in value])
    print(sess.run(step))
""",
}


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Pair]:
    return run_both(tmp_path_factory.mktemp("runs"), PROGRAMS)


@pytest.mark.parametrize("name", PROGRAMS)
def test_both_print_the_same(pairs: dict[str, Pair], name: str) -> None:
    assert "Traceback" not in pairs[name].original, pairs[name].original
    assert pairs[name].converted == pairs[name].original, pairs[name].rewritten.text


def test_a_counter_among_the_variables_listed_is_no_crash(tmp_path: Path) -> None:
    text = PROGRAMS["lists"] + "    print(len(every))\n"
    made = convert_text(tmp_path, "counted", "import tensorflow as tf\n" + text)
    assert [d.message for d in made.diagnostics if d.rule == "variable-list"] == [
        "where the_step lives is not known"
    ]


def test_lists_that_the_program_fills_stand_in_main(tmp_path: Path) -> None:
    made = convert_text(
        tmp_path, "filled", "import tensorflow as tf\n" + PROGRAMS["comprehended"]
    ).text
    before, _, main = made.partition("def main():")
    assert "losses = []" not in before
    assert "    # every loss of the epoch\n    losses = []\n" in main


METHODS = """
class Net(object):
    def __init__(self, size):
        self.x = tf.placeholder(tf.float32, [None, size])
        self.o = self.network(self.x)
    def network(self, x):
        return self.fc(tf.nn.relu(self.fc(x, 3, "fc1")), 2, "fc2")
    def fc(self, bottom, n_out, name):
        w = tf.get_variable(name + "_w", shape=[bottom.get_shape()[1], n_out],
                            initializer=tf.constant_initializer(0.5))
        b = tf.get_variable(name + "_b", initializer=tf.constant(0.01, shape=[n_out]))
        return tf.nn.bias_add(tf.matmul(bottom, w), b)
def main():
    net = Net(2)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        print(net.o.eval({net.x: [[1., 2.]]}).shape)
if __name__ == "__main__":
    main()
"""


def test_classes_of_methods_stand_before_the_guard(tmp_path: Path) -> None:
    text = convert_text(tmp_path, "methods", "import tensorflow as tf\n" + METHODS).text
    assert text.index("class Fc(") < text.index("class Net(") < text.index("if __name__")
