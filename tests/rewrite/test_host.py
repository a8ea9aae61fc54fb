"""Host code around the graph: flags, files, logging, checkpoints, summaries, MNIST."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.rewrite.both import Pair, convert_text, run_both

FLAGS = """
import sys
flags = tf.app.flags
FLAGS = flags.FLAGS
# What the program may be told.
flags.DEFINE_integer("steps", 3, "Number of steps.")
flags.DEFINE_float("rate", 1, "Learning rate, 100% of it.")
flags.DEFINE_string("name", None, "A name.")
flags.DEFINE_boolean("fast", True, "Whether to hurry.")
flags.DEFINE_bool("verbose", False, "Whether to talk.")

def describe(prefix):
    return "%s %d %s" % (prefix, FLAGS.steps, FLAGS.name)

def main(argv):
    print(describe("flags"), FLAGS.rate, FLAGS.fast, FLAGS.verbose, len(argv))

if __name__ == "__main__":
    tf.app.run()
"""
PROGRAMS = {
    "flags": FLAGS,
    "files": """
tf.gfile.MakeDirs("made/inner")
with tf.gfile.GFile("made/inner/a.txt", "w") as f:
    f.write("one\\ntwo\\n")
tf.gfile.Copy("made/inner/a.txt", "made/b.txt", overwrite=True)
print(tf.gfile.Exists("made/b.txt"), tf.gfile.IsDirectory("made"))
print(sorted(tf.gfile.ListDirectory("made")))
print(tf.gfile.Open("made/b.txt").read().split(), sorted(tf.gfile.Glob("made/*.txt")))
tf.gfile.Remove("made/b.txt")
tf.gfile.DeleteRecursively("made")
print(tf.gfile.Exists("made"), tf.compat.as_str(b"text"))
""",
    "checkpoints": """
import numpy as np

x = tf.placeholder(tf.float32, [None, 2], name="x")
w = tf.get_variable("w", [2, 1], initializer=tf.constant_initializer(0.5))
y = tf.matmul(x, w)
loss = tf.reduce_mean(tf.square(y - 1.0))
train_op = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
saver = tf.train.Saver(max_to_keep=2)
data = np.ones([4, 2], np.float32)
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for step in range(4):
        _, value = sess.run([train_op, loss], feed_dict={x: data})
        path = saver.save(sess, "checkpoints/model.ckpt", global_step=step)
        print(path, "%.5f" % value)
    ckpt = tf.train.get_checkpoint_state("checkpoints")
    if ckpt and ckpt.model_checkpoint_path:
        print(len(ckpt.all_model_checkpoint_paths), ckpt.model_checkpoint_path.split("-")[-1])
    sess.run(train_op, feed_dict={x: data})
    saver.restore(sess, tf.train.latest_checkpoint("checkpoints"))
    print("%.5f" % sess.run(loss, feed_dict={x: data}))
print(tf.train.latest_checkpoint("nowhere"))
""",
}


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Pair]:
    given = {"flags": ["--steps=7", "--nofast", "--verbose", "--name", "x", "rest"]}
    return run_both(tmp_path_factory.mktemp("host"), PROGRAMS, given)


@pytest.mark.parametrize("name", PROGRAMS)
def test_prints_the_same(pairs: dict[str, Pair], name: str) -> None:
    pair = pairs[name]
    findings = [d.message for d in pair.rewritten.diagnostics if d.severity.value == "error"]
    assert not findings, pair.rewritten.text
    assert "Traceback" not in pair.original
    assert pair.converted == pair.original, pair.rewritten.text


def test_import_parses_nothing(tmp_path: Path) -> None:
    from tf2torch.emit.support import support_text

    made = convert_text(tmp_path, "flags", "import tensorflow as tf\n" + FLAGS)
    (tmp_path / "flags_torch.py").write_text(made.text)
    (tmp_path / "tf1_support.py").write_text(support_text(made.support))
    command = [sys.executable, "-c", "import flags_torch as f; print(f.FLAGS.steps)", "--bad"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=os.environ)
    assert done.stdout == "3\n", done.stderr


@pytest.mark.parametrize(
    "lines",
    [
        "from tensorflow.examples.tutorials.mnist import input_data\n"
        "mnist = input_data.read_data_sets('MNIST_data', one_hot=True)",
        "import tensorflow.examples.tutorials.mnist.input_data as input_data\n"
        "mnist = input_data.read_data_sets('MNIST_data', one_hot=True)",
        "from tensorflow.contrib.learn.python.learn.datasets.mnist import read_data_sets\n"
        "mnist = read_data_sets('MNIST_data', one_hot=True)",
        "import tensorflow as tf\n"
        "mnist = tf.contrib.learn.datasets.mnist.read_data_sets('MNIST_data', one_hot=True)",
    ],
)
def test_mnist_imports(tmp_path: Path, lines: str) -> None:
    made = convert_text(tmp_path, "mnist", lines + "\nprint(mnist.train.num_examples)\n")
    assert "mnist = read_data_sets('MNIST_data', one_hot=True)" in made.text
    assert "from tf1_support import read_data_sets" in made.text
    assert "tensorflow" not in made.text


def test_logging_keeps_levels_and_texts(tmp_path: Path) -> None:
    text = """
import tensorflow as tf
tf.logging.set_verbosity(tf.logging.INFO)
tf.logging.info("step %d", 3)
tf.logging.warn("careful")
"""
    made = convert_text(tmp_path, "log", text)
    assert "logging.getLogger().setLevel(logging.INFO)" in made.text
    assert 'logging.info("step %d", 3)' in made.text
    assert 'logging.warning("careful")' in made.text
