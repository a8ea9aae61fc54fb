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
