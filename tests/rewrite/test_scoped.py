"""Functions whose variables only running can tell: they keep their scopes, and the numbers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tf2torch.analyse import analyse
from tf2torch.config import Options
from tf2torch.emit.support import available
from tf2torch.load import load_text
from tf2torch.parity import check_pair
from tf2torch.plan import make_plan
from tf2torch.rewrite import Rewritten, rewrite
from tf2torch.rewrite.scoped import NAMES
from tf2torch.rulebook.loader import load_rulebook

PROGRAMS = Path(__file__).parent / "scoped"

LIBRARY = """import tensorflow as tf


def block(x, filters, scope, is_training):
    with tf.variable_scope(scope):
        c = x.get_shape()[-1].value
        w = tf.get_variable('w', [c, filters])
        y = tf.layers.batch_normalization(tf.matmul(x, w), training=is_training)
        return tf.nn.relu(y)


def network(x, is_training=True, depths=(32, 64)):
    for i, d in enumerate(depths):
        x = block(x, d, 'block%d' % i, is_training)
    return tf.layers.dense(x, 10)
"""

CONVERTED = """def block(x, filters, scope, is_training):
    with variable_scope(scope):
        c = x.shape[-1]
        w = get_variable('w', [c, filters])
        y = scoped_batch_normalization(torch.matmul(x, w), training=is_training)
        return F.relu(y)


def network(x, is_training=True, depths=(32, 64)):
    for i, d in enumerate(depths):
        x = block(x, d, 'block%d' % i, is_training)
    return scoped_dense(x, 10)
"""


def converted(text: str) -> Rewritten:
    source = load_text(text, "program.py")
    return rewrite(make_plan(analyse(source, load_rulebook(), Options())))


def test_every_function_that_is_written_is_in_the_support_file() -> None:
    assert set(NAMES.values()) <= available()


def test_a_library_keeps_its_functions() -> None:
    made = converted(LIBRARY)
    assert CONVERTED in made.text
    assert "TODO" not in made.text
    assert "block keeps its variable scopes" in str([d.message for d in made.diagnostics])


def test_a_loop_that_is_limited_ends() -> None:
    text = """import tensorflow as tf
i = tf.constant(0)
(i,) = tf.while_loop(lambda i: i < 9, lambda i: [i + 1], [i], maximum_iterations=3)
with tf.Session() as sess:
    print(sess.run(i))
"""
    assert "for _ in range(3):" in converted(text).text


def test_names_that_go_on_from_other_code_are_refused() -> None:
    text = """import tensorflow as tf


def tower(x, width):
    for i in range(2):
        for j in range(2):
            x = tf.layers.dense(x, width + i + j)
    return x


x = tf.placeholder(tf.float32, [None, 5])
y = tower(x, 3) + tower(x, 3)
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    print(sess.run(y, {x: [[1, 2, 3, 4, 5]]}))
"""
    made = converted(text)
    assert "tower goes on numbering 'dense', which other code makes: dense_4" in made.text


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("residual", "Scoped(resnet, within='net').build("),
        ("named", "w = variable(lambda: torch.randn("),
        ("classifier", "Scoped(create_model).build(config, torch.zeros(2, 3, dtype=torch.int64),"),
        ("loops", "_, h = scoped_while_loop(lambda i, h: i < steps, body, [0, x])"),
    ],
)
def test_a_program_over_a_scoped_function_agrees(name: str, line: str, tmp_path: Path) -> None:
    program, output = PROGRAMS / f"{name}.py", tmp_path / f"{name}_torch.py"
    command = [sys.executable, "-m", "tf2torch", "convert", str(program), "-o", str(output)]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    assert line in output.read_text()
    report = check_pair(program, output, exact=True)
    assert report, str(report)


OPEN = """import json
import tensorflow as tf

CONFIG = json.loads('{"layers": 2}')

def layer(x, scope):
    with tf.variable_scope(scope):
        *_, width = x.shape.as_list()
        return tf.tanh(tf.matmul(x, tf.get_variable("w", [width, width])))

def net(x):
    with tf.variable_scope("net", reuse=tf.AUTO_REUSE):
        def body(i, h):
            for k in range(CONFIG["layers"]):
                h = layer(h, "h%d" % k)
            return i + 1, h
        _, x = tf.while_loop(lambda i, h: i < 2, body, [0, x])
    return tf.layers.dense(x, 2)

x = tf.placeholder(tf.float32, [None, 4])
y = net(x)
part = [v for v in tf.trainable_variables() if v.name.startswith("net/")]
saver = tf.train.Saver(part)
loss = tf.reduce_mean(tf.square(y))
train = tf.train.GradientDescentOptimizer(0.1).minimize(loss, var_list=part)
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    sess.run(train, {x: [[1., 2., -3., 4.]]})
    saver.save(sess, "part")
"""


def test_variables_of_rounds_that_only_running_counts_are_reached_by_their_module() -> None:
    made = converted(OPEN)
    assert "part = list(model.net.net.parameters())" in made.text
    assert "{=}.w is another variable in each round of a loop" in made.text
    assert made.weights["variables"]["net/h{}/w"]["key"] == "net.net.h{=}.w"


def test_a_class_that_makes_variables_where_no_module_is_is_told() -> None:
    text = """import numpy as np
import tensorflow as tf

class Net(object):
    def __init__(self, width):
        self.width = width

    def build(self, x):
        with tf.variable_scope("net"):
            return tf.layers.dense(tf.layers.dense(x, self.width), 1)

x = tf.placeholder(tf.float32)
y = Net(5).build(tf.reshape(x, [-1, int(np.sqrt(9))]))
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    print(sess.run(y, {x: np.eye(3)}))
"""
    made = converted(text)
    assert "# TODO(tf2torch: scoped-class) Net.build makes variables of its scopes" in made.text
    assert any(finding.rule == "scoped-class" for finding in made.diagnostics)
