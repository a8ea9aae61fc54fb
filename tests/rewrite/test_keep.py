"""Statements that stay on the user's word, and those that nothing can stand for."""

from __future__ import annotations

from pathlib import Path

from tests.rewrite.both import convert_text

KEPT = """
import tensorflow as tf
from tensorflow.python.client import device_lib

print(device_lib.list_local_devices())  # tf2torch: keep, it only prints
x = tf.placeholder(tf.float32, [None, 3])
y = tf.layers.dense(x, 2)
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    # tf2torch: keep
    reader = tf.train.NewCheckpointReader("somewhere")
    if reader:  # tf2torch: keep
        print(tf.train.list_variables("somewhere"))
    print(sess.run(y, {x: [[1.0, 2.0, 3.0]]}))
"""

ESTIMATOR = """
import tensorflow as tf


def model_fn(features, labels, mode):
    logits = tf.layers.dense(features["x"], 3)
    loss = tf.losses.sparse_softmax_cross_entropy(labels, logits)
    train_op = tf.train.AdamOptimizer().minimize(loss, tf.train.get_global_step())
    return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=train_op)


estimator = tf.estimator.Estimator(model_fn)
estimator.train(input_fn, steps=10)
print(estimator.evaluate(input_fn))
"""


def test_kept_statements_and_their_imports_stay(tmp_path: Path) -> None:
    made = convert_text(tmp_path, "kept", KEPT)
    assert not [d for d in made.diagnostics if d.severity.value == "error"]
    kept = [line.strip() for line in KEPT.splitlines() if "keep" in line or "NewCheck" in line]
    for line in (
        *kept,
        "import tensorflow as tf",
        "from tensorflow.python.client import device_lib",
    ):
        assert line in made.text
    assert "tf.layers" not in made.text and "tf.Session" not in made.text
    notes = {r.note for r in made.references if r.outcome.value == "kept"}
    assert {"it only prints", "tf2torch: keep"} <= notes
    outcomes = {r.outcome.value for r in made.references}
    assert outcomes == {"converted", "absorbed", "kept"}


def test_nothing_is_kept_without_the_comment(tmp_path: Path) -> None:
    made = convert_text(tmp_path, "plain", KEPT.replace("tf2torch: keep", "keep"))
    assert "import tensorflow" not in made.text


def test_each_use_of_an_estimator_says_what_to_do(tmp_path: Path) -> None:
    made = convert_text(tmp_path, "estimator", ESTIMATOR)
    found = {(d.line, d.rule) for d in made.diagnostics if d.severity.value == "error"}
    assert found == {(5, "estimator"), (13, "unknown-method"), (14, "unknown-method")}
    assert made.text.count("raise NotImplementedError") == 3
    assert "loop over the batches of input_fn" in made.text
