"""Variables that host code looks at, gradients that it works on, tensors that it names."""

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
with tf.variable_scope("body"):
    h = tf.layers.dense(x, 4, tf.tanh, kernel_initializer=tf.constant_initializer(0.3), name="one")
with tf.variable_scope("head"):
    out = tf.layers.dense(h, 1, kernel_initializer=tf.constant_initializer(0.1), name="out")
loss = tf.reduce_mean(tf.square(out - y), name="loss")
tvars = tf.trainable_variables()
opt = tf.train.GradientDescentOptimizer(0.1)
feed = {x: data, y: wanted}
"""
LOOP = """
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for i in range(4):
"""
LOSS = """
        print("%.5f" % sess.run(loss, feed))
"""

#: Programs behind GRAPH; LOOP opens a session and a loop of four rounds, LOSS prints the loss.
PROGRAMS = {
    "clip_global": """
grads, norm = tf.clip_by_global_norm(tf.gradients(loss, tvars), 0.5)
train_op = opt.apply_gradients(zip(grads, tvars))
"""
    + LOOP
    + """
        _, n = sess.run([train_op, norm], feed)
        print("%.5f" % n)
"""
    + LOSS,
    "clip_global2": """
gvs = opt.compute_gradients(loss)
gradients, variables = zip(*gvs)
gradients, _ = tf.clip_by_global_norm(gradients, 0.3)
train_op = opt.apply_gradients(zip(gradients, variables))
"""
    + LOOP
    + """        sess.run(train_op, feed)
"""
    + LOSS,
    "clip_norm": """
gvs = opt.compute_gradients(loss, tvars)
for i, (g, v) in enumerate(gvs):
    if g is not None:
        gvs[i] = (tf.clip_by_norm(g, 0.2), v)
train_op = opt.apply_gradients(gvs)
"""
    + LOOP
    + """        sess.run(train_op, feed)
"""
    + LOSS,
    "clip_value": """
gvs = opt.compute_gradients(loss)
capped = [(tf.clip_by_value(grad, -0.1, 0.1), var) for grad, var in gvs if grad is not None]
train_op = opt.apply_gradients(capped, global_step=tf.train.get_or_create_global_step())
"""
    + LOOP
    + """        sess.run(train_op, feed)
"""
    + LOSS,
    "l2": """
l2 = 0.01 * sum(tf.nn.l2_loss(v) for v in tf.trainable_variables() if not ("bias" in v.name))
l2b = tf.add_n([tf.nn.l2_loss(v) for v in tvars if "kernel" in v.name]) * 0.1
train_op = opt.minimize(loss + l2 + l2b)
"""
    + LOOP
    + """
        _, a, b = sess.run([train_op, l2, l2b], feed)
        print("%.5f %.5f" % (a, b))
"""
    + LOSS,
    "look": """
train_op = opt.minimize(loss)
for v in tf.trainable_variables():
    print(v.name, v.get_shape().as_list(), v.op.name)
print([v.name for v in tvars], len(tvars))
total = 0
for v in tvars:
    size = 1
    for d in v.get_shape():
        size *= d.value
    total += size
print(total, np.sum([np.prod(v.get_shape().as_list()) for v in tf.trainable_variables()]))
"""
    + LOOP
    + """
        sess.run(train_op, feed)
    values = sess.run(tvars)
    print([a.shape for a in values], "%.5f" % values[0].sum())
    for v in tvars:
        value = sess.run(v)
        print(v.name, value.shape, "%.5f" % value[0].sum())
    for v, value in zip(tvars, sess.run(tvars)):
        print(v.op.name, value.shape)
    k = sess.run(tvars[0])
    print(k.shape, sess.run("body/one/kernel:0").shape, tvars[2].eval().shape)
    assign = tvars[0].assign(np.arange(12).reshape(3, 4) / 10.0)
    sess.run(assign)
    print("%.5f" % sess.run(loss, feed))
    sess.run(tf.assign(tvars[2], np.ones((4, 1))))
    print("%.5f" % sess.run(loss, feed))
    named = {v.name: sess.run(v) for v in tvars}
    print(sorted((k, a.shape) for k, a in named.items()))
""",
    "by_name": """
train_op = opt.minimize(loss, name="train")
graph = tf.get_default_graph()
xx = graph.get_tensor_by_name("x:0")
ll = graph.get_tensor_by_name("loss:0")
"""
    + LOOP
    + """
        sess.run("train", feed_dict={"x:0": data, "y:0": wanted})
        print("%.5f" % sess.run("loss:0", {xx: data, y: wanted}))
        print("%.5f" % sess.run(ll, feed_dict=feed))
        op = graph.get_operation_by_name("loss").outputs[0]
        print("%.5f" % sess.run(op, feed))
""",
    "frozen": """
head = tf.get_collection(tf.GraphKeys.TRAINABLE_VARIABLES, scope="head")
train_op = tf.train.AdamOptimizer(0.05).minimize(loss, var_list=head)
swap = [tf.assign(v, v * 0.5) for v in tf.trainable_variables(scope="body")]
"""
    + LOOP
    + """
        sess.run(train_op, feed)
        if i == 2: sess.run(swap)
"""
    + LOSS,
}


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Pair]:
    folder: Path = tmp_path_factory.mktemp("seen")
    return run_both(folder, {name: GRAPH + text for name, text in PROGRAMS.items()})


@pytest.mark.parametrize("name", PROGRAMS)
def test_both_versions_print_the_same(name: str, pairs: dict[str, Pair]) -> None:
    pair = pairs[name]
    assert "TODO" not in pair.rewritten.text
    assert numbers(pair.converted)[0] == numbers(pair.original)[0], pair.converted
    assert numbers(pair.converted)[1] == pytest.approx(numbers(pair.original)[1], abs=5e-5)


def test_names_of_tensors_become_those_of_the_program(pairs: dict[str, Pair]) -> None:
    text = pairs["by_name"].rewritten.text
    assert "by_name" not in text
    assert ":0" not in text
