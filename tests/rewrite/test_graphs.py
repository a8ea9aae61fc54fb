"""Programs that build several graphs: a model for each, and values for each from the weight map."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from tests.rewrite.both import Pair, convert_text, run_both
from tf2torch.cli import main
from tf2torch.parity import check_pair
from tf2torch.weights import convert_checkpoint
from tf2torch.weights.checkpoint import Checkpoint, Entry
from tf2torch.weights.errors import CheckpointError

PROGRAMS = Path(__file__).parent / "graphs"
NAMES = sorted(path.stem for path in PROGRAMS.glob("*.py"))


def converted(name: str, folder: Path) -> tuple[str, dict[str, Any]]:
    output = folder / f"{name}_torch.py"
    result = CliRunner().invoke(main, ["convert", str(PROGRAMS / f"{name}.py"), "-o", str(output)])
    assert result.exit_code == 0, result.output
    return output.read_text(), json.loads(output.with_suffix(".weights.json").read_text())


@pytest.mark.parametrize("name", NAMES)
def test_both_programs_compute_the_same(name: str, tmp_path: Path) -> None:
    text, _ = converted(name, tmp_path)
    assert "TODO" not in text
    report = check_pair(PROGRAMS / f"{name}.py", tmp_path / f"{name}_torch.py", exact=True)
    assert report, str(report)


def test_each_graph_has_a_model_and_rows_of_its_own(tmp_path: Path) -> None:
    text, weights = converted("sections", tmp_path)
    assert "    model = Dense(4, 1).to(device)\n" in text
    assert "    model2 = Model2(hidden).to(device)\n" in text
    assert "    train = torch.optim.SGD(model2.parameters(), lr=0.1, momentum=0.9)\n" in text
    assert "    # Third: the first once more, from its file.\n    model3 = Dense(4, 1)" in text
    assert "    model3.load_state_dict(torch.load(" in text
    rows = [(row["module"], row["key"], row.get("graph")) for row in weights["variables"]["out/w"]]
    assert rows == [("Dense", "w", None), ("Model2", "out.w", 1), ("Dense#1", "w", 2)]
    assert weights["variables"]["hidden/w"]["graph"] == 1
    assert weights["variables"]["global_step"] is None
    assert [entry.get("graph") for entry in weights["optimizers"]] == [None, 1]


PRINTED = {
    "plain": """
tf.reset_default_graph()
a = tf.placeholder(tf.float32, [])
with tf.Session() as sess:
    print(sess.run(a * 2, feed_dict={a: 3.}))
tf.reset_default_graph()
a = tf.placeholder(tf.float32, [2])
w = tf.Variable([1., 2.])
b = tf.reduce_sum(a * w)
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    print(sess.run(b, feed_dict={a: [3., 4.]}))
""",
    "same_names": """
x = tf.placeholder(tf.float32, [None, 2])
w = tf.get_variable("w", [2, 1], initializer=tf.ones_initializer())
loss = tf.reduce_mean(tf.square(tf.matmul(x, w) - 1.0))
train = tf.train.MomentumOptimizer(0.1, 0.9).minimize(loss)
data = [[1., 2.], [3., 4.]]
sess = tf.Session()
sess.run(tf.global_variables_initializer())
for i in range(3):
    sess.run(train, {x: data})
w = sess.run(w)
print("%.5f %.5f" % tuple(w.ravel()))
sess.close()
with tf.Graph().as_default():
    x = tf.placeholder(tf.float32, [None, 2])
    w = tf.get_variable("w", [2, 1], initializer=tf.zeros_initializer())
    loss = tf.reduce_mean(tf.abs(tf.matmul(x, w) - 1.0))
    train = tf.train.GradientDescentOptimizer(0.01).minimize(loss)
    print([v.name for v in tf.trainable_variables()])
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for i in range(3):
            sess.run(train, {x: data})
        print("%.5f" % sess.run(loss, {x: data}), sess.run(w).ravel().tolist())
""",
    "collected": """
def layer(x, start):
    w = tf.get_variable("w", [2, 2], initializer=tf.constant_initializer(start))
    tf.add_to_collection("losses", tf.nn.l2_loss(w))
    return tf.matmul(x, w)

x = tf.placeholder(tf.float32, [None, 2])
total = tf.reduce_sum(layer(x, 1.0)) + tf.add_n(tf.get_collection("losses"))
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    print(sess.run(total, {x: [[1., 2.]]}))
tf.reset_default_graph()
x = tf.placeholder(tf.float32, [None, 2])
total = tf.reduce_mean(layer(x, 3.0)) + tf.add_n(tf.get_collection("losses"))
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    print(sess.run(total, {x: [[1., 2.]]}))
""",
    "turns": """
first, second = tf.Graph(), tf.Graph()
with first.as_default():
    x = tf.placeholder(tf.float32)
    v = tf.Variable(2.0, name="v")
    y = x * v
    go = tf.global_variables_initializer()
    one = tf.Session()
with second.as_default():
    z = tf.placeholder(tf.float32)
    u = tf.Variable(5.0, name="v")
    t = z + u
    start = tf.global_variables_initializer()
two = tf.Session(graph=second)
one.run(go)
two.run(start)
for i in range(3):
    a = one.run(y, {x: i})
    b = two.run(t, {z: a})
    print(a, b)
print(one.run(v) + two.run(u))
""",
}


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Pair]:
    return run_both(tmp_path_factory.mktemp("graphs"), PRINTED)


@pytest.mark.parametrize("name", sorted(PRINTED))
def test_prints_the_same(pairs: dict[str, Pair], name: str) -> None:
    pair = pairs[name]
    assert "TODO" not in pair.rewritten.text
    assert pair.converted == pair.original


def test_a_run_for_two_graphs_is_refused(tmp_path: Path) -> None:
    text = """
import tensorflow as tf

def show(sess, tensor):
    print(sess.run(tensor))

w = tf.Variable(1.0)
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    show(sess, w)
tf.reset_default_graph()
w = tf.Variable(2.0)
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    show(sess, w)
"""
    made = convert_text(tmp_path, "shown", text)
    assert "TODO(tf2torch: graphs) a run of several graphs" in made.text


def test_a_checkpoint_is_of_one_graph(tmp_path: Path) -> None:
    _, weights = converted("sections", tmp_path)
    values = {"out/w": np.ones((8, 1), "f"), "out/b": np.zeros(1, "f")}
    values |= {"hidden/w": np.ones((4, 8), "f"), "hidden/b": np.zeros(8, "f")}
    values["global_step"] = np.int32(5)  # type: ignore[assignment]
    entries = {
        name: Entry(name, str(v.dtype), v.dtype, v.shape, v.nbytes, name)
        for name, v in values.items()
    }
    checkpoint = Checkpoint("second", "bundle", entries, lambda entry: values[entry.name])
    report = convert_checkpoint(checkpoint, weights, tmp_path / "m.pt", module="Model2")
    assert report.complete
    with pytest.raises(CheckpointError, match="several graphs"):
        convert_checkpoint(checkpoint, weights, tmp_path / "n.pt")
