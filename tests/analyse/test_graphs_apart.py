"""Which graphs a program builds: code that never runs makes none."""

from __future__ import annotations

from tf2torch.analyse import analyse
from tf2torch.config import DEFAULT
from tf2torch.load.source import load_bytes
from tf2torch.plan.graphs import graphs_of
from tf2torch.rulebook.loader import load_rulebook

PROGRAM = """
import tensorflow as tf

def scores(x=None, start=0):
    if x is None:
        x = tf.fill([2, 3], start)
    return tf.layers.dense(tf.to_float(x), 4)

def main():
    with tf.Session(graph=tf.Graph()) as sess:
        x = tf.placeholder(tf.int32, [None, 3])
        y = scores(x)
        sess.run(tf.global_variables_initializer())
        print(sess.run(y, {x: [[1, 2, 3]]}).shape)

main()
"""


def test_a_branch_that_nothing_takes_is_no_graph() -> None:
    analysis = analyse(load_bytes(PROGRAM.encode(), "program.py"), load_rulebook(), DEFAULT)
    assert graphs_of(analysis) == []
