"""Helper functions over variables, containers of layers, and sizes that come from data."""

from __future__ import annotations

from pathlib import Path

from tests.rewrite.both import run_both

DATA = """
import numpy as np
rng = np.random.RandomState(0)
data = rng.randn(8, 3).astype(np.float32)
wanted = data.sum(axis=1, keepdims=True)
"""

PROGRAMS = {
    # Lengths known before the run and lengths known in it, in one list.
    "shape_list": """
def shape_list(t):
    static = t.shape.as_list()
    dynamic = tf.shape(t)
    return [dynamic[i] if s is None else s for i, s in enumerate(static)]
def split_heads(t, n):
    b, l, d = shape_list(t)
    return tf.transpose(tf.reshape(t, [b, l, n, d // n]), [0, 2, 1, 3])
x = tf.placeholder(tf.float32, [None, None, 6])
w = tf.Variable(tf.fill([6, 6], 0.2))
h = tf.tensordot(x, w, [[2], [0]])
s = split_heads(h, 2)
b, n, l, d = shape_list(s)
m = tf.reshape(tf.transpose(s, [0, 2, 1, 3]), [b, l, n * d])
total = tf.reduce_sum(m * m) / tf.cast(b, tf.float32)
big = np.arange(48).reshape(2, 4, 6) / 10.0
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    print("%.4f" % sess.run(total, {x: big}), sess.run(m, {x: big}).shape)
""",
    # Two lists filled side by side, read in a loop over both.
    "list_of_layers": """
sizes = [3, 6, 4, 1]
weights, biases = [], []
for i, (a, b) in enumerate(zip(sizes[:-1], sizes[1:])):
    weights.append(tf.Variable(tf.constant(0.1, shape=[a, b]), name='w%d' % i))
    biases.append(tf.Variable(tf.zeros([b]), name='b%d' % i))
x = tf.placeholder(tf.float32, [None, 3])
y = tf.placeholder(tf.float32, [None, 1])
h = x
for w, b in zip(weights[:-1], biases[:-1]):
    h = tf.nn.sigmoid(tf.matmul(h, w) + b)
out = tf.matmul(h, weights[-1]) + biases[-1]
reg = tf.add_n([tf.nn.l2_loss(w) for w in weights])
loss = tf.reduce_mean(tf.square(out - y)) + 0.01 * reg
step = tf.train.AdamOptimizer(0.1).minimize(loss)
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for i in range(3):
        sess.run(step, {x: data, y: wanted})
    print("%.3f" % sess.run(loss, {x: data, y: wanted}))
""",
    # Helpers with defaults and keyword arguments; pairs of variables in a dict.
    "dict_layers": """
def weight_variable(shape, stddev=0.1, name=None):
    return tf.Variable(tf.constant(stddev, shape=shape), name=name)
def bias_variable(shape, value=0.1, **kw):
    return tf.Variable(tf.constant(value, shape=shape), **kw)
def conv2d(x, W, stride=1, padding='SAME'):
    return tf.nn.conv2d(x, W, strides=[1, stride, stride, 1], padding=padding)
def max_pool(x, k=2, **kwargs):
    pad = kwargs.get('padding', 'SAME')
    return tf.nn.max_pool(x, ksize=[1, k, k, 1], strides=[1, k, k, 1], padding=pad)
params = {
    'c1': (weight_variable([3, 3, 1, 4]), bias_variable([4], name='cb')),
    'c2': (weight_variable([3, 3, 4, 2], stddev=0.2), bias_variable([2], value=0.0)),
}
x = tf.placeholder(tf.float32, [None, 8, 8, 1])
h = x
for key in ['c1', 'c2']:
    w, b = params[key]
    h = max_pool(tf.nn.relu(conv2d(h, w) + b))
flat = tf.reshape(h, [-1, 2 * 2 * 2])
W = weight_variable([8, 3], name='fc')
logits = tf.matmul(flat, W)
img = np.arange(128).reshape(2, 8, 8, 1) / 100.0
losses = tf.nn.sparse_softmax_cross_entropy_with_logits(logits=logits, labels=tf.constant([0, 2]))
loss = tf.reduce_mean(losses)
step = tf.train.GradientDescentOptimizer(0.5).minimize(loss)
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for i in range(3):
        sess.run(step, {x: img})
        print("%.4f" % sess.run(loss, {x: img}))
""",
    # A loop of the graph and a loop of the session under one name.
    "append_loop": """
sizes = [3, 6, 4, 1]
weights = []
biases = []
for i in range(len(sizes) - 1):
    weights.append(tf.Variable(tf.constant(0.1, shape=[sizes[i], sizes[i + 1]]), name='w%d' % i))
    biases.append(tf.Variable(tf.zeros([sizes[i + 1]]), name='b%d' % i))
x = tf.placeholder(tf.float32, [None, 3])
y = tf.placeholder(tf.float32, [None, 1])
h = x
for i in range(2):
    h = tf.nn.sigmoid(tf.matmul(h, weights[i]) + biases[i])
out = tf.matmul(h, weights[-1]) + biases[-1]
loss = tf.reduce_mean(tf.square(out - y))
step = tf.train.AdamOptimizer(0.1).minimize(loss)
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for i in range(3):
        sess.run(step, {x: data, y: wanted})
    print("%.3f" % sess.run(loss, {x: data, y: wanted}))
""",
    # A function that returns lists of variables.
    "build_function": """
def build(sizes):
    ws, bs = [], []
    for i in range(len(sizes) - 1):
        start = tf.constant_initializer(0.1)
        ws.append(tf.get_variable('w%d' % i, [sizes[i], sizes[i + 1]], initializer=start))
        bs.append(tf.get_variable('b%d' % i, [sizes[i + 1]], initializer=tf.zeros_initializer()))
    return ws, bs
def forward(t, ws, bs):
    for k, (w, b) in enumerate(zip(ws, bs)):
        t = tf.matmul(t, w) + b
        if k != len(ws) - 1:
            t = tf.tanh(t)
    return t
ws, bs = build([3, 5, 1])
x = tf.placeholder(tf.float32, [None, 3])
y = tf.placeholder(tf.float32, [None, 1])
out = forward(x, ws, bs)
loss = tf.reduce_mean(tf.square(out - y))
step = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for i in range(3):
        sess.run(step, {x: data, y: wanted})
    print("%.4f" % sess.run(loss, {x: data, y: wanted}))
""",
    # Dicts filled in a loop over sorted keys.
    "dict_loop": """
n = {'h1': (3, 4), 'h2': (4, 5), 'out': (5, 1)}
W = {}
B = {}
for key in sorted(n):
    W[key] = tf.Variable(tf.fill(list(n[key]), 0.1), name='W_' + key)
    B[key] = tf.Variable(tf.zeros([n[key][1]]), name='B_' + key)
x = tf.placeholder(tf.float32, [None, 3])
y = tf.placeholder(tf.float32, [None, 1])
h = tf.nn.relu(tf.add(tf.matmul(x, W['h1']), B['h1']))
h = tf.nn.relu(tf.add(tf.matmul(h, W['h2']), B['h2']))
out = tf.matmul(h, W['out']) + B['out']
loss = tf.reduce_mean(tf.square(out - y))
step = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for i in range(3):
        sess.run(step, {x: data, y: wanted})
    print("%.4f" % sess.run(loss, {x: data, y: wanted}))
""",
    # A function that makes feed dictionaries.
    "feed_function": """
def feed_dict(train):
    if train:
        xs, ys = data[:4], wanted[:4]
        k = 1.0
    else:
        xs, ys = data, wanted
        k = 1.0
    return {x: xs, y: ys, keep: k}
x = tf.placeholder(tf.float32, [None, 3])
y = tf.placeholder(tf.float32, [None, 1])
keep = tf.placeholder(tf.float32)
w = tf.Variable(tf.fill([3, 1], 0.3))
out = tf.matmul(tf.nn.dropout(x, keep), w)
loss = tf.reduce_mean(tf.square(out - y))
step = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for i in range(4):
        sess.run(step, feed_dict=feed_dict(True))
        print("%.4f" % sess.run(loss, feed_dict=feed_dict(False)))
""",
    # Arrays on the left of tensors.
    "host_left": """
def make(n):
    return [rng.rand(n, 3) for _ in range(1)][0]
x = tf.placeholder(tf.float32, [None, 3])
w = tf.Variable(tf.fill([3, 3], 0.3))
target = make(8)
scale = {"a": target * 2}["a"]
pred = tf.matmul(x, w)
err = target - pred
loss = tf.reduce_mean(tf.square(err)) + tf.reduce_sum(scale * pred) * 0.01
step = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for i in range(3):
        sess.run(step, {x: data})
        print("%.4f" % sess.run(loss, {x: data}))
""",
    # What the model must know of arrays: their sizes, passed when they are there.
    "sizes_of_data": """
pairs = np.concatenate([data, wanted], axis=1)
x = tf.placeholder(tf.float32, [None, pairs.shape[1]])
w = tf.Variable(tf.fill([pairs.shape[1], 2], 0.1))
out = tf.layers.dense(
    tf.matmul(x, w), 1, kernel_initializer=tf.constant_initializer(0.5), use_bias=False
)
loss = tf.reduce_mean(tf.square(out))
step = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
words = sorted(set("a model and its words"))
ids = np.array([words.index(c) for c in "words"])
flat = int(np.prod(data.shape[1:]))
t = tf.placeholder(tf.int32, [None])
table = tf.get_variable("t", [len(words), flat], initializer=tf.constant_initializer(0.25))
total = tf.reduce_sum(tf.nn.embedding_lookup(table, t))
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for i in range(3):
        sess.run(step, {x: pairs})
        print("%.4f %.4f" % (sess.run(loss, {x: pairs}), sess.run(total, {t: ids})))
""",
    # One network called three times: reuse=, AUTO_REUSE and reuse_variables().
    "shared_calls": """
def dense(t, size, name):
    with tf.variable_scope(name):
        start = tf.constant_initializer(0.2)
        w = tf.get_variable("w", [t.get_shape()[-1], size], initializer=start)
        return tf.nn.tanh(tf.matmul(t, w))


def net(t, reuse=None):
    with tf.variable_scope("net", reuse=reuse):
        return dense(dense(t, 5, "one"), 1, "two")


x = tf.placeholder(tf.float32, [None, 3])
y = tf.placeholder(tf.float32, [None, 1])
loss = tf.reduce_mean(tf.square(net(x) - y))
again = net(tf.constant(data[:2]), reuse=True)
with tf.variable_scope(tf.get_variable_scope()) as scope:
    scope.reuse_variables()
    third = net(-x)
step = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for i in range(3):
        sess.run(step, {x: data, y: wanted})
        print("%.4f" % sess.run(loss, {x: data, y: wanted}))
    print("%.4f %.4f" % (sess.run(again).sum(), sess.run(third, {x: data}).sum()))
""",
}


def test_both_versions_print_the_same(tmp_path: Path) -> None:
    done = run_both(tmp_path, {name: DATA + text for name, text in PROGRAMS.items()})
    for name, pair in done.items():
        assert "TODO" not in pair.rewritten.text, name
        assert pair.converted == pair.original, name
