"""Training steps that do more than minimize: gradients worked on, regularization, averages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.rewrite.both import Pair, run_both

MODEL = """import numpy as np
rng = np.random.RandomState(0)
data_x = rng.randn(64, 5).astype(np.float32)
data_y = rng.randn(64, 1).astype(np.float32)
x = tf.placeholder(tf.float32, [None, 5])
y = tf.placeholder(tf.float32, [None, 1])
W = tf.Variable(tf.constant(rng.randn(5, 8), tf.float32), name="W")
b = tf.Variable(tf.zeros([8]), name="b")
V = tf.Variable(tf.constant(rng.randn(8, 1), tf.float32), name="V")
h = tf.nn.tanh(tf.matmul(x, W) + b)
out = tf.matmul(h, V)
loss = tf.reduce_mean(tf.square(out - y))
"""

LOOP = """
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for step in range(5):
        _, value = sess.run([train_op, loss], {x: data_x, y: data_y})
        print(step, value)
"""

TRAINING = {
    "clipped_values": """
optimizer = tf.train.GradientDescentOptimizer(0.1)
gvs = optimizer.compute_gradients(loss)
capped_gvs = [(tf.clip_by_value(grad, -0.1, 0.1), var) for grad, var in gvs]
train_op = optimizer.apply_gradients(capped_gvs)
""",
    "global_norm": """
global_step = tf.Variable(0, trainable=False, name="global_step")
optimizer = tf.train.AdamOptimizer(0.1)
gradients, variables = zip(*optimizer.compute_gradients(loss))
gradients, _ = tf.clip_by_global_norm(gradients, 1.0)
train_op = optimizer.apply_gradients(zip(gradients, variables), global_step=global_step)
""",
    "clipped_norms": """
optimizer = tf.train.MomentumOptimizer(0.1, 0.9)
grads = optimizer.compute_gradients(loss, var_list=[W, V])
for i, (g, v) in enumerate(grads):
    if g is not None:
        grads[i] = (tf.clip_by_norm(g, 1.5), v)
train_op = optimizer.apply_gradients(grads)
""",
    "helper": """
def train(loss_val, var_list):
    optimizer = tf.train.AdamOptimizer(0.01)
    grads = optimizer.compute_gradients(loss_val, var_list=var_list)
    return optimizer.apply_gradients(grads)

train_op = train(loss, tf.trainable_variables())
""",
    "l2_by_name": """
penalties = [tf.nn.l2_loss(v) for v in tf.trainable_variables() if 'b' not in v.name]
loss = loss + 0.01 * tf.add_n(penalties)
train_op = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
""",
    "average": """
ema = tf.train.ExponentialMovingAverage(0.9)
step_op = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
with tf.control_dependencies([step_op]):
    train_op = ema.apply(tf.trainable_variables())
""",
}

INPUTS = MODEL[: MODEL.index("W = ")]

WHOLE = {
    "shared_optimizer": MODEL
    + """
loss_2 = tf.reduce_mean(tf.abs(out - y))
opt = tf.train.MomentumOptimizer(0.1, 0.9)
a = opt.minimize(loss, var_list=[W])
b = opt.minimize(loss_2, var_list=[V])
both = tf.group(
    tf.train.GradientDescentOptimizer(0.01).minimize(loss, var_list=[V]),
    tf.train.GradientDescentOptimizer(0.02).minimize(loss_2, var_list=[W]),
)
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    first = sess.run(W)
    for step in range(4):
        _, value = sess.run([a, loss], {x: data_x, y: data_y})
        _, value_2 = sess.run([b, loss_2], {x: data_x, y: data_y})
        print(step, value, value_2)
    sess.run(both, {x: data_x, y: data_y})
    print(np.abs(first - sess.run(W)).sum())
""",
    "collected_losses": INPUTS
    + """
def variable_with_weight_decay(name, shape, wd):
    var = tf.get_variable(name, shape, initializer=tf.constant_initializer(0.3))
    if wd is not None:
        weight_decay = tf.multiply(tf.nn.l2_loss(var), wd, name='weight_loss')
        tf.add_to_collection('losses', weight_decay)
    return var

def inference(x):
    with tf.variable_scope("l1"):
        w = variable_with_weight_decay("w", [5, 8], 0.01)
        b = tf.get_variable("b", [8], initializer=tf.zeros_initializer())
        h = tf.nn.relu(tf.matmul(x, w) + b)
    with tf.variable_scope("l2"):
        w = variable_with_weight_decay("w", [8, 1], 0.02)
        return tf.matmul(h, w)

def compute_loss(out, y):
    mse = tf.reduce_mean(tf.square(out - y))
    tf.add_to_collection('losses', mse)
    return tf.add_n(tf.get_collection('losses'), name='total_loss')

out = inference(x)
loss = compute_loss(out, y)
train_op = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for step in range(5):
        _, value = sess.run([train_op, loss], {x: data_x, y: data_y})
        print(step, value)
""",
    "regularized_layers": INPUTS
    + """
reg = tf.keras.regularizers.l2(0.01)
h = tf.layers.dense(x, 8, activation=tf.nn.relu, kernel_regularizer=reg,
    kernel_initializer=tf.constant_initializer(0.3))
out = tf.layers.dense(h, 1, kernel_regularizer=reg,
    kernel_initializer=tf.constant_initializer(0.3))
mse = tf.losses.mean_squared_error(y, out)
loss = mse + tf.add_n(tf.get_collection(tf.GraphKeys.REGULARIZATION_LOSSES))
loss2 = tf.losses.get_total_loss()
train_op = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for step in range(5):
        _, value, v2 = sess.run([train_op, loss, loss2], {x: data_x, y: data_y})
        print(step, value, v2)
""",
}


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Pair]:
    folder: Path = tmp_path_factory.mktemp("gradients")
    programs = {name: MODEL + text + LOOP for name, text in TRAINING.items()}
    programs["average"] += "    print(sess.run(ema.average(W)).sum())\n"
    return run_both(folder, programs | WHOLE)


@pytest.mark.parametrize("name", [*TRAINING, *WHOLE])
def test_the_same_numbers(name: str, pairs: dict[str, Pair]) -> None:
    pair = pairs[name]
    assert not [d for d in pair.rewritten.diagnostics if d.severity.value == "error"]
    expected, got = (re.findall(r"[-+.\w]+", text) for text in (pair.original, pair.converted))
    assert len(expected) == len(got) > 3, pair.converted
    # Adam's epsilon stands elsewhere in torch: 1e-3 of a step at first.
    rtol = 1e-3 if "torch.optim.Adam" in pair.rewritten.text else 1e-5
    for one, other in zip(expected, got):
        assert float(other) == pytest.approx(float(one), rel=rtol, abs=1e-6)
