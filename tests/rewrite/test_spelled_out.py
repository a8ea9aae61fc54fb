"""Short forms of graph code: loops over fetches, lambdas and comprehensions with layers, ``**``."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.rewrite.both import Pair, convert_text, run_both

LOOP = """
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for i in range(3):
        _, v = sess.run([train, loss], {x: np.ones((2, 4)) * i})
        print(i, "%.2f" % v)
"""
PROGRAMS = {
    "fetched_in_turn": """
a = tf.constant([1.0, 2.0])
b = tf.constant(3)
w = tf.Variable([1.0, 4.0])
c = a + w
x = tf.placeholder(tf.float32, [2])
d = x * w
grow = w.assign(w * 2.0)
sess = tf.Session()
sess.run(tf.global_variables_initializer())
# Each of them.
for z in [a, b]:
    print(sess.run(z))
for z in (w, c):
    print(sess.run(z).tolist())
for name, t in [("a", a), ("c", c)]:
    value = sess.run(t)
    print(name, value.sum(), t.get_shape().as_list())
for name, t in {"x": c * 2, "y": c}.items():
    print(name, sess.run(t).tolist())
for t in [d, d + 1]:
    print(t.eval({x: [5., 6.]}, session=sess).tolist())
for op in [grow, grow]:
    sess.run(op)
for factor in [1.0, 2.0]:
    print(factor, sess.run(d, {x: [factor, factor]}).tolist())
""",
    "layers_in_short": """
import numpy as np
ones = tf.ones_initializer()
x = tf.placeholder(tf.float32, [None, 4])
dense = lambda given, n: tf.layers.dense(given, n, activation=tf.nn.tanh, kernel_initializer=ones)
h = dense(x, 8)
h = dense(h, 6)
outs = [tf.layers.dense(h, n, kernel_initializer=ones) for n in (2, 3)]
make = lambda shape: tf.Variable(tf.ones(shape) * 0.5)
w = make([2, 1])
y = tf.matmul(outs[0], w) + tf.reduce_sum(outs[1], 1, keep_dims=True)
loss = tf.reduce_mean(tf.square(y))
train = tf.train.GradientDescentOptimizer(0.001).minimize(loss)
"""
    + LOOP,
    "arguments": """
import numpy as np
common = dict(activation=tf.nn.tanh, kernel_initializer=tf.initializers.ones)
last = {"units": 2, "use_bias": False, "kernel_initializer": tf.ones_initializer}
x = tf.placeholder(tf.float32, [None, 4])
h = tf.layers.dense(x, 3, **common)
h = tf.layers.dense(h, 5, name="second", **common)
y = tf.layers.dense(h, **last)
loss = tf.reduce_mean(tf.square(y))
train = tf.train.GradientDescentOptimizer(0.001).minimize(loss)
"""
    + LOOP,
}


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Pair]:
    return run_both(tmp_path_factory.mktemp("short"), PROGRAMS)


@pytest.mark.parametrize("name", sorted(PROGRAMS))
def test_prints_the_same(pairs: dict[str, Pair], name: str) -> None:
    pair = pairs[name]
    assert "Traceback" not in pair.original, pair.original
    assert "TODO" not in pair.rewritten.text, pair.rewritten.text
    assert pair.converted == pair.original, pair.rewritten.text


def test_what_is_spelled_out_is_gone(pairs: dict[str, Pair]) -> None:
    assert "common" not in pairs["arguments"].rewritten.text
    text = pairs["fetched_in_turn"].rewritten.text
    assert text.count("# Each of them.") == 1
    assert "for factor in [1.0, 2.0]:" in text
    assert "class Dense(nn.Module):" in pairs["layers_in_short"].rewritten.text


@pytest.mark.parametrize(
    "change", ['common["units"] = 3', "common.update(units=3)", "common = dict(name='b')"]
)
def test_dictionaries_that_change_are_not_constants(change: str, tmp_path: Path) -> None:
    text = f"""
import tensorflow as tf
common = dict(use_bias=False)
{change}
x = tf.placeholder(tf.float32, [None, 4])
y = tf.layers.dense(x, 2, **common)
with tf.Session() as sess:
    print(sess.run(y, {{x: [[1., 2., 3., 4.]]}}))
"""
    made = convert_text(tmp_path, "changed", text)
    assert "is called with **arguments" in made.text
