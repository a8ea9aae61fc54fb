"""Gradients of looked-up rows in the program's own hands: what it does to them, who applies them.

Every table has rows that no batch looks up for some steps, and batches that look one up twice.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.rewrite.both import Pair, convert_text, run_both

MODEL = """
import numpy as np
rng = np.random.RandomState(0)
ids = tf.placeholder(tf.int32, [None])
ys = tf.placeholder(tf.float32, [None])
table = tf.get_variable("table", initializer=rng.randn(7, 3).astype(np.float32))
w = tf.get_variable("w", initializer=rng.randn(3, 1).astype(np.float32))
rows = tf.nn.embedding_lookup(table, ids)
out = tf.squeeze(tf.matmul(rows, w), 1)
loss = tf.reduce_mean(tf.square(out - ys))
"""
LOOP = """
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for step in range(6):
        feed = {ids: [step % 5, 3, step % 2, 3], ys: rng.rand(4) * 9}
        _, value = sess.run([train, loss], feed_dict=feed)
        print("%.3f" % value)
    print(np.round(sess.run(table), 3).tolist())
"""
TRAINS = {
    "applied": """
opt = tf.train.MomentumOptimizer(0.1, 0.9)
gvs = opt.compute_gradients(loss)
train = opt.apply_gradients(gvs)
""",
    "each_value": """
opt = tf.train.MomentumOptimizer(0.1, 0.9)
gvs = opt.compute_gradients(loss)
capped = [(tf.clip_by_value(g, -0.5, 0.5), v) for g, v in gvs]
train = opt.apply_gradients(capped)
""",
    "each_norm": """
opt = tf.train.RMSPropOptimizer(0.01)
gvs = opt.compute_gradients(loss)
capped = [(tf.clip_by_norm(g, 0.5), v) for g, v in gvs if g is not None]
train = opt.apply_gradients(capped)
""",
    "global_norm": """
tvars = tf.trainable_variables()
grads, _ = tf.clip_by_global_norm(tf.gradients(loss, tvars), 1.0)
opt = tf.train.MomentumOptimizer(0.1, 0.9)
train = opt.apply_gradients(zip(grads, tvars))
""",
    "unzipped": """
opt = tf.train.RMSPropOptimizer(0.01, momentum=0.5)
grads, tvars = zip(*opt.compute_gradients(loss))
grads, norm = tf.clip_by_global_norm(grads, 1.0)
train = opt.apply_gradients(zip(grads, tvars))
""",
    "all_rows_move": """
opt = tf.train.AdamOptimizer(0.1, epsilon=1e-4)
gvs = opt.compute_gradients(loss)
train = opt.apply_gradients([(tf.clip_by_norm(g, 0.2), v) for g, v in gvs])
""",
    "in_place": """
opt = tf.train.GradientDescentOptimizer(0.1)
grads = opt.compute_gradients(loss, [table, w])
for i, (g, v) in enumerate(grads):
    if g is not None:
        grads[i] = (tf.clip_by_value(g, -0.2, 0.2), v)
train = opt.apply_gradients(grads)
""",
    "two_lookups": """
loss = loss + tf.reduce_sum(tf.square(tf.gather(table, ids[:1])))
opt = tf.train.FtrlOptimizer(0.1)
(g_table, _), (g_w, _) = opt.compute_gradients(loss, [table, w])
train = opt.apply_gradients([(g_table, table), (g_w, w)])
""",
}


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Pair]:
    programs = {name: MODEL + train + LOOP for name, train in TRAINS.items() if "Adam" not in train}
    return run_both(tmp_path_factory.mktemp("rows"), programs)


@pytest.mark.parametrize("name", sorted(name for name in TRAINS if "Adam" not in TRAINS[name]))
def test_prints_the_same(pairs: dict[str, Pair], name: str) -> None:
    pair = pairs[name]
    assert "Traceback" not in pair.original, pair.original
    assert pair.converted == pair.original, pair.rewritten.text
    levels = {found.severity.value for found in pair.rewritten.diagnostics}
    assert not levels & {"error", "warning"}


def test_what_the_optimizer_needs_decides_the_form(tmp_path: Path) -> None:
    head = "import tensorflow as tf\n"
    made = convert_text(tmp_path, "value", head + MODEL + TRAINS["each_value"] + LOOP)
    assert "clip_gradient_by_value(g, -0.5, 0.5, sparse=True)" in made.text
    assert "TFMomentum(model.parameters(), lr=0.1, momentum=0.9)" in made.text
    assert made.weights["optimizers"][0]["torch"] == "TFMomentum"
    made = convert_text(tmp_path, "adam", head + MODEL + TRAINS["all_rows_move"] + LOOP)
    assert "lookup_rows(self.table, ids)" in made.text
    assert "(clip_by_norm(g, 0.2), v)" in made.text


def test_rows_that_are_computed_with_are_reported(tmp_path: Path) -> None:
    train = TRAINS["applied"].replace("gvs)", "[(tf.multiply(g, 0.5), v) for g, v in gvs])")
    text = "import tensorflow as tf\n" + MODEL + train + LOOP
    found = [d.rule for d in convert_text(tmp_path, "scaled", text).diagnostics]
    assert "sparse-rows" in found
