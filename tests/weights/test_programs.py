"""From a program and its checkpoint to the same numbers in PyTorch, as a user goes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tf2torch.cli import run

HEAD = """
import numpy as np
import tensorflow as tf

data = np.random.RandomState(0).randn(4, 8, 8, 3).astype(np.float32)
x = tf.placeholder(tf.float32, [None, 8, 8, 3])
"""
IMAGES = """
net = tf.layers.conv2d(x, 6, 3, padding="same", activation=tf.nn.relu, name="conv")
net = tf.layers.batch_normalization(net, name="norm")
net = tf.layers.max_pooling2d(net, 2, 2)
net = tf.layers.separable_conv2d(net, 6, 3, padding="same", name="apart")
net = tf.layers.conv2d(net, 5, [1, 3], name="wide")
net = tf.layers.conv2d_transpose(net, 4, 3, strides=2, padding="same", name="up")
net = tf.layers.flatten(net)
out = tf.layers.dense(net, 3, name="out")
"""
SEQUENCES = """
steps = tf.reshape(x, [-1, 8, 24])
cells = tf.nn.rnn_cell.MultiRNNCell([tf.nn.rnn_cell.LSTMCell(7, forget_bias=0.5) for _ in range(2)])
states, _ = tf.nn.dynamic_rnn(cells, steps, dtype=tf.float32)
gru = tf.nn.rnn_cell.GRUCell(5)
with tf.variable_scope("second"):
    states, _ = tf.nn.dynamic_rnn(gru, states, dtype=tf.float32)
out = tf.layers.dense(states[:, -1], 3, name="out")
"""
RAW = """
def weights(name, shape):
    return tf.Variable(tf.truncated_normal(shape, stddev=0.3), name=name)

kernel = weights("kernel", [3, 3, 3, 5])
bias = tf.Variable(tf.constant(0.1, shape=[5]))
net = tf.nn.relu(tf.nn.conv2d(x, kernel, [1, 2, 2, 1], "SAME") + bias)
table = tf.get_variable("table", [80, 3], partitioner=None)
out = tf.matmul(tf.reshape(net, [-1, 80]), table)
"""
TRAIN = """
loss = tf.reduce_mean(tf.square(out - 1.0))
step = tf.train.get_or_create_global_step()
with tf.control_dependencies(tf.get_collection(tf.GraphKeys.UPDATE_OPS)):
    train_op = tf.train.AdamOptimizer(0.05).minimize(loss, step)
saver = tf.train.Saver()
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for variable in tf.global_variables():
        if variable.name.split("/")[-1] in ("bias:0", "beta:0", "gamma:0"):
            sess.run(variable.assign(variable + 0.3))
    for _ in range(5):
        sess.run(train_op, {x: data})
    saver.save(sess, "./model.ckpt")
"""
USE = """
saver = tf.train.Saver()
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    saver.restore(sess, "./model.ckpt")
    values = sess.run(out, {x: data})
    for row in values:
        print("%.6f %.6f %.6f" % tuple(row))
"""
RUN = """
import os, sys
os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="", TF_USE_LEGACY_KERAS="1")
import tensorflow.compat.v1 as tf
tf.disable_v2_behavior()
sys.modules["tensorflow"] = tf
for name in sys.argv[1:]:
    for stage in ("train", name):
        tf.reset_default_graph()
        tf.set_random_seed(3)
        os.chdir(name)
        exec(compile(open(f"{stage}.py").read(), stage, "exec"), {"__name__": "__main__"})
        os.chdir("..")
    print("end", flush=True)
"""
PROGRAMS = {"images": IMAGES, "sequences": SEQUENCES, "raw": RAW}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """What each program prints in TensorFlow, from the checkpoint that it wrote before."""
    folder = tmp_path_factory.mktemp("programs")
    for name, model in PROGRAMS.items():
        (folder / name).mkdir()
        (folder / name / "train.py").write_text(HEAD + model + TRAIN)
        (folder / name / f"{name}.py").write_text(HEAD + model + USE)
    result = subprocess.run([sys.executable, "-c", RUN, *PROGRAMS], cwd=folder,
                            capture_output=True, text=True)  # fmt: skip
    assert result.returncode == 0, result.stderr[-3000:]
    return folder, dict(zip(PROGRAMS, result.stdout.split("end\n")))


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_conversion_prints_the_same_from_the_same_checkpoint(
    name: str, trained: tuple[Path, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, printed = trained[0] / name, trained[1]
    monkeypatch.chdir(folder)
    monkeypatch.delitem(sys.modules, "tf1_support", raising=False)  # that of another program
    assert run(["convert", f"{name}.py", "--force"]) == 0
    command = ["weights", "model.ckpt", "--map", f"{name}_torch.weights.json", "--force"]
    assert run([*command, "-o", "model.ckpt.pt", "--check", f"{name}_torch:Model"]) == 0
    result = subprocess.run([sys.executable, f"{name}_torch.py"], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr[-2000:]
    wanted = np.array(printed[name].split(), float)
    got = np.array(result.stdout.split(), float)
    np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-5)
    assert np.abs(wanted).max() > 0.1
