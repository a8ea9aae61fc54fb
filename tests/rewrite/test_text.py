"""Exact text of small conversions: what a reader sees."""

from __future__ import annotations

from pathlib import Path

from tf2torch.analyse import analyse
from tf2torch.config import Options
from tf2torch.load import load_text
from tf2torch.plan import make_plan
from tf2torch.rewrite import rewrite
from tf2torch.rulebook.loader import load_rulebook

TWO_NETS = '''"""Two networks of one function, and a probability that is fed."""
import tensorflow as tf

keep = tf.placeholder(tf.float32, [])
x = tf.placeholder(tf.float32, [None, 4])


def net(x, units=3):
    # A layer, thinned out.
    h = tf.layers.dense(x, units)
    return tf.nn.dropout(h, keep) * units


y = net(x) + net(x, 5)[:, :3]

with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    print(sess.run(y, {x: [[1, 2, 3, 4]], keep: 1.0}).shape)
'''

TWO_NETS_TORCH = '''"""Two networks of one function, and a probability that is fed."""
import torch
import torch.nn.functional as F
from torch import nn

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")


class Net(nn.Module):
    def __init__(self, units=3):
        super().__init__()
        self.units = units
        self.h = nn.Linear(4, units)
        self.reset_parameters()

    def reset_parameters(self):
        nn.init.xavier_uniform_(self.h.weight)
        nn.init.zeros_(self.h.bias)

    def forward(self, x, keep):
        # A layer, thinned out.
        h = self.h(x)
        return F.dropout(h, 1 - keep) * self.units


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = Net()
        self.net_1 = Net(5)

    def forward(self, keep, x):
        return self.net(x, keep=keep) + self.net_1(x, keep=keep)[:, :3]


def main():
    model = Model().to(device)
    x = torch.as_tensor([[1, 2, 3, 4]], dtype=torch.float32, device=device)
    with torch.no_grad():
        y = model(keep=1.0, x=x)
    print(y.cpu().numpy().shape)


if __name__ == "__main__":
    main()
'''


def test_functions_become_modules_and_runs_become_calls() -> None:
    source = load_text(TWO_NETS, Path("two_nets.py"))
    made = rewrite(make_plan(analyse(source, load_rulebook(), Options())))
    assert made.text == TWO_NETS_TORCH
    variables = made.weights["variables"]
    assert variables["dense/kernel"]["key"] == "net.h.weight"
    assert variables["dense_1/kernel"]["key"] == "net_1.h.weight"
