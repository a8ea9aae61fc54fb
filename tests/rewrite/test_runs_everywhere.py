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
