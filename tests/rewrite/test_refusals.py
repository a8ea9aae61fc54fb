"""Constructs that would lose or share something in silence become TODOs."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from tf2torch.analyse import analyse
from tf2torch.config import Options
from tf2torch.diagnostics import Outcome
from tf2torch.load import load_text
from tf2torch.plan import make_plan
from tf2torch.rewrite import Rewritten, rewrite
from tf2torch.rulebook.loader import load_rulebook

REFUSED = {
    "layers in a comprehension": """
        y = tf.add_n([tf.layers.dense(x, 2) for _ in range(3)])
    """,
    "layers in a while loop": """
        i, y = 0, x
        while i < 3:
            y = tf.layers.dense(y, 4)
            i += 1
    """,
    "layers in a loop of unknown length": """
        y = x
        for size in open("sizes").read().split():
            y = tf.layers.dense(y, 4)
    """,
    "a layer whose input size nobody knows": """
        z = tf.placeholder(tf.float32)
        y = tf.layers.dense(tf.reshape(z, [4, -1]), 2)
    """,
    "a symbol without a rule": """
        y = tf.contrib.layers.some_day(x)
    """,
}


def converted(body: str) -> Rewritten:
    text = (
        "import tensorflow as tf\nx = tf.placeholder(tf.float32, [None, 4])\n"
        + dedent(body)
        + "with tf.Session() as sess:\n"
        + "    sess.run(tf.global_variables_initializer())\n"
        + "    print(sess.run(y, {x: [[1, 2, 3, 4]]}))\n"
    )
    source = load_text(text, Path("program.py"))
    return rewrite(make_plan(analyse(source, load_rulebook(), Options())))


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED.keys())
def test_refused_with_a_todo(body: str) -> None:
    made = converted(body)
    compile(made.text, "program_torch.py", "exec")
    assert "# TODO(tf2torch: " in made.text
    assert "raise NotImplementedError(" in made.text
    assert any(finding.severity.value == "error" for finding in made.diagnostics)
    assert any(reference.outcome is Outcome.TODO for reference in made.references)


KEPT = {
    "layers in a counted loop": """
        y = x
        for size in [8, 8]:
            y = tf.layers.dense(y, 4)
    """,
    "variables in a comprehension": """
        w = [tf.Variable(tf.zeros([4, 4])) for _ in range(2)]
        y = tf.matmul(tf.matmul(x, w[0]), w[1])
    """,
}


@pytest.mark.parametrize("body", KEPT.values(), ids=KEPT.keys())
def test_not_refused(body: str) -> None:
    made = converted(body)
    assert "TODO" not in made.text, made.text
    assert {reference.outcome for reference in made.references} <= {
        Outcome.CONVERTED,
        Outcome.ABSORBED,
    }
