"""Training with dropout and evaluation without take turns, under the same names."""

from __future__ import annotations

from pathlib import Path

from tf2torch.parity import check_pair

ORIGINAL = """\
import numpy as np
import tensorflow as tf

xs = np.random.RandomState(0).rand(32, 4).astype(np.float32)
x = tf.placeholder(tf.float32, [None, 4])
keep = tf.placeholder(tf.float32)
out = tf.layers.dense(tf.nn.dropout(x, keep), 1, name="out")
cost = tf.reduce_mean(tf.square(out - 1.0))
train = tf.train.GradientDescentOptimizer(0.1).minimize(cost)
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())

    def train_step(batch):
        _, loss = sess.run([train, cost], {x: batch, keep: 0.5})
        print("train {:g}".format(loss))

    def dev_step():
        loss = sess.run(cost, {x: xs, keep: 1.0})
        print("dev {:g}".format(loss))

    for i in range(12):
        train_step(xs[i % 4 * 8:i % 4 * 8 + 8])
        if i % 4 == 3:
            dev_step()
"""
CONVERTED = """\
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

xs = np.random.RandomState(0).rand(32, 4).astype(np.float32)


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.out = nn.Linear(4, 1)
        nn.init.zeros_(self.out.bias)

    def forward(self, x, keep):
        return self.out(F.dropout(x, 1 - keep))


def train_step(batch):
    cost = torch.mean((model(torch.as_tensor(batch), 0.5) - 1.0) ** 2)
    train.zero_grad()
    cost.backward()
    train.step()
    loss = cost.item()
    print("train {:g}".format(loss))


def dev_step():
    with torch.no_grad():
        cost = torch.mean((model(torch.as_tensor(xs), 1.0) - 1.0) ** 2)
    loss = cost.item()
    print("dev {:g}".format(loss))


model = Model()
train = torch.optim.SGD(model.parameters(), lr=0.1)
for i in range(12):
    train_step(xs[i % 4 * 8:i % 4 * 8 + 8])
    if i % 4 == 3:
        dev_step()
"""
WEIGHTS = """{"version": 1, "variables": {
"out/kernel": {"module": "Model", "key": "out.weight", "layout": ["transpose"]},
"out/bias": {"module": "Model", "key": "out.bias", "layout": ["identity"]}},
"optimizers": [{"tf": "GradientDescent", "torch": "torch.optim.SGD", "slots": {}, "powers": []}]}
"""


def test_draws_are_found_after_an_evaluation(tmp_path: Path) -> None:
    original, converted = tmp_path / "turns.py", tmp_path / "turns_torch.py"
    original.write_text(ORIGINAL)
    converted.write_text(CONVERTED)
    converted.with_suffix(".weights.json").write_text(WEIGHTS)
    report = check_pair(original, converted, rounding=False)
    assert report and not report.notes, str(report)
