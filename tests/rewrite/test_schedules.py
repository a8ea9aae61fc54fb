"""Learning-rate schedules and step counters: both versions print the same numbers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.rewrite.both import Pair, run_both

GRAPH = """
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
"""
STEP = "global_step = tf.Variable(0, trainable=False, name='global_step')\n"
RUN = """
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for i in range(7):
        _, l, r = sess.run([train_op, loss, rate], {x: data, y: wanted})
        print(i, "%.5f %.6f" % (l, r))
    print(sess.run(global_step))
"""

#: Programs behind GRAPH; those that do not run a session themselves get STEP and RUN around them.
PROGRAMS = {
    "exp_stair": """
rate = tf.train.exponential_decay(0.1, global_step, 2, 0.5, staircase=True)
train_op = tf.train.GradientDescentOptimizer(rate).minimize(loss, global_step=global_step)
""",
    "warm_cond": """
warm = tf.cast(global_step, tf.float32) / 3.0 * 0.1
decayed = tf.train.exponential_decay(0.1, global_step - 3, 2, 0.5)
rate = tf.cond(global_step < 3, lambda: warm, lambda: decayed)
train_op = tf.train.AdamOptimizer(rate).minimize(loss, global_step=global_step)
""",
    "warm_where": """
step_f = tf.to_float(global_step)
warm = 0.1 * (step_f + 1.) / 3.
rate = tf.where(tf.less(step_f, 3.), warm, tf.train.cosine_decay(0.1, global_step, 7))
optimizer = tf.train.MomentumOptimizer(learning_rate=rate, momentum=0.9)
train_op = optimizer.minimize(loss, global_step)
""",
    "noam": """
step = tf.cast(global_step + 1, tf.float32)
rate = 4 ** -0.5 * tf.minimum(tf.pow(step, -0.5), step * 3 ** -1.5)
rate = rate * 0.1
train_op = tf.train.GradientDescentOptimizer(rate).minimize(loss, global_step=global_step)
""",
    "poly_max": """
rate = tf.maximum(tf.train.polynomial_decay(0.1, global_step, 5, 0.01, power=2.0, cycle=True), 0.02)
train_op = tf.train.RMSPropOptimizer(rate).minimize(loss, global_step=global_step)
""",
    "inverse_nat": """
a = tf.train.inverse_time_decay(0.1, global_step, 2, 0.5, staircase=True)
rate = tf.train.natural_exp_decay(a, global_step, decay_steps=3, decay_rate=0.3)
train_op = tf.train.AdagradOptimizer(rate).minimize(loss, global_step=global_step)
""",
    "piecewise": """
boundaries = [2, 4]
values = [0.1 * f for f in (1.0, 0.5, 0.1)]
rate = tf.train.piecewise_constant(tf.cast(global_step, tf.int32), boundaries, values)
opt = tf.train.GradientDescentOptimizer(rate)
grads_and_vars = opt.compute_gradients(loss)
clipped = [(tf.clip_by_value(g, -0.5, 0.5), v) for g, v in grads_and_vars]
train_op = opt.apply_gradients(clipped, global_step=global_step)
""",
    "nostep": """
rate = tf.train.exponential_decay(0.1, global_step, 2, 0.5)
train_op = tf.train.GradientDescentOptimizer(rate).minimize(loss)
""",
    "manual": """
rate = tf.train.exponential_decay(0.1, global_step, 2, 0.5)
step_op = tf.train.GradientDescentOptimizer(rate).minimize(loss)
with tf.control_dependencies([step_op]):
    train_op = tf.assign_add(global_step, 1)
""",
    "two_opts": """
rate = tf.train.exponential_decay(0.1, global_step, 2, 0.5)
op_w = tf.train.GradientDescentOptimizer(rate).minimize(loss, var_list=[w], global_step=global_step)
op_b = tf.train.AdamOptimizer(rate * 10).minimize(loss, var_list=[b])
train_op = tf.group(op_w, op_b)
""",
    "placeholder_lr": """
global_step = tf.Variable(0, trainable=False, name='global_step')

lr = tf.placeholder(tf.float32, [], name="lr")
rate = lr * tf.pow(0.9, tf.cast(global_step, tf.float32))
train_op = tf.train.GradientDescentOptimizer(rate).minimize(loss, global_step=global_step)
base = 0.1
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for i in range(6):
        _, l, r = sess.run([train_op, loss, rate], {x: data, y: wanted, lr: base})
        if i == 3: base = base / 2
        print(i, "%.5f %.6f" % (l, r), sess.run(global_step))
""",
    "lr_var": """
lr = tf.Variable(0.1, trainable=False, name="lr")
new_lr = tf.placeholder(tf.float32, shape=[], name="new_lr")
lr_update = tf.assign(lr, new_lr)
halve = lr.assign(lr * 0.5)
train_op = tf.train.MomentumOptimizer(lr, 0.9, use_nesterov=True).minimize(loss)
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for i in range(6):
        if i == 2: sess.run(lr_update, feed_dict={new_lr: 0.05})
        if i == 4: print("%.6f" % sess.run(halve))
        _, l = sess.run([train_op, loss], {x: data, y: wanted})
        print(i, "%.5f %.6f" % (l, lr.eval()))
""",
    "two_steps": """
g_step = tf.Variable(0, trainable=False)
d_step = tf.Variable(0, trainable=False)
r1 = tf.train.exponential_decay(0.1, g_step, 2, 0.5)
r2 = tf.train.polynomial_decay(0.1, d_step, 4)
op1 = tf.train.GradientDescentOptimizer(r1).minimize(loss, var_list=[w], global_step=g_step)
op2 = tf.train.GradientDescentOptimizer(r2).minimize(loss, var_list=[b], global_step=d_step)
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for i in range(6):
        _, a = sess.run([op1, r1], {x: data, y: wanted})
        if i % 2:
            _, c = sess.run([op2, r2], {x: data, y: wanted})
            print("%.5f" % c)
        print("%.5f" % a, sess.run([g_step, d_step]), "%.5f" % loss.eval({x: data, y: wanted}))
""",
    "shared_opt_step": """
global_step = tf.Variable(0, trainable=False, name='global_step')

rate = tf.train.exponential_decay(0.1, global_step, 2, 0.5)
op1 = tf.train.GradientDescentOptimizer(rate).minimize(loss, var_list=[w], global_step=global_step)
op2 = tf.train.GradientDescentOptimizer(rate).minimize(loss, var_list=[b], global_step=global_step)
with tf.control_dependencies([op1]):
    pass

with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for i in range(5):
        sess.run(op1, {x: data, y: wanted})
        sess.run(op2, {x: data, y: wanted})
        print("%.5f %.6f" % tuple(sess.run([loss, rate], {x: data, y: wanted})), global_step.eval())
""",
    "int_math": """
epoch = global_step // 3
rate = 0.1 * tf.pow(0.5, tf.cast(epoch, tf.float32))
lr2 = 0.1 * 0.5 ** tf.cast(global_step % 2, tf.float32)
rate = tf.identity(rate * lr2, name="rate")
train_op = tf.train.GradientDescentOptimizer(rate).minimize(loss, global_step=global_step)
""",
    "case_lr": """
rate = tf.case([
    (tf.less(global_step, 2), lambda: tf.constant(0.1)),
    (tf.less(global_step, 4), lambda: tf.constant(0.05)),
], default=lambda: tf.constant(0.01))
train_op = tf.train.GradientDescentOptimizer(rate).minimize(loss, global_step=global_step)
""",
    "func_lr": """
def make_rate(step, base=0.1, warmup=2):
    w = tf.minimum(1.0, (tf.cast(step, tf.float32) + 1) / warmup)
    return base * w * tf.train.cosine_decay_restarts(1.0, step, 4)
rate = make_rate(global_step)
train_op = tf.train.GradientDescentOptimizer(rate).minimize(loss, global_step=global_step)
""",
    "get_step": """
global_step = tf.train.get_or_create_global_step()
rate = tf.train.linear_cosine_decay(0.1, tf.train.get_global_step(), 6)
step = tf.train.get_global_step()
train_op = tf.train.GradientDescentOptimizer(rate).minimize(loss, global_step=step)

with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for i in range(7):
        _, l, r = sess.run([train_op, loss, rate], {x: data, y: wanted})
        print(i, "%.5f %.6f" % (l, r))
    print(sess.run(global_step))
""",
    "step_loss": """
global_step = tf.Variable(0, trainable=False, name='global_step')

rate = tf.train.exponential_decay(0.1, global_step, 2, 0.5)
anneal = tf.minimum(1.0, tf.cast(global_step, tf.float32) * 0.25)
l2 = tf.add_n([tf.nn.l2_loss(v) for v in tf.trainable_variables()]) * 0.01
total = loss + anneal * l2
train_op = tf.train.GradientDescentOptimizer(rate).minimize(total, global_step=global_step)

with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for i in range(6):
        _, l, t, a, r = sess.run([train_op, loss, total, anneal, rate], {x: data, y: wanted})
        print(i, "%.5f %.5f %.5f %.6f" % (l, t, a, r), tf.train.global_step(sess, global_step))
""",
}

#: Programs with sessions of their own behind GRAPH and FEED; LOOP opens one and a loop.
FEED = "feed = {x: data, y: wanted}\n"
LOOP = """
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for i in range(5):
"""
COUNTED = {
    "choice": """
decay = "poly"
global_step = tf.Variable(0, trainable=False)
with tf.name_scope("rate"):
    if decay == "exp":
        rate = tf.train.exponential_decay(0.1, global_step, 2, 0.5)
    elif decay == "poly":
        rate = tf.train.polynomial_decay(0.1, global_step, 4, 0.01)
    else:
        rate = tf.constant(0.1)
train_op = tf.train.MomentumOptimizer(rate, 0.5).minimize(loss, global_step=global_step)
"""
    + LOOP
    + """
        _, r = sess.run([train_op, rate], feed)
        print("%.5f %.5f" % (r, loss.eval(feed)))
""",
    "inline": """
gs = tf.train.get_or_create_global_step()
optimizer = tf.train.AdamOptimizer(tf.train.exponential_decay(0.1, gs, 2, 0.5, True))
train_op = optimizer.minimize(loss, gs)
"""
    + LOOP
    + """
        _, g = sess.run([train_op, gs], feed)
        print("%.5f" % loss.eval(feed), "step" in "step %d" % sess.run(gs), gs.eval())
""",
    "func_train": """
gs = tf.Variable(0, trainable=False, name="gs")
rate = tf.train.inverse_time_decay(0.1, gs, 1, 0.5)
train_op = tf.train.GradientDescentOptimizer(rate).minimize(loss, global_step=gs)
def epoch(sess, n):
    total = 0.
    for _ in range(n):
        _, l = sess.run([train_op, loss], feed_dict=feed)
        total += l
    return total / n, sess.run(gs)
"""
    + LOOP
    + """
        mean, steps = epoch(sess, 2)
        print("%.5f" % mean, steps)
""",
    "reset_step": """
gs = tf.Variable(0, trainable=False, name="gs")
rate = tf.train.exponential_decay(0.1, gs, 1, 0.5)
train_op = tf.train.GradientDescentOptimizer(rate).minimize(loss, global_step=gs)
reset = tf.assign(gs, 0)
bump = gs.assign_add(2)
"""
    + LOOP
    + """
        _, r = sess.run([train_op, rate], feed)
        print("%.5f" % r, sess.run(gs))
        if i == 2: sess.run(reset)
        if i == 3:
            print(sess.run(bump))
            print(sess.run(tf.assign_add(gs, 3)))
            print(sess.run(gs.assign_sub(1)))
        if i == 4: sess.run(tf.assign(gs, gs * 2 + 1))
    sess.run(tf.group(tf.assign_add(gs, 1), w.assign(w * 2)))
    print(sess.run(gs), "%.5f" % loss.eval(feed))
""",
    "two_sessions": """
import os
gs = tf.Variable(0, trainable=False, name="gs")
train_op = tf.train.AdagradOptimizer(0.3).minimize(loss, global_step=gs)
saver = tf.train.Saver()
os.makedirs("ts", exist_ok=True)
def train(n):
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        ckpt = tf.train.get_checkpoint_state("ts")
        if ckpt and ckpt.model_checkpoint_path:
            saver.restore(sess, ckpt.model_checkpoint_path)
        for _ in range(n):
            sess.run(train_op, feed)
        saver.save(sess, os.path.join("ts", "m.ckpt"), global_step=gs)
        print("%.5f" % sess.run(loss, feed), sess.run(gs))
if os.path.exists("ts/checkpoint"):
    os.remove("ts/checkpoint")
    [os.remove(os.path.join("ts", f)) for f in os.listdir("ts")]
train(2)
train(3)
""",
    "lr_list": """
lrs = [0.1, 0.01]
gs = tf.Variable(0, trainable=False)
lr = tf.train.piecewise_constant(gs, [2], lrs)
opt = tf.train.RMSPropOptimizer(lr, decay=0.9, momentum=0.1)
grads = opt.compute_gradients(loss, var_list=[w, b])
train_op = opt.apply_gradients([(g * 0.5, v) for g, v in grads], global_step=gs)
"""
    + LOOP
    + """
        sess.run(train_op, feed)
        print("%.5f %.5f" % (loss.eval(feed), sess.run(lr)))
""",
    "float_step": """
step_ph = tf.placeholder(tf.int32, [])
rate = tf.train.exponential_decay(0.1, step_ph, 3, 0.5)
rate2 = 0.5 * (1 + tf.cos(np.pi * tf.cast(step_ph, tf.float32) / 10.0)) * rate
train_op = tf.train.GradientDescentOptimizer(rate2).minimize(loss)
"""
    + LOOP
    + """
        _, r = sess.run([train_op, rate2], feed_dict={x: data, y: wanted, step_ph: i})
        print("%.5f %.5f" % (r, loss.eval(feed)))
""",
    "epoch_var": """
epoch = tf.Variable(0, trainable=False, dtype=tf.int32)
inc_epoch = tf.assign(epoch, epoch + 1)
rate = tf.train.exponential_decay(0.1, epoch, 1, 0.7)
gs = tf.Variable(0, trainable=False)
train_op = tf.train.GradientDescentOptimizer(rate).minimize(loss, global_step=gs)
"""
    + LOOP
    + """
        for _ in range(2): sess.run(train_op, feed)
        sess.run(inc_epoch)
        counts = sess.run([epoch, gs])
        print("%.5f %.5f" % (loss.eval(feed), sess.run(rate)), counts == [i + 1, 2 * i + 2])
""",
    "interactive": """
sess = tf.InteractiveSession()
gs = tf.train.create_global_step()
rate = 0.1 / (1.0 + 0.1 * tf.to_float(gs))
train_op = tf.train.GradientDescentOptimizer(learning_rate=rate).minimize(loss, global_step=gs)
tf.global_variables_initializer().run()
for i in range(4):
    train_op.run(feed_dict=feed)
    print("%.5f %.5f" % (loss.eval(feed), rate.eval()), gs.eval(), tf.train.global_step(sess, gs))
""",
    "noise_decay": """
gs = tf.Variable(0, trainable=False)
step = tf.cast(gs, tf.float32)
warmup = 3.0
rate = 0.3 * tf.minimum(step ** (-0.5), step * warmup ** (-1.5))
inv = tf.minimum(1.0 / step, 0.05)
train_op = tf.train.GradientDescentOptimizer(rate + inv).minimize(loss, global_step=gs)
"""
    + LOOP
    + """
        r, v = sess.run([rate, inv])
        sess.run(train_op, feed)
        print("%.5f %.5f %.5f" % (r, v, loss.eval(feed)))
""",
}


def program(text: str) -> str:
    if "Session" in text:
        return GRAPH + text
    return GRAPH + ("" if "global_step = " in text else STEP) + text + RUN


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Pair]:
    folder: Path = tmp_path_factory.mktemp("schedules")
    programs = {name: program(text) for name, text in PROGRAMS.items()}
    return run_both(folder, programs | {n: GRAPH + FEED + text for n, text in COUNTED.items()})


@pytest.mark.parametrize("name", [*PROGRAMS, *COUNTED])
def test_both_versions_print_the_same(name: str, pairs: dict[str, Pair]) -> None:
    pair = pairs[name]
    assert "TODO" not in pair.rewritten.text
    assert numbers(pair.converted)[0] == numbers(pair.original)[0], pair.converted
    assert numbers(pair.converted)[1] == pytest.approx(numbers(pair.original)[1], abs=2e-5)


def numbers(text: str) -> tuple[list[str], list[float]]:
    """A text without its fractions, and these."""
    text = re.sub(r"np\.int\d+\((\d+)\)", r"\1", text)
    parts = re.split(r"(-?\d+\.\d+)", text)
    return parts[::2], [float(part) for part in parts[1::2]]


def test_a_scheduler_counts_where_nothing_else_does(pairs: dict[str, Pair]) -> None:
    assert (
        "lr_scheduler.StepLR(train_op, step_size=2, gamma=0.5)" in pairs["exp_stair"].rewritten.text
    )
    assert "def rate_at(step):" in pairs["warm_cond"].rewritten.text
    assert "scheduler" not in pairs["shared_opt_step"].rewritten.text


def test_nothing_is_read_of_a_step_that_only_a_scheduler_needs(tmp_path: Path) -> None:
    text = program(PROGRAMS["exp_stair"]).replace("    print(sess.run(global_step))\n", "")
    made = run_both(tmp_path, {"steps": text})["steps"]
    assert "global_step" not in made.rewritten.text
