"""Savers of all and of some variables, resumed training, initializers that run again."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.rewrite.both import Pair, convert_text, run_both
from tests.rewrite.test_schedules import numbers

GRAPH = """
import os
import numpy as np
rng = np.random.RandomState(0)
data = rng.randn(8, 3).astype(np.float32)
wanted = data.sum(axis=1, keepdims=True)
x = tf.placeholder(tf.float32, [None, 3], name="x")
y = tf.placeholder(tf.float32, [None, 1], name="y")
with tf.variable_scope("body"):
    h = tf.layers.dense(x, 4, tf.tanh, kernel_initializer=tf.constant_initializer(0.3), name="one")
    h = tf.layers.dense(h, 4, tf.tanh, kernel_initializer=tf.constant_initializer(-0.2), name="two")
with tf.variable_scope("head"):
    out = tf.layers.dense(h, 1, kernel_initializer=tf.constant_initializer(0.1), name="out")
loss = tf.reduce_mean(tf.square(out - y), name="loss")
global_step = tf.train.get_or_create_global_step()
feed = {x: data, y: wanted}
"""

#: Programs behind GRAPH; each saves to a folder of its own.
PROGRAMS = {
    "resume": """
train_op = tf.train.AdamOptimizer(0.05).minimize(loss, global_step=global_step)
saver = tf.train.Saver(max_to_keep=2)
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for i in range(5):
        sess.run(train_op, feed)
        path = saver.save(sess, "res/model.ckpt", global_step=global_step)
    print(path, sess.run(loss, feed))
    for i in range(3): sess.run(train_op, feed)
    print("%.5f" % sess.run(loss, feed), sess.run(global_step))
    saver.restore(sess, path)
    print("%.5f" % sess.run(loss, feed), sess.run(global_step))
    for i in range(3): sess.run(train_op, feed)
    print("%.5f" % sess.run(loss, feed), sess.run(global_step))
""",
    "resume_sched": """
rate = tf.train.exponential_decay(0.1, global_step, 2, 0.7, staircase=True)
train_op = tf.train.MomentumOptimizer(rate, 0.9).minimize(loss, global_step=global_step)
saver = tf.train.Saver()
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for i in range(5): sess.run(train_op, feed)
    saver.save(sess, "res2/model.ckpt")
    for i in range(3): sess.run(train_op, feed)
    print("%.5f" % sess.run(loss, feed), sess.run(global_step))
with tf.Session() as sess:
    ckpt = tf.train.latest_checkpoint("res2")
    if ckpt:
        saver.restore(sess, ckpt)
    print("%.5f" % sess.run(loss, feed), sess.run(global_step), "%.5f" % sess.run(rate))
    for i in range(3): sess.run(train_op, feed)
    print("%.5f" % sess.run(loss, feed), sess.run(global_step), "%.5f" % sess.run(rate))
""",
    "resume_lr": """
lr = tf.placeholder(tf.float32, [])
opt = tf.train.AdamOptimizer(0.05)
train_op = opt.minimize(loss, global_step)
opt2 = tf.train.RMSPropOptimizer(lr)
train2 = opt2.minimize(loss)
saver = tf.train.Saver()
def load(sess, where):
    saver.restore(sess, where)
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for i in range(3):
        sess.run(train_op, feed)
        sess.run(train2, {x: data, y: wanted, lr: 0.01})
    saver.save(sess, "./res3/model")
    for i in range(3): sess.run(train_op, feed)
    load(sess, "./res3/model")
    for i in range(3):
        sess.run(train_op, feed)
        sess.run(train2, {x: data, y: wanted, lr: 0.02})
    print("%.5f" % sess.run(loss, feed), sess.run(global_step))
""",
    "parts": """
train_op = tf.train.GradientDescentOptimizer(0.1).minimize(loss, global_step=global_step)
body = tf.get_collection(tf.GraphKeys.TRAINABLE_VARIABLES, scope="body")
head = [v for v in tf.trainable_variables() if v.name.startswith("head/")]
body_saver = tf.train.Saver(body)
head_saver = tf.train.Saver(var_list=head, max_to_keep=1)
renamed = tf.train.Saver({"old/" + v.op.name: v for v in head})
both = tf.train.Saver({"a": body[0], "step": global_step})
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for i in range(5): sess.run(train_op, feed)
    body_saver.save(sess, "res4/body")
    print(os.path.basename(head_saver.save(sess, "res4/head", global_step=7)))
    renamed.save(sess, "res4/renamed")
    both.save(sess, "res4/both")
    for i in range(3): sess.run(train_op, feed)
    print("%.5f" % sess.run(loss, feed))
    body_saver.restore(sess, "res4/body")
    print("%.5f" % sess.run(loss, feed), sess.run(global_step))
    renamed.restore(sess, "res4/renamed")
    print("%.5f" % sess.run(loss, feed), sess.run(global_step))
    for i in range(3): sess.run(train_op, feed)
    both.restore(sess, "res4/both")
    print("%.5f" % sess.run(loss, feed), sess.run(global_step))
    head_saver.restore(sess, "res4/head-7")
    print("%.5f" % sess.run(loss, feed), sess.run(global_step))
""",
    "transfer": """
train_op = tf.train.GradientDescentOptimizer(0.1).minimize(loss, global_step=global_step)
body = [v for v in tf.global_variables() if "body" in v.name]
everything = tf.train.Saver()
part = tf.train.Saver(body)
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for i in range(5): sess.run(train_op, feed)
    everything.save(sess, "res5/all", write_meta_graph=False)
    print("%.5f" % sess.run(loss, feed))
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    part.restore(sess, "res5/all")
    print("%.5f" % sess.run(loss, feed), sess.run(global_step))
""",
    "names": """
train_op = tf.train.GradientDescentOptimizer(0.1).minimize(loss, global_step=global_step)
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    saver = tf.train.Saver()
    for i in range(3):
        sess.run(train_op, feed)
        saver.save(sess, os.path.join("res6", "m"), global_step=sess.run(global_step))
    print(saver.last_checkpoints)
    print(saver.save(sess, "res6/n", global_step.eval()))
    state = tf.train.get_checkpoint_state("res6")
    if state and state.model_checkpoint_path:
        saver.restore(sess, state.model_checkpoint_path)
        step = int(state.model_checkpoint_path.split("-")[-1])
        print(step, len(state.all_model_checkpoint_paths))
""",
    "ema": """
train_op = tf.train.GradientDescentOptimizer(0.1).minimize(loss, global_step=global_step)
ema = tf.train.ExponentialMovingAverage(0.9, global_step)
with tf.control_dependencies([train_op]):
    train = ema.apply(tf.trainable_variables())
saver = tf.train.Saver()
restorer = tf.train.Saver(ema.variables_to_restore())
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for i in range(5): sess.run(train, feed)
    saver.save(sess, "res7/m")
    print("%.5f" % sess.run(loss, feed))
    restorer.restore(sess, "res7/m")
    print("%.5f" % sess.run(loss, feed))
    saver.restore(sess, "res7/m")
    for i in range(2): sess.run(train, feed)
    print("%.5f" % sess.run(loss, feed), sess.run(global_step))
    saver.save(sess, "res7/m")
    restorer.restore(sess, "res7/m")
    print("%.5f" % sess.run(loss, feed))
""",
    "reinit": """
train_op = tf.train.AdamOptimizer(0.1).minimize(loss, global_step=global_step)
init = tf.global_variables_initializer()
with tf.Session() as sess:
    for fold in range(3):
        sess.run(init)
        for i in range(fold + 2): sess.run(train_op, feed)
        print("%.5f" % sess.run(loss, feed), sess.run(global_step))
    sess.run(tf.variables_initializer([v for v in tf.trainable_variables() if "head" in v.name]))
    print("%.5f" % sess.run(loss, feed), sess.run(global_step))
""",
}


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Pair]:
    folder: Path = tmp_path_factory.mktemp("savers")
    return run_both(folder, {name: GRAPH + text for name, text in PROGRAMS.items()})


@pytest.mark.parametrize("name", PROGRAMS)
def test_both_versions_print_the_same(name: str, pairs: dict[str, Pair]) -> None:
    pair = pairs[name]
    assert "TODO" not in pair.rewritten.text
    assert numbers(pair.converted)[0] == numbers(pair.original)[0], pair.converted
    assert numbers(pair.converted)[1] == pytest.approx(numbers(pair.original)[1], abs=5e-5)


def test_the_state_of_the_training_is_only_kept_where_it_goes_on(pairs: dict[str, Pair]) -> None:
    assert ".training" in pairs["resume"].rewritten.text
    assert "training" not in pairs["transfer"].rewritten.text


def test_the_model_is_made_before_it_is_restored(tmp_path: Path) -> None:
    text = convert_text(
        tmp_path,
        "restored",
        """
import tensorflow as tf
x = tf.placeholder(tf.float32, [None, 3])
y = tf.layers.dense(x, 2)
saver = tf.train.Saver()


def load(sess):
    saver.restore(sess, "model/model.ckpt")


with tf.Session() as sess:
    load(sess)
    print(sess.run(y, {x: [[1.0, 2.0, 3.0]]}))
""",
    ).text
    assert text.index("model = Model()") < text.index("    load()\n")


@pytest.mark.parametrize(
    ("listed", "warned"),
    [
        ('tf.get_collection(tf.GraphKeys.GLOBAL_VARIABLES, scope="enc")', True),
        ('[v for v in tf.global_variables() if v.name.startswith("enc")]', True),
        ('tf.trainable_variables("enc")', False),
    ],
)
def test_slots_in_a_saver_s_list_are_reported(listed: str, warned: bool, tmp_path: Path) -> None:
    made = convert_text(
        tmp_path,
        "part",
        f"""
import tensorflow as tf
x = tf.placeholder(tf.float32, [None, 4])
with tf.variable_scope("enc"):
    h = tf.layers.dense(x, 3)
loss = tf.reduce_mean(tf.square(tf.layers.dense(h, 1, name="head")))
train = tf.train.AdamOptimizer(0.1).minimize(loss)
saver = tf.train.Saver({listed})
with tf.Session() as sess:
    saver.restore(sess, "./enc.ckpt")
    sess.run(train, {{x: [[1., 2., 3., 4.]]}})
""",
    )
    found = [d for d in made.diagnostics if d.rule == "saver" and d.severity.value == "warning"]
    assert bool(found) == warned
