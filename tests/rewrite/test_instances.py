"""Classes that a program makes several instances of: each has rows of the weight map of its own."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from tests.rewrite.both import HEAD, convert_text
from tf2torch.rewrite import Rewritten

CLASS = """
import numpy as np

class Net:
    def __init__(self, sess, scope):
        self.sess = sess
        self.x = tf.placeholder(tf.float32, [None, 4])
        self.t = tf.placeholder(tf.float32, [None, 2])
        with tf.variable_scope(SCOPE):
            h = tf.layers.dense(self.x, 5, tf.nn.tanh)
            self.y = tf.layers.dense(h, 2)
        self.loss = tf.reduce_mean(tf.square(self.y - self.t))
        MORE

    def learn(self, x, t):
        return self.sess.run([self.loss, self.op], {self.x: x, self.t: t})[0]


def main():
    sess = tf.Session()
    MADE
    sess.run(tf.global_variables_initializer())
    for net in nets:
        print(net.learn(np.ones((3, 4)), np.ones((3, 2))))


main()
"""
TRAINED = "self.op = tf.train.GradientDescentOptimizer(0.1).minimize(self.loss)"
TWO = 'nets = [Net(sess, "a"), Net(sess, scope="b")]'


def converted(
    folder: Path, more: str = TRAINED, made: str = TWO, scope: str = "scope"
) -> Rewritten:
    text = CLASS.replace("MORE", textwrap.indent(more, " " * 8).lstrip())
    text = text.replace("MADE", textwrap.indent(made, " " * 4).lstrip()).replace("SCOPE", scope)
    return convert_text(folder, "program", HEAD + text)


def errors(written: Rewritten) -> list[str]:
    return [item.message for item in written.diagnostics if item.severity.value == "error"]


def modules(written: Rewritten) -> dict[str, str]:
    rows = written.weights["variables"].items()
    return {name: row["module"] for name, row in rows if name.endswith("dense/kernel")}


@pytest.mark.parametrize(
    ("made", "scope", "names"),
    [
        (TWO, "scope", ["a", "b"]),
        (
            'nets = [Net(sess, "net_%d" % i) for i in range(2)]',
            "scope",
            ["net_0", "net_1"],
        ),
        ('nets = [Net(sess, s) for s in ("a", "b")]', '"q_" + scope', ["q_a", "q_b"]),
        ('nets = [Net(sess, "a"), Net(sess, "a")]', "None, scope", ["a", "a_1"]),
    ],
)
def test_each_instance_has_rows(tmp_path: Path, made: str, scope: str, names: list[str]) -> None:
    written = converted(tmp_path, made=made, scope=scope)
    assert not errors(written)
    titles = ["Model", "Model#1"]
    assert modules(written) == {f"{n}/dense/kernel": t for n, t in zip(names, titles)}
    assert written.text.endswith('if __name__ == "__main__":\n    main()\n')


def test_scopes_of_instances_select_their_variables(tmp_path: Path) -> None:
    more = """
own = tf.get_collection(tf.GraphKeys.TRAINABLE_VARIABLES, scope=scope)
self.op = tf.train.GradientDescentOptimizer(0.1).minimize(self.loss, var_list=own)
"""
    written = converted(tmp_path, more)
    assert not errors(written)
    assert "own = list(self.model.parameters())" in written.text


@pytest.mark.parametrize(
    ("more", "made", "scope"),
    [
        ("self.loss += tf.add_n([tf.nn.l2_loss(v) for v in tf.global_variables()])", TWO, "scope"),
        ("self.loss += tf.losses.get_regularization_loss()", TWO,
         'scope, regularizer=tf.keras.regularizers.l2(0.1)'),
        ("", 'nets = [Net(sess, "a"), Net(sess, "a")]', "scope, reuse=tf.AUTO_REUSE"),
        ("step = tf.train.get_or_create_global_step()", TWO, "scope"),
        # The scope ``main`` is the beginning of the other scope too.
        ("own = tf.trainable_variables(scope)\nself.loss += tf.nn.l2_loss(own[0])",
         'nets = [Net(sess, "main_target"), Net(sess, "main")]', "scope"),
    ],
)  # fmt: skip
def test_what_instances_share_is_refused(tmp_path: Path, more: str, made: str, scope: str) -> None:
    given = "self.loss, step" if "step" in more else "self.loss"
    trained = TRAINED.replace("minimize(self.loss", f"minimize({given}")
    written = converted(tmp_path, f"{more}\n{trained}", made, scope)
    assert errors(written)
    assert "TODO(tf2torch: shared-instances)" in written.text


def test_copies_between_instances_are_functions(tmp_path: Path) -> None:
    program = Path(__file__).parent / "classes" / "main_and_target.py"
    written = convert_text(tmp_path, "program", program.read_text())
    assert not errors(written)
    assert (
        """
    src_vars = list(mainDQN.model.parameters())
    dest_vars = list(targetDQN.model.parameters())

    def copy_ops():
        with torch.no_grad():
            for src_var, dest_var in zip(src_vars, dest_vars):
                dest_var.data.copy_(src_var)
"""
        in written.text
    )
    assert written.text.count(" copy_ops()\n") == 2
