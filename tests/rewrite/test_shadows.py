"""Programs with names that conversions bind too: both versions print the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.rewrite.both import Pair, run_both
from tests.rewrite.test_schedules import numbers

GRAPH = """
import numpy as np
rng = np.random.RandomState(0)
data = rng.randn(8, 3).astype(np.float32)
x = tf.placeholder(tf.float32, [None, 3], name="x")
w = tf.Variable(tf.fill([3, 3], 0.2), name="w")
"""
TRAIN = """train_op = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
"""
RUN = """
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for i in range(3):
        print("%.5f" % sess.run(loss, {x: data}))
        sess.run(train_op, {x: data})
"""

#: Programs between GRAPH and RUN.
PROGRAMS = {
    "one_hot": """
one_hot = tf.one_hot([0, 1, 2, 0, 1, 2, 0, 1], 3, on_value=0.9, off_value=0.05)
loss = tf.reduce_mean(tf.square(tf.matmul(x, w) - one_hot))
"""
    + TRAIN
    + RUN,
    "F_nn": """
F = 3
nn = 2.0
math = 0.5
h = tf.nn.relu(tf.matmul(x, w)) * nn + F * math
loss = tf.reduce_mean(tf.nn.softmax(h)[:, 0] - tf.sigmoid(h[:, 1]))
"""
    + TRAIN
    + RUN,
    "device": """
device = "/cpu:0"
with tf.device(device):
    loss = tf.reduce_mean(tf.square(tf.matmul(x, w) - 1.0))
"""
    + TRAIN
    + RUN
    + """
print(device)
""",
    "model": """
def main():
    print("main")
model = tf.matmul(x, w)
loss = tf.reduce_mean(tf.square(model - 1.0))
"""
    + TRAIN
    + RUN
    + """
main()
""",
    "model_fn": """
def model(x, F):
    return tf.nn.elu(tf.matmul(x, w)) * F
torch_out = model(x, F=2.0)
loss = tf.reduce_mean(tf.square(torch_out - 1.0))
Model = 3
print(Model)
"""
    + TRAIN
    + RUN,
    "loopvar": """
def piecewise_constant(v):
    return v + 1
global_step = tf.Variable(0, trainable=False)
rate = tf.train.piecewise_constant(global_step, [1], [0.1, 0.05])
loss = tf.reduce_mean(tf.square(piecewise_constant(tf.matmul(x, w)) - 1.0))
train_op = tf.train.GradientDescentOptimizer(rate).minimize(loss, global_step)
for nn in range(2):
    print(nn)
"""
    + RUN,
    "params": """
import collections
def net(x, device=None, nn=3, model="a"):
    with tf.variable_scope("net"):
        h = tf.layers.dense(x, nn, tf.nn.relu, kernel_initializer=tf.constant_initializer(0.1))
    return h, len(model)
h, size = net(x, nn=4, model="abc")
loss = tf.reduce_mean(tf.square(h - size))
optimizer = tf.train.AdamOptimizer(0.1)
train_op = optimizer.minimize(loss)
def report(model, device):
    print(model, device)
report("m", device="d")
"""
    + RUN,
}


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Pair]:
    folder: Path = tmp_path_factory.mktemp("shadows")
    return run_both(folder, {name: GRAPH + text for name, text in PROGRAMS.items()})


@pytest.mark.parametrize("name", PROGRAMS)
def test_both_versions_print_the_same(name: str, pairs: dict[str, Pair]) -> None:
    pair = pairs[name]
    assert "TODO" not in pair.rewritten.text
    assert numbers(pair.converted)[0] == numbers(pair.original)[0], pair.converted
    assert numbers(pair.converted)[1] == pytest.approx(numbers(pair.original)[1], abs=5e-5)


def test_names_of_the_program_stay(pairs: dict[str, Pair]) -> None:
    text = pairs["one_hot"].rewritten.text
    assert "from tf1_support import one_hot as tf1_one_hot" in text
    assert "one_hot = tf1_one_hot(" in text
    assert 'torch_device = torch.device("cuda"' in pairs["device"].rewritten.text
