"""Feed dictionaries that helpers return or that are built in steps: both versions agree."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.rewrite.both import Pair, run_both
from tests.rewrite.test_schedules import numbers

GRAPH = """
import numpy as np
rng = np.random.RandomState(0)
data = rng.randn(8, 3).astype(np.float32)
wanted = data.sum(axis=1, keepdims=True)
x = tf.placeholder(tf.float32, [None, 3], name="x")
y = tf.placeholder(tf.float32, [None, 1], name="y")
keep = tf.placeholder_with_default(1.0, [], name="keep")
w = tf.Variable(tf.fill([3, 1], 0.2), name="w")
b = tf.Variable(tf.zeros([1]), name="b")
out = tf.matmul(x, w) * keep + b
loss = tf.reduce_mean(tf.square(out - y), name="loss")
train_op = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
"""
LOOP = """
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for i in range(4):
"""

#: Programs behind GRAPH; LOOP opens a session and a loop of four rounds.
PROGRAMS = {
    "helper": GRAPH
    + """
def batch(i):
    pick = slice(i, i + 4)
    return {x: data[pick], y: wanted[pick]}
"""
    + LOOP
    + """
        _, l = sess.run([train_op, loss], feed_dict=batch(i))
        print("%.5f" % l, "%.5f" % loss.eval(feed_dict=batch(0)))
""",
    "steps": GRAPH
    + LOOP
    + """
        feed = {x: data}
        feed[y] = wanted
        if i % 2:
            feed[keep] = 0.5
        _, l = sess.run([train_op, loss], feed_dict=feed)
        print("%.5f" % l)
""",
    "update": GRAPH
    + """
def extra(p):
    d = dict()
    d.update({keep: p})
    return d
"""
    + LOOP
    + """
        feed_dict = {x: data, y: wanted}
        feed_dict.update(extra(0.5))
        sess.run(train_op, feed_dict)
        feed_dict[keep] = 1.0
        print("%.5f" % sess.run(loss, feed_dict))
""",
    "zips": GRAPH
    + """
inputs = [x, y]
"""
    + LOOP
    + """
        sess.run(train_op, feed_dict=dict(zip([x, y], [data, wanted])))
        l = sess.run(loss, feed_dict={k: v for k, v in zip(inputs, (data, wanted))})
        print("%.5f" % l)
        fd = {}
        for j, ph in enumerate(inputs):
            fd[ph] = (data, wanted)[j]
        print("%.5f" % sess.run(loss, fd))
""",
    "branches": GRAPH
    + """
def feeds(train):
    if train:
        xs, ys = data[:4], wanted[:4]
        k = 0.5
    else:
        xs, ys = data, wanted
        k = 1.0
    return {x: xs, y: ys, keep: k}

def other(train):
    if train:
        return {x: data[:4], y: wanted[:4], keep: 0.5}
    return {x: data, y: wanted}
"""
    + LOOP
    + """
        sess.run(train_op, feed_dict=feeds(True))
        print("%.5f" % sess.run(loss, feed_dict=feeds(False)))
        sess.run(train_op, feed_dict=other(True))
        print("%.5f" % sess.run(loss, feed_dict=other(False)))
""",
    "param": GRAPH
    + """
def step(sess, feed, ops):
    return sess.run(ops, feed_dict=feed)

def run_step(session, fd):
    _, l = session.run([train_op, loss], feed_dict=fd)
    return l
"""
    + LOOP
    + """
        l = run_step(sess, {x: data, y: wanted})
        print("%.5f" % l)
        fd = {x: data[:2], y: wanted[:2], keep: .7}
        print("%.5f" % run_step(sess, fd))
""",
    "lam": GRAPH
    + """
make = lambda i, k=1.0: {x: data[i:i+4], y: wanted[i:i+4], keep: k}
"""
    + LOOP
    + """
        sess.run(train_op, make(i, 0.5))
        print("%.5f" % sess.run(loss, feed_dict=make(0)))
""",
    "spread": GRAPH
    + LOOP
    + """
        base = {x: data}
        sess.run(train_op, {**base, y: wanted})
        l = sess.run(loss, {**base, y: wanted, keep: 0.9})
        print("%.5f" % l, len(base), sorted(v.shape for v in base.values()))
""",
    "training_flag": """
import numpy as np
rng = np.random.RandomState(0)
data = rng.randn(8, 3).astype(np.float32)
wanted = data.sum(axis=1, keepdims=True)
x = tf.placeholder(tf.float32, [None, 3])
y = tf.placeholder(tf.float32, [None, 1])
is_training = tf.placeholder(tf.bool, [])
h = tf.layers.batch_normalization(x, training=is_training, momentum=0.5)
out = tf.layers.dense(h, 1, kernel_initializer=tf.constant_initializer(0.3))
loss = tf.reduce_mean(tf.square(out - y))
with tf.control_dependencies(tf.get_collection(tf.GraphKeys.UPDATE_OPS)):
    train_op = tf.train.GradientDescentOptimizer(0.1).minimize(loss)

def feed(train):
    if train:
        return {x: data, y: wanted, is_training: True}
    else:
        return {x: data[:4], y: wanted[:4], is_training: False}"""
    + LOOP
    + """        sess.run(train_op, feed_dict=feed(True))
        print("%.5f" % sess.run(loss, feed_dict=feed(False)))
""",
}

PROGRAMS["main_function"] = """
import numpy as np
import os
def build(x, y):
    w = tf.get_variable("w", [3, 1], initializer=tf.constant_initializer(0.2))
    return tf.reduce_mean(tf.square(tf.matmul(x, w) - y))
def lr_schedule(step, base):
    warm = tf.cast(step, tf.float32) / 2.0
    decayed = tf.train.cosine_decay(base, step - 2, 5)
    return tf.cond(tf.less(step, 2), lambda: base * warm, lambda: decayed)
def get_feed(x, y, data):
    return {x: data, y: data.sum(1, keepdims=True)}
def main():
    rng = np.random.RandomState(0)
    data = rng.randn(8, 3).astype(np.float32)
    x = tf.placeholder(tf.float32, [None, 3])
    y = tf.placeholder(tf.float32, [None, 1])
    loss = build(x, y)
    step = tf.train.get_or_create_global_step()
    lr = lr_schedule(step, 0.1)
    opt = tf.train.AdamOptimizer(lr)
    train_op = opt.minimize(loss, global_step=step)
    saver = tf.train.Saver(max_to_keep=1)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for i in range(4):
            _, l, r, s = sess.run([train_op, loss, lr, step], feed_dict=get_feed(x, y, data))
            print("%.5f %.5f" % (l, r))
        saver.save(sess, "mf/model", step)
        saver.restore(sess, tf.train.latest_checkpoint("mf"))
        sess.run(train_op, feed_dict=get_feed(x, y, data))
        print("%.5f" % sess.run(loss, get_feed(x, y, data)), sess.run(step))
if __name__ == "__main__":
    main()
"""
PROGRAMS["rate_argument"] = """
import numpy as np
rng = np.random.RandomState(0)
data = rng.randn(8, 3).astype(np.float32)
wanted = data.sum(axis=1, keepdims=True)
x = tf.placeholder(tf.float32, [None, 3], name="x")
y = tf.placeholder(tf.float32, [None, 1], name="y")
w = tf.Variable(tf.fill([3, 1], 0.2), name="w")
b = tf.Variable(tf.zeros([1]), name="b")
out = tf.matmul(x, w) + b
loss = tf.reduce_mean(tf.square(out - y), name="loss")

lr = 0.1
learning_rate = tf.placeholder(tf.float32)
train_op = tf.train.AdamOptimizer(learning_rate=learning_rate).minimize(loss)
def feed(batch, rate=None):
    d = {x: batch, y: batch.sum(axis=1, keepdims=True)}
    if rate is not None:
        d[learning_rate] = rate
    return d
last = None

with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for i in range(5):

        l, _ = sess.run([loss, train_op], feed(data, lr))
        if last is not None and l > last * 0.7:
            lr *= 0.5
        last = l
        print("%.5f %.5f %.5f" % (l, lr, sess.run(loss, feed_dict=feed(data[:2]))))
"""

# What is fed before a loop is another value in its second round; arrays that change in place.
PROGRAMS["rounds"] = """
import numpy as np
x = tf.placeholder(tf.float32, [None, 2])
w = tf.placeholder(tf.float32, [2])
y = tf.reduce_sum(x * w, 1)
new_w = w + 0.1 * tf.reduce_mean(x, 0)
data = np.arange(6.0).reshape(3, 2)
other = data + 1
cur = np.ones(2)
with tf.Session() as sess:
    print(sess.run(y, {x: data, w: cur}))
    for i in range(3):
        print(sess.run(y, {x: data, w: cur}))
        cur = sess.run(new_w, {x: other, w: cur})
        print(cur)
    k = 0
    while k < 3:
        cur = sess.run(new_w, {x: data, w: cur})
        print(cur, sess.run(y, {x: data, w: cur}))
        k += 1
    batch = np.ones((3, 2))
    for i in range(3):
        print(sess.run(y, {x: batch, w: cur}))
        batch[0, 0] += 1
        print(sess.run(y, {x: batch, w: cur}))
        np.random.RandomState(i).shuffle(batch)
        print(sess.run(y, {x: batch, w: cur}).sum())
"""

# Host code reads what a feed dictionary has for a placeholder.
PROGRAMS["read_back"] = """
import numpy as np
x = tf.placeholder(tf.float32, [None, 2])
k = tf.placeholder(tf.float32)
y = tf.reduce_sum(x, 1) * k
with tf.Session() as sess:
    for i in range(3):
        batch = np.arange(4.0).reshape(2, 2) + i
        feed = {x: batch, k: 0.5}
        for row, value in zip(feed[x], sess.run(y, feed)):
            print(row[0], row[1], "%.3f" % value)
"""


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Pair]:
    folder: Path = tmp_path_factory.mktemp("feeds")
    return run_both(folder, PROGRAMS)


@pytest.mark.parametrize("name", PROGRAMS)
def test_both_versions_print_the_same(name: str, pairs: dict[str, Pair]) -> None:
    pair = pairs[name]
    assert "TODO" not in pair.rewritten.text
    assert numbers(pair.converted)[0] == numbers(pair.original)[0], pair.converted
    assert numbers(pair.converted)[1] == pytest.approx(numbers(pair.original)[1], abs=2e-5)


def test_placeholders_are_keys_by_their_names(pairs: dict[str, Pair]) -> None:
    text = pairs["helper"].rewritten.text
    assert 'return {"x": data[pick], "y": wanted[pick]}' in text
    assert "feed = batch(i)" in text
