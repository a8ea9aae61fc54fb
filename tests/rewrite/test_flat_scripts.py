"""Idioms of flat scripts: names used twice, host values given to the graph, prints of the graph."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.rewrite.both import Pair, convert_text, run_both

PROGRAMS = {
    "parameter_of_a_class": """
class Box(object):
    def __init__(self, w):
        self.w = w
    def twice(self, y=1):
        w = self.w * 2
        return w + y
x = tf.placeholder(tf.float32, [None, 2])
w = tf.Variable(tf.ones([2, 1]))
y = tf.matmul(x, w)
box = Box(3)
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    print(sess.run(y, {x: [[1., box.twice()]]}).tolist(), sess.run(w).tolist())
""",
    "keyword_only": """
import numpy as np
def norm(x, scope, *, axis=-1, epsilon=1e-5):
    with tf.variable_scope(scope):
        gain = tf.get_variable("g", [x.shape[-1]], initializer=tf.constant_initializer(2.))
        mean = tf.reduce_mean(x, axis=axis, keepdims=True)
        square = tf.reduce_mean(tf.square(x - mean), axis=axis, keepdims=True)
        return (x - mean) * tf.rsqrt(square + epsilon) * gain
def project(x, scope, size, *, value=0.5):
    with tf.variable_scope(scope):
        w = tf.get_variable("w", [3, size], initializer=tf.constant_initializer(value))
        return tf.matmul(x, w) + tf.range(size, dtype=tf.float32)
x = tf.placeholder(tf.float32, [None, 3])
y = norm(project(x, "a", 4, value=0.1), "b", epsilon=1.) + norm(project(x, "c", 4), "d")
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    print(np.round(sess.run(y, {x: [[1., 2., 4.]]}), 4).tolist())
""",
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
    "runs_in_one_statement": """
x = tf.placeholder(tf.float32, [None])
w = tf.Variable([2.0, 1.0])
step = tf.Variable(0, trainable=False)
loss = tf.reduce_sum(tf.square(w) * x)
train = tf.train.GradientDescentOptimizer(0.125).minimize(loss, global_step=step)
bump = w.assign(w + 1.0)
one, two = [1., 2.], [3., 4.]
sess = tf.Session()
sess.run(tf.global_variables_initializer())
print(sess.run(loss, {x: one}), sess.run(loss, {x: two}))
print(sess.run(loss, {x: one}), sess.run(train, {x: one}), sess.run(loss, {x: one}))
print(sess.run(w).tolist(), sess.run(train, {x: one}), sess.run(w).tolist(), sess.run(step))
print(sess.run(step), sess.run([train, loss], {x: two})[1], sess.run(step))
a, b = sess.run(w), sess.run(bump)
print(a.tolist(), b.tolist(), sess.run(w).tolist())
if sess.run(loss, {x: one}) < sess.run(loss, {x: two}):
    print("less")
""",
    "variables_handed_over": """
import numpy as np
def linear(x, n, scope, with_w=False):
    with tf.variable_scope(scope):
        matrix = tf.get_variable("matrix", [x.get_shape().as_list()[1], n],
                                 initializer=tf.constant_initializer(0.5))
        bias = tf.get_variable("bias", [n], initializer=tf.constant_initializer(1.0))
        if with_w:
            return tf.matmul(x, matrix) + bias, matrix, bias
        return tf.matmul(x, matrix) + bias
x = tf.placeholder(tf.float32, [None, 4])
h, h_w, h_b = linear(x, 3, "h", with_w=True)
y = tf.reduce_sum(linear(h, 2, "y"))
train = tf.train.GradientDescentOptimizer(0.125).minimize(y)
sess = tf.Session()
sess.run(tf.global_variables_initializer())
print(sess.run(h_w).tolist(), sess.run([h_b])[0].tolist())
sess.run(train, {x: np.ones([1, 4])})
print(sess.run([h_w, h_b])[1].tolist(), sess.run([y, h_w], {x: np.ones([1, 4])})[1].tolist())
""",
    "under_a_guard": """
import numpy as np
def net(x, n):
    w = tf.get_variable("w", [2, n], initializer=tf.ones_initializer())
    return tf.reduce_sum(tf.matmul(x, w), 1)
# Only here.
if __name__ == "__main__":
    data = np.ones((3, 2))
    x = tf.placeholder(tf.float32, [None, 2])
    y = net(x, 3)
    loss = tf.reduce_mean(tf.square(y))
    train = tf.train.GradientDescentOptimizer(0.125).minimize(loss)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for i in range(2):
            sess.run(train, {x: data})
            print(i, sess.run(y, {x: data}).tolist())
""",
    "functions_of_numbers": """
def polynomial(v):
    return tf.subtract(3 * tf.square(v), v) + 10
def plus(v):
    return tf.add(v, 1)
def halves(v):
    return v / 2 + tf.constant(1.0)
sess = tf.Session()
print(sess.run(polynomial(11)), sess.run(plus(2)), sess.run(plus(2.5)), sess.run(halves(3.)))
for n in range(3):
    print(sess.run(polynomial(n)), sess.run(plus(n)) + 1)
x = tf.placeholder(tf.float32)
print(sess.run(x * 2, {x: 3.}), sess.run(x * 2, {x: [3., 4.]}).tolist())
""",
    "sections": """
import numpy as np
def model(X, w):
    return tf.multiply(X, w)

sess = tf.Session()
start = tf.constant(3.)
a = tf.Variable(start * 2)
x = tf.placeholder(tf.float32)
out = model(x, a)
loss = tf.square(out - 50.)
train = tf.train.GradientDescentOptimizer(0.01).minimize(loss)
sess.run(tf.global_variables_initializer())
for i in range(3):
    sess.run(train, feed_dict={x: 5.})
    print("%.4f %.4f" % (sess.run(a), sess.run(out, feed_dict={x: 5.})))
b = tf.Variable(tf.zeros([]))
a = tf.Variable(1.)
x = tf.placeholder(tf.float32)
out = tf.add(tf.multiply(a, x), b)
loss = tf.square(out - 50.)
train = tf.train.GradientDescentOptimizer(0.01).minimize(loss)
sess.run(tf.global_variables_initializer())
for i in range(3):
    sess.run(train, feed_dict={x: 5.})
    print("%.4f %.4f" % (sess.run(a), sess.run(out, feed_dict={x: 5.})))
""",
    "assigned_beside_training": """
import numpy as np
x = tf.placeholder(tf.float32, [None, 3])
w = tf.Variable(tf.ones([3, 1]))
total = tf.Variable(0.)
seen = tf.Variable(0.)
loss = tf.reduce_mean(tf.square(tf.matmul(x, w)))
train = tf.train.GradientDescentOptimizer(0.01).minimize(loss, var_list=[w])
count = total.assign_add(loss)
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for i in range(3):
        _, l, _ = sess.run([train, loss, count], {x: np.ones([2, 3])})
        print("%.4f %.4f" % (l, sess.run(total)))
        _, l, _ = sess.run([train, loss, tf.assign(seen, seen + 1.)], {x: np.ones([2, 3])})
        print("%.4f %.1f" % (l, sess.run(seen)))
        _ = sess.run(tf.assign_add(seen, 10.))
        print("%.1f" % sess.run(seen))
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
    "constants": """
def clipped(x):
    return(tf.nn.relu(x))

def negative(a, b):
    assert(a is not None)
    return(-(tf.add(a, b)))

c = tf.add(1, 2)
d = tf.multiply(c, 2)
e = tf.sqrt(tf.cast(d, tf.float32))
x = tf.placeholder(tf.float32, [None, 2])
y = tf.multiply(x, tf.cast(c, tf.float32))
n = tf.pow(tf.shape(x)[0], 2)
s = tf.constant("hello")
values, vectors = tf.self_adjoint_eig(tf.diag([1., 2.]))
with tf.Session() as sess:
    print(sess.run(clipped(tf.constant([1., -1.]))).tolist())
    print(sess.run(negative(tf.constant(1.), tf.constant(2.))))
    print(sess.run(tf.div(7, 2)), sess.run(tf.mod(7, 4)), sess.run(tf.constant("a")))
    fetched = sess.run([c, d, e, y, n], {x: [[1., 2.]]})
    print(fetched[0], fetched[1], "%.4f" % fetched[2], fetched[3].tolist(), fetched[4])
    print(sess.run(s), sess.run(s).decode(), sess.run(values).tolist())
    largest, smallest = sess.run(tf.self_adjoint_eig(tf.diag([1., 2.])))
    print(largest.tolist())
    mean, variance = tf.nn.moments(tf.constant([1., 2.]), 0)
    print("%.2f %.2f" % tuple(sess.run([mean, variance])))
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


GRAPH_PRINTS = """
def layer(x, n):
    w = tf.Variable(tf.ones([3, n]))
    y = tf.matmul(x, w)
    print(y)
    print("layer", y.get_shape(), n)
    return y

x = tf.placeholder(tf.float32, [None, 3])
h = layer(x, 4)
print(h)
print("x %s" % x, "h {}".format(h))
print("h", h.get_shape(), h.shape.as_list())
print("built")
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for i in range(2):
        print(i, sess.run(h, {x: [[1, 2, 3]]}))
"""


CLIPPED = """
x = tf.placeholder(tf.float32, [None, 3])
w = tf.Variable(tf.ones([3, 1]))
loss = tf.reduce_mean(tf.matmul(x, w))
train = tf.train.GradientDescentOptimizer(0.1).minimize(-loss, var_list=[w])
clip = [p.assign(tf.clip_by_value(p, -0.01, 0.01)) for p in [w]]
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for i in range(2):
        _, l, _ = sess.run([train, loss, clip], {x: [[1., 2., 3.]]})
"""


def test_weights_are_clipped_behind_the_step(tmp_path: Path) -> None:
    text = convert_text(tmp_path, "clipped", "import tensorflow as tf\n" + CLIPPED).text
    assert text.index(".backward()") < text.index("train.step()") < text.index("clip = [")


def test_prints_of_the_graph_are_left_out_and_reported(tmp_path: Path) -> None:
    made = convert_text(tmp_path, "prints", "import tensorflow as tf\n" + GRAPH_PRINTS)
    printed = [line.strip() for line in made.text.splitlines() if "print(" in line]
    shapes = 'print("h", (None, 4), [None, 4])'
    assert printed == [shapes, 'print("built")', "print(i, h.cpu().numpy())"]
    notes = [d.line for d in made.diagnostics if d.rule == "graph-print"]
    assert notes == [6, 7, 12, 13]


def test_numpy_names_of_old(tmp_path: Path) -> None:
    lines = """
import numpy as np
import tensorflow as tf
a = np.zeros([2, 2], dtype=np.float)
b = np.reshape(a, newshape=(4,)).astype(np.int)
c = [np.Inf, -np.NaN, np.NINF, np.product(b), np.float32(1)]
print(a, b, c)
"""
    text = convert_text(tmp_path, "old", lines).text
    assert "dtype=float)" in text
    assert "np.reshape(a, (4,)).astype(int)" in text
    assert "[np.inf, -np.nan, (-np.inf), np.prod(b), np.float32(1)]" in text


def test_the_mnist_reader_takes_the_seed_of_the_graph(tmp_path: Path) -> None:
    head = "import tensorflow as tf\nfrom tensorflow.examples.tutorials.mnist import input_data\n"
    read = "data = input_data.read_data_sets('MNIST', one_hot=True)\nprint(data.train.images)\n"
    cases = {
        "tf.set_random_seed(7)\n" + read: "read_data_sets('MNIST', one_hot=True, seed=7)",
        read + "tf.set_random_seed(7)\n": "read_data_sets('MNIST', one_hot=True)",
        "tf.set_random_seed(7)\ntf.reset_default_graph()\n" + read: "'MNIST', one_hot=True)",
        "S = 3\ntf.set_random_seed(S)\n" + read: "read_data_sets('MNIST', one_hot=True, seed=S)",
    }
    for number, (body, expected) in enumerate(cases.items()):
        assert expected in convert_text(tmp_path, f"reader{number}", head + body).text


@pytest.mark.parametrize("name", PROGRAMS)
def test_prints_the_same(pairs: dict[str, Pair], name: str) -> None:
    pair = pairs[name]
    findings = [d.message for d in pair.rewritten.diagnostics if d.severity.value == "error"]
    assert not findings, pair.rewritten.text
    assert "Traceback" not in pair.original, pair.original
    assert pair.converted == pair.original, pair.rewritten.text


def test_slots_of_optimizers_that_share_variables_are_numbered(tmp_path: Path) -> None:
    text = """
import tensorflow as tf
x = tf.placeholder(tf.float32, [None, 3])
w = tf.Variable(tf.ones([3, 1]))
v = tf.Variable(tf.ones([1]))
a = tf.reduce_mean(tf.matmul(x, w))
b = tf.reduce_mean(tf.square(tf.matmul(x, w) + v))
first = tf.train.AdamOptimizer().minimize(a, var_list=[w])
second = tf.train.AdamOptimizer().minimize(b, var_list=[w, v])
third = tf.train.MomentumOptimizer(0.1, 0.9).minimize(b)
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for op in range(2):
        sess.run(first, {x: [[1, 2, 3]]})
        sess.run(second, {x: [[1, 2, 3]]})
        sess.run(third, {x: [[1, 2, 3]]})
"""
    entries = convert_text(tmp_path, "slots", text).weights["optimizers"]
    patterns = {"{}/Adam": "exp_avg", "{}/Adam_1": "exp_avg_sq"}
    shared = {"Variable/Adam_2": "exp_avg", "Variable/Adam_3": "exp_avg_sq"}
    assert [entry["slots"] for entry in entries] == [
        patterns, {**patterns, **shared}, {"{}/Momentum": "momentum_buffer"}
    ]  # fmt: skip
    assert [entry["powers"] for entry in entries] == [
        ["beta1_power", "beta2_power"], ["beta1_power_1", "beta2_power_1"], []
    ]  # fmt: skip
