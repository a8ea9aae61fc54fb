"""Idioms of flat scripts: names used twice, host values given to the graph, prints of the graph."""

from __future__ import annotations

import pytest

from tests.rewrite.both import Pair, run_both

PROGRAMS = {
    "rebound": """
import numpy as np
a = tf.constant(2.)
b = tf.constant(3.)
with tf.Session() as sess:
    print("%.4f" % sess.run(a + b))
a = tf.placeholder(tf.float32)
b = tf.placeholder(tf.float32)
add = a + b
W = tf.Variable(tf.ones([3, 2]))
bias = tf.Variable(tf.zeros([2]))
x = tf.placeholder(tf.float32, [None, 3])
y = tf.matmul(x, W) + bias
y = tf.nn.relu(y)
cost = tf.reduce_mean(y)
total = cost * 2
train = tf.train.GradientDescentOptimizer(0.1).minimize(cost)
data = np.ones([1, 3])
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    print("%.4f" % sess.run(add, feed_dict={a: 1., b: 2.}))
    for i in range(2):
        sess.run(train, feed_dict={x: data})
    bias = sess.run(y, feed_dict={x: data})
    print(bias.tolist())
    print("%.4f" % sess.run(cost, feed_dict={x: data}))
    W, cost = sess.run([W, cost], feed_dict={x: data})
    print(W.tolist(), "%.4f" % cost)
    print("%.4f" % sess.run(total, feed_dict={x: data * 2}), "%.4f" % cost)
""",
    "replaced": """
x = tf.linspace(-1., 1., 3)
first = tf.abs(x)
with tf.Session() as sess:
    print(sess.run(x).tolist(), sess.run(first).tolist())
    x = tf.linspace(-3., 5., 3)
    print(sess.run(x).tolist(), sess.run(first).tolist())
    x = tf.square(x)
    print(sess.run(x).tolist(), sess.run(first).tolist())
rate = 0.1
print(rate)
rate = 0.2
print(rate)
""",
    "our_names": """
import numpy as np
F = 4
device = "/cpu:0"
x = tf.placeholder(tf.float32, [None, 3])
nn = tf.layers.dense(x, F, kernel_initializer=tf.ones_initializer())
torch = tf.nn.relu(nn)
model = tf.layers.dense(torch, 2, kernel_initializer=tf.ones_initializer())
cost = tf.reduce_mean(model)
main = tf.train.GradientDescentOptimizer(0.1).minimize(cost)
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for i in range(2):
        _, l = sess.run([main, cost], {x: np.ones([1, 3])})
        print(i, "%.4f" % l, sess.run(model, {x: np.ones([1, 3])}).round(4).tolist(), device, F)
""",
    "host_values": """
import numpy as np
x = tf.placeholder(tf.float32, [None, 3])
w = tf.Variable(tf.ones([3, 3]))
arr = np.array([[1., 4., 3.]])
l = [1., 2., 3.]
a = tf.matmul(x, w)
b = tf.matmul(arr.astype(np.float32), w)
c = tf.reduce_mean([a, a * 2])
d = tf.stop_gradient([a])
e = tf.argmax([1., 5., 3.], 0)
f = tf.argmax(arr, 1)
g = tf.nn.softmax([1., 2., 3.])
h = tf.matmul([[1., 2., 3.]], w)
i = tf.reduce_max([tf.reduce_max(a), tf.reduce_min(a)])
j = tf.nn.softmax_cross_entropy_with_logits(logits=a, labels=[[0., 0., 1.]])
k = tf.transpose(arr)
m = tf.matmul(a, np.eye(3))
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    feed = {x: [[1, 2, 3]]}
    out = sess.run(a, {x: [[1, 2, 3]]})
    print(sess.run(tf.argmax(out, 1)).tolist())
    print(sess.run(tf.nn.softmax(out)).round(4).tolist())
    print("%.4f" % sess.run(tf.reduce_mean(tf.cast(tf.equal(tf.argmax(out, 1), [0]), tf.float32))))
    print(sess.run(tf.one_hot(tf.argmax(out, 1), 3)).tolist())
    print("%.4f" % sess.run(tf.reduce_sum(out * 2)), sess.run(tf.add(out, 1.)).tolist())
    for value in sess.run([b, c, d, e, f, g, h, i, j, k, m], {x: [[1, 2, 3]]}):
        print(np.round(value, 4).tolist())
""",
    "loop_names": """
import numpy as np
x = tf.placeholder(tf.float32, [None, 2])
w = tf.Variable(tf.ones([2, 1]))
loss = tf.reduce_mean(tf.square(tf.matmul(x, w)))
optimizer = tf.train.GradientDescentOptimizer(0.1)
pairs = optimizer.compute_gradients(loss)
gradient = tf.reduce_sum(pairs[0][0]) * 3
variable = tf.reduce_sum(w)
update = optimizer.apply_gradients(pairs)
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for step in range(2):
        g, v, _ = sess.run([gradient, variable * 0, update], {x: [[1., 2.]]})
        print("%.4f %.4f" % (g, v))
""",
}


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Pair]:
    return run_both(tmp_path_factory.mktemp("flat"), PROGRAMS)


@pytest.mark.parametrize("name", PROGRAMS)
def test_prints_the_same(pairs: dict[str, Pair], name: str) -> None:
    pair = pairs[name]
    findings = [d.message for d in pair.rewritten.diagnostics if d.severity.value == "error"]
    assert not findings, pair.rewritten.text
    assert "Traceback" not in pair.original, pair.original
    assert pair.converted == pair.original, pair.rewritten.text
