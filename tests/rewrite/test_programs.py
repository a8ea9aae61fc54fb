"""Programs whose graph and host code are hard to tell apart: both versions print the same."""

from __future__ import annotations

from pathlib import Path

from tests.rewrite.both import run_both

DATA = """
import numpy as np
rng = np.random.RandomState(0)
data = rng.randn(8, 3).astype(np.float32)
wanted = data.sum(axis=1, keepdims=True)
"""

#: Programs that print numbers; initial values are constants, so that both versions start alike.
PROGRAMS = {
    # One function with a Python flag: the flag, not the model's mode, decides for each call.
    "flag_argument": """
def net(x, is_training, reuse=False):
    with tf.variable_scope("net", reuse=reuse):
        h = tf.layers.dense(x, 4, kernel_initializer=tf.constant_initializer(0.5), name="one")
        h = tf.layers.batch_normalization(h, training=is_training, momentum=0.8, name="norm")
        return tf.layers.dense(h, 1, kernel_initializer=tf.constant_initializer(0.3), name="two")


x = tf.placeholder(tf.float32, [None, 3])
y = tf.placeholder(tf.float32, [None, 1])
test_out = net(x, False)
loss = tf.reduce_mean(tf.square(net(x, True, reuse=True) - y))
with tf.control_dependencies(tf.get_collection(tf.GraphKeys.UPDATE_OPS)):
    train_op = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for _ in range(3):
        _, value = sess.run([train_op, loss], {x: data, y: wanted})
        print("%.4f %.4f" % (value, sess.run(test_out, {x: data}).sum()))
""",
    # Variables from a comprehension and in dict(); a sum of terms; a session as an argument.
    "containers": """
W = dict(h=tf.Variable(tf.fill([3, 4], 0.2)), o=tf.Variable(tf.fill([4, 1], 0.1)))
a, c = [tf.Variable(v, dtype=tf.float32) for v in (1.5, -0.5)]
x = tf.placeholder(tf.float32, [None, 3])
y = tf.placeholder(tf.float32, [None, 1])
out = tf.matmul(tf.tanh(tf.matmul(x, W["h"])) * a + c, W["o"])
cost = tf.reduce_mean(tf.square(out - y))
penalty = sum(tf.nn.l2_loss(w) for w in W.values())
step = tf.train.GradientDescentOptimizer(0.1).minimize(cost + 0.1 * penalty)


def evaluate(sess, inputs, targets):
    values = sess.run([cost, penalty], feed_dict={x: inputs, y: targets})
    return "%.4f %.4f" % (values[0], values[1])


with tf.Session() as s:
    s.run(tf.global_variables_initializer())
    for _ in range(3):
        s.run(step, {x: data, y: wanted})
        print(evaluate(s, data, wanted), "%.4f" % s.run(c))
""",
    # Two train ops over all variables in one run: each has its own gradients.
    "two_losses": """
x = tf.placeholder(tf.float32, [None, 3])
y = tf.placeholder(tf.float32, [None, 1])
one = tf.layers.dense(x, 1, kernel_initializer=tf.constant_initializer(0.5))
two = tf.layers.dense(x, 1, kernel_initializer=tf.constant_initializer(-0.5))
loss_one = tf.reduce_mean(tf.square(one - y))
loss_two = tf.reduce_mean(tf.square(two - y))
train_one = tf.train.MomentumOptimizer(0.1, 0.9).minimize(loss_one)
train_two = tf.train.GradientDescentOptimizer(0.05).minimize(loss_two)
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for _ in range(3):
        sess.run([train_one, train_two], {x: data, y: wanted})
        values = sess.run([loss_one, loss_two], {x: data, y: wanted})
        print("%.4f %.4f" % (values[0], values[1]))
""",
    # A call between two other parts of the model, numbers fed to each other, a numpy operand.
    "between": """
W = tf.Variable(tf.fill([3, 3], 0.3))
x = tf.placeholder(tf.float32, [None, 3])
z = tf.placeholder(tf.float32, [None, 3])
p = tf.placeholder(tf.float32)
q = tf.placeholder(tf.float32)
added = p + q


def encode(t):
    return tf.matmul(t, W), tf.matmul(t, W) * 2.0


scaled = tf.clip_by_value(x * 0.5, -1.0, 1.0)
mean, spread = encode(scaled)
code = mean + tf.exp(-spread)
left, right = encode(code)
only, _ = encode(z)
loss = tf.reduce_mean(left * right) + tf.reduce_mean(tf.square(mean - spread))
distance = tf.reduce_sum(tf.nn.relu(data) - only)
train = tf.train.GradientDescentOptimizer(0.01).minimize(loss)
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for _ in range(2):
        _, value = sess.run([train, loss], {x: data})
        print("%.4f %.3f" % (value, sess.run(distance, {z: data})))
    print(sess.run(added, {p: 1, q: 2}))
""",
}


def test_programs_print_the_same(tmp_path: Path) -> None:
    pairs = run_both(tmp_path, {name: DATA + text for name, text in PROGRAMS.items()})
    for name, pair in pairs.items():
        assert "Traceback" not in pair.original, pair.original
        assert pair.converted == pair.original, f"{name}\n{pair.rewritten.text}"
